-- Every check that counts or sums are conserved from file to mart, and every thing that is counted rather than
-- hidden. One row per check, store, feed and subject; all checks of a night are here, those that found nothing too.
-- `error` refuses the release, `warning` is told, `info` is known.

with run as (
    select * from {{ ref('stg_run') }}
),

stores as (
    select distinct store from {{ ref('stg_pulls') }}
),

-- files: every row read is good or quarantined, every good row is current or superseded
deliveries as (
    select distinct
        pulls.store,
        pulls.feed,
        pulls.delivery_id,
        pulls.rows_in,
        pulls.rows_bronze,
        pulls.rows_quarantined
    from {{ ref('stg_pulls') }} as pulls
    where {{ is_statement('pulls') }}
),

rows_accounted as (
    select
        'rows_accounted' as check_name,
        store,
        feed,
        cast(null as varchar) as subject,
        sum(rows_in) as expected,
        sum(rows_bronze + rows_quarantined) as actual,
        'error' as severity,
        'rows read are rows in bronze and rows in quarantine' as detail
    from deliveries
    group by store, feed
),

kept as (
    select
        store,
        feed,
        delivery_id,
        count(*) as bad_rows
    from {{ ref('ops_quarantine') }}
    group by store, feed, delivery_id
),

quarantine_kept as (
    select
        'quarantine_kept' as check_name,
        deliveries.store,
        deliveries.feed,
        cast(null as varchar) as subject,
        sum(deliveries.rows_quarantined) as expected,
        sum(coalesce(kept.bad_rows, 0)) as actual,
        'error' as severity,
        'every quarantined row of the ledger can be looked up' as detail
    from deliveries
    left join kept
        on
            deliveries.store = kept.store
            and deliveries.feed = kept.feed
            and deliveries.delivery_id = kept.delivery_id
    group by deliveries.store, deliveries.feed
),

bronze_accounted as (
    select
        'bronze_accounted' as check_name,
        deliveries.store,
        deliveries.feed,
        cast(null as varchar) as subject,
        sum(deliveries.rows_bronze) as expected,
        sum(coalesce(counts.rows_current, 0) + coalesce(counts.rows_superseded, 0)) as actual,
        'error' as severity,
        'bronze rows are current rows and superseded ones' as detail
    from deliveries
    left join {{ ref('int_delivery_rows') }} as counts
        on
            deliveries.store = counts.store
            and deliveries.feed = counts.feed
            and deliveries.delivery_id = counts.delivery_id
    where {{ is_modelled('deliveries.feed') }}
    group by deliveries.store, deliveries.feed
),

not_modelled as (
    select
        'rows_not_modelled' as check_name,
        store,
        feed,
        cast(null as varchar) as subject,
        0 as expected,
        sum(rows_bronze) as actual,
        'info' as severity,
        'rows of a feed that no model uses yet' as detail
    from deliveries
    where not {{ is_modelled('feed') }}
    group by store, feed
),

-- returns: units of current rows arrive in the fact, and units of the fact in the daily mart
current_units as (
    select
        returns.store,
        case when returns.channel = 'FBA' then 'fba_returns' else 'mfn_returns' end as feed,
        sum(returns.units) as units,
        sum(case when returns.return_date > run.as_of_date then returns.units else 0 end) as later_units
    from {{ ref('int_returns') }} as returns
    cross join run
    group by returns.store, case when returns.channel = 'FBA' then 'fba_returns' else 'mfn_returns' end
),

delivered_units as (
    select
        store,
        'fba_returns' as feed,
        sum(quantity) as units
    from {{ ref('int_fba_returns') }}
    group by store
    union all
    select
        rows.store,
        'mfn_returns' as feed,
        sum(rows.return_quantity) as units
    from {{ judged_rows('mfn_returns') }} as rows
    where rows.is_current
    group by rows.store
),

published_units as (
    select
        store,
        case when channel = 'FBA' then 'fba_returns' else 'mfn_returns' end as feed,
        sum(units) as units
    from {{ ref('fct_returns') }}
    group by store, case when channel = 'FBA' then 'fba_returns' else 'mfn_returns' end
),

