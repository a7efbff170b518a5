"""Rows of tab-, comma-, semicolon- or pipe-separated files.

Belongs here: lines to fields, ragged rows, cutting personal columns out of lines. Does not belong: finding the header
(`header.py`), what is masked (`ingestion/redact.py`), types of values.

Both ways of splitting, Arrow's for blocks without quotes and the csv module's for the others, give one flat array of
all fields and the position where each row begins; the rest is arithmetic on positions. On one core the first takes 2 µs
a row of 33 fields, the second 12. Blocks in which all lines are alike take neither way (`uniform.py`).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from operator import itemgetter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.feed import Column, Kind
from data_contracts.settings import Limits
from data_contracts.values import FLAG_WORDS
from ingestion.decode.block import WITHHELD, Reject, RowBlock, text_or_null
from ingestion.decode.header import find_header
from ingestion.decode.names import Request
from ingestion.decode.text import TextBlock, TextFile
from ingestion.decode.uniform import lines_of, uniform_lines
from ingestion.decode.unusable import unusable
from ingestion.redact import mask_column, mask_text

#: what values of typed columns look like, to tell whether a row is shifted
_LOOKS_LIKE = {
    Kind.INTEGER: r"[-+]?\d[\d.,]*",
    Kind.NUMBER: r"[-+]?[\d.,]+",
    Kind.MONEY: r"[^\pL]*\d[^\pL]*",
    Kind.MOMENT: r".*(?:\d{4}|\d{1,2}[./-]\d{1,2}[./-]\d{2}).*",
    Kind.FLAG: f"(?i:{'|'.join(re.escape(word) for word in sorted(FLAG_WORDS))})",
}


def _looks_like(column: Column) -> str:
    return column.pattern or _LOOKS_LIKE[column.kind]


#: what a line of nothing consists of; DOS programs end a file by the last of them
_BLANK = " \t\r\n\f\v\u00a0\u3000\x1a"

# The module's own limit of 128 kB is for all of the process; lines are limited by `Limits.max_line_bytes`, before it.
csv.field_size_limit(1 << 30)


@dataclass(frozen=True)
class _Fields:
    """All fields of some lines in a row.

    raw: the lines without their ends. starts, widths: where each line's fields begin in `flat`, and how many it has.
    numbers: line numbers.
    """

    raw: pa.StringArray
    flat: pa.StringArray
    starts: np.ndarray
    widths: np.ndarray
    numbers: np.ndarray


class DelimitedFile:
    """A delimited delivery. Raises UnusableFile from the start when the header is not one of a feed."""

    def __init__(self, text: TextFile, request: Request) -> None:
        self.text = text
        self._is_settled = request.is_settled
        self.header = find_header(text.head(), text.name, request)
        self.names = self.header.names
        self.form = "tsv" if self.header.delimiter == "\t" else "csv"
        fields = self.header.fields
        if (twice := self.names.repeated(fields)) and not self._is_settled:
            raise unusable(
                f"The header has {twice} twice, and nobody can know which of the two counts",
                text.name,
                self.header.line,
                "Remove or rename one of the two columns, then deliver the file again.",
            )
        self.unknown = tuple(dict.fromkeys(field.strip() for field in fields if self.names.is_unknown(field)))
        self._positions = self.names.positions(fields)
        self._dropped = np.array([i for i, field in enumerate(fields) if self.names.drops(field)], dtype=np.int64)
        columns = self.names.feed.columns
        #: fields that a row must have at least: up to the last required column
        self._needed = 1 + max(
            (self._positions[c.name] for c in columns if c.required and c.name in self._positions), default=0
        )
        #: columns with a form of their own, in the order of the file
        self._typed = sorted(
            (
                (self._positions[c.name], c)
                for c in columns
                if c.name in self._positions and (c.pattern or c.kind in _LOOKS_LIKE)
            ),
            key=itemgetter(0),
        )
        self._masked = [c.name for c in columns if c.masked and c.name in self._positions]

    def blocks(self) -> Iterator[RowBlock]:
        """See `Delivery.blocks`."""
        carry, carry_line = b"", 0
        for block in self.text.blocks():
            head, body, line = b"", block.text, block.first_line
            if (behind := self.header.line + 1 - line) > 0:  # lines of this block up to the header
                cut = int(block.newlines[behind - 1]) + 1 if len(block.newlines) >= behind else len(body)
                head, body = body[:cut], body[cut:]
                line = self.header.line + 1
            if carry:
                body, line = carry + body, carry_line
            carry = b""
            if self.header.quotes and b'"' in body:
                fields, rest, rest_line = self._split_quoted(body, line)
                if rest:
                    self._check_open(rest, rest_line, block)
                    carry, carry_line = rest, rest_line
                    body = body[: len(body) - len(rest)]
            elif (rows := self._uniform_block(head, block.first_line, body, line)) is not None:
                yield rows
                continue
            else:
                fields = self._split_plain(body, line, block)
            if block.is_last and body and not body.endswith(b"\n") and not self._is_settled:
                self._check_end(fields)
            yield self._row_block(head, block.first_line, body, fields)

    def _split_plain(self, body: bytes, line: int, block: TextBlock) -> _Fields:
        """Split by Arrow: no quotes to mind."""
        ends = np.flatnonzero(np.frombuffer(body, np.uint8) == 10) if len(body) != len(block.text) else block.newlines
        bounds = np.concatenate(([0], ends + 1)).astype(np.int32)
        if len(body) > bounds[-1]:
            bounds = np.append(bounds, np.int32(len(body)))
        raw = pa.StringArray.from_buffers(len(bounds) - 1, pa.py_buffer(bounds), pa.py_buffer(body))
        raw = pc.utf8_rtrim(raw, "\r\n")
        split = pc.split_pattern(raw, self.header.delimiter)
        offsets = split.offsets.to_numpy()
        numbers = line + np.arange(len(raw), dtype=np.int64)
        return _Fields(raw, split.flatten(), offsets[:-1].astype(np.int64), np.diff(offsets).astype(np.int64), numbers)

    def _split_quoted(self, body: bytes, line: int) -> tuple[_Fields, bytes, int]:
        """Split by the csv module; also what is left over when the last record's quote is still open, and its line."""
        lines = list(io.StringIO(body.decode(), newline="\n"))
        reader = csv.reader(lines, delimiter=self.header.delimiter)
        rows: list[list[str]] = []
        raws: list[str] = []
        starts: list[int] = []
        begin = 0
        while begin < len(lines):
            try:
                rows.append(next(reader))
            except csv.Error:  # a lone carriage return outside of quotes: a damaged line, its fields are unsure
                rows.append([])
            except StopIteration:
                break
            end = reader.line_num
            raws.append(lines[begin] if end == begin + 1 else "".join(lines[begin:end]))
            starts.append(begin)
            begin = end
        rest = ""
        if raws and self._is_open(raws[-1]):
            rest = raws.pop()
            rows.pop()
            begin = starts.pop()
        widths = np.fromiter((len(row) for row in rows), np.int64, len(rows))
        fields = _Fields(
            raw=pc.utf8_rtrim(pa.array(raws, pa.string()), "\r\n"),
            flat=pa.array(list(chain.from_iterable(rows)), pa.string()),
            starts=np.cumsum(widths) - widths,
            widths=widths,
            numbers=line + np.array(starts, dtype=np.int64),
        )
        return fields, rest.encode(), line + begin

    def _is_open(self, record: str) -> bool:
        """Whether a record ends within quotes."""
        if '"' not in record:
            return False
        try:
            list(csv.reader([record], delimiter=self.header.delimiter, strict=True))
        except csv.Error as error:
            return "unexpected end of data" in str(error)
        return False

    def _check_open(self, rest: bytes, line: int, block: TextBlock) -> None:
        if block.is_last:
            raise unusable(
                "A quote is opened and never closed, so the file is cut off or damaged",
                self.text.name,
                line,
                "Download it again, to its end; if it is complete, close or remove the quote in this line.",
            )
        limit = self.text.limits.max_line_bytes
        if len(rest) > limit:
            raise unusable(
                f"A quote is opened and not closed within {limit:,} bytes",
                self.text.name,
                line,
                "Close or remove the quote in this line.",
            )

    def _check_end(self, fields: _Fields) -> None:
        """A last line without a line end must at least reach the last required column."""
        if len(fields.raw) and fields.raw[-1].as_py().strip(_BLANK) and fields.widths[-1] < self._needed:
            raise unusable(
                f"The file is cut off: its last line has {fields.widths[-1]} of at least {self._needed} fields",
                self.text.name,
                int(fields.numbers[-1]),
                "Download it again, to its end.",
            )

    def _uniform_block(self, head: bytes, first_line: int, body: bytes, line: int) -> RowBlock | None:
        """The block without taking its lines apart, where all are alike and nothing in them has to be masked."""
        alike = uniform_lines(body, self.header.delimiter, self.text.line_end, len(self.header.fields))
        if alike is None:
            return None
        columns = {name: pc.utf8_trim_whitespace(alike.column(at)) for name, at in self._positions.items()}
        if any(mask_column(columns[name], columns.get("order_id"))[1] is not None for name in self._masked):
            return None
        stored_body = alike.without(self._dropped) if len(self._dropped) else body
        stored_head = self._stored_head(head, first_line)
        return RowBlock(
            columns={name: text_or_null(texts) for name, texts in columns.items()},
            line_numbers=pa.array(line + np.arange(alike.count, dtype=np.int64)),
            make_lines=lambda: lines_of(stored_body),
            rejects=[],
            original=head + body,
            stored=None if stored_body is body and stored_head == head else stored_head + stored_body,
        )

    def _row_block(self, head: bytes, first_line: int, body: bytes, fields: _Fields) -> RowBlock:
        width = len(self.header.fields)
        is_data = np.ones(len(fields.raw), dtype=bool)
        if len(single := np.flatnonzero(fields.widths <= 1)):  # a line of nothing is no row, one of nothing but tabs is
            filled = pc.binary_length(pc.utf8_trim(fields.raw.take(pa.array(single)), _BLANK))
            is_data[single] = filled.to_numpy() > 0
        flat = pc.utf8_trim_whitespace(fields.flat)
        too_few = is_data & (fields.widths < self._needed)
        too_many = is_data & (fields.widths > width)
        if too_many.any():
            filled = np.concatenate(
                ([0], np.cumsum(pc.greater(pc.binary_length(flat), 0).to_numpy(zero_copy_only=False)))
            )
            ends = fields.starts + fields.widths
            too_many &= filled[ends] > filled[np.minimum(fields.starts + width, ends)]
        odd = np.flatnonzero(is_data & (fields.widths != width) & ~too_few & ~too_many)
        if len(odd) and len(self._dropped):
            aligned = self._is_aligned(flat, fields, odd)
            shifted = odd[~aligned]
            too_few[shifted] = fields.widths[shifted] < width
            too_many[shifted] = fields.widths[shifted] > width
            fields = self._without_doubtful_text(flat, fields, odd[aligned])
            flat = pc.utf8_trim_whitespace(fields.flat)
        good = np.flatnonzero(is_data & ~too_few & ~too_many)
        columns = {name: self._column(flat, fields, good, position) for name, position in self._positions.items()}
        bad = np.flatnonzero(too_few | too_many)
        lines = self._stored_lines(fields, columns, good, bad, too_many)
        rejects = [
            Reject(
                int(fields.numbers[row]), "too_many_fields" if too_many[row] else "too_few_fields", lines[row].as_py()
            )
            for row in bad
        ]
        stored_head = self._stored_head(head, first_line)
        stored = None
        if lines is not fields.raw or stored_head != head:
            stored = stored_head + _joined(_padded(lines, fields.raw), self.text.line_end, body)
        return RowBlock(
            columns={name: text_or_null(texts) for name, texts in columns.items()},
            line_numbers=pa.array(fields.numbers[good]),
            make_lines=lambda: lines if len(good) == len(lines) else lines.take(pa.array(good)),
            rejects=rejects,
            original=head + body,
            stored=stored,
        )

    def _is_aligned(self, flat: pa.StringArray, fields: _Fields, rows: np.ndarray) -> np.ndarray:
        """Whether rows of unusual width have their values where the header says.

        A line break, a tab or a missing field shifts the values behind it, so that cutting out personal columns would
        miss them. Where nothing in the required columns can tell, the answer is no.
        """
        aligned = np.full(len(rows), any(column.required for _, column in self._typed))
        for position, column in self._typed:
            values = self._column(flat, fields, rows, position)
            aligned &= pc.fill_null(pc.match_substring_regex(values, f"^(?:{_looks_like(column)})?$"), True).to_numpy(
                zero_copy_only=False
            )
        return aligned

    def _without_doubtful_text(self, flat: pa.StringArray, fields: _Fields, rows: np.ndarray) -> _Fields:
        """The fields with those of some rows emptied that may hold a name or a street.

        A row that is a field short may lack its last one, as Amazon's files do, or one in the middle, which leaves a
        name in the next column of free text: nothing in the row can tell. Behind the last required column that looks
        like itself, only columns are kept whose values cannot be taken for personal ones.
        """
        if len(rows) == 0:
            return fields
        sure = np.full(len(rows), -1, dtype=np.int64)
        for position, column in self._typed:
            if column.required and position < self._dropped[0]:
                filled = pc.greater(pc.binary_length(self._column(flat, fields, rows, position)), 0)
                sure[pc.fill_null(filled, False).to_numpy(zero_copy_only=False)] = position
        kept = {position for position, _ in self._typed}
        doubtful = np.zeros(len(fields.flat), dtype=bool)
        for position in range(int(fields.widths[rows].max())):
            if position not in kept:
                doubtful[(fields.starts[rows] + position)[(fields.widths[rows] > position) & (sure < position)]] = True
        return replace(fields, flat=pc.if_else(pa.array(doubtful), "", fields.flat))

    def _column(self, flat: pa.StringArray, fields: _Fields, rows: np.ndarray, position: int) -> pa.StringArray:
        """One column of some rows; NULL where a row ends before it."""
        indices = fields.starts[rows] + position
        absent = fields.widths[rows] <= position
        return flat.take(pa.array(indices, mask=absent) if absent.any() else pa.array(indices))

    def _stored_lines(
        self,
        fields: _Fields,
        columns: dict[str, pa.StringArray],
        good: np.ndarray,
        bad: np.ndarray,
        too_many: np.ndarray,
    ) -> pa.StringArray:
        """All lines as they may be stored (`raw` itself: as they came); masks the columns in `columns` too."""
        flat, changed_rows = fields.flat, np.zeros(len(fields.raw), dtype=bool)
        for name in self._masked:
            masked, changed = mask_column(columns[name], columns.get("order_id"))
            if changed is None:
                continue
            columns[name] = masked
            rows = good[changed.to_numpy(zero_copy_only=False)]
            changed_rows[rows] = True
            where = np.zeros(len(flat), dtype=bool)
            where[fields.starts[rows] + self._positions[name]] = True
            flat = pc.replace_with_mask(flat, pa.array(where), masked.filter(changed))
        lines = fields.raw
        if len(self._dropped):
            rewritten = np.zeros(len(fields.raw), dtype=bool)
            rewritten[good] = True
            lines = self._rejoin(fields, flat, lines, rewritten)
        elif changed_rows.any():
            lines = self._rejoin(fields, flat, lines, changed_rows)
        return self._without_personal_data(lines, bad, too_many)

    def _rejoin(self, fields: _Fields, flat: pa.StringArray, lines: pa.StringArray, rows: np.ndarray) -> pa.StringArray:
        """The lines with some of them put together again from their fields, the dropped columns left out."""
        which = np.flatnonzero(rows)
        if len(which) == 0:
            return lines
        widths = fields.widths[which]
        total = int(widths.sum())
        begins = np.cumsum(widths) - widths
        position = np.arange(total) - np.repeat(begins, widths)
        keep = np.ones(int(widths.max()), dtype=bool)
        keep[self._dropped[self._dropped < len(keep)]] = False
        kept = keep[position]
        source = np.repeat(fields.starts[which], widths) + position
        texts = flat.take(pa.array(source[kept]))
        if self.header.quotes:
            texts = _quoted(texts, self.header.delimiter)
        kept_widths = np.add.reduceat(kept.astype(np.int64), begins)
        offsets = np.concatenate(([0], np.cumsum(kept_widths))).astype(np.int32)
        joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), texts), self.header.delimiter)
        return joined if len(which) == len(lines) else pc.replace_with_mask(lines, pa.array(rows), joined)

    def _without_personal_data(self, lines: pa.StringArray, bad: np.ndarray, too_many: np.ndarray) -> pa.StringArray:
        """Lines of the wrong width, of which nobody knows where personal data is, masked or withheld.

        What stands in for a line has the same fault, so that decoding the stored file rejects it the same way.
        """
        if len(bad) == 0 or not (len(self._dropped) or self._masked):
            return lines
        texts = []
        for row in bad:
            if not len(self._dropped):
                texts.append(mask_text(lines[row].as_py()))
            elif too_many[row]:
                width = len(self.header.fields) - len(self._dropped)
                texts.append(WITHHELD + self.header.delimiter * width + WITHHELD)
            else:
                texts.append(WITHHELD)
        if texts == lines.take(pa.array(bad)).to_pylist():
            return lines
        where = np.zeros(len(lines), dtype=bool)
        where[bad] = True
        return pc.replace_with_mask(lines, pa.array(where), pa.array(texts, pa.string()))

    def _stored_head(self, head: bytes, first_line: int) -> bytes:
        """Preamble and header as they may be stored: masked, without the dropped names."""
        if not head or not (len(self._dropped) or self._masked):
            return head
        lines = head.decode().split("\n")
        for i, line in enumerate(lines):
            if first_line + i < self.header.line:
                lines[i] = mask_text(line)
            elif first_line + i == self.header.line and len(self._dropped):
                lines[i] = self._stored_header() + ("\r" if line.endswith("\r") else "")
        return "\n".join(lines).encode()

    def _stored_header(self) -> str:
        dropped = set(self._dropped.tolist())
        names = pa.array([name for i, name in enumerate(self.header.fields) if i not in dropped], pa.string())
        delimiter = self.header.delimiter
        return delimiter.join((_quoted(names, delimiter) if self.header.quotes else names).to_pylist())


