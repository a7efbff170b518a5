"""One delivery from its file to bronze, quarantine and the bytes that may be stored.

Belongs here: the pass over a file, settling its conventions, applying the contracts, writing parquet. Does not belong:
formats (`decode/`), readings of values and contracts (`data_contracts`), the lake and the ledger (`intake.py`).

The same file, declaration and options give the same bytes of parquet.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data_contracts.feed import Column, Feed, Kind
from data_contracts.schemas import (
    QUARANTINE_COLUMNS,
    arrow_schema,
    as_frame,
    bronze_schema,
    fingerprint,
    join_reasons,
    landing_schema,
    violations,
)
from data_contracts.settings import Limits
from data_contracts.values import Conventions, Evidence, Reading, read
from ingestion.decode import (
    Delivery,
    Request,
    RowBlock,
    UnusableFile,
    WrongCharset,
    charsets_to_try,
    open_delivery,
    unusable,
)
from ingestion.decode.container import is_gzip
from ingestion.mapping import FieldMapping
from ingestion.overlap import ahead, behind

#: Raised when decoding itself changes what comes out, so that bronze is made again.
DECODER = 2
#: A quarantined line is kept for a person to look at, not to load it from there.
_LINE_CHARACTERS = 4_000
#: key of the counts in the parquet metadata
_COUNTS = b"returnscope"
#: zlib level of redacted gzip files: 3 packs three times as fast as the default and a tenth worse
_GZIP_LEVEL = 3


@dataclass(frozen=True)
class Options:
    """Everything that decides what decoding gives, besides the bytes and the declaration of the feed.

    charset: declared one, or None. fallbacks: charsets to try behind UTF-8. day_first: how numeric dates read where
    neither file nor column nor mapping says. short_date: order of figures in the home marketplace (`mdy`, `dmy`,
    `ymd`), None where that is not known. name: what messages call the file.
    """

    store: str
    delivery_id: str
    request: Request
    name: str
    charset: str | None = None
    fallbacks: tuple[str, ...] = ("cp1252",)
    day_first: bool = False
    short_date: str | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Counts:
    """What became of the rows of a delivery; rows_in = rows_bronze + rows_quarantined."""

    rows_in: int = 0
    rows_bronze: int = 0
    rows_quarantined: int = 0
    first_event_day: date | None = None
    last_event_day: date | None = None

    def to_json(self) -> bytes:
        """For the metadata of a parquet file."""
        days = {"first_event_day": self.first_event_day, "last_event_day": self.last_event_day}
        rows = {"rows_in": self.rows_in, "rows_bronze": self.rows_bronze, "rows_quarantined": self.rows_quarantined}
        return json.dumps(rows | {name: day and day.isoformat() for name, day in days.items()}).encode()


@dataclass(frozen=True)
class Decoded:
    """The outcome of decoding: files in a working folder, and what is to be said of them.

    landing: the file as it may be stored, or None when that is byte for byte the file that came.
    quarantine: None when every row was good.
    """

    feed: Feed
    mapping: FieldMapping | None
    form: str
    charset: str
    decode_id: str
    unknown_columns: tuple[str, ...]
    counts: Counts
    bronze: Path
    quarantine: Path | None
    landing: Path | None


def decode_id(feed: Feed, mapping_id: str | None, charset: str, day_first: bool, short_date: str | None) -> str:
    """Short hash of what decides how bytes become bronze."""
    parts = [DECODER, fingerprint(feed), mapping_id, charset, day_first]
    if any(column.short_date for column in feed.columns):
        parts.append(short_date)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def read_counts(path: Path) -> Counts:
    """The counts in a bronze file's metadata."""
    found = json.loads((pq.read_metadata(path).metadata or {})[_COUNTS])
    days = {name: found[name] and date.fromisoformat(found[name]) for name in ("first_event_day", "last_event_day")}
    return Counts(**{**found, **days})


def decode(path: Path, options: Options, folder: Path) -> Decoded:
    """Decode a file into a working folder. Raises UnusableFile; then nothing in the folder counts."""
    charsets = charsets_to_try(path, options.name, options.charset, options.fallbacks, options.limits)
    wrong: WrongCharset | None = None
    refused: UnusableFile | None = None
    for charset in charsets:
        try:
            delivery = open_delivery(path, options.name, charset, options.limits, options.request)
            return _Pass(path, delivery, options, folder).run()
        except WrongCharset as error:
            wrong = error
        except UnusableFile as failure:
            if charset == "utf-8":  # bytes that are UTF-8 by chance do not happen, so this is what the file says
                raise
            refused = refused or failure  # others fit almost any bytes: the header may be one of the next charset
    if refused is not None:
        raise refused
    tried = ", ".join(charsets)
    raise unusable(
        f"The text is in none of the charsets tried ({tried})",
        options.name,
        wrong.line if wrong else None,
        "Save the file as UTF-8, or name its charset in a mapping (encoding = ...).",
    )


