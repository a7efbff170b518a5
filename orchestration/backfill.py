"""Loading a season, or any range of days, again: what is missing or may have been restated, then one build.

Belongs here: the order of a backfill, its account of the days that are still missing and of before and after. Does not
belong: which windows are due (`ingestion.connectors`), building (`pipeline.py`).

It is resumable because it asks the ledger what is still to be loaded: a window that was loaded today is not due again,
so a killed backfill goes on where it stopped, and a second one finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from data_contracts.registry import all_feeds, get_feed
from ingestion.connectors import Window
from ingestion.connectors.planner import fewest_windows
from ingestion.inbox import inbox_files, take_inbox
from ingestion.lake import Lake, open_lake
from ingestion.ledger import Ledger
from orchestration import releases
from orchestration.asof import CORE_FEEDS
from orchestration.console import progress
from orchestration.diff import Comparison, change_table
from orchestration.due import missing_days, plan_requests, pull_requests
from orchestration.home import Home
from orchestration.pipeline import Night, Tell, build_and_publish, conclude, timed

if TYPE_CHECKING:
    from data_contracts.settings import Settings
    from ingestion.ledger import Pull

#: windows listed per feed and store; a year of inventory-like gaps should not fill the screen
_LISTED = 12


@dataclass(frozen=True)
class Gap:
    """Days of one feed and store that no complete pull covers, as windows that one report can have."""

    store: str
    feed: str
    days: int
    windows: tuple[Window, ...]


@dataclass(frozen=True)
class Backfilled:
    """What a backfill did, and what it could not load."""

    night: Night
    gaps: tuple[Gap, ...]

    def lines(self) -> Iterator[str]:
        """For people, after the account of the night."""
        if self.gaps:
            days = sum(gap.days for gap in self.gaps)
            yield (
                f"NOT complete: {days:,} days of {len(self.gaps)} reports are missing. "
                "What to do about each stands above; then run the same command again."
            )


def run_backfill(
    settings: Settings, wanted: Window, *, store: str | None = None, feed: str | None = None, tell: Tell
) -> Backfilled:
    """Load what is due within `wanted`, build once, say what changed; both releases are kept.

    Stores with a connector are asked for their windows. For stores fed through the inbox it takes what lies there and
    says which reports are still to be downloaded.
    """
    home = Home(settings.home)
    lake = open_lake(settings.lake)
    seconds: dict[str, float] = {}

    def waiting(holder: str) -> None:
        tell(f"Waiting for {holder} ...")

    with home.locked("a backfill", name="intake", on_wait=waiting), timed(seconds, "taking in"):
        taken = _load(lake, settings, wanted, store, feed, tell)
    missing = gaps(Ledger(lake).pulls(), settings, wanted, store=store, feed=feed)
    for line in gap_lines(settings, missing):
        tell(line)
    with home.locked("a backfill", on_wait=waiting):
        home.heal()
        before = releases.current(lake)
        night = build_and_publish(settings, home, lake, seconds=seconds, tell=tell)
        night.taken = taken
        conclude(settings, home, night)
        if before is not None and night.outcome == "published" and before.release_id != night.release_id:
            for line in before_and_after(lake, before.release_id, night.release_id):
                tell(line)
        return Backfilled(night, tuple(missing))


def _load(
    lake: Lake, settings: Settings, wanted: Window, store: str | None, feed: str | None, tell: Tell
) -> list[Pull]:
    files = len(inbox_files(settings, store))
    with progress("Taking in files", files) as advance:
        taken = take_inbox(lake, settings, store=store, on_pull=lambda pull: advance(1, pull.file_name or pull.store))
    requests = plan_requests(lake, settings, store=store, feed=feed, wanted=wanted)
    tell(f"{files:,} files taken from the inbox, {len(requests):,} windows to ask for within {wanted}")
    if requests:
        with progress("Loading windows", len(requests)) as advance:
            taken += pull_requests(
                lake,
                settings,
                requests,
                on_pull=lambda pull: advance(1, f"{pull.store}/{pull.feed} {pull.window_from or ''}"),
            )
    return taken


def gaps(
    pulls: Sequence[Pull],
    settings: Settings,
    wanted: Window,
    *,
    store: str | None = None,
    feed: str | None = None,
    today: date | None = None,
) -> list[Gap]:
    """What is missing within `wanted` by store and report, days that are not over left out.

    A store is expected to have the reports that it ever had, since not every seller has all of them; a store without
    any is expected to have the core ones.
    """
    yesterday = (today or datetime.now(UTC).date()) - timedelta(days=1)
    if wanted.first > yesterday:
        return []
    over = Window(wanted.first, min(wanted.last, yesterday))
    known: dict[str, set[str]] = {name: set() for name in settings.stores}
    for pull in pulls:
        if pull.restates and pull.feed and all_feeds()[pull.feed].max_days is not None:
            known.setdefault(pull.store, set()).add(pull.feed)
    found = []
    for store_id, seen in sorted(known.items()):
        for name in [feed] if feed else sorted(seen or CORE_FEEDS):
            max_days = get_feed(name).max_days
            own = settings.stores.get(store_id)
            if store not in (None, store_id) or max_days is None or (own is not None and name in own.without_feeds):
                continue
            days = [day for run in missing_days(pulls, name, store_id, over) for day in run.days()]
            if days:
                found.append(Gap(store_id, name, len(days), tuple(fewest_windows(days, max_days))))
    return found


def gap_lines(settings: Settings, missing: Sequence[Gap]) -> Iterator[str]:
    """For each gap what is missing and what to do: which report to download for which days, and where to drop it."""
    inbox = Home(settings.home).inbox
    for gap in missing:
        title = get_feed(gap.feed).title
        yield f"Missing {gap.store}/{gap.feed}: {gap.days:,} days"
        more = len(gap.windows) - _LISTED
        own = settings.stores.get(gap.store)
        if own is not None and own.connector != "inbox":
            spans = ", ".join(map(str, gap.windows[:_LISTED])) + (f" and {more} more" if more > 0 else "")
            yield f"  {spans}: the source has not delivered them yet (returnscope status says why)"
            continue
        for window in gap.windows[:_LISTED]:
            path = inbox / gap.store / f"{gap.feed}__{window}.txt"
            yield f'  {window}: download "{title}" for these days and drop it as {path}'
        if more > 0:
            yield f"  and {more} more windows up to {gap.windows[-1].last}"


def before_and_after(lake: Lake, before: str, after: str) -> Iterator[str]:
    """Rows, units and rates of each mart in both releases, which are then kept for as long as anybody wants them."""
    one, other = releases.load(lake, before), releases.load(lake, after)
    if one is None or other is None:
        return
    import duckdb

    releases.keep_comparison(lake, before, after)
    with duckdb.connect() as con:
        yield f"{before} -> {after}"
        yield change_table(Comparison((lake, one), (lake, other), con).changes())
    yield f"Both releases are kept. In detail: returnscope diff {before} {after}"
