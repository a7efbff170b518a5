{#
  The dispute desk. Belongs here: what a request's status, resolution and claim state mean, business days, and the
  next step of each kind of case. Does not belong: the clocks' lengths (core.dim_figure).
#}

{# Whether a seller-fulfilled request waits for the seller's answer. An unknown status is taken as an answer: a
   case must not be invented. #}
{% macro is_unanswered(status) -%}
  (coalesce(trim({{ status }}), '') = ''
    or {{ regexp_found("lower(" ~ status ~ ")", "^(pending|awaiting|requested|open|authori[sz]ation)") }})
{%- endmacro %}

{# Whether a request ends in a refund after the unit's return: not rejected, not a replacement, not returnless. #}
{% macro expects_unit_and_refund(returns) -%}
  (not {{ returns }}.is_rejected
    and not {{ regexp_found("lower(coalesce(" ~ returns ~ ".resolution, ''))", "replace|exchange|returnless") }})
{%- endmacro %}

{# Whether Amazon itself refunded the buyer at the carrier's first scan, which SAFE-T covers. #}
{% macro is_refunded_by_amazon(returns) -%}
  coalesce(lower({{ returns }}.resolution) like 'refundatfirstscan%', false)
{%- endmacro %}

{# Whether a SAFE-T claim has been decided. #}
{% macro is_claim_decided(state, reimbursement) -%}
  ({{ reimbursement }} is not null
    or {{ regexp_found("lower(coalesce(" ~ state ~ ", ''))", "grant|den[iy]|reject|clos|paid|reimburs|withdraw") }})
{%- endmacro %}

{# Whether a refund gives back (nearly) all of what one unit cost, so that the unit was to come back. Deductions
   for late or opened returns go down to 80 %; smaller refunds are concessions with which the buyer keeps the unit. #}
{% macro is_full_refund(refund, unit_price) -%}
  coalesce({{ refund }} >= 0.8 * {{ unit_price }}, true)
{%- endmacro %}

{# Whether a settlement line pays for a unit that a buyer was refunded for and did not send back (or takes that back,
   once the unit came after all). Payments for what was damaged or lost on other ways are for other units. #}
{% macro is_paid_for_missing_unit(amount_type, amount_description) -%}
  (lower({{ amount_type }}) = 'fba inventory reimbursement'
    and not {{ regexp_found("lower(coalesce(" ~ amount_description ~ ", ''))",
                            "^(warehouse_damage|missing_from_inbound|removal_order)") }})
{%- endmacro %}

{# Whether a reimbursement's reason is about stock that a fulfilment centre lost or damaged, not about a buyer's unit. #}
{% macro is_for_stock(reason) -%}
  {{ regexp_found("lower(coalesce(" ~ reason ~ ", ''))", "^(lost|damaged|missing|removal)") }}
{%- endmacro %}

{# What a decision makes of a case: a claim is filed, a case is done, else somebody has acted and a report will show it. #}
{% macro decided_state(decision) -%}
  case {{ decision }} when 'claim_filed' then 'filed' when 'done' then 'done' else 'decided' end
{%- endmacro %}

{# What to do after a decision; NULL where there is none. Language 0 is English, 1 Chinese. #}
{% macro decided_step(decision, decided_on, language) -%}
  {%- set steps = [
    ['Claim filed on {}: answer what Amazon asks, and record the case as done when it is decided.',
     '已于 {} 提交索赔：请回复亚马逊的询问；裁定后请将案件记为完成。'],
    ['Nothing: recorded as done on {}.',
     '无需操作：已于 {} 记为完成。'],
    ['Decided on {}: make sure that Seller Central has it; the case closes when a report shows it.',
     '已于 {} 作出决定：请确认卖家平台已执行；报告显示结果后案件自动关闭。']] -%}
  case
    when {{ decision }} is null then null
    when {{ decision }} = 'claim_filed' then {{ message(steps[0][language], [decided_on]) }}
    when {{ decision }} = 'done' then {{ message(steps[1][language], [decided_on]) }}
    else {{ message(steps[2][language], [decided_on]) }}
  end
{%- endmacro %}

{% macro dispute_kinds() -%}
  {{ return({
    'return_request_unanswered': [
      'Answer the request: authorise it, offer a refund without return, or close it with the reason.',
      '请回复退货请求：批准退货、提供无需退货的退款，或说明理由后关闭。'],
    'refund_due': [
      'Inspect the unit and refund the buyer; deduct only what the policy allows and keep photographs.',
      '请检验退回商品并退款；仅可按政策扣款，并保留照片。'],
    'a_to_z': [
      'Appeal with tracking, messages and photographs before the due day, or accept the decision.',
      '请在截止日前提交物流、沟通记录和照片进行申诉，或接受该决定。'],
    'safet_claim': [
      'Inspect the returned unit; if it is damaged, different or incomplete, file a SAFE-T claim with photographs. '
      ~ 'If one is filed, answer what Amazon asks.',
      '请检验退回商品；如有损坏、不符或缺件，请附照片提交 SAFE-T 索赔。若已提交，请回复亚马逊的询问。'],
    'fba_refund_without_return': [
      'Ask Amazon for reimbursement: the buyer was refunded and the unit is not back in the fulfilment centre.',
      '请向亚马逊申请赔偿：买家已退款，但商品未退回运营中心。'],
    'return_without_refund': [
      'Check the order: the unit came back and no refund was posted; it may have been replaced, or the refund is missing.',
      '请核对订单：商品已退回但未见退款；可能已换货，或退款缺失。'],
    'refund_without_return': [
      'Check the tracking: the buyer was refunded and no unit arrived; if Amazon issued the refund, file a SAFE-T claim.',
      '请查询物流：买家已退款但未收到退货；若由亚马逊退款，请提交 SAFE-T 索赔。']
  }) }}
{%- endmacro %}

{# What a row says, as one text: parts are [label in English, label in Chinese, value], one that is NULL is left out but
   for the first, which must be there; after: a text that goes on. Texts of the same rows sort alike in both languages. #}
{% macro row_said(parts, language, after=none) -%}
  {%- set comma = [', ', '，'][language] -%}
  {%- for part in parts -%}
    {%- if loop.first and after is none -%}
      '{{ part[language] }}' || cast({{ part[2] }} as varchar)
    {%- else -%}
      {{ after if loop.first }} || coalesce('{{ comma ~ part[language] }}' || cast({{ part[2] }} as varchar), '')
    {%- endif -%}
  {%- endfor -%}
{%- endmacro %}

{# Next step of a kind of case; language 0 is English, 1 Chinese. #}
{% macro next_step(kind, language) -%}
  case {{ kind }}
    {%- for name, steps in dispute_kinds().items() %}
    when '{{ name }}' then '{{ steps[language] }}'
    {%- endfor %}
  end
{%- endmacro %}
