"""Taking a delivery in: from bytes to landing, bronze, quarantine and a ledger entry, in an order that survives kills.

Belongs here: what is committed when, what counts as the same delivery again, making bronze anew. Does not belong: what
happens inside one file (`bronze.py`), where files come from (`inbox.py`, `connectors/`), which rows count (dbt).

Order of a commit: mapping, landing, quarantine, bronze, and last the ledger entry. All keys but the entry's follow from
content, so what a killed process left is found and used by the next attempt.

Same bytes again, for one store and feed:
- the same window, and no time stated or the same one: entry `duplicate` that does not restate: it changes nothing; nor
  does a repetition that states neither window nor time (a folder of old files taken in once more says nothing new);
- another window or another stated time: the source says it again, so the entry restates (`duplicate`, or `loaded_empty`
  for a report without rows): window and rows count again at that time, while bytes and bronze are stored once;
- another mapping or charset than before: they were read wrongly, so they are decoded again and restated.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import logging
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, fields, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

from data_contracts.feed import Feed
from data_contracts.marketplaces import get_marketplace
from data_contracts.registry import all_feeds, get_feed
from data_contracts.settings import Settings, Store
from ingestion import bronze
from ingestion.decode import Request, UnusableFile, unusable
from ingestion.decode.text import codec_of
from ingestion.failures import PermanentFailure
from ingestion.lake import Lake
from ingestion.ledger import COMPLETE, Ledger, Outcome, Pull, event_id
from ingestion.mapping import FieldMapping, known_mappings, load_mapping, parse_mapping
from ingestion.overlap import completed

log = logging.getLogger(__name__)

Window = tuple[date, date]

#: a store names folders and keys: letters, digits, `_`, `.` and `-`, beginning with a letter or digit
_STORE = re.compile(r"[^\W_][\w.-]{0,62}")
_CHUNK = 1 << 20
_MAX_ERROR = 2_000


class WrongUse(PermanentFailure):
    """The call itself is wrong: an unknown feed, an impossible window, a store name that cannot be a folder."""


def take(
    lake: Lake,
    settings: Settings,
    source: Path | BinaryIO,
    *,
    store: str,
    feed: str | None = None,
    window: Window | None = None,
    delivered_at: datetime | None = None,
    mapping: Path | FieldMapping | None = None,
    source_kind: str = "cli",
    file_name: str | None = None,
    report_type: str | None = None,
    charset: str | None = None,
) -> Pull:
    """Take a file in as one delivery of a store, and return its ledger entry.

    window: first and last day asked for (inclusive). delivered_at: when the source delivered, with a zone; default now.
    feed: recognised by the header (or by `report_type`) when not named. charset: as declared by the source.

    A file that cannot be used is an entry with outcome `failed`: what, where and remedy are in its `error`. Its bytes
    are not kept, since nobody knows where personal data is in them. Raises WrongUse or SettingsError for a wrong call,
    PermanentFailure for a wrong mapping or a lake that refuses, TransientFailure for a lake that cannot be reached.
    """
    taking = _Taking(lake, settings, store, feed, window, delivered_at, mapping, source_kind, report_type, charset)
    with _workspace(settings) as folder:
        if isinstance(source, Path):
            path, name = source, file_name or source.name
        else:
            path, name = _spooled(source, folder), file_name or "stream"
        return taking.decode(path, name, folder)()


def take_each(
    lake: Lake,
    settings: Settings,
    paths: Iterable[Path],
    *,
    store: str,
    feed: str | None = None,
    window: Window | None = None,
    delivered_at: datetime | None = None,
    mapping: Path | FieldMapping | None = None,
) -> Iterator[tuple[Path, Pull]]:
    """Take several files in, in their order, each as `take` does; one is decoded while the one before is stored."""

    def steps(scratch: Path) -> Iterator[Callable[[], tuple[Path, Pull]]]:
        before = None
        for number, path in enumerate(paths):
            taking = _Taking(lake, settings, store, feed, window, delivered_at, mapping, "cli", None, None)
            folder = scratch / str(number)
            folder.mkdir()
            commit = taking.decode(path, path.name, folder)
            is_twin = taking.delivery_id == before  # of a file that is not in the ledger yet
            before = taking.delivery_id
            yield partial(_finish, taking, path, folder, None if is_twin else commit)

    with _workspace(settings) as scratch, closing(completed(steps(scratch))) as pulls:
        yield from pulls


def _finish(taking: _Taking, path: Path, folder: Path, commit: Callable[[], Pull] | None) -> tuple[Path, Pull]:
    """Store what was decoded, or decode again what could not be told from a new file before, and clear up."""
    pull = (commit or taking.decode(path, path.name, folder))()
    shutil.rmtree(folder, ignore_errors=True)
    return path, pull


def record_without_document(
    lake: Lake,
    *,
    store: str,
    feed: str,
    window: Window | None,
    delivered_at: datetime,
    outcome: Literal["cancelled", "failed"],
    source_kind: str = "sp-api",
    report_type: str | None = None,
    error: str | None = None,
) -> Pull:
    """Record a pull that brought no document. It never deletes anything: `cancelled` may mean empty or throttled."""
    _check(store, window, delivered_at)
    _known_feed(feed)
    at = delivered_at.astimezone(UTC)
    pull = Pull(
        pull_id=event_id(None, store, feed, window, at, outcome),
        store=store,
        feed=feed,
        outcome=outcome,
        restates=False,
        delivered_at=at,
        taken_at=datetime.now(UTC),
        source=source_kind,
        window_from=window[0] if window else None,
        window_to=window[1] if window else None,
        report_type=report_type,
        error=error[:_MAX_ERROR] if error else None,
    )
    Ledger(lake).record(pull)
    return pull


def record_unusable(
    lake: Lake, settings: Settings, source: Path, failure: PermanentFailure, *, store: str, source_kind: str = "cli"
) -> Pull:
    """Record a file that could not even be tried, such as one whose mapping is wrong, as a failed pull."""
    taking = _Taking(lake, settings, store, None, None, None, None, source_kind, None, None)
    return taking.failed(source.name, *_digest(source), failure)


def ensure_bronze(lake: Lake, settings: Settings, pull: Pull) -> Pull:
    """The pull with bronze and quarantine as the declarations are now: decoded again from landing when they are not.

    Keys, counts and `decode_id` of the result are those of today; the ledger entry stays as it was written. Raises
    PermanentFailure when the stored bytes are gone or no longer meet the feed's declaration at all.
    """
    return _ensure(lake, settings, pull, lake.exists)


def ensure_all_bronze(lake: Lake, settings: Settings, pulls: Iterable[Pull]) -> list[Pull]:
    """`ensure_bronze` for all pulls that count, in their order; pulls of one delivery share what the newest one says.

    A delivery that was taken in again with another mapping has been decoded twice; only its newest decoding counts, or
    its rows would be there twice. The lake is listed twice instead of being asked once for every pull.
    """
    pulls = list(pulls)
    present = {info.key for prefix in ("bronze/", "quarantine/") for info in lake.list(prefix)}
    newest: dict[tuple[str, str | None, str | None], Pull] = {}
    for pull in sorted(pulls, key=lambda pull: (pull.delivered_at, pull.taken_at, pull.pull_id)):
        if pull.restates:
            newest[pull.store, pull.feed, pull.delivery_id] = pull
    ensured = {key: _ensure(lake, settings, pull, present.__contains__) for key, pull in newest.items()}
    return [
        _as_decoded(pull, ensured[pull.store, pull.feed, pull.delivery_id]) if pull.restates else pull for pull in pulls
    ]


def _ensure(lake: Lake, settings: Settings, pull: Pull, has: Callable[[str], bool]) -> Pull:
    if pull.landing_key is None or pull.feed is None or pull.charset is None or pull.outcome not in COMPLETE:
        return pull
    feed = get_feed(pull.feed)
    own = settings.stores.get(pull.store)
    day_first, short_date = _day_first(own), _short_date(own)
    mapping_id = PurePosixPath(pull.mapping_key).stem if pull.mapping_key else None
    decode_id = bronze.decode_id(feed, mapping_id, pull.charset, day_first, short_date)
    keys = _keys(pull.store, feed.name, pull.delivery_id or "", decode_id)
    if has(keys["bronze"]):
        if decode_id == pull.decode_id:
            now = pull
        else:
            now = _with(pull, decode_id, bronze.read_counts(lake.local_path(keys["bronze"])), keys)
        if now.quarantine_key is None or has(now.quarantine_key):
            return now
    log.info("decoding %s of %s/%s again", pull.file_name, pull.store, pull.feed)
    mapping = parse_mapping(lake.get(pull.mapping_key), pull.mapping_key) if pull.mapping_key else None
    options = bronze.Options(
        store=pull.store,
        delivery_id=pull.delivery_id or "",
        request=Request(all_feeds(), feed, mapping, is_settled=True),
        name=pull.landing_key,
        charset=pull.charset,
        fallbacks=(),
        day_first=day_first,
        short_date=short_date,
        limits=settings.limits,
    )
    with _workspace(settings) as folder:
        decoded = bronze.decode(lake.local_path(pull.landing_key), options, folder)
        _put_derived(lake, decoded, keys)
        return _with(pull, decode_id, decoded.counts, keys)


class _Taking:
    """One call of `take`: what was said, and the steps."""

    def __init__(
        self,
        lake: Lake,
        settings: Settings,
        store: str,
        feed: str | None,
        window: Window | None,
        delivered_at: datetime | None,
        mapping: Path | FieldMapping | None,
        source_kind: str,
        report_type: str | None,
        charset: str | None,
    ) -> None:
        _check(store, window, delivered_at)
        self.lake = lake
        self.settings = settings
        self.ledger = Ledger(lake)
        self.store = store
        self.declared_store = settings.store(store)
        self.mapping = load_mapping(mapping) if isinstance(mapping, Path) else mapping
        self.feed = self._named_feed(feed, report_type)
        self.window = window
        self.now = datetime.now(UTC)
        self.stated_at = delivered_at.astimezone(UTC) if delivered_at else None
        self.delivered_at = self.stated_at or self.now
        self.source_kind = source_kind
        self.report_type = report_type
        self.charset = charset or (self.mapping.encoding if self.mapping else None)
        #: known once the file has been read
        self.delivery_id = ""

    def _named_feed(self, name: str | None, report_type: str | None) -> Feed | None:
        if name is None:
            by_type = [feed for feed in all_feeds().values() if report_type in (*feed.report_types, *feed.update_types)]
            return by_type[0] if len(by_type) == 1 else None
        feed = _known_feed(name)
        if self.mapping is not None and self.mapping.feed != name:
            raise WrongUse(
                f"Mapping {self.mapping.name} is for feed {self.mapping.feed}, not for {name}",
                f"store {self.store}",
                f"Leave the feed out, or name {self.mapping.feed}.",
            )
        return feed

    def decode(self, path: Path, name: str, folder: Path) -> Callable[[], Pull]:
        """Read the file at a path. What is left to do is returned: to store it and to write its entry."""
        if not path.is_file():
            raise WrongUse("There is no such file", str(path), "Check the path; a folder is taken file by file.")
        before = path.stat()
        self.delivery_id, size = _digest(path)
        if (known := self._same_again(self.delivery_id)) is not None:
            return partial(self._again, known, name)
        options = bronze.Options(
            store=self.store,
            delivery_id=self.delivery_id,
            request=Request(all_feeds(), self.feed, self.mapping, known_mappings(self.settings)),
            name=name,
            charset=self.charset,
            fallbacks=_fallbacks(self.declared_store),
            day_first=_day_first(self.declared_store),
            short_date=_short_date(self.declared_store),
            limits=self.settings.limits,
        )
        try:
            decoded = bronze.decode(path, options, folder)
            after = path.stat()
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise _changed(name)
        except UnusableFile as failure:
            return partial(self.failed, name, self.delivery_id, size, failure)
        return partial(self._commit, path, name, size, decoded)

    def _same_again(self, delivery_id: str) -> Pull | None:
        """The newest pull that brought the same bytes to be read the same way."""
        feed = self.feed.name if self.feed else self.mapping.feed if self.mapping else None
        feeds = [feed] if feed else list(all_feeds())
        pulls = [pull for name in feeds for pull in self.ledger.pulls_of(self.store, name, delivery_id)]
        known = [pull for pull in pulls if pull.restates]
        if not known:
            return None
        newest = max(known, key=lambda pull: (pull.delivered_at, pull.taken_at))
        if self.mapping is not None and newest.mapping_key != _mapping_key(self.mapping):
            return None
        if self.charset is not None and codec_of(self.charset) not in (None, newest.charset, *_marked(newest.charset)):
            return None
        return newest

    def _again(self, known: Pull, name: str) -> Pull:
        """An entry for bytes that are in the lake already."""
        delivery_id = known.delivery_id or ""
        same_bytes = list(self.ledger.pulls_of(self.store, known.feed or "", delivery_id))
        says_nothing = self.window is None and self.stated_at is None
        same_event = says_nothing or any(
            pull.restates and pull.window == self.window and self.stated_at in (None, pull.delivered_at)
            for pull in same_bytes
        )
        pull_id = self._pull_id(known.feed, delivery_id)
        outcome: Outcome = "duplicate" if known.rows_in or same_event else "loaded_empty"
        if same_event:
            # numbered, not timed: the same deliveries in the same order give the same ledger
            pull_id = event_id(delivery_id, pull_id, "repeated", sum(not pull.restates for pull in same_bytes))
        pull = replace(
            known,
            pull_id=pull_id,
            outcome=outcome,
            restates=not same_event,
            delivered_at=self.delivered_at,
            taken_at=self.now,
            source=self.source_kind,
            window_from=self.window[0] if self.window else None,
            window_to=self.window[1] if self.window else None,
            file_name=name,
            report_type=self.report_type or known.report_type,
        )
        return pull if self.ledger.record(pull) else self._lost_race(pull)

    def _commit(self, path: Path, name: str, size: int, decoded: bronze.Decoded) -> Pull:
        """Put everything into the lake, the ledger entry last."""
        feed, delivery_id = decoded.feed.name, self.delivery_id
        keys = _keys(self.store, feed, delivery_id, decoded.decode_id)
        packed = ".gz" if bronze.is_gzip(path) else ""
        landing = (
            f"landing/{feed}/{self.store}/delivered={self.delivered_at.date()}/{delivery_id}.{decoded.form}{packed}"
        )
        mapping_key = None
        if decoded.mapping is not None:
            mapping_key = _mapping_key(decoded.mapping)
            self.lake.put_new(mapping_key, decoded.mapping.raw)
        if decoded.landing is not None:
            self.lake.put_own(landing, decoded.landing)
        else:
            try:
                with _Verified(path, delivery_id, name) as stream:
                    self.lake.put_new(landing, stream)  # type: ignore[arg-type]
            except UnusableFile as failure:
                return self.failed(name, delivery_id, size, failure)
        _put_derived(self.lake, decoded, keys)
        pull = Pull(
            pull_id=self._pull_id(feed, delivery_id),
            store=self.store,
            feed=feed,
            outcome="loaded" if decoded.counts.rows_in else "loaded_empty",
            restates=True,
            delivered_at=self.delivered_at,
            taken_at=self.now,
            source=self.source_kind,
            delivery_id=delivery_id,
            window_from=self.window[0] if self.window else None,
            window_to=self.window[1] if self.window else None,
            file_name=name,
            report_type=self.report_type,
            charset=decoded.charset,
            landing_key=landing,
            mapping_key=mapping_key,
            size_bytes=size,
            unknown_columns=decoded.unknown_columns[:100],
        )
        pull = _with(pull, decoded.decode_id, decoded.counts, keys)
        return pull if self.ledger.record(pull) else self._lost_race(pull)

    def _lost_race(self, pull: Pull) -> Pull:
        """Another process has written this very event since we looked: ours is a repetition of it."""
        repeated = replace(
            pull,
            pull_id=event_id(pull.delivery_id, pull.pull_id, "repeated", self.now),
            outcome="duplicate",
            restates=False,
        )
        self.ledger.record(repeated)
        return repeated

    def failed(self, name: str, delivery_id: str, size: int, failure: PermanentFailure) -> Pull:
        """Record that a file cannot be used."""
        feed = self.feed.name if self.feed else self.mapping.feed if self.mapping else None
        error = str(failure)[:_MAX_ERROR]
        pull = Pull(
            pull_id=event_id(delivery_id, self._pull_id(feed, delivery_id), "failed", error),
            store=self.store,
            feed=feed,
            outcome="failed",
            restates=False,
            delivered_at=self.delivered_at,
            taken_at=self.now,
            source=self.source_kind,
            delivery_id=delivery_id,
            window_from=self.window[0] if self.window else None,
            window_to=self.window[1] if self.window else None,
            file_name=name,
            report_type=self.report_type,
            size_bytes=size,
            error=error,
        )
        self.ledger.record(pull)
        log.info("%s: %s", name, failure)
        return pull

    def _pull_id(self, feed: str | None, delivery_id: str) -> str:
        mapping = self.mapping.id if self.mapping else None
        return event_id(delivery_id, self.store, feed, self.window, self.stated_at, mapping, self.charset)


class _Verified:
    """A file as a stream that breaks off when what was read is not what its name will say."""

    def __init__(self, path: Path, delivery_id: str, name: str) -> None:
        self._file = path.open("rb")
        self._hash = hashlib.sha256()
        self._delivery_id = delivery_id
        self._name = name

    def __enter__(self) -> _Verified:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int = -1) -> bytes:
        """The next bytes. Raises UnusableFile at the end when the file has changed since it was decoded."""
        data = self._file.read(size)
        self._hash.update(data)
        if (not data or size < 0) and self._hash.hexdigest() != self._delivery_id:
            raise _changed(self._name)
        return data


def _changed(name: str) -> UnusableFile:
    return unusable(
        "The file changed while it was being read", name, None, "Deliver it again when nobody writes to it any more."
    )


def _check(store: str, window: Window | None, delivered_at: datetime | None) -> None:
    if not _STORE.fullmatch(store) or ".." in store or unicodedata.normalize("NFC", store) != store:
        raise WrongUse(
            f"{store!r} cannot name a store",
            "store",
            "Use up to 63 letters, digits, `_`, `.` and `-`, beginning with a letter or digit.",
        )
    if window is not None and window[0] > window[1]:
        raise WrongUse(f"The window {window[0]}..{window[1]} ends before it begins", "window", "Swap the days.")
    if delivered_at is not None and delivered_at.tzinfo is None:
        raise WrongUse(
            f"The time {delivered_at} has no zone", "delivered_at", "State the zone, such as 2026-01-31T06:00:00Z."
        )


def _known_feed(name: str) -> Feed:
    try:
        return get_feed(name)
    except KeyError as error:
        raise WrongUse(str(error.args[0]), "feed", "Name one of them.") from error


def _fallbacks(store: Store | None) -> tuple[str, ...]:
    """Charsets behind UTF-8: those of the store's marketplaces; without a declared store any of them."""
    if store is None:
        return ("cp1252", "cp932")
    charsets = {get_marketplace(code).charset for code in store.marketplaces}
    return tuple(charset for charset in ("cp932", "cp1252") if charset in charsets | {"cp1252"})


