{#
  Account health of seller-fulfilled orders. Belongs here: what a request's days and a refund's kind say of it. Does not
  belong: rates and intervals (rates.sql), Amazon's targets (core.dim_figure).
#}

{# Whether a request (relation alias) was approved within 24 hours for certain: seen with an answer on the day it was made,
   and not declined. The report has days only, so an answer on the next day may be either. #}
{% macro is_approved_in_24h(requests) -%}
  coalesce({{ requests }}.answered_by <= {{ requests }}.return_date and not {{ requests }}.is_rejected, false)
{%- endmacro %}

{# Whether it was not for certain: declined, or still seen without an answer two days later, when even a request of the
   day's last minute is more than 24 hours old. #}
{% macro is_not_approved_in_24h(requests) -%}
  (
    not {{ is_approved_in_24h(requests) }}
    and (
      {{ requests }}.is_rejected
      or coalesce({{ requests }}.unanswered_until >= {{ add_days(requests ~ '.return_date', 2) }}, false)
    )
  )
{%- endmacro %}

{# What a refund's transaction type says against the order: a_to_z or chargeback; NULL for a refund of the seller's own. #}
{% macro defect_of_refund(transaction_type) -%}
  case
    when lower(trim({{ transaction_type }})) like 'a-to-z%' then 'a_to_z'
    when lower(trim({{ transaction_type }})) like 'chargeback%' then 'chargeback'
  end
{%- endmacro %}

{# Names of inputs that are not known, as one text; `inputs` maps a name to whether it is known. Blank: all are. #}
{% macro unknown_parts(inputs) -%}
  concat_ws(
    ', '
    {%- for name, known in inputs.items() %},
    case when not ({{ known }}) then '{{ name }}' end
    {%- endfor %}
  )
{%- endmacro %}
