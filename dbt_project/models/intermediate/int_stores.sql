-- First marketplace of each configured store, whose time zone its unattributed rows use.

select
    stores.store,
    stores.marketplace,
    marketplaces.time_zone,
    marketplaces.currency
from {{ ref('stg_stores') }} as stores
inner join {{ ref('stg_marketplaces') }} as marketplaces on stores.marketplace = marketplaces.marketplace
where stores.position = 1