returns_published as (
    select
        'returns_published' as check_name,
        delivered_units.store,
        delivered_units.feed,
        cast(null as varchar) as subject,
        delivered_units.units as expected,
        coalesce(published_units.units, 0) + coalesce(current_units.later_units, 0) as actual,
        'error' as severity,
        'units of current return rows are units of fct_returns and units after the as-of day' as detail
    from delivered_units
    left join current_units
        on delivered_units.store = current_units.store and delivered_units.feed = current_units.feed
    left join published_units
        on delivered_units.store = published_units.store and delivered_units.feed = published_units.feed
),

fact_units as (
    select
        'returned' as subject,
        store,
        sum(units) as units
    from {{ ref('fct_returns') }}
    group by store
    union all
    select
        'ordered' as subject,
        store,
        sum(units_ordered) as units
    from {{ ref('fct_order_lines') }}
    group by store
    union all
    select
        'shipped' as subject,
        store,
        sum(units_shipped) as units
    from {{ ref('fct_order_lines') }}
    group by store
),

daily_units as (
    select
        'returned' as subject,
        store,
        sum(units_returned + units_returned_excluded) as units
    from {{ ref('mart_asin_daily') }}
    where channel = 'ALL'
    group by store
    union all
    select
        'ordered' as subject,
        store,
        sum(units_ordered + units_ordered_excluded) as units
    from {{ ref('mart_asin_daily') }}
    where channel = 'ALL'
    group by store
    union all
    select
        'shipped' as subject,
        store,
        sum(units_shipped + units_shipped_excluded) as units
    from {{ ref('mart_asin_daily') }}
    where channel = 'ALL'
    group by store
),

units_in_marts as (
    select
        'units_in_marts' as check_name,
        fact_units.store,
        cast(null as varchar) as feed,
        fact_units.subject,
        fact_units.units as expected,
        coalesce(daily_units.units, 0) as actual,
        'error' as severity,
        'units of the facts are units of mart_asin_daily' as detail
    from fact_units
    left join daily_units on fact_units.store = daily_units.store and fact_units.subject = daily_units.subject
),

-- money
settlement_totals as (
    select
        'settlement_total' as check_name,
        store,
        'settlements' as feed,
        settlement_id as subject,
        total_amount as expected,
        coalesce(lines_amount, 0) as actual,
        'warning' as severity,
        'lines of a settlement add up to its total' as detail
    from {{ ref('int_settlements') }}
    where total_amount is not null
),

transaction_totals as (
    select
        'transaction_total' as check_name,
        store,
        'finance_transactions' as feed,
        currency as subject,
        0 as expected,
        sum(case when amount <> total_amount then 1 else 0 end) as actual,
        'warning' as severity,
        'financial transactions whose amounts add up to another total' as detail
    from (
        select
            store,
            currency,
            max(total_amount) as total_amount,
            sum(amount) as amount
        from {{ ref('fct_finance_transactions') }}
        group by store, currency, delivery_id, line_number
    ) as transactions
    group by store, currency
),

-- of orders whose returns report no refund themselves, all that settlements refunded stands with their returns
returned_items as (
    select
        returns.store,
        returns.order_id,
        coalesce(returns.order_sku, '') as order_sku
    from {{ ref('int_returns') }} as returns
    cross join run
    where returns.return_date <= run.as_of_date and returns.order_id is not null
    group by returns.store, returns.order_id, coalesce(returns.order_sku, '')
    having max(returns.reported_refund) is null
),

settled_items as (
    select
        refunds.store,
        refunds.order_id,
        coalesce(refunds.sku, '') as order_sku,
        max(refunds.currency) as currency,
        sum(refunds.refund_amount) as refund_amount
    from {{ ref('fct_refunds') }} as refunds
    where refunds.source = 'settlement'
    group by refunds.store, refunds.order_id, coalesce(refunds.sku, '')
    having count(distinct coalesce(refunds.currency, '?')) = 1 and sum(refunds.refund_amount) >= 0
),

