-- The newest snapshot of each store that was delivered by the end of the as-of day (UTC; the report carries no day).

with snapshots as (
    select
        deliveries.store,
        deliveries.delivery_id,
        {{ day_in_zone('deliveries.delivered_at', "'UTC'") }} as snapshot_date
    from {{ ref('int_deliveries') }} as deliveries
    inner join {{ ref('stg_run') }} as run
        on {{ day_in_zone('deliveries.delivered_at', "'UTC'") }} <= run.as_of_date
    where deliveries.feed = 'inventory'
    qualify row_number() over (partition by deliveries.store order by deliveries.recency desc) = 1
)

select
    rows.store,
    coalesce(stores.marketplace, 'unattributed') as marketplace,
    rows.asin,
    rows.sku,
    rows.fnsku,
    rows.condition,
    rows.afn_fulfillable_quantity as fulfillable,
    rows.afn_unsellable_quantity as unsellable,
    rows.afn_reserved_quantity as reserved,
    cast(
        coalesce(rows.afn_inbound_working_quantity, 0)
        + coalesce(rows.afn_inbound_shipped_quantity, 0)
        + coalesce(rows.afn_inbound_receiving_quantity, 0)
        as bigint
    ) as inbound,
    snapshots.snapshot_date,
    rows.delivery_id,
    rows.line_number,
    run.as_of_date
from {{ ref('stg_inventory') }} as rows
inner join snapshots on rows.store = snapshots.store and rows.delivery_id = snapshots.delivery_id
cross join {{ ref('stg_run') }} as run
left join {{ ref('int_stores') }} as stores on rows.store = stores.store
