-- What needs attention now, one row per alert. An alert keeps its id for as long as it lasts; `first_seen` is the
-- first day on which it would have fired without a break since, or the day of the event behind it.

with run as (
    select * from {{ ref('dim_run') }}
),

-- ---- return rate credibly above the category's, in 30 days over both channels
high_rates as (
    select
        store,
        marketplace,
        asin,
        category,
        title,
        units_shipped,
        units_returned,
        return_rate,
        category_return_rate,
        advice_en,
        advice_zh
    from {{ ref('mart_asin_insights') }}
    where channel = 'ALL' and window_days = 30 and is_high_return_rate
),

history as (
    select day from {{ history_days(30) }} as days
),

item_days as (
    select
        daily.store,
        daily.marketplace,
        coalesce(asins.category, 'uncategorised') as category,
        daily.asin,
        daily.date as day,
        daily.units_shipped,
        daily.units_returned
    from {{ ref('mart_asin_daily') }} as daily
    cross join run
    left join {{ ref('dim_asin') }} as asins using (store, marketplace, asin)
    where daily.channel = 'ALL'
        and {{ in_window('daily.date', 'run.as_of_date', alert_history_days() | int + 29) }}
        -- without a high rate there is no history to look at, and no need to read all days
        and exists (select 1 from high_rates)
),

category_history as (
    select
        categories.store,
        categories.marketplace,
        categories.category,
        history.day,
        sum(sum(item_days.units_shipped)) over until_day as units_shipped,
        sum(sum(item_days.units_returned)) over until_day as units_returned
    from (select distinct store, marketplace, category from high_rates) as categories
    cross join history
    left join item_days
        on categories.store = item_days.store
        and categories.marketplace = item_days.marketplace
        and categories.category = item_days.category
        and history.day = item_days.day
    group by categories.store, categories.marketplace, categories.category, history.day
    window until_day as (
        partition by categories.store, categories.marketplace, categories.category order by history.day
        rows between 29 preceding and current row
    )
),

item_history as (
    select
        high_rates.store,
        high_rates.marketplace,
        high_rates.category,
        high_rates.asin,
        history.day,
        sum(coalesce(item_days.units_shipped, 0)) over until_day as units_shipped,
        sum(coalesce(item_days.units_returned, 0)) over until_day as units_returned
    from high_rates
    cross join history
    left join item_days
        on high_rates.store = item_days.store
        and high_rates.marketplace = item_days.marketplace
        and high_rates.asin = item_days.asin
        and history.day = item_days.day
    window until_day as (
        partition by high_rates.store, high_rates.marketplace, high_rates.asin order by history.day
        rows between 29 preceding and current row
    )
),

high_rate_starts as (
    select
        items.store,
        items.marketplace,
        items.asin,
        max(case
            when not {{ is_credibly_above(
                'items.units_returned', 'items.units_shipped',
                '(' ~ rate('categories.units_returned', 'categories.units_shipped') ~ ')', 'run.category_prior_units'
            ) }}
                then items.day
        end) as last_quiet_day
    from item_history as items
    cross join run
    inner join category_history as categories
        on items.store = categories.store
        and items.marketplace = categories.marketplace
        and items.category = categories.category
        and items.day = categories.day
    where {{ in_window('items.day', 'run.as_of_date', alert_history_days()) }}
    group by items.store, items.marketplace, items.asin
),

high_rate_alerts as (
    select
        'high_return_rate' as kind,
        case when rates.return_rate >= 2 * rates.category_return_rate then 'critical' else 'warning' end as severity,
        rates.store,
        rates.marketplace,
        rates.asin,
        '' as subject,
        'return_rate_30d' as metric,
        rates.return_rate as value,
        rates.category_return_rate as threshold,
        {{ stretch_start('starts.last_quiet_day', 'run.as_of_date') }} as first_seen,
        {{ message(
            '{} of {} units came back in 30 days ({}), credibly more than in the category ({}). {}',
            ['rates.units_returned', 'rates.units_shipped', percent('rates.return_rate'),
             percent('rates.category_return_rate'), "coalesce(rates.advice_en, '')"]
        ) }} as message_en,
        {{ message(
            '近30天售出 {} 件，退货 {} 件（{}），明显高于类目水平（{}）。{}',
            ['rates.units_shipped', 'rates.units_returned', percent('rates.return_rate'),
             percent('rates.category_return_rate'), "coalesce(rates.advice_zh, '')"]
        ) }} as message_zh
    from high_rates as rates
    cross join run
    left join high_rate_starts as starts using (store, marketplace, asin)
),

