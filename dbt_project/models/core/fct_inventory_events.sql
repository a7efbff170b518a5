-- Movements of FBA stock by the inventory ledger, in their newest state. The marketplace is that of the centre's
-- country: where the stock moved, not where it was sold.

with judged as (
    select
        held.*,
        row_number() over (partition by held.row_key order by held.line_number) as ordinal
    from {{ judged_rows('ledger_detail') }} as held
    where held.is_current
),

dated as (
    select
        judged.*,
        coalesce(names.marketplace, 'unattributed') as marketplace,
        {{ marketplace_day(
            'judged.event_date_at', 'judged.event_date_day',
            "coalesce(marketplaces.time_zone, stores.time_zone, 'UTC')"
        ) }} as moved_on
    from judged
    left join {{ ref('int_marketplace_names') }} as names on lower(trim(judged.country)) = names.name
    left join {{ ref('stg_marketplaces') }} as marketplaces on names.marketplace = marketplaces.marketplace
    left join {{ ref('int_stores') }} as stores on judged.store = stores.store
)

select
    md5({{ spelled([digest_text('dated.row_key'), 'dated.ordinal']) }}) as inventory_event_id,
    dated.store,
    dated.marketplace,
    dated.asin,
    dated.sku,
    dated.fnsku,
    cast(dated.moved_on as date) as event_date,
    dated.event_type,
    dated.reference_id,
    dated.disposition,
    dated.reason,
    dated.fulfillment_center,
    dated.quantity,
    dated.reconciled_quantity,
    dated.unreconciled_quantity,
    dated.delivery_id,
    dated.line_number,
    run.as_of_date
from dated
inner join {{ ref('stg_run') }} as run on dated.moved_on <= run.as_of_date
