{#
  Rates and their intervals, each formula once. Belongs here: arithmetic on counts. Does not belong: which units count
  (units.sql) and on which days (windows.sql).
#}

{# numerator / denominator as double; NULL when the denominator is 0 or NULL, and NULL is not 0. #}
{% macro rate(numerator, denominator) -%}
  (cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0))
{%- endmacro %}

{# Two-sided 90 %: the 0.95 quantile of the normal distribution. #}
{% macro wilson_z() -%} 1.6448536269514722 {%- endmacro %}

{# One end of the Wilson interval; side is -1 or 1. The share is capped at 1: returns of a window may exceed its sales.
   Nine decimals are more than counts of units can tell, and they are the same on every engine. #}
{% macro wilson_end(successes, trials, side) -%}
  {%- set n = "nullif(cast(" ~ trials ~ " as double), 0)" -%}
  {%- set p = "least(" ~ rate(successes, trials) ~ ", 1)" -%}
  {%- set z2 = "(" ~ (wilson_z() | trim) ~ " * " ~ (wilson_z() | trim) ~ ")" -%}
  round(
    ({{ p }} + {{ z2 }} / (2 * {{ n }}) + {{ side }} * {{ wilson_z() | trim }}
      * sqrt({{ p }} * (1 - {{ p }}) / {{ n }} + {{ z2 }} / (4 * {{ n }} * {{ n }})))
    / (1 + {{ z2 }} / {{ n }}),
    9
  )
{%- endmacro %}

{# Low end of the 90 % Wilson interval of successes / trials: double in 0..1, NULL at zero trials. Both may be fractions
   of units, as in a rate shrunk toward its category's. (`greatest` and `least` pass over NULL: none may reach them.) #}
{% macro wilson_low(successes, trials) -%}
  {#- + 0 makes 0.0 of -0.0 -#}
  case when {{ trials }} <> 0 then greatest({{ wilson_end(successes, trials, -1) }}, 0) + 0 end
{%- endmacro %}

{# High end of it; where successes exceed trials it is the rate itself, so that low <= rate <= high always holds. #}
{% macro wilson_high(successes, trials) -%}
  case
    when {{ trials }} <> 0
      then greatest(least({{ wilson_end(successes, trials, 1) }}, 1), {{ rate(successes, trials) }})
  end
{%- endmacro %}

{# Low end of a rate after its category's rate joined it with the weight of `prior_units` units, so that three returns
   out of four sales prove little: double, NULL where the category has no rate. #}
{% macro shrunk_low(successes, trials, category_rate, prior_units) -%}
  {{ wilson_low(
    "(" ~ successes ~ " + " ~ prior_units ~ " * " ~ category_rate ~ ")",
    "(" ~ trials ~ " + " ~ prior_units ~ ")"
  ) }}
{%- endmacro %}

{# Whether a rate is credibly above its category's: boolean, never true without trials of its own. #}
{% macro is_credibly_above(successes, trials, category_rate, prior_units) -%}
  coalesce(
    {{ trials }} > 0 and {{ shrunk_low(successes, trials, category_rate, prior_units) }} > {{ category_rate }},
    false
  )
{%- endmacro %}

{# Whether a share is strictly above a threshold: boolean, false without trials. Compared as counts, not as a
   quotient, so that 3 of 100 is not above 0.03. #}
{% macro is_above(successes, trials, threshold) -%}
  coalesce({{ trials }} > 0 and {{ successes }} > {{ threshold }} * {{ trials }}, false)
{%- endmacro %}

{# Whether a share has credibly risen: the interval now lies above the interval before. False without units in both. #}
{% macro has_surged(successes, trials, earlier_successes, earlier_trials) -%}
  coalesce(
    {{ wilson_low(successes, trials) }} > {{ wilson_high(earlier_successes, earlier_trials) }},
    false
  )
{%- endmacro %}
