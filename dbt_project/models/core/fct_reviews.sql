-- The intermediate rows up to the as-of day, as readers get them.

select
    reviews.review_key,
    reviews.store,
    reviews.marketplace,
    reviews.asin,
    reviews.review_date,
    reviews.rating,
    reviews.is_critical,
    reviews.title,
    reviews.body,
    reviews.reviewer_id,
    reviews.verified_purchase,
    reviews.helpful_votes,
    reviews.language,
    reviews.category,
    reviews.class_by_text,
    reviews.delivery_id,
    reviews.line_number,
    run.as_of_date
from {{ ref('int_reviews') }} as reviews
inner join {{ ref('stg_run') }} as run on coalesce(reviews.review_date, run.as_of_date) <= run.as_of_date
