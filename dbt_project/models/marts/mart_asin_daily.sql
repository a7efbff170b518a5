-- Units and money of each ASIN, day by day. The facts are grouped here once; windows and holiday weeks are sums of
-- this. An order counts on its purchase day, a return on its return day, a refund on the day it was posted.

with run as (
    select * from {{ ref('dim_run') }}
),

-- stores whose report of requests names refunds
reporting_stores as (
    select distinct store
    from {{ ref('fct_refunds') }}
    where channel = 'FBM'
),

-- one row per fact, in one form: a single pass groups all three
events as (
    select
        store,
        marketplace,
        asin,
        channel,
        purchase_date as date,
        case when is_new_item then units_ordered end as units_ordered,
        case when is_new_item then units_shipped end as units_shipped,
        case when is_new_item and is_cancelled then units_ordered end as units_cancelled,
        case when not is_new_item then units_ordered end as units_ordered_excluded,
        case when not is_new_item then units_shipped end as units_shipped_excluded,
        cast(null as bigint) as units_returned,
        cast(null as bigint) as units_returned_excluded,
        cast(null as bigint) as units_rejected,
        cast(null as integer) as refund,
        cast(null as integer) as refund_unconverted,
        sales_amount,
        cast(null as decimal(18, 4)) as refund_amount,
        cast(null as decimal(18, 4)) as refund_amount_reporting,
        {{ currency_of('sales_amount', 'currency') }} as currency
    from {{ ref('fct_order_lines') }}
    union all
    select
        store, marketplace, asin, channel, return_date, null, null, null, null, null,
        case when {{ counts_as_returned() }} then units end,
        case when not {{ counts_as_returned() }} then units end,
        case when {{ counts_as_returned() }} and is_rejected then units end,
        null, null, null, null, null, null
    from {{ ref('fct_returns') }}
    union all
    select
        store, marketplace, coalesce(asin, 'unattributed'), channel, refund_date, null, null, null, null, null,
        null, null, null, 1, case when refund_amount_reporting is null then 1 else 0 end,
        null, refund_amount, refund_amount_reporting, {{ currency_of('refund_amount', 'currency') }}
    from {{ ref('fct_refunds') }}
),

{% set units = ['units_ordered', 'units_shipped', 'units_returned', 'units_returned_excluded', 'units_rejected',
                'units_cancelled', 'units_ordered_excluded', 'units_shipped_excluded'] -%}
{% set amounts = ['sales_amount', 'refund_amount', 'refund_amount_reporting'] -%}

channel_days as (
    select
        store,
        marketplace,
        asin,
        channel,
        date,
        {%- for name in units %}
        cast(coalesce(sum({{ name }}), 0) as bigint) as {{ name }},
        {%- endfor %}
        cast(count(refund) as bigint) as refunds,
        cast(coalesce(sum(refund_unconverted), 0) as bigint) as refunds_unconverted,
        {%- for name in amounts %}
        cast(sum({{ name }}) as decimal(18, 4)) as {{ name }},
        {%- endfor %}
        min(currency) as currency,
        max(currency) as other_currency
    from events
    group by store, marketplace, asin, channel, date
),

-- most items are sold through one channel only: their days need no second grouping
items as (
    select
        store,
        marketplace,
        asin,
        min(channel) = max(channel) as has_one_channel
    from channel_days
    group by store, marketplace, asin
),

item_days as (
    select
        channel_days.*,
        items.has_one_channel
    from channel_days
    inner join items
        on
            channel_days.store = items.store
            and channel_days.marketplace = items.marketplace
            and channel_days.asin = items.asin
),

days as (
    select
        store, marketplace, asin, channel, date, {{ units | join(', ') }}, refunds, refunds_unconverted,
        {{ amounts | join(', ') }}, currency, other_currency, channel = 'FBM' as is_reported
    from channel_days
    union all
    select
        store, marketplace, asin, 'ALL', date, {{ units | join(', ') }}, refunds, refunds_unconverted,
        {{ amounts | join(', ') }}, currency, other_currency, channel = 'FBM'
    from item_days
    where has_one_channel
    union all
    select
        store,
        marketplace,
        asin,
        'ALL',
        date,
        {%- for name in units + ['refunds', 'refunds_unconverted'] %}
        cast(sum({{ name }}) as bigint),
        {%- endfor %}
        {%- for name in amounts %}
        cast(sum({{ name }}) as decimal(18, 4)),
        {%- endfor %}
        min(currency),
        max(other_currency),
        false
    from item_days
    where not has_one_channel
    group by store, marketplace, asin, date
),

-- Where a day without a refund means 0: on the days that a store's settlements tell of, and for what the seller ships
-- on all days as soon as one such refund is known, for the report of requests names them too.
known_days as (
    select
        days.*,
        coalesce(days.date between settled_stores.settled_from and settled_stores.settled_through, false)
        or (days.is_reported and reporting_stores.store is not null) as is_refund_known
    from days
    left join {{ settled_stores() }} as settled_stores on days.store = settled_stores.store
    left join reporting_stores on days.store = reporting_stores.store
)

select
    days.store,
    days.marketplace,
    days.asin,
    days.channel,
    days.date,
    {%- for name in units %}
    days.{{ name }},
    {%- endfor %}
    days.refunds,
    days.refunds_unconverted,
    cast(case
        when days.currency <> days.other_currency then null
        when days.refunds = 0 and days.is_refund_known then 0
        else days.refund_amount
    end as decimal(18, 4)) as refund_amount,
    cast(case
        when days.refunds_unconverted > 0 then null
        when days.refunds > 0 then days.refund_amount_reporting
        when days.is_refund_known and run.reporting_currency is not null then 0
    end as decimal(18, 4)) as refund_amount_reporting,
    cast(case
        when days.currency <> days.other_currency then null
        when days.units_shipped + days.units_shipped_excluded = 0 then coalesce(days.sales_amount, 0)
        else days.sales_amount
    end as decimal(18, 4)) as sales_amount,
    case
        when days.currency is null then marketplaces.currency
        when days.currency = days.other_currency then nullif(days.currency, '?')
    end as currency,
    coalesce(days.currency <> days.other_currency, false) as is_mixed_currency,
    run.as_of_date
from known_days as days
left join {{ ref('dim_marketplace') }} as marketplaces on days.marketplace = marketplaces.marketplace
cross join run
