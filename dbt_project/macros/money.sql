{#
  Money: sums that never mix currencies, and conversion into the reporting currency. Amounts are decimal(18,4).
  Does not belong: which amounts are a refund, a fee or a sale.
#}

{# Currency of an amount in a sum: NULL without an amount, '?' for an amount without a currency. #}
{% macro currency_of(amount, currency) -%}
  case when {{ amount }} is not null then coalesce({{ currency }}, '?') end
{%- endmacro %}

{# Sum of a group's amounts as decimal(18,4), NULL when they are in more than one currency (or some in none), or when
   there is none. Used in a group by, with single_currency() of the same arguments beside it. #}
{% macro single_currency_sum(amount, currency) -%}
  cast(case
    when min({{ currency_of(amount, currency) }}) = max({{ currency_of(amount, currency) }}) then sum({{ amount }})
  end as decimal(18, 4))
{%- endmacro %}

{# The currency of that sum; NULL where the sum is NULL. #}
{% macro single_currency(amount, currency) -%}
  case
    when min({{ currency_of(amount, currency) }}) = max({{ currency_of(amount, currency) }})
      then nullif(min({{ currency_of(amount, currency) }}), '?')
  end
{%- endmacro %}

{# Whether a group's amounts are in more than one currency, so that single_currency_sum() is NULL: to be counted. #}
{% macro is_mixed_currency(amount, currency) -%}
  coalesce(min({{ currency_of(amount, currency) }}) <> max({{ currency_of(amount, currency) }}), false)
{%- endmacro %}

{# An amount in the reporting currency as decimal(18,4): itself where it is in that currency already, else at the rate of
   the event's day (fx joined by currency and day), else NULL. A missing rate is never 1. #}
{% macro in_reporting_currency(amount, currency, reporting_currency, rate) -%}
  cast(case
    when {{ currency }} = {{ reporting_currency }} then {{ amount }}
    else round(cast({{ amount }} as decimal(18, 4)) * cast({{ rate }} as decimal(18, 8)), 4)
  end as decimal(18, 4))
{%- endmacro %}
