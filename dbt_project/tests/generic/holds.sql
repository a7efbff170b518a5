{# Every row meets every condition; a condition that is NULL is met, as in a check constraint. One node for many rules,
   because each node of a night costs about as much as its query. #}
{% test holds(model, conditions) %}
select
  *,
  concat_ws('; '
    {%- for condition in conditions %}, case when not ({{ condition }}) then '{{ condition | replace("'", "''") }}' end
    {%- endfor %}) as broken
from {{ model }}
where {% for condition in conditions %}not ({{ condition }}){{ " or " if not loop.last }}{% endfor %}
{% endtest %}
