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

-- before anything else is joined, so that most lines are left out while they are read
found as (
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
    from {{ ref('fct_order_lines') }} as lines
    inner join wanted on lines.store = wanted.store and lines.order_id = wanted.order_id
),

lines as (
    select found.*
    from found
    inner join {{ ref('stg_run') }} as run on found.purchase_date <= run.as_of_date
),

-- most orders have one line: only the others are put in order
longer_orders as (
    select
        store,
        order_id
    from lines
    group by store, order_id
    having count(*) > 1
),

places as (
    select
        lines.store,
        lines.delivery_id,
        lines.line_number,
        row_number() over (
            partition by lines.store, lines.order_id, lines.sku
            order by case when lines.is_shipped then 0 else 1 end, lines.delivery_id, lines.line_number
        ) as place_of_sku,
        row_number() over (
            partition by lines.store, lines.order_id, lines.asin
            order by case when lines.is_shipped then 0 else 1 end, lines.delivery_id, lines.line_number
        ) as place_of_asin
    from lines
    inner join longer_orders on lines.store = longer_orders.store and lines.order_id = longer_orders.order_id
),

placed as (
    select
        lines.*,
        coalesce(places.place_of_sku, 1) as place_of_sku,
        coalesce(places.place_of_asin, 1) as place_of_asin
    from lines
    left join places
        on
            lines.store = places.store
            and lines.delivery_id = places.delivery_id
            and lines.line_number = places.line_number
)

{%- for found_by in ['sku', 'asin'] %}
select
    store,
    order_id,
    '{{ found_by }}' as found_by,
    {{ found_by }} as item,
    sku,
    asin,
    marketplace,
    channel,
    purchase_date,
    is_multi_channel,
    is_replacement,
    unit_price,
    currency
from placed
where place_of_{{ found_by }} = 1 {{- " and sku is not null" if found_by == 'sku' }}
{{ 'union all' if not loop.last }}
{%- endfor %}
