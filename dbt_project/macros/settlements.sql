{#
  What the lines of a settlement are. Does not belong: currencies (money.sql).
#}

{# Whether a transaction type gives money back to a buyer. #}
{% macro is_refund(transaction_type) -%}
  coalesce(
    lower(trim({{ transaction_type }})) in ('refund', 'a-to-z guarantee refund', 'chargeback refund'), false
  )
{%- endmacro %}

{# Whether a row (relation alias) is the summary of its settlement: a total and no transaction. #}
{% macro is_summary(line) -%}
  ({{ line }}.total_amount is not null and trim(coalesce({{ line }}.transaction_type, '')) = '')
{%- endmacro %}
