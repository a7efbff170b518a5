-- The seller's own rules for returns, in the order in which they are tried.
select
    rules.position,
    rules.rule,
    rules.price_from,
    rules.price_to,
    rules.currency,
    rules.category,
    rules.reasons,
    rules.channel,
    rules.resolution,
    run.as_of_date
from {{ ref('stg_return_rules') }} as rules
cross join {{ ref('stg_run') }} as run
