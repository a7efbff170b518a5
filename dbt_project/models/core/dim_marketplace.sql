with marketplaces as (
    select
        marketplace,
        marketplace_id,
        region,
        currency,
        time_zone,
        language,
        sales_channel
    from {{ ref('stg_marketplaces') }}
    union all
    select
        'unattributed' as marketplace,
        null as marketplace_id,
        null as region,
        null as currency,
        null as time_zone,
        null as language,
        null as sales_channel
)

select
    marketplaces.marketplace,
    marketplaces.marketplace_id,
    marketplaces.region,
    marketplaces.currency,
    marketplaces.time_zone,
    marketplaces.language,
    marketplaces.sales_channel,
    run.as_of_date
from marketplaces
cross join {{ ref('stg_run') }} as run
