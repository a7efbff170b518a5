-- Rows of FBA returns that hold, of all that were ever delivered. The report has no key and is restated.
--   1. For each event day the newest complete pull whose window covers it owns the day, whole.
--   2. A file without a window, and rows outside the window of their pull, claim no day: unless the day has a newer
--      owner they add rows, or restate those of equal identity (the n-th of equal rows restates the n-th).
--   3. A plate of one order is one unit, wherever it moved: the newest delivery that has it wins, at its newest date
--      there.

with statements as (
    select
        pulls.store,
        pulls.delivery_id,
        pulls.delivered_at,
        pulls.window_from,
        pulls.window_to,
        pulls.window_from is not null and pulls.window_to is not null as has_window
    from {{ ref('stg_pulls') }} as pulls
    where pulls.feed = 'fba_returns' and {{ is_statement('pulls') }}
),

delivered_days as (
    select distinct
        store,
        delivery_id,
        return_date_day as day
    from {{ ref('stg_fba_returns') }}
),

known_days as (
    select distinct
        store,
        day
    from delivered_days
),

owners as (
    select
        days.store,
        days.day,
        {{ value_at_max('statements.delivery_id', sort_key(['statements.delivered_at', 'statements.delivery_id'])) }}
            as delivery_id,
        max(statements.delivered_at) as delivered_at
    from known_days as days
    inner join statements
        on
            days.store = statements.store
            and statements.has_window
            and days.day >= statements.window_from
            and days.day <= statements.window_to
    group by days.store, days.day
),

-- days of deliveries whose rows count, owning or adding, with the time at which that was stated
kept_days as (
    select
        days.store,
        days.delivery_id,
        days.day,
        owners.delivered_at
    from delivered_days as days
    inner join owners
        on days.store = owners.store and days.day = owners.day and days.delivery_id = owners.delivery_id
    union all
    select
        days.store,
        days.delivery_id,
        days.day,
        statements.delivered_at
    from delivered_days as days
    inner join statements
        on
            days.store = statements.store
            and days.delivery_id = statements.delivery_id
            and (not statements.has_window or days.day < statements.window_from or days.day > statements.window_to)
    left join owners on days.store = owners.store and days.day = owners.day
    where owners.delivered_at is null or owners.delivered_at <= statements.delivered_at
),

ranked_days as (
    select
        store,
        delivery_id,
        day,
        dense_rank() over (order by max(delivered_at), delivery_id) as recency
    from kept_days
    group by store, delivery_id, day
),

numbered as (
    select
        bronze.store,
        bronze.delivery_id,
        bronze.line_number,
        nullif(trim(bronze.license_plate_number), '') as plate,
        coalesce(bronze.order_id, '') as order_id,
        coalesce(bronze.return_date_at, cast(bronze.return_date_day as timestamp with time zone)) as moment,
        days.recency,
        {{ digest(spelled(['bronze.store'] + prefixed('bronze', feed_identity('fba_returns')))) }} as identity,
        row_number() over (
            partition by
                {{ digest(spelled(['bronze.store'] + prefixed('bronze', feed_identity('fba_returns')))) }},
                days.recency
            order by bronze.line_number
        ) as ordinal
    from {{ ref('stg_fba_returns') }} as bronze
    inner join ranked_days as days
        on bronze.store = days.store and bronze.delivery_id = days.delivery_id and bronze.return_date_day = days.day
),

restated as (
    select * from numbered
    qualify row_number() over (partition by identity, ordinal order by recency desc) = 1
),

plates as (
    select
        *,
        max(recency) over (partition by store, order_id, plate) as newest_recency
    from restated
    where plate is not null
),

newest_plates as (
    select * from plates
    where recency = newest_recency
    qualify moment = max(moment) over (partition by store, order_id, plate)
),

held as (
    select
        store,
        delivery_id,
        line_number
    from restated
    where plate is null
    union all
    select
        store,
        delivery_id,
        line_number
    from newest_plates
)

select bronze.*
from {{ ref('stg_fba_returns') }} as bronze
inner join held
    on bronze.store = held.store and bronze.delivery_id = held.delivery_id and bronze.line_number = held.line_number
