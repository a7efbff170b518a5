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

-- narrow, with digests for what makes a row and a unit: no text is grouped or sorted
stated as (
    select
        bronze.store,
        bronze.delivery_id,
        bronze.line_number,
        days.recency,
        coalesce(bronze.return_date_at, cast(bronze.return_date_day as timestamp with time zone)) as moment,
        {{ digest(spelled(['bronze.store'] + prefixed('bronze', feed_identity('fba_returns')))) }} as identity,
        case
            when trim(coalesce(bronze.license_plate_number, '')) <> ''
                then {{ digest(spelled(['bronze.store', 'bronze.order_id', 'trim(bronze.license_plate_number)'])) }}
        end as unit
    from {{ ref('stg_fba_returns') }} as bronze
    inner join ranked_days as days
        on bronze.store = days.store and bronze.delivery_id = days.delivery_id and bronze.return_date_day = days.day
),

-- few rows are repeated, and only they are put in order
repeated_identities as (
    select identity
    from stated
    group by identity
    having count(*) > 1
),

numbered as (
    select
        store,
        delivery_id,
        line_number,
        recency,
        identity,
        row_number() over (partition by identity, recency order by line_number) as ordinal
    from stated
    where identity in (select repeated.identity from repeated_identities as repeated)
),

restated as (
    select
        store,
        delivery_id,
        line_number
    from numbered
    qualify row_number() over (partition by identity, ordinal order by recency desc) > 1
),

standing as (
    select stated.*
    from stated
    left join restated
        on
            stated.store = restated.store
            and stated.delivery_id = restated.delivery_id
            and stated.line_number = restated.line_number
    where restated.store is null
),

repeated_units as (
    select unit
    from standing
    where unit is not null
    group by unit
    having count(*) > 1
),

moved_on as (
    select
        store,
        delivery_id,
        line_number
    from standing
    where unit in (select repeated.unit from repeated_units as repeated)
    qualify
        recency < max(recency) over (partition by unit)
        or moment < max(moment) over (partition by unit, recency)
),

replaced as (
    select * from restated
    union all
    select * from moved_on
)

select bronze.*
from {{ ref('stg_fba_returns') }} as bronze
inner join ranked_days as days
    on bronze.store = days.store and bronze.delivery_id = days.delivery_id and bronze.return_date_day = days.day
left join replaced
    on
        bronze.store = replaced.store
        and bronze.delivery_id = replaced.delivery_id
        and bronze.line_number = replaced.line_number
where replaced.store is null
