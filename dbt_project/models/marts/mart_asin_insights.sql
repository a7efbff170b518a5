-- What a seller asks first about an ASIN: how many came back, is that credibly too many, why, what to change.

with run as (
    select * from {{ ref('dim_run') }}
),

daily_rings as (
    select
        daily.store,
        daily.marketplace,
        daily.asin,
        daily.channel,
        {{ ring('daily.date', 'run.as_of_date') }} as ring,
        sum(daily.units_ordered) as units_ordered,
        sum(daily.units_shipped) as units_shipped,
        sum(daily.units_returned) as units_returned,
        sum(daily.units_returned_excluded) as units_returned_excluded,
        sum(daily.units_rejected) as units_rejected,
        sum(case when deadlines.is_over then daily.units_shipped else 0 end) as units_matured,
        sum(daily.refunds_unconverted) as refunds_unconverted,
        sum(daily.refund_amount) as refund_amount,
        sum(daily.refund_amount_reporting) as refund_amount_reporting,
        sum(daily.sales_amount) as sales_amount,
        -- a day without money has its marketplace's currency, which says nothing about the amounts of others
        min(case when daily.refund_amount <> 0 or daily.sales_amount <> 0 then daily.currency end) as currency,
        max(case when daily.refund_amount <> 0 or daily.sales_amount <> 0 then daily.currency end) as other_currency,
        bool_or(daily.is_mixed_currency) as is_mixed_currency
    from {{ ref('mart_asin_daily') }} as daily
    cross join run
    left join {{ ref('dim_return_deadline') }} as deadlines
        on daily.marketplace = deadlines.marketplace and daily.date = deadlines.purchase_date
    where {{ ring('daily.date', 'run.as_of_date') }} is not null
    group by
        daily.store,
        daily.marketplace,
        daily.asin,
        daily.channel,
        {{ ring('daily.date', 'run.as_of_date') }}
),

-- every key with an event in the longest window, once for each window
keys as (
    select
        asins.store,
        asins.marketplace,
        asins.asin,
        asins.channel,
        windows.window_days
    from (
        select distinct store, marketplace, asin, channel
        from daily_rings
        where {{ ring_in_window('ring', window_lengths() | max) }}
    ) as asins
    cross join {{ windows() }} as windows
),

daily_windows as (
    select
        rings.store,
        rings.marketplace,
        rings.asin,
        rings.channel,
        windows.window_days,
        {%- for units in ['units_ordered', 'units_shipped', 'units_returned', 'units_returned_excluded',
                          'units_rejected', 'units_matured', 'refunds_unconverted'] %}
        coalesce(sum({{ units }}) filter (where {{ ring_in_window('ring', 'window_days') }}), 0) as {{ units }},
        {%- endfor %}
        {%- for units in ['units_shipped', 'units_returned'] %}
        coalesce(sum({{ units }}) filter (where {{ ring_in_window_before('ring', 'window_days') }}), 0)
            as previous_{{ units }},
        {%- endfor %}
        {%- for amount in ['refund_amount', 'refund_amount_reporting', 'sales_amount'] %}
        sum({{ amount }}) filter (where {{ ring_in_window('ring', 'window_days') }}) as {{ amount }},
        {%- endfor %}
        min(currency) filter (where {{ ring_in_window('ring', 'window_days') }}) as currency,
        max(other_currency) filter (where {{ ring_in_window('ring', 'window_days') }}) as other_currency,
        bool_or(is_mixed_currency) filter (where {{ ring_in_window('ring', 'window_days') }}) as is_mixed_currency
    from daily_rings as rings
    cross join {{ windows() }} as windows
    group by rings.store, rings.marketplace, rings.asin, rings.channel, windows.window_days
),

cohort_rings as (
    select
        returns.store,
        returns.marketplace,
        returns.asin,
        {{ channel_or_all('returns.channel') }} as channel,
        returns.ring,
        sum(returns.units) as units
    from (
        select
            store,
            marketplace,
            asin,
            channel,
            {{ ring('purchase_date', 'as_of_date') }} as ring,
            sum(units) as units
        from {{ ref('fct_returns') }}
        where {{ counts_in_cohort() }}
        group by store, marketplace, asin, channel, {{ ring('purchase_date', 'as_of_date') }}
    ) as returns
    {{ channel_rollup() }}
    where returns.ring is not null
    group by returns.store, returns.marketplace, returns.asin, {{ channel_or_all('returns.channel') }}, returns.ring
),

cohort_windows as (
    select
        rings.store,
        rings.marketplace,
        rings.asin,
        rings.channel,
        windows.window_days,
        sum(rings.units) as cohort_units_returned
    from cohort_rings as rings
    inner join {{ windows() }} as windows on {{ ring_in_window('rings.ring', 'windows.window_days') }}
    group by rings.store, rings.marketplace, rings.asin, rings.channel, windows.window_days
),