-- ---- critical reviews above the threshold, in 30 days
review_alerts as (
    select
        'critical_reviews' as kind,
        case when is_credibly_above_category then 'warning' else 'info' end as severity,
        store,
        marketplace,
        asin,
        '' as subject,
        'critical_review_rate_30d' as metric,
        critical_review_rate as value,
        cast(threshold as double) as threshold,
        first_alert_date as first_seen,
        {{ message(
            '{} of {} reviews in 30 days have 1 to 3 stars ({}, alert above {}, category {}). {}',
            ['critical_reviews', 'reviews', percent('critical_review_rate'), percent('threshold'),
             percent('category_critical_rate'), "coalesce(advice_en, '')"]
        ) }} as message_en,
        {{ message(
            '近30天 {} 条评价中有 {} 条为1至3星（{}，警戒线 {}，类目 {}）。{}',
            ['reviews', 'critical_reviews', percent('critical_review_rate'), percent('threshold'),
             percent('category_critical_rate'), "coalesce(advice_zh, '')"]
        ) }} as message_zh
    from {{ ref('mart_performance') }}
    where window_days = 30 and is_alert
),

-- ---- a reason whose share has credibly risen: the interval of 30 days lies above that of the 30 days before
reason_shares as (
    select
        store,
        marketplace,
        asin,
        reason_class,
        units,
        share,
        previous_share,
        sum(units) over in_item as item_units,
        previous_units,
        sum(previous_units) over in_item as previous_item_units
    from {{ ref('mart_return_reasons') }}
    where channel = 'ALL' and window_days = 30
    window in_item as (partition by store, marketplace, asin)
),

surges as (
    select *
    from reason_shares
    where {{ is_informative('reason_class') }}
        and {{ has_surged('units', 'item_units', 'previous_units', 'previous_item_units') }}
),

surge_days as (
    select
        surges.store,
        surges.marketplace,
        surges.asin,
        surges.reason_class,
        days.day,
        coalesce(sum(case when returns.reason_class = surges.reason_class then returns.units end), 0) as units,
        coalesce(sum(returns.units), 0) as item_units
    from surges
    cross join {{ history_days(60) }} as days
    left join {{ ref('fct_returns') }} as returns
        on surges.store = returns.store
        and surges.marketplace = returns.marketplace
        and surges.asin = returns.asin
        and days.day = returns.return_date
        and {{ counts_as_returned('returns') }}
    group by surges.store, surges.marketplace, surges.asin, surges.reason_class, days.day
),

surge_history as (
    select
        store,
        marketplace,
        asin,
        reason_class,
        day,
        sum(units) over this_window as units,
        sum(item_units) over this_window as item_units,
        coalesce(sum(units) over window_before, 0) as previous_units,
        coalesce(sum(item_units) over window_before, 0) as previous_item_units
    from surge_days
    window this_window as (
        partition by store, marketplace, asin, reason_class order by day rows between 29 preceding and current row
    ),
    window_before as (
        partition by store, marketplace, asin, reason_class order by day rows between 59 preceding and 30 preceding
    )
),

surge_starts as (
    select
        history.store,
        history.marketplace,
        history.asin,
        history.reason_class,
        max(case
            when not {{ has_surged('history.units', 'history.item_units', 'history.previous_units',
                                   'history.previous_item_units') }}
                then history.day
        end) as last_quiet_day
    from surge_history as history
    cross join run
    where {{ in_window('history.day', 'run.as_of_date', alert_history_days()) }}
    group by history.store, history.marketplace, history.asin, history.reason_class
),

