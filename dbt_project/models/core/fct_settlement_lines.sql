-- The intermediate rows up to the as-of day, as readers get them.

select
    lines.settlement_line_id,
    lines.store,
    lines.marketplace,
    lines.settlement_id,
    lines.transaction_type,
    lines.amount_type,
    lines.amount_description,
    lines.amount,
    lines.currency,
    lines.order_id,
    lines.sku,
    lines.asin,
    lines.posted_date,
    lines.quantity,
    lines.fulfillment_id,
    lines.adjustment_id,
    lines.delivery_id,
    lines.line_number,
    run.as_of_date
from {{ ref('int_settlement_lines') }} as lines
inner join {{ ref('stg_run') }} as run on coalesce(lines.posted_date, run.as_of_date) <= run.as_of_date
