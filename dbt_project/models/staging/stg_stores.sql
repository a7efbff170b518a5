select
    store,
    region,
    marketplace,
    position
from {{ source('control', 'stores') }}
