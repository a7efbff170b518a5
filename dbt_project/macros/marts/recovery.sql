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

{# Amazon's fees for used units, line by line as settled, a fee given back negative: a table expression for a from clause.
   Fees of a sale name order and used SKU. A grading charge carries the title of the product and often no SKU: titles
   differ by language, and a returned unit bears the one it was sold under; a title of two items names neither, and its
   charge goes to the item `unattributed`. #}
{% macro used_unit_fees() -%}
(
    with used_lines as (
        select
            lines.store,
            lines.marketplace,
            lines.asin,
            lines.order_id,
            lower(lines.sku) as used_sku,
            lines.amount_description,
            lines.posted_date,
            lines.currency,
            -lines.amount as fees,
            {{ is_refund('lines.transaction_type') }} as is_refund,
            {{ is_grading_charge('lines') }} as is_grading_charge
        from {{ ref('fct_settlement_lines') }} as lines
        where {{ is_grading_charge('lines') }}
            or (
                {{ is_used_sku('lines.sku') }}
                and lower(lines.amount_type) = 'itemfees'
                and (lower(lines.transaction_type) = 'order' or {{ is_refund('lines.transaction_type') }})
            )
    ),

    charge_titles as (
        select distinct store, amount_description as title
        from used_lines
        where is_grading_charge and asin is null
    ),

    named_items as (
        select charge_titles.store, charge_titles.title, items.asin
        from charge_titles
        inner join {{ ref('dim_asin') }} as items
            on charge_titles.store = items.store and charge_titles.title = items.title
        union
        select charge_titles.store, charge_titles.title, returns.asin
        from charge_titles
        inner join {{ ref('fct_returns') }} as returns
            on charge_titles.store = returns.store and charge_titles.title = returns.product_name
    ),

    unique_titles as (
        select
            store,
            title,
            min(asin) as asin
        from named_items
        group by store, title
        having count(distinct asin) = 1
    )

    select
        lines.store,
        lines.marketplace,
        coalesce(lines.asin, titles.asin, 'unattributed') as asin,
        lines.order_id,
        lines.used_sku,
        lines.posted_date,
        lines.currency,
        lines.fees,
        lines.is_refund,
        lines.is_grading_charge
    from used_lines as lines
    left join unique_titles as titles
        on lines.is_grading_charge and lines.store = titles.store and lines.amount_description = titles.title
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
