-- Order lines that a return, a refund or a graded unit may ask for: one per order and SKU, and one per order and
-- ASIN. Of several a shipped one, then the first as reported. found_by says whether `item` is a SKU or an ASIN.

with wanted as (
    select
        store,
        order_id
    from {{ ref('stg_fba_returns') }}
    union
    select
        store,
        order_id
    from {{ ref('stg_mfn_returns') }}
    union
    select
        store,
        order_id
    from {{ ref('stg_grade_resell') }}
    union
    select
        store,
        order_id
    from {{ ref('stg_settlements') }}
    where {{ is_refund('transaction_type') }} or trim(coalesce(marketplace_name, '')) = ''
),

lines as (
    select
        lines.store,
        lines.order_id,
        lines.sku,
        lines.asin,
        lines.marketplace,
        lines.channel,
        lines.purchase_date,
        lines.is_shipped,
        lines.is_multi_channel,
        lines.is_replacement,
        lines.currency,
        cast(lines.item_price / nullif(lines.units_ordered, 0) as decimal(18, 4)) as unit_price,
        lines.delivery_id,
        lines.line_number
    from {{ ref('int_order_lines') }} as lines
    inner join wanted on lines.store = wanted.store and lines.order_id = wanted.order_id
    inner join {{ ref('stg_run') }} as run on lines.purchase_date <= run.as_of_date
),

items as (
    select
        'sku' as found_by,
        sku as item,
        lines.*
    from lines
    where sku is not null
    union all
    select
        'asin' as found_by,
        asin as item,
        lines.*
    from lines
)

select
    store,
    order_id,
    found_by,
    item,
    sku,
    asin,
    marketplace,
    channel,
    purchase_date,
    is_multi_channel,
    is_replacement,
    unit_price,
    currency
from items
qualify row_number() over (
    partition by store, order_id, found_by, item
    order by case when is_shipped then 0 else 1 end, delivery_id, line_number
) = 1
