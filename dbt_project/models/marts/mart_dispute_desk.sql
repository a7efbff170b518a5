-- Open cases about returns and refunds, each with its amount, its clock, the next step and the rows it rests on. A
-- case is listed from the day its clock starts until it is settled or its claim window has closed; duties stay until
-- they are done. What a person decided stops the clock; the case itself ends when a report shows the outcome.

{%- set request_says = [
    ['seller-fulfilled request of ', '自发货退货申请 ', 'return_date'],
    ['RMA ', 'RMA ', 'rma_id'],
    ['status ', '状态 ', 'return_request_status'],
    ['', '', 'resolution'],
    ['delivered ', '退件送达 ', 'return_delivery_date'],
    ['return ', '退货 ', 'return_id'],
] %}
{%- set refund_says = [
    ['refund of ', '退款 ', 'refund_date'],
    ['settlement ', '结算 ', 'settlement_id'],
    ['', '', 'refund_id'],
] %}
{%- set claim_says = [
    ['SAFE-T ', 'SAFE-T ', "safet_claim_id || coalesce(' ' || safet_claim_state, '')"],
] %}
{%- set missing_says = [
    ['reimbursed so far ', '已赔偿 ', 'nullif(cast(missing.reimbursed_amount as decimal(18, 2)), 0)'],
    ['compare first: a unit of this item without its order came back on ', '请先核对：该商品有一件无订单的退货 ', 'nameless.seen'],
] %}
{%- set unit_says = [
    ['unit processed on ', '退件处理 ', 'returns.return_date'],
    ['', '', 'returns.disposition'],
    ['', '', 'returns.license_plate_number'],
    ['return ', '退货 ', 'returns.return_id'],
] %}

with run as (
    select * from {{ ref('dim_run') }}
),

requests as (
    select
        *,
        coalesce(rma_id, return_id) as request_id,
        {{ row_said(request_says, 0) }} as evidence,
        {{ row_said(request_says, 1) }} as evidence_zh
    from {{ ref('fct_returns') }}
    where channel = 'FBM' and not is_multi_channel
),

-- refunds of an order and item, summed: what the buyer got, when first, and whether Amazon granted an A-to-z claim
refunds as (
    select
        store,
        marketplace,
        channel,
        order_id,
        coalesce(asin, 'unattributed') as asin,
        {{ single_currency_sum('refund_amount', 'currency') }} as refund_amount,
        {{ single_currency('refund_amount', 'currency') }} as currency,
        min(refund_date) as refund_date,
        max(refund_date) as last_refund_date,
        -- a settlement often names no quantity: then the price says how many units were paid back
        case when count(units) = count(*) then sum(units) end as units,
        sum(principal_amount) as principal_amount,
        bool_or(has_return) as has_return,
        bool_or(lower(transaction_type) like 'a-to-z%') as is_a_to_z,
        max(case when lower(transaction_type) like 'a-to-z%' then refund_date end) as a_to_z_date,
        bool_and(source = 'settlement') as is_settled,
        min({{ row_said(refund_says, 0) }}) as evidence,
        min({{ row_said(refund_says, 1) }}) as evidence_zh
    from {{ ref('fct_refunds') }}
    where order_id is not null
    group by store, marketplace, channel, order_id, coalesce(asin, 'unattributed')
),

requested as (
    select
        requests.*,
        refunds.refund_amount as refunded_amount,
        refunds.currency as refunded_currency,
        refunds.refund_date,
        coalesce(refunds.is_a_to_z, false) or coalesce(requests.a_to_z_claim, false) as is_a_to_z
    from requests
    left join refunds
        on requests.store = refunds.store
        and requests.order_id = refunds.order_id
        and requests.asin = refunds.asin
        and requests.channel = refunds.channel
),

-- every day with the business days (Monday to Friday) up to it; public holidays are not known
business_days as (
    select
        date,
        day_of_week <= 5 as is_business_day,
        sum(case when day_of_week <= 5 then 1 else 0 end) over (order by date) as business_days
    from {{ ref('dim_date') }}
),

