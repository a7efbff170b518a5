"""A decision recorded in the panel, taken in as its feed, changes the case that it is about and ends its alert.

Does not belong here: which state each decision makes (the unit test beside the mart), the file that the panel writes.
"""

from __future__ import annotations

from datetime import date
from hashlib import md5

import pytest

from tests.support.warehouse import Delivery, Warehouse, build, mfn_return, order, settings

AS_OF = date(2025, 1, 22)


def case_id(order_id: str) -> str:
    """As the mart spells it: kind, store, order, item and the request's number."""
    parts = ("return_request_unanswered", "shop", order_id, "B000000001", f"RMA-{order_id}")
    return md5("\x1f".join(parts).encode(), usedforsecurity=False).hexdigest()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Two requests of 20 January that nobody answered in Seller Central; the panel has an answer to one."""
    window = ("2025-01-01", "2025-01-22")
    orders = [order(name, fulfillment_channel="Merchant") for name in ("O1", "O2")]
    requests = [mfn_return(name, return_request_status="Pending") for name in ("O1", "O2")]
    decisions = [
        {"decision_id": "d1", "case_id": case_id("O1"), "kind": "return_request_unanswered", "order_id": "O1",
         "asin": "B000000001", "decision": "done", "decided_at": "2025-01-21T08:00:00+00:00", "note": "first"},
        {"decision_id": "d2", "case_id": case_id("O1"), "kind": "return_request_unanswered", "order_id": "O1",
         "asin": "B000000001", "decision": "approve", "decided_at": "2025-01-21T18:00:00+00:00", "note": "then"},
    ]  # fmt: skip
    return build(
        tmp_path_factory.mktemp("desk"),
        [
            Delivery("orders", orders, "2025-01-22T20:00:00", window),
            Delivery("mfn_returns", requests, "2025-01-22T20:01:00", window),
            Delivery("decisions", decisions, "2025-01-22T20:02:00"),
        ],
        settings({"shop": ["US"]}, tmp_path_factory.mktemp("home")),
        as_of=AS_OF,
        command="run",
        select=["+mart_alerts"],
    )


def test_the_newest_decision_sets_the_state_and_stops_the_clock(built: Warehouse) -> None:
    rows = built.rows(
        "select case_id, order_id, state, decision, decided_on, due_on, days_left "
        "from marts.mart_dispute_desk where kind = 'return_request_unanswered' order by order_id"
    )
    due = date(2025, 1, 22)
    assert rows == [
        (case_id("O1"), "O1", "decided", "approve", date(2025, 1, 21), due, None),
        (case_id("O2"), "O2", "open", None, None, due, 0),
    ]


def test_only_the_case_that_nobody_decided_about_alerts(built: Warehouse) -> None:
    rows = built.rows("select subject, message_en, message_zh from marts.mart_alerts where kind = 'dispute_due'")
    assert [row[0] for row in rows] == [case_id("O2")]
    assert rows[0][1].startswith("Return request to answer, order O2, due 2025-01-22, 20.00 USD. Answer")
    assert rows[0][2].startswith("待回复的退货请求，订单 O2，截止 2025-01-22，20.00 USD。请回复")
