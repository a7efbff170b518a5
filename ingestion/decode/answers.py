"""Answers of JSON operations to rows: one line is what a source said, and may hold many rows or none.

Belongs here: the shape of each operation's answers, breakdowns flattened, under canonical names. Does not belong:
asking (`connectors/`), which rows count (dbt), JSON lines whose objects are rows (`jsonl.py`).

The first line of such a delivery says what was asked, `{"spapi_operation": …}`; so an answer without any row is a
delivery all the same, and a delivery says by itself what it is. Every value is text as it was written: no amount
becomes a float.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

Row = dict[str, str | None]

#: key of the first line
OPERATION = "spapi_operation"

_RELATED = {
    "ORDER_ID": "order_id",
    "SHIPMENT_ID": "shipment_id",
    "REFUND_ID": "refund_id",
    "SETTLEMENT_ID": "settlement_id",
    "FINANCIAL_EVENT_GROUP_ID": "financial_event_group_id",
    "DEFERRED_TRANSACTION_ID": "deferred_transaction_id",
    "RELEASE_TRANSACTION_ID": "release_transaction_id",
}


def rows(operation: str, answer: dict[str, Any]) -> list[Row]:
    """The rows of one line, values as text. Raises ValueError when it is not as the operation's model says."""
    if OPERATION in answer:
        return []
    try:
        return list(_ROWS[operation](answer))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not as the model of {operation} says: {error!r}") from error


def operations() -> frozenset[str]:
    """Operations whose answers are understood."""
    return frozenset(_ROWS)


# -- Finances API, listTransactions


def _transaction(given: dict[str, Any]) -> Iterator[Row]:
    """The ends of a transaction's breakdowns: its items', then its own; its total where there is none at all."""
    total = given["totalAmount"]
    market = given.get("marketplaceDetails") or {}
    metadata = given.get("sellingPartnerMetadata") or {}
    whole: Row = {
        "transaction_id": given.get("transactionId"),
        "transaction_type": given["transactionType"],
        "transaction_status": given.get("transactionStatus") or "RELEASED",
        "description": given.get("description"),
        "posted_date": given["postedDate"],
        "total_amount": total["currencyAmount"],
        "currency": total["currencyCode"],
        "marketplace_id": market.get("marketplaceId") or metadata.get("marketplaceId"),
        "marketplace_name": market.get("marketplaceName"),
    }
    for one in given.get("relatedIdentifiers") or []:
        if name := _RELATED.get(one["relatedIdentifierName"]):
            whole[name] = one["relatedIdentifierValue"]
    amounts: list[Row] = []
    for number, item in enumerate(given.get("items") or [], 1):
        product: dict[str, Any] = next(
            (c for c in item.get("contexts") or [] if c.get("contextType") == "ProductContext"), {}
        )
        own: Row = {
            "item_number": str(number),
            "item_description": item.get("description"),
            "asin": product.get("asin"),
            "sku": product.get("sku"),
            "quantity": product.get("quantityShipped"),
            "fulfillment_network": product.get("fulfillmentNetwork"),
        }
        amounts += [own | leaf for leaf in _leaves(item.get("breakdowns"), item.get("totalAmount"))]
    amounts += _leaves(given.get("breakdowns"), None if amounts else total)
    for number, amount in enumerate(amounts, 1):
        yield whole | amount | {"amount_number": str(number)}


def _leaves(breakdowns: Iterable[dict[str, Any]] | None, total: dict[str, Any] | None) -> list[Row]:
    """The ends of nested breakdowns; where there are none, the total itself, without a path."""
    found = [
        {"amount_path": "/".join(path), "amount_type": path[-1], "amount": amount["currencyAmount"]}
        for path, amount in _ends(breakdowns, ())
    ]
    if found or total is None:
        return found
    return [{"amount": total["currencyAmount"]}]


def _ends(
    breakdowns: Iterable[dict[str, Any]] | None, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """The amount of an inner node is the sum of what is below it, so only the outermost twigs are amounts."""
    for one in breakdowns or []:
        own = (*path, str(one.get("breakdownType") or ""))
        if below := one.get("breakdowns"):
            yield from _ends(below, own)
        elif one.get("breakdownAmount"):
            yield own, one["breakdownAmount"]


# -- Customer Feedback API


def _feedback(line: dict[str, Any]) -> Iterator[Row]:
    """Topics and subtopics, or topics by month, of one answer; none where Amazon had too little to say."""
    asked, answer = line["asked"], line["answer"]
    if answer is None:
        return
    period = answer.get("dateRange") or {}
    whole: Row = {
        "asked_at": asked["at"],
        "resource": asked["resource"],
        "marketplace_id": asked["marketplaceId"],
        "asin": asked.get("asin"),
        "browse_node_id": asked.get("browseNodeId"),
        "answered_asin": answer.get("asin"),
        "browse_node_name": answer.get("displayName"),
    } | _period(period)
    found = answer.get("topics") or answer.get("reviewTrends") or answer.get("returnTrends") or []
    if isinstance(found, list):
        groups: list[tuple[str | None, list[dict[str, Any]]]] = [(None, found)]
    else:
        groups = [(name, found.get(f"{name}Topics") or []) for name in ("positive", "negative")]
    for sentiment, topics in groups:
        for topic in topics:
            named = whole | {"topic": topic["topic"].strip(), "sentiment": sentiment}
            if "trendMetrics" in topic:
                for point in topic["trendMetrics"]:
                    yield named | _period(point["dateRange"]) | _metrics(point)
                continue
            yield named | _metrics(topic)
            for below in topic.get("subtopics") or []:
                own = {"asinMetrics": below["metrics"]} if "asin" in asked else {"browseNodeMetrics": below["metrics"]}
                yield named | {"subtopic": below["subtopic"].strip()} | _metrics(own)


def _period(given: dict[str, Any]) -> Row:
    return {"range_start": given.get("startDate"), "range_end": given.get("endDate")}


def _metrics(given: dict[str, Any]) -> Row:
    own, parent = given.get("asinMetrics") or {}, given.get("parentAsinMetrics") or {}
    node = given.get("browseNodeMetrics") or {}
    share = node.get("occurrencePercentage")
    shares = share if isinstance(share, dict) else {"allProducts": share}
    return {
        "mentions": own.get("numberOfMentions"),
        "share": own.get("occurrencePercentage"),
        "star_rating_impact": own.get("starRatingImpact"),
        "parent_share": parent.get("occurrencePercentage"),
        "node_share": shares.get("allProducts"),
        "node_top_share": shares.get("topTwentyFivePercentProducts"),
    }


_ROWS: dict[str, Callable[[dict[str, Any]], Iterator[Row]]] = {
    "listTransactions": _transaction,
    "customerFeedback": _feedback,
}
