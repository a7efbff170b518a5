-- Reviews in their newest state. A review with a number of its own, or with a known writer, is one however often it
-- was copied; without either, equal rows of one delivery may be different people.

with rows as (
    select
        judged.*,
        coalesce(trim(judged.review_id), '') <> '' or coalesce(trim(judged.reviewer_id), '') <> '' as is_identified
    from {{ judged_rows('reviews') }} as judged
    where judged.is_current
),

-- narrow, so that no text is sorted
numbered as (
    select
        row_key,
        recency,
        line_number,
        row_number() over (partition by row_key order by line_number desc) as copy,
        count(*) over (partition by row_key) as copies
    from rows
),

placed as (
    select
        rows.*,
        numbered.copy,
        numbered.copies,
        coalesce(names.marketplace, stores.marketplace, 'unattributed') as own_marketplace
    from rows
    inner join numbered
        on
            rows.row_key = numbered.row_key
            and rows.recency = numbered.recency
            and rows.line_number = numbered.line_number
    left join {{ ref('int_marketplace_names') }} as names on lower(trim(rows.marketplace)) = names.name
    left join {{ ref('int_stores') }} as stores on rows.store = stores.store
    where not rows.is_identified or numbered.copy = 1
),

dated as (
    select
        placed.*,
        {{ marketplace_day(
            'placed.review_date_at', 'placed.review_date_day', "coalesce(marketplaces.time_zone, 'UTC')"
        ) }} as review_date
    from placed
    left join {{ ref('stg_marketplaces') }} as marketplaces on placed.own_marketplace = marketplaces.marketplace
)

select
    md5({{ spelled([
        digest_text('dated.row_key'),
        'case when dated.is_identified then 1 else dated.copy end'
    ]) }}) as review_key,
    dated.store,
    dated.own_marketplace as marketplace,
    dated.asin,
    dated.review_date,
    dated.rating,
    dated.rating <= 3 as is_critical,
    dated.title,
    dated.body,
    dated.reviewer_id,
    dated.verified_purchase,
    dated.helpful_votes,
    coalesce(dated.language, verdicts.language) as language,
    coalesce(asins.category, 'uncategorised') as category,
    verdicts.class_by_text,
    dated.delivery_id,
    dated.line_number,
    case when dated.is_identified then dated.copies else 1 end as rows_in_delivery
from dated
left join {{ ref('int_asins') }} as asins on dated.store = asins.store and dated.asin = asins.asin
left join {{ ref('stg_comment_verdicts') }} as verdicts on {{ review_text('dated') }} = verdicts.comment
