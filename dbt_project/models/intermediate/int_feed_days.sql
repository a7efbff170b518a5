-- What is known of each day of each feed that is asked for by windows, from the first day asked for to the as-of day.
-- Days are those of the request's clock (UTC). The newest complete pull that covers a day decides; a cancelled or
-- failed one only where there is no complete one.

with asked as (
    select
        pulls.feed,
        pulls.store,
        pulls.pull_id,
        pulls.delivery_id,
        pulls.window_from,
        pulls.window_to,
        pulls.delivered_at,
        {{ is_statement('pulls') }} as is_complete,
        case
            when pulls.outcome = 'duplicate' and coalesce(pulls.rows_bronze, 0) = 0 then 'loaded_empty'
            when pulls.outcome = 'duplicate' then 'loaded'
            else pulls.outcome
        end as state
    from {{ ref('stg_pulls') }} as pulls
    where
        (pulls.restates or pulls.outcome in ('cancelled', 'failed'))
        and {{ claims_days('pulls') }}
        and pulls.feed is not null  -- a file in which no feed was recognised says nothing of any feed's days
),

first_days as (
    select
        feed,
        store,
        min(window_from) as first_day
    from asked
    group by feed, store
),

days as (
    select
        first_days.feed,
        first_days.store,
        calendar.day
    from first_days
    cross join {{ ref('stg_run') }} as run
    inner join {{ days_table(
        "(select min(first_day) from first_days)",
        "(select as_of_date from " ~ ref('stg_run') ~ ")"
    ) }} as calendar
        on first_days.first_day <= calendar.day and run.as_of_date >= calendar.day
),

answers as (
    select
        days.feed,
        days.store,
        days.day,
        asked.state,
        asked.delivered_at,
        asked.delivery_id,
        asked.pull_id
    from days
    inner join asked
        on
            days.feed = asked.feed
            and days.store = asked.store
            and days.day >= asked.window_from
            and days.day <= asked.window_to
    qualify row_number() over (
        partition by days.feed, days.store, days.day
        order by
            case when asked.is_complete then 0 else 1 end,
            asked.delivered_at desc,
            coalesce(asked.delivery_id, '') desc,
            asked.pull_id
    ) = 1
),

attempts as (
    select
        days.feed,
        days.store,
        days.day,
        {{ value_at_max('asked.state', sort_key(['asked.delivered_at', 'asked.pull_id'])) }} as last_state,
        max(asked.delivered_at) as last_asked_at
    from days
    inner join asked
        on
            days.feed = asked.feed
            and days.store = asked.store
            and days.day >= asked.window_from
            and days.day <= asked.window_to
    group by days.feed, days.store, days.day
)

select
    days.store,
    days.feed,
    days.day,
    coalesce(answers.state, 'never_asked') as state,
    answers.delivered_at,
    answers.delivery_id,
    cast(coalesce(event_rows.event_rows, 0) as bigint) as rows,
    attempts.last_state,
    attempts.last_asked_at,
    coalesce(
        answers.state in ('loaded', 'loaded_empty')
        and days.day > {{ days_before('run.as_of_date', 'run.lookback_days') }}
        and {{ day_in_zone('answers.delivered_at', "'UTC'") }} <= {{ days_before('run.as_of_date', 1) }},
        false
    ) as is_stale,
    run.as_of_date
from days
cross join {{ ref('stg_run') }} as run
left join answers on days.feed = answers.feed and days.store = answers.store and days.day = answers.day
left join attempts on days.feed = attempts.feed and days.store = attempts.store and days.day = attempts.day
left join {{ ref('int_event_days') }} as event_rows
    on
        days.feed = event_rows.feed
        and days.store = event_rows.store
        and days.day = event_rows.day
        and answers.delivery_id = event_rows.delivery_id
