{#
  What a row of the reimbursements report is. Does not belong: which case it settles (the dispute desk).
#}

{# Whether a row takes an earlier reimbursement back or corrects it: it names that one, or its reason or amount says so. #}
{% macro is_reimbursement_reversal(rows) -%}
  (
    trim(coalesce({{ rows }}.original_reimbursement_id, '')) <> ''
    or lower(coalesce({{ rows }}.reason, '')) like '%reversal%'
    or coalesce({{ rows }}.amount_total, 0) < 0
  )
{%- endmacro %}
