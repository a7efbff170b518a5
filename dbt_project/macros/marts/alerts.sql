{#
  Alerts. Belongs here: how a number stands in a message and since when a state has lasted. Does not belong: when an
  alert fires (mart_alerts and the marts it reads).
#}

{# A share as text in percent with one decimal: `12.5 %`. #}
{% macro percent(share) -%}
  cast(cast(round(100 * {{ share }}, 1) as decimal(9, 1)) as varchar) || ' %'
{%- endmacro %}

{# How far back the beginning of a lasting state is looked for, in days. An older one has begun on the first of them. #}
{% macro alert_history_days() -%} 365 {%- endmacro %}

{# Days up to the as-of day that a state of n-day windows needs to be known on each day of that history: `day` rows. #}
{% macro history_days(window_days) -%}
  {{ days_table(
    "(select " ~ days_before("as_of_date", alert_history_days() | int + window_days - 1)
      ~ " from " ~ ref('dim_run') ~ ")",
    "(select as_of_date from " ~ ref('dim_run') ~ ")"
  ) }}
{%- endmacro %}

{# A message: the text with each `{}` replaced by the next expression. Expressions that are NULL make it NULL. #}
{% macro message(text, values) -%}
  {%- for part in text.split("{}") -%}
    {%- if not loop.first %} || cast({{ values[loop.index0 - 1] }} as varchar) || {% endif -%}
    '{{ part | replace("'", "''") }}'
  {%- endfor -%}
{%- endmacro %}

{# First day of an unbroken stretch after the last day (a column that may be NULL) on which the state was not there. #}
{% macro stretch_start(last_quiet_day, as_of) -%}
  coalesce(
    {{ add_days(last_quiet_day, 1) }},
    {{ days_before(as_of, alert_history_days() | int - 1) }}
  )
{%- endmacro %}

{# A code in words; what has none is said as it is. words: code to [English, Chinese]; language 0 or 1. #}
{% macro said(code, words, language) -%}
  case {{ code }}
    {%- for name, texts in words.items() %}
    when '{{ name }}' then '{{ texts[language] }}'
    {%- endfor %}
    else {{ code }}
  end
{%- endmacro %}

{% macro dispute_words() -%}
  {{ return({
    'return_request_unanswered': ['Return request to answer', '待回复的退货请求'],
    'refund_due': ['Refund due', '应退款'],
    'a_to_z': ['A-to-z claim', 'A-to-z 索赔'],
    'safet_claim': ['SAFE-T claim', 'SAFE-T 索赔'],
    'fba_refund_without_return': ['FBA refund, unit not back', 'FBA 已退款未退货'],
    'return_without_refund': ['Return without refund', '已退货未退款'],
    'refund_without_return': ['Refund without return', '已退款未退货']
  }) }}
{%- endmacro %}

{% macro feed_words() -%}
  {{ return({
    'fba_returns': ['FBA returns', 'FBA 退货'],
    'mfn_returns': ['Seller-fulfilled returns', '自发货退货'],
    'orders': ['Orders', '订单'],
    'settlements': ['Settlements', '结算报告'],
    'reviews': ['Reviews', '评价'],
    'reimbursements': ['FBA reimbursements', 'FBA 赔偿'],
    'seller_feedback': ['Seller feedback', '卖家反馈']
  }) }}
{%- endmacro %}

{# An amount in a message: `, 24.83 USD`, nothing where it is unknown. #}
{% macro amount_said(amount, currency, comma) -%}
  coalesce('{{ comma }}' || cast(cast({{ amount }} as decimal(18, 2)) as varchar) || ' ' || {{ currency }}, '')
{%- endmacro %}
