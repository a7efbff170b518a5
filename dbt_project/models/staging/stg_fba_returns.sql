select
    _store as store,
    _delivery_id as delivery_id,
    _line_number as line_number,
    return_date_at,
    return_date_day,
    order_id,
    sku,
    asin,
    fnsku,
    product_name,
    quantity,
    fulfillment_center_id,
    detailed_disposition,
    reason,
    status,
    license_plate_number,
    customer_comments
from {{ source('bronze', 'fba_returns') }}
