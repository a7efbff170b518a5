-- What this run is asked to compute, for the marts, which read no settings of their own.
select
    as_of_date,
    reporting_currency,
    cast(critical_review_threshold as decimal(9, 6)) as critical_review_threshold,
    return_window_days,
    processing_days,
    category_prior_units
from {{ ref('stg_run') }}
