{#
  All SQL that differs between engines, behind adapter.dispatch: the models call these and nothing else of a dialect.
  Belongs here: one operation each, without business meaning. Does not belong: rules (rates.sql, days.sql, money.sql …).
  `default__` is DuckDB; another engine adds `<engine>__` beside it.
#}

{# Wall-clock day of an instant in an IANA time zone: date. The zone is a column or a literal.
   DuckDB converts fast only into a zone that is constant: ten million instants take 25 s by a column of zones and 1.3 s by
   this case over the zones that marketplaces use; any other zone still comes out right. #}
{% macro day_in_zone(instant, zone) %}{{ return(adapter.dispatch('day_in_zone', 'returnscope')(instant, zone)) }}{% endmacro %}
{% macro default__day_in_zone(instant, zone) -%}
  cast(case {{ zone }}
    {%- for name in marketplace_time_zones() + ['UTC'] %}
    when '{{ name }}' then ({{ instant }}) at time zone '{{ name }}'
    {%- endfor %}
    else ({{ instant }}) at time zone {{ zone }}
  end as date)
{%- endmacro %}

{# Date plus a whole number of days, which may be negative: date. #}
{% macro add_days(day, days) %}{{ return(adapter.dispatch('add_days', 'returnscope')(day, days)) }}{% endmacro %}
{% macro default__add_days(day, days) -%}
  (({{ day }}) + cast({{ days }} as integer))
{%- endmacro %}

{# Date minus a whole number of days: date. #}
{% macro days_before(day, days) -%}
  {{ add_days(day, "-(" ~ days ~ ")") }}
{%- endmacro %}

{# Days from one date to a later one, negative when it is earlier: bigint. #}
{% macro days_between(earlier, later) %}{{ return(adapter.dispatch('days_between', 'returnscope')(earlier, later)) }}{% endmacro %}
{% macro default__days_between(earlier, later) -%}
  date_diff('day', {{ earlier }}, {{ later }})
{%- endmacro %}

{# Rows of one date column `day`, from first to last, both included: a table expression for a from clause. #}
{% macro days_table(first, last) %}{{ return(adapter.dispatch('days_table', 'returnscope')(first, last)) }}{% endmacro %}
{% macro default__days_table(first, last) -%}
  (select cast(unnest(generate_series({{ first }}, {{ last }}, interval 1 day)) as date) as day)
{%- endmacro %}

{# Every match of a regular expression replaced: text. #}
{% macro regexp_replace_all(text, pattern, replacement) %}{{ return(adapter.dispatch('regexp_replace_all', 'returnscope')(text, pattern, replacement)) }}{% endmacro %}
{% macro default__regexp_replace_all(text, pattern, replacement) -%}
  regexp_replace({{ text }}, '{{ pattern }}', '{{ replacement }}', 'g')
{%- endmacro %}

{# A group of the first match of a regular expression, an empty text where there is none: text. #}
{% macro regexp_group(text, pattern, group) %}{{ return(adapter.dispatch('regexp_group', 'returnscope')(text, pattern, group)) }}{% endmacro %}
{% macro default__regexp_group(text, pattern, group) -%}
  regexp_extract({{ text }}, '{{ pattern }}', {{ group }})
{%- endmacro %}

{# Whether a regular expression is found anywhere in the text: boolean. #}
{% macro regexp_found(text, pattern) %}{{ return(adapter.dispatch('regexp_found', 'returnscope')(text, pattern)) }}{% endmacro %}
{% macro default__regexp_found(text, pattern) -%}
  regexp_matches({{ text }}, '{{ pattern }}')
{%- endmacro %}

{# Texts joined by a separator in a given order, NULLs left out: text. Used in a group by. #}
{% macro ordered_join(text, separator, order) %}{{ return(adapter.dispatch('ordered_join', 'returnscope')(text, separator, order)) }}{% endmacro %}
{% macro default__ordered_join(text, separator, order) -%}
  string_agg({{ text }}, '{{ separator }}' order by {{ order }})
{%- endmacro %}

{# A list of texts in a given order as JSON text: ["a","b"]. Used in a group by; NULLs are left out. #}
{% macro json_text_list(text, order) %}{{ return(adapter.dispatch('json_text_list', 'returnscope')(text, order)) }}{% endmacro %}
{% macro default__json_text_list(text, order) -%}
  cast(to_json(coalesce(list({{ text }} order by {{ order }}) filter (where {{ text }} is not null), [])) as varchar)
{%- endmacro %}

{# Several texts of one row as JSON text: ["a","b"]; NULLs are left out. #}
{% macro texts_as_json(texts) %}{{ return(adapter.dispatch('texts_as_json', 'returnscope')(texts)) }}{% endmacro %}
{% macro default__texts_as_json(texts) -%}
  cast(to_json(list_filter([{{ texts | join(', ') }}], lambda text: text is not null)) as varchar)
{%- endmacro %}

{# Value of the row that comes last in an order of one expression; ties must be broken by the order itself. #}
{% macro value_at_max(value, order) %}{{ return(adapter.dispatch('value_at_max', 'returnscope')(value, order)) }}{% endmacro %}
{% macro default__value_at_max(value, order) -%}
  arg_max({{ value }}, {{ order }})
{%- endmacro %}

{# Several expressions as one value that sorts by the first, then the second …; for value_at_max. #}
{% macro sort_key(parts) %}{{ return(adapter.dispatch('sort_key', 'returnscope')(parts)) }}{% endmacro %}
{% macro default__sort_key(parts) -%}
  row({{ parts | join(', ') }})
{%- endmacro %}

{# 128-bit digest of a text in the engine's most compact form: for joins and groups, never published (md5() is). #}
{% macro digest(text) %}{{ return(adapter.dispatch('digest', 'returnscope')(text)) }}{% endmacro %}
{% macro default__digest(text) -%}
  md5_number({{ text }})
{%- endmacro %}

{# A digest() as text, for putting it into a published hash. Never cast one to text: DuckDB takes 0.15 ms for each. #}
{% macro digest_text(digest) %}{{ return(adapter.dispatch('digest_text', 'returnscope')(digest)) }}{% endmacro %}
{% macro default__digest_text(digest) -%}
  hex({{ digest }})
{%- endmacro %}

{# 64-bit hash of several columns of a row, NULLs too: equal rows have equal hashes. For finding rows that may be equal,
   never for saying that they are. #}
{% macro row_hash(columns) %}{{ return(adapter.dispatch('row_hash', 'returnscope')(columns)) }}{% endmacro %}
{% macro default__row_hash(columns) -%}
  hash({{ columns | join(', ') }})
{%- endmacro %}

{# Quotient of two non-negative integers, rounded down: bigint. #}
{% macro whole_quotient(dividend, divisor) %}{{ return(adapter.dispatch('whole_quotient', 'returnscope')(dividend, divisor)) }}{% endmacro %}
{% macro default__whole_quotient(dividend, divisor) -%}
  (({{ dividend }}) // ({{ divisor }}))
{%- endmacro %}
