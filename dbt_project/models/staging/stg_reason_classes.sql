select
    reason_class,
    cast(position as integer) as position,
    fault,
    advice_code,
    advice_en,
    advice_zh
from {{ source('reference', 'reason_classes') }}
