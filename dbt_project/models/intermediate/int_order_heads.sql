-- Orders as a whole, of those that feedback and reimbursements mention: where they were sold, who shipped them, and the
-- item where there is only one.

with wanted as (
    select
        store,
        order_id
    from {{ ref('stg_seller_feedback') }}
    union
    select
        store,
        order_id
    from {{ ref('stg_reimbursements') }}
)

select
    lines.store,
    lines.order_id,
    min(lines.marketplace) as marketplace,
    case when min(lines.channel) = max(lines.channel) then min(lines.channel) end as channel,
    case when min(lines.asin) = max(lines.asin) then min(lines.asin) end as asin,
    min(lines.purchase_date) as purchase_date
from {{ ref('fct_order_lines') }} as lines
inner join wanted on lines.store = wanted.store and lines.order_id = wanted.order_id
group by lines.store, lines.order_id
