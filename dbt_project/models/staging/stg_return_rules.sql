select
    position,
    rule,
    price_from,
    price_to,
    currency,
    category,
    reasons,
    channel,
    resolution
from {{ source('control', 'return_rules') }}
