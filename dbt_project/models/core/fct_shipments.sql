-- FBA units on the day on which they left. Rates count units on the purchase day (`fct_order_lines`); this is the true
-- ship day, for what runs from the shipment on.

with judged as (
    select
        held.*,
        row_number() over (partition by held.row_key order by held.line_number) as ordinal
    from {{ judged_rows('fulfilled_shipments') }} as held
    where held.is_current
),

placed as (
    select
        judged.*,
        coalesce(marketplaces.marketplace, 'unattributed') as marketplace,
        coalesce(marketplaces.time_zone, stores.time_zone, 'UTC') as time_zone,
        skus.asin
    from judged
    left join {{ ref('stg_marketplaces') }} as marketplaces
        on lower(trim(judged.sales_channel)) = marketplaces.sales_channel
    left join {{ ref('int_stores') }} as stores on judged.store = stores.store
    left join {{ ref('int_sku_asins') }} as skus on judged.store = skus.store and judged.sku = skus.sku
),

dated as (
    select
        placed.*,
        {{ marketplace_day('placed.shipment_date_at', 'placed.shipment_date_day', 'placed.time_zone') }} as ship_date,
        {{ marketplace_day('placed.purchase_date_at', 'placed.purchase_date_day', 'placed.time_zone') }}
            as purchase_date,
        {{ marketplace_day(
            'placed.estimated_arrival_date_at', 'placed.estimated_arrival_date_day', 'placed.time_zone'
        ) }} as estimated_arrival_date
    from placed
)

select
    md5({{ spelled([digest_text('dated.row_key'), 'dated.ordinal']) }}) as shipment_line_id,
    dated.store,
    dated.marketplace,
    dated.order_id,
    dated.order_item_id,
    dated.shipment_id,
    dated.sku,
    dated.asin,
    cast(dated.purchase_date as date) as purchase_date,
    cast(dated.ship_date as date) as ship_date,
    cast(dated.estimated_arrival_date as date) as estimated_arrival_date,
    dated.quantity_shipped as units_shipped,
    dated.item_price,
    dated.currency,
    dated.fulfillment_center_id,
    {{ is_outside_amazon('dated.sales_channel') }} as is_multi_channel,
    {{ is_used_sku('dated.sku') }} as is_used,
    dated.delivery_id,
    dated.line_number,
    run.as_of_date
from dated
inner join {{ ref('stg_run') }} as run on dated.ship_date <= run.as_of_date
