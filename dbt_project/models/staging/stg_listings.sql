select
    _store as store,
    _delivery_id as delivery_id,
    _line_number as line_number,
    item_name,
    listing_id,
    sku,
    price,
    quantity,
    open_date_at,
    open_date_day,
    product_id_type,
    item_condition,
    asin,
    product_id,
    fulfillment_channel,
    status,
    category
from {{ source('bronze', 'listings') }}
