select
    sku,
    asin,
    category
from {{ source('control', 'categories') }}
