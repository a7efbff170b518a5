-- ASIN of each SKU of a store: the newest mention in any feed.

select
    store,
    sku,
    {{ value_at_max('asin', sort_key(['delivered_at', 'asin'])) }} as asin
from {{ ref('int_item_mentions') }}
where sku is not null
group by store, sku
