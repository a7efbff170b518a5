select
    _store as store,
    _delivery_id as delivery_id,
    _line_number as line_number,
    shipment_date_at,
    shipment_date_day,
    sku,
    asin,
    fulfillment_center_id,
    original_fulfillment_center_id,
    quantity,
    replacement_reason_code,
    replacement_order_id,
    original_order_id
from {{ source('bronze', 'replacements') }}
