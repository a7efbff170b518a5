"""Who asks the simulated source for what, night after night: first the history, then each night with its look-back.

Belongs here: windows, times, repetitions and packing (gzip, byte order mark) of deliveries. Does not belong: what a
report holds (`reports.py`).
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256

from data_contracts.settings import is_late_season
from ingestion.connectors import Window
from ingestion.simulator.catalogue import chance
from ingestion.simulator.reports import (
    BY_ORDER_DATE,
    BY_UPDATE,
    FEEDS,
    Document,
    SettlementKey,
    documents,
    settlement,
    settlements_due,
)
from ingestion.simulator.world import World

#: longest request of each windowed feed, in days
_LONGEST = {"fba_returns": 60, "mfn_returns": 60, "orders": 30}


@dataclass(frozen=True)
class PlannedPull:
    """A request that will be made: what, when, and which settlement."""

    feed: str
    store: str
    window: Window | None
    at: datetime
    report_type: str | None = None
    settlement: SettlementKey | None = None


@dataclass(frozen=True)
class SimDelivery:
    """What a pull brought. `content` is None when the source cancelled (`outcome` says `document` or `cancelled`).

    rows, bad_rows: data rows in the document, and those of them that no contract can accept.
    """

    feed: str
    store: str
    window: Window | None
    delivered_at: datetime
    outcome: str
    content: bytes | None = None
    file_name: str | None = None
    report_type: str | None = None
    charset: str | None = None
    rows: int = 0
    bad_rows: int = 0

    @property
    def delivery_id(self) -> str | None:
        """SHA-256 of the bytes."""
        return None if self.content is None else sha256(self.content).hexdigest()


def schedule(world: World, nights: int | None = None) -> list[PlannedPull]:
    """All requests, oldest first; no two at one instant.

    nights: how many of the world's days are pulled night by night (default: all); what lies before is asked for in the
    first of them. Each night looks back 35 days for FBA returns (90 in January and February), 60 for seller-fulfilled
    ones, three days of order updates and of order dates, once a week 35 days of them; now and then a shorter window
    at noon; every ninth file is handed in twice.
    """
    count = world.days if nights is None else max(1, min(nights, world.days))
    found: list[PlannedPull] = []
    for number in range(count):
        night = world.end - timedelta(days=count - 1 - number)
        begin = datetime.combine(night + timedelta(days=1), time(4, 0), tzinfo=UTC)
        minute = 0
        for store in world.stores:
            for pull in _night(world, store, night, is_first=number == 0):
                found.append(replace(pull, at=begin + timedelta(minutes=minute)))
                minute += 1
        if number and chance(world.seed, "noon", night.toordinal()) < 0.15:
            store = list(world.stores)[int(chance(world.seed, "noon store", night.toordinal()) * len(world.stores))]
            feed = "fba_returns" if chance(world.seed, "noon feed", night.toordinal()) < 0.6 else "mfn_returns"
            window = Window(max(world.first_known, night - timedelta(days=8)), night)
            noon = datetime.combine(night, time(12, 30), tzinfo=UTC)
            found.append(PlannedPull(feed, store, window, noon, FEEDS[feed][0]))
    return sorted(found, key=lambda pull: pull.at)


def _night(world: World, store: str, night: date, *, is_first: bool) -> Iterator[PlannedPull]:
    now = datetime.combine(night, time(0), tzinfo=UTC)  # replaced by the caller
    sells_by_itself = any("FBM" in product.channels for product in world.products)
    for feed, back in (("fba_returns", 90 if is_late_season(night) else 35), ("mfn_returns", 60)):
        if feed == "mfn_returns" and not sells_by_itself:
            continue
        first = world.first_known if is_first else max(world.first_known, night - timedelta(days=back - 1))
        for window in _cut(first, night, _LONGEST[feed]):
            yield PlannedPull(feed, store, window, now, FEEDS[feed][0])
    if is_first:
        for window in _cut(world.first_known, night, _LONGEST["orders"]):
            yield PlannedPull("orders", store, window, now, BY_ORDER_DATE)
    else:
        yield PlannedPull("orders", store, Window(night - timedelta(days=2), night), now, BY_UPDATE)
        back = 34 if night.weekday() == 6 else 2
        for window in _cut(max(world.first_known, night - timedelta(days=back)), night, _LONGEST["orders"]):
            yield PlannedPull("orders", store, window, now, BY_ORDER_DATE)
    since = None if is_first else datetime.combine(night, time(4, 0), tzinfo=UTC)
    for key in settlements_due(
        world, store, datetime.combine(night + timedelta(days=1), time(4, 0), tzinfo=UTC), since
    ):
        yield PlannedPull("settlements", store, None, now, FEEDS["settlements"][0], key)
    yield PlannedPull("inventory", store, None, now, FEEDS["inventory"][0])
    if is_first or night.weekday() == 0:
        yield PlannedPull("listings", store, None, now, FEEDS["listings"][0])
    if is_first or night.weekday() in (0, 3) or night == world.end:
        if world.facts[store].graded:
            yield PlannedPull("grade_resell", store, None, now)
        yield PlannedPull("reviews", store, None, now)


def _cut(first: date, last: date, longest: int) -> Iterator[Window]:
    """Windows that cover the days, none longer than allowed."""
    while first <= last:
        end = min(last, first + timedelta(days=longest - 1))
        yield Window(first, end)
        first = end + timedelta(days=1)


def deliver(world: World, pull: PlannedPull) -> SimDelivery:
    """What a planned request brings."""
    if pull.settlement is not None:
        found: list[Document] = [settlement(world, pull.store, pull.settlement)]
    else:
        found = documents(world, pull.feed, pull.store, pull.window, pull.at, pull.report_type)
    if not found:
        return SimDelivery(pull.feed, pull.store, pull.window, pull.at, "cancelled", report_type=pull.report_type)
    document = found[-1]
    content, name = document.content, document.file_name
    packing = chance(world.seed, "packing", name)
    if packing < 0.08 and (document.charset or "UTF-8") == "UTF-8" and _is_utf8(content):
        content = b"\xef\xbb\xbf" + content
    if 0.05 < packing < 0.25:
        content, name = gzip.compress(content, 6, mtime=0), f"{name}.gz"
    return SimDelivery(
        pull.feed, pull.store, pull.window, pull.at, "document", content, name, document.report_type, document.charset,
        document.rows, document.bad,
    )  # fmt: skip


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def nightly_deliveries(world: World, nights: int | None = None) -> Iterator[SimDelivery]:
    """Every delivery of the schedule in its order, some of them handed in twice with the same bytes and time."""
    for number, pull in enumerate(schedule(world, nights)):
        found = deliver(world, pull)
        yield found
        if number % 9 == 4 and found.content is not None:
            yield found
