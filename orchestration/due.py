"""Taking in what is due: named files, the inbox, and what connectors are to be asked for.

Belongs here: which deliveries a night takes and from where. Does not belong: how one delivery is taken
(`ingestion.intake`), which windows are due (`ingestion.connectors`), what happens to the rows (`pipeline.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from data_contracts.registry import all_feeds
from ingestion.connectors import (
    Answer,
    Connector,
    Request,
    Window,
    nightly_window,
    open_connector,
    requestable,
    updates_due,
    windows_due,
)
from ingestion.failures import ReturnscopeError
from ingestion.inbox import take_inbox
from ingestion.intake import record_without_document, take, take_each
from ingestion.ledger import Ledger, Pull
from orchestration.home import Busy, Home

if TYPE_CHECKING:
    from data_contracts.settings import Settings
    from ingestion.connectors.planner import Plan
    from ingestion.lake import Lake

log = logging.getLogger(__name__)

#: pulling a season takes hours; a night takes its turn behind another night, but does not wait for that
_PATIENCE_SECONDS = 600.0

OnPull = Callable[[Pull], None]


def expand(paths: Iterable[Path]) -> Iterator[Path]:
    """The files among and below these paths, sorted by path within each folder; hidden ones are passed over."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for found in sorted(path.rglob("*")):
            if found.is_file() and not any(part.startswith(".") for part in found.relative_to(path).parts):
                yield found


def take_files(
    lake: Lake,
    settings: Settings,
    files: Iterable[Path],
    *,
    store: str,
    feed: str | None = None,
    window: Window | None = None,
    delivered_at: datetime | None = None,
    mapping: Path | None = None,
) -> Iterator[tuple[Path, Pull]]:
    """Take each file as a delivery; a file that cannot be used is a pull with outcome `failed`, the others go on.

    Raises TransientFailure when the files get their time from a clock that is behind what was taken in before.
    """
    if delivered_at is None:
        Ledger(lake).check_clock()
    yield from take_each(
        lake,
        settings,
        files,
        store=store,
        feed=feed,
        window=(window.first, window.last) if window else None,
        delivered_at=delivered_at,
        mapping=mapping,
    )


def take_due(lake: Lake, settings: Settings, home: Home, *, tell: Callable[[str], None] = log.info) -> list[Pull]:
    """Everything that a night takes in: the inbox, and the windows that connectors have to be asked for.

    Where another process has been taking in for long (a backfill of a season), the night goes on with what is there.
    """
    try:
        with home.locked(
            "taking in",
            name="intake",
            wait_seconds=_PATIENCE_SECONDS,
            on_wait=lambda who: tell(f"Waiting for {who} ..."),
        ):
            taken = take_inbox(lake, settings)
            requests = plan_requests(lake, settings)
            if requests:
                tell(f"Asking for {len(requests):,} windows ...")
                taken += pull_requests(lake, settings, requests)
            return taken
    except Busy as busy:
        tell(f"{busy.what}: going on with what has been taken in by now")
        return []


def plan_requests(
    lake: Lake,
    settings: Settings,
    *,
    store: str | None = None,
    feed: str | None = None,
    wanted: Window | None = None,
    look_back: bool = False,
) -> list[Request]:
    """What the connectors have to be asked for: `wanted`, or what a night looks at, less what is known by now.

    look_back: where `wanted` reaches yesterday, look back from there as far as a night does.
    """
    pulls = Ledger(lake).pulls()
    requests = []
    with ExitStack() as stack:
        for store_id, connector in _connectors(settings, store, stack):
            today = connector.now().astimezone(UTC).date()
            for own in requestable(all_feeds(), connector, settings.stores[store_id], feed):
                night = nightly_window(own, settings.settings, today)
                days = wanted or night
                if look_back and days.last >= night.last:
                    days = Window(min(days.first, night.first), days.last)
                due = windows_due(pulls, own, store_id, days, today, settings.settings)
                requests += [Request(own.name, store_id, window) for window in due]
                if connector.asks_by_update and (wanted is None or (look_back and days.last >= night.last)):
                    changed = updates_due(pulls, own, store_id, today, settings.settings)
                    requests += [Request(own.name, store_id, window, by_update=True) for window in changed]
    return requests