surge_alerts as (
    select
        'reason_surge' as kind,
        'warning' as severity,
        surges.store,
        surges.marketplace,
        surges.asin,
        surges.reason_class as subject,
        'reason_share_30d' as metric,
        surges.share as value,
        surges.previous_share as threshold,
        {{ stretch_start('starts.last_quiet_day', 'run.as_of_date') }} as first_seen,
        {{ message(
            '{} is the reason for {} of {} returned units in 30 days ({}; the 30 days before: {}). {}',
            ['coalesce(classes.name_en, surges.reason_class)', 'surges.units', 'surges.item_units', percent('surges.share'),
             percent('surges.previous_share'), "coalesce(classes.advice_en, '')"]
        ) }} as message_en,
        {{ message(
            '近30天 {} 件退货中有 {} 件原因为 {}（{}，此前30天为 {}）。{}',
            ['surges.item_units', 'surges.units', 'coalesce(classes.name_zh, surges.reason_class)', percent('surges.share'),
             percent('surges.previous_share'), "coalesce(classes.advice_zh, '')"]
        ) }} as message_zh
    from surges
    cross join run
    left join surge_starts as starts using (store, marketplace, asin, reason_class)
    left join {{ ref('dim_reason_class') }} as classes on surges.reason_class = classes.reason_class
),

-- ---- units that the high-return-rate fee will be charged for
fees as (
    select *
    from {{ ref('mart_high_return_fee') }}
    where units_charged > 0 and charge_to >= as_of_date
),

-- the day of the return that is the first to be charged
fee_starts as (
    select
        store,
        marketplace,
        asin,
        ship_month,
        min(case when units_until > units_returned - units_charged then return_date end) as first_seen
    from (
        select
            fees.store,
            fees.marketplace,
            fees.asin,
            fees.ship_month,
            fees.units_returned,
            fees.units_charged,
            returns.return_date,
            sum(returns.units) over (
                partition by fees.store, fees.marketplace, fees.asin, fees.ship_month
                order by returns.return_date, returns.return_id rows between unbounded preceding and current row
            ) as units_until
        from fees
        inner join {{ ref('fct_returns') }} as returns
            on fees.store = returns.store
            and fees.marketplace = returns.marketplace
            and fees.asin = returns.asin
            and returns.channel = 'FBA'
            and {{ counts_in_cohort('returns') }}
            and {{ month_start('returns.purchase_date') }} = fees.ship_month
            and returns.return_date < {{ months_later('fees.ship_month', 3) }}
    ) as ordered
    group by store, marketplace, asin, ship_month
),

fee_alerts as (
    select
        'fee_threshold' as kind,
        case when fees.is_final then 'warning' else 'info' end as severity,
        fees.store,
        fees.marketplace,
        fees.asin,
        cast(fees.ship_month as varchar) as subject,
        'fee_month_return_rate' as metric,
        fees.return_rate as value,
        cast(coalesce(fees.threshold, 0) as double) as threshold,
        starts.first_seen,
        {{ message(
            '{} returned units of those shipped in {} are above the fee threshold; Amazon charges them from {} to {}{}.',
            ['fees.units_charged', 'substr(cast(fees.ship_month as varchar), 1, 7)', 'fees.charge_from',
             'fees.charge_to', "case when fees.is_final then '' else ' (provisional)' end"]
        ) }} as message_en,
        {{ message(
            '{} 发货的商品中有 {} 件退货超过费用门槛；亚马逊将于 {} 至 {} 收费{}。',
            ['substr(cast(fees.ship_month as varchar), 1, 7)', 'fees.units_charged', 'fees.charge_from',
             'fees.charge_to', "case when fees.is_final then '' else '（暂定）' end"]
        ) }} as message_zh
    from fees
    left join fee_starts as starts using (store, marketplace, asin, ship_month)
),

-- ---- cases whose clock runs out within a week, or has run out on a duty
dispute_alerts as (
    select
        'dispute_due' as kind,
        case when cases.days_left <= 2 then 'critical' else 'warning' end as severity,
        cases.store,
        cases.marketplace,
        cases.asin,
        cases.case_id as subject,
        'days_left' as metric,
        cast(cases.days_left as double) as value,
        cast(7 as double) as threshold,
        greatest(cases.opened_on, {{ days_before('cases.due_on', 7) }}) as first_seen,
        {{ message(
            '{}, order {}, due {}{}. {}',
            [said('cases.kind', dispute_words(), 0), 'cases.order_id', 'cases.due_on',
             amount_said('cases.amount', 'cases.currency', ', '),
             'cases.next_step']
        ) }} as message_en,
        {{ message(
            '{}，订单 {}，截止 {}{}。{}',
            [said('cases.kind', dispute_words(), 1), 'cases.order_id', 'cases.due_on',
             amount_said('cases.amount', 'cases.currency', '，'),
             'cases.next_step_zh']
        ) }} as message_zh
    from {{ ref('mart_dispute_desk') }} as cases
    where cases.days_left <= 7
),

