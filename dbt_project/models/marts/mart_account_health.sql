-- Seller-fulfilled orders in what Amazon judges an account by: requests answered in time, declined and disputed, and
-- orders with a defect. A request counts on its day, an order on its purchase day with whatever came of it
-- since. Inputs that no feed of the store brings are unknown, not nil.

with run as (
    select * from {{ ref('dim_run') }}
),

-- what orders have against them; an order counts once however many of a kind it has
defects as (
    select
        store,
        order_id,
        bool_or(kind = 'a_to_z') as is_a_to_z,
        bool_or(kind = 'chargeback') as is_charged_back,
        bool_or(kind = 'negative_feedback') as is_rated_negative
    from (
        select store, order_id, 'a_to_z' as kind
        from {{ ref('fct_returns') }}
        where channel = 'FBM' and a_to_z_claim
        union all
        select store, order_id, {{ defect_of_refund('transaction_type') }} as kind
        from {{ ref('fct_refunds') }}
        where {{ defect_of_refund('transaction_type') }} is not null
        union all
        select store, order_id, 'negative_feedback' as kind
        from {{ ref('fct_seller_feedback') }}
        where kind = 'negative' and is_listed
    ) as found
    where order_id is not null
    group by store, order_id
),

orders as (
    select
        lines.store,
        lines.marketplace,
        lines.order_id,
        {{ ring('min(lines.purchase_date)', 'min(run.as_of_date)') }} as ring
    from {{ ref('fct_order_lines') }} as lines
    cross join run
    where lines.channel = 'FBM'
        and lines.is_shipped
        and not lines.is_replacement
        and not lines.is_multi_channel
        and {{ in_window('lines.purchase_date', 'run.as_of_date', window_lengths() | max) }}
    group by lines.store, lines.marketplace, lines.order_id
),

events as (
    select
        orders.store,
        orders.marketplace,
        orders.ring,
        1 as orders,
        case when defects.is_a_to_z then 1 end as orders_a_to_z,
        case when defects.is_charged_back then 1 end as orders_charged_back,
        case when defects.is_rated_negative then 1 end as orders_rated_negative,
        case when defects.is_a_to_z or defects.is_charged_back or defects.is_rated_negative then 1 end
            as orders_defective,
        null as requests,
        null as requests_approved_24h,
        null as requests_not_approved_24h,
        null as requests_declined,
        null as requests_a_to_z
    from orders
    left join defects on orders.store = defects.store and orders.order_id = defects.order_id
    union all
    select
        requests.store,
        requests.marketplace,
        {{ ring('requests.return_date', 'run.as_of_date') }} as ring,
        null, null, null, null, null,
        1 as requests,
        case when {{ is_approved_in_24h('requests') }} then 1 end as requests_approved_24h,
        case when {{ is_not_approved_in_24h('requests') }} then 1 end as requests_not_approved_24h,
        case when requests.is_rejected then 1 end as requests_declined,
        case when requests.a_to_z_claim or defects.is_a_to_z then 1 end as requests_a_to_z
    from {{ ref('fct_returns') }} as requests
    cross join run
    left join defects on requests.store = defects.store and requests.order_id = defects.order_id
    where requests.channel = 'FBM'
        and {{ in_window('requests.return_date', 'run.as_of_date', window_lengths() | max) }}
),

{% set counts = ['orders', 'orders_a_to_z', 'orders_charged_back', 'orders_rated_negative', 'orders_defective',
                 'requests', 'requests_approved_24h', 'requests_not_approved_24h', 'requests_declined',
                 'requests_a_to_z'] -%}

rings as (
    select
        store,
        marketplace,
        ring,
        {%- for name in counts %}
        count({{ name }}) as {{ name }} {{- "," if not loop.last }}
        {%- endfor %}
    from events
    group by store, marketplace, ring
),