def _day_first(store: Store | None) -> bool:
    """How numeric dates read where nothing else says: month first in America, and where no region is known."""
    return store is not None and store.region != "na"


def _short_date(store: Store | None) -> str | None:
    """How the store's first marketplace orders the figures of a date; None where none is declared."""
    return store.first.short_date if store is not None else None


def _marked(charset: str | None) -> tuple[str, ...]:
    """Declared charsets that a byte order mark has overruled: reading them again would be overruled again."""
    return () if charset is None or not charset.startswith("utf-16") else ("utf-16", "utf-8", "cp1252")


def _mapping_key(mapping: FieldMapping) -> str:
    return f"mappings/{mapping.id}.toml"


def _keys(store: str, feed: str, delivery_id: str, decode_id: str) -> dict[str, str]:
    return {part: f"{part}/{feed}/{store}/{delivery_id}-{decode_id}.parquet" for part in ("bronze", "quarantine")}


def _put_derived(lake: Lake, decoded: bronze.Decoded, keys: dict[str, str]) -> None:
    """Quarantine before bronze: whoever finds bronze may count on its bad rows being there."""
    if decoded.quarantine is not None:
        lake.put_own(keys["quarantine"], decoded.quarantine)
    lake.put_own(keys["bronze"], decoded.bronze)


