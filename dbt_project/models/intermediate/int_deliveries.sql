-- Deliveries that say something, each at the newest time at which it was said: the same bytes may be delivered again
-- as a new statement. recency counts the deliveries of a feed and store from oldest to newest.

with statements as (
    select
        pulls.feed,
        pulls.store,
        pulls.delivery_id,
        max(pulls.delivered_at) as delivered_at
    from {{ ref('stg_pulls') }} as pulls
    where {{ is_statement('pulls') }}
    group by pulls.feed, pulls.store, pulls.delivery_id
)

select
    feed,
    store,
    delivery_id,
    delivered_at,
    cast(row_number() over (partition by feed, store order by delivered_at, delivery_id) as integer) as recency
from statements