-- ---- reason codes that no class is known for
unmapped_alerts as (
    select
        'unmapped_codes' as kind,
        'info' as severity,
        returns.store,
        cast(null as varchar) as marketplace,
        cast(null as varchar) as asin,
        {{ canonical_code('returns.reason_code') }} as subject,
        'units_with_unknown_code' as metric,
        cast(sum(returns.units) as double) as value,
        cast(0 as double) as threshold,
        min(returns.return_date) as first_seen,
        {{ message(
            '{} returned units carry the unknown reason code {}. Map it in the reason code table.',
            ['sum(returns.units)', canonical_code('returns.reason_code')]
        ) }} as message_en,
        {{ message(
            '{} 件退货带有未知原因代码 {}，请在原因代码表中补充映射。',
            ['sum(returns.units)', canonical_code('returns.reason_code')]
        ) }} as message_zh
    from {{ ref('fct_returns') }} as returns
    cross join run
    where returns.reason_class_code = 'unmapped'
        and {{ in_window('returns.return_date', 'run.as_of_date', window_lengths() | max) }}
    group by returns.store, {{ canonical_code('returns.reason_code') }}
),

-- ---- feeds with days that are missing, failed, cancelled or to be asked again, in 90 days
incomplete_alerts as (
    select
        'incomplete_data' as kind,
        case when failed_days + never_asked_days = 0 then 'info' else 'warning' end as severity,
        store,
        cast(null as varchar) as marketplace,
        cast(null as varchar) as asin,
        feed as subject,
        'incomplete_days_90d' as metric,
        cast(incomplete_days as double) as value,
        cast(0 as double) as threshold,
        first_incomplete_day as first_seen,
        case
            when is_delivered
                then {{ message(
                    '{}: {} of the last 90 days are not complete, from {} to {} ({} failed, {} cancelled, {} never asked for, '
                    ~ '{} to be asked again). Ask for them with `returnscope pull`, or put a file for them into the inbox.',
                    [said('feed', feed_words(), 0), 'incomplete_days', 'first_incomplete_day', 'last_incomplete_day',
                     'failed_days', 'cancelled_days', 'never_asked_days', 'stale_days']
                ) }}
            else {{ message(
                '{} were never delivered: no return rate can be computed. Ask for them with `returnscope pull`, or put the '
                ~ 'report into the inbox.', [said('feed', feed_words(), 0)]
            ) }}
        end as message_en,
        case
            when is_delivered
                then {{ message(
                    '{}：近90天中有 {} 天数据不完整，{} 至 {}（失败 {} 天，取消 {} 天，未请求 {} 天，待重新请求 {} 天）。'
                    ~ '请用 `returnscope pull` 重新请求，或将这些日期的文件放入收件箱。',
                    [said('feed', feed_words(), 1), 'incomplete_days', 'first_incomplete_day', 'last_incomplete_day',
                     'failed_days', 'cancelled_days', 'never_asked_days', 'stale_days']
                ) }}
            else {{ message(
                '{}从未送达，无法计算退货率。请用 `returnscope pull` 请求，或将报告放入收件箱。',
                [said('feed', feed_words(), 1)]
            ) }}
        end as message_zh
    from {{ ref('dim_feed_completeness') }}
    where incomplete_days > 0 or not is_delivered
),

alerts as (
    {%- for kind in ['high_rate', 'review', 'surge', 'fee', 'dispute', 'unmapped', 'incomplete'] %}
    select * from {{ kind }}_alerts {{ "union all" if not loop.last }}
    {%- endfor %}
)

select
    md5({{ spelled(
        ['alerts.kind', 'alerts.store', 'alerts.marketplace', 'alerts.asin', 'alerts.subject']
    ) }}) as alert_id,
    alerts.kind,
    alerts.severity,
    alerts.store,
    alerts.marketplace,
    alerts.asin,
    nullif(alerts.subject, '') as subject,
    alerts.metric,
    alerts.value,
    alerts.threshold,
    cast(alerts.first_seen as date) as first_seen,
    trim(alerts.message_en) as message_en,
    trim(alerts.message_zh) as message_zh,
    run.as_of_date
from alerts
cross join run
