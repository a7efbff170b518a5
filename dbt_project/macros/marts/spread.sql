{#
  Amounts that are known only as a total, spread over parts. Belongs here: the arithmetic. Does not belong: which total
  goes to which parts.
#}

{# Part of a total amount in proportion to units, exact to the cent: what the rounded running total grows by. Needs two
   named windows: `<window>` partitions by the total, `<window>_until` puts its parts in a fixed order up to this row.
   Units are positive. decimal(18,2). #}
{% macro spread_to_the_cent(total, units, named_window) -%}
  {%- set until = "sum(" ~ units ~ ") over " ~ named_window ~ "_until" -%}
  (
    {{ share_to_the_cent(total, until, "sum(" ~ units ~ ") over " ~ named_window) }}
    - {{ share_to_the_cent(total, "(" ~ until ~ " - " ~ units ~ ")", "sum(" ~ units ~ ") over " ~ named_window) }}
  )
{%- endmacro %}

{% macro share_to_the_cent(total, part, whole) -%}
  cast(round(cast({{ total }} as double) * {{ part }} / {{ whole }}, 2) as decimal(18, 2))
{%- endmacro %}
