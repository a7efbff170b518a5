"""Finances API 2024-06-19: transactions with their amounts, each event counted once.

Belongs here: listTransactions in types, breakdowns flattened, deferred and released told apart. Does not belong: what
an amount means for a return (dbt).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from ingestion.connectors import Window
from ingestion.connectors.spapi.client import Client
from ingestion.connectors.spapi.reports import wire
from ingestion.failures import PermanentFailure, TransientFailure

_PATH = "/finances/2024-06-19/transactions"
#: Amazon answers a longer window with nothing at all, which would look like a quiet half year
MAX_DAYS = 180
#: a moment in a request has to be two minutes old
_SETTLED = timedelta(minutes=3)
#: transactions of the last 48 hours may still be missing from an answer
MAY_BE_MISSING = timedelta(hours=48)
DEFERRED, RELEASED, DEFERRED_RELEASED = "DEFERRED", "RELEASED", "DEFERRED_RELEASED"
_RANK = {DEFERRED: 0, DEFERRED_RELEASED: 1, RELEASED: 2}


@dataclass(frozen=True)
class Amount:
    """A leaf of a breakdown: the types from the outermost to its own, and the money (negative: paid by the seller)."""

    path: tuple[str, ...]
    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Item:
    """One item of a transaction, with its own leaves."""

    asin: str | None
    sku: str | None
    quantity: int | None
    network: str | None
    amounts: tuple[Amount, ...]


@dataclass(frozen=True)
class Transaction:
    """One transaction. related: name of an identifier to its value (`ORDER_ID`, `DEFERRED_TRANSACTION_ID`, …)."""

    transaction_id: str | None
    transaction_type: str
    status: str
    description: str
    posted_at: datetime
    marketplace_id: str | None
    total: Amount
    related: dict[str, str]
    items: tuple[Item, ...]
    amounts: tuple[Amount, ...]


def list_raw(client: Client, window: Window, until: datetime) -> Iterator[dict[str, Any]]:
    """Transactions posted on these days (UTC) as Amazon gives them. Raises as `Client.call_patiently`."""
    if len(window) > MAX_DAYS:
        raise PermanentFailure(
            f"{len(window)} days in one request: Amazon answers more than {MAX_DAYS} with nothing",
            f"listTransactions, {window}",
            "Ask in shorter windows.",
        )
    start = datetime(window.first.year, window.first.month, window.first.day, tzinfo=UTC)
    after = datetime(window.last.year, window.last.month, window.last.day, tzinfo=UTC) + timedelta(days=1)
    asked = {"postedAfter": wire(start), "postedBefore": wire(min(after, client.now() - _SETTLED))}
    params, seen = dict(asked), set()
    while True:
        page = client.call_patiently("listTransactions", "GET", _PATH, params=params, until=until)
        payload = page.get("payload")
        payload = payload if isinstance(payload, dict) else {}
        yield from payload.get("transactions") or []  # a page may be empty and yet not the last
        token = payload.get("nextToken")
        if not token:
            return
        if token in seen:
            raise TransientFailure("listTransactions leads in a circle", str(window), "Run again later.")
        seen.add(token)
        params = asked | {"nextToken": token}  # here with the arguments of the first page, unlike getReports


def parse(raw: dict[str, Any]) -> Transaction:
    """A transaction in types. Raises TransientFailure where the answer lacks what the model promises."""
    try:
        metadata = raw.get("sellingPartnerMetadata") or {}
        market = raw.get("marketplaceDetails") or {}
        return Transaction(
            transaction_id=raw.get("transactionId"),
            transaction_type=raw["transactionType"],
            status=str(raw.get("transactionStatus") or RELEASED).upper(),
            description=raw.get("description") or "",
            posted_at=datetime.fromisoformat(raw["postedDate"]).astimezone(UTC),
            marketplace_id=market.get("marketplaceId") or metadata.get("marketplaceId"),
            total=_amount(raw["totalAmount"], ()),
            related={
                one["relatedIdentifierName"]: one["relatedIdentifierValue"]
                for one in raw.get("relatedIdentifiers") or []
            },
            items=tuple(_item(one) for one in raw.get("items") or []),
            amounts=tuple(leaves(raw.get("breakdowns"))),
        )
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise TransientFailure(
            f"A transaction is not as the model says: {type(error).__name__} at {error}",
            f"listTransactions, transaction {raw.get('transactionId')}",
            "Run again later; if it stays, Amazon has changed the API.",
        ) from error


def leaves(breakdowns: Iterable[dict[str, Any]] | None, path: tuple[str, ...] = ()) -> Iterator[Amount]:
    """The amounts at the ends of nested breakdowns: an inner node's amount is the sum of what is below it."""
    for one in breakdowns or []:
        own = (*path, str(one.get("breakdownType") or ""))
        below = one.get("breakdowns")
        if below:
            yield from leaves(below, own)
        elif one.get("breakdownAmount"):
            yield _amount(one["breakdownAmount"], own)


def counted_once(transactions: Iterable[Transaction]) -> list[Transaction]:
    """Each event once, by posting time: a deferred one is left out where the one that released it is there too.

    The same transaction in several answers counts in its latest status. Without an id it is told apart by its content.
    """
    newest: dict[Any, Transaction] = {}
    for one in transactions:
        key = one.transaction_id or (one.transaction_type, one.posted_at, one.total, tuple(sorted(one.related.items())))
        if key not in newest or _RANK.get(newest[key].status, 1) <= _RANK.get(one.status, 1):
            newest[key] = one
    released = {one.related.get("DEFERRED_TRANSACTION_ID") for one in newest.values() if one.status == RELEASED}
    ids = {one.transaction_id for one in newest.values() if one.transaction_id}
    kept = [
        one
        for one in newest.values()
        if one.status == RELEASED
        or not (
            (one.transaction_id is not None and one.transaction_id in released)
            or one.related.get("RELEASE_TRANSACTION_ID") in ids
        )
    ]
    return sorted(kept, key=lambda one: (one.posted_at, one.transaction_id or ""))


def _amount(given: dict[str, Any], path: tuple[str, ...]) -> Amount:
    return Amount(path, Decimal(str(given["currencyAmount"])), str(given["currencyCode"]))


def _item(raw: dict[str, Any]) -> Item:
    products = [one for one in raw.get("contexts") or [] if one.get("contextType") == "ProductContext"]
    product = products[0] if products else {}
    return Item(
        asin=product.get("asin"),
        sku=product.get("sku"),
        quantity=product.get("quantityShipped"),
        network=product.get("fulfillmentNetwork"),
        amounts=tuple(leaves(raw.get("breakdowns"))),
    )
