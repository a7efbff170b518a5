-- What Amazon reimbursed and took back, row by row, in the newest state of each reimbursement. The report does not tell
-- marketplaces apart: the order does, else the currency where only one marketplace of the store has it.

with judged as (
    select
        held.*,
        row_number() over (partition by held.row_key order by held.line_number) as ordinal
    from {{ judged_rows('reimbursements') }} as held
    where held.is_current
),

currencies as (
    select
        stores.store,
        marketplaces.currency,
        min(stores.marketplace) as marketplace
    from {{ ref('stg_stores') }} as stores
    inner join {{ ref('stg_marketplaces') }} as marketplaces on stores.marketplace = marketplaces.marketplace
    group by stores.store, marketplaces.currency
    having count(*) = 1
),

placed as (
    select
        judged.*,
        coalesce(orders.marketplace, currencies.marketplace, 'unattributed') as marketplace,
        case
            when orders.marketplace is not null then 'order'
            when currencies.marketplace is not null then 'currency'
            else 'none'
        end as marketplace_by,
        coalesce(nullif(trim(judged.asin), ''), skus.asin) as item_asin
    from judged
    left join {{ ref('int_order_heads') }} as orders
        on judged.store = orders.store and judged.order_id = orders.order_id
    left join currencies on judged.store = currencies.store and judged.currency = currencies.currency
    left join {{ ref('int_sku_asins') }} as skus on judged.store = skus.store and judged.sku = skus.sku
),

dated as (
    select
        placed.*,
        {{ marketplace_day(
            'placed.approval_date_at', 'placed.approval_date_day',
            "coalesce(marketplaces.time_zone, stores.time_zone, 'UTC')"
        ) }} as approved_on
    from placed
    left join {{ ref('stg_marketplaces') }} as marketplaces on placed.marketplace = marketplaces.marketplace
    left join {{ ref('int_stores') }} as stores on placed.store = stores.store
)

select
    md5({{ spelled([digest_text('dated.row_key'), 'dated.ordinal']) }}) as reimbursement_line_id,
    dated.store,
    dated.marketplace,
    dated.marketplace_by,
    dated.reimbursement_id,
    dated.case_id,
    dated.order_id,
    dated.sku,
    dated.item_asin as asin,
    dated.fnsku,
    dated.reason,
    dated.condition,
    cast(dated.approved_on as date) as approval_date,
    dated.amount_total as amount,
    dated.amount_per_unit,
    dated.currency,
    dated.quantity_reimbursed_cash as quantity_cash,
    dated.quantity_reimbursed_inventory as quantity_inventory,
    dated.quantity_reimbursed_total as quantity_total,
    {{ is_reimbursement_reversal('dated') }} as is_reversal,
    dated.original_reimbursement_id,
    dated.original_reimbursement_type,
    dated.delivery_id,
    dated.line_number,
    run.as_of_date
from dated
inner join {{ ref('stg_run') }} as run on dated.approved_on <= run.as_of_date