unanswered as (
    select
        'return_request_unanswered' as kind,
        requested.store,
        requested.marketplace,
        requested.order_id,
        requested.asin,
        requested.request_id as subject,
        requested.return_date as opened_on,
        {{ add_days('requested.return_date', 'cast(ceil(hours.value / 24) as integer)') }} as due_on,
        requested.unit_price * requested.units as amount,
        requested.unit_price_currency as currency,
        'open' as state,
        requested.evidence,
        requested.evidence_zh,
        false as ends_when_due
    from requested
    {{ join_figure('hours', 'mfn_answer_hours', 'requested.marketplace', 'requested.return_date') }}
    where {{ is_unanswered('requested.return_request_status') }}
        and requested.refunded_amount is null
        and coalesce(requested.refund_amount, 0) = 0
),

refund_due as (
    select
        'refund_due' as kind,
        requested.store,
        requested.marketplace,
        requested.order_id,
        requested.asin,
        requested.request_id as subject,
        requested.return_delivery_date as opened_on,
        due_days.date as due_on,
        requested.unit_price * requested.units as amount,
        requested.unit_price_currency as currency,
        'open' as state,
        requested.evidence,
        requested.evidence_zh,
        false as ends_when_due
    from requested
    {{ join_figure('days', 'mfn_refund_business_days', 'requested.marketplace', 'requested.return_delivery_date') }}
    left join business_days as received on requested.return_delivery_date = received.date
    left join business_days as due_days
        on due_days.is_business_day and due_days.business_days = received.business_days + days.value
    cross join run
    where requested.return_delivery_date <= run.as_of_date
        and requested.refunded_amount is null
        and coalesce(requested.refund_amount, 0) = 0
        and {{ expects_unit_and_refund('requested') }}
        and not {{ is_unanswered('requested.return_request_status') }}
        and lower(coalesce(requested.return_request_status, '')) <> 'completed'
),

a_to_z as (
    select
        'a_to_z' as kind,
        claims.store,
        claims.marketplace,
        claims.order_id,
        claims.asin,
        claims.order_id as subject,
        claims.opened_on,
        {{ add_days('claims.opened_on', 'cast(days.value as integer)') }} as due_on,
        claims.amount,
        claims.currency,
        'open' as state,
        claims.evidence,
        claims.evidence_zh,
        true as ends_when_due
    from (
        select
            store, marketplace, order_id, asin, a_to_z_date as opened_on, refund_amount as amount, currency, evidence,
            evidence_zh
        from refunds
        where is_a_to_z and channel = 'FBM'
        union all
        -- a claim that no refund names yet: its own day is not in the report, the request's is
        select
            requested.store, requested.marketplace, requested.order_id, requested.asin, requested.return_date,
            coalesce(requested.refunded_amount, requested.unit_price * requested.units),
            coalesce(requested.refunded_currency, requested.unit_price_currency), requested.evidence,
            requested.evidence_zh
        from requested
        left join refunds
            on refunds.is_a_to_z and requested.store = refunds.store and requested.order_id = refunds.order_id
        where coalesce(requested.a_to_z_claim, false) and refunds.order_id is null
    ) as claims
    {{ join_figure('days', 'a_to_z_appeal_days', 'claims.marketplace', 'claims.opened_on') }}
),

