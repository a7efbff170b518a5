-- Returns of both channels in one form: attributed to their order line, given a day on the marketplace's clock, and
-- classed by code and by words. Core adds what was refunded for them, and leaves out what comes after the as-of day.

with fba as (
    select
        'FBA' as channel,
        'processed' as returned_basis,
        rows.store,
        rows.order_id,
        rows.asin,
        rows.sku,
        rows.quantity as units,
        rows.return_date_at as return_at,
        rows.return_date_day as return_day,
        rows.reason as reason_code,
        rows.detailed_disposition as disposition,
        rows.status,
        nullif(trim(rows.license_plate_number), '') as license_plate_number,
        rows.customer_comments as comment,
        rows.fnsku,
        rows.product_name,
        rows.fulfillment_center_id,
        rows.delivery_id,
        rows.line_number,
        case
            when nullif(trim(rows.license_plate_number), '') is not null
                then {{ spelled(["'fba'", 'rows.store', 'rows.order_id', 'rows.license_plate_number']) }}
            else {{ spelled(["'fba'", 'rows.store'] + prefixed('rows', feed_identity('fba_returns'))) }}
        end as identity
    from {{ ref('int_fba_returns') }} as rows
),

mfn as (
    select
        rows.*,
        answers.unanswered_until as unanswered_until_at,
        answers.answered_by as answered_by_at,
        {{ spelled(["'mfn'", digest_text('rows.row_key')]) }} as identity
    from {{ judged_rows('mfn_returns') }} as rows
    left join {{ ref('int_mfn_answers') }} as answers on rows.row_key = answers.row_key
    where rows.is_current
),

both_channels as (
    select
        channel,
        returned_basis,
        store,
        order_id,
        asin,
        sku,
        units,
        return_at,
        return_day,
        reason_code,
        disposition,
        status,
        license_plate_number,
        comment,
        fnsku,
        product_name,
        fulfillment_center_id,
        cast(null as varchar) as rma_id,
        cast(null as varchar) as return_request_status,
        cast(null as varchar) as resolution,
        cast(null as decimal(18, 4)) as reported_refund,
        cast(null as decimal(18, 4)) as label_cost,
        cast(null as varchar) as label_payer,
        cast(null as varchar) as reported_currency,
        cast(null as boolean) as a_to_z_claim,
        cast(null as timestamp with time zone) as return_delivery_at,
        cast(null as date) as return_delivery_day,
        cast(null as timestamp with time zone) as unanswered_until_at,
        cast(null as timestamp with time zone) as answered_by_at,
        cast(null as timestamp with time zone) as order_at,
        cast(null as date) as order_day,
        cast(null as varchar) as safet_claim_id,
        cast(null as varchar) as safet_claim_state,
        cast(null as timestamp with time zone) as safet_claim_created_at,
        cast(null as date) as safet_claim_created_day,
        cast(null as decimal(18, 4)) as safet_claim_reimbursement,
        delivery_id,
        line_number,
        identity
    from fba
    union all
    select
        'FBM' as channel,
        'requested' as returned_basis,
        store,
        order_id,
        asin,
        merchant_sku as sku,
        return_quantity as units,
        return_request_date_at as return_at,
        return_request_date_day as return_day,
        return_reason as reason_code,
        cast(null as varchar) as disposition,
        return_request_status as status,
        cast(null as varchar) as license_plate_number,
        customer_comments as comment,
        cast(null as varchar) as fnsku,
        item_name as product_name,
        cast(null as varchar) as fulfillment_center_id,
        amazon_rma_id as rma_id,
        return_request_status,
        resolution,
        refunded_amount as reported_refund,
        label_cost,
        label_to_be_paid_by as label_payer,
        currency_code as reported_currency,
        a_to_z_claim,
        return_delivery_date_at as return_delivery_at,
        return_delivery_date_day as return_delivery_day,
        unanswered_until_at,
        answered_by_at,
        order_date_at as order_at,
        order_date_day as order_day,
        safet_claim_id,
        safet_claim_state,
        safet_claim_creation_time_at as safet_claim_created_at,
        safet_claim_creation_time_day as safet_claim_created_day,
        safet_claim_reimbursement_amount as safet_claim_reimbursement,
        delivery_id,
        line_number,
        identity
    from mfn
),

repeated as (
    select {{ digest('identity') }} as identity_digest
    from both_channels
    group by {{ digest('identity') }}
    having count(*) > 1
),

