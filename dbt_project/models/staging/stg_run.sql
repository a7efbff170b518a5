select
    as_of_date,
    known_by,
    reporting_currency,
    critical_review_threshold,
    return_window_days,
    processing_days,
    category_prior_units,
    lookback_days
from {{ source('control', 'run') }}
