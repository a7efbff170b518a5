-- Why units came back: each reason class with its units, its share, the share in the window before, and buyers' words.
-- Units by final class add up to units_returned of mart_asin_insights. Until the last step an item is a number and its
-- windows are columns: one narrow row for an item and class to group, sort and join, not four of many texts.

with run as (
    select * from {{ ref('dim_run') }}
),

returned as (
    select
        *,
        {{ ring('return_date', 'as_of_date') }} as ring
    from {{ ref('fct_returns') }}
    where {{ counts_as_returned() }}
),

-- most items are sold through one channel only: what holds for it holds for ALL
items as (
    select
        store,
        marketplace,
        asin,
        row_number() over (order by store, marketplace, asin) as item,
        min(channel) = max(channel) as has_one_channel
    from returned
    where ring is not null
    group by store, marketplace, asin
),

returns as (
    select
        items.item,
        {{ channel_or_all('returned.channel') }} as channel,
        returned.ring,
        returned.return_date,
        returned.units,
        returned.reason_class,
        returned.reason_class_code,
        returned.reason_class_text,
        returned.reason_confidence,
        returned.comment
    from returned
    inner join items
        on
            returned.store = items.store
            and returned.marketplace = items.marketplace
            and returned.asin = items.asin
    {{ channel_rollup() }}
    where returned.ring is not null and not (channel_rollup.is_all_channels and items.has_one_channel)
),

-- a unit is counted under its final class, under its code's class and under its words' class
verdicts as (
    select item, channel, ring, reason_class, units, 0 as units_by_code, 0 as units_by_text
    from returns
    union all
    select item, channel, ring, reason_class_code, 0, units, 0
    from returns
    where reason_class_code is not null
    union all
    select item, channel, ring, reason_class_text, 0, 0, units
    from returns
    where reason_class_text is not null
),

classes as (
    select
        item,
        channel,
        reason_class,
        {%- for days in window_lengths() %}
        {%- for name in ['units', 'units_by_code', 'units_by_text'] %}
        coalesce(sum({{ name }}) filter (where {{ ring_in_window('ring', days) }}), 0) as {{ name }}_{{ days }},
        {%- endfor %}
        coalesce(sum(units) filter (where {{ ring_in_window_before('ring', days) }}), 0) as previous_units_{{ days }},
        {%- endfor %}
        bool_or({{ ring_in_window('ring', window_lengths() | max) }}) as is_current
    from verdicts
    group by item, channel, reason_class
),

totals as (
    select
        *,
        {%- for days in window_lengths() %}
        sum(units_{{ days }}) over item_channel as item_units_{{ days }},
        sum(previous_units_{{ days }}) over item_channel as item_previous_units_{{ days }} {{- "," if not loop.last }}
        {%- endfor %}
    from classes
    window item_channel as (partition by item, channel)
),

-- A comment stands for its class the better, the more the words agree with the class and the surer the verdict; then
-- the newest. Its newest day decides in which windows it stands.
comments as (
    select
        item,
        channel,
        reason_class,
        comment,
        max(case when reason_class_text = reason_class then 1 else 0 end) as agrees,
        max(coalesce(reason_confidence, 0)) as confidence,
        max(return_date) as latest,
        min(ring) as ring
    from returns
    where {{ ring_in_window('ring', window_lengths() | max) }} and trim(coalesce(comment, '')) <> ''
    group by item, channel, reason_class, comment
),

placed as (
    select
        item,
        channel,
        reason_class,
        comment,
        ring,
        {%- for days in window_lengths() %}
        sum(case when {{ ring_in_window('ring', days) }} then 1 else 0 end) over best_first as place_{{ days }}
        {{- "," if not loop.last }}
        {%- endfor %}
    from comments
    window best_first as (
        partition by item, channel, reason_class
        order by agrees desc, confidence desc, latest desc, comment asc
        rows between unbounded preceding and current row
    )
),

best as (
    select
        item,
        channel,
        reason_class,
        {%- for days in window_lengths() %}
        {%- set outer_loop = loop %}
        {%- for place in [1, 2, 3] %}
        max(case when place_{{ days }} = {{ place }} and {{ ring_in_window('ring', days) }} then comment end)
            as comment_{{ place }}_{{ days }} {{- "," if not (loop.last and outer_loop.last) }}
        {%- endfor %}
        {%- endfor %}
    from placed
    where
        {%- for days in window_lengths() %}
        place_{{ days }} <= 3 {{- " or" if not loop.last }}
        {%- endfor %}
    group by item, channel, reason_class
),

samples as (
    select
        item,
        channel,
        reason_class,
        {%- for days in window_lengths() %}
        {{ texts_as_json(['comment_1_' ~ days, 'comment_2_' ~ days, 'comment_3_' ~ days]) }} as comments_{{ days }}
        {{- "," if not loop.last }}
        {%- endfor %}
    from best
)

select
    items.store,
    items.marketplace,
    items.asin,
    {{ channel_or_all('totals.channel') }} as channel,
    windows.window_days,
    totals.reason_class,
    cast({{ of_window('totals.units') }} as bigint) as units,
    {{ rate(of_window('totals.units'), of_window('totals.item_units')) }} as share,
    {{ rate(of_window('totals.previous_units'), of_window('totals.item_previous_units')) }} as previous_share,
    cast({{ of_window('totals.previous_units') }} as bigint) as previous_units,
    cast({{ of_window('totals.units_by_code') }} as bigint) as units_by_code,
    cast({{ of_window('totals.units_by_text') }} as bigint) as units_by_text,
    coalesce(classes.fault, 'unknown') as fault,
    coalesce({{ of_window('samples.comments') }}, '[]') as sample_comments,
    run.as_of_date
from totals
inner join items on totals.item = items.item
left join samples
    on totals.item = samples.item and totals.channel = samples.channel and totals.reason_class = samples.reason_class
left join {{ ref('dim_reason_class') }} as classes on totals.reason_class = classes.reason_class
cross join {{ windows() }} as windows
{{ channel_rollup() }}
cross join run
where totals.is_current and (items.has_one_channel or not channel_rollup.is_all_channels)
