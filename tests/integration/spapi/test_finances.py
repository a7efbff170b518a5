"""Operations that answer with JSON: every page and every answer to the letter, from the server to the ledger."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from ingestion.connectors import Answer, Window
from ingestion.connectors.spapi.verbatim import elements
from ingestion.lake import open_lake
from ingestion.ledger import Ledger
from orchestration.due import take_answer
from tests.integration.spapi.conftest import TODAY, Rig, asks, days_back


def money(amount: float) -> dict[str, Any]:
    return {"currencyAmount": amount, "currencyCode": "USD"}


def transaction(number: str, status: str, amount: float, **how: Any) -> dict[str, Any]:
    return {
        "sellingPartnerMetadata": {
            "sellingPartnerId": "A1",
            "accountType": "PAYABLE",
            "marketplaceId": "ATVPDKIKX0DER",
        },
        "relatedIdentifiers": [{"relatedIdentifierName": "ORDER_ID", "relatedIdentifierValue": "111-1111111-1111111"}],
        "transactionType": "Refund",
        "transactionId": number,
        "transactionStatus": status,
        "description": "Refund Order",
        "postedDate": f"{TODAY.replace(day=1)}T10:00:00Z",
        "totalAmount": money(amount),
        "items": [],
        "breakdowns": [],
    } | how


TRANSACTIONS = [transaction(f"t{n}", "RELEASED", -n - 0.05) for n in range(7)]
FEEDBACK = {
    "/customerFeedback/2024-06-01/items/B000000001/browseNode": {"browseNodeId": "42", "displayName": "Lamps"},
    "/customerFeedback/2024-06-01/browseNodes/42/returns/topics": {
        "browseNodeId": "42",
        "displayName": "Lamps",
        "marketplaceId": "ATVPDKIKX0DER",
        "countryCode": "US",
        "dateRange": {"startDate": "2026-01-01", "endDate": "2026-02-28"},
        "topics": [
            {"topic": "Too small ", "browseNodeMetrics": {"occurrencePercentage": {"allProducts": 31.5}}},
        ],
    },
}


def land(rig: Rig, answers: list[Answer]) -> list[dict[str, Any]]:
    """What the warehouse would read of these answers: the bronze rows, through ledger and lake."""
    settings = rig.settings()
    lake = open_lake(settings.lake)
    rows = []
    for answer in answers:
        pull = take_answer(lake, settings, answer, "sp-api")
        assert pull.bronze_key is not None, pull.error
        rows += pq.read_table(lake.local_path(pull.bronze_key)).to_pylist()
    return rows


def test_transactions_land_whole_with_their_window_page_by_page(rig: Rig) -> None:
    rig.server.control(transactions=TRANSACTIONS, page_size=3)
    window = days_back(29)
    (answer,) = rig.pull(asks("finance_transactions", window))
    assert (answer.outcome, answer.report_type, answer.request.window) == ("document", "listTransactions", window)
    assert isinstance(answer.content, Path)
    told, *lines = answer.content.read_text().splitlines()
    assert json.loads(told)["postedAfter"] == f"{window.first}T00:00:00Z"
    # as the server wrote them, not as we would
    assert lines == [json.dumps(one) for one in TRANSACTIONS]
    rows = land(rig, [answer])
    assert sum(row["amount"] for row in rows) == Decimal("-21.35")
    (pull,) = Ledger(open_lake(rig.settings().lake)).pulls()
    assert (pull.window, pull.rows_in, pull.outcome) == ((window.first, window.last), 7, "loaded")
    assert rig.server.counts["listTransactions"] == 3


def test_a_quiet_window_is_loaded_empty_and_a_broken_off_one_failed(rig: Rig) -> None:
    (empty,) = rig.pull(asks("finance_transactions", days_back(9)))
    assert land(rig, [empty]) == []
    (pull,) = Ledger(open_lake(rig.settings().lake)).pulls()
    assert pull.outcome == "loaded_empty"
    rig.server.control(transactions=TRANSACTIONS, page_size=3)
    rig.server.fault("listTransactions", status=400, message="no", skip=1)
    (failed,) = rig.pull(asks("finance_transactions", days_back(29)))
    assert (failed.outcome, failed.content) == ("failed", None)
    assert "HTTP 400" in (failed.error or "")
    (again,) = rig.pull(asks("finance_transactions", days_back(29)))
    assert len(land(rig, [again])) == 7
    assert list((rig.home / "connectors/spapi/documents").glob("*")) == []


def test_a_window_that_amazon_would_answer_with_nothing_is_refused(rig: Rig) -> None:
    (answer,) = rig.pull(asks("finance_transactions", Window(TODAY - timedelta(days=200), TODAY - timedelta(days=1))))
    assert answer.outcome == "failed"
    assert "180" in (answer.error or "")


def test_feedback_is_asked_for_the_items_that_the_store_names(rig: Rig) -> None:
    own = rig.connector()
    assert "customer_feedback" not in own.feeds()
    own.close()
    rig.server.control(feedback=FEEDBACK)
    own = rig.connector(feedback_asins=["B000000001"])
    assert "customer_feedback" in own.feeds()
    (answer,) = rig.pull(asks("customer_feedback"), connector=own)
    seen = ("resource", "browse_node_id", "topic", "node_share", "asin", "marketplace_id")
    assert [tuple(row[name] for name in seen) for row in land(rig, [answer])] == [
        ("browseNodes/returns/topics", "42", "Too small", 31.5, None, marketplace)
        for marketplace in ("A2EUQ1WTGCTBG2", "ATVPDKIKX0DER")
    ]
    assert answer.delivered_at.date() == datetime(2026, 3, 10, tzinfo=UTC).date()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"payload": {"nextToken": "a", "transactions": [ {"a":1.50}, {"b": "x\\n\u00e9"} ]}}', 2),
        ('{"payload":{"transactions":[]}}', 0),
        ('{"transactions": "payload", "payload": {}}', 0),
        ('{"payload": null}', 0),
        ("[]", 0),
    ],
)
def test_pieces_of_an_answer_stay_as_they_were_written(text: str, found: int) -> None:
    pieces = list(elements(text, "payload", "transactions"))
    assert len(pieces) == found
    assert all(piece in text for piece in pieces)
