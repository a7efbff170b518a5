-- Refunds as settlements book them, and, where no settlement knows one for the order and SKU, as the seller-fulfilled
-- return reports it. The same refund never counts twice. Core leaves out what comes after the as-of day.

with settled as (
    select
        lines.store,
        lines.settlement_id,
        coalesce(lines.posted_date, lines.end_day) as refund_date,
        lines.order_id,
        lines.sku,
        lines.adjustment_id,
        lower(trim(lines.transaction_type)) as kind,
        min(lines.transaction_type) as transaction_type,
        min(lines.marketplace) as marketplace,
        min(lines.asin) as asin,
        min(lines.fulfillment_id) as fulfillment_id,
        min(lines.currency) as currency,
        -sum(case when lower(lines.amount_type) in ('itemprice', 'promotion') then lines.amount else 0 end)
            as refund_amount,
        -sum(case
            when lower(lines.amount_type) = 'itemprice' and lower(lines.amount_description) = 'principal'
                then lines.amount
            else 0
        end) as principal_amount,
        sum(case
            when lower(lines.amount_type) = 'itemfees' and lower(lines.amount_description) <> 'refundcommission'
                then lines.amount
            else 0
        end) as fees_returned,
        sum(case when lower(lines.amount_type) = 'itemwithheldtax' then lines.amount else 0 end) as tax_returned,
        -sum(case
            when lower(lines.amount_type) = 'itemfees' and lower(lines.amount_description) = 'refundcommission'
                then lines.amount
            else 0
        end) as fee_kept,
        nullif(max(lines.quantity), 0) as units
    from {{ ref('int_settlement_lines') }} as lines
    where {{ is_refund('lines.transaction_type') }}
    group by
        lines.store,
        lines.settlement_id,
        coalesce(lines.posted_date, lines.end_day),
        lines.order_id,
        lines.sku,
        lines.adjustment_id,
        lower(trim(lines.transaction_type))
),

settled_refunds as (
    select
        md5({{ spelled([
            "'settlement'", 'rows.store', 'rows.settlement_id', 'rows.refund_date', 'rows.order_id', 'rows.sku',
            'rows.adjustment_id', 'rows.kind'
        ]) }}) as refund_id,
        rows.store,
        rows.marketplace,
        case
            when rows.fulfillment_id is not null then {{ channel_of('rows.fulfillment_id') }}
            else coalesce(items.channel, 'FBM')
        end as channel,
        rows.order_id,
        rows.sku,
        rows.asin,
        rows.refund_date,
        rows.refund_amount,
        rows.principal_amount,
        rows.fees_returned,
        rows.tax_returned,
        rows.fee_kept,
        rows.currency,
        'settlement' as source,
        rows.transaction_type,
        rows.settlement_id,
        rows.units,
        {{ is_used_sku('rows.sku') }} as is_used,
        coalesce(items.is_multi_channel or items.is_replacement, false) as is_other_order
    from settled as rows
    left join {{ ref('int_order_items') }} as items
        on
            items.found_by = 'sku'
            and rows.store = items.store
            and rows.order_id = items.order_id
            and rows.sku = items.item
    where rows.refund_date is not null
),

reported_refunds as (
    select
        md5({{ spelled(["'mfn_report'", 'returns.return_id']) }}) as refund_id,
        returns.store,
        returns.marketplace,
        returns.channel,
        returns.order_id,
        returns.sku,
        returns.asin,
        returns.return_date as refund_date,
        returns.reported_refund as refund_amount,
        cast(null as decimal(18, 4)) as principal_amount,
        cast(null as decimal(18, 4)) as fees_returned,
        cast(null as decimal(18, 4)) as tax_returned,
        cast(null as decimal(18, 4)) as fee_kept,
        returns.reported_currency as currency,
        'mfn_report' as source,
        'Refund' as transaction_type,
        cast(null as varchar) as settlement_id,
        returns.units,
        returns.is_used,
        returns.is_multi_channel or returns.is_replacement as is_other_order
    from {{ ref('int_returns') }} as returns
    left join (
        select distinct
            settled.store,
            settled.order_id,
            settled.sku
        from settled
        inner join {{ ref('stg_run') }} as run on settled.refund_date <= run.as_of_date
    ) as settled
        on
            returns.store = settled.store
            and returns.order_id = settled.order_id
            and coalesce(returns.order_sku, '') = coalesce(settled.sku, '')
    where returns.reported_refund <> 0 and settled.store is null
)

select * from settled_refunds
union all
select * from reported_refunds
