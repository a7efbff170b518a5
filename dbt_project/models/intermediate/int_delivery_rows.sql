-- Where the bronze rows of each delivery went: into the current truth, or superseded (by a newer delivery, or as a
-- copy). Current rows are counted in the tables that hold them and superseded ones by what replaced them, so that the
-- sum proves something: it must be what the ledger says was in the delivery.

with counted as (
    select 'orders' as feed, store, delivery_id, count(*) as rows_current, 0 as rows_superseded
    from {{ ref('fct_order_lines') }}
    group by store, delivery_id
    union all
    -- Lines after the as-of day. The day in the report is at most one away from that of the marketplace's clock, and
    -- leaves all others out of the scan as long as it is compared with a subquery: by a join, ten million lines take
    -- 6.6 s of CPU time instead of 0.05.
    select 'orders', store, delivery_id, count(*), 0
    from {{ ref('int_order_lines') }}
    where
        purchase_date > (select run.as_of_date from {{ ref('stg_run') }} as run)
        and reported_day >= (select run.as_of_date from {{ ref('stg_run') }} as run)
    group by store, delivery_id
    union all
    select 'mfn_returns', store, delivery_id, count(*), 0
    from {{ ref('int_returns') }}
    where channel = 'FBM'
    group by store, delivery_id
    union all
    select 'settlements', store, delivery_id, count(*), 0
    from {{ ref('int_settlement_lines') }}
    group by store, delivery_id
    union all
    select 'settlements', store, delivery_id, sum(summary_rows), 0
    from {{ ref('int_settlements') }}
    group by store, delivery_id
    union all
    select 'grade_resell', store, delivery_id, count(*), 0
    from {{ ref('int_graded_units') }}
    group by store, delivery_id
    {%- for feed in [
        'decisions', 'finance_transactions', 'fulfilled_shipments', 'ledger_detail', 'listings', 'reimbursements',
        'removals', 'seller_feedback'
    ] %}
    union all
    select '{{ feed }}', rows.store, rows.delivery_id, count(*), 0
    from {{ judged_rows(feed) }} as rows
    where rows.is_current
    group by rows.store, rows.delivery_id
    {%- endfor %}
    union all
    select 'reviews', store, delivery_id, count(*), sum(rows_in_delivery - 1)
    from {{ ref('int_reviews') }}
    group by store, delivery_id
    {%- for feed in modelled_feeds() if feed_merge(feed) == 'keyed' %}
    union all
    select '{{ feed }}', rows.store, rows.delivery_id, 0, count(*)
    from {{ superseded_rows(feed) }} as rows
    group by rows.store, rows.delivery_id
    {%- endfor %}
    union all
    select 'fba_returns', store, delivery_id, count(*), 0
    from {{ ref('int_fba_returns') }}
    group by store, delivery_id
    union all
    select 'fba_returns', rows.store, rows.delivery_id, 0, count(*)
    from {{ ref('stg_fba_returns') }} as rows
    inner join {{ ref('int_deliveries') }} as deliveries
        on deliveries.feed = 'fba_returns'
        and rows.store = deliveries.store
        and rows.delivery_id = deliveries.delivery_id
    left join {{ ref('int_fba_returns') }} as held
        on rows.store = held.store and rows.delivery_id = held.delivery_id and rows.line_number = held.line_number
    where held.store is null
    group by rows.store, rows.delivery_id
    union all
    select
        'inventory',
        rows.store,
        rows.delivery_id,
        sum(case when snapshots.store is not null then 1 else 0 end),
        sum(case when snapshots.store is null then 1 else 0 end)
    from {{ ref('stg_inventory') }} as rows
    inner join {{ ref('int_deliveries') }} as deliveries
        on deliveries.feed = 'inventory'
        and rows.store = deliveries.store
        and rows.delivery_id = deliveries.delivery_id
    left join {{ ref('int_snapshots') }} as snapshots
        on rows.store = snapshots.store and rows.delivery_id = snapshots.delivery_id
    group by rows.store, rows.delivery_id
)

select
    feed,
    store,
    delivery_id,
    cast(sum(rows_current) as bigint) as rows_current,
    cast(sum(rows_superseded) as bigint) as rows_superseded
from counted
group by feed, store, delivery_id
