"""The day that a release is as of, when nobody says: the newest day that the lake holds complete.

Belongs here: that one rule. Does not belong: what is computed for the day.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, timedelta
from typing import TYPE_CHECKING

from data_contracts.registry import get_feed
from ingestion.ledger import COMPLETE

if TYPE_CHECKING:
    from ingestion.ledger import Pull

#: without these a night says nothing about returns; the others may lag (settlements come every other week)
CORE_FEEDS = ("orders", "fba_returns", "mfn_returns")


def newest_complete_day(pulls: Iterable[Pull]) -> date | None:
    """The newest day complete in the store that is furthest; None when no delivery says anything about any day.

    Per store the later of two days. First: the newest day that every core feed with stated windows covers, where a
    pull covers only days that were over (UTC) when it was delivered. Second: the newest event of a core feed delivered
    without a window. Stores without core feeds count only where no store has any: by their newest event, else by the
    day of a snapshot. (An inventory file of today must not move a lake whose orders end in April past its returns.)
    """
    by_store: dict[str, list[Pull]] = {}
    for pull in pulls:
        if pull.restates and pull.outcome in COMPLETE and pull.feed is not None:
            by_store.setdefault(pull.store, []).append(pull)
    stores = list(by_store.values())
    for newest in (_of_core_feeds, _of_events, _of_snapshots):
        if days := [day for own in stores if (day := newest(own)) is not None]:
            return max(days)
    return None


def outside_of_the_data(pulls: Iterable[Pull], as_of: date) -> str | None:
    """What to know about a day that somebody named: it lies before the first event, or beyond what is complete."""
    pulls = [pull for pull in pulls if pull.restates and pull.outcome in COMPLETE]
    first = min((pull.first_event_day for pull in pulls if pull.first_event_day), default=None)
    if first is not None and as_of < first:
        return f"Warning: {as_of} lies before the first event ({first}): every window is empty."
    newest = newest_complete_day(pulls)
    if newest is not None and as_of > newest:
        return (
            f"Warning: the newest complete day is {newest}: windows that end on {as_of} hold days of which reports are "
            "missing, so that their counts are too low."
        )
    return None


def _of_core_feeds(pulls: list[Pull]) -> date | None:
    core = [pull for pull in pulls if pull.feed in CORE_FEEDS and get_feed(pull.feed).claims_days(pull.report_type)]
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
    return max(events, default=None)


def _of_events(pulls: list[Pull]) -> date | None:
    days = [min(pull.last_event_day, _delivered_day(pull)) for pull in pulls if pull.last_event_day is not None]
    return max(days, default=None)


def _of_snapshots(pulls: list[Pull]) -> date | None:
    return max((_delivered_day(pull) for pull in pulls), default=None)


def _delivered_day(pull: Pull) -> date:
    return pull.delivered_at.astimezone(UTC).date()
