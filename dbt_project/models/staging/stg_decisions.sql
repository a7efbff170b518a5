select
    _store as store,
    _delivery_id as delivery_id,
    _line_number as line_number,
    decision_id,
    case_id,
    kind,
    order_id,
    asin,
    decision,
    amount,
    currency,
    note,
    decided_by,
    decided_at_at,
    decided_at_day
from {{ source('bronze', 'decisions') }}
