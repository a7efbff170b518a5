-- Units and money of each ASIN, day by day. The facts are grouped here once; windows and holiday weeks are sums of this.
-- An order counts on its purchase day, a return on its return day, a refund on the day it was posted.

with run as (
    select * from {{ ref('dim_run') }}
),

-- stores of which refunds are known at all: only there does a day without a refund mean 0
stores_with_refunds as (
    select distinct store from {{ ref('fct_refunds') }}
),

order_days as (
    select
        store,
        marketplace,
        asin,
        channel,
        purchase_date as date,
        currency,
        sum(case when is_new_item then units_ordered end) as units_ordered,
        sum(case when is_new_item then units_shipped end) as units_shipped,
        sum(case when is_new_item and is_cancelled then units_ordered end) as units_cancelled,
        sum(case when not is_new_item then units_ordered end) as units_ordered_excluded,
        sum(case when not is_new_item then units_shipped end) as units_shipped_excluded,
        sum(sales_amount) as sales_amount
    from {{ ref('fct_order_lines') }}
    group by store, marketplace, asin, channel, purchase_date, currency
),

return_days as (
    select
        store,
        marketplace,
        asin,
        channel,
        return_date as date,
        sum(case when {{ counts_as_returned() }} then units end) as units_returned,
        sum(case when not {{ counts_as_returned() }} then units end) as units_returned_excluded,
        sum(case when {{ counts_as_returned() }} and is_rejected then units end) as units_rejected
    from {{ ref('fct_returns') }}
    group by store, marketplace, asin, channel, return_date
),

refund_days as (
    select
        store,
        marketplace,
        coalesce(asin, 'unattributed') as asin,
        channel,
        refund_date as date,
        currency,
        count(*) as refunds,
        sum(case when refund_amount_reporting is null then 1 else 0 end) as refunds_unconverted,
        sum(refund_amount) as refund_amount,
        sum(refund_amount_reporting) as refund_amount_reporting
    from {{ ref('fct_refunds') }}
    group by store, marketplace, coalesce(asin, 'unattributed'), channel, refund_date, currency
),

events as (
    select
        store, marketplace, asin, channel, date, currency,
        units_ordered, units_shipped, units_cancelled, units_ordered_excluded, units_shipped_excluded, sales_amount,
        0 as units_returned, 0 as units_returned_excluded, 0 as units_rejected,
        0 as refunds, 0 as refunds_unconverted, null as refund_amount, null as refund_amount_reporting
    from order_days
    union all
    select
        store, marketplace, asin, channel, date, null,
        0, 0, 0, 0, 0, null,
        units_returned, units_returned_excluded, units_rejected,
        0, 0, null, null
    from return_days
    union all
    select
        store, marketplace, asin, channel, date, currency,
        0, 0, 0, 0, 0, null,
        0, 0, 0,
        refunds, refunds_unconverted, refund_amount, refund_amount_reporting
    from refund_days
),

days as (
    select
        events.store,
        events.marketplace,
        events.asin,
        {{ channel_or_all('events.channel') }} as channel,
        events.date,
        sum(events.units_ordered) as units_ordered,
        sum(events.units_shipped) as units_shipped,
        sum(events.units_returned) as units_returned,
        sum(events.units_returned_excluded) as units_returned_excluded,
        sum(events.units_rejected) as units_rejected,
        sum(events.units_cancelled) as units_cancelled,
        sum(events.units_ordered_excluded) as units_ordered_excluded,
        sum(events.units_shipped_excluded) as units_shipped_excluded,
        sum(events.refunds) as refunds,
        sum(events.refunds_unconverted) as refunds_unconverted,
        sum(events.sales_amount) as sales_amount,
        sum(events.refund_amount) as refund_amount,
        sum(events.refund_amount_reporting) as refund_amount_reporting,
        {{ single_currency('coalesce(events.sales_amount, events.refund_amount)', 'events.currency') }} as currency,
        {{ is_mixed_currency('coalesce(events.sales_amount, events.refund_amount)', 'events.currency') }}
            as is_mixed_currency
    from events
    {{ channel_rollup() }}
    group by
        events.store,
        events.marketplace,
        events.asin,
        {{ channel_or_all('events.channel') }},
        events.date
)

select
    days.store,
    days.marketplace,
    days.asin,
    days.channel,
    days.date,
    cast(coalesce(days.units_ordered, 0) as bigint) as units_ordered,
    cast(coalesce(days.units_shipped, 0) as bigint) as units_shipped,
    cast(coalesce(days.units_returned, 0) as bigint) as units_returned,
    cast(coalesce(days.units_returned_excluded, 0) as bigint) as units_returned_excluded,
    cast(coalesce(days.units_rejected, 0) as bigint) as units_rejected,
    cast(coalesce(days.units_cancelled, 0) as bigint) as units_cancelled,
    cast(coalesce(days.units_ordered_excluded, 0) as bigint) as units_ordered_excluded,
    cast(coalesce(days.units_shipped_excluded, 0) as bigint) as units_shipped_excluded,
    cast(days.refunds as bigint) as refunds,
    cast(days.refunds_unconverted as bigint) as refunds_unconverted,
    cast(case
        when days.is_mixed_currency then null
        when days.refunds = 0 and stores_with_refunds.store is not null then 0
        else days.refund_amount
    end as decimal(18, 4)) as refund_amount,
    cast(case
        when days.refunds_unconverted > 0 then null
        when days.refunds > 0 then days.refund_amount_reporting
        when stores_with_refunds.store is not null and run.reporting_currency is not null then 0
    end as decimal(18, 4)) as refund_amount_reporting,
    cast(case
        when days.is_mixed_currency then null
        when coalesce(days.units_shipped, 0) + coalesce(days.units_shipped_excluded, 0) = 0
            then coalesce(days.sales_amount, 0)
        else days.sales_amount
    end as decimal(18, 4)) as sales_amount,
    case when not days.is_mixed_currency then coalesce(days.currency, marketplaces.currency) end as currency,
    days.is_mixed_currency,
    run.as_of_date
from days
left join stores_with_refunds on days.store = stores_with_refunds.store
left join {{ ref('dim_marketplace') }} as marketplaces on days.marketplace = marketplaces.marketplace
cross join run
