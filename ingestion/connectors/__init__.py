"""Where pulls come from: what a connector is, and which windows of a feed are due.

Belongs here: the seam between the pipeline and any source that can be asked (SP-API, the simulator), and the one rule
that says which days to ask for. Does not belong: speaking to a source (one module each beside this), storing what comes
back (`ingestion.intake`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, Protocol

from data_contracts.registry import get_feed
from data_contracts.settings import is_late_season
from ingestion.failures import PermanentFailure
from ingestion.ledger import COMPLETE

if TYPE_CHECKING:
    from data_contracts.feed import Feed
    from data_contracts.settings import Settings, Store, Tuning
    from ingestion.connectors.planner import Plan
    from ingestion.ledger import Pull


@dataclass(frozen=True, order=True)
class Window:
    """Days of a request, both inclusive, on the clock of the request (UTC)."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"a window cannot end ({self.last}) before it begins ({self.first})")

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def __str__(self) -> str:
        return f"{self.first}..{self.last}"

    def days(self) -> Iterator[date]:
        """Each day of it."""
        return (self.first + timedelta(days=n) for n in range(len(self)))


@dataclass(frozen=True)
class Request:
    """What to ask a source for; `window` is None where a report has none (snapshots, settlements).

    by_update: the window is one of days of the last change, of which a feed may have a report of its own.
    """

    feed: str
    store: str
    window: Window | None
    by_update: bool = False


@dataclass(frozen=True)
class Answer:
    """What a source said to a request. One request may have several answers (each settlement is a document).

    content: the document as it came, or None (cancelled, failed); a path or a stream that the taker reads once.
    delivered_at: when the source delivered (UTC). error: what a failed request left behind.
    """

    request: Request
    outcome: Literal["document", "cancelled", "failed"]
    delivered_at: datetime
    content: Path | BinaryIO | None = None
    file_name: str | None = None
    report_type: str | None = None
    charset: str | None = None
    error: str | None = None


class Connector(Protocol):
    """A source of reports that can be asked.

    `pull` yields answers as they come, in any order; it raises TransientFailure or PermanentFailure only where nothing
    more can be asked (no network, credentials refused). A single request that fails is an answer with outcome `failed`.
    """

    name: str
    #: whether it also delivers by day of the last change (`Feed.update_types`)
    asks_by_update: bool

    def now(self) -> datetime:
        """The source's clock (UTC); days before this one are over."""

    def feeds(self) -> frozenset[str]:
        """Names of the feeds that it can deliver."""

    def plan(self, requests: Iterable[Request], *, after: Plan | None = None) -> Plan:
        """What `pull` would do and how long it should take, without asking anything.

        after: the plan of the store that is pulled before, whose time and budget are gone by then.
        """

    def pull(self, requests: Iterable[Request]) -> Iterator[Answer]:
        """Ask, and yield what comes back."""


def open_connector(settings: Settings, store_id: str, store: Store) -> AbstractContextManager[Connector] | None:
    """The connector of a store as a context manager; None for a store whose files come through the inbox.

    Raises PermanentFailure when this installation cannot open it.
    """
    if store.connector == "inbox":
        return None
    if store.connector == "simulator":
        from ingestion.connectors.simulator import SimulatorConnector

        return nullcontext(SimulatorConnector(settings, store_id, store))
    if store.connector == "sp-api":
        from ingestion.connectors.spapi.connector import SpApiConnector

        return closing(SpApiConnector(settings, store_id, store))
    raise PermanentFailure(
        f"Store {store_id} asks for connector {store.connector!r}, which is not part of this installation",
        f"{settings.config}, [stores.{store_id}] connector",
        'Set connector = "inbox" and put downloaded reports into the inbox.',
    )


def lookback_days(feed: Feed, tuning: Tuning, today: date) -> int:
    """How many days back the source may still restate the feed; at least 1, longer after the holiday season."""
    if feed.restated_days == 0:
        return 1
    season = tuning.lookback_days_after_season if is_late_season(today) else tuning.lookback_days
    return max(feed.restated_days, season)


def newest_delivery_by_day(pulls: Iterable[Pull], feed: str, store: str) -> dict[date, datetime]:
    """Each day that a complete windowed pull covers, with the newest moment at which one was delivered.

    A pull delivered while a day was still running does not cover that day; a window of days of change covers none.
    """
    own = get_feed(feed)
    return _newest_by_day(p for p in pulls if p.store == store and p.feed == feed and own.claims_days(p.report_type))


def _newest_by_day(pulls: Iterable[Pull]) -> dict[date, datetime]:
    newest: dict[date, datetime] = {}
    for pull in pulls:
        if not pull.restates or pull.outcome not in COMPLETE:
            continue
        if pull.window_from is None or pull.window_to is None:
            continue
        last = min(pull.window_to, pull.delivered_at.astimezone(UTC).date() - timedelta(days=1))
        if last < pull.window_from:
            continue
        for day in Window(pull.window_from, last).days():
            if day not in newest or newest[day] < pull.delivered_at:
                newest[day] = pull.delivered_at
    return newest


def windows_due(
    pulls: Sequence[Pull], feed: Feed, store: str, wanted: Window, today: date, tuning: Tuning
) -> list[Window | None]:
    """The fewest windows with all days of `wanted` that are due, oldest first, none longer than the feed allows.

    A day is due when nobody has asked for it since it ended, and again each day until it can no longer be restated. So
    asking twice on one day asks for nothing the second time, which is what makes a backfill resumable. A feed without
    a window (`max_days` None) is due once a day and answers with `[None]`.
    """
    if feed.max_days is None:
        asked_today = any(
            pull.feed == feed.name and pull.store == store and pull.delivered_at.astimezone(UTC).date() >= today
            for pull in pulls
            if pull.source != "cli"
        )
        return [] if asked_today else [None]
    newest = newest_delivery_by_day(pulls, feed.name, store)
    horizon = timedelta(days=lookback_days(feed, tuning, today))

    def is_due(day: date) -> bool:
        if day >= today:
            return False
        asked = newest.get(day)
        return asked is None or asked.astimezone(UTC).date() < min(day + horizon, today)

    from ingestion.connectors.planner import fewest_windows

    return [*fewest_windows((day for day in wanted.days() if is_due(day)), feed.max_days)]


def updates_due(pulls: Sequence[Pull], feed: Feed, store: str, today: date, tuning: Tuning) -> list[Window]:
    """The fewest windows of the nightly look-back whose changes nobody has asked for since the day ended.

    Each day is asked for once: what changes again later is a change of a later day.
    """
    from ingestion.connectors.planner import fewest_windows

    if not feed.update_types or feed.max_days is None:
        return []
    known = _newest_by_day(
        p for p in pulls if p.store == store and p.feed == feed.name and not feed.claims_days(p.report_type)
    )
    days = nightly_window(feed, tuning, today).days()
    return fewest_windows((day for day in days if day not in known), feed.max_days)


def nightly_window(feed: Feed, tuning: Tuning, today: date) -> Window:
    """The days that a night looks at: as far back as the feed may still be restated, up to yesterday."""
    return Window(today - timedelta(days=lookback_days(feed, tuning, today)), today - timedelta(days=1))


def requestable(feeds: Mapping[str, Feed], connector: Connector, store: Store, only: str | None = None) -> list[Feed]:
    """Feeds that the connector can deliver and the store uses, in registry order."""
    names = connector.feeds() - set(store.without_feeds)
    return [feed for name, feed in feeds.items() if name in names and only in (None, name)]
