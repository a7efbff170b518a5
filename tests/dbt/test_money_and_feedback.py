"""Reimbursements, seller feedback and the other feeds beside returns: from deliveries to their facts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.warehouse import Delivery, Row, Warehouse, build, order, settings

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
        "select reimbursement_id, case_id, marketplace, attribution, asin, amount, is_reversal, approval_date "
        "from core.fct_reimbursements order by reimbursement_id, amount"
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
        "from core.fct_seller_feedback order by order_id"
    ) == [
        ("F", "US", "FBM", 2, "negative", "sorry", True),
        ("G", "unattributed", None, 3, "neutral", None, False),
    ]


def test_every_row_of_these_feeds_is_accounted_for(built: Warehouse) -> None:
    assert built.rows(
        "select feed, rows_in, rows_current, rows_superseded from ops.ops_deliveries where feed <> 'orders' order by all"
    ) == [
        ("reimbursements", 2, 2, 0),
        ("reimbursements", 5, 4, 1),
        ("seller_feedback", 1, 1, 0),
        ("seller_feedback", 2, 1, 1),
    ]
    assert built.rows(
        "select state, count(*) from ops.ops_windows where feed = 'seller_feedback' group by all order by all"
    ) == [("loaded", 29), ("never_asked", 2)]