-- the class with most units; one that says nothing only where no other was given
top_reasons as (
    select
        store,
        marketplace,
        asin,
        channel,
        window_days,
        reason_class as top_reason_class,
        share as top_reason_share
    from (
        select
            reasons.*,
            row_number() over (
                partition by reasons.store, reasons.marketplace, reasons.asin, reasons.channel, reasons.window_days
                order by
                    case when {{ is_informative('reasons.reason_class') }} then 0 else 1 end,
                    reasons.units desc,
                    classes.position,
                    reasons.reason_class
            ) as rank
        from {{ ref('mart_return_reasons') }} as reasons
        left join {{ ref('dim_reason_class') }} as classes on reasons.reason_class = classes.reason_class
        where reasons.units > 0
    ) as ranked
    where rank = 1
),

counted as (
    select
        keys.*,
        coalesce(asins.category, 'uncategorised') as category,
        asins.title,
        windows.units_ordered,
        windows.units_shipped,
        windows.units_returned,
        windows.units_returned_excluded,
        windows.units_rejected,
        windows.units_matured,
        windows.previous_units_shipped,
        windows.previous_units_returned,
        coalesce(cohorts.cohort_units_returned, 0) as cohort_units_returned,
        coalesce(windows.is_mixed_currency, false)
            or coalesce(windows.currency <> windows.other_currency, false) as is_mixed_currency,
        case
            when {{ reaches('settled.settled_through', 'run.as_of_date', 'keys.window_days') }}
                then coalesce(windows.refund_amount, 0)
            else windows.refund_amount
        end as refund_amount,
        case
            when windows.refunds_unconverted > 0 then null
            when run.reporting_currency is not null
                and {{ reaches('settled.settled_through', 'run.as_of_date', 'keys.window_days') }}
                then coalesce(windows.refund_amount_reporting, 0)
            else windows.refund_amount_reporting
        end as refund_amount_reporting,
        -- a window without any event of the item has no sales
        case when windows.is_mixed_currency is null then 0 else windows.sales_amount end as sales_amount,
        windows.currency
    from keys
    cross join run
    inner join daily_windows as windows using (store, marketplace, asin, channel, window_days)
    left join cohort_windows as cohorts using (store, marketplace, asin, channel, window_days)
    left join {{ ref('dim_asin') }} as asins using (store, marketplace, asin)
    left join {{ settled_stores() }} as settled using (store)
),

category_rates as (
    select
        store,
        marketplace,
        channel,
        window_days,
        category,
        {{ rate('sum(units_returned)', 'sum(units_shipped)') }} as category_return_rate
    from counted
    group by store, marketplace, channel, window_days, category
)

select
    counted.store,
    counted.marketplace,
    counted.asin,
    counted.channel,
    counted.window_days,
    counted.title,
    cast(counted.units_ordered as bigint) as units_ordered,
    cast(counted.units_shipped as bigint) as units_shipped,
    cast(counted.units_returned as bigint) as units_returned,
    cast(counted.units_returned_excluded as bigint) as units_returned_excluded,
    cast(counted.units_rejected as bigint) as units_rejected,
    {{ rate('counted.units_returned', 'counted.units_shipped') }} as return_rate,
    cast({{ wilson_low('counted.units_returned', 'counted.units_shipped') }} as double) as return_rate_low,
    cast({{ wilson_high('counted.units_returned', 'counted.units_shipped') }} as double) as return_rate_high,
    cast(counted.previous_units_shipped as bigint) as previous_units_shipped,
    cast(counted.previous_units_returned as bigint) as previous_units_returned,
    {{ rate('counted.previous_units_returned', 'counted.previous_units_shipped') }} as previous_return_rate,
    cast(counted.cohort_units_returned as bigint) as cohort_units_returned,
    {{ rate('counted.cohort_units_returned', 'counted.units_shipped') }} as cohort_return_rate,
    cast({{ wilson_low('counted.cohort_units_returned', 'counted.units_shipped') }} as double)
        as cohort_return_rate_low,
    cast({{ wilson_high('counted.cohort_units_returned', 'counted.units_shipped') }} as double)
        as cohort_return_rate_high,
    {{ rate('counted.units_matured', 'counted.units_shipped') }} as cohort_maturity,
    cast(case when not counted.is_mixed_currency then counted.refund_amount end as decimal(18, 4)) as refund_amount,
    cast(case when not counted.is_mixed_currency then counted.sales_amount end as decimal(18, 4)) as sales_amount,
    case when not counted.is_mixed_currency then coalesce(counted.currency, marketplaces.currency) end as currency,
    cast(counted.refund_amount_reporting as decimal(18, 4)) as refund_amount_reporting,
    run.reporting_currency,
    top_reasons.top_reason_class,
    top_reasons.top_reason_share,
    classes.advice_code,
    classes.advice_en,
    classes.advice_zh,
    counted.category,
    category_rates.category_return_rate,
    {{ is_credibly_above('counted.units_returned', 'counted.units_shipped',
                         'category_rates.category_return_rate', 'run.category_prior_units') }} as is_high_return_rate,
    run.as_of_date
from counted
cross join run
left join category_rates using (store, marketplace, channel, window_days, category)
left join top_reasons using (store, marketplace, asin, channel, window_days)
left join {{ ref('dim_reason_class') }} as classes on top_reasons.top_reason_class = classes.reason_class
left join {{ ref('dim_marketplace') }} as marketplaces on counted.marketplace = marketplaces.marketplace
