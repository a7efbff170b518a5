-- Amounts of financial transactions, each event once. They stand beside settlements and are never added to them:
-- is_settled says which of them a settlement has reported, so that what is not may fill the days up to today.
--   1. The newest delivery of a transaction holds; where one delivery has it twice, the later status, then the later
--      line.
--   2. A deferred transaction is left out where the one that released it is there too: by the number that either names.
--   3. The items' amounts count where they add up to the total, else the transaction's own, else both together; an
--      answer that adds up in no way counts by its items and stands in ops_reconciliation.

with current_rows as (
    select
        rows.*,
        max(
            case upper(rows.transaction_status) when 'DEFERRED' then 0 when 'DEFERRED_RELEASED' then 1 else 2 end
        ) over (partition by rows.row_key) as newest_status,
        case upper(rows.transaction_status) when 'DEFERRED' then 0 when 'DEFERRED_RELEASED' then 1 else 2 end as status
    from {{ judged_rows('finance_transactions') }} as rows
    where rows.is_current
),

-- transactions without a number cannot be told from a second one alike, so all of them hold
stated as (
    select
        *,
        max(line_number) over (partition by row_key) as last_line
    from current_rows
    where status = newest_status
),

transactions as (
    select
        *,
        row_number() over (partition by row_key order by line_number, amount_number) as ordinal,
        sum(case when item_number is not null then amount else 0 end) over whole as items_amount,
        sum(case when item_number is null then amount else 0 end) over whole as own_amount,
        max(item_number) over whole as items
    from stated
    where line_number = last_line or transaction_id is null
    window whole as (partition by row_key, line_number)
),

released as (
    select distinct
        store,
        deferred_transaction_id as transaction_id
    from transactions
    where status = 2 and deferred_transaction_id is not null
    union
    select distinct
        deferred.store,
        deferred.transaction_id
    from transactions as deferred
    inner join transactions as releasing
        on deferred.store = releasing.store and deferred.release_transaction_id = releasing.transaction_id
),

counted as (
    select transactions.*
    from transactions
    left join released
        on transactions.store = released.store and transactions.transaction_id = released.transaction_id
    where
        (transactions.status = 2 or released.store is null)
        and case
            when transactions.items is null then true
            when transactions.items_amount = transactions.total_amount then transactions.item_number is not null
            when transactions.own_amount = transactions.total_amount then transactions.item_number is null
            when transactions.items_amount + transactions.own_amount = transactions.total_amount then true
            else transactions.item_number is not null
        end
),

placed as (
    select
        counted.*,
        coalesce(ids.marketplace, names.marketplace, 'unattributed') as marketplace,
        coalesce(nullif(trim(counted.asin), ''), skus.asin) as item_asin
    from counted
    left join {{ ref('int_marketplace_names') }} as ids on lower(trim(counted.marketplace_id)) = ids.name
    left join {{ ref('int_marketplace_names') }} as names on lower(trim(counted.marketplace_name)) = names.name
    left join {{ ref('int_sku_asins') }} as skus on counted.store = skus.store and counted.sku = skus.sku
),

dated as (
    select
        placed.*,
        {{ marketplace_day(
            'placed.posted_date_at', 'placed.posted_date_day',
            "coalesce(marketplaces.time_zone, stores.time_zone, 'UTC')"
        ) }} as posted_on
    from placed
    left join {{ ref('stg_marketplaces') }} as marketplaces on placed.marketplace = marketplaces.marketplace
    left join {{ ref('int_stores') }} as stores on placed.store = stores.store
),

settled as (
    select
        store,
        currency,
        max(end_day) as settled_to
    from {{ ref('int_settlements') }}
    group by store, currency
)

select
    md5({{ spelled([digest_text('dated.row_key'), 'dated.ordinal']) }}) as finance_amount_id,
    dated.store,
    dated.marketplace,
    dated.transaction_id,
    dated.transaction_type,
    upper(dated.transaction_status) as transaction_status,
    dated.description,
    cast(dated.posted_on as date) as posted_date,
    dated.order_id,
    dated.sku,
    dated.item_asin as asin,
    case upper(dated.fulfillment_network) when 'AFN' then 'FBA' when 'MFN' then 'FBM' end as channel,
    dated.quantity,
    dated.amount_path,
    dated.amount_type,
    dated.amount,
    dated.total_amount,
    dated.currency,
    dated.status > 0
    and coalesce(reported.settlement_id is not null or dated.posted_on <= settled.settled_to, false) as is_settled,
    dated.delivery_id,
    dated.line_number,
    run.as_of_date
from dated
inner join {{ ref('stg_run') }} as run on dated.posted_on <= run.as_of_date
left join {{ ref('int_settlements') }} as reported
    on dated.store = reported.store and dated.settlement_id = reported.settlement_id
left join settled on dated.store = settled.store and dated.currency = settled.currency
