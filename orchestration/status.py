"""What is complete, missing, cancelled, failed and quarantined, by the ledger; and what is published.

Belongs here: the account that people read. Does not belong: the same account as a mart (dbt's `ops_windows`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from data_contracts.registry import all_feeds
from ingestion.connectors import Window, newest_delivery_by_day
from ingestion.inbox import untaken
from ingestion.lake import open_lake
from ingestion.ledger import COMPLETE, Ledger
from orchestration import releases
from orchestration.asof import newest_complete_day
from orchestration.console import duration, say, table
from orchestration.due import missing_days
from orchestration.home import Home

if TYPE_CHECKING:
    from data_contracts.settings import Settings
    from ingestion.ledger import Pull


@dataclass(frozen=True)
class FeedStatus:
    """One feed of one store. `complete_to`: the last day before which no day is missing since the first one asked for.

    cancelled / failed: pulls that brought nothing and whose days nobody has brought since.
    """

    store: str
    feed: str
    deliveries: int
    rows: int
    quarantined: int
    newest_event: date | None
    delivered: datetime | None
    complete_to: date | None
    missing: tuple[Window, ...]
    cancelled: int
    failed: int


def feed_statuses(pulls: Sequence[Pull]) -> list[FeedStatus]:
    """The state of every feed and store in the ledger."""
    keys = sorted({(pull.store, pull.feed) for pull in pulls if pull.feed is not None})
    return [_status(store, feed, [p for p in pulls if (p.store, p.feed) == (store, feed)]) for store, feed in keys]


def _status(store: str, feed: str, pulls: Sequence[Pull]) -> FeedStatus:
    good = [pull for pull in pulls if pull.restates and pull.outcome in COMPLETE]
    covered = newest_delivery_by_day(pulls, feed, store)
    missing: tuple[Window, ...] = ()
    complete_to = None
    if covered:
        asked = Window(min(covered), max(covered))
        missing = tuple(missing_days(pulls, feed, store, asked))
        complete_to = missing[0].first - timedelta(days=1) if missing else asked.last
    by_delivery = {pull.delivery_id: pull for pull in good}
    return FeedStatus(
        store,
        feed,
        deliveries=len(by_delivery),
        rows=sum(pull.rows_bronze or 0 for pull in by_delivery.values()),
        quarantined=sum(pull.rows_quarantined or 0 for pull in by_delivery.values()),
        newest_event=max((pull.last_event_day for pull in good if pull.last_event_day), default=None),
        delivered=max((pull.delivered_at for pull in good), default=None),
        complete_to=complete_to,
        missing=missing,
        cancelled=sum(1 for pull in pulls if pull.outcome == "cancelled" and not _made_good(pull, covered)),
        failed=sum(1 for pull in pulls if pull.outcome == "failed" and not _made_good(pull, covered)),
    )


def _made_good(pull: Pull, covered: dict[date, datetime]) -> bool:
    """Whether the days that a pull did not bring were brought by one after it."""
    if pull.window_from is None or pull.window_to is None:
        return False
    days = Window(pull.window_from, pull.window_to).days()
    return all(day in covered and covered[day] >= pull.delivered_at for day in days)


def show_status(settings: Settings) -> None:
    """Print the state of the lake and of what is published."""
    lake = open_lake(settings.lake)
    home = Home(settings.home)
    pulls = Ledger(lake).pulls()
    say(f"Lake      {lake.url}")
    for line in _published_lines(home, releases.current(lake)):
        say(line)
    for line in untaken(settings):
        say(f"Inbox     {line}")
    if not pulls:
        say("No deliveries yet: take files in with `returnscope ingest PATH --store NAME`, or try `returnscope demo`.")
        return
    day = newest_complete_day(pulls)
    say(f"Complete  up to {day}" if day else "Complete  no day yet")
    statuses = feed_statuses(pulls)
    say()
    header = ("store", "feed", "deliveries", "rows", "quarantined", "newest event", "delivered", "complete to",
              "missing", "cancelled", "failed")  # fmt: skip
    say(
        table(
            header,
            [
                (
                    one.store,
                    one.feed,
                    one.deliveries,
                    one.rows,
                    one.quarantined,
                    one.newest_event,
                    one.delivered and f"{one.delivered:%Y-%m-%d %H:%M}",
                    one.complete_to or ("-" if all_feeds()[one.feed].max_days else "no windows"),
                    sum(len(window) for window in one.missing),
                    one.cancelled,
                    one.failed,
                )
                for one in statuses
            ],
        )
    )
    for one in statuses:
        if one.missing:
            say(f"  missing {one.store}/{one.feed}: {', '.join(map(str, one.missing))}")
    for pull in [pull for pull in pulls if pull.outcome == "failed"][-10:]:
        say(f"  failed {pull.delivered_at:%Y-%m-%d %H:%M} {pull.store}/{pull.feed or '?'} {pull.file_name or ''}")
        say(f"    {pull.error}")
    if any(one.missing for one in statuses):
        say("Next: returnscope backfill --from DAY --to DAY, or ingest the missing files with --window.")


def _published_lines(home: Home, pointer: releases.Pointer | None) -> Iterator[str]:
    if pointer is None:
        yield "Published nothing yet: returnscope run"
    else:
        yield f"Published {pointer.release_id} at {pointer.published_at:%Y-%m-%d %H:%M} UTC"
        yield f"          {home.marts}"
    last = _last_run(home)
    if last is not None:
        took = duration(sum(last["seconds"].values()))
        yield f"Last run  {last['outcome']} {last['release_id']}, {took}, {last['taken']:,} deliveries taken"


def _last_run(home: Home) -> dict[str, Any] | None:
    records = sorted(home.runs.glob("*.json")) if home.runs.is_dir() else []
    if not records:
        return None
    values: dict[str, Any] = json.loads(records[-1].read_text(encoding="utf-8"))
    return values
