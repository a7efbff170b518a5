"""Loading a season, or any range of days, again: what is missing or may have been restated, then one build.

Belongs here: the order of a backfill and its account of before and after. Does not belong: which windows are due
(`ingestion.connectors`), building (`pipeline.py`).

It is resumable because it asks the ledger what is still to be loaded: a window that was loaded today is not due again,
so a killed backfill goes on where it stopped, and a second one finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from data_contracts.registry import all_feeds
from ingestion.connectors import Window
from ingestion.inbox import take_inbox
from ingestion.lake import Lake, open_lake
from ingestion.ledger import Ledger
from orchestration import releases
from orchestration.console import progress
from orchestration.diff import Comparison, change_table
from orchestration.due import missing_days, plan_requests, pull_requests
from orchestration.home import Home
from orchestration.pipeline import Night, Tell, build_and_publish, conclude, timed

if TYPE_CHECKING:
    from data_contracts.settings import Settings
    from ingestion.ledger import Pull


def run_backfill(
    settings: Settings, wanted: Window, *, store: str | None = None, feed: str | None = None, tell: Tell
) -> Night:
    """Load what is due within `wanted`, build once, say what changed; both releases are kept.

    Stores with a connector are asked for their windows. For stores fed through the inbox it takes what lies there and
    says which days are still missing.
    """
    home = Home(settings.home)
    lake = open_lake(settings.lake)
    seconds: dict[str, float] = {}

    def waiting(holder: str) -> None:
        tell(f"Waiting for {holder} ...")

    with home.locked("a backfill", name="intake", on_wait=waiting), timed(seconds, "taking in"):
        taken = _load(lake, settings, wanted, store, feed, tell)
    for line in missing_lines(lake, wanted, store, feed):
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
        return night


def _load(
    lake: Lake, settings: Settings, wanted: Window, store: str | None, feed: str | None, tell: Tell
) -> list[Pull]:
    taken = take_inbox(lake, settings, store=store)
    requests = plan_requests(lake, settings, store=store, feed=feed, wanted=wanted)
    tell(f"{len(requests):,} windows to ask for within {wanted}")
    if requests:
        with progress("Loading windows", len(requests)) as advance:
            taken += pull_requests(
                lake,
                settings,
                requests,
                on_pull=lambda pull: advance(1, f"{pull.store}/{pull.feed} {pull.window_from or ''}"),
            )
    return taken


def missing_lines(lake: Lake, wanted: Window, store: str | None = None, feed: str | None = None) -> Iterator[str]:
    """Days within `wanted` that no complete pull covers, by store and feed, for feeds that the store has."""
    pulls = Ledger(lake).pulls()
    seen = sorted({(pull.store, pull.feed) for pull in pulls if pull.restates and pull.feed})
    for store_id, name in seen:
        if store not in (None, store_id) or feed not in (None, name) or all_feeds()[name].max_days is None:
            continue
        if runs := missing_days(pulls, name, store_id, wanted):
            days = sum(len(run) for run in runs)
            spans = ", ".join(map(str, runs[:5])) + (f" and {len(runs) - 5} more runs" if len(runs) > 5 else "")
            yield f"Still missing for {store_id}/{name}: {days:,} of {len(wanted):,} days: {spans}"


def before_and_after(lake: Lake, before: str, after: str) -> Iterator[str]:
    """Rows and units of each mart in both releases."""
    one, other = releases.load(lake, before), releases.load(lake, after)
    if one is None or other is None:
        return
    import duckdb

    with duckdb.connect() as con:
        yield f"{before} -> {after}"
        yield change_table(Comparison((lake, one), (lake, other), con).changes())
    yield f"Both releases are kept. In detail: returnscope diff {before} {after}"
