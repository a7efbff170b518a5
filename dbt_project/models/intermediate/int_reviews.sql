-- Reviews in their newest state. A review with a number of its own, or with a known writer, is one however often it
-- was copied; without either, equal rows of one delivery may be different people.

with rows as (
    select
        judged.*,
        coalesce(trim(judged.review_id), '') <> '' or coalesce(trim(judged.reviewer_id), '') <> '' as is_identified
    from {{ judged_rows('reviews') }} as judged
    where judged.is_current
),

repeated as (
    select row_key
    from rows
    group by row_key
    having count(*) > 1
),

-- the few rows whose key came more than once: no others are put in order
copies as (
    select
        store,
        delivery_id,
        line_number,
        row_number() over (partition by row_key order by line_number desc) as copy,
        count(*) over (partition by row_key) as copies
    from rows
    where row_key in (select repeated.row_key from repeated)
),

placed as (
    select
        rows.*,
        coalesce(copies.copy, 1) as copy,
        coalesce(copies.copies, 1) as copies,
        coalesce(names.marketplace, stores.marketplace, 'unattributed') as own_marketplace
    from rows
    left join copies
        on
            rows.store = copies.store
            and rows.delivery_id = copies.delivery_id
            and rows.line_number = copies.line_number
    left join {{ ref('int_marketplace_names') }} as names on lower(trim(rows.marketplace)) = names.name
    left join {{ ref('int_stores') }} as stores on rows.store = stores.store
    where not rows.is_identified or coalesce(copies.copy, 1) = 1
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
