"""What the connector must not forget when its process ends: budget, reports under way, documents taken, clock skew.

Belongs here: one SQLite file below RETURNSCOPE_HOME and its statements. Does not belong: any decision about them. The
ledger in the lake remains the truth of what was loaded: losing this file costs requests, never data.

SQLite because several processes share it, each change must survive a kill whole, and it comes with Python.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from ingestion.connectors import Window

#: Amazon keeps reports for 90 days
KEPT = timedelta(days=90)

_SCHEMA = """
create table if not exists buckets (
    account text, operation text, rate real, tokens real, at real, blocked_until real,
    primary key (account, operation)
);
create table if not exists reports (
    id integer primary key, account text, store text, feed text, report_type text, marketplaces text,
    window_from text, window_to text, data_start text, data_end text, state text,
    asked_at text, report_id text, document_id text, delivered_at text, etag text, note text
);
create index if not exists reports_by_type on reports (account, report_type);
create table if not exists documents (
    account text, document_id text, taken_at text,
    primary key (account, document_id)
);
create table if not exists skews (account text primary key, seconds real);
"""

#: states of an entry: asked for without an answer yet · accepted by Amazon · and how it ended
ASKING, OPEN, TAKEN, CANCELLED, FAILED = "asking", "open", "taken", "cancelled", "failed"


@dataclass(frozen=True)
class Entry:
    """One report that was asked for. Times are UTC on the source's clock; `data_*` are the moments that were sent."""

    store: str
    feed: str
    report_type: str
    marketplaces: tuple[str, ...]
    window: Window | None
    asked_at: datetime
    data_start: datetime | None = None
    data_end: datetime | None = None
    state: str = ASKING
    report_id: str | None = None
    document_id: str | None = None
    delivered_at: datetime | None = None
    etag: str | None = None
    note: str | None = None
    row: int | None = None

    def is_equal_request(self, other: Entry) -> bool:
        """Whether Amazon would call both the same request."""
        return (self.report_type, self.marketplaces, self.window) == (
            other.report_type,
            other.marketplaces,
            other.window,
        )


class State:
    """The file, opened for one account in one region."""

    def __init__(self, path: Path, account: str, now: datetime) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = path.parent
        self.account = account
        # autocommit: each statement is its own transaction unless `_at_once` opens one
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None)
        # a kill loses nothing; a power cut may lose the last moments (a request asked twice) but never harms the file.
        # 0.1 ms a change instead of 19 ms, and there are several for each call
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = normal")
        self._db.executescript(_SCHEMA)
        path.chmod(0o600)
        horizon = _text(now - KEPT - timedelta(days=10))
        self._db.execute("delete from reports where asked_at < ?", (horizon,))

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """A transaction that holds the file's write lock from its first read on."""
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    def bucket(self, operation: str) -> tuple[float, float, float, float] | None:
        """Rate (tokens/s), tokens left, when counted, blocked until (both seconds since 1970); None if never used."""
        found = self._db.execute(
            "select rate, tokens, at, blocked_until from buckets where account = ? and operation = ?",
            (self.account, operation),
        ).fetchone()
        return tuple(found) if found else None

    def set_bucket(self, operation: str, rate: float, tokens: float, at: float, blocked_until: float) -> None:
        """Remember a bucket."""
        self._db.execute(
            "insert or replace into buckets values (?, ?, ?, ?, ?, ?)",
            (self.account, operation, rate, tokens, at, blocked_until),
        )

    def skew(self) -> float:
        """Seconds by which the source's clock is ahead of ours; 0 while unknown."""
        found = self._db.execute("select seconds from skews where account = ?", (self.account,)).fetchone()
        return float(found[0]) if found else 0.0

    def set_skew(self, seconds: float) -> None:
        """Remember the skew."""
        self._db.execute("insert or replace into skews values (?, ?)", (self.account, seconds))

    def add(self, entry: Entry) -> Entry:
        """Write down a report before it is asked for; the entry with its row."""
        cursor = self._db.execute(
            "insert into reports (account, store, feed, report_type, marketplaces, window_from, window_to, data_start,"
            " data_end, state, asked_at, report_id) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self.account,
                entry.store,
                entry.feed,
                entry.report_type,
                ",".join(entry.marketplaces),
                entry.window.first.isoformat() if entry.window else None,
                entry.window.last.isoformat() if entry.window else None,
                _text(entry.data_start),
                _text(entry.data_end),
                entry.state,
                _text(entry.asked_at),
                entry.report_id,
            ),
        )
        return replace(entry, row=cursor.lastrowid)

    def update(self, entry: Entry) -> Entry:
        """Write down how far a report is."""
        self._db.execute(
            "update reports set state = ?, asked_at = ?, report_id = ?, document_id = ?, delivered_at = ?, etag = ?,"
            " note = ? where id = ?",
            (
                entry.state,
                _text(entry.asked_at),
                entry.report_id,
                entry.document_id,
                _text(entry.delivered_at),
                entry.etag,
                entry.note,
                entry.row,
            ),
        )
        return entry

    def forget(self, entry: Entry) -> None:
        """Remove an entry: it was never accepted, or Amazon no longer knows it."""
        self._db.execute("delete from reports where id = ?", (entry.row,))

    def entries(self, report_type: str | None = None) -> list[Entry]:
        """Reports of the account, oldest first."""
        rows = self._db.execute(
            "select store, feed, report_type, marketplaces, window_from, window_to, asked_at, data_start, data_end,"
            " state, report_id, document_id, delivered_at, etag, note, id from reports"
            " where account = ? and (? is null or report_type = ?) order by asked_at, id",
            (self.account, report_type, report_type),
        ).fetchall()
        return [_entry(row) for row in rows]

    def is_taken(self, document_id: str) -> bool:
        """Whether a document that was found (not asked for) has been taken before."""
        found = self._db.execute(
            "select 1 from documents where account = ? and document_id = ?", (self.account, document_id)
        ).fetchone()
        return found is not None

    def take(self, document_id: str, at: datetime) -> None:
        """Remember a found document as taken."""
        self._db.execute("insert or ignore into documents values (?, ?, ?)", (self.account, document_id, _text(at)))


def _entry(row: tuple[str, ...]) -> Entry:
    (
        store,
        feed,
        report_type,
        marketplaces,
        first,
        last,
        asked,
        start,
        end,
        state,
        report,
        document,
        at,
        etag,
        note,
        i,
    ) = row
    return Entry(
        store=store,
        feed=feed,
        report_type=report_type,
        marketplaces=tuple(marketplaces.split(",")),
        window=Window(date.fromisoformat(first), date.fromisoformat(last)) if first else None,
        asked_at=datetime.fromisoformat(asked),
        data_start=_moment(start),
        data_end=_moment(end),
        state=state,
        report_id=report,
        document_id=document,
        delivered_at=_moment(at),
        etag=etag,
        note=note,
        row=int(i),
    )


def _text(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
