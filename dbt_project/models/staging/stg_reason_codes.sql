select
    code as reason_code,
    reason_class
from {{ source('reference', 'reason_codes') }}