refunds_spread as (
    select
        'refunds_spread' as check_name,
        spread.store,
        cast(null as varchar) as feed,
        spread.currency as subject,
        sum(spread.expected) as expected,
        sum(spread.actual) as actual,
        'error' as severity,
        'settlement refunds of returned items stand with their returns, to the cent' as detail
    from (
        select
            settled_items.store,
            coalesce(settled_items.currency, '?') as currency,
            settled_items.refund_amount as expected,
            shares.refund_amount as actual
        from settled_items
        inner join returned_items
            on
                settled_items.store = returned_items.store
                and settled_items.order_id = returned_items.order_id
                and settled_items.order_sku = returned_items.order_sku
        inner join (
            select
                returns.store,
                returns.order_id,
                coalesce(returns.order_sku, '') as order_sku,
                sum(facts.refund_amount) as refund_amount
            from {{ ref('int_returns') }} as returns
            inner join {{ ref('fct_returns') }} as facts on returns.return_id = facts.return_id
            group by returns.store, returns.order_id, coalesce(returns.order_sku, '')
        ) as shares
            on
                settled_items.store = shares.store
                and settled_items.order_id = shares.order_id
                and settled_items.order_sku = shares.order_sku
    ) as spread
    group by spread.store, spread.currency
),

-- counted, not hidden: nothing is expected, and what there is stands here
order_line_counts as (
    select
        lines.store,
        sum(case when lines.item_price is not null and lines.currency is null then 1 else 0 end) as without_currency,
        sum(case when lines.marketplace = 'unattributed' and not lines.is_multi_channel then 1 else 0 end)
            as unknown_channel,
        sum(case when lines.currency <> marketplaces.currency then 1 else 0 end) as foreign_currency
    from {{ ref('fct_order_lines') }} as lines
    left join {{ ref('stg_marketplaces') }} as marketplaces on lines.marketplace = marketplaces.marketplace
    group by lines.store
),

return_counts as (
    select
        store,
        sum(case when attribution = 'no_order' then units else 0 end) as without_order,
        sum(case when reason_conflict then units else 0 end) as reason_conflicts,
        sum(case when refund_amount is not null and currency is null then 1 else 0 end) as without_currency
    from {{ ref('fct_returns') }}
    group by store
),

refund_counts as (
    select
        refunds.store,
        sum(case
            when refunds.refund_amount_reporting is null and run.reporting_currency is not null then 1 else 0
        end) as without_rate,
        sum(case when refunds.currency is null then 1 else 0 end) as without_currency,
        sum(case when refunds.asin is null then 1 else 0 end) as without_item
    from {{ ref('fct_refunds') }} as refunds
    cross join run
    group by refunds.store
),

settlement_counts as (
    select
        settlements.store,
        sum(case when settlements.currencies <> 1 then 1 else 0 end) as without_one_currency
    from {{ ref('int_settlements') }} as settlements
    group by settlements.store
),

settlement_line_counts as (
    select
        lines.store,
        sum(case
            when {{ is_refund('lines.transaction_type') }} and coalesce(lines.posted_date, lines.end_day) is null
                then 1
            else 0
        end) as refunds_without_day
    from {{ ref('int_settlement_lines') }} as lines
    group by lines.store
),

review_counts as (
    select
        store,
        sum(case when review_date is null then 1 else 0 end) as without_day,
        sum(case when marketplace = 'unattributed' then 1 else 0 end) as without_marketplace
    from {{ ref('fct_reviews') }}
    group by store
),

cell_counts as (
    select
        store,
        sum(case when is_mixed_currency then 1 else 0 end) as mixed_currencies
    from {{ ref('mart_asin_daily') }}
    where channel = 'ALL'
    group by store
),

unmapped_codes as (
    select
        'unmapped_reason_code' as check_name,
        store,
        case when channel = 'FBA' then 'fba_returns' else 'mfn_returns' end as feed,
        reason_code as subject,
        0 as expected,
        sum(units) as actual,
        'warning' as severity,
        'units returned with a reason code that is not in the table of codes' as detail
    from {{ ref('fct_returns') }}
    where reason_class_code = 'unmapped'
    group by store, channel, reason_code
),

