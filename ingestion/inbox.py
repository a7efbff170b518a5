"""The inbox: downloaded files that people or tools drop into `$RETURNSCOPE_HOME/inbox/<store>/`.

Belongs here: which files are ready, what their names and sidecars say, where they go afterwards. Does not belong: how a
file is taken in (`intake.py`), when the inbox is looked at (`orchestration`).

Anything can be dropped under its own name: the feed is recognised by its header. What a header cannot say is said by

- the name: `<feed>__<from>..<to>__<delivered at>.<ending>`, as in `fba_returns__2026-01-01..2026-01-31.tsv` or
  `orders__2026-01-01..2026-01-31__2026-02-01T060000Z.txt.gz`; a part that is not known stays empty or away;
- or a sidecar beside it, `<file name>.toml`, with any of
  `feed`, `window = "2026-01-01..2026-01-31"`, `delivered_at = 2026-02-01T06:00:00Z`, `mapping`, `charset`.
  `mapping` is a name from `[mappings]` of the configuration or a file beside the sidecar.

A file is taken once nobody writes to it any more and then moved to `.taken`, or to `.rejected` with the reason beside
it. A kill in between only means that it is taken again, which the ledger knows as a duplicate. Files in the folder of a
store that is not declared stay where they are, and each night says so (`untaken`).
"""

from __future__ import annotations

import logging
import re
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from data_contracts.registry import all_feeds
from data_contracts.settings import Settings, SettingsError
from ingestion.failures import PermanentFailure
from ingestion.intake import Window, WrongUse, record_unusable, take
from ingestion.lake import Lake
from ingestion.ledger import Ledger, Pull
from ingestion.mapping import FieldMapping, load_mapping

log = logging.getLogger(__name__)

TAKEN, REJECTED = ".taken", ".rejected"
#: a file that has not changed for so long is whole; browsers and copy tools write every fraction of a second
SETTLED_SECONDS = 2.0
#: names of files that are still being written or are none of ours
_UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".tmp", ".swp", "~")
_NAME = re.compile(r"(?P<feed>[a-z][a-z_]*?)__(?P<window>[\d.-]*)(?:__(?P<at>[\dTZ:.+-]+?))?(?:\.[A-Za-z]+)*")
_SIDECAR_KEYS = {"feed", "window", "delivered_at", "mapping", "charset"}


@dataclass(frozen=True)
class Label:
    """What is said of a file besides its content."""

    feed: str | None = None
    window: Window | None = None
    delivered_at: datetime | None = None
    mapping: FieldMapping | None = None
    charset: str | None = None


def inbox_files(settings: Settings, store: str | None = None) -> list[Path]:
    """Files that can be taken for one or all stores, sidecars left out, in the order of their paths."""
    return [
        file
        for folder in _folders(settings)
        if store in (None, folder.name) and _undeclared(settings, folder.name) is None
        for file in _files_of(folder)
    ]


def untaken(settings: Settings) -> list[str]:
    """A line for each folder with files whose name is no declared store: what lies there, and what to do about it."""
    lines = []
    for folder in _folders(settings):
        why = _undeclared(settings, folder.name)
        if why is not None and (files := list(_files_of(folder))):
            lines.append(f"{folder}: {len(files):,} {'file is' if len(files) == 1 else 'files are'} not taken: {why}")
    return lines


def _folders(settings: Settings) -> list[Path]:
    root = settings.home / "inbox"
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def _undeclared(settings: Settings, store: str) -> str | None:
    """Why a folder's name is no store of the configuration; None where it is one."""
    try:
        settings.store(store)
    except SettingsError as error:
        return str(error)
    return None


def _files_of(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith((".", "~$")) for part in path.relative_to(folder).parts)
        if not hidden and path.is_file() and path.suffix != ".toml" and not path.name.endswith(_UNFINISHED):
            yield path


def take_inbox(
    lake: Lake,
    settings: Settings,
    *,
    store: str | None = None,
    settled_seconds: float = SETTLED_SECONDS,
    on_pull: Callable[[Pull], None] | None = None,
) -> list[Pull]:
    """Take every settled file of the inbox and move it away; what is still being written stays for the next time.

    Raises TransientFailure or PermanentFailure of the lake, and TransientFailure of a clock that is behind what was
    taken in before; files not yet taken then stay where they are.
    """
    files = inbox_files(settings, store)
    _wait_until_settled(files, settled_seconds)
    check_clock = cache(Ledger(lake).check_clock)
    pulls = []
    for path in files:
        try:
            pull = _take_one(lake, settings, path, settled_seconds, check_clock)
        except (FileNotFoundError, WrongUse):
            if path.exists():
                raise
            log.info("%s is gone: another process has taken it", path)
            continue
        if pull is not None:
            pulls.append(pull)
            if on_pull is not None:
                on_pull(pull)
    return pulls


def _wait_until_settled(files: list[Path], seconds: float) -> None:
    """Wait, once for all files, until those that changed just now had the time to change again."""
    ages = [time.time() - path.stat().st_mtime for path in files if path.exists()]
    if young := [age for age in ages if 0 <= age < seconds]:
        time.sleep(seconds - min(young))


