{#
  Calendar months and weeks. Does not belong: windows of days (windows.sql).
#}

{# First day of a day's month: date. #}
{% macro month_start(day) -%}
  cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}

{# First day of the month that is a whole number of months later: date. #}
{% macro months_later(day, months) -%}
  {{ return(adapter.dispatch('months_later', 'returnscope')(day, months)) }}
{%- endmacro %}
{% macro default__months_later(day, months) -%}
  cast({{ month_start(day) }} + interval {{ months }} month as date)
{%- endmacro %}

{# Monday of a day's week: date. #}
{% macro week_start(day) -%}
  cast(date_trunc('week', {{ day }}) as date)
{%- endmacro %}
