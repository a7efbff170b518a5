-- Until when a unit bought on a day can come back: the standard window, or the announced holiday date where that is
-- later. The orders report has no ship or delivery day, so both start from the purchase day.

with run as (
    select * from {{ ref('stg_run') }}
),

purchase_days as (
    select distinct marketplace, purchase_date
    from {{ ref('fct_order_lines') }}
),

-- November and December belong to a season whether or not its policy is known
seasons as (
    select
        marketplace,
        purchase_date,
        case
            when extract(month from purchase_date) in (11, 12)
                then
                    cast(extract(year from purchase_date) as varchar) || '-'
                    || right(cast(extract(year from purchase_date) + 1 as varchar), 2)
        end as calendar_season
    from purchase_days
),

-- a day outside the dates that a marketplace announced for a season is outside the season there
announced as (
    select distinct season, marketplace from {{ ref('stg_holiday_return_policies') }}
),

deadlines as (
    select
        seasons.marketplace,
        seasons.purchase_date,
        coalesce(
            policies.season,
            case when announced.season is null then seasons.calendar_season end
        ) as season,
        coalesce(policies.basis, 'standard') as policy_basis,
        policies.date_basis,
        policies.exceptions,
        policies.last_return_date as holiday_last_date,
        {{ add_days('seasons.purchase_date', 'run.return_window_days') }} as standard_last_date,
        run.processing_days,
        run.as_of_date
    from seasons
    cross join run
    left join {{ ref('stg_holiday_return_policies') }} as policies
        on seasons.marketplace = policies.marketplace
        and seasons.purchase_date between policies.purchased_from and policies.purchased_to
    left join announced
        on seasons.calendar_season = announced.season and seasons.marketplace = announced.marketplace
),

later as (
    select
        *,
        case when holiday_last_date > standard_last_date then holiday_last_date else standard_last_date end
            as last_return_date
    from deadlines
)

select
    marketplace,
    purchase_date,
    season,
    policy_basis,
    date_basis,
    exceptions,
    cast(standard_last_date as date) as standard_last_date,
    cast(last_return_date as date) as last_return_date,
    {{ add_days('last_return_date', 'processing_days') }} <= as_of_date as is_over
from later
