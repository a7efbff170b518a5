"""The day that a release is as of, when nobody says: the newest day that the lake holds complete.

Belongs here: that one rule. Does not belong: what is computed for the day.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, timedelta
from typing import TYPE_CHECKING

from data_contracts.registry import all_feeds
from ingestion.ledger import COMPLETE

if TYPE_CHECKING:
    from ingestion.ledger import Pull

#: without these a night says nothing about returns; the others may lag (settlements come every other week)
CORE_FEEDS = ("orders", "fba_returns", "mfn_returns")


def newest_complete_day(pulls: Iterable[Pull]) -> date | None:
    """The newest day complete in the store that is furthest; None when no delivery says anything about any day.

    Per store the later of two days. First: the newest day that every core feed with stated windows covers, where a
    pull covers only days that were over (UTC) when it was delivered. Second: the newest event of a core feed delivered
    without a window. A store without core feeds counts by the newest event, or snapshot, of any feed.
    """
    by_store: dict[str, list[Pull]] = {}
    for pull in pulls:
        if pull.restates and pull.outcome in COMPLETE and pull.feed is not None:
            by_store.setdefault(pull.store, []).append(pull)
    days = [day for own in by_store.values() if (day := _of_store(own)) is not None]
    return max(days, default=None)


def _of_store(pulls: list[Pull]) -> date | None:
    core = [pull for pull in pulls if pull.feed in CORE_FEEDS]
    covered: dict[str, date] = {}
    events: list[date] = []
    for pull in core:
        if pull.window_to is None:
            if pull.last_event_day is not None:
                events.append(min(pull.last_event_day, _delivered_day(pull)))
            continue
        day = min(pull.window_to, _delivered_day(pull) - timedelta(days=1))
        if pull.window_from is None or day >= pull.window_from:
            feed = str(pull.feed)
            covered[feed] = max(day, covered.get(feed, day))
    if covered:
        events.append(min(covered.values()))
    if events:
        return max(events)
    others = [_day_without_core(pull) for pull in pulls]
    return max((day for day in others if day is not None), default=None)


def _day_without_core(pull: Pull) -> date | None:
    if all_feeds()[str(pull.feed)].event is None:
        return _delivered_day(pull)
    return min(pull.last_event_day, _delivered_day(pull)) if pull.last_event_day is not None else None


def _delivered_day(pull: Pull) -> date:
    return pull.delivered_at.astimezone(UTC).date()
