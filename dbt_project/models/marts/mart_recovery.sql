-- What Grade and Resell brings in, by grade and month: units graded, used units sold, their sales, Amazon's fees for
-- both. Grading counts in its own month, a sale with its fees in the month of the sale.

with run as (
    select * from {{ ref('dim_run') }}
),

-- grade of a used SKU as the report states it; the newest statement wins
grade_of_sku as (
    select
        store,
        lower(used_sku) as used_sku,
        {{ value_at_max('used_condition', sort_key(['event_date', 'graded_unit_id'])) }} as used_condition
    from {{ ref('fct_graded_units') }}
    where used_sku is not null and used_condition is not null
    group by store, lower(used_sku)
),

graded as (
    select
        units.store,
        units.marketplace,
        units.asin,
        coalesce(units.used_condition, {{ grade_from_sku('units.used_sku') }}, 'unknown') as used_condition,
        {{ month_start('units.event_date') }} as month,
        sum(units.units) as units_graded
    from {{ ref('fct_graded_units') }} as units
    where units.is_graded
    group by
        units.store,
        units.marketplace,
        units.asin,
        coalesce(units.used_condition, {{ grade_from_sku('units.used_sku') }}, 'unknown'),
        {{ month_start('units.event_date') }}
),

sold as (
    select
        lines.store,
        lines.marketplace,
        lines.asin,
        lines.order_id,
        lower(lines.sku) as used_sku,
        coalesce(grades.used_condition, {{ grade_from_sku('lines.sku') }}, 'unknown') as used_condition,
        {{ month_start('lines.purchase_date') }} as month,
        lines.currency,
        lines.units_shipped as units_sold,
        lines.sales_amount as gross_sales
    from {{ ref('fct_order_lines') }} as lines
    left join grade_of_sku as grades on lines.store = grades.store and lower(lines.sku) = grades.used_sku
    where lines.is_used and lines.is_shipped
),

-- where the fees of an order and SKU belong: with its sale
sale_cells as (
    select
        store,
        order_id,
        used_sku,
        min(marketplace) as marketplace,
        min(asin) as asin,
        min(used_condition) as used_condition,
        min(month) as month
    from sold
    group by store, order_id, used_sku
),

fee_lines as (
    select
        *,
        {{ month_start('posted_date') }} as month
    from {{ used_unit_fees() }} as fees
),

sale_fees as (
    select
        lines.store,
        coalesce(cells.marketplace, lines.marketplace) as marketplace,
        coalesce(cells.asin, lines.asin) as asin,
        coalesce(cells.used_condition, grades.used_condition, {{ grade_from_sku('lines.used_sku') }}, 'unknown')
            as used_condition,
        coalesce(cells.month, lines.month) as month,
        lines.currency,
        lines.fees
    from fee_lines as lines
    left join sale_cells as cells using (store, order_id, used_sku)
    left join grade_of_sku as grades on lines.store = grades.store and lines.used_sku = grades.used_sku
    where not lines.is_grading_charge
),

-- A grading charge does not say which grade the unit got: a month's charges for an item are spread over the units
-- graded in the newest month up to the posting, exact to the cent. Units of an unknown order may belong to any
-- marketplace.
posted_charges as (
    select
        store,
        marketplace,
        asin,
        month as posted_month,
        currency,
        sum(fees) as fees
    from fee_lines
    where is_grading_charge
    group by store, marketplace, asin, month, currency
),

charged_units as (
    select
        posted.store,
        posted.marketplace,
        posted.asin,
        posted.posted_month,
        posted.currency,
        graded.marketplace as graded_marketplace,
        graded.used_condition,
        graded.month,
        graded.units_graded
    from posted_charges as posted
    inner join graded
        on posted.store = graded.store
        and posted.asin = graded.asin
        and posted.posted_month >= graded.month
    left join {{ ref('dim_marketplace') }} as marketplaces on graded.marketplace = marketplaces.marketplace
    where graded.marketplace in (posted.marketplace, 'unattributed')
        or (posted.marketplace = 'unattributed' and marketplaces.currency = posted.currency)
    qualify graded.month = max(graded.month) over (
        partition by posted.store, posted.marketplace, posted.asin, posted.posted_month, posted.currency
    )
),

charge_shares as (
    select
        posted.store,
        coalesce(units.graded_marketplace, posted.marketplace) as marketplace,
        posted.asin,
        coalesce(units.used_condition, 'unknown') as used_condition,
        coalesce(units.month, posted.posted_month) as month,
        posted.currency,
        posted.fees,
        coalesce(units.units_graded, 1) as units,
        sum(coalesce(units.units_graded, 1)) over of_charge as units_total,
        sum(coalesce(units.units_graded, 1)) over (
            of_charge order by units.graded_marketplace, units.used_condition
            rows between unbounded preceding and current row
        ) as units_until
    from posted_charges as posted
    left join charged_units as units using (store, marketplace, asin, posted_month, currency)
    window of_charge as (
        partition by posted.store, posted.marketplace, posted.asin, posted.posted_month, posted.currency
    )
),