-- Filed claims that are not decided, and units that Amazon refunded, that came back for no fault of the seller's, and
-- for which a claim can still be filed. The claim window is the one that held when the clock started.
safet as (
    select
        'safet_claim' as kind,
        claims.store,
        claims.marketplace,
        claims.order_id,
        claims.asin,
        claims.subject,
        claims.opened_on,
        case
            when not claims.is_filed then {{ add_days('claims.opened_on', 'cast(days.value as integer)') }}
        end as due_on,
        claims.amount,
        claims.currency,
        case when claims.is_filed then 'filed' else 'open' end as state,
        claims.evidence,
        claims.evidence_zh,
        not claims.is_filed as ends_when_due
    from (
        select
            store,
            marketplace,
            order_id,
            asin,
            request_id as subject,
            safet_claim_id is not null as is_filed,
            case
                when safet_claim_id is not null then coalesce(safet_claim_created, return_date)
                else greatest(return_delivery_date, refund_date)
            end as opened_on,
            refunded_amount as amount,
            refunded_currency as currency,
            {{ row_said(claim_says, 0, after='evidence') }} as evidence,
            {{ row_said(claim_says, 1, after='evidence_zh') }} as evidence_zh
        from requested
        where (
                safet_claim_id is not null
                and not {{ is_claim_decided('safet_claim_state', 'safet_claim_reimbursement') }}
            )
            or (
                safet_claim_id is null
                and {{ is_refunded_by_amazon('requested') }}
                and not is_a_to_z
                and not is_rejected
                and fault in ('buyer', 'amazon_or_carrier', 'unknown')
                and refund_date is not null
                and return_delivery_date is not null
            )
    ) as claims
    {{ join_figure('days', 'safet_claim_days', 'claims.marketplace', 'claims.opened_on') }}
    where claims.is_filed or days.value is not null
),

-- what one unit of the order line cost, for the few orders that can become a case
unit_prices as (
    select
        lines.store,
        lines.order_id,
        lines.asin,
        max(lines.item_price / nullif(lines.units_ordered, 0)) as unit_price
    from {{ ref('fct_order_lines') }} as lines
    inner join (
        select distinct store, order_id
        from refunds
        where not has_return
    ) as candidates
        on lines.store = candidates.store and lines.order_id = candidates.order_id
    group by lines.store, lines.order_id, lines.asin
),

-- Amazon paid for the unit already, perhaps in instalments, or gave one back as stock. Settlements and the report of
-- reimbursements tell of the same payments, each with its own delay: who tells more knows more.
reimbursed as (
    select
        store,
        order_id,
        coalesce(asin, 'unattributed') as asin,
        coalesce(sum(settled), 0) as settled,
        coalesce(sum(reported), 0) as reported,
        sum(units_given) as units_given
    from (
        select
            store,
            order_id,
            asin,
            amount as settled,
            null as reported,
            0 as units_given
        from {{ ref('fct_settlement_lines') }}
        where {{ is_paid_for_missing_unit('amount_type', 'amount_description') }}
        union all
        select
            store,
            order_id,
            asin,
            null as settled,
            amount as reported,
            coalesce(quantity_inventory, 0) as units_given
        from {{ ref('fct_reimbursements') }}
        where not {{ is_for_stock('reason') }}
    ) as payments
    where order_id is not null
    group by store, order_id, coalesce(asin, 'unattributed')
),

-- units of an order that are back in a fulfilment centre
units_back as (
    select
        store,
        order_id,
        asin,
        sum(units) as units_back,
        max(unit_price) as unit_price
    from {{ ref('fct_returns') }}
    where channel = 'FBA' and order_id is not null
    group by store, order_id, asin
),

-- Refunds of which no unit, or fewer units than were refunded, came back: the part of the amount that is missing. Which
-- of several refunds it belongs to is not known, so the window begins with the last and ends with the first.
counted as (
    select
        refunds.*,
        coalesce(units_back.units_back, 0) + coalesce(reimbursed.units_given, 0) as units_back,
        coalesce(reimbursed.settled, 0) as settled,
        coalesce(reimbursed.reported, 0) as reported,
        coalesce(
            refunds.units,
            cast(round(refunds.principal_amount / nullif(units_back.unit_price, 0)) as integer),
            units_back.units_back
        ) as units_refunded
    from refunds
    left join units_back using (store, order_id, asin)
    left join reimbursed using (store, order_id, asin)
    where refunds.channel = 'FBA' and refunds.is_settled
),

missing as (
    select
        counted.*,
        counted.refund_amount * case
            when counted.units_back = 0 then 1
            when counted.units_refunded > counted.units_back
                then cast(counted.units_refunded - counted.units_back as decimal(18, 4)) / counted.units_refunded
            else 0
        end as missing_amount,
        -- a payment that names no item counts for the order
        greatest(
            counted.settled + coalesce(unnamed.settled, 0), counted.reported + coalesce(unnamed.reported, 0)
        ) as reimbursed_amount
    from counted
    left join reimbursed as unnamed
        on counted.store = unnamed.store
        and counted.order_id = unnamed.order_id
        and unnamed.asin = 'unattributed'
        and counted.asin <> 'unattributed'
),

