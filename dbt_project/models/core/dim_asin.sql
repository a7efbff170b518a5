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

events as (
    select store, marketplace, asin, first_seen, last_seen from order_days
    union all
    select store, marketplace, asin, return_date, return_date from {{ ref('fct_returns') }}
    union all
    select store, marketplace, asin, review_date, review_date from {{ ref('fct_reviews') }}
    union all
    select store, marketplace, asin, event_date, event_date from {{ ref('fct_graded_units') }}
    union all
    select store, marketplace, asin, refund_date, refund_date from {{ ref('fct_refunds') }}
    where asin is not null
    union all
    select store, marketplace, asin, null, null from {{ ref('fct_inventory') }}
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

-- items that nothing happened to yet, in the first marketplace of their store
catalogue as (
    select
        asins.store,
        coalesce(stores.marketplace, 'unattributed') as marketplace,
        asins.asin
    from {{ ref('int_asins') }} as asins
    left join {{ ref('int_stores') }} as stores on asins.store = stores.store
    left join (select distinct store, asin from seen) as known
        on asins.store = known.store and asins.asin = known.asin
    where known.asin is null
),

known_asins as (
    select store, marketplace, asin, first_seen, last_seen from seen
    union all
    select store, marketplace, asin, null, null from catalogue
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
        on lines.store = order_days.store
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
    on known_asins.store = order_prices.store
    and known_asins.marketplace = order_prices.marketplace
    and known_asins.asin = order_prices.asin
left join list_prices
    on known_asins.store = list_prices.store
    and known_asins.marketplace = list_prices.marketplace
    and known_asins.asin = list_prices.asin
