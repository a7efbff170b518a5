-- The newest stock snapshot of each store that was delivered by the end of the as-of day (UTC; the report carries no
-- day).

select
    deliveries.store,
    deliveries.delivery_id,
    {{ day_in_zone('deliveries.delivered_at', "'UTC'") }} as snapshot_date
from {{ ref('int_deliveries') }} as deliveries
inner join {{ ref('stg_run') }} as run
    on {{ day_in_zone('deliveries.delivered_at', "'UTC'") }} <= run.as_of_date
where deliveries.feed = 'inventory'
qualify row_number() over (partition by deliveries.store order by deliveries.recency desc) = 1
