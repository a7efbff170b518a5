-- What was bought in a holiday season, week by week: how much of it came back, how much still can, and until when.

with purchase_days as (
    select
        daily.store,
        daily.marketplace,
        daily.asin,
        deadlines.season,
        daily.date,
        deadlines.policy_basis,
        deadlines.date_basis,
        deadlines.exceptions,
        deadlines.last_return_date,
        daily.units_shipped,
        daily.as_of_date
    from {{ ref('mart_asin_daily') }} as daily
    inner join {{ ref('dim_return_deadline') }} as deadlines
        on daily.marketplace = deadlines.marketplace and daily.date = deadlines.purchase_date
    where daily.channel = 'ALL' and deadlines.season is not null and daily.units_shipped > 0
),

returned as (
    select
        store,
        marketplace,
        asin,
        purchase_date as date,
        sum(units) as units_returned
    from {{ ref('fct_returns') }}
    where {{ counts_in_cohort() }}
    group by store, marketplace, asin, purchase_date
)

select
    days.store,
    days.marketplace,
    days.asin,
    days.season,
    {{ week_start('days.date') }} as purchase_week,
    cast(sum(days.units_shipped) as bigint) as units_shipped,
    cast(sum(coalesce(returned.units_returned, 0)) as bigint) as units_returned,
    {{ rate('sum(coalesce(returned.units_returned, 0))', 'sum(days.units_shipped)') }} as return_rate,
    cast({{ wilson_low('sum(coalesce(returned.units_returned, 0))', 'sum(days.units_shipped)') }} as double)
        as return_rate_low,
    cast({{ wilson_high('sum(coalesce(returned.units_returned, 0))', 'sum(days.units_shipped)') }} as double)
        as return_rate_high,
    cast(sum(case
        when days.last_return_date >= days.as_of_date
            then greatest(days.units_shipped - coalesce(returned.units_returned, 0), 0)
        else 0
    end) as bigint) as open_units,
    max(days.last_return_date) as last_return_date,
    min(days.policy_basis) as policy_basis,
    min(days.date_basis) as date_basis,
    min(days.exceptions) as exceptions,
    days.as_of_date
from purchase_days as days
left join returned using (store, marketplace, asin, date)
group by days.store, days.marketplace, days.asin, days.season, {{ week_start('days.date') }}, days.as_of_date
