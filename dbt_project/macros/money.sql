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

{# What a part of a total amount gets when the total is spread over units in a fixed order, exact to the smallest coin: the
   growth of the rounded running total. units_until counts the units up to and with the part, units_total all of them. The
   arithmetic is in whole coins, so that every engine rounds a half alike, and the last part takes what is left. #}
{% macro spread(total, currency, units_before, units_until, units_total) -%}
  cast(
    {{ spread_until(total, currency, units_until, units_total) }}
    - {{ spread_until(total, currency, units_before, units_total) }}
    as decimal(18, 4)
  )
{%- endmacro %}

{# Running total of the spread: units / units_total of the amount, rounded to coins (hundredths; whole yen), half away from 0. #}
{% macro spread_until(total, currency, units, units_total) -%}
  {%- set coins = "(case when " ~ currency ~ " = 'JPY' then 1 else 100 end)" -%}
  {%- set share = whole_quotient(
    "2 * cast(abs(" ~ total ~ ") * " ~ coins ~ " as bigint) * cast(" ~ units ~ " as bigint) + cast(" ~ units_total ~ " as bigint)",
    "2 * cast(" ~ units_total ~ " as bigint)"
  ) -%}
  case
    when {{ units }} = {{ units_total }} then cast({{ total }} as decimal(18, 4))
    else cast(sign({{ total }}) * cast({{ share }} as decimal(18, 0)) / {{ coins }} as decimal(18, 4))
  end
{%- endmacro %}