class _Pass:
    """One file in one charset: at most two walks, the second with conventions that the first one found out late."""

    def __init__(self, path: Path, delivery: Delivery, options: Options, folder: Path) -> None:
        self.path = path
        self.delivery = delivery
        self.options = options
        self.folder = folder
        self.feed = delivery.names.feed
        self.mapping = delivery.names.mapping
        stated = self.mapping.day_first if self.mapping else None
        self._moments = [column for column in self.feed.columns if column.kind is Kind.MOMENT]
        self._day_first = {column.name: self._default_order(column, stated) for column in self._moments}
        self._year_first = {
            column.name for column in self._moments if column.short_date and options.short_date == "ymd"
        }
        self._is_order_stated = stated is not None
        self.schema = arrow_schema(self.feed.physical())
        self.contract = bronze_schema(self.feed)
        self._is_text_checked = False

    def _default_order(self, column: Column, stated: bool | None) -> bool:
        """Whether the day comes first in figures where the file itself does not tell."""
        at_home = None
        if column.short_date and self.options.short_date is not None:
            at_home = self.options.short_date != "mdy"
        return next(v for v in (stated, column.day_first, at_home, self.options.day_first) if v is not None)

    def run(self) -> Decoded:
        settled: Conventions | None = None
        while True:
            with ExitStack() as stack:
                sinks = _Sinks(self.path, self.delivery, self.schema, self.options, self.folder, stack)
                settled = self._walk(sinks, settled)
                if settled is None:
                    sinks.finish()
                    break
        mapping = self.mapping
        charset = self.delivery.text.charset
        return Decoded(
            feed=self.feed,
            mapping=mapping,
            form=self.delivery.form,
            charset=charset,
            decode_id=decode_id(
                self.feed, mapping.id if mapping else None, charset, self.options.day_first, self.options.short_date
            ),
            unknown_columns=tuple(self.delivery.unknown),
            counts=sinks.counts,
            bronze=sinks.bronze,
            quarantine=sinks.quarantine,
            landing=sinks.landing.path,
        )

    def _walk(self, sinks: _Sinks, settled: Conventions | None) -> Conventions | None:
        """Write every row. If what was written turns out to be misread: the conventions of the whole file instead."""
        evidence = Evidence()
        used = settled
        with closing(ahead(self.delivery.blocks())) as blocks, behind(sinks.write) as write:
            for block in blocks:
                if settled is None:
                    self._add(evidence, block)
                    now = self._conventions(evidence)
                    if used is not None and now != used:
                        for rest in blocks:
                            self._add(evidence, rest)
                        return self._conventions(evidence)
                    used = now
                write(block, *self._rows(block, used or Conventions()))
        return None

    def _add(self, evidence: Evidence, block: RowBlock) -> None:
        formats = self.mapping.formats if self.mapping else {}
        for column in self.feed.columns:
            if column.name in block.columns and column.name not in formats:
                evidence.add(column, block.columns[column.name])

    def _conventions(self, evidence: Evidence) -> Conventions:
        found = evidence.conventions(self._day_first)
        return replace(found, day_first=self._day_first) if self._is_order_stated else found

    def _rows(self, block: RowBlock, how: Conventions) -> tuple[pa.Table, pa.StringArray | None]:
        """Typed rows of a block, and the reasons of each (NULL for a good row; None: all are good)."""
        count = len(block.line_numbers)
        text = self._text_columns(block, count)
        if not self._is_text_checked:  # names and types stay as they are, and line numbers grow: 10 ms of each block
            whole = pa.table({"_line_number": block.line_numbers, **text})
            landing_schema(self.feed).validate(as_frame(whole), lazy=True)
            self._is_text_checked = True
        arrays: dict[str, pa.Array] = {
            "_store": pa.repeat(self.options.store, count),
            "_delivery_id": pa.repeat(self.options.delivery_id, count),
            "_line_number": block.line_numbers,
        }
        unread: dict[str, pa.BooleanArray] = {}
        for column in self.feed.columns:
            typed = read(column, text[column.name], self._reading(column.name, how))
            arrays |= typed.arrays
            if typed.bad is not None:
                unread[column.name] = typed.bad
        table = pa.table(arrays, schema=self.schema)
        found = {f"bad_{self.feed.column(name).kind}:{name}": mask for name, mask in unread.items()}
        found |= violations(self.contract, table, unread)
        return table, join_reasons(found)

    def _text_columns(self, block: RowBlock, count: int) -> dict[str, pa.StringArray]:
        """Every column of the feed as text: from the file, constant by mapping, or without any value."""
        constants: Mapping[str, str] = self.mapping.constants if self.mapping else {}
        text = {}
        for column in self.feed.columns:
            found = block.columns.get(column.name)
            if found is None and column.name in constants:
                found = pa.repeat(constants[column.name], count)
            text[column.name] = pa.nulls(count, pa.string()) if found is None else found
        return text

    def _reading(self, name: str, how: Conventions) -> Reading:
        return Reading(
            day_first=how.day_first.get(name, False),
            year_first=name in self._year_first,
            decimal_comma=name in how.decimal_comma,
            format=self.mapping.formats.get(name) if self.mapping else None,
            time_zone=self.mapping.timezone if self.mapping else None,
        )


