"""The ledger: one immutable entry per pull event, which is what makes a delivery count.

Belongs here: the entry, writing and reading entries. Does not belong: deciding what an entry says (`intake.py`), what
pulls mean for days and rows (dbt).

An entry is written last, after everything it names is in the lake: it is the commit. Whatever a killed process left
without an entry is found and used again by the next attempt, or stays unused.
"""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, get_args

from ingestion.failures import PermanentFailure, TransientFailure
from ingestion.lake import Lake, ObjectInfo

Outcome = Literal["loaded", "loaded_empty", "duplicate", "cancelled", "failed"]
OUTCOMES: tuple[str, ...] = get_args(Outcome)
#: outcomes of a complete pull, whose window counts where `restates` is set
COMPLETE = frozenset({"loaded", "loaded_empty", "duplicate"})

#: folder of entries whose file was of no feed that we know
_NO_FEED = "unrecognised"
#: entries fetched at a time from a remote lake, where each takes some 20 ms
_FETCHERS = 16

#: by so much the clocks of two machines that share a lake may differ
_CLOCK_TOLERANCE = timedelta(minutes=10)

_Cached = tuple[str, str, str]
_cache: dict[_Cached, Pull] = {}


@dataclass(frozen=True)
class Pull:
    """One pull event and what came of it.

    pull_id: made by `event_id`, so that the same event has the same id whoever records it.
    feed: None when no feed was named and none was recognised.
    delivery_id: sha256 of the bytes as they came; None where no document came.
    window_from, window_to: days asked for, both inclusive, on the clock of the request; None where none was stated.
    delivered_at: when the source delivered (UTC). taken_at: when we took it in (UTC).
    restates: whether the window and the rows count; false for a plain repetition, a cancelled or a failed pull.
    source: cli, inbox, sp-api or simulator. charset: codec the bytes were read in.
    rows_in = rows_bronze + rows_quarantined. first_event_day, last_event_day: of the good rows.
    unknown_columns: headers of which nothing is known. error: what, where and remedy.
    """

    pull_id: str
    store: str
    feed: str | None
    outcome: Outcome
    restates: bool
    delivered_at: datetime
    taken_at: datetime
    source: str = "cli"
    delivery_id: str | None = None
    window_from: date | None = None
    window_to: date | None = None
    file_name: str | None = None
    report_type: str | None = None
    charset: str | None = None
    decode_id: str | None = None
    landing_key: str | None = None
    bronze_key: str | None = None
    quarantine_key: str | None = None
    mapping_key: str | None = None
    rows_in: int | None = None
    rows_bronze: int | None = None
    rows_quarantined: int | None = None
    size_bytes: int | None = None
    first_event_day: date | None = None
    last_event_day: date | None = None
    unknown_columns: tuple[str, ...] = ()
    error: str | None = None

    @property
    def key(self) -> str:
        """Where the entry is kept."""
        return f"ledger/{self.store}/{self.feed or _NO_FEED}/{self.pull_id}.json"

    @property
    def window(self) -> tuple[date, date] | None:
        """The days asked for, both inclusive."""
        return (self.window_from, self.window_to) if self.window_from and self.window_to else None

    def to_json(self) -> bytes:
        """The entry as it is stored: JSON with sorted keys, times in UTC, `?` where a file name is no text."""
        values = {name: _plain(value) for name, value in asdict(self).items()}
        return json.dumps(values, sort_keys=True, ensure_ascii=False, indent=1).encode(errors="replace")

    @classmethod
    def from_json(cls, data: bytes, where: str) -> Pull:
        """The entry that was stored. Raises PermanentFailure when it is none."""
        try:
            values = json.loads(data)
            known = {field.name for field in fields(cls)}
            values = {name: value for name, value in values.items() if name in known}
            for name in ("delivered_at", "taken_at"):
                values[name] = datetime.fromisoformat(values[name]).astimezone(UTC)
            for name in ("window_from", "window_to", "first_event_day", "last_event_day"):
                if values.get(name) is not None:
                    values[name] = date.fromisoformat(values[name])
            values["unknown_columns"] = tuple(values.get("unknown_columns") or ())
            return cls(**values)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PermanentFailure(
                f"The ledger entry cannot be read: {error}", where, "Restore it from a backup of the lake."
            ) from error


def event_id(delivery_id: str | None, *parts: object) -> str:
    """The id of an event: which delivery, and a hash of what else makes the event this one."""
    text = "\x1f".join("" if part is None else str(part) for part in (delivery_id, *parts))
    return f"{_beginning(delivery_id)}-{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def _beginning(delivery_id: str | None) -> str:
    return delivery_id[:16] if delivery_id else "no-document"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


class Ledger:
    """The entries of one lake."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def record(self, pull: Pull) -> bool:
        """Write an entry. False when this very event is in the ledger already; it then stays as it was."""
        return self._lake.put_new(pull.key, pull.to_json())

    def check_clock(self) -> None:
        """Refuse a clock that is behind the newest entry, before a delivery gets its time from it.

        Newer deliveries win by their time: one with a time in the past would lose to what it corrects, in silence.
        Raises TransientFailure.
        """
        newest = max((pull.taken_at for pull in self.pulls()), default=None)
        now = datetime.now(UTC)
        if newest is not None and now < newest - _CLOCK_TOLERANCE:
            raise TransientFailure(
                f"The clock of this machine says {now:%Y-%m-%d %H:%M} UTC, but something was taken in at "
                f"{newest:%Y-%m-%d %H:%M} UTC already",
                self._lake.where("ledger"),
                "Set the clock, then try again. If it is right now and was ahead before, state when the file was "
                "delivered: --delivered-at, or in the name of a file in the inbox.",
            )

    def pulls(self, known_by: datetime | None = None) -> list[Pull]:
        """Entries delivered up to a moment, oldest first; the order does not depend on when they were taken in."""
        return [pull for pull in self._entries("ledger/") if known_by is None or pull.delivered_at <= known_by]

    def pulls_of(self, store: str, feed: str, delivery_id: str) -> list[Pull]:
        """Entries of one delivery, oldest first. Looks at these only, however many others there are."""
        found = self._entries(f"ledger/{store}/{feed}/{_beginning(delivery_id)}")
        return [pull for pull in found if pull.delivery_id == delivery_id]

    def _entries(self, prefix: str) -> list[Pull]:
        entries = [info for info in self._lake.list(prefix) if info.key.endswith(".json")]
        missing = [info for info in entries if self._cache_key(info) not in _cache]
        if len(missing) > 1 and self._lake.url.startswith("s3://"):
            with ThreadPoolExecutor(_FETCHERS) as pool:
                found = list(pool.map(self._read, missing))
        else:
            found = [self._read(info) for info in missing]
        _cache.update({self._cache_key(info): pull for info, pull in zip(missing, found, strict=True)})
        pulls = [_cache[self._cache_key(info)] for info in entries]
        return sorted(pulls, key=lambda pull: (pull.delivered_at, pull.pull_id))

    def _cache_key(self, info: ObjectInfo) -> _Cached:
        return self._lake.url, info.key, info.version

    def _read(self, info: ObjectInfo) -> Pull:
        data = self._lake.local_path(info.key, info.version).read_bytes()
        return Pull.from_json(data, self._lake.where(info.key))
