-- What returns cost: money given back, fees, freight, processing, goods written off, less what resale brings and Amazon
-- reimburses. Each amount counts on its own day. What is not known is left out of the total and named.
{%- set parts = cost_parts() %}
{%- set counts = cost_counts() %}

with run as (
    select * from {{ ref('dim_run') }}
),

marketplaces as (
    select marketplace, currency from {{ ref('dim_marketplace') }}
),

-- Units that are not back in sellable stock, by day and SKU. A fulfilment centre judges what it takes back; a used unit
-- was written off when it came back for the first time. Nobody reports in what state a parcel reached the seller.
lost_units as (
    select
        returns.store,
        returns.marketplace,
        returns.asin,
        coalesce(returns.sku, '') as sku,
        returns.channel,
        returns.return_date as date,
        sum(returns.units) as units,
        bool_and(coalesce(trim(returns.disposition), '') <> '' or returns.channel = 'FBM') as is_judged
    from {{ ref('fct_returns') }} as returns
    where not returns.is_used
        and case returns.channel
            when 'FBA' then not {{ is_found_sellable('returns') }}
            else {{ is_returnless('returns') }} and not returns.is_rejected
        end
    group by
        returns.store, returns.marketplace, returns.asin, coalesce(returns.sku, ''), returns.channel,
        returns.return_date, coalesce(trim(returns.disposition), '') <> ''
),

-- what a unit cost: a figure of its SKU before one of its ASIN before one of all, of its marketplace before one of all
unit_costs as (
    select
        wanted.store,
        wanted.marketplace,
        wanted.asin,
        wanted.sku,
        wanted.date,
        {{ value_at_max('figures.value', sort_key(['wanted.precision', 'figures.marketplace'])) }} as unit_cost
    from (
        {%- for precision, scope in [(2, category_key('sku')), (1, category_key('asin')), (0, "''")] %}
        select distinct store, marketplace, asin, sku, date, {{ scope }} as scope, {{ precision }} as precision
        from lost_units
        where is_judged
        {{ "union all" if not loop.last }}
        {%- endfor %}
    ) as wanted
    inner join marketplaces on wanted.marketplace = marketplaces.marketplace
    inner join {{ ref('dim_figure') }} as figures
        on figures.figure = 'unit_cost'
        and wanted.scope = figures.scope
        and figures.marketplace in (wanted.marketplace, '*')
        and wanted.date between figures.valid_from and figures.valid_to
        and {{ is_figure_in('figures', 'marketplaces.currency') }}
    group by wanted.store, wanted.marketplace, wanted.asin, wanted.sku, wanted.date
),

-- parcels that reached the seller
received as (
    select
        store,
        marketplace,
        asin,
        return_delivery_date as date,
        sum(units) as units
    from {{ ref('fct_returns') }}
    where channel = 'FBM' and return_delivery_date <= as_of_date
    group by store, marketplace, asin, return_delivery_date
),

