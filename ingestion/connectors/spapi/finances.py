"""Finances API 2024-06-19: the transactions of a window, kept as Amazon wrote them.

Belongs here: listTransactions page by page. Does not belong: what a transaction holds (`ingestion.decode.answers`),
which of a deferred and a released one counts (dbt).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import IO

from ingestion.connectors import Window
from ingestion.connectors.spapi.client import Client
from ingestion.connectors.spapi.reports import wire
from ingestion.connectors.spapi.verbatim import elements
from ingestion.decode.answers import OPERATION as KEY
from ingestion.failures import PermanentFailure, TransientFailure

OPERATION = "listTransactions"
_PATH = "/finances/2024-06-19/transactions"
#: Amazon answers a longer window with nothing at all, which would look like a quiet half year
MAX_DAYS = 180
#: a moment in a request has to be two minutes old
_SETTLED = timedelta(minutes=3)


def fetch(client: Client, window: Window, into: IO[str], until: datetime) -> int:
    """Write the transactions posted on these days (UTC), one line each, below a line that says what was asked.

    Nothing is written between pages that does not come from Amazon, so the file is whole only when this returns: the
    number of transactions. Raises as `Client.exchange_patiently`.
    """
    if len(window) > MAX_DAYS:
        raise PermanentFailure(
            f"{len(window)} days in one request: Amazon answers more than {MAX_DAYS} with nothing",
            f"{OPERATION}, {window}",
            "Ask in shorter windows.",
        )
    start = datetime(window.first.year, window.first.month, window.first.day, tzinfo=UTC)
    after = datetime(window.last.year, window.last.month, window.last.day, tzinfo=UTC) + timedelta(days=1)
    asked = {"postedAfter": wire(start), "postedBefore": wire(min(after, client.now() - _SETTLED))}
    into.write(json.dumps({KEY: OPERATION} | asked) + "\n")
    params, seen, count = dict(asked), set(), 0
    while True:
        page, text = client.exchange_patiently(OPERATION, "GET", _PATH, params=params, until=until)
        for transaction in (
            elements(text, "payload", "transactions") if text else ()
        ):  # a page may be empty, not the last
            into.write(transaction + "\n")
            count += 1
        payload = page.get("payload")
        token = payload.get("nextToken") if isinstance(payload, dict) else None
        if not token:
            return count
        if token in seen:
            raise TransientFailure(f"{OPERATION} leads in a circle", str(window), "Run again later.")
        seen.add(token)
        params = asked | {"nextToken": token}  # here with the arguments of the first page, unlike getReports
