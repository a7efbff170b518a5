select
    store,
    feed,
    delivery_id,
    line_number,
    reasons,
    original_line
from {{ source('control', 'quarantine') }}
