-- The intermediate rows up to the as-of day, as readers get them.

select
    units.graded_unit_id,
    units.store,
    units.marketplace,
    units.asin,
    units.sku,
    units.used_sku,
    units.lpn,
    units.order_id,
    units.event_date,
    units.units,
    units.is_graded,
    units.used_condition,
    units.value_recovery_type,
    units.unit_status,
    units.reason_for_unit_status,
    units.delivery_id,
    units.line_number,
    run.as_of_date
from {{ ref('int_graded_units') }} as units
inner join {{ ref('stg_run') }} as run on units.event_date <= run.as_of_date
