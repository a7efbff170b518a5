{#
  Which rows of core.fct_returns count as returned units. Does not belong here: the flags themselves (core) and what is
  computed from the counts (rates.sql).
#}

{# Whether a return counts for its ASIN: new items only, as below the fraction line. The bucket of returns without a
   marketplace also counts those of multi-channel orders: it has no denominator, and they must not vanish from totals. #}
{% macro counts_as_returned() -%}
  (is_new_item or (marketplace = 'unattributed' and is_multi_channel and not is_used and not is_replacement))
{%- endmacro %}

{# Whether it is the return of a unit whose purchase is known, so that it counts in the cohort of its purchase day. #}
{% macro counts_in_cohort() -%}
  ({{ counts_as_returned() }} and attribution <> 'no_order' and purchase_date is not null)
{%- endmacro %}