counted as (
    select
        rings.store,
        rings.marketplace,
        windows.window_days,
        {%- for name in counts %}
        coalesce(sum(rings.{{ name }}) filter (where {{ ring_in_window('rings.ring', 'windows.window_days') }}), 0)
            as {{ name }} {{- "," if not loop.last }}
        {%- endfor %}
    from rings
    cross join {{ windows() }} as windows
    group by rings.store, rings.marketplace, windows.window_days
),

-- stores of which a report is known at all: only there does a count of 0 mean none
stores_with_requests as (
    select distinct store
    from {{ ref('fct_returns') }}
    where channel = 'FBM'
),

stores_with_settlements as (
    select distinct store from {{ ref('fct_settlement_lines') }}
),

stores_with_feedback as (
    select distinct store from {{ ref('fct_seller_feedback') }}
),

known as (
    select
        counted.*,
        requested.store is not null as has_requests,
        settled.store is not null as has_settlements,
        rated.store is not null as has_feedback,
        limits.value as order_defect_limit,
        run.as_of_date
    from counted
    cross join run
    left join stores_with_requests as requested on counted.store = requested.store
    left join stores_with_settlements as settled on counted.store = settled.store
    left join stores_with_feedback as rated on counted.store = rated.store
    {{ join_figure('limits', 'order_defect_limit', 'counted.marketplace', 'run.as_of_date') }}
),

judged as (
    select
        *,
        case when has_requests then requests end as known_requests,
        requests - requests_approved_24h - requests_not_approved_24h as requests_undetermined_24h,
        case when has_requests or has_settlements or has_feedback then orders end as known_orders
    from known
)

select
    store,
    marketplace,
    cast(window_days as integer) as window_days,
    cast(known_requests as bigint) as requests,
    cast(case when has_requests then requests_approved_24h end as bigint) as requests_approved_24h,
    cast(case when has_requests then requests_not_approved_24h end as bigint) as requests_not_approved_24h,
    cast(case when has_requests then requests_undetermined_24h end as bigint) as requests_undetermined_24h,
    case when requests_undetermined_24h = 0 then {{ rate('requests_approved_24h', 'known_requests') }} end
        as approved_24h_rate,
    cast({{ wilson_low('requests_approved_24h', 'known_requests') }} as double) as approved_24h_rate_low,
    cast({{ wilson_high('(requests_approved_24h + requests_undetermined_24h)', 'known_requests') }} as double)
        as approved_24h_rate_high,
    {%- for name in ['declined', 'a_to_z'] %}
    cast(case when has_requests then requests_{{ name }} end as bigint) as requests_{{ name }},
    {{ rate('requests_' ~ name, 'known_requests') }} as {{ name }}_rate,
    cast({{ wilson_low('requests_' ~ name, 'known_requests') }} as double) as {{ name }}_rate_low,
    cast({{ wilson_high('requests_' ~ name, 'known_requests') }} as double) as {{ name }}_rate_high,
    {%- endfor %}
    cast(orders as bigint) as orders,
    cast(case when has_requests or has_settlements then orders_a_to_z end as bigint) as orders_a_to_z,
    cast(case when has_settlements then orders_charged_back end as bigint) as orders_charged_back,
    cast(case when has_feedback then orders_rated_negative end as bigint) as orders_rated_negative,
    cast(case when known_orders is not null then orders_defective end as bigint) as orders_defective,
    {{ rate('orders_defective', 'known_orders') }} as order_defect_rate,
    cast({{ wilson_low('orders_defective', 'known_orders') }} as double) as order_defect_rate_low,
    cast({{ wilson_high('orders_defective', 'known_orders') }} as double) as order_defect_rate_high,
    cast(order_defect_limit as decimal(9, 6)) as order_defect_limit,
    {{ is_above('orders_defective', 'known_orders', 'order_defect_limit') }} as is_above_order_defect_limit,
    {{ unknown_parts({
        'a_to_z': 'has_requests or has_settlements',
        'chargebacks': 'has_settlements',
        'seller_feedback': 'has_feedback'
    }) }} as unknown_parts,
    as_of_date
from judged
