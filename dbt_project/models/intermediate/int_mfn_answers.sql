-- Since when a seller-fulfilled request is seen with an answer, and until when it was seen without one. The report does
-- not say when it was answered, but each delivery shows the request as it stood: the answer came between the two.

with deliveries as (
    select
        pulls.store,
        pulls.delivery_id,
        min(pulls.delivered_at) as first_delivered_at,
        max(pulls.delivered_at) as last_delivered_at
    from {{ ref('stg_pulls') }} as pulls
    where pulls.feed = 'mfn_returns' and {{ is_statement('pulls') }}
    group by pulls.store, pulls.delivery_id
)

select
    {{ row_key('mfn_returns', 'rows') }} as row_key,
    max(case when {{ is_unanswered('rows.return_request_status') }} then deliveries.last_delivered_at end)
        as unanswered_until,
    min(case when not {{ is_unanswered('rows.return_request_status') }} then deliveries.first_delivered_at end)
        as answered_by
from {{ ref('stg_mfn_returns') }} as rows
inner join deliveries on rows.store = deliveries.store and rows.delivery_id = deliveries.delivery_id
group by {{ row_key('mfn_returns', 'rows') }}
