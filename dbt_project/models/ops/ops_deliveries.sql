-- Every pull event and what became of its rows. Rows of bytes that were stated several times stand with the newest
-- statement.

{%- set is_counted = 'statements.place = 1 and ' ~ is_modelled('pulls.feed') %}

with statements as (
    select
        pulls.pull_id,
        pulls.feed,
        pulls.store,
        pulls.delivery_id,
        row_number() over (
            partition by pulls.feed, pulls.store, pulls.delivery_id
            order by pulls.delivered_at desc, pulls.pull_id asc
        ) as place
    from {{ ref('stg_pulls') }} as pulls
    where {{ is_statement('pulls') }}
)

select
    pulls.pull_id,
    pulls.store,
    pulls.feed,
    pulls.delivery_id,
    pulls.window_from,
    pulls.window_to,
    pulls.delivered_at,
    pulls.outcome,
    pulls.restates,
    pulls.source,
    pulls.file_name,
    pulls.report_type,
    pulls.charset,
    pulls.size_bytes,
    pulls.rows_in,
    pulls.rows_bronze,
    pulls.rows_quarantined,
    case when {{ is_counted }} then coalesce(counts.rows_current, 0) end as rows_current,
    case when {{ is_counted }} then coalesce(counts.rows_superseded, 0) end as rows_superseded,
    pulls.first_event_day,
    pulls.last_event_day,
    pulls.error,
    run.as_of_date
from {{ ref('stg_pulls') }} as pulls
cross join {{ ref('stg_run') }} as run
left join statements on pulls.pull_id = statements.pull_id
left join {{ ref('int_delivery_rows') }} as counts
    on
        statements.feed = counts.feed
        and statements.store = counts.store
        and statements.delivery_id = counts.delivery_id
