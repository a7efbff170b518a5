-- Names under which reports and exports know a marketplace, lower case: its code (the United Kingdom has two), its
-- id, its sales channel.

select
    lower(marketplace) as name,
    marketplace
from {{ ref('stg_marketplaces') }}
union all
select
    lower(marketplace_id) as name,
    marketplace
from {{ ref('stg_marketplaces') }}
union all
select
    sales_channel as name,
    marketplace
from {{ ref('stg_marketplaces') }}
union all
select
    'gb' as name,
    marketplace
from {{ ref('stg_marketplaces') }}
where marketplace = 'UK'
