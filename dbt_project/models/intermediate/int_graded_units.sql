-- Units evaluated for resale, with the marketplace of their order and the day on its clock.

with rows as (
    select
        judged.*,
        md5({{ spelled([
            digest_text('judged.row_key'),
            'row_number() over (partition by judged.row_key order by judged.line_number)'
        ]) }}) as graded_unit_id
    from {{ judged_rows('grade_resell') }} as judged
    where judged.is_current
),

placed as (
    select
        rows.*,
        coalesce({{ order_item('marketplace') }}, 'unattributed') as marketplace
    from rows
    {{ order_item_joins('rows') }}
),

dated as (
    select
        placed.*,
        {{ marketplace_day(
            'placed.event_date_at', 'placed.event_date_day', "coalesce(marketplaces.time_zone, stores.time_zone, 'UTC')"
        ) }} as event_date
    from placed
    left join {{ ref('stg_marketplaces') }} as marketplaces on placed.marketplace = marketplaces.marketplace
    left join {{ ref('int_stores') }} as stores on placed.store = stores.store
)

select
    dated.graded_unit_id,
    dated.store,
    dated.marketplace,
    dated.asin,
    dated.sku,
    dated.used_sku,
    nullif(trim(dated.lpn), '') as lpn,
    dated.order_id,
    dated.event_date,
    coalesce(dated.quantity, 1) as units,
    coalesce(lower(trim(dated.unit_status)) = 'succeeded', false) as is_graded,
    {{ canonical_condition('dated.used_condition') }} as used_condition,
    dated.value_recovery_type,
    dated.unit_status,
    dated.reason_for_unit_status,
    dated.delivery_id,
    dated.line_number
from dated