-- units of the item that came back without an order that is known: one of them may be the missing one
nameless as (
    select
        missing.store,
        missing.order_id,
        missing.asin,
        min(cast(returns.return_date as varchar) || ' (' || returns.return_id || ')') as seen
    from missing
    inner join {{ ref('fct_returns') }} as returns
        on missing.store = returns.store
        and missing.asin = returns.asin
        and returns.channel = 'FBA'
        and returns.attribution = 'no_order'
        and returns.return_date >= {{ days_before('missing.refund_date', 5) }}
        and returns.return_date <= {{ add_days('missing.last_refund_date', 60) }}
    where missing.missing_amount > 0
    group by missing.store, missing.order_id, missing.asin
),

fba_refunds as (
    select
        'fba_refund_without_return' as kind,
        missing.store,
        missing.marketplace,
        missing.order_id,
        missing.asin,
        missing.asin as subject,
        least(
            {{ add_days('missing.last_refund_date', 'cast(first_day.value as integer)') }},
            {{ add_days('missing.refund_date', 'cast(last_day.value as integer)') }}
        ) as opened_on,
        {{ add_days('missing.refund_date', 'cast(last_day.value as integer)') }} as due_on,
        cast(round(missing.missing_amount - missing.reimbursed_amount, 2) as decimal(18, 4)) as amount,
        missing.currency,
        'open' as state,
        {{ row_said(missing_says, 0, after='missing.evidence') }} as evidence,
        {{ row_said(missing_says, 1, after='missing.evidence_zh') }} as evidence_zh,
        true as ends_when_due
    from missing
    left join unit_prices using (store, order_id, asin)
    left join nameless using (store, order_id, asin)
    {{ join_figure('first_day', 'fba_refund_claim_from_days', 'missing.marketplace', 'missing.refund_date') }}
    {{ join_figure('last_day', 'fba_refund_claim_to_days', 'missing.marketplace', 'missing.refund_date') }}
    where first_day.value is not null
        and last_day.value is not null
        and missing.missing_amount > missing.reimbursed_amount
        and {{ is_full_refund('missing.refund_amount', 'unit_prices.unit_price') }}
),

-- Refunded by the seller's account, and no unit: no request at all, or one whose parcel did not arrive. A parcel under
-- way for no longer than the processing days is not a case yet. The clock needs the day of the refund, which the
-- request's report does not tell: where the store has settlements, they are waited for.
fbm_refunds as (
    select
        'refund_without_return' as kind,
        refunds.store,
        refunds.marketplace,
        refunds.order_id,
        refunds.asin,
        refunds.asin as subject,
        refunds.refund_date as opened_on,
        {{ add_days('refunds.refund_date', 'cast(days.value as integer)') }} as due_on,
        refunds.refund_amount as amount,
        refunds.currency,
        'open' as state,
        refunds.evidence,
        refunds.evidence_zh,
        true as ends_when_due
    from refunds
    left join unit_prices using (store, order_id, asin)
    left join (
        select
            store,
            order_id,
            asin,
            -- a parcel that arrived, or a request that never asked for one
            bool_or(return_delivery_date is not null or not {{ expects_unit_and_refund('requests') }}
                or safet_claim_id is not null) as is_settled
        from requests
        group by store, order_id, asin
    ) as asked using (store, order_id, asin)
    left join {{ settled_stores() }} as settled_stores on refunds.store = settled_stores.store
    {{ join_figure('days', 'safet_claim_days', 'refunds.marketplace', 'refunds.refund_date') }}
    cross join run
    where refunds.channel = 'FBM'
        and not refunds.is_a_to_z
        and (refunds.is_settled or settled_stores.store is null)
        and not coalesce(asked.is_settled, false)
        and days.value is not null
        and {{ add_days('refunds.refund_date', 'run.processing_days') }} <= run.as_of_date
        and {{ is_full_refund('refunds.refund_amount', 'unit_prices.unit_price') }}
),

