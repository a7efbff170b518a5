-- How complete the feeds that are asked for by windows are, in the last 90 days. Orders that were never delivered
-- beside returns are a gap, too: without them no rate has a denominator.

with days as (
    select
        days.store,
        days.feed,
        days.day,
        case when days.is_stale then 'stale' else days.state end as state,
        days.is_stale or days.state not in ('loaded', 'loaded_empty') as is_incomplete
    from {{ ref('int_feed_days') }} as days
    cross join {{ ref('stg_run') }} as run
    where {{ in_window('days.day', 'run.as_of_date', 90) }}
),

delivered as (
    select distinct
        store,
        feed
    from {{ ref('int_deliveries') }}
),

without_orders as (
    select
        days.store,
        min(days.day) as first_day
    from days
    left join delivered on days.store = delivered.store and delivered.feed = 'orders'
    where days.feed in ('fba_returns', 'mfn_returns') and delivered.store is null
    group by days.store
),

feeds as (
    select
        store,
        feed,
        sum(case when is_incomplete then 1 else 0 end) as incomplete_days,
        sum(case when state = 'failed' then 1 else 0 end) as failed_days,
        sum(case when state = 'cancelled' then 1 else 0 end) as cancelled_days,
        sum(case when state = 'never_asked' then 1 else 0 end) as never_asked_days,
        sum(case when state = 'stale' then 1 else 0 end) as stale_days,
        min(case when is_incomplete then day end) as first_incomplete_day,
        max(case when is_incomplete then day end) as last_incomplete_day,
        true as is_delivered
    from days
    -- a feed whose every request failed is no less missing than one that was never asked for
    where not (feed = 'orders' and store in (select without_orders.store from without_orders))
    group by store, feed
    union all
    select
        store,
        'orders' as feed,
        cast(null as bigint) as incomplete_days,
        cast(null as bigint) as failed_days,
        cast(null as bigint) as cancelled_days,
        cast(null as bigint) as never_asked_days,
        cast(null as bigint) as stale_days,
        first_day as first_incomplete_day,
        cast(null as date) as last_incomplete_day,
        false as is_delivered
    from without_orders
)

select
    feeds.store,
    feeds.feed,
    feeds.is_delivered,
    cast(feeds.incomplete_days as bigint) as incomplete_days,
    cast(feeds.failed_days as bigint) as failed_days,
    cast(feeds.cancelled_days as bigint) as cancelled_days,
    cast(feeds.never_asked_days as bigint) as never_asked_days,
    cast(feeds.stale_days as bigint) as stale_days,
    cast(feeds.first_incomplete_day as date) as first_incomplete_day,
    cast(feeds.last_incomplete_day as date) as last_incomplete_day,
    run.as_of_date
from feeds
cross join {{ ref('stg_run') }} as run
