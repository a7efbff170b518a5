{#
  Grade and Resell. Belongs here: what its SKUs and settlement lines look like, and what a graded unit is worth.
#}

{# Grade in the last part of a used SKU (`amzn.gr.<sku>-<random>-VG`): canonical grade, NULL where it names none. #}
{% macro grade_from_sku(sku) -%}
  case upper(split_part({{ sku }}, '-', -1))
    when 'LN' then 'like_new'
    when 'VG' then 'very_good'
    when 'G' then 'good'
    when 'A' then 'acceptable'
  end
{%- endmacro %}

{# Whether a settlement line (relation alias) is Amazon's charge for grading a unit. #}
{% macro is_grading_charge(line) -%}
  coalesce(
    lower({{ line }}.transaction_type) like 'grade and resell%' or lower({{ line }}.amount_type) like 'grade and resell%',
    false
  )
{%- endmacro %}
