{#
  What an order line is, and how another row finds its order line. Does not belong: the days and amounts of either.
#}

{# Whether a SKU is that of a used unit of Grade and Resell; the case of the prefix varies. #}
{% macro is_used_sku(sku) -%}
  coalesce(lower({{ sku }}) like 'amzn.gr.%', false)
{%- endmacro %}

{# SKU of the new item behind a SKU: `amzn.gr.<base>-<random>-<grade>` gives its base, which may hold hyphens itself. #}
{% macro base_sku(sku) -%}
  case
    when not {{ is_used_sku(sku) }} then {{ sku }}
    else coalesce(
      nullif({{ regexp_group(sku, "^.{8}(.+)-[^-]+-[^-]+$", 1) }}, ''),
      substr({{ sku }}, 9)
    )
  end
{%- endmacro %}

{# Whether an order was sold outside Amazon and only shipped by it, by its sales channel. #}
{% macro is_outside_amazon(sales_channel) -%}
  coalesce(lower(trim({{ sales_channel }})) like 'non-amazon%', false)
{%- endmacro %}

{# The two joins by which a row with store, order_id, sku and asin finds its order line: by SKU, else by ASIN. Read the
   line's columns by order_item(). #}
{% macro order_item_joins(rows) -%}
left join {{ ref('int_order_items') }} as item_by_sku
    on item_by_sku.found_by = 'sku'
    and {{ rows }}.store = item_by_sku.store
    and {{ rows }}.order_id = item_by_sku.order_id
    and {{ rows }}.sku = item_by_sku.item
left join {{ ref('int_order_items') }} as item_by_asin
    on item_by_asin.found_by = 'asin'
    and {{ rows }}.store = item_by_asin.store
    and {{ rows }}.order_id = item_by_asin.order_id
    and {{ rows }}.asin = item_by_asin.item
{%- endmacro %}

{# A column of the order line found by order_item_joins(), NULL where there is none. #}
{% macro order_item(column) -%}
  case when item_by_sku.order_id is not null then item_by_sku.{{ column }} else item_by_asin.{{ column }} end
{%- endmacro %}

{# Used condition in one spelling, from `Used – Like New` with any dash: like_new, very_good, good, acceptable, else NULL. #}
{% macro canonical_condition(condition) -%}
  case
    when {{ regexp_found("lower(" ~ condition ~ ")", "like[^a-z]*new") }} then 'like_new'
    when {{ regexp_found("lower(" ~ condition ~ ")", "very[^a-z]*good") }} then 'very_good'
    when {{ regexp_found("lower(" ~ condition ~ ")", "acceptable") }} then 'acceptable'
    when {{ regexp_found("lower(" ~ condition ~ ")", "good") }} then 'good'
  end
{%- endmacro %}
