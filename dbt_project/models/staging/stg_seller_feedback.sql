select
    _store as store,
    _delivery_id as delivery_id,
    _line_number as line_number,
    feedback_date_at,
    feedback_date_day,
    rating,
    comments,
    response,
    order_id
from {{ source('bronze', 'seller_feedback') }}
