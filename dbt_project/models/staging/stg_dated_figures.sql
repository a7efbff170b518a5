select
    figure,
    marketplace,
    nullif(scope, '') as scope,
    cast(coalesce(nullif(valid_from, ''), '0001-01-01') as date) as valid_from,
    cast(coalesce(nullif(valid_to, ''), '9999-12-31') as date) as valid_to,
    cast(value as decimal(18, 6)) as value,
    unit,
    source
from {{ source('reference', 'dated_figures') }}
