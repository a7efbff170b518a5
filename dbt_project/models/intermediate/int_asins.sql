-- Title and category of each ASIN of a store. Title: catalogue, orders, returns, stock, reviews. Category: the user's
-- file by ASIN, then by SKU, then catalogue, orders, seller-fulfilled returns, reviews. Within one source the newest
-- mention wins.

with asins as (
    select distinct
        store,
        asin
    from {{ ref('int_item_mentions') }}
),

titles as (
    select
        store,
        asin,
        {{ value_at_max('title', sort_key(['-trust', 'delivered_at', 'title'])) }} as title
    from {{ ref('int_item_mentions') }}
    where title is not null
    group by store, asin
),

category_mentions as (
    select
        store,
        asin,
        trust,
        delivered_at,
        category
    from {{ ref('int_item_mentions') }}
    where category is not null
    union all
    select
        skus.store,
        skus.asin,
        0 as trust,
        cast(null as timestamp with time zone) as delivered_at,
        categories.category
    from {{ ref('stg_categories') }} as categories
    inner join {{ ref('int_sku_asins') }} as skus on categories.sku = skus.sku
    where categories.asin is null
    union all
    select
        asins.store,
        asins.asin,
        -1 as trust,
        cast(null as timestamp with time zone) as delivered_at,
        categories.category
    from {{ ref('stg_categories') }} as categories
    inner join asins on categories.asin = asins.asin
),

categories as (
    select
        store,
        asin,
        {{ value_at_max('category', sort_key(['-trust', 'delivered_at', 'category'])) }} as category
    from category_mentions
    group by store, asin
)

select
    asins.store,
    asins.asin,
    titles.title,
    coalesce(categories.category, 'uncategorised') as category
from asins
left join titles on asins.store = titles.store and asins.asin = titles.asin
left join categories on asins.store = categories.store and asins.asin = categories.asin
