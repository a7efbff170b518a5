-- Lines of removal orders in their newest state. A removal belongs to the stock of a region, not to a marketplace.

with judged as (
    select
        held.*,
        row_number() over (partition by held.row_key order by held.line_number) as ordinal
    from {{ judged_rows('removals') }} as held
    where held.is_current
)

select
    md5({{ spelled([digest_text('judged.row_key'), 'judged.ordinal']) }}) as removal_line_id,
    judged.store,
    judged.removal_order_id,
    judged.order_type,
    judged.order_status,
    judged.sku,
    skus.asin,
    judged.fnsku,
    judged.disposition,
    cast({{ marketplace_day(
        'judged.request_date_at', 'judged.request_date_day', "coalesce(stores.time_zone, 'UTC')"
    ) }} as date) as request_date,
    cast({{ marketplace_day(
        'judged.last_updated_date_at', 'judged.last_updated_date_day', "coalesce(stores.time_zone, 'UTC')"
    ) }} as date) as last_updated_date,
    judged.requested_quantity as units_requested,
    judged.cancelled_quantity as units_cancelled,
    judged.disposed_quantity as units_disposed,
    judged.shipped_quantity as units_shipped,
    judged.in_process_quantity as units_in_process,
    judged.removal_fee,
    judged.currency,
    judged.delivery_id,
    judged.line_number,
    run.as_of_date
from judged
left join {{ ref('int_sku_asins') }} as skus on judged.store = skus.store and judged.sku = skus.sku
left join {{ ref('int_stores') }} as stores on judged.store = stores.store
inner join {{ ref('stg_run') }} as run
    on {{ marketplace_day(
        'judged.request_date_at', 'judged.request_date_day', "coalesce(stores.time_zone, 'UTC')"
    ) }} <= run.as_of_date
