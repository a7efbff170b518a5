{# The named columns together occur once: the grain that a mart promises. #}
{% test unique_grain(model, columns) %}
select {{ columns | join(", ") }}, count(*) as copies
from {{ model }}
group by {{ columns | join(", ") }}
having count(*) > 1
{% endtest %}
