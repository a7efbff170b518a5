"""The marts against plain Python over the same facts: nothing is lost, windows nest, since-when is the day it says.

Belongs here: what holds whatever the data. Does not belong: hand-computed cases (the unit tests beside the models).
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import sqrt
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration import warehouse
from tests.support.warehouse import (
    Delivery,
    Row,
    Warehouse,
    build,
    fba_return,
    mfn_return,
    order,
    refund,
    settings,
    settlement,
)

AS_OF = date(2025, 12, 20)
WINDOWS = (7, 30, 90, 365)
KEYS = ("store", "marketplace", "asin", "channel")
DRAW = random.Random(20251220)
CODES = ("DEFECTIVE", "APPAREL_TOO_SMALL", "UNWANTED_ITEM", "SWITCHEROO", "NO_REASON_GIVEN", "NEVER_HEARD_OF", "")


#: a purchase in a marketplace, then the season, last return day and basis that it has there; None: outside every season
EDGES = (
    ("Amazon.com", "2020-10-01T06:59:59", None, "2020-10-30", "standard"),  # still September in Los Angeles
    ("Amazon.com", "2020-10-01T07:00:00", "2020-21", "2021-01-31", "announced"),
    ("Amazon.com", "2022-01-01T07:59:59", "2021-22", "2022-01-31", "announced"),
    ("Amazon.com", "2022-01-01T08:00:00", None, "2022-01-31", "standard"),
    ("Amazon.com", "2022-10-07T06:59:59", None, "2022-11-05", "standard"),
    ("Amazon.com", "2022-10-07T07:00:00", "2022-23", "2023-01-31", "announced"),
    ("Amazon.com", "2023-11-01T06:59:59", None, "2023-11-30", "standard"),
    ("Amazon.com", "2023-11-01T07:00:00", "2023-24", "2024-01-31", "announced"),
    ("Amazon.com", "2025-01-01T07:59:59", "2024-25", "2025-01-31", "inferred"),
    ("Amazon.com", "2025-11-01T07:00:00", "2025-26", "2026-01-31", "announced"),
    ("Amazon.co.uk", "2021-01-31T23:59:59", "2020-21", "2021-03-02", "announced"),  # 30 days end later
    ("Amazon.co.uk", "2021-02-01T00:00:00", None, "2021-03-03", "standard"),
    ("Amazon.de", "2024-12-25T22:59:59", "2024-25", "2025-01-31", "announced"),
    ("Amazon.de", "2024-12-25T23:00:00", None, "2025-01-25", "standard"),  # Germany's season is over on the 26th
    ("Amazon.de", "2025-10-31T22:59:59", None, "2025-11-30", "standard"),
    ("Amazon.de", "2025-10-31T23:00:00", "2025-26", "2026-01-31", "announced"),
    ("Amazon.com.au", "2021-09-30T13:59:59", None, "2021-10-30", "standard"),
    ("Amazon.com.au", "2021-09-30T14:00:00", "2021-22", "2022-01-31", "announced"),
    ("Amazon.co.jp", "2024-10-31T14:59:59", None, "2024-11-30", "standard"),
    ("Amazon.co.jp", "2024-10-31T15:00:00", "2024-25", "2024-12-01", "standard"),  # nothing announced: says so
)


def _edge_orders() -> Delivery:
    rows = [
        order(f"E{n}", asin=f"B1000000{n:02}", sku=f"E{n}", sales_channel=channel, purchase_date=f"{at}+00:00")
        for n, (channel, at, *_) in enumerate(EDGES)
    ]
    return Delivery("orders", rows, "2025-12-20T23:00:00", store="edges")


def _moment(days_back: int) -> str:
    return (datetime(2025, 12, 20, 20, tzinfo=UTC) - timedelta(days=days_back)).isoformat()


def _day(days_back: int) -> str:
    return (AS_OF - timedelta(days=days_back)).isoformat()


def _back() -> int:
    """An age in days, most of them near the edges of the windows."""
    edge = DRAW.choice((0, 6, 7, 13, 14, 29, 30, 59, 60, 89, 90, 179, 180, 364, 365, 729, 730))
    return edge if DRAW.random() < 0.6 else DRAW.randrange(800)


def _fee(name: str, amount: str, order_id: str, sku: str, posted: str, place: str, **values: str) -> Row:
    line = refund(
        order_id, "0", sku=sku, posted_date=posted, marketplace_name=place, transaction_type="other-transaction"
    )
    return line | {"amount_type": "ItemFees", "amount_description": name, "amount": Decimal(amount)} | values


def _deliveries() -> list[Delivery]:
    orders: list[Row] = []
    fba: list[Row] = []
    mfn: list[Row] = []
    settled: dict[str, list[Row]] = {"USD": [], "CAD": []}
    for number in range(700):
        item = DRAW.randrange(5)
        used = DRAW.random() < 0.06
        outside = DRAW.random() < 0.05
        by_seller = not outside and DRAW.random() < 0.4
        sku = f"amzn.gr.SKU-{item}-{number}-{DRAW.choice(('LN', 'VG', 'G', 'A'))}" if used else f"SKU-{item}"
        asin = f"B00000000{item}"
        shipped_back = _back()
        sold = {
            "sku": sku,
            "asin": asin,
            "purchase_date": _moment(shipped_back),
            "quantity": DRAW.choice((1, 1, 2, 3)),
            "order_status": DRAW.choice(("Shipped", "Shipped", "Shipped", "Cancelled", "Pending")),
            "fulfillment_channel": "Merchant" if by_seller else "Amazon",
            "sales_channel": "Non-Amazon US" if outside else DRAW.choice(("Amazon.com", "Amazon.ca")),
            "is_replacement_order": DRAW.random() < 0.04,
        }
        currency, place = ("CAD", "Amazon.ca") if sold["sales_channel"] == "Amazon.ca" else ("USD", "Amazon.com")
        lines = settled[currency]
        orders.append(order(f"O{number}", **sold, currency=currency))
        if DRAW.random() < 0.4:
            back = max(0, shipped_back - DRAW.randrange(60))
            units = DRAW.choice((1, 1, 2))
            code = DRAW.choice(CODES)
            known = f"O{number}" if DRAW.random() < 0.9 else f"X{number}"
            if by_seller:
                values = {"return_request_date": _day(back), "return_reason": code, "return_quantity": units}
                values |= {"currency_code": currency}
                values |= {"label_to_be_paid_by": ("Seller", "Customer", None)[number % 3]}
                values |= {"label_cost": "4.10" if number % 2 else None, "a_to_z_claim": number % 7 == 0}
                values |= {"resolution": "ReturnlessRefund" if number % 5 == 0 else "StandardRefund"}
                values |= {"return_delivery_date": _day(max(back - 5, 0)) if number % 4 == 0 else None}
                status = DRAW.choice(("Approved", "Completed", "Rejected", "Pending"))
                mfn.append(mfn_return(known, asin=asin, merchant_sku=sku, return_request_status=status, **values))
            else:
                values = {"return_date": _moment(back), "reason": code, "quantity": units}
                values |= {"detailed_disposition": ("SELLABLE", "DEFECTIVE", "CUSTOMER_DAMAGED", None)[number % 4]}
                lines.append(
                    _fee("FBACustomerReturnPerUnitFee", "-2.40", f"O{number}", sku, _day(max(back - 1, 0)), place)
                )
                fba.append(fba_return(known, asin=asin, sku=sku, **values))
        if DRAW.random() < 0.3:
            posted = _day(max(0, shipped_back - DRAW.randrange(60)))
            paid = f"{DRAW.randrange(100, 2000) / 100:.2f}"
            lines.append(refund(f"O{number}", paid, sku=sku, posted_date=posted, marketplace_name=place))
            back_and_kept = (("Commission", "1.50"), ("RefundCommission", "-0.30"))
            lines.extend(
                _fee(name, amount, f"O{number}", sku, posted, place, transaction_type="Refund")
                for name, amount in back_and_kept
            )
        if used:
            fee = _fee("Commission", "-3.00", f"O{number}", sku, _day(max(shipped_back - 2, 0)), place)
            lines.append(fee | {"transaction_type": "Order"})
    reviews = [
        {
            "asin": f"B00000000{DRAW.randrange(5)}",
            "rating": DRAW.choice((1, 3, 4, 5, 5, 5, 5)),
            "review_date": None if DRAW.random() < 0.1 else _day(_back()),
            "review_id": f"R{number}",
            "marketplace": "US",
        }
        for number in range(300)
    ]
    at = "2025-12-20T23:00:00"
    return [
        Delivery("orders", orders, at),
        Delivery("fba_returns", fba, at),
        Delivery("mfn_returns", mfn, at),
        Delivery("settlements", settlement("S1", "USD", settled["USD"]), at),
        Delivery("settlements", settlement("S2", "CAD", settled["CAD"]), at),
        Delivery("reviews", reviews, at),
    ]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse of random facts, built with every test that a night runs."""
    home: Path = tmp_path_factory.mktemp("marts")
    stores = {"shop": ("US", "CA"), "edges": ("US", "UK", "DE", "AU", "JP")}
    figures = [
        {"figure": "unit_cost", "scope": "SKU-1", "value": "7.50"},
        {"figure": "unit_cost", "scope": "B000000002", "value": "4.00"},
        {"figure": "return_processing_cost", "value": "1.25"},
    ]
    given = settings(stores, home, figures=figures)
    return build(home, [*_deliveries(), _edge_orders()], given, as_of=AS_OF)


