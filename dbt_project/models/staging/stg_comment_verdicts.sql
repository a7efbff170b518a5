select
    comment,
    class_by_text,
    confidence,
    is_sure,
    deciding_words,
    language
from {{ source('control', 'comment_verdicts') }}
