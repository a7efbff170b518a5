select
    reason_class,
    cast(position as integer) as position,
    name_en,
    name_zh,
    fault,
    advice_code,
    advice_en,
    advice_zh
from {{ source('reference', 'reason_classes') }}
