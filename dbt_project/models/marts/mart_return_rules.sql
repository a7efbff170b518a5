-- What to do with seller-fulfilled returns of each item: the seller's rule that holds today, the rule that the figures
-- suggest, and what it saves. Sending a unit back is worth it when its resale value covers freight and processing.

with run as (
    select * from {{ ref('dim_run') }}
),

-- seller-fulfilled sales and returns of a year
items as (
    select
        insights.store,
        insights.marketplace,
        insights.asin,
        insights.category,
        insights.units_shipped,
        insights.units_returned,
        insights.return_rate,
        insights.is_high_return_rate,
        insights.currency,
        cast(
            round(coalesce(asins.price, insights.sales_amount / nullif(insights.units_shipped, 0)), 2) as decimal(18, 4)
        ) as price
    from {{ ref('mart_asin_insights') }} as insights
    left join {{ ref('dim_asin') }} as asins
        on insights.store = asins.store
        and insights.marketplace = asins.marketplace
        and insights.asin = asins.asin
        and insights.currency = asins.currency
    where insights.channel = 'FBM'
        and insights.window_days = {{ window_lengths() | max }}
        and insights.marketplace <> 'unattributed'
),

labels as (
    select
        returns.store,
        returns.marketplace,
        returns.asin,
        returns.currency,
        sum(returns.label_cost) as label_cost,
        sum(returns.units) as units
    from {{ ref('fct_returns') }} as returns
    cross join run
    where returns.channel = 'FBM'
        and returns.label_cost > 0
        and {{ in_window('returns.return_date', 'run.as_of_date', window_lengths() | max) }}
    group by returns.store, returns.marketplace, returns.asin, returns.currency
),

-- freight of the item's own labels, else of all labels of the store in the marketplace
freights as (
    select
        items.store,
        items.marketplace,
        items.asin,
        max(case when labels.asin = items.asin then labels.label_cost / labels.units end) as own_freight,
        sum(labels.label_cost) / nullif(sum(labels.units), 0) as store_freight
    from items
    inner join labels
        on items.store = labels.store and items.marketplace = labels.marketplace and items.currency = labels.currency
    group by items.store, items.marketplace, items.asin
),

-- how many units of the item a fulfilment centre found sellable
sellable as (
    select
        returns.store,
        returns.asin,
        sum(returns.units) as units,
        sum(case when {{ is_found_sellable('returns') }} then returns.units else 0 end) as units_sellable
    from {{ ref('fct_returns') }} as returns
    cross join run
    where returns.channel = 'FBA'
        and returns.is_new_item
        and returns.disposition is not null
        and {{ in_window('returns.return_date', 'run.as_of_date', window_lengths() | max) }}
    group by returns.store, returns.asin
),

matching_rules as (
    select
        items.store,
        items.marketplace,
        items.asin,
        rules.rule,
        rules.resolution,
        rules.reasons,
        row_number() over (partition by items.store, items.marketplace, items.asin order by rules.position) as place
    from items
    inner join {{ ref('dim_return_rule') }} as rules
        on items.currency = rules.currency
        and items.price >= rules.price_from
        and (rules.price_to is null or items.price < rules.price_to)
        and (rules.category is null or {{ category_key('rules.category') }} = {{ category_key('items.category') }})
        and rules.channel in ('FBM', 'ALL')
),

figures as (
    select
        items.*,
        coalesce(freights.own_freight, freights.store_freight) as freight,
        freights.own_freight is not null as is_own_freight,
        processing.value as processing_cost,
        coalesce(resale.value, {{ wilson_low('sellable.units_sellable', 'sellable.units') }}) as resale_share_low,
        coalesce(resale.value, {{ rate('sellable.units_sellable', 'sellable.units') }}) as resale_share,
        coalesce(resale.value, {{ wilson_high('sellable.units_sellable', 'sellable.units') }}) as resale_share_high
    from items
    cross join run
    left join freights using (store, marketplace, asin)
    left join sellable using (store, asin)
    {{ join_figure('processing', 'return_processing_cost', 'items.marketplace', 'run.as_of_date') }}
    {{ join_figure('resale', 'resale_share', 'items.marketplace', 'run.as_of_date', 'items.category') }}
),

