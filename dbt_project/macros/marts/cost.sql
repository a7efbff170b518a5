{#
  The cost of returns. Belongs here: which parts it has and what each is read from. Does not belong: what a refund is
  (core.fct_refunds), what used units bring in (recovery.sql), figures of the seller (core.dim_figure).
#}

{# Parts of the total cost, each with its sign in it: what the seller loses counts up, what comes back to him counts down. #}
{% macro cost_parts() -%}
  {{ return({
    'refund_amount': 1,
    'tax_returned': -1,
    'fees_returned': -1,
    'fees_kept': 1,
    'return_freight': 1,
    'return_fees': 1,
    'processing_cost': 1,
    'write_off': 1,
    'resale_fees': 1,
    'resale_sales': -1,
    'reimbursed': -1
  }) }}
{%- endmacro %}

{# Parts that are the money of the refund itself: all others are what a return costs beyond giving the money back. #}
{% macro refund_parts() -%} {{ return(['refund_amount', 'tax_returned', 'fees_returned']) }} {%- endmacro %}

{# Counts that a cost event may carry beside its parts: units back, and what of a part is not known. #}
{% macro cost_counts() -%}
  {{ return(['units_returned', 'units_returned_excluded', 'refunds_unsettled', 'freight_unknown', 'processing_unknown',
             'write_off_unknown']) }}
{%- endmacro %}

{# The columns of one branch of the events: every part and count, NULL where `given` has no expression for it. #}
{% macro cost_event(given) -%}
  {%- for name in cost_parts() %}
        cast({{ given.get(name, 'null') }} as decimal(18, 4)) as {{ name }},
  {%- endfor %}
  {%- for name in cost_counts() %}
        cast({{ given.get(name, 'null') }} as bigint) as {{ name }} {{- "," if not loop.last }}
  {%- endfor %}
{%- endmacro %}

{# Signed sum of parts as decimal(18,4), an unknown part left out. #}
{% macro cost_sum(parts) -%}
  cast(
    {%- for name in parts %}
    {{ '+' if cost_parts()[name] > 0 else '-' }} coalesce({{ name }}, 0)
    {%- endfor %} as decimal(18, 4))
{%- endmacro %}

{# Some amount of an event that is not 0, NULL where it has none: for currency_of(). #}
{% macro cost_amount(events) -%}
  coalesce({% for name in cost_parts() %}nullif({{ events }}.{{ name }}, 0){{ ", " if not loop.last }}{% endfor %})
{%- endmacro %}

{# The days that the settlements of each store tell of, from settled_from to settled_through: a table expression for a from
   clause. Stores without a settlement are not in it. #}
{% macro settled_stores() -%}
  (
    select
        store,
        min(posted_date) as settled_from,
        max(posted_date) as settled_through
    from {{ ref('fct_settlement_lines') }}
    group by store
  )
{%- endmacro %}

{# Whether a store's settlements reach into the window that ends on the as-of day: only then is no amount nil. #}
{% macro reaches(settled_through, as_of, window_days) -%}
  coalesce({{ settled_through }} > {{ days_before(as_of, window_days) }}, false)
{%- endmacro %}

{# Whether a settlement line (relation alias) is Amazon's fee for processing a customer's return. #}
{% macro is_return_fee(line) -%}
  coalesce(lower({{ line }}.amount_description) like 'fbacustomerreturn%', false)
{%- endmacro %}

{# Whether it is a reimbursement (or one taken back) for a unit that was sold: one that names its order. #}
{% macro is_order_reimbursement(line) -%}
  coalesce(
    lower({{ line }}.amount_type) = 'fba inventory reimbursement' and trim({{ line }}.order_id) <> '', false
  )
{%- endmacro %}

{# Whether the seller pays the label of a seller-fulfilled return (relation alias). #}
{% macro is_freight_paid_by_seller(returns) -%}
  coalesce(lower(trim({{ returns }}.label_payer)) = 'seller', false)
{%- endmacro %}

{# Whether the seller may have paid freight that is not known: his label without a price, or nobody named for a unit that is
   to come back. #}
{% macro is_freight_unknown(returns) -%}
  case
    when {{ is_freight_paid_by_seller(returns) }} then {{ returns }}.label_cost is null
    else coalesce(trim({{ returns }}.label_payer), '') = '' and not {{ returns }}.is_rejected
      and not {{ is_returnless(returns) }}
  end
{%- endmacro %}

{# Whether the buyer keeps the unit. #}
{% macro is_returnless(returns) -%}
  coalesce(lower({{ returns }}.resolution) like 'returnless%', false)
{%- endmacro %}

{# Whether a figure of money (alias of a join_figure) is in a currency: one whose unit is a currency code holds in that
   currency alone, any other in that of the marketplace it is used in. #}
{% macro is_figure_in(figure, currency) -%}
  ({{ currency }} is not null and case
    when {{ regexp_found("coalesce(" ~ figure ~ ".unit, '')", "^[A-Z]{3}$") }} then {{ figure }}.unit = {{ currency }}
    else true
  end)
{%- endmacro %}
