{#
  From the rows of many deliveries to one truth (design: any order, overlap or repetition of deliveries gives the same).
  Belongs here: what holds for every feed of a kind. Does not belong: which columns make a key (generated/feeds.sql).
  "Newest" is by (delivered_at, delivery_id) of the pull that states it, never by arrival.
#}

{# Whether a pull (relation alias) says something about the data: complete, and not a plain repetition. A cancelled or
   failed one says nothing, and so never takes anything away. #}
{% macro is_statement(pull) -%}
  ({{ pull }}.restates and {{ pull }}.delivery_id is not null
    and {{ pull }}.outcome in ('loaded', 'loaded_empty', 'duplicate'))
{%- endmacro %}

{# Whether the window of a pull means days of events. A report by last update has days of change, and an order of the day may
   have changed again since, so it makes no day complete. #}
{% macro claims_days(pull) -%}
  (
    {{ pull }}.window_from is not null and {{ pull }}.window_to is not null
    {%- for feed in modelled_feeds() if feed_update_types(feed) %}
    and not ({{ pull }}.feed = '{{ feed }}' and coalesce({{ pull }}.report_type, '') in ('{{ feed_update_types(feed) | join("', '") }}'))
    {%- endfor %}
  )
{%- endmacro %}

{# Feeds whose rows the models resolve, so that each row is either current or superseded. A feed that has a staging model and
   nothing more is not among them; its rows are counted as not modelled. #}
{% macro modelled_feeds() -%}
  {{ return([
    'orders', 'mfn_returns', 'settlements', 'grade_resell', 'listings', 'reviews', 'decisions', 'fba_returns', 'inventory',
    'finance_transactions', 'fulfilled_shipments', 'ledger_detail', 'reimbursements', 'removals', 'seller_feedback'
  ]) }}
{%- endmacro %}

{# Whether a feed (an expression) is one of them. #}
{% macro is_modelled(feed) -%}
  {{ feed }} in ({% for name in modelled_feeds() %}'{{ name }}'{{ ", " if not loop.last }}{% endfor %})
{%- endmacro %}

{# Several expressions as one text in which a NULL and an empty text are the same, and nothing runs together. #}
{% macro spelled(parts) -%}
  concat_ws(chr(31){% for part in parts %}, coalesce(cast({{ part }} as varchar), ''){% endfor %})
{%- endmacro %}

{# The key of a row of a keyed feed as a 128-bit digest of its spelling: md5 over ten million keys takes 1.6 s and 0.8 GB to
   group, the spelling itself 1.4 s and 1.4 GB. Two of 10 million keys meet by chance once in 10^24 nights. #}
{% macro row_key(feed, rows) -%}
  {%- set key = feed_key(feed) -%}
  {%- set fallback = feed_fallback_key(feed) -%}
  {%- set by_key = spelled(["'key'", rows ~ ".store"] + prefixed(rows, key)) -%}
  {%- if fallback -%}
    {%- set by_fallback = spelled(["'fallback'", rows ~ ".store"] + prefixed(rows, fallback)) -%}
    {{ digest("case when trim(coalesce(cast(" ~ rows ~ "." ~ key[0] ~ " as varchar), '')) <> '' then " ~ by_key ~ " else " ~ by_fallback ~ " end") }}
  {%- else -%}
    {{ digest(by_key) }}
  {%- endif -%}
{%- endmacro %}

{% macro prefixed(rows, columns) -%}
  {%- set names = [] -%}
  {%- for column in columns -%}{%- do names.append(rows ~ "." ~ column) -%}{%- endfor -%}
  {{ return(names) }}
{%- endmacro %}

{# Body of int_<feed>_newest: the keys that more than one delivery has, with the recency of the newest. Usually few, so
   that what follows joins a small table instead of sorting all rows. #}
{% macro newest_by_key(feed) -%}
select
    {{ row_key(feed, 'bronze') }} as row_key,
    max(deliveries.recency) as recency
from {{ ref('stg_' ~ feed) }} as bronze
inner join {{ ref('int_deliveries') }} as deliveries
    on deliveries.feed = '{{ feed }}'
    and bronze.store = deliveries.store
    and bronze.delivery_id = deliveries.delivery_id
group by {{ row_key(feed, 'bronze') }}
having min(deliveries.recency) < max(deliveries.recency)
{%- endmacro %}

{# Rows of a keyed feed with what decides over them: all columns of staging, row_key, recency of their delivery and
   is_current (the newest delivery of a key wins with all its rows of that key). A table expression for a from clause. #}
{% macro judged_rows(feed) -%}
(
    select
        bronze.*,
        {{ row_key(feed, 'bronze') }} as row_key,
        deliveries.recency,
        deliveries.delivered_at,
        newest.row_key is null or newest.recency = deliveries.recency as is_current
    from {{ ref('stg_' ~ feed) }} as bronze
    inner join {{ ref('int_deliveries') }} as deliveries
        on deliveries.feed = '{{ feed }}'
        and bronze.store = deliveries.store
        and bronze.delivery_id = deliveries.delivery_id
    left join {{ ref('int_' ~ feed ~ '_newest') }} as newest
        on {{ row_key(feed, 'bronze') }} = newest.row_key
)
{%- endmacro %}

{# Rows of a keyed feed that a newer delivery of their key replaces: what judged_rows() has beside the current ones. Where no
   key came twice the engine sees at once that there are none. #}
{% macro superseded_rows(feed) -%}
(
    select
        bronze.store,
        bronze.delivery_id
    from {{ ref('stg_' ~ feed) }} as bronze
    inner join {{ ref('int_deliveries') }} as deliveries
        on deliveries.feed = '{{ feed }}'
        and bronze.store = deliveries.store
        and bronze.delivery_id = deliveries.delivery_id
    inner join {{ ref('int_' ~ feed ~ '_newest') }} as newest
        on {{ row_key(feed, 'bronze') }} = newest.row_key
        and deliveries.recency < newest.recency
)
{%- endmacro %}

{# A short name of the place a row comes from, unique without hashing: store, start of the delivery id, line. #}
{% macro row_place(rows) -%}
  concat({{ rows }}.store, ':', substr({{ rows }}.delivery_id, 1, 16), ':', cast({{ rows }}.line_number as varchar))
{%- endmacro %}
