-- Share of critical reviews (1 to 3 stars) of each ASIN, the alert above the threshold, and how far the ASIN is
-- credibly worse than its category. Reviews without a date are in no window.

with run as (
    select * from {{ ref('dim_run') }}
),

review_days as (
    select
        store,
        marketplace,
        asin,
        review_date,
        coalesce(class_by_text, 'unclear') as reason_class,
        count(*) as reviews,
        sum(case when is_critical then 1 else 0 end) as critical_reviews
    from {{ ref('fct_reviews') }}
    where review_date is not null
    group by store, marketplace, asin, review_date, coalesce(class_by_text, 'unclear')
),

class_rings as (
    select
        days.store,
        days.marketplace,
        days.asin,
        days.reason_class,
        {{ ring('days.review_date', 'run.as_of_date') }} as ring,
        sum(days.reviews) as reviews,
        sum(days.critical_reviews) as critical_reviews
    from review_days as days
    cross join run
    where {{ in_window('days.review_date', 'run.as_of_date', window_lengths() | max) }}
    group by
        days.store, days.marketplace, days.asin, days.reason_class, {{ ring('days.review_date', 'run.as_of_date') }}
),

class_windows as (
    select
        rings.store,
        rings.marketplace,
        rings.asin,
        rings.reason_class,
        windows.window_days,
        coalesce(sum(reviews) filter (where {{ ring_in_window('ring', 'window_days') }}), 0) as reviews,
        coalesce(sum(critical_reviews) filter (where {{ ring_in_window('ring', 'window_days') }}), 0)
            as critical_reviews
    from class_rings as rings
    cross join {{ windows() }} as windows
    group by rings.store, rings.marketplace, rings.asin, rings.reason_class, windows.window_days
),

counted as (
    select
        by_class.store,
        by_class.marketplace,
        by_class.asin,
        by_class.window_days,
        coalesce(max(asins.category), 'uncategorised') as category,
        sum(by_class.reviews) as reviews,
        sum(by_class.critical_reviews) as critical_reviews
    from class_windows as by_class
    left join {{ ref('dim_asin') }} as asins using (store, marketplace, asin)
    group by by_class.store, by_class.marketplace, by_class.asin, by_class.window_days
),

-- what critical reviewers complain of most: what to check
top_reasons as (
    select
        store,
        marketplace,
        asin,
        window_days,
        reason_class as top_reason_class
    from (
        select
            by_class.*,
            row_number() over (
                partition by by_class.store, by_class.marketplace, by_class.asin, by_class.window_days
                order by
                    case when {{ is_informative('by_class.reason_class') }} then 0 else 1 end,
                    by_class.critical_reviews desc,
                    classes.position,
                    by_class.reason_class
            ) as place
        from class_windows as by_class
        left join {{ ref('dim_reason_class') }} as classes on by_class.reason_class = classes.reason_class
        where by_class.critical_reviews > 0
    ) as ranked
    where place = 1
),

judged as (
    select
        counted.*,
        run.critical_review_threshold as threshold,
        run.category_prior_units,
        run.as_of_date,
        {{ rate('sum(counted.critical_reviews) over in_category', 'sum(counted.reviews) over in_category') }}
            as category_critical_rate,
        {{ is_above('counted.critical_reviews', 'counted.reviews', 'run.critical_review_threshold') }} as is_alert
    from counted
    cross join run
    window in_category as (
        partition by counted.store, counted.marketplace, counted.window_days, counted.category
    )
),

-- Since when an alert has stood without a break. The sum of a rolling window changes only on the day of a review and on
-- the day on which it drops out again, so the state after each such day is all there is to know.
alerting as (
    select
        store,
        marketplace,
        asin,
        window_days,
        threshold,
        as_of_date,
        -- a number to sort by: four texts a row take three times as long
        row_number() over (order by store, marketplace, asin, window_days) as alert_number
    from judged
    where is_alert
),

asin_days as (
    select
        store,
        marketplace,
        asin,
        review_date,
        cast(sum(reviews) as integer) as reviews,
        cast(sum(critical_reviews) as integer) as critical_reviews
    from review_days
    group by store, marketplace, asin, review_date
),

changes as (
    select
        alerting.alert_number,
        alerting.threshold,
        days.review_date as day,
        days.reviews,
        days.critical_reviews
    from alerting
    inner join asin_days as days using (store, marketplace, asin)
    where days.review_date <= alerting.as_of_date
    union all
    select
        alerting.alert_number,
        alerting.threshold,
        {{ add_days('days.review_date', 'alerting.window_days') }} as day,
        -days.reviews,
        -days.critical_reviews
    from alerting
    inner join asin_days as days using (store, marketplace, asin)
    where {{ add_days('days.review_date', 'alerting.window_days') }} <= alerting.as_of_date
),

states as (
    select
        alert_number,
        day,
        {{ is_above('sum(critical_reviews) over until_day', 'sum(reviews) over until_day', 'threshold') }} as is_alert
    from changes
    window until_day as (
        partition by alert_number order by day range between unbounded preceding and current row
    )
),

last_quiet_days as (
    select
        alert_number,
        max(case when not is_alert then day end) as day
    from states
    group by alert_number
),

alert_starts as (
    select
        alerting.store,
        alerting.marketplace,
        alerting.asin,
        alerting.window_days,
        min(states.day) as first_alert_date
    from states
    inner join last_quiet_days as quiet on states.alert_number = quiet.alert_number
    inner join alerting on states.alert_number = alerting.alert_number
    where quiet.day is null or states.day > quiet.day
    group by alerting.store, alerting.marketplace, alerting.asin, alerting.window_days
),

excess as (
    select
        *,
        case
            when reviews > 0
                then
                    {{ shrunk_low('critical_reviews', 'reviews', 'category_critical_rate', 'category_prior_units') }}
                    - category_critical_rate
        end as credible_excess
    from judged
)

select
    excess.store,
    excess.marketplace,
    excess.asin,
    cast(excess.window_days as integer) as window_days,
    cast(excess.reviews as bigint) as reviews,
    cast(excess.critical_reviews as bigint) as critical_reviews,
    {{ rate('excess.critical_reviews', 'excess.reviews') }} as critical_review_rate,
    cast({{ wilson_low('excess.critical_reviews', 'excess.reviews') }} as double) as rate_low,
    cast({{ wilson_high('excess.critical_reviews', 'excess.reviews') }} as double) as rate_high,
    cast(excess.threshold as decimal(9, 6)) as threshold,
    excess.is_alert,
    alert_starts.first_alert_date,
    excess.category,
    excess.category_critical_rate,
    cast(excess.credible_excess as double) as credible_excess,
    coalesce(excess.credible_excess > 0, false) as is_credibly_above_category,
    cast(case
        when excess.reviews > 0
            then row_number() over (
                partition by excess.store, excess.marketplace, excess.window_days
                order by excess.credible_excess desc nulls last, excess.critical_reviews desc, excess.asin asc
            )
    end as integer) as excess_rank,
    top_reasons.top_reason_class,
    classes.advice_code,
    classes.advice_en,
    classes.advice_zh,
    excess.as_of_date
from excess
left join alert_starts using (store, marketplace, asin, window_days)
left join top_reasons using (store, marketplace, asin, window_days)
left join {{ ref('dim_reason_class') }} as classes on top_reasons.top_reason_class = classes.reason_class
