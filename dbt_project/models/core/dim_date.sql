-- From 1995, before the oldest review in public collections, to a year ahead, for due dates.

with run as (
    select as_of_date from {{ ref('stg_run') }}
),

days as (
    select day as date
    from {{ days_table(
        "date '1995-01-01'",
        "(select " ~ add_days('as_of_date', 366) ~ " from " ~ ref('stg_run') ~ ")"
    ) }} as days
)

select
    days.date,
    cast(date_trunc('week', days.date) as date) as week,
    cast(date_trunc('month', days.date) as date) as month,
    cast(extract(year from days.date) as integer) as year,
    cast({{ days_between("cast(date_trunc('week', days.date) as date)", 'days.date') }} + 1 as integer) as day_of_week,
    case
        when extract(month from days.date) in (11, 12) then cast(extract(year from days.date) as integer)
        when extract(month from days.date) = 1 then cast(extract(year from days.date) as integer) - 1
    end as season_year,
    extract(month from days.date) in (11, 12) as is_season_purchase,
    extract(month from days.date) in (11, 12, 1) as is_season_return,
    run.as_of_date
from days
cross join run
