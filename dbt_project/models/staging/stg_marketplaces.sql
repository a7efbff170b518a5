select
    marketplace,
    marketplace_id,
    region,
    currency,
    time_zone,
    language,
    sales_channel
from {{ source('reference', 'marketplaces') }}