charge_fees as (
    select
        store,
        marketplace,
        asin,
        used_condition,
        month,
        currency,
        {{ spread('fees', 'currency', 'units_until - units', 'units_until', 'units_total') }} as fees
    from charge_shares
),

events as (
    select
        store, marketplace, asin, used_condition, month, null as currency,
        units_graded, 0 as units_sold, null as gross_sales, null as fees
    from graded
    union all
    select store, marketplace, asin, used_condition, month, currency, 0, units_sold, gross_sales, null
    from sold
    union all
    select store, marketplace, asin, used_condition, month, currency, 0, 0, null, fees
    from sale_fees
    union all
    select store, marketplace, asin, used_condition, month, currency, 0, 0, null, fees
    from charge_fees
),

cells as (
    select
        store,
        marketplace,
        asin,
        used_condition,
        month,
        sum(units_graded) as units_graded,
        sum(units_sold) as units_sold,
        sum(gross_sales) as gross_sales,
        sum(fees) as fees,
        {{ single_currency('coalesce(gross_sales, fees)', 'currency') }} as currency,
        {{ is_mixed_currency('coalesce(gross_sales, fees)', 'currency') }} as is_mixed_currency
    from events
    group by store, marketplace, asin, used_condition, month
),

amounts as (
    select
        cells.*,
        case
            when cells.is_mixed_currency then null
            when cells.units_sold = 0 then coalesce(cells.gross_sales, 0)
            else cells.gross_sales
        end as known_sales,
        -- fees of a month that no settlement of the store reaches are unknown, not nil
        case
            when cells.is_mixed_currency then null
            when cells.month <= settled_stores.settled_through then coalesce(cells.fees, 0)
            else cells.fees
        end as known_fees,
        -- a unit sold on the last day is shipped and posted some days later
        coalesce(
            {{ add_days(months_later('cells.month', 1), 'run.processing_days') }}
            <= {{ add_days('settled_stores.settled_through', 1) }},
            false
        ) as is_final
    from cells
    cross join run
    left join {{ settled_stores() }} as settled_stores on cells.store = settled_stores.store
),

-- what one unit of the grade brings at today's new price by the dated figures, and what disposing of it does
valued as (
    select
        amounts.*,
        items.price as new_price,
        {{ grade_resell_unit_value(
            'items.price', 'share.value', 'grading.value', 'fulfilment.value', 'referral.value'
        ) }} as expected_unit_value,
        -disposal.value as disposal_unit_value,
        {{ liquidation_unit_value('items.price', 'liquidated.value', 'liquidation.value') }} as liquidation_unit_value,
        run.as_of_date
    from amounts
    cross join run
    left join {{ ref('dim_asin') }} as items using (store, marketplace, asin)
    {{ join_figure('share', 'grade_resell_price_share', 'amounts.marketplace', 'run.as_of_date',
                   'amounts.used_condition') }}
    {{ join_figure('grading', 'grade_resell_fee', 'amounts.marketplace', 'run.as_of_date') }}
    {{ join_figure('fulfilment', 'fba_fulfilment_fee', 'amounts.marketplace', 'run.as_of_date') }}
    {{ join_figure('referral', 'referral_fee_rate', 'amounts.marketplace', 'run.as_of_date') }}
    {{ join_figure('disposal', 'disposal_fee', 'amounts.marketplace', 'run.as_of_date') }}
    {{ join_figure('liquidated', 'liquidation_price_share', 'amounts.marketplace', 'run.as_of_date') }}
    {{ join_figure('liquidation', 'liquidation_fee', 'amounts.marketplace', 'run.as_of_date') }}
)

select
    store,
    marketplace,
    asin,
    used_condition,
    month,
    cast(units_graded as bigint) as units_graded,
    cast(units_sold as bigint) as units_sold,
    cast(known_sales as decimal(18, 4)) as gross_sales,
    cast(known_fees as decimal(18, 4)) as fees,
    {{ rate('(known_sales - known_fees)', 'known_sales') }} as net_recovery_rate,
    is_final,
    currency,
    cast(new_price as decimal(18, 4)) as new_price,
    cast(expected_unit_value as decimal(18, 4)) as expected_unit_value,
    cast(disposal_unit_value as decimal(18, 4)) as disposal_unit_value,
    cast(liquidation_unit_value as decimal(18, 4)) as liquidation_unit_value,
    as_of_date
from valued
