with order_days as (
    select
        store,
        marketplace,
        asin,
        min(purchase_date) as first_seen,
        max(purchase_date) as last_seen
    from {{ ref('fct_order_lines') }}
    group by store, marketplace, asin
),

{%- set dated_facts = [
    ('fct_returns', 'return_date'),
    ('fct_reviews', 'review_date'),
    ('fct_graded_units', 'event_date'),
    ('fct_refunds', 'refund_date'),
    ('fct_inventory', 'cast(null as date)'),
] %}

events as (
    select * from order_days
    {%- for fact, day in dated_facts %}
    union all
    select
        store,
        marketplace,
        asin,
        {{ day }} as first_seen,
        {{ day }} as last_seen
    from {{ ref(fact) }}
    where asin is not null
    {%- endfor %}
),

seen as (
    select
        store,
        marketplace,
        asin,
        min(first_seen) as first_seen,
        max(last_seen) as last_seen
    from events
    group by store, marketplace, asin
),

seen_asins as (
    select distinct
        store,
        asin
    from seen
),

-- items that nothing happened to yet, in the first marketplace of their store
catalogue as (
    select
        asins.store,
        coalesce(stores.marketplace, 'unattributed') as marketplace,
        asins.asin,
        cast(null as date) as first_seen,
        cast(null as date) as last_seen
    from {{ ref('int_asins') }} as asins
    left join {{ ref('int_stores') }} as stores on asins.store = stores.store
    left join seen_asins on asins.store = seen_asins.store and asins.asin = seen_asins.asin
    where seen_asins.asin is null
),

known_asins as (
    select * from seen
    union all
    select * from catalogue
),

priced_days as (
    select
        lines.store,
        lines.marketplace,
        lines.asin,
        lines.currency,
        max(lines.item_price / lines.units_ordered) as price
    from {{ ref('fct_order_lines') }} as lines
    inner join order_days
        on
            lines.store = order_days.store
            and lines.marketplace = order_days.marketplace
            and lines.asin = order_days.asin
            and lines.purchase_date = order_days.last_seen
    where lines.item_price > 0 and lines.units_ordered > 0 and lines.is_new_item
    group by lines.store, lines.marketplace, lines.asin, lines.currency
),

order_prices as (
    select
        store,
        marketplace,
        asin,
        cast(max(price) as decimal(18, 4)) as price,
        min(currency) as currency
    from priced_days
    group by store, marketplace, asin
    having count(*) = 1
),

list_prices as (
    select
        listings.store,
        stores.marketplace,
        stores.currency,
        skus.asin,
        max(listings.price) as price
    from {{ judged_rows('listings') }} as listings
    inner join {{ ref('int_stores') }} as stores on listings.store = stores.store
    inner join {{ ref('int_sku_asins') }} as skus on listings.store = skus.store and listings.sku = skus.sku
    where listings.is_current and listings.price > 0 and not {{ is_used_sku('listings.sku') }}
    group by listings.store, stores.marketplace, stores.currency, skus.asin
)

select
    known_asins.store,
    known_asins.marketplace,
    known_asins.asin,
    asins.title,
    coalesce(asins.category, 'uncategorised') as category,
    case when order_prices.price is not null then order_prices.currency else list_prices.currency end as currency,
    coalesce(order_prices.price, list_prices.price) as price,
    known_asins.first_seen,
    known_asins.last_seen,
    run.as_of_date
from known_asins
cross join {{ ref('stg_run') }} as run
left join {{ ref('int_asins') }} as asins on known_asins.store = asins.store and known_asins.asin = asins.asin
left join order_prices
    on
        known_asins.store = order_prices.store
        and known_asins.marketplace = order_prices.marketplace
        and known_asins.asin = order_prices.asin
left join list_prices
    on
        known_asins.store = list_prices.store
        and known_asins.marketplace = list_prices.marketplace
        and known_asins.asin = list_prices.asin