-- A unit came back and no refund is known, although the store's settlements reach far enough to show one.
unrefunded as (
    select
        'return_without_refund' as kind,
        returns.store,
        returns.marketplace,
        returns.order_id,
        returns.asin,
        returns.asin as subject,
        returns.return_date as opened_on,
        cast(null as date) as due_on,
        returns.unit_price * returns.units as amount,
        returns.unit_price_currency as currency,
        'open' as state,
        {{ row_said(unit_says, 0) }} as evidence,
        {{ row_said(unit_says, 1) }} as evidence_zh,
        false as ends_when_due
    from {{ ref('fct_returns') }} as returns
    inner join {{ settled_stores() }} as settled_stores on returns.store = settled_stores.store
    left join refunds
        on returns.store = refunds.store and returns.order_id = refunds.order_id and returns.asin = refunds.asin
    cross join run
    where returns.channel = 'FBA'
        and returns.attribution in ('order_sku', 'order_asin')
        and not returns.is_replacement
        and returns.refund_amount is null
        and refunds.order_id is null
        and {{ in_window('returns.return_date', 'run.as_of_date', 90) }}
        and returns.purchase_date >= settled_stores.settled_from
        and {{ add_days('returns.return_date', 'run.return_window_days') }} <= settled_stores.settled_through
),

cases as (
    {%- for cte in ['unanswered', 'refund_due', 'a_to_z', 'safet', 'fba_refunds', 'fbm_refunds', 'unrefunded'] %}
    select * from {{ cte }} {{ "union all" if not loop.last }}
    {%- endfor %}
),

grouped as (
    select
        md5({{ spelled(['kind', 'store', 'order_id', 'asin', 'subject']) }}) as case_id,
        store,
        marketplace,
        kind,
        order_id,
        asin,
        min(opened_on) as opened_on,
        min(due_on) as due_on,
        {{ single_currency_sum('amount', 'currency') }} as amount,
        {{ single_currency('amount', 'currency') }} as currency,
        max(state) as state,
        bool_and(ends_when_due) as ends_when_due,
        {{ json_text_list('evidence', 'evidence') }} as evidence,
        {{ json_text_list('evidence_zh', 'evidence') }} as evidence_zh
    from cases
    group by store, marketplace, kind, order_id, asin, subject
),

-- what a person decided last about a case
decided as (
    select
        grouped.*,
        decisions.decision,
        decisions.decided_on,
        case
            when decisions.decision is not null then {{ decided_state('decisions.decision') }}
            when grouped.state = 'open' and grouped.due_on < run.as_of_date then 'overdue'
            else grouped.state
        end as decided_state
    from grouped
    cross join run
    left join {{ ref('fct_decisions') }} as decisions
        on grouped.store = decisions.store
        and grouped.case_id = decisions.case_id
        and decisions.is_newest
)

select
    decided.case_id,
    decided.store,
    decided.marketplace,
    decided.kind,
    decided.order_id,
    decided.asin,
    cast(decided.opened_on as date) as opened_on,
    cast(decided.due_on as date) as due_on,
    case
        when decided.decided_state in ('open', 'overdue')
            then cast({{ days_between('run.as_of_date', 'decided.due_on') }} as integer)
    end as days_left,
    decided.amount,
    decided.currency,
    decided.decided_state as state,
    coalesce({{ decided_step('decided.decision', 'decided.decided_on', 0) }}, {{ next_step('decided.kind', 0) }})
        as next_step,
    coalesce({{ decided_step('decided.decision', 'decided.decided_on', 1) }}, {{ next_step('decided.kind', 1) }})
        as next_step_zh,
    decided.evidence,
    decided.evidence_zh,
    decided.decision,
    decided.decided_on,
    run.as_of_date
from decided
cross join run
where decided.opened_on <= run.as_of_date
    -- a claim that was filed in time goes on after its window
    and not (decided.ends_when_due and decided.decided_state <> 'filed' and decided.due_on < run.as_of_date)
    and not (decided.decided_state = 'done' and {{ add_days('decided.decided_on', 30) }} < run.as_of_date)