def _with(pull: Pull, decode_id: str, counts: bronze.Counts, keys: dict[str, str]) -> Pull:
    """The pull with the outcome of a decoding."""
    return replace(
        pull,
        decode_id=decode_id,
        bronze_key=keys["bronze"],
        quarantine_key=keys["quarantine"] if counts.rows_quarantined else None,
        **asdict(counts),
    )


_DECODING = (
    *("charset", "decode_id", "landing_key", "bronze_key", "quarantine_key", "mapping_key"),
    *(field.name for field in fields(bronze.Counts)),
)


def _as_decoded(pull: Pull, other: Pull) -> Pull:
    """The pull with the decoding of another pull of the same delivery."""
    return replace(pull, **{name: getattr(other, name) for name in _DECODING})


def _digest(path: Path) -> tuple[str, int]:
    """sha256 and size of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return digest.hexdigest(), file.tell()


def _spooled(source: BinaryIO, folder: Path) -> Path:
    """A stream's content as a file."""
    path = folder / "delivery"
    with path.open("wb") as file:
        shutil.copyfileobj(source, file, _CHUNK)
    return path


@contextmanager
def _workspace(settings: Settings) -> Iterator[Path]:
    """A private folder on the installation's own disk. The lock tells it from one that a killed process left behind."""
    scratch = settings.home / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="intake-", dir=scratch))
    with (folder / ".alive").open("w") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        try:
            yield folder
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise PermanentFailure(
                "The disk is full", str(scratch), "Free some space, or set RETURNSCOPE_HOME to a larger disk."
            ) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
