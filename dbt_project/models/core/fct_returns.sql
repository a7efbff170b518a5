-- Returns with what was refunded for them. A seller-fulfilled row says itself; for the others the settlement refunds
-- of their order and SKU, less what was reported, are spread over their units, exact to the cent. A reported 0.00 says
-- that nothing was refunded when the report was written: a settlement that knows a refund is the money that moved.

with returns as (
    select returns.*
    from {{ ref('int_returns') }} as returns
    inner join {{ ref('stg_run') }} as run on returns.return_date <= run.as_of_date
),

settled as (
    select
        refunds.store,
        refunds.order_id,
        coalesce(refunds.sku, '') as order_sku,
        {{ single_currency_sum('refunds.refund_amount', 'refunds.currency') }} as refund_amount,
        {{ single_currency('refunds.refund_amount', 'refunds.currency') }} as currency
    from {{ ref('int_refunds') }} as refunds
    inner join {{ ref('stg_run') }} as run on refunds.refund_date <= run.as_of_date
    where refunds.source = 'settlement'
    group by refunds.store, refunds.order_id, coalesce(refunds.sku, '')
),

reported as (
    select
        store,
        order_id,
        coalesce(order_sku, '') as order_sku,
        sum(reported_refund) as refund_amount
    from returns
    where reported_refund is not null
    group by store, order_id, coalesce(order_sku, '')
),

-- returns without a reported amount whose order and SKU have settlement refunds; few rows, and only they are put in
-- order
unreported as (
    select
        returns.return_id,
        returns.store,
        returns.order_id,
        settled.order_sku,
        returns.return_date,
        returns.units,
        returns.reported_refund,
        settled.currency,
        greatest(settled.refund_amount - coalesce(reported.refund_amount, 0), 0) as refund_amount,
        bool_or(returns.reported_refund is null) over (
            partition by returns.store, returns.order_id, settled.order_sku
        ) as has_blank
    from returns
    inner join settled
        on
            returns.store = settled.store
            and returns.order_id = settled.order_id
            and coalesce(returns.order_sku, '') = settled.order_sku
    left join reported
        on
            returns.store = reported.store
            and returns.order_id = reported.order_id
            and coalesce(returns.order_sku, '') = reported.order_sku
    where coalesce(returns.reported_refund, 0) = 0 and settled.refund_amount is not null
),

-- the refund is that of the rows that say nothing, and only without such a row that of rows that say 0.00
shared as (
    select
        return_id,
        units,
        currency,
        refund_amount,
        sum(units) over (
            partition by store, order_id, order_sku
            order by return_date, return_id
            rows between unbounded preceding and current row
        ) as units_until,
        sum(units) over (partition by store, order_id, order_sku) as units_total
    from unreported
    where reported_refund is null or not has_blank
),

shares as (
    select
        return_id,
        currency,
        {{ spread('refund_amount', 'currency', 'units_until - units', 'units_until', 'units_total') }} as refund_amount
    from shared
),

refunded as (
    select
        returns.*,
        coalesce(shares.refund_amount, returns.reported_refund) as refund_amount,
        case
            when shares.return_id is not null then shares.currency
            else returns.reported_currency
        end as currency
    from returns
    left join shares on returns.return_id = shares.return_id
)

select
    returns.return_id,
    returns.store,
    returns.marketplace,
    returns.channel,
    returns.order_id,
    returns.asin,
    returns.sku,
    returns.units,
    returns.return_date,
    returns.returned_basis,
    returns.purchase_date,
    cast({{ days_between('returns.purchase_date', 'returns.return_date') }} as integer) as lag_days,
    returns.reason_code,
    returns.reason_class_code,
    returns.reason_class_text,
    returns.reason_class,
    returns.reason_conflict,
    coalesce(classes.fault, 'unknown') as fault,
    returns.disposition,
    returns.status,
    returns.license_plate_number,
    returns.comment,
    cast(returns.refund_amount as decimal(18, 4)) as refund_amount,
    returns.currency,
    returns.attribution,
    returns.delivery_id,
    returns.line_number,
    returns.fnsku,
    returns.product_name,
    returns.return_at,
    returns.is_used,
    returns.is_multi_channel,
    returns.is_replacement,
    returns.is_new_item,
    returns.is_rejected,
    returns.reason_confidence,
    returns.deciding_words,
    returns.resolution,
    returns.rma_id,
    returns.return_request_status,
    {{ in_reporting_currency('returns.refund_amount', 'returns.currency', 'run.reporting_currency', 'rates.rate') }}
        as refund_amount_reporting,
    returns.label_cost,
    returns.label_payer,
    coalesce(asins.category, 'uncategorised') as category,
    returns.unit_price,
    returns.unit_price_currency,
    returns.a_to_z_claim,
    returns.return_delivery_date,
    returns.unanswered_until,
    returns.answered_by,
    returns.order_date,
    returns.safet_claim_id,
    returns.safet_claim_state,
    returns.safet_claim_created,
    returns.safet_claim_reimbursement,
    returns.fulfillment_center_id,
    run.as_of_date
from refunded as returns
cross join {{ ref('stg_run') }} as run
left join {{ ref('stg_reason_classes') }} as classes on returns.reason_class = classes.reason_class
left join {{ ref('int_asins') }} as asins on returns.store = asins.store and returns.asin = asins.asin
left join {{ ref('int_fx_rates') }} as rates
    on returns.currency = rates.currency and returns.return_date = rates.day