@pytest.fixture(scope="module")
def con(built: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    """It, opened to read."""
    assert built.run.succeeded, [f"{node.name}: {node.message}" for node in built.run.failed]
    with warehouse.connect(built.path) as connection:
        yield connection


def rows(con: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    """Rows of a query as dicts."""
    found = con.execute(sql)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def counts(row: dict[str, Any]) -> bool:
    """Whether a return is among units_returned."""
    outside = row["marketplace"] == "unattributed" and row["is_multi_channel"]
    return bool(row["is_new_item"] or (outside and not row["is_used"] and not row["is_replacement"]))


def in_window(day: date | None, days: int, before: int = 0) -> bool:
    """Whether a day lies in the window of n days up to AS_OF, or in an earlier one of the same length."""
    return day is not None and before * days <= (AS_OF - day).days < (before + 1) * days


def test_every_mart_has_a_unit_test(built: Warehouse) -> None:
    manifest = json.loads((built.run.target / "manifest.json").read_text())
    marts = {
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["fqn"][1] == "marts"
    }
    assert len(marts) >= 11
    assert marts <= {test["model"] for test in manifest["unit_tests"].values()}


def test_units_and_amounts_are_conserved_from_facts_to_days(con: duckdb.DuckDBPyConnection) -> None:
    facts = con.execute(
        """select (select sum(units) from marts.fct_returns), (select sum(refund_amount) from marts.fct_refunds),
                  (select sum(units_shipped) from marts.fct_order_lines),
                  (select sum(sales_amount) from marts.fct_order_lines)"""
    ).fetchone()
    for condition in ("channel = 'ALL'", "channel in ('FBA', 'FBM')"):
        days = con.execute(
            f"""select sum(units_returned + units_returned_excluded), sum(refund_amount),
                       sum(units_shipped + units_shipped_excluded), sum(sales_amount)
                from marts.mart_asin_daily where {condition}"""
        ).fetchone()
        assert days == facts
    assert facts is not None
    assert all(value > 0 for value in facts)


def test_windows_are_what_a_loop_over_the_facts_counts(con: duckdb.DuckDBPyConnection) -> None:
    expected: dict[tuple[Any, ...], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    seen: set[tuple[Any, ...]] = set()

    def add(row: dict[str, Any], day: date | None, name: str, units: int, *, event: bool = True) -> None:
        for channel in (row["channel"], "ALL"):
            key = (row["store"], row["marketplace"], row["asin"], channel)
            if event and in_window(day, 365):
                seen.add(key)
            for days in WINDOWS:
                if in_window(day, days):
                    expected[*key, days][name] += units
                if in_window(day, days, before=1):
                    expected[*key, days]["previous_" + name] += units

    for row in rows(con, "select * from marts.fct_order_lines"):
        add(row, row["purchase_date"], "units_ordered", row["units_ordered"] if row["is_new_item"] else 0)
        add(row, row["purchase_date"], "units_shipped", row["units_shipped"] if row["is_new_item"] else 0)
    for row in rows(con, "select * from marts.fct_returns"):
        add(row, row["return_date"], "units_returned" if counts(row) else "units_returned_excluded", row["units"])
        if counts(row) and row["attribution"] != "no_order":
            add(row, row["purchase_date"], "cohort_units_returned", row["units"], event=False)
    for row in rows(con, "select * from marts.fct_refunds"):
        add(row, row["refund_date"], "refunds", 1)

    found = {
        (*(row[key] for key in KEYS), row["window_days"]): row for row in rows(con, "from marts.mart_asin_insights")
    }
    assert set(found) == {(*key, days) for key in seen for days in WINDOWS}
    names = ("units_ordered", "units_shipped", "units_returned", "units_returned_excluded", "cohort_units_returned",
             "previous_units_shipped", "previous_units_returned")  # fmt: skip
    for key, row in found.items():
        assert {name: row[name] for name in names} == {name: expected[key][name] for name in names}, key


def test_windows_nest_and_channels_add_up(con: duckdb.DuckDBPyConnection) -> None:
    broken = con.execute(
        """select narrow.*
           from marts.mart_asin_insights as narrow
           join marts.mart_asin_insights as wide using (store, marketplace, asin, channel)
           where narrow.window_days < wide.window_days
               and (narrow.units_shipped > wide.units_shipped
                   or narrow.units_returned > wide.units_returned
                   or narrow.cohort_units_returned > wide.cohort_units_returned
                   or narrow.refund_amount > wide.refund_amount)"""
    ).fetchall()
    assert broken == []
    sums = con.execute(
        """select store, marketplace, asin, window_days
           from marts.mart_asin_insights
           group by all
           having sum(units_returned) <> 2 * max(case when channel = 'ALL' then units_returned end)
               or sum(refund_amount) <> 2 * max(case when channel = 'ALL' then refund_amount end)"""
    ).fetchall()
    assert sums == []


def test_reasons_add_up_to_the_units_returned(con: duckdb.DuckDBPyConnection) -> None:
    broken = con.execute(
        """select insights.store, insights.asin, insights.channel, insights.window_days
           from marts.mart_asin_insights as insights
           left join marts.mart_return_reasons as reasons using (store, marketplace, asin, channel, window_days)
           group by insights.store, insights.marketplace, insights.asin, insights.channel, insights.window_days,
               insights.units_returned
           having coalesce(sum(reasons.units), 0) <> insights.units_returned
               or abs(coalesce(sum(reasons.share), 0) - (insights.units_returned > 0)::int) > 1e-9
               or coalesce(sum(reasons.units_by_code), 0) > insights.units_returned"""
    ).fetchall()
    assert broken == []
    assert con.execute("select count(*) from marts.mart_return_reasons where units > 0").fetchone() != (0,)


def test_an_alert_on_reviews_stands_since_the_day_it_says(con: duckdb.DuckDBPyConnection) -> None:
    by_asin: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows(con, "from marts.fct_reviews where review_date is not null"):
        by_asin[row["asin"]].append(row)

    def fires(asin: str, days: int, day: date) -> bool:
        window = [row for row in by_asin[asin] if 0 <= (day - row["review_date"]).days < days]
        return 100 * sum(row["rating"] <= 3 for row in window) > 3 * len(window)

    found = rows(con, "from marts.mart_performance")
    assert {row["is_alert"] for row in found} == {True, False}
    for row in found:
        assert row["is_alert"] == fires(row["asin"], row["window_days"], AS_OF)
        if row["is_alert"]:
            day = AS_OF
            while fires(row["asin"], row["window_days"], day - timedelta(days=1)):
                day -= timedelta(days=1)
            assert row["first_alert_date"] == day, row


def test_a_high_rate_alert_stands_since_the_day_it_says(con: duckdb.DuckDBPyConnection) -> None:
    """Here every item is uncategorised, so the category is the marketplace; k = 20."""
    daily = rows(
        con,
        "select marketplace, asin, date, units_shipped, units_returned from marts.mart_asin_daily "
        "where channel = 'ALL'",
    )

    def totals(marketplace: str, asin: str | None, day: date) -> tuple[int, int]:
        window = [
            row
            for row in daily
            if row["marketplace"] == marketplace and asin in (None, row["asin"]) and 0 <= (day - row["date"]).days < 30
        ]
        return sum(row["units_returned"] for row in window), sum(row["units_shipped"] for row in window)

    def fires(marketplace: str, asin: str, day: date) -> bool:
        (returned, shipped), (all_returned, all_shipped) = (
            totals(marketplace, asin, day),
            totals(marketplace, None, day),
        )
        if not shipped or not all_shipped:
            return False
        base, z, n = all_returned / all_shipped, 1.6448536269514722, shipped + 20
        p = min((returned + 20 * base) / n, 1)
        low = (p + z * z / (2 * n) - z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n)
        return low > base + 1e-9

    high = {
        (row["marketplace"], row["asin"])
        for row in rows(
            con, "from marts.mart_asin_insights where channel = 'ALL' and window_days = 30 and is_high_return_rate"
        )
    }
    items = {(row["marketplace"], row["asin"]) for row in daily}
    assert high == {item for item in items if fires(*item, AS_OF)}
    alerts = rows(con, "from marts.mart_alerts where kind = 'high_return_rate'")
    assert {(row["marketplace"], row["asin"]) for row in alerts} == high != set()
    for row in alerts:
        day = AS_OF
        while fires(row["marketplace"], row["asin"], day - timedelta(days=1)):
            day -= timedelta(days=1)
        assert row["first_seen"] == day, row


#: parts of the cost of returns, each with its sign in the total
PARTS = {
    "refund_amount": 1, "tax_returned": -1, "fees_returned": -1, "fees_kept": 1, "return_freight": 1, "return_fees": 1,
    "processing_cost": 1, "write_off": 1, "resale_fees": 1, "resale_sales": -1, "reimbursed": -1,
}  # fmt: skip


def test_costs_are_what_a_loop_over_the_facts_sums(con: duckdb.DuckDBPyConnection) -> None:
    expected: dict[tuple[Any, ...], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))

    def add(row: dict[str, Any], channel: str, day: date | None, **parts: Decimal | None) -> None:
        for days in WINDOWS:
            if day is not None and day <= AS_OF and in_window(day, days):
                for either in (channel, "ALL"):
                    cell = expected[row["store"], row["marketplace"], row["asin"] or "unattributed", either, days]
                    for name, amount in parts.items():
                        cell[name] += amount or 0

    for row in rows(con, "from marts.fct_refunds"):
        refunded = {name: row[name] for name in ("refund_amount", "tax_returned", "fees_returned")}
        add(row, row["channel"], row["refund_date"], **refunded, fees_kept=row["fee_kept"])
    cost = {"SKU-1": Decimal("7.50"), "SKU-2": Decimal("4.00")}
    for row in rows(con, "from marts.fct_returns"):
        add(row, row["channel"], row["return_date"], units=row["units"])
        unit_cost = cost.get(row["sku"], Decimal(0)) if row["marketplace"] != "unattributed" else Decimal(0)
        if row["channel"] == "FBM":
            if row["label_payer"] == "Seller":
                add(row, "FBM", row["return_date"], return_freight=row["label_cost"])
            if row["resolution"] == "ReturnlessRefund" and not row["is_rejected"] and not row["is_used"]:
                add(row, "FBM", row["return_date"], write_off=unit_cost * row["units"])
            if row["marketplace"] != "unattributed":
                add(row, "FBM", row["return_delivery_date"], processing_cost=Decimal("1.25") * row["units"])
        elif row["disposition"] not in ("SELLABLE", None) and not row["is_used"]:
            add(row, "FBA", row["return_date"], write_off=unit_cost * row["units"])
    for row in rows(con, "from marts.fct_order_lines where is_used and is_shipped"):
        add(row, row["channel"], row["purchase_date"], resale_sales=row["sales_amount"])
    for row in rows(con, "from marts.fct_settlement_lines where amount_type = 'ItemFees'"):
        if row["amount_description"].startswith("FBACustomerReturn"):
            add(row, "FBA", row["posted_date"], return_fees=-row["amount"])
        elif row["transaction_type"] == "Order":
            add(row, "FBA", row["posted_date"], resale_fees=-row["amount"])

    found = {(*(row[key] for key in KEYS), row["window_days"]): row for row in rows(con, "from marts.mart_return_cost")}
    assert not any(row["is_mixed_currency"] for row in found.values())
    assert set(expected) <= set(found)
    for key, row in found.items():
        assert {name: row[name] or 0 for name in PARTS} == {name: expected[key][name] for name in PARTS}, key
        assert row["units_returned"] + row["units_returned_excluded"] == expected[key]["units"]
        total = sum(sign * expected[key][name] for name, sign in PARTS.items())
        assert row["total_cost"] == total
        if units := expected[key]["units"]:
            assert row["cost_per_returned_unit"] == pytest.approx(total / units, abs=Decimal("0.0001"))
    for name in PARTS:
        assert name in ("tax_returned", "reimbursed") or any(row[name] for row in found.values()), name
    assert {row["total_basis"] for row in found.values()} == {"exact", "lower_bound"}
    for row in found.values():
        assert ("write_off" in row["unknown_parts"]) >= (row["write_off"] is None)


def test_costs_of_both_channels_are_all_and_windows_nest(con: duckdb.DuckDBPyConnection) -> None:
    sums = ", ".join(
        f"sum({name}) filter (where channel <> 'ALL') is distinct from sum({name}) filter (where channel = 'ALL')"
        for name in (*PARTS, "total_cost", "cost_beyond_refunds", "units_returned", "units_returned_excluded")
    )
    differing = f"select store, marketplace, asin, window_days, greatest({sums}) as differs from t group by all"
    assert con.execute(f"with t as (from marts.mart_return_cost) from ({differing}) where differs").fetchall() == []
    shrunk = " or ".join(f"narrow.{name} > wide.{name}" for name in (*PARTS, "units_returned"))
    nested = con.execute(
        f"""select narrow.*
            from marts.mart_return_cost as narrow
            join marts.mart_return_cost as wide using (store, marketplace, asin, channel)
            where narrow.window_days < wide.window_days and ({shrunk})"""
    ).fetchall()
    assert nested == []
    refunds = con.execute(
        """select cost.refund_amount, insights.refund_amount
           from marts.mart_return_cost as cost
           join marts.mart_asin_insights as insights using (store, marketplace, asin, channel, window_days)
           where cost.refund_amount <> insights.refund_amount"""
    ).fetchall()
    assert refunds == []


def test_account_health_is_what_a_loop_over_the_facts_counts(con: duckdb.DuckDBPyConnection) -> None:
    expected: dict[tuple[Any, ...], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))

    def add(row: dict[str, Any], day: date, **found: str) -> None:
        for name, one in found.items():
            for days in WINDOWS:
                if in_window(day, days) and day <= AS_OF:
                    expected[row["store"], row["marketplace"], days][name].add(one)

    requests = rows(con, "from marts.fct_returns where channel = 'FBM'")
    claimed = {row["order_id"] for row in requests if row["a_to_z_claim"]}
    for row in requests:
        add(row, row["return_date"], requests=row["return_id"])
        if row["is_rejected"]:
            add(row, row["return_date"], requests_declined=row["return_id"])
        if row["order_id"] in claimed:
            add(row, row["return_date"], requests_a_to_z=row["return_id"])
    for row in rows(con, "from marts.fct_order_lines where channel = 'FBM' and is_shipped and not is_replacement"):
        add(row, row["purchase_date"], orders=row["order_id"])
        if row["order_id"] in claimed:
            add(row, row["purchase_date"], orders_a_to_z=row["order_id"], orders_defective=row["order_id"])
    found = {
        (row["store"], row["marketplace"], row["window_days"]): row
        for row in rows(con, "from marts.mart_account_health where store = 'shop'")
    }
    assert {key for key in expected if key[0] == "shop"} <= set(found)
    names = ("requests", "requests_declined", "requests_a_to_z", "orders", "orders_a_to_z", "orders_defective")
    for key, row in found.items():
        assert {name: row[name] for name in names} == {name: len(expected[key][name]) for name in names}, key
        assert (row["orders_charged_back"], row["orders_rated_negative"]) == (0, None)
        assert row["unknown_parts"] == "seller_feedback"
    assert any(row["orders_defective"] for row in found.values())


def test_fee_months_and_holiday_weeks_hold_all_units(con: duckdb.DuckDBPyConnection) -> None:
    (fee,) = con.execute("select sum(units_shipped) from marts.mart_high_return_fee").fetchone() or (None,)
    (shipped,) = con.execute(
        "select sum(units_shipped) from marts.fct_order_lines where channel = 'FBA' and is_new_item"
    ).fetchone() or (None,)
    assert fee == shipped
    season = "date_part('month', purchase_date) in (11, 12) and purchase_date >= '2025-01-01'"
    facts = con.execute(
        f"select sum(units_shipped) from marts.fct_order_lines where is_new_item and marketplace = 'US' and {season}"
    ).fetchone()
    weeks = con.execute(
        "select sum(units_shipped) from marts.mart_holiday_returns where season = '2025-26' and marketplace = 'US'"
    ).fetchone()
    assert weeks == facts
    bases = con.execute(
        "select distinct marketplace, policy_basis from marts.mart_holiday_returns where season = '2025-26' order by 1"
    ).fetchall()
    assert ("US", "announced") in bases
    assert ("CA", "standard") in bases


@pytest.mark.parametrize("number", range(len(EDGES)), ids=[f"{channel} {at}" for channel, at, *_ in EDGES])
def test_seasons_begin_and_end_at_midnight_of_the_marketplace(con: duckdb.DuckDBPyConnection, number: int) -> None:
    _, _, season, last, basis = EDGES[number]
    asin = f"B1000000{number:02}"
    deadlines = con.execute(
        """select season, cast(last_return_date as varchar), policy_basis
           from marts.fct_order_lines as lines
           join core.dim_return_deadline as deadlines using (marketplace, purchase_date)
           where lines.asin = ?""",
        [asin],
    ).fetchall()
    assert deadlines == [(season, last, basis)]
    weeks = con.execute(
        """select season, cast(last_return_date as varchar), policy_basis, open_units
           from marts.mart_holiday_returns where asin = ?""",
        [asin],
    ).fetchall()
    open_units = int(date.fromisoformat(last) >= AS_OF)
    assert weeks == ([] if season is None else [(season, last, basis, open_units)])


def test_no_case_begins_in_its_last_fortnight(con: duckdb.DuckDBPyConnection) -> None:
    """A claim window is open for more than 14 days on the day from which a case can be listed."""
    windows = rows(con, "select kind, min(due_on - opened_on) as days from marts.mart_dispute_desk group by kind")
    claims = {"a_to_z", "safet_claim", "fba_refund_without_return", "refund_without_return"}
    found = {row["kind"]: row["days"] for row in windows if row["kind"] in claims and row["days"] is not None}
    # a refund without a return is listed once the 15 processing days are over
    found = {kind: days - (15 if kind == "refund_without_return" else 0) for kind, days in found.items()}
    assert found
    assert all(days > 14 for days in found.values()), found
