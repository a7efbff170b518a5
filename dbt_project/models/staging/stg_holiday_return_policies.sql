select
    season,
    marketplace,
    date_basis,
    cast(purchased_from as date) as purchased_from,
    cast(purchased_to as date) as purchased_to,
    cast(last_return_date as date) as last_return_date,
    basis,
    nullif(exceptions, '') as exceptions,
    source
from {{ source('reference', 'holiday_return_policies') }}
