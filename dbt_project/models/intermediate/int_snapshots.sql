-- The stock snapshot that stands for the as-of day in each store: the newest delivered by its end (UTC; the report
-- carries no day). A store whose first snapshot is younger shows that one, with its day: the state of a day after says
-- more than nothing.

select
    deliveries.store,
    deliveries.delivery_id,
    {{ day_in_zone('deliveries.delivered_at', "'UTC'") }} as snapshot_date
from {{ ref('int_deliveries') }} as deliveries
cross join {{ ref('stg_run') }} as run
where deliveries.feed = 'inventory'
qualify row_number() over (
    partition by deliveries.store
    order by
        case when {{ day_in_zone('deliveries.delivered_at', "'UTC'") }} <= run.as_of_date then 0 else 1 end asc,
        case
            when {{ day_in_zone('deliveries.delivered_at', "'UTC'") }} <= run.as_of_date
                then -deliveries.recency
            else deliveries.recency
        end asc
) = 1
