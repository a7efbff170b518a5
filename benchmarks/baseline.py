"""The yardstick: one hand-written DuckDB script from the same raw files to the same numbers.

Belongs here: the straightest way a good analyst would do the spine's work once, in one process, without history,
contracts, quarantine or releases. Does not belong: anything imported from returnscope.

Same work: read the raw text, drop nothing, type it, resolve keys (newest line of a key), attribute returns to order
lines, day in the marketplace's time zone, the facts of order lines, returns and reviews with the columns that readers
get of them, the ASIN-day mart per channel with ALL, the four windows with rates, intervals and cohorts, reasons by
code, critical reviews, and write every result as parquet and into one DuckDB file.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import duckdb

log = logging.getLogger(__name__)

READ_TSV = (
    "read_csv({files}, delim='\t', quote='', escape='', header=true, all_varchar=true, null_padding=true, "
    "strict_mode=false, ignore_errors=true, union_by_name=true)"
)

STEPS = {
    "order_lines": """
        create table order_lines as
        with raw as (
            select "amazon-order-id" as order_id, sku, asin, "order-status" as order_status,
                case when "fulfillment-channel" = 'Amazon' then 'FBA' else 'FBM' end as channel,
                case lower("sales-channel") when 'amazon.com' then 'US' when 'amazon.ca' then 'CA'
                    when 'amazon.com.mx' then 'MX' when 'amazon.co.uk' then 'UK' when 'amazon.de' then 'DE'
                    when 'amazon.fr' then 'FR' when 'amazon.co.jp' then 'JP' else 'unattributed' end as marketplace,
                case lower("sales-channel") when 'amazon.co.uk' then 'Europe/London'
                    when 'amazon.de' then 'Europe/Berlin'
                    when 'amazon.fr' then 'Europe/Paris' when 'amazon.co.jp' then 'Asia/Tokyo'
                    else 'America/Los_Angeles' end as zone,
                try_cast("purchase-date" as timestamptz) as purchase_at,
                coalesce(try_cast(quantity as bigint), 0) as units, currency,
                try_cast("item-price" as decimal(18, 4)) as item_price,
                try_cast("item-tax" as decimal(18, 4)) as item_tax,
                try_cast("item-promotion-discount" as decimal(18, 4)) as promotion_discount,
                lower("order-status") like 'shipped%' as is_shipped,
                lower("order-status") like 'cancel%' as is_cancelled,
                lower("sales-channel") like 'non-amazon%' as is_multi_channel,
                "is-replacement-order" = 'true' as is_replacement,
                lower(sku) like 'amzn.gr.%' as is_used,
                case when lower(sku) like 'amzn.gr.%'
                    then regexp_extract(sku, '^.{{8}}(.+)-[^-]+-[^-]+$', 1) else sku end as base_sku,
                filename
            from {orders}
        ),
        newest as (select order_id, sku, max(filename) as filename from raw group by all)
        select raw.* exclude (filename), parse_filename(filename) as delivery,
            (purchase_at at time zone zone)::date as purchase_date,
            case when is_shipped then units else 0 end as units_shipped,
            case when is_shipped then item_price end as sales_amount
        from raw join newest using (order_id, sku, filename)
        where purchase_at is not null
    """,
    "returns": """
        create table returns as
        with fba as (
            select 'FBA' as channel, "order-id" as order_id, sku, asin,
                try_cast("return-date" as timestamptz) as return_at,
                null::date as return_day, try_cast(quantity as bigint) as units, reason as reason_code,
                null::decimal(18, 4) as refund, "detailed-disposition" as disposition, status,
                "license-plate-number" as license_plate_number, fnsku, "product-name" as product_name,
                "fulfillment-center-id" as fulfillment_center_id, "customer-comments" as comment,
                null as rma_id, null as resolution, null::decimal(18, 4) as label_cost, null as label_payer,
                null as a_to_z_claim, parse_filename(filename) as delivery
            from {fba_returns}
        ),
        mfn as (
            select 'FBM' as channel, "Order ID" as order_id, "Merchant SKU" as sku, "ASIN" as asin,
                null::timestamptz as return_at,
                try_strptime("Return request date", '%d-%b-%Y')::date as return_day,
                try_cast("Return quantity" as bigint) as units,
                "Return Reason" as reason_code,
                try_cast(nullif(trim("Refunded Amount"), '') as decimal(18,4)) as refund,
                null, "Return request status", null, null, "Item Name", null, null, "Amazon RMA ID", "Resolution",
                try_cast(nullif(trim("Label cost"), '') as decimal(18, 4)), "Label to be paid by", "A-to-Z Claim",
                parse_filename(filename)
            from {mfn_returns}
        ),
        events as (select * from fba union all select * from mfn),
        by_order as (
            select order_id, sku, any_value(marketplace) as marketplace, any_value(zone) as zone,
                min(purchase_date) as purchase_date, any_value(currency) as currency
            from order_lines group by all
        )
        select events.*, coalesce(by_order.marketplace, 'unattributed') as marketplace, by_order.purchase_date,
            currency,
            coalesce((return_at at time zone coalesce(zone, 'America/Los_Angeles'))::date, return_day) as return_date
        from events left join by_order using (order_id, sku)
        where units is not null
    """,
    "asin_daily": """
        create table asin_daily as
        with shipped as (
            select marketplace, asin, channel, purchase_date as day, sum(units) as units_ordered,
                sum(units) filter (order_status like 'Shipped%') as units_shipped,
                sum(item_price) filter (order_status like 'Shipped%') as sales_amount,
                0 as units_returned, 0 as refund_amount, any_value(currency) as currency
            from order_lines group by all
        ),
        returned as (
            select marketplace, asin, channel, return_date as day, 0, 0, 0, sum(units),
                coalesce(sum(refund), 0), any_value(currency)
            from returns group by all
        ),
        events as (select * from shipped union all select * from returned)
        select marketplace, asin, coalesce(channel, 'ALL') as channel, day, sum(units_ordered) as units_ordered,
            sum(units_shipped) as units_shipped, sum(units_returned) as units_returned,
            sum(refund_amount) as refund_amount, sum(sales_amount) as sales_amount, any_value(currency) as currency
        from events group by grouping sets ((marketplace, asin, channel, day), (marketplace, asin, day))
    """,
    "asin_insights": """
        create table asin_insights as
        with as_of as (select max(day) as as_of_date from asin_daily where units_ordered > 0),
        windows as (select unnest([7, 30, 90, 365]) as window_days),
        cohort as (
            select marketplace, asin, channel, purchase_date as day, sum(units) as units
            from returns where purchase_date is not null group by all
        ),
        came_back as (
            select marketplace, asin, coalesce(channel, 'ALL') as channel, window_days,
                sum(units) as cohort_units_returned
            from cohort, as_of, windows
            where day > as_of_date - window_days
            group by grouping sets ((marketplace, asin, channel, window_days), (marketplace, asin, window_days))
        ),
        summed as (
            select marketplace, asin, channel, window_days, sum(units_shipped) as n, sum(units_returned) as x,
                sum(refund_amount) as refund_amount
            from asin_daily, as_of, windows where day > as_of_date - window_days and day <= as_of_date group by all
        )
        select summed.*, x / nullif(n, 0) as return_rate, cohort_units_returned,
            (least(x / n, 1) + 1.3527 / n
                - 1.6449 * sqrt(least(x / n, 1) * (1 - least(x / n, 1)) / n + 0.6764 / (n * n)))
                / (1 + 2.7055 / n) as low
        from summed left join came_back using (marketplace, asin, channel, window_days)
    """,
    "return_reasons": """
        create table return_reasons as
        select marketplace, asin, coalesce(channel, 'ALL') as channel, window_days, reason_code, sum(units) as units
        from returns, (select max(day) as as_of_date from asin_daily where units_ordered > 0),
            (select unnest([7, 30, 90, 365]) as window_days)
        where return_date > as_of_date - window_days and return_date <= as_of_date
        group by grouping sets ((marketplace, asin, channel, window_days, reason_code),
            (marketplace, asin, window_days, reason_code))
    """,
    "reviews": """
        create table reviews as
        select distinct asin, user_id, "timestamp" as ms, rating, title, text, verified_purchase, helpful_vote,
            make_timestamp("timestamp" * 1000)::date as review_date
        from {reviews}
    """,
    "performance": """
        create table performance as
        select asin, window_days, count(*) as reviews, count(*) filter (rating <= 3) as critical
        from reviews, (select max(day) as as_of_date from asin_daily where units_ordered > 0),
            (select unnest([7, 30, 90, 365]) as window_days)
        where review_date > as_of_date - window_days group by all
    """,
}


def main() -> None:
    """Run the yardstick over `--raw` and write its results below `--out`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raw", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    sources = {
        feed: READ_TSV.format(files=repr([str(p) for p in sorted(arguments.raw.glob(f"*{feed}*"))])).replace(
            "header=true", "header=true, filename=true"
        )
        for feed in ("orders", "fba_returns", "mfn_returns")
    }
    reviews = [str(path) for path in sorted(arguments.raw.glob("*reviews*"))]
    sources["reviews"] = f"read_json({reviews!r}, format='newline_delimited')"
    with duckdb.connect(str(arguments.out / "baseline.duckdb")) as connection:
        connection.execute("set threads = 2; set timezone = 'UTC'; set preserve_insertion_order = false")
        for table, sql in STEPS.items():
            connection.execute(sql.format(**sources))
            connection.execute(f"copy {table} to '{arguments.out / table}.parquet' (format parquet, compression zstd)")
            log.info("%s done", table)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    main()
