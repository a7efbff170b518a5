-- How many rows each delivery has of each event day, as delivered, whether they are current or not.
{%- for feed in modelled_feeds() if feed_event_day(feed) %}
select
    '{{ feed }}' as feed,
    store,
    delivery_id,
    {{ feed_event_day(feed) }} as day,
    count(*) as event_rows
from {{ ref('stg_' ~ feed) }}
group by store, delivery_id, {{ feed_event_day(feed) }}
{{ 'union all' if not loop.last }}
{%- endfor %}
