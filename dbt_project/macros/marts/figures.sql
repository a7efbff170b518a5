{#
  Dated figures of Amazon's rules (core.dim_figure). Belongs here: finding the one that holds. Does not belong: any
  figure.
#}

{# One spelling for categories: `Home & Kitchen`, `home_and_kitchen` → `home and kitchen`. NULL stays NULL. #}
{% macro category_key(category) -%}
  trim({{ regexp_replace_all("replace(lower(" ~ category ~ "), '&', ' and ')", "[^a-z0-9]+", " ") }})
{%- endmacro %}

{# Left join of the figure that holds in a marketplace on a day, as `alias`; at most one row. `scope` is an
   expression such as a category, absent where the figure holds for all. #}
{% macro join_figure(alias, figure, marketplace, day, scope=none) -%}
left join {{ ref('dim_figure') }} as {{ alias }}
    on {{ alias }}.figure = '{{ figure }}'
    and {{ alias }}.marketplace in ({{ marketplace }}, '*')
    and {{ alias }}.scope = {% if scope is none %}''{% else %}{{ category_key(scope) }}{% endif %}
    and {{ day }} between {{ alias }}.valid_from and {{ alias }}.valid_to
{%- endmacro %}
