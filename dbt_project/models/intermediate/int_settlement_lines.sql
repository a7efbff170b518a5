-- Lines of settlements with the currency of their settlement, marketplace, item and the day on the marketplace's
-- clock. Core leaves out what comes after the as-of day.

with lines as (
    select
        lines.*,
        coalesce(
            marketplaces.marketplace,
            case when {{ is_outside_amazon('lines.marketplace_name') }} then 'unattributed' end
        ) as named_marketplace
    from {{ judged_rows('settlements') }} as lines
    left join {{ ref('stg_marketplaces') }} as marketplaces
        on lower(trim(lines.marketplace_name)) = marketplaces.sales_channel
    where lines.is_current and not {{ is_summary('lines') }}
),

placed as (
    select
        lines.*,
        coalesce(lines.named_marketplace, items.marketplace, 'unattributed') as marketplace,
        -- a used unit may be settled before its own order is known: then the item inside its SKU says which it is
        coalesce(items.asin, skus.asin, new_items.asin) as asin
    from lines
    left join {{ ref('int_order_items') }} as items
        on
            items.found_by = 'sku'
            and lines.store = items.store
            and lines.order_id = items.order_id
            and lines.sku = items.item
    left join {{ ref('int_sku_asins') }} as skus on lines.store = skus.store and lines.sku = skus.sku
    left join {{ ref('int_sku_asins') }} as new_items
        on
            lines.store = new_items.store
            and case when {{ is_used_sku('lines.sku') }} then {{ base_sku('lines.sku') }} end = new_items.sku
),

dated as (
    select
        placed.*,
        coalesce(placed.currency, settlements.currency) as settlement_currency,
        {{ marketplace_day(
            'coalesce(placed.posted_date_time_at, placed.posted_date_at)',
            'coalesce(placed.posted_date_day, placed.posted_date_time_day)',
            "coalesce(marketplaces.time_zone, stores.time_zone, 'UTC')"
        ) }} as posted_date,
        settlements.end_day
    from placed
    inner join {{ ref('int_settlements') }} as settlements
        on placed.store = settlements.store and placed.settlement_id = settlements.settlement_id
    left join {{ ref('stg_marketplaces') }} as marketplaces on placed.marketplace = marketplaces.marketplace
    left join {{ ref('int_stores') }} as stores on placed.store = stores.store
)

select
    {{ row_place('dated') }} as settlement_line_id,
    dated.store,
    dated.marketplace,
    dated.settlement_id,
    dated.transaction_type,
    dated.amount_type,
    dated.amount_description,
    dated.amount,
    dated.settlement_currency as currency,
    dated.order_id,
    dated.sku,
    dated.asin,
    dated.posted_date,
    dated.end_day,
    dated.quantity_purchased as quantity,
    dated.fulfillment_id,
    dated.adjustment_id,
    dated.delivery_id,
    dated.line_number
from dated
