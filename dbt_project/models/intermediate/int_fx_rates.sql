-- Rates into the reporting currency, one per day and currency. Where the user's file contradicts itself there is no
-- rate.

select
    rates.day,
    rates.currency,
    case when min(rates.rate) = max(rates.rate) then min(rates.rate) end as rate
from {{ ref('stg_fx_rates') }} as rates
inner join {{ ref('stg_run') }} as run on rates.reporting_currency = run.reporting_currency
group by rates.day, rates.currency