class _Sinks:
    """Where the rows of a delivery go: bronze, quarantine and landing, in a working folder."""

    def __init__(
        self, path: Path, delivery: Delivery, schema: pa.Schema, options: Options, folder: Path, stack: ExitStack
    ) -> None:
        self.counts = Counts()
        self.bronze = folder / "bronze.parquet"
        self.quarantine: Path | None = None
        self.landing = _Landing(path, delivery, folder / "landing")
        self._event = f"{delivery.names.feed.event}_day" if delivery.names.feed.event else None
        self._options = options
        self._folder = folder
        self._stack = stack
        self._good = stack.enter_context(_parquet(self.bronze, schema))
        self._bad: pq.ParquetWriter | None = None
        stack.callback(self.landing.close)

    def write(self, block: RowBlock, table: pa.Table, reasons: pa.StringArray | None) -> None:
        """Write a block: its good rows, its bad ones with their reasons, and its stored form."""
        good = table if reasons is None else table.filter(pc.is_null(reasons))
        if good.num_rows:
            self._good.write_table(good)
        bad = self._bad_rows(block, reasons)
        if bad.num_rows:
            if self._bad is None:
                self.quarantine = self._folder / "quarantine.parquet"
                self._bad = self._stack.enter_context(_parquet(self.quarantine, bad.schema))
            self._bad.write_table(bad)
        self.landing.add(block)
        self._count(len(block.line_numbers) + len(block.rejects), good, bad.num_rows)

    def _bad_rows(self, block: RowBlock, reasons: pa.StringArray | None) -> pa.Table:
        lines = [reject.line_number for reject in block.rejects]
        codes = [reject.reason for reject in block.rejects]
        texts = [reject.line for reject in block.rejects]
        numbers: pa.Array = pa.array(lines, pa.int64())
        why: pa.Array = pa.array(codes, pa.string())
        original: pa.Array = pa.array(texts, pa.string())
        if reasons is not None:
            is_bad = pc.is_valid(reasons)
            numbers = pa.concat_arrays([numbers, block.line_numbers.filter(is_bad)])
            why = pa.concat_arrays([why, reasons.filter(is_bad)])
            original = pa.concat_arrays([original, block.lines.filter(is_bad)])
        columns = [
            pa.repeat(self._options.store, len(numbers)),
            pa.repeat(self._options.delivery_id, len(numbers)),
            numbers,
            why,
            pc.utf8_slice_codeunits(original, 0, _LINE_CHARACTERS),
        ]
        return pa.table(columns, schema=arrow_schema(QUARANTINE_COLUMNS)).sort_by("_line_number")

    def _count(self, rows_in: int, good: pa.Table, bad: int) -> None:
        if rows_in != good.num_rows + bad:
            raise AssertionError(f"{rows_in} rows read, {good.num_rows} to bronze and {bad} to quarantine")
        now = self.counts
        days = [now.first_event_day, now.last_event_day]
        if self._event and good.num_rows:
            range_ = pc.min_max(good[self._event]).as_py()
            days += [range_["min"], range_["max"]]
        known = [day for day in days if day is not None]
        self.counts = Counts(
            rows_in=now.rows_in + rows_in,
            rows_bronze=now.rows_bronze + good.num_rows,
            rows_quarantined=now.rows_quarantined + bad,
            first_event_day=min(known, default=None),
            last_event_day=max(known, default=None),
        )

    def finish(self) -> None:
        """Everything was written: put the counts into the bronze file."""
        self._good.add_key_value_metadata({_COUNTS: self.counts.to_json()})


def _parquet(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, schema, compression="zstd")


class _Landing:
    """The file as it may be stored. As long as nothing has to be left out, nothing is written.

    path: the rewritten file, or None when the file may be stored as it came.
    """

    def __init__(self, source: Path, delivery: Delivery, target: Path) -> None:
        self.path: Path | None = None
        self._is_gzip = is_gzip(source)
        self._delivery = delivery
        self._target = target
        self._unchanged = 0
        self._files: list[IO[bytes]] = []

    def add(self, block: RowBlock) -> None:
        """Append a block."""
        if block.stored is None and not self._files:
            self._unchanged += 1
            return
        if not self._files:
            self._begin()
        self._write(block.original if block.stored is None else block.stored)

    def _begin(self) -> None:
        """Open the file and write what came before the first change, read once more."""
        self.path = self._target
        self._files.append(self._target.open("wb"))
        if self._is_gzip:  # without name and time, so that the bytes depend on the content only
            packed = gzip.GzipFile("", "wb", _GZIP_LEVEL, self._files[0], mtime=0)
            self._files.append(packed)  # type: ignore[arg-type]
        self._files[-1].write(self._delivery.text.mark)
        for before in self._before():
            self._write(before)

    def _before(self) -> Iterator[bytes]:
        return (block.original for block in islice(self._delivery.blocks(), self._unchanged))

    def _write(self, text: bytes) -> None:
        self._files[-1].write(self._delivery.text.encode(text))

    def close(self) -> None:
        """Close whatever is open."""
        for file in reversed(self._files):
            file.close()