def _quoted(texts: pa.StringArray, delimiter: str) -> pa.StringArray:
    """Fields in quotes where they need them."""
    needy = pc.or_(pc.match_substring(texts, delimiter), pc.match_substring_regex(texts, '["\r\n]'))
    if not pc.any(needy).as_py():
        return texts
    quoted = pc.binary_join_element_wise('"', pc.replace_substring(texts, '"', '""'), '"', "")
    return pc.if_else(needy, quoted, texts)


def _padded(lines: pa.StringArray, raw: pa.StringArray) -> pa.StringArray:
    """Lines with as many line feeds as they had, so that what follows keeps its line number."""
    lost = pc.subtract(pc.count_substring(raw, "\n"), pc.count_substring(lines, "\n"))
    return (
        lines
        if pc.max(lost).as_py() in (None, 0)
        else pc.binary_join_element_wise(lines, pc.binary_repeat("\n", lost), "")
    )


def _joined(lines: pa.StringArray, line_end: str, body: bytes) -> bytes:
    """Lines as text again, with a line end behind the last one if the body had one."""
    if len(lines) == 0:
        return b""
    whole = pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), lines)
    text = pc.binary_join(whole, line_end)[0].as_buffer().to_pybytes()
    return text + line_end.encode() if body.endswith(b"\n") else text


def open_delimited(path: Path, name: str, charset: str, limits: Limits, request: Request) -> DelimitedFile:
    """The delimited file at a path."""
    return DelimitedFile(TextFile(path, name, charset, limits), request)
