-- What each feed says of SKU, ASIN, title and category of an item, and when it last said so. Small, from one narrow
-- scan of each feed; all deliveries count, for an older one may be the only one that names an item.

{%- set sources = [
    {'feed': 'listings', 'sku': 'sku', 'title': 'item_name', 'category': 'category',
     'asin': "coalesce(rows.asin, case when rows.product_id_type = '1' then rows.product_id end)"},
    {'feed': 'orders', 'sku': 'sku', 'title': 'product_name', 'category': 'category', 'asin': 'rows.asin'},
    {'feed': 'fba_returns', 'sku': 'sku', 'title': 'product_name', 'category': none, 'asin': 'rows.asin'},
    {'feed': 'mfn_returns', 'sku': 'merchant_sku', 'title': 'item_name', 'category': 'category', 'asin': 'rows.asin'},
    {'feed': 'inventory', 'sku': 'sku', 'title': 'product_name', 'category': none, 'asin': 'rows.asin'},
    {'feed': 'grade_resell', 'sku': 'sku', 'title': none, 'category': none, 'asin': 'rows.asin'},
    {'feed': 'reviews', 'sku': none, 'title': 'product_name', 'category': 'category', 'asin': 'rows.asin'},
] %}

with mentions as (
    {%- for source in sources %}
    select
        '{{ source.feed }}' as feed,
        {{ loop.index }} as trust,
        rows.store,
        {{ 'rows.' ~ source.sku if source.sku else 'cast(null as varchar)' }} as sku,
        {{ source.asin }} as asin,
        {{ 'rows.' ~ source.title if source.title else 'cast(null as varchar)' }} as title,
        {{ 'rows.' ~ source.category if source.category else 'cast(null as varchar)' }} as category,
        deliveries.delivered_at
    from {{ ref('stg_' ~ source.feed) }} as rows
    inner join {{ ref('int_deliveries') }} as deliveries
        on
            deliveries.feed = '{{ source.feed }}'
            and rows.store = deliveries.store
            and rows.delivery_id = deliveries.delivery_id
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    feed,
    trust,
    store,
    sku,
    asin,
    title,
    category,
    max(delivered_at) as delivered_at
from mentions
where asin is not null
group by feed, trust, store, sku, asin, title, category
