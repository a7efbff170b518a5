"""What a feed declaration is: its columns, keys, window rule, personal data and thresholds.

Belongs here: the vocabulary (`Feed`, `Column`, `Merge`, …) and what follows from a declaration by pure derivation
(header aliases, the physical columns of bronze). Does not belong: the feeds themselves (`feeds/`), Pandera schemas
(`schemas.py`), reading bytes (`ingestion/`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property


class Kind(StrEnum):
    """Logical type of a column. `MOMENT` becomes two physical columns, see `Column.physical`."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    MONEY = "money"
    FLAG = "flag"
    MOMENT = "moment"


class Merge(StrEnum):
    """How the rows of several deliveries become one truth (design 4.1)."""

    WINDOW = "window"  # no natural key: the newest complete delivery that covers a day owns that day, whole
    KEYED = "keyed"  # rows merge by key, the newest delivery that has the key wins with all its rows of that key
    SNAPSHOT = "snapshot"  # each delivery is a whole state of a store; the newest one counts


#: physical (parquet / DuckDB) type of each physical column kind
PHYSICAL_TYPES = {
    Kind.TEXT: "varchar",
    Kind.INTEGER: "bigint",
    Kind.NUMBER: "double",
    Kind.MONEY: "decimal(18,4)",
    Kind.FLAG: "boolean",
}
MOMENT_AT_TYPE = "timestamp with time zone"
MOMENT_DAY_TYPE = "date"

#: columns that every bronze row carries before those of its feed: who, which delivery, which line of it (1-based,
#: counted in the delivery as it arrived, so the header of a TSV is line 1)
META_COLUMNS = {"_store": "varchar", "_delivery_id": "varchar", "_line_number": "bigint"}


def normalise_header(text: str) -> str:
    """Fold a header to the form in which spellings are compared: case, hyphen, space and underscore do not count.

    British spellings that Amazon's AU pages use (`fulfilment-centre-id`) fold to the American ones. Letters of any
    script are kept (`商品名称`), so localised headers can be aliases.
    """
    folded = unicodedata.normalize("NFKC", text).strip().strip('"').casefold()
    folded = re.sub(r"[^\w]+|_", "", folded)
    return folded.replace("centre", "center").replace("fulfilment", "fulfillment")


@dataclass(frozen=True)
class Column:
    """One column of a feed.

    name: canonical snake_case name; its own spelling is always an alias.
    required: the header must have it, else the file is not this feed.
    nullable: a blank value is allowed; otherwise the row is quarantined.
    pattern / allowed / minimum / maximum: what a non-blank value must be (pattern: full match).
    masked: free text of the buyer, masked for e-mail, phone and foreign order numbers before it is stored.
    day_first: how `03/04/2025`-like values read; None = by the region of the store (month first in `na`).
    short_date: dates in figures read as the store's first marketplace writes them, whatever its region.
    """

    name: str
    kind: Kind = Kind.TEXT
    description: str = ""
    aliases: tuple[str, ...] = ()
    required: bool = False
    nullable: bool = True
    pattern: str | None = None
    allowed: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    masked: bool = False
    day_first: bool | None = None
    short_date: bool = False

    @property
    def headers(self) -> frozenset[str]:
        """Normalised spellings under which the column may appear."""
        return frozenset(normalise_header(spelling) for spelling in (self.name, *self.aliases))

    def physical(self) -> dict[str, str]:
        """Physical bronze columns, name to DuckDB type.

        A moment `x` is `x_at` (an instant in UTC, NULL when the report gave only a day) and `x_day` (the day as
        written; for an instant its UTC day, which is the day on the clock of an SP-API request).
        """
        if self.kind is Kind.MOMENT:
            return {f"{self.name}_at": MOMENT_AT_TYPE, f"{self.name}_day": MOMENT_DAY_TYPE}
        return {self.name: PHYSICAL_TYPES[self.kind]}


@dataclass(frozen=True)
class BadRows:
    """How many rows of one delivery may be quarantined before it blocks a release.

    Blocked when bad > max(rows, share x rows read), or when at least half of the rows read are bad and more than two.
    """

    share: float = 0.02
    rows: int = 5

    def blocks(self, bad: int, rows_in: int) -> bool:
        """Whether `bad` of `rows_in` rows are more than allowed."""
        if bad > 2 and 2 * bad >= rows_in:
            return True
        return bad > max(self.rows, self.share * rows_in)


