{#
  Which day something happened on. Belongs here: the marketplace's clock. Does not belong: windows of days
  (marts/windows.sql), engine-specific date functions (dialect.sql).
#}

{# The day of a moment `x_at` / `x_day` on the clock of a marketplace: of the instant when it is known, else as written. #}
{% macro marketplace_day(at, day, zone) -%}
  coalesce({{ day_in_zone(at, zone) }}, {{ day }})
{%- endmacro %}
