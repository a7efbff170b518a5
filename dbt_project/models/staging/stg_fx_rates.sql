select
    day,
    currency,
    reporting_currency,
    rate
from {{ source('control', 'fx_rates') }}