def plan_lines(settings: Settings, requests: Sequence[Request]) -> Iterator[str]:
    """What asking for these windows means, store by store, and how long it should take.

    Stores are pulled one after another, and stores of one selling account share its budget, so each plan begins where
    the one before ends, with what that leaves of the budget.
    """
    plan: Plan | None = None
    stores = sorted({request.store for request in requests})
    for store_id in stores:
        with ExitStack() as stack:
            for _, connector in _connectors(settings, store_id, stack):
                plan = connector.plan([request for request in requests if request.store == store_id], after=plan)
                yield from plan.lines()
    if plan is not None and len(stores) > 1:
        yield f"All {len(stores)} stores, one after another: about {plan.minutes} min"


def pull_requests(
    lake: Lake, settings: Settings, requests: Sequence[Request], *, on_pull: OnPull | None = None
) -> list[Pull]:
    """Ask for these windows and take in what comes back; each answer is in the ledger before the next is waited for.

    A store whose source cannot be reached at all becomes failed pulls, one per window that is left, so that nothing is
    missing in silence; the other stores go on.
    """
    taken: list[Pull] = []

    def add(pull: Pull) -> None:
        taken.append(pull)
        if on_pull is not None:
            on_pull(pull)

    ordered = sorted(requests, key=lambda request: request.store)
    for store_id, group in groupby(ordered, key=lambda request: request.store):
        left = list(group)
        with ExitStack() as stack:
            for _, connector in _connectors(settings, store_id, stack):
                for answer in _answers(connector, left):
                    add(take_answer(lake, settings, answer, connector.name))
                    if answer.request in left:
                        left.remove(answer.request)
    return taken


def _answers(connector: Connector, left: list[Request]) -> Iterator[Answer]:
    """What the connector says; where it breaks off, a failed answer for each request that is left by then."""
    try:
        yield from connector.pull(list(left))
    except ReturnscopeError as failure:
        log.error("%s", failure)
        for request in list(left):
            yield Answer(request, "failed", connector.now(), error=str(failure))


def take_answer(lake: Lake, settings: Settings, answer: Answer, source: str) -> Pull:
    """Put a connector's answer into the lake: its document, or the fact that there is none."""
    request = answer.request
    window = (request.window.first, request.window.last) if request.window else None
    if answer.outcome == "document" and answer.content is not None:
        return take(
            lake,
            settings,
            answer.content,
            store=request.store,
            feed=request.feed,
            window=window,
            delivered_at=answer.delivered_at,
            source_kind=source,
            file_name=answer.file_name,
            report_type=answer.report_type,
            charset=answer.charset,
        )
    return record_without_document(
        lake,
        store=request.store,
        feed=request.feed,
        window=window,
        delivered_at=answer.delivered_at,
        outcome="cancelled" if answer.outcome == "cancelled" else "failed",
        source_kind=source,
        report_type=answer.report_type,
        error=answer.error,
    )


def _connectors(settings: Settings, only: str | None, stack: ExitStack) -> Iterator[tuple[str, Connector]]:
    for store_id, store in settings.stores.items():
        if only not in (None, store_id):
            continue
        opened = open_connector(settings, store_id, store)
        if opened is not None:
            yield store_id, stack.enter_context(opened)


def missing_days(pulls: Sequence[Pull], feed: str, store: str, wanted: Window) -> list[Window]:
    """Runs of days within `wanted` that no complete pull with a window covers."""
    from ingestion.connectors import newest_delivery_by_day

    known = newest_delivery_by_day(pulls, feed, store)
    runs: list[Window] = []
    for day in wanted.days():
        if day in known:
            continue
        if runs and runs[-1].last == day - timedelta(days=1):
            runs[-1] = Window(runs[-1].first, day)
        else:
            runs.append(Window(day, day))
    return runs
