-- The FBA fee on products with a high return rate, by the month in which units were shipped: those that come back in
-- that month or the two after it, above the category's threshold, are charged in the third month after it.

with run as (
    select * from {{ ref('dim_run') }}
),

shipped as (
    select
        store,
        marketplace,
        asin,
        {{ month_start('date') }} as ship_month,
        sum(case when channel = 'FBA' then units_shipped else 0 end) as units_shipped,
        sum(case when channel = 'ALL' then units_shipped else 0 end) as units_shipped_all
    from {{ ref('mart_asin_daily') }}
    where units_shipped > 0
    group by store, marketplace, asin, {{ month_start('date') }}
),

returned as (
    select
        store,
        marketplace,
        asin,
        {{ month_start('purchase_date') }} as ship_month,
        sum(case
            when channel = 'FBA' and return_date < {{ months_later('purchase_date', 3) }} then units else 0
        end) as units_returned,
        sum(units) as units_returned_all
    from {{ ref('fct_returns') }}
    where {{ counts_in_cohort() }}
    group by store, marketplace, asin, {{ month_start('purchase_date') }}
),

months as (
    select
        shipped.store,
        shipped.marketplace,
        shipped.asin,
        shipped.ship_month,
        coalesce(asins.category, 'uncategorised') as category,
        shipped.units_shipped,
        coalesce(returned.units_returned, 0) as units_returned,
        shipped.units_shipped_all,
        coalesce(returned.units_returned_all, 0) as units_returned_all
    from shipped
    left join returned using (store, marketplace, asin, ship_month)
    left join {{ ref('dim_asin') }} as asins using (store, marketplace, asin)
),

trailing_months as (
    select
        *,
        {%- for count in [3, 12] %}
        sum(units_shipped_all) over (
            partition by store, marketplace, asin order by ship_month
            range between interval {{ count - 1 }} month preceding and current row
        ) as units_shipped_{{ count }}m,
        sum(units_returned_all) over (
            partition by store, marketplace, asin order by ship_month
            range between interval {{ count - 1 }} month preceding and current row
        ) as units_returned_{{ count }}m{{ "," if not loop.last }}
        {%- endfor %}
    from months
),

judged as (
    select
        trailing_months.*,
        case when every_unit.value is null then threshold.value end as threshold,
        coalesce(every_unit.value, 0) = 1 as is_every_unit_charged,
        coalesce(every_unit.value, 0) <> 1 and trailing_months.units_shipped < minimum.value as is_exempt,
        coalesce(every_unit.source, threshold.source) as source
    from trailing_months
    {{ join_figure('minimum', 'high_return_fee_min_units', 'trailing_months.marketplace',
                   'trailing_months.ship_month') }}
    {{ join_figure('threshold', 'high_return_fee_threshold', 'trailing_months.marketplace',
                   'trailing_months.ship_month', 'trailing_months.category') }}
    {{ join_figure('every_unit', 'high_return_fee_every_unit', 'trailing_months.marketplace',
                   'trailing_months.ship_month', 'trailing_months.category') }}
    where trailing_months.units_shipped > 0
)

select
    judged.store,
    judged.marketplace,
    judged.asin,
    judged.ship_month,
    judged.category,
    cast(judged.units_shipped as bigint) as units_shipped,
    cast(judged.units_returned as bigint) as units_returned,
    {{ rate('judged.units_returned', 'judged.units_shipped') }} as return_rate,
    cast({{ wilson_low('judged.units_returned', 'judged.units_shipped') }} as double) as return_rate_low,
    cast({{ wilson_high('judged.units_returned', 'judged.units_shipped') }} as double) as return_rate_high,
    cast(judged.threshold as decimal(9, 6)) as threshold,
    judged.source as threshold_source,
    judged.is_every_unit_charged,
    cast(case
        when judged.is_every_unit_charged then judged.units_returned
        when judged.is_exempt then 0
        when judged.threshold is not null
            then greatest(judged.units_returned - floor(judged.threshold * judged.units_shipped), 0)
    end as bigint) as units_charged,
    judged.is_exempt,
    {{ months_later('judged.ship_month', 3) }} <= {{ add_days('run.as_of_date', 1) }} as is_final,
    cast({{ add_days(months_later('judged.ship_month', 3), 6) }} as date) as charge_from,
    cast({{ add_days(months_later('judged.ship_month', 3), 14) }} as date) as charge_to,
    cast(judged.units_shipped_3m as bigint) as units_shipped_3m,
    cast(judged.units_returned_3m as bigint) as units_returned_3m,
    {{ rate('judged.units_returned_3m', 'judged.units_shipped_3m') }} as return_rate_3m,
    cast({{ wilson_low('judged.units_returned_3m', 'judged.units_shipped_3m') }} as double) as return_rate_3m_low,
    cast({{ wilson_high('judged.units_returned_3m', 'judged.units_shipped_3m') }} as double) as return_rate_3m_high,
    cast(judged.units_shipped_12m as bigint) as units_shipped_12m,
    cast(judged.units_returned_12m as bigint) as units_returned_12m,
    {{ rate('judged.units_returned_12m', 'judged.units_shipped_12m') }} as return_rate_12m,
    cast({{ wilson_low('judged.units_returned_12m', 'judged.units_shipped_12m') }} as double) as return_rate_12m_low,
    cast({{ wilson_high('judged.units_returned_12m', 'judged.units_shipped_12m') }} as double) as return_rate_12m_high,
    run.as_of_date
from judged
cross join run