events as (
    select
        store, marketplace, coalesce(asin, 'unattributed') as asin, channel, refund_date as date, currency,
        {{ cost_event({
            'refund_amount': 'refund_amount', 'tax_returned': 'tax_returned', 'fees_returned': 'fees_returned',
            'fees_kept': 'fee_kept', 'refunds_unsettled': "case when source <> 'settlement' then 1 end"
        }) }}
    from {{ ref('fct_refunds') }}
    union all
    select
        returns.store, returns.marketplace, returns.asin, returns.channel, returns.return_date, returns.currency,
        {{ cost_event({
            'units_returned': 'case when ' ~ counts_as_returned('returns') ~ ' then returns.units end',
            'units_returned_excluded': 'case when not ' ~ counts_as_returned('returns') ~ ' then returns.units end',
            'return_freight': 'case when ' ~ is_freight_paid_by_seller('returns') ~ ' then returns.label_cost end',
            'freight_unknown': "case when returns.channel = 'FBM' and " ~ is_freight_unknown('returns') ~ ' then 1 end'
        }) }}
    from {{ ref('fct_returns') }} as returns
    union all
    select
        returns.store, returns.marketplace, returns.asin, returns.channel,
        coalesce(returns.safet_claim_created, returns.return_date), returns.currency,
        {{ cost_event({'reimbursed': 'returns.safet_claim_reimbursement'}) }}
    from {{ ref('fct_returns') }} as returns
    where returns.safet_claim_reimbursement is not null
    union all
    select
        lost.store, lost.marketplace, lost.asin, lost.channel, lost.date, marketplaces.currency,
        {{ cost_event({
            'write_off': 'case when lost.is_judged then round(lost.units * costs.unit_cost, 4) end',
            'write_off_unknown': 'case when not lost.is_judged or costs.unit_cost is null then lost.units end'
        }) }}
    from lost_units as lost
    left join marketplaces on lost.marketplace = marketplaces.marketplace
    left join unit_costs as costs
        on lost.store = costs.store
        and lost.marketplace = costs.marketplace
        and lost.asin = costs.asin
        and lost.sku = costs.sku
        and lost.date = costs.date
    union all
    select
        received.store, received.marketplace, received.asin, 'FBM', received.date, marketplaces.currency,
        {{ cost_event({
            'processing_cost': 'round(received.units * processing.value, 4)',
            'processing_unknown': 'case when processing.value is null then received.units end',
            'write_off_unknown': 'received.units'
        }) }}
    from received
    left join marketplaces on received.marketplace = marketplaces.marketplace
    {{ join_figure('processing', 'return_processing_cost', 'received.marketplace', 'received.date') }}
        and {{ is_figure_in('processing', 'marketplaces.currency') }}
    union all
    select
        lines.store, lines.marketplace, coalesce(lines.asin, 'unattributed'), 'FBA', lines.posted_date, lines.currency,
        {{ cost_event({
            'return_fees': 'case when ' ~ is_return_fee('lines') ~ ' then -lines.amount end',
            'reimbursed': 'case when ' ~ is_order_reimbursement('lines') ~ ' then lines.amount end'
        }) }}
    from {{ ref('fct_settlement_lines') }} as lines
    where {{ is_return_fee('lines') }} or {{ is_order_reimbursement('lines') }}
    union all
    select
        lines.store, lines.marketplace, lines.asin, lines.channel, lines.purchase_date, lines.currency,
        {{ cost_event({'resale_sales': 'lines.sales_amount'}) }}
    from {{ ref('fct_order_lines') }} as lines
    where lines.is_used and lines.is_shipped
    union all
    -- fees given back with the refund of a used unit are among fees_returned
    select
        fees.store, fees.marketplace, fees.asin, 'FBA', fees.posted_date, fees.currency,
        {{ cost_event({'resale_fees': 'fees.fees'}) }}
    from {{ used_unit_fees() }} as fees
    where not fees.is_refund
),

rings as (
    select
        events.store,
        events.marketplace,
        events.asin,
        events.channel,
        {{ ring('events.date', 'run.as_of_date') }} as ring,
        {%- for name in parts %}
        sum(events.{{ name }}) as {{ name }},
        {%- endfor %}
        {%- for name in counts %}
        sum(events.{{ name }}) as {{ name }},
        {%- endfor %}
        min({{ currency_of(cost_amount('events'), 'events.currency') }}) as currency,
        max({{ currency_of(cost_amount('events'), 'events.currency') }}) as other_currency
    from events
    cross join run
    where {{ in_window('events.date', 'run.as_of_date', window_lengths() | max) }}
    group by
        events.store, events.marketplace, events.asin, events.channel, {{ ring('events.date', 'run.as_of_date') }}
),

summed as (
    select
        rings.store,
        rings.marketplace,
        rings.asin,
        rings.channel,
        windows.window_days,
        {%- for name in parts %}
        sum(rings.{{ name }}) filter (where {{ ring_in_window('rings.ring', 'windows.window_days') }}) as {{ name }},
        {%- endfor %}
        {%- for name in counts %}
        coalesce(sum(rings.{{ name }}) filter (where {{ ring_in_window('rings.ring', 'windows.window_days') }}), 0)
            as {{ name }},
        {%- endfor %}
        min(rings.currency) filter (where {{ ring_in_window('rings.ring', 'windows.window_days') }}) as currency,
        max(rings.other_currency) filter (where {{ ring_in_window('rings.ring', 'windows.window_days') }})
            as other_currency
    from rings
    cross join {{ windows() }} as windows
    group by rings.store, rings.marketplace, rings.asin, rings.channel, windows.window_days
),

-- What is nil is known to be nil: a settlement reaches into the window, or the channel has no such part.
known as (
    select
        summed.store,
        summed.marketplace,
        summed.asin,
        summed.channel,
        summed.window_days,
        settled.settled_through,
        coalesce(settled.settled_through < run.as_of_date, true) as is_unsettled,
        {%- for name in ['refund_amount', 'tax_returned', 'fees_returned', 'fees_kept'] %}
        case
            when {{ reaches('settled.settled_through', 'run.as_of_date', 'summed.window_days') }}
                then coalesce(summed.{{ name }}, 0)
            else summed.{{ name }}
        end as {{ name }},
        {%- endfor %}
        {%- for name in ['return_fees', 'resale_fees', 'reimbursed'] %}
        case
            when summed.channel = 'FBM'
                or {{ reaches('settled.settled_through', 'run.as_of_date', 'summed.window_days') }}
                then coalesce(summed.{{ name }}, 0)
            else summed.{{ name }}
        end as {{ name }},
        {%- endfor %}
        {%- for name, unknown in [('return_freight', 'freight_unknown'), ('processing_cost', 'processing_unknown'),
                                  ('write_off', 'write_off_unknown')] %}
        case when summed.{{ unknown }} > 0 then summed.{{ name }} else coalesce(summed.{{ name }}, 0) end as {{ name }},
        {%- endfor %}
        coalesce(summed.resale_sales, 0) as resale_sales,
        {%- for name in counts %}
        summed.{{ name }},
        {%- endfor %}
        summed.currency,
        summed.other_currency
    from summed
    cross join run
    left join {{ settled_stores() }} as settled on summed.store = settled.store
),

