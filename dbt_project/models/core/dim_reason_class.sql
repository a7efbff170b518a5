-- The reason taxonomy: order of display, name, default fault and advice of each class.
select
    classes.reason_class,
    classes.position,
    classes.name_en,
    classes.name_zh,
    classes.fault,
    classes.advice_code,
    classes.advice_en,
    classes.advice_zh,
    run.as_of_date
from {{ ref('stg_reason_classes') }} as classes
cross join {{ ref('stg_run') }} as run
