"""Answers of JSON operations: nested amounts to the cent, topics as rows, nothing lost and nothing made up."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from data_contracts.registry import all_feeds, get_feed
from ingestion.decode import answers
from tests.support.deliveries import make_bench

ASKED = json.dumps({answers.OPERATION: "listTransactions", "postedAfter": "2026-02-01T00:00:00Z"})


def money(amount: str) -> str:
    return f'{{"currencyAmount": {amount}, "currencyCode": "USD"}}'


def transaction(number: str, **parts: str) -> str:
    """A transaction as text, so that its figures are those of the test and of no float."""
    own = {
        "transactionType": '"Refund"',
        "transactionId": json.dumps(number),
        "transactionStatus": '"RELEASED"',
        "postedDate": '"2026-02-10T10:00:00Z"',
        "totalAmount": money("-8.10"),
        "relatedIdentifiers": '[{"relatedIdentifierName": "ORDER_ID", "relatedIdentifierValue": "111-1"}]',
    } | parts
    return "{" + ", ".join(f'"{name}": {value}' for name, value in own.items()) + "}"


NESTED = transaction(
    "t1",
    items=f"""[{{"description": "Lamp", "totalAmount": {money("-8.10")},
      "contexts": [{{"contextType": "AmazonPayContext", "storeName": "x"}},
                   {{"contextType": "ProductContext", "asin": "B000000001", "sku": "SKU-1", "quantityShipped": 1}}],
      "breakdowns": [
        {{"breakdownType": "Refunds", "breakdownAmount": {money("-10.0")}, "breakdowns": [
          {{"breakdownType": "OurPricePrincipal", "breakdownAmount": {money("-9.3")}, "breakdowns": []}},
          {{"breakdownType": "OurPriceTax", "breakdownAmount": {money("-0.7")}}}]}},
        {{"breakdownType": "RefundCommission", "breakdownAmount": {money("1.9")}}}]}}]""".replace("\n", " "),
    breakdowns=f'[{{"breakdownType": "Refunds", "breakdownAmount": {money("-8.10")}, "breakdowns": null}}]',
)


def lines(*given: str) -> str:
    return "".join(f"{line}\n" for line in given)


def test_every_declared_operation_is_understood() -> None:
    declared = {feed.operation for feed in all_feeds().values() if feed.operation}
    assert declared == answers.operations()
    # a masked text would have to be masked inside of an answer, which nothing does
    assert not [c for feed in all_feeds().values() if feed.operation for c in feed.columns if c.masked]


def test_only_the_ends_of_breakdowns_are_amounts(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    pull = bench.take(lines(ASKED, NESTED, transaction("t2", totalAmount=money("123456789012.3456"))), "a.jsonl")
    assert (pull.feed, pull.rows_in, pull.rows_bronze, pull.outcome) == ("finance_transactions", 5, 5, "loaded")
    rows = sorted(bench.bronze(pull), key=lambda row: (row["transaction_id"], row["amount_number"]))
    assert [(row["item_number"], row["asin"], row["amount_path"], row["amount"]) for row in rows] == [
        (1, "B000000001", "Refunds/OurPricePrincipal", Decimal("-9.3000")),
        (1, "B000000001", "Refunds/OurPriceTax", Decimal("-0.7000")),
        (1, "B000000001", "RefundCommission", Decimal("1.9000")),
        (None, None, "Refunds", Decimal("-8.1000")),
        (None, None, None, Decimal("123456789012.3456")),  # no float has been in between
    ]
    assert {(row["order_id"], row["total_amount"]) for row in rows[:4]} == {("111-1", Decimal("-8.1000"))}
    assert [row["_line_number"] for row in rows] == [2, 2, 2, 2, 3]
    assert sum(row["amount"] for row in rows[:3]) == rows[0]["total_amount"]


def test_an_answer_without_a_row_is_a_delivery_and_a_broken_one_is_told(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    empty = bench.take(lines(ASKED), "empty.jsonl")
    assert (empty.feed, empty.rows_in, empty.outcome) == ("finance_transactions", 0, "loaded_empty")
    broken = bench.take(lines(ASKED, '{"transactionId": "t3"}', transaction("t4")), "broken.jsonl")
    assert (broken.rows_in, broken.rows_bronze, broken.rows_quarantined) == (2, 1, 1)
    other = bench.take(lines(ASKED, NESTED), "other.jsonl", feed="orders")
    assert (other.outcome, "finance_transactions" in (other.error or "")) == ("failed", True)


def _feedback(resource: str, answer: Any, **subject: str) -> str:
    asked = {"resource": resource, "marketplaceId": "ATVPDKIKX0DER", "at": "2026-03-10T12:00:00Z"} | subject
    return json.dumps({"asked": asked, "answer": answer})


def test_topics_and_months_are_rows_and_reviewers_words_are_dropped(tmp_path: Path) -> None:
    period = {"startDate": "2024-01-01", "endDate": "2024-02-30"}
    topic = {
        "topic": "Weak fragile ",
        "asinMetrics": {"numberOfMentions": 4, "occurrencePercentage": 12.5, "starRatingImpact": -0.4},
        "parentAsinMetrics": None,
        "browseNodeMetrics": {"occurrencePercentage": {"allProducts": 3.0}, "starRatingImpact": {"allProducts": -0.1}},
        "reviewSnippets": ["broke when Odalys Fennimore sat on it"],
        "subtopics": [{"subtopic": "legs", "metrics": {"numberOfMentions": 2, "occurrencePercentage": 6.0}}],
    }
    trend = {
        "topic": "Size",
        "trendMetrics": [{"dateRange": period, "browseNodeMetrics": {"occurrencePercentage": {"allProducts": 40.1}}}],
    }
    bench = make_bench(tmp_path)
    pull = bench.take(
        lines(
            json.dumps({answers.OPERATION: "customerFeedback"}),
            _feedback(
                "items/reviews/topics",
                {
                    "asin": "B000000009",
                    "dateRange": period,
                    "topics": {"positiveTopics": None, "negativeTopics": [topic]},
                },
                asin="B000000001",
            ),
            _feedback(
                "browseNodes/returns/trends", {"displayName": "Lamps", "returnTrends": [trend]}, browseNodeId="42"
            ),
            _feedback("items/reviews/trends", None, asin="B000000001"),
        ),
        "f.jsonl",
    )
    assert (pull.feed, pull.rows_bronze, pull.rows_quarantined) == ("customer_feedback", 3, 0)
    seen = (
        "asin",
        "answered_asin",
        "browse_node_id",
        "topic",
        "subtopic",
        "sentiment",
        "mentions",
        "share",
        "node_share",
        "range_end",
    )
    assert [tuple(row[name] for name in seen) for row in bench.bronze(pull)] == [
        ("B000000001", "B000000009", None, "Weak fragile", None, "negative", 4, 12.5, 3.0, "2024-02-30"),
        ("B000000001", "B000000009", None, "Weak fragile", "legs", "negative", 2, 6.0, None, "2024-02-30"),
        (None, None, "42", "Size", None, None, None, None, 40.1, "2024-02-30"),
    ]
    assert b"Odalys" not in b"".join(bench.objects().values())


@pytest.mark.parametrize("name", [feed.name for feed in all_feeds().values() if feed.operation])
def test_rows_have_the_feeds_columns_and_no_other(name: str) -> None:
    feed = get_feed(name)
    if name == "finance_transactions":
        rows = answers.rows("listTransactions", json.loads(NESTED, parse_float=str, parse_int=str))
    else:
        line = _feedback(
            "items/reviews/topics", {"topics": {"positiveTopics": [{"topic": "a", "asinMetrics": {}}]}}, asin="B"
        )
        rows = answers.rows("customerFeedback", json.loads(line))
    assert rows
    assert {key for row in rows for key in row} <= {column.name for column in feed.columns}
