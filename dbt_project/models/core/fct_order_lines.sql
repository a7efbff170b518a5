-- Order lines up to the as-of day: the one fact to which the others are attributed, so intermediate models read it too.

select
    lines.order_line_id,
    lines.store,
    lines.marketplace,
    lines.channel,
    lines.order_id,
    lines.sku,
    lines.asin,
    lines.purchase_at,
    lines.purchase_date,
    lines.order_status,
    lines.is_shipped,
    lines.is_cancelled,
    lines.units_ordered,
    lines.units_shipped,
    lines.item_price,
    lines.item_tax,
    lines.promotion_discount,
    lines.sales_amount,
    lines.currency,
    lines.is_multi_channel,
    lines.is_replacement,
    lines.is_used,
    lines.is_new_item,
    lines.base_sku,
    lines.category,
    lines.delivery_id,
    lines.line_number,
    run.as_of_date
from {{ ref('int_order_lines') }} as lines
inner join {{ ref('stg_run') }} as run on lines.purchase_date <= run.as_of_date