-- a part of ALL is what is known of it
channels as (
    select
        known.store,
        known.marketplace,
        known.asin,
        {{ channel_or_all('known.channel') }} as channel,
        known.window_days,
        min(known.settled_through) as settled_through,
        bool_or(known.is_unsettled) as is_unsettled,
        {%- for name in parts %}
        sum(known.{{ name }}) as {{ name }},
        bool_or(known.{{ name }} is null) as is_{{ name }}_unknown,
        {%- endfor %}
        {%- for name in counts %}
        sum(known.{{ name }}) as {{ name }},
        {%- endfor %}
        min(known.currency) as currency,
        coalesce(min(known.currency) <> max(known.other_currency), false) as is_mixed_currency
    from known
    {{ channel_rollup() }}
    group by
        known.store, known.marketplace, known.asin, {{ channel_or_all('known.channel') }}, known.window_days
),

totals as (
    select
        channels.*,
        case when not is_mixed_currency then {{ cost_sum(parts) }} end as total_cost,
        case
            when not is_mixed_currency then {{ cost_sum(parts.keys() | reject('in', refund_parts())) }}
        end as cost_beyond_refunds,
        {{ unknown_parts({
            'unsettled_days': 'not is_unsettled',
            'refund_amount': 'not is_refund_amount_unknown',
            'tax_returned': 'not is_tax_returned_unknown and refunds_unsettled = 0',
            'fees_returned': 'not is_fees_returned_unknown and refunds_unsettled = 0',
            'fees_kept': 'not is_fees_kept_unknown and refunds_unsettled = 0',
            'return_freight': 'freight_unknown = 0',
            'return_fees': 'not is_return_fees_unknown',
            'processing_cost': 'processing_unknown = 0',
            'write_off': 'write_off_unknown = 0',
            'resale_fees': 'not is_resale_fees_unknown',
            'reimbursed': 'not is_reimbursed_unknown'
        }) }} as unknown_parts
    from channels
)

select
    totals.store,
    totals.marketplace,
    totals.asin,
    totals.channel,
    cast(totals.window_days as integer) as window_days,
    cast(totals.units_returned as bigint) as units_returned,
    cast(totals.units_returned_excluded as bigint) as units_returned_excluded,
    {%- for name in parts %}
    cast(case when not totals.is_mixed_currency then totals.{{ name }} end as decimal(18, 4)) as {{ name }},
    {%- endfor %}
    cast(case when not totals.is_mixed_currency then totals.resale_sales - totals.resale_fees end as decimal(18, 4))
        as resale_value,
    cast(totals.cost_beyond_refunds as decimal(18, 4)) as cost_beyond_refunds,
    cast(totals.total_cost as decimal(18, 4)) as total_cost,
    cast(round(totals.total_cost / nullif(totals.units_returned + totals.units_returned_excluded, 0), 4)
        as decimal(18, 4)) as cost_per_returned_unit,
    cast(insights.sales_amount as decimal(18, 4)) as sales_amount,
    {{ rate('totals.total_cost', 'insights.sales_amount') }} as cost_share_of_sales,
    case
        when not totals.is_mixed_currency then coalesce(nullif(totals.currency, '?'), marketplaces.currency)
    end as currency,
    totals.is_mixed_currency,
    totals.unknown_parts,
    case
        when totals.is_mixed_currency then null
        when totals.refunds_unsettled > 0 then 'open'
        when totals.unknown_parts <> '' then 'lower_bound'
        else 'exact'
    end as total_basis,
    totals.settled_through,
    run.as_of_date
from totals
cross join run
left join marketplaces on totals.marketplace = marketplaces.marketplace
left join {{ ref('mart_asin_insights') }} as insights
    on totals.store = insights.store
    and totals.marketplace = insights.marketplace
    and totals.asin = insights.asin
    and totals.channel = insights.channel
    and totals.window_days = insights.window_days
    and coalesce(nullif(totals.currency, '?'), marketplaces.currency) = insights.currency
