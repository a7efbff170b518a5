-- What this run is asked to compute, for the marts, which read no settings of their own.
select
    as_of_date,
    known_by,
    reporting_currency,
    critical_review_threshold,
    return_window_days,
    processing_days,
    category_prior_units,
    lookback_days
from {{ ref('stg_run') }}
