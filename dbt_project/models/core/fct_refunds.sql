with returned as (
    select distinct
        returns.store,
        returns.order_id,
        returns.order_sku
    from {{ ref('int_returns') }} as returns
    inner join {{ ref('stg_run') }} as run on returns.return_date <= run.as_of_date
)

select
    refunds.refund_id,
    refunds.store,
    refunds.marketplace,
    refunds.channel,
    refunds.order_id,
    refunds.sku,
    refunds.asin,
    refunds.refund_date,
    cast(refunds.refund_amount as decimal(18, 4)) as refund_amount,
    cast(refunds.principal_amount as decimal(18, 4)) as principal_amount,
    cast(refunds.fees_returned as decimal(18, 4)) as fees_returned,
    cast(refunds.tax_returned as decimal(18, 4)) as tax_returned,
    cast(refunds.fee_kept as decimal(18, 4)) as fee_kept,
    refunds.currency,
    {{ in_reporting_currency('refunds.refund_amount', 'refunds.currency', 'run.reporting_currency', 'rates.rate') }}
        as refund_amount_reporting,
    refunds.source,
    refunds.transaction_type,
    refunds.settlement_id,
    refunds.units,
    refunds.source = 'mfn_report' or returned.store is not null as has_return,
    refunds.is_used,
    not refunds.is_used and not refunds.is_other_order as is_new_item,
    run.as_of_date
from {{ ref('int_refunds') }} as refunds
cross join {{ ref('stg_run') }} as run
left join {{ ref('int_fx_rates') }} as rates
    on refunds.currency = rates.currency and refunds.refund_date = rates.day
left join returned
    on
        refunds.store = returned.store
        and refunds.order_id = returned.order_id
        and coalesce(refunds.sku, '') = coalesce(returned.order_sku, '')
where refunds.refund_date <= run.as_of_date
