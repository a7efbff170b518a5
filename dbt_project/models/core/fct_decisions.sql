-- Decisions made at the panel's desk, each as its newest delivery states it; the last about a case counts.

with decided as (
    select
        judged.decision_id,
        judged.store,
        judged.case_id,
        judged.kind,
        judged.order_id,
        judged.asin,
        judged.decision,
        judged.amount,
        judged.currency,
        judged.note,
        judged.decided_by,
        judged.decided_at_at as decided_at,
        {{ marketplace_day(
            'judged.decided_at_at', 'judged.decided_at_day', "coalesce(stores.time_zone, 'UTC')"
        ) }} as decided_on,
        judged.delivery_id,
        judged.line_number,
        row_number() over (partition by judged.row_key order by judged.line_number) as place
    from {{ judged_rows('decisions') }} as judged
    left join {{ ref('int_stores') }} as stores on judged.store = stores.store
    where judged.is_current
)

select
    decided.decision_id,
    decided.store,
    decided.case_id,
    decided.kind,
    decided.order_id,
    decided.asin,
    decided.decision,
    decided.amount,
    decided.currency,
    decided.note,
    decided.decided_by,
    decided.decided_at,
    cast(decided.decided_on as date) as decided_on,
    row_number() over (
        partition by decided.store, decided.case_id
        order by decided.decided_at desc nulls last, decided.decision_id desc
    ) = 1 as is_newest,
    decided.delivery_id,
    decided.line_number,
    run.as_of_date
from decided
inner join {{ ref('stg_run') }} as run on decided.decided_on <= run.as_of_date
where decided.place = 1