-- equal rows are as many units: the few that have equals are counted through, all others are the first
ordinals as (
    select
        store,
        delivery_id,
        line_number,
        row_number() over (partition by identity order by return_day, delivery_id, line_number) as ordinal
    from both_channels
    where {{ digest('identity') }} in (select repeated.identity_digest from repeated)
),

attributed as (
    select
        rows.*,
        case
            when {{ order_item('order_id') }} is null then 'no_order'
            when {{ order_item('marketplace') }} = 'unattributed' then 'outside_amazon'
            when item_by_sku.order_id is not null then 'order_sku'
            else 'order_asin'
        end as attribution,
        coalesce({{ order_item('marketplace') }}, 'unattributed') as marketplace,
        {{ order_item('purchase_date') }} as order_purchase_date,
        {{ order_item('unit_price') }} as unit_price,
        {{ order_item('currency') }} as unit_price_currency,
        coalesce({{ order_item('is_multi_channel') }}, false) as is_multi_channel,
        coalesce({{ order_item('is_replacement') }}, false) as is_replacement,
        {{ is_used_sku('coalesce(rows.sku, ' ~ order_item('sku') ~ ')') }} as is_used,
        coalesce({{ order_item('sku') }}, rows.sku) as order_sku,
        coalesce(ordinals.ordinal, 1) as ordinal
    from both_channels as rows
    left join ordinals
        on
            rows.store = ordinals.store
            and rows.delivery_id = ordinals.delivery_id
            and rows.line_number = ordinals.line_number
    {{ order_item_joins('rows') }}
),

zoned as (
    select
        rows.*,
        coalesce(marketplaces.time_zone, stores.time_zone, 'UTC') as time_zone
    from attributed as rows
    left join {{ ref('stg_marketplaces') }} as marketplaces on rows.marketplace = marketplaces.marketplace
    left join {{ ref('int_stores') }} as stores on rows.store = stores.store
),

dated as (
    select
        *,
        {{ marketplace_day('return_at', 'return_day', 'time_zone') }} as return_date,
        {{ marketplace_day('return_delivery_at', 'return_delivery_day', 'time_zone') }} as return_delivery_date,
        {{ day_in_zone('unanswered_until_at', 'time_zone') }} as unanswered_until,
        {{ day_in_zone('answered_by_at', 'time_zone') }} as answered_by,
        {{ marketplace_day('order_at', 'order_day', 'time_zone') }} as order_date,
        {{ marketplace_day('safet_claim_created_at', 'safet_claim_created_day', 'time_zone') }} as safet_claim_created
    from zoned
),

classed as (
    select
        rows.*,
        case
            when trim(coalesce(rows.reason_code, '')) <> '' then coalesce(codes.reason_class, 'unmapped')
        end as reason_class_code,
        verdicts.class_by_text as reason_class_text,
        verdicts.is_sure,
        verdicts.confidence as reason_confidence,
        verdicts.deciding_words
    from dated as rows
    left join {{ ref('stg_reason_codes') }} as codes on {{ canonical_code('rows.reason_code') }} = codes.reason_code
    left join {{ ref('stg_comment_verdicts') }} as verdicts on rows.comment = verdicts.comment
)

select
    md5({{ spelled(['identity', 'ordinal']) }}) as return_id,
    store,
    marketplace,
    channel,
    returned_basis,
    order_id,
    order_sku,
    asin,
    sku,
    units,
    return_at,
    return_date,
    coalesce(order_purchase_date, order_date) as purchase_date,
    reason_code,
    reason_class_code,
    reason_class_text,
    {{ final_reason_class('reason_class_code', 'reason_class_text', 'is_sure') }} as reason_class,
    {{ is_reason_conflict('reason_class_code', 'reason_class_text') }} as reason_conflict,
    reason_confidence,
    deciding_words,
    disposition,
    status,
    license_plate_number,
    comment,
    fnsku,
    product_name,
    fulfillment_center_id,
    rma_id,
    return_request_status,
    coalesce(lower(return_request_status) like 'reject%', false) as is_rejected,
    resolution,
    reported_refund,
    label_cost,
    label_payer,
    reported_currency,
    a_to_z_claim,
    return_delivery_date,
    unanswered_until,
    answered_by,
    order_date,
    safet_claim_id,
    safet_claim_state,
    safet_claim_created,
    safet_claim_reimbursement,
    attribution,
    unit_price,
    unit_price_currency,
    is_multi_channel,
    is_replacement,
    is_used,
    not is_multi_channel and not is_replacement and not is_used as is_new_item,
    delivery_id,
    line_number
from classed
