-- One settlement: its currency, which only the summary row states, its total and what its lines add up to.

select
    lines.store,
    lines.settlement_id,
    case when min(lines.currency) = max(lines.currency) then min(lines.currency) end as currency,
    count(distinct lines.currency) as currencies,
    max(case when {{ is_summary('lines') }} then lines.total_amount end) as total_amount,
    cast(sum(case when not {{ is_summary('lines') }} then lines.amount end) as decimal(18, 4)) as lines_amount,
    max(case when {{ is_summary('lines') }} then lines.settlement_end_date_day end) as end_day,
    sum(case when {{ is_summary('lines') }} then 1 else 0 end) as summary_rows,
    min(lines.delivery_id) as delivery_id
from {{ judged_rows('settlements') }} as lines
where lines.is_current
group by lines.store, lines.settlement_id
