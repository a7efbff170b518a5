-- Feedback about the seller, each as its newest delivery states it. The report knows neither marketplace nor channel:
-- both come from the order. Feedback that the buyer removed or Amazon struck out is known by its absence from a newer
-- report that covers its day, with a day on either side, since the report's days are local ones and a window's are UTC.

with judged as (
    select
        held.*,
        row_number() over (partition by held.row_key order by held.line_number) as ordinal
    from {{ judged_rows('seller_feedback') }} as held
    where held.is_current
),

placed as (
    select
        judged.*,
        coalesce(orders.marketplace, 'unattributed') as marketplace,
        orders.channel,
        orders.asin,
        orders.purchase_date,
        {{ marketplace_day(
            'judged.feedback_date_at', 'judged.feedback_date_day',
            "coalesce(marketplaces.time_zone, stores.time_zone, 'UTC')"
        ) }} as feedback_date
    from judged
    left join {{ ref('int_order_heads') }} as orders
        on judged.store = orders.store and judged.order_id = orders.order_id
    left join {{ ref('stg_marketplaces') }} as marketplaces on orders.marketplace = marketplaces.marketplace
    left join {{ ref('int_stores') }} as stores on judged.store = stores.store
),

reports as (
    select
        placed.store,
        placed.feedback_date_day,
        max(pulls.delivered_at) as delivered_at
    from (select distinct store, feedback_date_day from placed) as placed
    inner join {{ ref('stg_pulls') }} as pulls
        on
            pulls.feed = 'seller_feedback'
            and {{ is_statement('pulls') }}
            and placed.store = pulls.store
            and placed.feedback_date_day > pulls.window_from
            and placed.feedback_date_day < pulls.window_to
    group by placed.store, placed.feedback_date_day
)

select
    md5({{ spelled([digest_text('placed.row_key'), 'placed.ordinal']) }}) as feedback_id,
    placed.store,
    placed.marketplace,
    placed.channel,
    placed.order_id,
    placed.asin,
    placed.purchase_date,
    cast(placed.feedback_date as date) as feedback_date,
    placed.rating,
    case when placed.rating <= 2 then 'negative' when placed.rating = 3 then 'neutral' else 'positive' end as kind,
    placed.comments,
    placed.response,
    coalesce(reports.delivered_at <= placed.delivered_at, true) as is_listed,
    placed.delivery_id,
    placed.line_number,
    run.as_of_date
from placed
inner join {{ ref('stg_run') }} as run on placed.feedback_date <= run.as_of_date
left join reports on placed.store = reports.store and placed.feedback_date_day = reports.feedback_date_day
