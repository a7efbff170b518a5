-- Dated figures of Amazon's rules and of the seller. A series that the seller states replaces the published one of the
-- same figure, marketplace and scope as a whole.

with own as (
    select * from {{ ref('stg_own_figures') }}
),

replaced as (
    select distinct
        figure,
        marketplace,
        scope
    from own
),

published as (
    select figures.*
    from {{ ref('stg_dated_figures') }} as figures
    left join replaced
        on figures.figure = replaced.figure
        and figures.marketplace = replaced.marketplace
        and coalesce({{ category_key('figures.scope') }}, '') = coalesce({{ category_key('replaced.scope') }}, '')
    where replaced.figure is null
),

figures as (
    select *, true as is_own from own
    union all
    select *, false as is_own from published
)

select
    figures.figure,
    figures.marketplace,
    coalesce({{ category_key('figures.scope') }}, '') as scope,
    figures.valid_from,
    figures.valid_to,
    cast(figures.value as decimal(18, 6)) as value,
    figures.unit,
    figures.source,
    figures.is_own,
    run.as_of_date
from figures
cross join {{ ref('stg_run') }} as run
