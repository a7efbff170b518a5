-- The reason taxonomy: order of display, default fault and advice of each class.
select
    reason_class,
    position,
    fault,
    advice_code,
    advice_en,
    advice_zh
from {{ ref('stg_reason_classes') }}