-- what is saved per unit when the buyer keeps it; without a resale share it may be worth anything between nothing and
-- the price
savings as (
    select
        *,
        freight + coalesce(processing_cost, 0) - price * coalesce(resale_share_high, 1) as unit_saving_low,
        freight + coalesce(processing_cost, 0) - price * resale_share as unit_saving,
        freight + coalesce(processing_cost, 0) - price * coalesce(resale_share_low, 0) as unit_saving_high
    from figures
),

suggested as (
    select
        *,
        case
            when unit_saving_low > 0 then 'refund_only'
            when unit_saving_high < 0 then 'standard_return'
            when unit_saving is not null then 'partial_refund_without_return'
        end as suggested_rule
    from savings
)

select
    suggested.store,
    suggested.marketplace,
    suggested.asin,
    suggested.category,
    rules.rule as current_rule,
    rules.resolution as current_resolution,
    rules.reasons as current_rule_reasons,
    suggested.suggested_rule,
    case
        when suggested.price is null then 'Unknown price.'
        when suggested.freight is null then 'Unknown return freight: no label cost in a year.'
        when suggested.suggested_rule = 'refund_only'
            then 'Freight and processing exceed what the unit can be resold for.'
        when suggested.suggested_rule = 'standard_return'
            then 'The unit can be resold for more than freight and processing cost.'
        when suggested.resale_share is null
            then 'Unknown resale value: no unit of it was graded, and no resale_share is set.'
        else 'Freight and resale value are close: a part of the price may settle it without a return.'
    end
    || case when suggested.processing_cost is null then ' Processing cost is unknown and not in it.' else '' end
    || case
        when suggested.freight is not null and not suggested.is_own_freight then ' Freight is the store''s average.'
        else ''
    end as why,
    case
        when suggested.price is null then '价格未知。'
        when suggested.freight is null then '退货运费未知：一年内没有面单费用。'
        when suggested.suggested_rule = 'refund_only' then '退货运费与处理成本高于该商品的转售价值。'
        when suggested.suggested_rule = 'standard_return' then '转售价值高于退货运费与处理成本。'
        when suggested.resale_share is null then '转售价值未知：没有检验记录，也未设置 resale_share。'
        else '运费与转售价值接近：可提供部分退款且无需退货。'
    end
    || case when suggested.processing_cost is null then '处理成本未知，未计入。' else '' end
    || case
        when suggested.freight is not null and not suggested.is_own_freight then '运费为店铺平均值。' else ''
    end as why_zh,
    cast(suggested.units_shipped as bigint) as units_shipped,
    cast(suggested.units_returned as bigint) as units_returned,
    suggested.return_rate,
    suggested.price,
    cast(round(suggested.freight, 2) as decimal(18, 4)) as return_freight,
    cast(suggested.processing_cost as decimal(18, 4)) as processing_cost,
    suggested.resale_share_low,
    suggested.resale_share_high,
    cast(round((suggested.freight + coalesce(suggested.processing_cost, 0)) / nullif(suggested.resale_share, 0), 2)
        as decimal(18, 4)) as break_even_price,
    case
        when suggested.unit_saving is not null and suggested.price > 0
            then round(greatest(1 + suggested.unit_saving / suggested.price, 0), 4)
    end as break_even_refund_share,
    cast(case
        when suggested.suggested_rule = 'refund_only'
            then round(suggested.units_returned * coalesce(suggested.unit_saving, suggested.unit_saving_low), 2)
    end as decimal(18, 4)) as expected_saving,
    cast(round(suggested.units_returned * suggested.unit_saving_low, 2) as decimal(18, 4)) as expected_saving_low,
    cast(round(suggested.units_returned * suggested.unit_saving_high, 2) as decimal(18, 4)) as expected_saving_high,
    suggested.currency,
    suggested.is_high_return_rate,
    run.as_of_date
from suggested
cross join run
left join matching_rules as rules
    on rules.place = 1
    and suggested.store = rules.store
    and suggested.marketplace = rules.marketplace
    and suggested.asin = rules.asin
