{#
  Which rows of core.fct_returns count as returned units. Does not belong here: the flags themselves (core) and what is
  computed from the counts (rates.sql).
#}

{# Whether a return (relation alias, if any) counts for its ASIN: new items only, as below the fraction line. The
   bucket of returns without a marketplace also counts those of multi-channel orders: it has no denominator, and
   they must not vanish from totals. #}
{% macro counts_as_returned(rows=none) -%}
  {%- set row = rows ~ '.' if rows else '' -%}
  ({{ row }}is_new_item or ({{ row }}marketplace = 'unattributed'
    and {{ row }}is_multi_channel and not {{ row }}is_used and not {{ row }}is_replacement))
{%- endmacro %}

{# Whether it is the return of a unit whose purchase is known, so that it counts in the cohort of its purchase day. #}
{% macro counts_in_cohort(rows=none) -%}
  {%- set row = rows ~ '.' if rows else '' -%}
  ({{ counts_as_returned(rows) }} and {{ row }}attribution <> 'no_order' and {{ row }}purchase_date is not null)
{%- endmacro %}

{# Whether the status of an FBA return puts a sellable unit back into stock; reports without the column say nothing
   against it. #}
{% macro is_put_back(status) -%}
  (coalesce(trim({{ status }}), '') = '' or lower(trim({{ status }})) = 'unit returned to inventory')
{%- endmacro %}

{# Whether a fulfilment centre found the unit (relation alias) fit to be sold as new. #}
{% macro is_found_sellable(rows) -%}
  (coalesce(upper(trim({{ rows }}.disposition)), '') = 'SELLABLE')
{%- endmacro %}
