{#
  Windows of 7, 30, 90 and 365 days that end on the as-of day and include it, each with the window before it, all
  from one pass over the facts: a row falls into exactly one ring of ages, the narrowest of 7, 14, 30, 60 … days
  back that holds it. Facts are summed once per ring, a handful of rows per key, and every window is a sum of rings.
#}

{# Lengths of the windows that marts report, in days. #}
{% macro window_lengths() -%} {{ return([7, 30, 90, 365]) }} {%- endmacro %}

{# The windows as rows of one integer column `window_days`: a table expression for a from clause. #}
{% macro windows() -%}
  (
    {%- for days in window_lengths() %}
    select cast({{ days }} as integer) as window_days {{ "union all" if not loop.last }}
    {%- endfor %}
  )
{%- endmacro %}

{# Whether a day lies in the window of n days that ends on the as-of day. #}
{% macro in_window(day, as_of, days) -%}
  ({{ day }} > {{ days_before(as_of, days) }} and {{ day }} <= {{ as_of }})
{%- endmacro %}

{# Outer ends of the rings in days: each window's length, and twice that for the window before it. #}
{% macro ring_ends() -%}
  {%- set ends = [] -%}
  {%- for days in window_lengths() -%}
    {%- for end in [days, 2 * days] if end not in ends -%} {%- do ends.append(end) -%} {%- endfor -%}
  {%- endfor -%}
  {{ return(ends | sort) }}
{%- endmacro %}

{# Ring of a day: its outer end in days; NULL for a day after the as-of day or beyond the widest ring. #}
{% macro ring(day, as_of) -%}
  case
    {%- for end in ring_ends() %}
    when {{ in_window(day, as_of, end) }} then {{ end }}
    {%- endfor %}
  end
{%- endmacro %}

{# Whether a ring belongs to the window of n days that ends on the as-of day. #}
{% macro ring_in_window(ring, window_days) -%}
  ({{ ring }} <= {{ window_days }})
{%- endmacro %}

{# Whether it belongs to the window of the same length that ends where that one begins. #}
{% macro ring_in_window_before(ring, window_days) -%}
  ({{ ring }} > {{ window_days }} and {{ ring }} <= 2 * {{ window_days }})
{%- endmacro %}

{# Value of the row's window (windows() as `windows`) among columns name_7, name_30 … that hold one window each. #}
{% macro of_window(name) -%}
  case windows.window_days {%- for days in window_lengths() %} when {{ days }} then {{ name }}_{{ days }}{% endfor %} end
{%- endmacro %}
