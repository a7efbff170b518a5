-- Rows that did not meet their contract, of every delivery that is known.

with known as (
    select distinct
        feed,
        store,
        delivery_id
    from {{ ref('stg_pulls') }}
    where delivery_id is not null
)

select
    quarantine.store,
    quarantine.feed,
    quarantine.delivery_id,
    quarantine.line_number,
    quarantine.reasons,
    quarantine.original_line,
    run.as_of_date
from {{ ref('stg_quarantine') }} as quarantine
cross join {{ ref('stg_run') }} as run
inner join known
    on
        quarantine.feed = known.feed
        and quarantine.store = known.store
        and quarantine.delivery_id = known.delivery_id