def _take_one(
    lake: Lake, settings: Settings, path: Path, settled_seconds: float, check_clock: Callable[[], None]
) -> Pull | None:
    root = settings.home / "inbox"
    store = path.relative_to(root).parts[0]
    if 0 <= time.time() - path.stat().st_mtime < settled_seconds:
        log.info("%s is still being written; it is taken the next time", path)
        return None
    try:
        label = label_of(path, settings)
    except PermanentFailure as failure:
        pull = record_unusable(lake, settings, path, failure, store=store, source_kind="inbox")
    else:
        if label.delivered_at is None:
            check_clock()
        pull = take(
            lake,
            settings,
            path,
            store=store,
            feed=label.feed,
            window=label.window,
            delivered_at=label.delivered_at,
            mapping=label.mapping,
            charset=label.charset,
            source_kind="inbox",
        )
    _move(path, root / store, REJECTED if pull.outcome == "failed" else TAKEN, pull.error)
    return pull


def label_of(path: Path, settings: Settings) -> Label:
    """What the name of a file and its sidecar say; the sidecar wins. Raises PermanentFailure when one is wrong."""
    said = _said_by_name(path)
    sidecar = path.with_name(f"{path.name}.toml")
    if sidecar.is_file():
        said |= _said_by_sidecar(sidecar)
    mapping = said.get("mapping")
    try:
        at = said.get("delivered_at")
        return Label(
            feed=_feed(said.get("feed")),
            window=_window(said["window"]) if said.get("window") else None,
            delivered_at=_moment(at) if at else None,
            mapping=_mapping(str(mapping), sidecar, settings) if mapping else None,
            charset=said.get("charset"),
        )
    except ValueError as error:
        where = sidecar.name if sidecar.is_file() else path.name
        raise PermanentFailure(
            f"What is said of the file cannot be read: {error}", where, "Correct it and drop the file again."
        ) from error


def _said_by_name(path: Path) -> dict[str, Any]:
    match = _NAME.fullmatch(path.name)
    if match is None or match["feed"] not in all_feeds():
        if re.search(r"__\d{4}-\d\d-\d\d", path.name):  # a window that would be lost in silence
            raise PermanentFailure(
                "The name states a window, but not in the form <feed>__<from>..<to>__<delivered at>.<ending>",
                path.name,
                f"Correct the name; feeds are {', '.join(all_feeds())}.",
            )
        return {}
    return {"feed": match["feed"], "window": match["window"] or None, "delivered_at": match["at"]}


def _said_by_sidecar(path: Path) -> dict[str, Any]:
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PermanentFailure(f"The sidecar is not valid TOML: {error}", path.name, "Correct it.") from error
    if unknown := said.keys() - _SIDECAR_KEYS:
        raise PermanentFailure(
            f"The sidecar has unknown keys: {', '.join(sorted(unknown))}",
            path.name,
            f"It may have {', '.join(sorted(_SIDECAR_KEYS))}.",
        )
    return said


def _feed(name: Any) -> str | None:
    if name is not None and name not in all_feeds():
        raise ValueError(f"there is no feed {name!r}; there are {', '.join(all_feeds())}")
    return name


def _window(text: Any) -> Window:
    first, dots, last = str(text).partition("..")
    if not dots:
        raise ValueError(f"{text!r} is no window; write it as 2026-01-01..2026-01-31")
    window = date.fromisoformat(first.strip()), date.fromisoformat(last.strip())
    if window[0] > window[1]:
        raise ValueError(f"the window {text} ends before it begins")
    return window


def _moment(said: Any) -> datetime:
    """A moment with a zone; `2026-02-01T060000Z` is understood, since not every file system takes colons."""
    moment = said if isinstance(said, datetime) else None
    if moment is None:
        text = re.sub(r"T(\d{2})(\d{2})(\d{2})", r"T\1:\2:\3", str(said))
        moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{said} has no zone; write 2026-02-01T06:00:00Z")
    if moment > datetime.now(UTC):
        raise ValueError(f"delivered at {said} lies in the future")
    return moment.astimezone(UTC)


def _mapping(name: str, sidecar: Path, settings: Settings) -> FieldMapping:
    return load_mapping(settings.mappings.get(name) or sidecar.parent / name)


def _move(path: Path, folder: Path, where: str, reason: str | None) -> None:
    """Move a file with its sidecar below `.taken` or `.rejected` of its store, and put the reason beside it."""
    target = folder / where / path.relative_to(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    target = _unused(target)
    sidecar = path.with_name(f"{path.name}.toml")
    if reason is not None:
        target.with_name(f"{target.name}.reason.txt").write_text(f"{reason}\n", encoding="utf-8")
    if sidecar.is_file():
        sidecar.replace(target.with_name(f"{target.name}.toml"))
    path.replace(target)


def _unused(target: Path) -> Path:
    """The path, or one with a number where the same name was there before."""
    candidate, number = target, 2
    while candidate.exists():
        candidate = target.with_name(f"{number}-{target.name}")
        number += 1
    return candidate
