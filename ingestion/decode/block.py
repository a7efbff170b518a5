"""What decoding gives: rows as text columns under canonical names, block by block, whatever the format was.

Belongs here: the shape that all formats share. Does not belong: reading any of them, types of values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from ingestion.decode.names import Names
from ingestion.decode.text import TextFile

#: stands in a stored line for what could not be freed of personal data otherwise
WITHHELD = "[withheld]"


@dataclass(frozen=True)
class Reject:
    """A line that is no row: its number, the reason code, and what may be kept of it."""

    line_number: int
    reason: str
    line: str


@dataclass(frozen=True)
class RowBlock:
    """Rows of a part of the file.

    columns: text by canonical name, trimmed, blank as NULL; columns that the file lacks are absent.
    line_numbers, lines: number of each row's (first) line, and the line without personal data. Lines are made when they
    are looked at, since only a bad row needs its own.
    original, stored: the part's text (UTF-8) as it came, and as it may be stored (None: the same).
    """

    columns: dict[str, pa.StringArray]
    line_numbers: pa.Int64Array
    make_lines: Callable[[], pa.StringArray]
    rejects: list[Reject]
    original: bytes
    stored: bytes | None

    @cached_property
    def lines(self) -> pa.StringArray:
        """See above."""
        return self.make_lines()


class Delivery(Protocol):
    """A file whose format, feed and columns are known.

    form: tsv, csv, jsonl or xml. text: the file below.
    unknown: headers that are neither taken over, nor dropped, nor known to be useless.
    """

    form: str
    names: Names
    text: TextFile

    @property
    def unknown(self) -> tuple[str, ...]:
        """Complete once the blocks have been read."""
        ...

    def blocks(self) -> Iterator[RowBlock]:
        """All rows in the order of the file. Raises UnusableFile or WrongCharset as soon as they show."""
        ...


def text_or_null(text: pa.StringArray) -> pa.StringArray:
    """The same texts with NULL for empty ones; shares the memory of a whole, unsliced array."""
    filled = pc.fill_null(pc.greater(pc.binary_length(text), 0), False)
    if text.offset or filled.offset:
        return pc.if_else(filled, text, pa.scalar(None, pa.string()))
    return pa.StringArray.from_buffers(len(text), text.buffers()[1], text.buffers()[2], filled.buffers()[1])