@dataclass(frozen=True)
class Feed:
    """One feed, declared once.

    merge / key / fallback_key / identity: `key` is what `KEYED` feeds merge by, `fallback_key` what they merge by in
    rows whose first key column is blank; `identity` tells the same row apart from another one where a file without a
    stated window restates rows of a `WINDOW` feed. A moment in a key counts by its instant, else by its day.
    event: the moment column whose day is the row's event day (windows and as-of look at it); None for snapshots.
    drop: header spellings with personal data, dropped before anything is stored; `PERSONAL_HEADER` adds to them.
    unused: other headers of the report; they help to recognise it, are kept in landing and not taken over.
    report_types: SP-API report types that deliver this feed, asked for by event day; empty where there is only a
    download.
    update_types: report types that deliver rows by the day of their last change: they restate rows, but a window of
    theirs says nothing about event days.
    operation: SP-API operation whose JSON answers are this feed, kept as JSON lines with the answers as they came.
    max_days: longest window of one request; restated_days: how far back a night asks again.
    fresh_days: how old the newest event may be before a night warns; None where events come when they like.
    """

    name: str
    title: str
    description: str
    columns: tuple[Column, ...]
    merge: Merge
    key: tuple[str, ...] = ()
    fallback_key: tuple[str, ...] = ()
    identity: tuple[str, ...] = ()
    event: str | None = None
    drop: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    report_types: tuple[str, ...] = ()
    update_types: tuple[str, ...] = ()
    operation: str | None = None
    max_days: int | None = None
    restated_days: int = 0
    fresh_days: int | None = 14
    bad_rows: BadRows = field(default_factory=BadRows)

    def __post_init__(self) -> None:
        names = {column.name for column in self.columns}
        mentioned = {*self.key, *self.fallback_key, *self.identity, *([self.event] if self.event else [])}
        if unknown := mentioned - names:
            raise ValueError(f"feed {self.name}: {sorted(unknown)} are not columns of it")
        seen: dict[str, str] = {}
        for column in self.columns:
            for header in column.headers:
                if (other := seen.setdefault(header, column.name)) != column.name:
                    raise ValueError(f"feed {self.name}: header {header!r} names {other} and {column.name}")
        if self.merge is Merge.KEYED and not self.key:
            raise ValueError(f"feed {self.name}: a keyed feed needs a key")

    @cached_property
    def by_header(self) -> dict[str, Column]:
        """Normalised header spelling to column."""
        return {header: column for column in self.columns for header in column.headers}

    @cached_property
    def dropped(self) -> frozenset[str]:
        """Normalised spellings of `drop`."""
        return frozenset(normalise_header(header) for header in self.drop)

    @cached_property
    def familiar(self) -> frozenset[str]:
        """Normalised spellings of every header that this feed is known to have, whatever becomes of it."""
        return self.dropped.union(self.by_header, map(normalise_header, self.unused))

    @cached_property
    def required(self) -> tuple[Column, ...]:
        """Columns without which a file is not this feed."""
        return tuple(column for column in self.columns if column.required)

    def claims_days(self, report_type: str | None) -> bool:
        """Whether the window of a delivery means days of events, so that it can be complete for them."""
        return report_type not in self.update_types

    def column(self, name: str) -> Column:
        """The column of that canonical name; KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"feed {self.name} has no column {name}")

    def physical(self) -> dict[str, str]:
        """All bronze columns in order, name to DuckDB type, the meta columns first."""
        columns = dict(META_COLUMNS)
        for column in self.columns:
            columns.update(column.physical())
        return columns

    def drops(self, header: str) -> bool:
        """Whether a column under this header is personal data and must never be stored."""
        folded = normalise_header(header)
        if folded in self.by_header:
            return False
        return folded in self.dropped or bool(PERSONAL_HEADER.search(folded))


#: Amazon says that new columns may appear at any time, so personal data is also recognised by name. The pattern meets
#: headers folded by `normalise_header`.
PERSONAL_HEADER = re.compile(
    r"(buyer|recipient|customer|rater|reviewer|receiver|contact|user|profile)(full|first|last|company)?(name|email|phone|address)"
    r"|email|phone|telephone|fax"
    r"|^(ship|shipping|bill|billing|delivery|street)(to)?(address|city|state|county|district|postal|zip|name|street|phone)"
    r"|postalcode|zipcode|^address|addressline|taxid|^cpf$|vatnumber"
)


def iter_physical(feeds: dict[str, Feed]) -> Iterator[tuple[str, dict[str, str]]]:
    """Feed name and its physical columns, in registry order."""
    for name, feed in feeds.items():
        yield name, feed.physical()
