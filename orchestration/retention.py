"""Which releases and records stay, and removing the others.

Belongs here: the rule, and removing by it, at the end of a successful publish. Does not belong: making releases
(`publish.py`).

What goes can be made again: `run --as-of D --known-by T` gives the same bytes from the deliveries, which are never
removed. Readers of `marts.duckdb` hold a file of their own; who reads the parquet files of a release that is being
removed finds its manifest gone first.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.failures import ReturnscopeError
from orchestration import releases

if TYPE_CHECKING:
    from data_contracts.settings import Retention, Settings
    from ingestion.lake import Lake
    from orchestration.home import Home

log = logging.getLogger(__name__)

#: a release that is being removed, until nothing of it is left: a killed removal is finished by the next one
_REMOVING = "removing"


def prune(settings: Settings, lake: Lake, home: Home) -> list[str]:
    """Remove releases and records that need not stay; ids of the removed releases. Call it with the home's lock held.

    A lake that refuses is a warning, never a failed night: the next one tries again.
    """
    removed: list[str] = []
    try:
        _finish(lake)
        for release_id in _outdated(lake, settings.retention):
            # another home on this lake may have made it current since it was looked at
            if release_id not in _pointed_to(lake):
                _remove(lake, release_id)
                removed.append(release_id)
    except (ReturnscopeError, OSError) as error:
        log.warning("old releases could not be removed, the next night tries again: %s", error)
    for folder in (home.audits, home.runs):
        _prune_records(folder, settings.retention.records_days)
    return removed


def outdated(
    release_ids: Sequence[str], kept: Iterable[str], retention: Retention, published: Mapping[str, date], today: date
) -> list[str]:
    """Releases that need not stay, oldest as-of day first: published too many nights ago and no month's end.

    kept: releases that stay whatever their age. published: the day on which each was current for the last time; where
    that is not known, its as-of day counts. (A past night that somebody asked for yesterday is as old as yesterday.)
    """
    first_night = today - timedelta(days=retention.nights)
    first_month = today - timedelta(days=31 * retention.month_ends)
    kept = {*kept}

    def stays(release_id: str) -> bool:
        as_of = date.fromisoformat(release_id[:10])
        is_month_end = (as_of + timedelta(days=1)).day == 1
        day = published.get(release_id, as_of)
        return release_id in kept or day > first_night or (is_month_end and day > first_month)

    return [release_id for release_id in sorted(release_ids) if not stays(release_id)]


def _outdated(lake: Lake, retention: Retention) -> list[str]:
    kept = _pointed_to(lake) | releases.compared(lake)
    today = datetime.now(UTC).date()
    return outdated(list(releases.ids(lake)), kept, retention, releases.last_published(lake), today)


def _pointed_to(lake: Lake) -> set[str]:
    pointer = releases.current(lake)
    return {name for name in (pointer.release_id, pointer.previous) if name} if pointer else set()


def _remove(lake: Lake, release_id: str) -> None:
    """Remove one release, its manifest first: from then on it does not exist."""
    marker = f"{releases.PREFIX}/{_REMOVING}/{release_id}"
    lake.put_new(marker, b"")
    lake.delete(releases.manifest_key(release_id))
    for info in list(lake.list(f"{releases.PREFIX}/{release_id}/")):
        lake.delete(info.key)
    for info in list(lake.list(f"{releases.HISTORY}/")):
        if info.key.endswith(f"__{release_id}"):
            lake.delete(info.key)
    lake.delete(marker)


def _finish(lake: Lake) -> None:
    """Finish removals that were killed; a release that was made again since then stays."""
    for info in list(lake.list(f"{releases.PREFIX}/{_REMOVING}/")):
        release_id = info.key.rpartition("/")[2]
        if releases.load(lake, release_id) is None:
            _remove(lake, release_id)
        else:
            lake.delete(info.key)


def _prune_records(folder: Path, days: int) -> None:
    """Remove JSON records whose name begins with a moment that is longer ago; the newest one stays."""
    if not folder.is_dir():
        return
    first = (datetime.now(UTC) - timedelta(days=days)).strftime("%Y%m%dT%H%M%S")
    for path in sorted(folder.glob("*.json"))[:-1]:
        if path.name < first:
            path.unlink(missing_ok=True)
