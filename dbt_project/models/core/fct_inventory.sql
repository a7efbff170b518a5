-- Stock by SKU in the newest snapshot of each store.

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
inner join {{ ref('int_snapshots') }} as snapshots
    on rows.store = snapshots.store and rows.delivery_id = snapshots.delivery_id
cross join {{ ref('stg_run') }} as run
left join {{ ref('int_stores') }} as stores on rows.store = stores.store
