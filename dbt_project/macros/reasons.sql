{#
  Reason codes and classes. Belongs here: the spelling of codes and how code and words become one class. Does not belong:
  the table of codes (data_contracts/reference) and the reading of words (classification/).
#}

{# One spelling for the codes of both channels: `CR-DEFECTIVE`, `AMZ-PG-APP-TOO-SMALL` → `APPAREL_TOO_SMALL`. The same as
   data_contracts.reasons.canonical_code; tests/dbt proves it. #}
{% macro canonical_code(code) -%}
  {%- set words = regexp_replace_all("upper(" ~ code ~ ")", "[^A-Z0-9]+", "_") -%}
  {%- set trimmed = regexp_replace_all(words, "^_+|_+$", "") -%}
  {%- set bare = regexp_replace_all(trimmed, "^(AMZ_PG_|CR_)+", "") -%}
  {{ regexp_replace_all(bare, "^APP_", "APPAREL_") }}
{%- endmacro %}

{# Whether a class says something: NULL, unclear and unmapped do not. #}
{% macro is_informative(reason_class) -%}
  coalesce({{ reason_class }} not in ('unclear', 'unmapped'), false)
{%- endmacro %}

{# The final class: the words where they are sure, else the code, else the words, else whatever the code says. #}
{% macro final_reason_class(by_code, by_text, is_sure) -%}
  case
    when coalesce({{ is_sure }}, false) and {{ is_informative(by_text) }} then {{ by_text }}
    when {{ is_informative(by_code) }} then {{ by_code }}
    when {{ is_informative(by_text) }} then {{ by_text }}
    else coalesce({{ by_code }}, 'unclear')
  end
{%- endmacro %}

{# Whether code and words both say something, and not the same. #}
{% macro is_reason_conflict(by_code, by_text) -%}
  ({{ is_informative(by_code) }} and {{ is_informative(by_text) }} and {{ by_code }} <> {{ by_text }})
{%- endmacro %}

{# The words of a review (relation alias) that are classed: the text, else the headline. #}
{% macro review_text(review) -%}
  coalesce({{ review }}.body, {{ review }}.title)
{%- endmacro %}
