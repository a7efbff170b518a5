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
    lower({{ line }}.transaction_type) like 'grade and resell%'
    or lower({{ line }}.amount_type) like 'grade and resell%',
    false
  )
{%- endmacro %}

{# What relisting one used unit brings: price of the grade less grading fee, fulfilment fee and referral fee, each
   to the cent. NULL where one of them is unknown. Amazon's worked example: 30.00 x 95 % - 4.28 - 5.80 - 1.80 =
   16.62. #}
{% macro grade_resell_unit_value(new_price, price_share, grading_fee, fulfilment_fee, referral_rate) -%}
  (round({{ new_price }} * {{ price_share }}, 2)
    - round(round({{ new_price }} * {{ price_share }}, 2) * {{ referral_rate }}, 2)
    - {{ grading_fee }} - {{ fulfilment_fee }})
{%- endmacro %}

{# What leaving one unit to Amazon's liquidators brings: their share of the new price, to the cent, less what Amazon takes
   for it. NULL where one of them is unknown; neither is published. #}
{% macro liquidation_unit_value(new_price, price_share, fee) -%}
  (round({{ new_price }} * {{ price_share }}, 2) - {{ fee }})
{%- endmacro %}
