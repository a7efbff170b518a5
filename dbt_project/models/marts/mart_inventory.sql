-- Stock of each SKU in the newest snapshot, beside what returns put back into it or wrote off in 30 days.

with run as (
    select * from {{ ref('dim_run') }}
),

stock as (
    select
        store,
        marketplace,
        asin,
        sku,
        sum(fulfillable) as fulfillable,
        sum(unsellable) as unsellable,
        sum(reserved) as reserved,
        sum(inbound) as inbound,
        max(snapshot_date) as snapshot_date
    from {{ ref('fct_inventory') }}
    group by store, marketplace, asin, sku
),

-- Units go back to the store's stock, whatever marketplace they were sold in. A sellable unit that Amazon reimbursed
-- is not put back: it is Amazon's then.
returned as (
    select
        returns.store,
        returns.sku,
        sum(case
            when {{ is_found_sellable('returns') }} and {{ is_put_back('returns.status') }} then returns.units
        end) as returned_sellable,
        sum(case
            when {{ is_found_sellable('returns') }} and not {{ is_put_back('returns.status') }} then returns.units
        end) as returned_not_put_back,
        sum(case when not {{ is_found_sellable('returns') }} then returns.units end) as returned_unsellable
    from {{ ref('fct_returns') }} as returns
    cross join run
    where returns.channel = 'FBA' and {{ in_window('returns.return_date', 'run.as_of_date', 30) }}
    group by returns.store, returns.sku
)

select
    stock.store,
    stock.marketplace,
    stock.asin,
    stock.sku,
    cast(stock.fulfillable as bigint) as fulfillable,
    cast(stock.unsellable as bigint) as unsellable,
    cast(stock.reserved as bigint) as reserved,
    cast(stock.inbound as bigint) as inbound,
    cast(coalesce(returned.returned_sellable, 0) as bigint) as returned_sellable_30d,
    cast(coalesce(returned.returned_unsellable, 0) as bigint) as returned_unsellable_30d,
    cast(coalesce(returned.returned_not_put_back, 0) as bigint) as returned_not_put_back_30d,
    stock.snapshot_date,
    run.as_of_date
from stock
cross join run
left join returned on stock.store = returned.store and stock.sku = returned.sku