rate_contradictions as (
    select
        'contradictory_rates' as check_name,
        cast(null as varchar) as store,
        cast(null as varchar) as feed,
        cast(null as varchar) as subject,
        0 as expected,
        sum(case when rate is null then 1 else 0 end) as actual,
        'warning' as severity,
        'days and currencies for which the file of rates gives more than one rate' as detail
    from {{ ref('int_fx_rates') }}
),

{%- set counted = [
    ('order_line_counts', 'without_currency', 'prices_without_currency', 'orders', 'warning',
     'order lines with a price and no currency'),
    ('order_line_counts', 'unknown_channel', 'unknown_sales_channel', 'orders', 'warning',
     'order lines of a sales channel that is no known marketplace'),
    ('order_line_counts', 'foreign_currency', 'foreign_currency', 'orders', 'warning',
     'order lines in another currency than that of their marketplace'),
    ('return_counts', 'without_order', 'returns_without_order', none, 'info',
     'returned units whose order is not known: marketplace unattributed'),
    ('return_counts', 'reason_conflicts', 'reason_conflicts', none, 'info',
     'returned units whose code and words name different classes'),
    ('return_counts', 'without_currency', 'return_refunds_without_currency', none, 'warning',
     'returns with a refund and no currency'),
    ('refund_counts', 'without_rate', 'refunds_without_rate', none, 'warning',
     'refunds that no rate turns into the reporting currency'),
    ('refund_counts', 'without_currency', 'refunds_without_currency', none, 'warning', 'refunds without a currency'),
    ('refund_counts', 'without_item', 'refunds_without_item', none, 'info', 'refunds whose SKU names no known item'),
    ('settlement_counts', 'without_one_currency', 'settlements_without_one_currency', 'settlements', 'warning',
     'settlements with no currency or with several'),
    ('settlement_line_counts', 'refunds_without_day', 'refunds_without_day', 'settlements', 'warning',
     'refund lines without any day, which are in no refund'),
    ('review_counts', 'without_day', 'reviews_without_day', 'reviews', 'info', 'reviews without a day, in no window'),
    ('review_counts', 'without_marketplace', 'reviews_without_marketplace', 'reviews', 'info',
     'reviews of no known marketplace'),
    ('cell_counts', 'mixed_currencies', 'mixed_currencies', none, 'warning',
     'days of an ASIN with amounts in more than one currency, whose sums are NULL'),
] %}

checks as (
    {%- for table in ['rows_accounted', 'quarantine_kept', 'bronze_accounted', 'not_modelled', 'returns_published',
                      'units_in_marts',
                      'settlement_totals', 'transaction_totals', 'refunds_spread', 'unmapped_codes', 'rate_contradictions'] %}
    select
        check_name,
        store,
        feed,
        subject,
        expected,
        actual,
        severity,
        detail
    from {{ table }}
    union all
    {%- endfor %}
    {%- for table, column, name, feed, severity, detail in counted %}
    select
        '{{ name }}' as check_name,
        stores.store,
        {{ "'" ~ feed ~ "'" if feed else 'null' }} as feed,
        null as subject,
        0 as expected,
        coalesce({{ table }}.{{ column }}, 0) as actual,
        '{{ severity }}' as severity,
        '{{ detail }}' as detail
    from stores
    left join {{ table }} on stores.store = {{ table }}.store
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    checks.check_name,
    coalesce(checks.store, '') as store,
    coalesce(checks.feed, '') as feed,
    coalesce(checks.subject, '') as subject,
    cast(coalesce(checks.expected, 0) as decimal(18, 4)) as expected,
    cast(coalesce(checks.actual, 0) as decimal(18, 4)) as actual,
    cast(coalesce(checks.actual, 0) - coalesce(checks.expected, 0) as decimal(18, 4)) as difference,
    coalesce(checks.actual, 0) = coalesce(checks.expected, 0) as is_ok,
    checks.severity,
    checks.detail,
    run.as_of_date
from checks
cross join run
