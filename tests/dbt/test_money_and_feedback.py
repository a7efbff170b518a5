"""Reimbursements, seller feedback and the other feeds beside returns: from deliveries to their facts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from data_contracts.marts import mart_schema, violations
from tests.support.warehouse import Delivery, Row, Warehouse, build, order, refund, settings, settlement

OLD, NEW = "2025-01-25T01:00:00", "2025-01-30T01:00:00"


def reimbursement(number: str, amount: str, **values: object) -> Row:
    return {
        "approval_date": "2025-01-20T20:00:00+00:00",
        "reimbursement_id": number,
        "reason": "CustomerReturn",
        "sku": "SKU-1",
        "asin": "B000000001",
        "currency": "USD",
        "amount_total": amount,
        "quantity_reimbursed_cash": 1,
    } | values


def feedback(order_id: str, rating: int, day: str = "2025-01-20", **values: object) -> Row:
    return {"order_id": order_id, "rating": rating, "feedback_date": day, "comments": "late"} | values


def shipped(item: str, **values: object) -> Row:
    return {
        "order_id": "A",
        "shipment_item_id": item,
        "shipment_date": "2025-01-12T20:00:00+00:00",
        "sku": "SKU-1",
        "quantity_shipped": 1,
        "sales_channel": "Amazon.com",
    } | values


def moved(kind: str, quantity: int, **values: object) -> Row:
    return {
        "event_date": "2025-01-20",
        "fnsku": "X1",
        "asin": "B000000001",
        "sku": "SKU-1",
        "event_type": kind,
        "reference_id": "M1",
        "quantity": quantity,
        "disposition": "SELLABLE",
        "country": "GB",
    } | values


def removal(status: str, sent: int, **values: object) -> Row:
    return {
        "request_date": "2025-01-20T20:00:00+00:00",
        "removal_order_id": "RM1",
        "order_status": status,
        "sku": "SKU-1",
        "disposition": "Unsellable",
        "requested_quantity": 3,
        "shipped_quantity": sent,
    } | values


def transaction(number: str, status: str, total: str, **values: object) -> Row:
    return {
        "transaction_id": number,
        "transaction_type": "Refund",
        "transaction_status": status,
        "posted_date": "2025-01-20T20:00:00+00:00",
        "total_amount": total,
        "amount": total,
        "amount_number": 1,
        "currency": "USD",
        "marketplace_id": "ATVPDKIKX0DER",
    } | values


#: deferred and released under one number, under two that name each other, under two of which one names the other; with
#: items that add up beside a roll-up of the same, with an answer that adds up only together, with one that does not
TRANSACTIONS = [
    transaction("d1", "DEFERRED", "20.05"),
    transaction("d2", "DEFERRED_RELEASED", "30.05", release_transaction_id="x2"),
    transaction("x2", "RELEASED", "30.05", deferred_transaction_id="d2"),
    transaction("d3", "DEFERRED", "40.05"),
    transaction("x3", "RELEASED", "40.05", deferred_transaction_id="d3"),
    transaction("d4", "DEFERRED_RELEASED", "50.05"),  # released outside of what was asked for
    *(
        transaction("i1", "RELEASED", "-8.10", _line_number=line) | row
        for line in (120, 121)  # a page that came twice
        for row in (
            {"amount": "-9.30", "item_number": 1, "sku": "SKU-1"},
            {"amount": "1.20", "item_number": 1, "sku": "SKU-1", "amount_number": 2},
            {"amount_number": 3},
        )
    ),
    transaction("i2", "RELEASED", "-5.00", _line_number=122, amount="-4.00", item_number=1),
    transaction("i2", "RELEASED", "-5.00", _line_number=122, amount="-1.00", amount_number=2),
    transaction("i3", "DEFERRED", "2.00", _line_number=124),
    transaction("i4", "RELEASED", "-5.00", _line_number=125, amount="-1.00", item_number=1),
    transaction("i4", "RELEASED", "-5.00", _line_number=125, amount="-2.00", amount_number=2),
    transaction("i3", "RELEASED", "2.00", _line_number=123),
    transaction("late", "RELEASED", "1.00", posted_date="2025-02-01T09:00:00+00:00"),
    transaction("s1", "RELEASED", "3.00", posted_date="2025-01-29T20:00:00+00:00", settlement_id="S1"),
    transaction("s2", "RELEASED", "4.00", posted_date="2025-01-29T20:00:00+00:00", currency="CAD"),
]

REPLACEMENT: Row = {
    "shipment_date": "2025-01-20",
    "sku": "SKU-1",
    "asin": "B000000001",
    "quantity": 1,
    "replacement_reason_code": "2",
    "replacement_order_id": "X",
    "original_order_id": "A",
}

DELIVERIES = [
    Delivery("orders", [order("A", sales_channel="Amazon.ca"), order("F", fulfillment_channel="Merchant")], OLD),
    Delivery(
        "reimbursements",
        [
            reimbursement("R1", "10.00", case_id="C1", order_id="A"),
            reimbursement("R1", "10.00", case_id="C1", order_id="A"),
            reimbursement("R2", "5.00", case_id="C1"),
            reimbursement("R3", "7.00", currency="MXN", asin=None),
            reimbursement("R9", "1.00", approval_date="2025-02-01T09:00:00+00:00"),
        ],
        OLD,
    ),
    Delivery(
        "reimbursements",
        [
            reimbursement("R2", "6.00", case_id="C1"),
            reimbursement("R4", "-10.00", reason="Reimbursement_Reversal", original_reimbursement_id="R1"),
        ],
        NEW,
    ),
    Delivery(
        "fulfilled_shipments",
        [shipped("I1"), shipped("I2", shipment_date="2025-01-12T07:00:00+00:00", sales_channel="Non-Amazon US")],
        OLD,
        ("2025-01-01", "2025-01-24"),
    ),
    Delivery("fulfilled_shipments", [shipped("I1", quantity_shipped=2)], NEW, ("2025-01-01", "2025-01-29")),
    Delivery("ledger_detail", [moved("Shipments", -1), moved("CustomerReturns", 1), moved("CustomerReturns", 1)], OLD),
    Delivery("ledger_detail", [moved("CustomerReturns", 1), moved("CustomerReturns", 1, reconciled_quantity=1)], NEW),
    Delivery("removals", [removal("In Process", 0), removal("In Process", 0, disposition="Sellable")], OLD),
    Delivery("removals", [removal("Completed", 3)], NEW),
    Delivery("replacements", [REPLACEMENT], OLD),
    Delivery("finance_transactions", [transaction("d4", "DEFERRED", "50.05")], "2025-01-21T01:00:00"),
    Delivery("finance_transactions", TRANSACTIONS, OLD, ("2025-01-01", "2025-01-24")),
    Delivery(
        "settlements",
        settlement("S1", "USD", [refund("A", "1.00")], total="-1.00"),
        OLD,
    ),
    Delivery("seller_feedback", [feedback("F", 1), feedback("G", 3)], OLD, ("2025-01-01", "2025-01-24")),
    Delivery("seller_feedback", [feedback("F", 2, response="sorry")], NEW, ("2025-01-01", "2025-01-29")),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    home = tmp_path_factory.mktemp("warehouse")
    made = build(home, DELIVERIES, settings({"shop": ["US", "CA"]}, home), as_of=date(2025, 1, 31))
    assert [(node.name, node.message) for node in made.run.failed] == []
    return made


def test_instalments_stand_apart_and_a_reimbursement_counts_in_its_newest_state(built: Warehouse) -> None:
    assert built.rows(
        "select reimbursement_id, case_id, marketplace, marketplace_by, asin, amount, is_reversal, approval_date "
        "from marts.fct_reimbursements order by reimbursement_id, amount"
    ) == [
        ("R1", "C1", "CA", "order", "B000000001", Decimal(10), False, date(2025, 1, 20)),
        ("R1", "C1", "CA", "order", "B000000001", Decimal(10), False, date(2025, 1, 20)),
        ("R2", "C1", "US", "currency", "B000000001", Decimal(6), False, date(2025, 1, 20)),
        ("R3", None, "unattributed", "none", "B000000001", Decimal(7), False, date(2025, 1, 20)),
        ("R4", None, "US", "currency", "B000000001", Decimal(-10), True, date(2025, 1, 20)),
    ]


def test_feedback_has_its_orders_marketplace_and_says_whether_it_still_stands(built: Warehouse) -> None:
    assert built.rows(
        "select order_id, marketplace, channel, rating, kind, response, is_listed "
        "from marts.fct_seller_feedback order by order_id"
    ) == [
        ("F", "US", "FBM", 2, "negative", "sorry", True),
        ("G", "unattributed", None, 3, "neutral", None, False),
    ]


def test_shipments_stand_on_the_day_they_left_in_their_newest_state(built: Warehouse) -> None:
    assert built.rows(
        "select marketplace, ship_date, units_shipped, asin, is_multi_channel "
        "from marts.fct_shipments order by ship_date"
    ) == [
        ("unattributed", date(2025, 1, 11), 1, "B000000001", True),
        ("US", date(2025, 1, 12), 2, "B000000001", False),
    ]


def test_movements_and_removals_merge_by_what_tells_them_apart(built: Warehouse) -> None:
    assert built.rows(
        "select marketplace, event_type, quantity, reconciled_quantity from marts.fct_inventory_events order by all"
    ) == [
        ("UK", "CustomerReturns", 1, 1),
        ("UK", "CustomerReturns", 1, None),
        ("UK", "Shipments", -1, None),
    ]
    assert built.rows("select disposition, order_status, units_shipped, asin from marts.fct_removals order by all") == [
        ("Sellable", "In Process", 0, "B000000001"),
        ("Unsellable", "Completed", 3, "B000000001"),
    ]


def test_each_event_counts_once_and_says_whether_a_settlement_has_it(built: Warehouse) -> None:
    rows = built.rows(
        "select transaction_id, transaction_status, sum(amount), bool_and(is_settled), max(asin), max(marketplace) "
        "from marts.fct_finance_transactions group by all order by all"
    )
    assert rows == [
        ("d1", "DEFERRED", Decimal("20.05"), False, None, "US"),
        ("d4", "DEFERRED_RELEASED", Decimal("50.05"), True, None, "US"),
        ("i1", "RELEASED", Decimal("-8.10"), True, "B000000001", "US"),
        ("i2", "RELEASED", Decimal("-5.00"), True, None, "US"),
        ("i3", "RELEASED", Decimal("2.00"), True, None, "US"),
        ("i4", "RELEASED", Decimal("-1.00"), True, None, "US"),
        ("s1", "RELEASED", Decimal("3.00"), True, None, "US"),
        ("s2", "RELEASED", Decimal("4.00"), False, None, "US"),
        ("x2", "RELEASED", Decimal("30.05"), True, None, "US"),
        ("x3", "RELEASED", Decimal("40.05"), True, None, "US"),
    ]


def test_a_transaction_that_adds_up_in_no_way_is_told(built: Warehouse) -> None:
    assert built.rows(
        "select subject, actual, is_ok, severity from marts.ops_reconciliation where check_name = 'transaction_total' "
        "order by all"
    ) == [("CAD", 0, True, "warning"), ("USD", 1, False, "warning")]


FACTS = (
    "fct_finance_transactions",
    "fct_inventory_events",
    "fct_reimbursements",
    "fct_removals",
    "fct_seller_feedback",
    "fct_shipments",
)


@pytest.mark.parametrize("fact", FACTS)
def test_no_row_breaks_the_contract_that_a_release_must_meet(built: Warehouse, fact: str) -> None:
    described = dict(built.rows(f"select column_name, column_type from (describe marts.{fact})"))
    schema = mart_schema(fact, described, required=set(), as_of=date(2025, 1, 31))
    rules = list(violations(schema))
    assert rules
    assert built.rows(f"select count(*) > 0 from marts.{fact}") == [(True,)]
    broken = [(column, code) for column, code, rule in rules if built.rows(f"select 1 from marts.{fact} where {rule}")]
    assert broken == []


def test_every_row_of_these_feeds_is_accounted_for(built: Warehouse) -> None:
    assert built.rows(
        "select feed, rows_in, rows_current, rows_superseded from marts.ops_deliveries "
        "where feed not in ('orders', 'settlements') order by all"
    ) == [
        ("finance_transactions", 1, 0, 1),
        ("finance_transactions", 21, 21, 0),
        ("fulfilled_shipments", 1, 1, 0),
        ("fulfilled_shipments", 2, 1, 1),
        ("ledger_detail", 2, 2, 0),
        ("ledger_detail", 3, 1, 2),
        ("reimbursements", 2, 2, 0),
        ("reimbursements", 5, 4, 1),
        ("removals", 1, 1, 0),
        ("removals", 2, 1, 1),
        ("replacements", 1, None, None),
        ("seller_feedback", 1, 1, 0),
        ("seller_feedback", 2, 1, 1),
    ]
    assert built.rows(
        "select state, count(*) from marts.ops_windows where feed = 'seller_feedback' group by all order by all"
    ) == [("loaded", 29), ("never_asked", 2)]
