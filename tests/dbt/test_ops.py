"""The account of a night: deliveries, windows, quarantine and reconciliation, and that nothing of it hides a loss."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from orchestration import warehouse
from tests.support.warehouse import Delivery, Warehouse, build, fba_return, mfn_return, order, refund, settings
from tests.support.warehouse import settlement as settle

JANUARY = ("2025-01-01", "2025-01-31")
OLD, NEW = "2025-01-30T01:00:00", "2025-02-01T01:00:00"
DELIVERIES = [
    Delivery(
        "fba_returns",
        [fba_return("A"), fba_return("B", reason="NEVER-SEEN"), fba_return("C", return_date="2025-01-05")],
        OLD,
        JANUARY,
        bad_rows=[(5, "bad_moment:return_date", "yesterday\tD"), (6, "blank:asin", "2025-01-20\tE")],
    ),
    Delivery("fba_returns", [fba_return("A"), fba_return("B")], NEW, ("2025-01-15", "2025-01-31")),
    Delivery("fba_returns", [], NEW, ("2025-01-03", "2025-01-04"), outcome="cancelled"),
    Delivery("orders", [order("A", item_price="20.00"), order("A", item_price="5.00", currency="CAD")], OLD, JANUARY),
    Delivery("orders", [order("B"), order("B"), order("C", order_status="Cancelled", quantity=None)], OLD),
    Delivery("orders", [order("B", sales_channel="Amazon.nowhere")], NEW),
    Delivery("mfn_returns", [mfn_return("M", return_quantity=3, return_request_date="2025-02-01")], OLD),
    Delivery(
        "settlements",
        settle("S1", "USD", [refund("A", "20.00"), refund("B", "0.01")], total="-20.00"),
        OLD,
    ),
    Delivery("settlements", settle("S2", "EUR", [refund("X", "3.00", sku="UNKNOWN")], total="-3.00"), OLD),
    Delivery("reviews", [{"asin": "B000000001", "rating": 1, "reviewer_id": "R", "body": "bad"}] * 3, OLD),
    Delivery("inventory", [{"sku": "SKU-1", "asin": "B000000001", "afn_fulfillable_quantity": 1}], OLD),
    Delivery("listings", [{"sku": "SKU-1", "asin": "B000000001", "item_name": "Lamp", "price": "20.00"}], OLD),
    Delivery("listings", [{"sku": "SKU-1", "asin": "B000000001", "item_name": "Lamp 2"}], NEW),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("warehouse")


@pytest.fixture(scope="module")
def built(home: Path) -> Warehouse:
    given = settings({"shop": ["US", "CA"]}, home, settings={"reporting_currency": "USD"})
    made = build(home, DELIVERIES, given, as_of=date(2025, 1, 31))
    assert [(node.name, node.message) for node in made.run.failed] == []
    return made


def test_every_row_of_every_delivery_is_accounted_for(built: Warehouse) -> None:
    rows = built.rows(
        "select feed, outcome, rows_in, rows_bronze, rows_quarantined, rows_current, rows_superseded "
        "from marts.ops_deliveries order by feed, delivered_at, rows_in desc nulls last, rows_superseded"
    )
    assert rows == [
        ("fba_returns", "loaded", 5, 3, 2, 1, 2),
        ("fba_returns", "loaded", 2, 2, 0, 2, 0),
        ("fba_returns", "cancelled", None, None, None, None, None),
        ("inventory", "loaded", 1, 1, 0, 1, 0),
        ("listings", "loaded", 1, 1, 0, 0, 1),
        ("listings", "loaded", 1, 1, 0, 1, 0),
        ("mfn_returns", "loaded", 1, 1, 0, 1, 0),
        ("orders", "loaded", 3, 3, 0, 1, 2),
        ("orders", "loaded", 2, 2, 0, 2, 0),
        ("orders", "loaded", 1, 1, 0, 1, 0),
        ("reviews", "loaded", 3, 3, 0, 1, 2),
        ("settlements", "loaded", 3, 3, 0, 3, 0),
        ("settlements", "loaded", 2, 2, 0, 2, 0),
    ]


def test_bad_rows_keep_their_reason_and_their_line(built: Warehouse) -> None:
    rows = built.rows("select feed, line_number, reasons, original_line from marts.ops_quarantine order by all")
    assert rows == [
        ("fba_returns", 5, "bad_moment:return_date", "yesterday\tD"),
        ("fba_returns", 6, "blank:asin", "2025-01-20\tE"),
    ]


def test_conservation_holds_and_what_is_amiss_is_counted(built: Warehouse) -> None:
    checks = {
        (name, store, subject): (expected, actual, is_ok)
        for name, store, subject, expected, actual, is_ok in built.rows(
            "select check_name, store, subject, expected, actual, is_ok from marts.ops_reconciliation "
            "where feed not in ('inventory', 'listings') and check_name <> 'rows_accounted'"
        )
        if not is_ok or name in ("returns_published", "units_in_marts", "refunds_spread", "settlement_total")
    }
    assert checks == {
        ("units_in_marts", "shop", "ordered"): (Decimal(3), Decimal(3), True),
        ("units_in_marts", "shop", "shipped"): (Decimal(3), Decimal(3), True),
        ("units_in_marts", "shop", "returned"): (Decimal(3), Decimal(3), True),
        ("returns_published", "shop", ""): (Decimal(3), Decimal(3), True),
        ("refunds_spread", "shop", "USD"): (Decimal("20.01"), Decimal("20.01"), True),
        ("settlement_total", "shop", "S1"): (Decimal(-20), Decimal("-20.01"), False),
        ("settlement_total", "shop", "S2"): (Decimal(-3), Decimal(-3), True),
        ("foreign_currency", "shop", ""): (0, 1, False),
        ("unknown_sales_channel", "shop", ""): (0, 1, False),
        ("mixed_currencies", "shop", ""): (0, 1, False),
        ("refunds_without_item", "shop", ""): (0, 1, False),
        ("refunds_without_rate", "shop", ""): (0, 1, False),
        ("reviews_without_day", "shop", ""): (0, 1, False),
    }


def test_a_lost_row_refuses_the_release(home: Path, built: Warehouse) -> None:
    """Rows that vanish between the ledger and the facts are what the checks are for: take one away and see."""
    with duckdb.connect(str(built.path)) as con:
        (rows,) = con.execute("select count(*) from bronze.orders").fetchone() or (0,)
        con.execute("create or replace table kept as from bronze.orders limit ?", [rows - 1])
        kind = con.execute(
            "select table_type from information_schema.tables where table_schema = 'bronze' and table_name = 'orders'"
        ).fetchone()
        con.execute(f"drop {'view' if kind == ('VIEW',) else 'table'} bronze.orders")
        con.execute("create view bronze.orders as from kept")
    run = warehouse.run_dbt("build", built.path, home / "dbt", exclude=["resource_type:test,path:models/marts"])
    assert [result.name for result in run.failed] == ["ops_reconciliation_holds"]
