-- Why units came back: each reason class with its units, its share, the share in the window before, and buyers' words.
-- Units by final class add up to units_returned of mart_asin_insights.

with run as (
    select * from {{ ref('dim_run') }}
),

returns as (
    select
        *,
        {{ ring('return_date', 'as_of_date') }} as ring
    from {{ ref('fct_returns') }}
    where {{ counts_as_returned() }}
),

classed as (
    select
        store,
        marketplace,
        asin,
        channel,
        ring,
        reason_class,
        reason_class_code,
        reason_class_text,
        sum(units) as units
    from returns
    where ring is not null
    group by store, marketplace, asin, channel, ring, reason_class, reason_class_code, reason_class_text
),

-- a unit is counted under its final class, under its code's class and under its words' class: three columns, one pass
grouped as (
    select store, marketplace, asin, channel, ring, reason_class, units, 0 as units_by_code, 0 as units_by_text
    from classed
    union all
    select store, marketplace, asin, channel, ring, reason_class_code, 0, units, 0
    from classed
    where reason_class_code is not null
    union all
    select store, marketplace, asin, channel, ring, reason_class_text, 0, 0, units
    from classed
    where reason_class_text is not null
),

rings as (
    select
        grouped.store,
        grouped.marketplace,
        grouped.asin,
        {{ channel_or_all('grouped.channel') }} as channel,
        grouped.ring,
        grouped.reason_class,
        sum(grouped.units) as units,
        sum(grouped.units_by_code) as units_by_code,
        sum(grouped.units_by_text) as units_by_text
    from grouped
    {{ channel_rollup() }}
    group by
        grouped.store,
        grouped.marketplace,
        grouped.asin,
        {{ channel_or_all('grouped.channel') }},
        grouped.ring,
        grouped.reason_class
),

-- every class that an ASIN's buyers named in the longest window stands in all windows
class_windows as (
    select
        rings.store,
        rings.marketplace,
        rings.asin,
        rings.channel,
        windows.window_days,
        rings.reason_class,
        {%- for units in ['units', 'units_by_code', 'units_by_text'] %}
        coalesce(sum({{ units }}) filter (where {{ ring_in_window('ring', 'window_days') }}), 0) as {{ units }},
        {%- endfor %}
        coalesce(sum(units) filter (where {{ ring_in_window_before('ring', 'window_days') }}), 0) as previous_units,
        bool_or({{ ring_in_window('ring', window_lengths() | max) }}) as is_current
    from rings
    cross join {{ windows() }} as windows
    group by rings.store, rings.marketplace, rings.asin, rings.channel, windows.window_days, rings.reason_class
),

shares as (
    select
        *,
        {{ rate('units', 'sum(units) over asin_window') }} as share,
        {{ rate('previous_units', 'sum(previous_units) over asin_window') }} as previous_share
    from class_windows
    window asin_window as (partition by store, marketplace, asin, channel, window_days)
),

-- A comment stands for its class the better, the more the words agree with the class and the surer the verdict; then
-- the newest. Only the best three of a channel and ring can be among the best three of a window.
comments as (
    select
        store,
        marketplace,
        asin,
        channel,
        ring,
        reason_class,
        comment,
        max(case when reason_class_text = reason_class then 1 else 0 end) as agrees,
        max(coalesce(reason_confidence, 0)) as confidence,
        max(return_date) as latest
    from returns
    where {{ ring_in_window('ring', window_lengths() | max) }} and trim(coalesce(comment, '')) <> ''
    group by store, marketplace, asin, channel, ring, reason_class, comment
),

best_comments as (
    select
        *,
        row_number() over (
            partition by store, marketplace, asin, channel, ring, reason_class
            order by agrees desc, confidence desc, latest desc, comment asc
        ) as place
    from comments
),

window_comments as (
    select
        best.store,
        best.marketplace,
        best.asin,
        {{ channel_or_all('best.channel') }} as channel,
        windows.window_days,
        best.reason_class,
        best.comment,
        max(best.agrees) as agrees,
        max(best.confidence) as confidence,
        max(best.latest) as latest
    from best_comments as best
    {{ channel_rollup() }}
    inner join {{ windows() }} as windows on {{ ring_in_window('best.ring', 'windows.window_days') }}
    where best.place <= 3
    group by
        best.store,
        best.marketplace,
        best.asin,
        {{ channel_or_all('best.channel') }},
        windows.window_days,
        best.reason_class,
        best.comment
),

placed as (
    select
        *,
        row_number() over (
            partition by store, marketplace, asin, channel, window_days, reason_class
            order by agrees desc, confidence desc, latest desc, comment asc
        ) as place
    from window_comments
),

samples as (
    select
        store,
        marketplace,
        asin,
        channel,
        window_days,
        reason_class,
        {{ json_text_list('comment', 'place') }} as sample_comments
    from placed
    where place <= 3
    group by store, marketplace, asin, channel, window_days, reason_class
)

select
    shares.store,
    shares.marketplace,
    shares.asin,
    shares.channel,
    shares.window_days,
    shares.reason_class,
    cast(shares.units as bigint) as units,
    shares.share,
    shares.previous_share,
    cast(shares.previous_units as bigint) as previous_units,
    cast(shares.units_by_code as bigint) as units_by_code,
    cast(shares.units_by_text as bigint) as units_by_text,
    coalesce(classes.fault, 'unknown') as fault,
    coalesce(samples.sample_comments, '[]') as sample_comments,
    run.as_of_date
from shares
cross join run
left join samples using (store, marketplace, asin, channel, window_days, reason_class)
left join {{ ref('dim_reason_class') }} as classes on shares.reason_class = classes.reason_class
where shares.is_current
