-- What is known of each day of each feed that is asked for by windows.
select
    store,
    feed,
    day,
    state,
    delivered_at,
    delivery_id,
    rows,
    last_state,
    last_asked_at,
    is_stale,
    as_of_date
from {{ ref('int_feed_days') }}
