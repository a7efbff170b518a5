"""Rows of JSON lines: one object per line, which is a row, or what a source answered and then holds rows.

Belongs here: lines to objects, dropping personal keys, and telling an error answer from a report. Does not belong: what
the names mean (`names.py`), what an answer holds (`answers.py`), types of values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import NoneType
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.decode import answers
from ingestion.decode.block import WITHHELD, Reject, RowBlock
from ingestion.decode.names import Names, Request
from ingestion.decode.records import recognise_keys, text_columns
from ingestion.decode.text import UTF8, TextBlock, TextFile
from ingestion.decode.unusable import unusable
from ingestion.redact import mask_text

#: objects whose keys are looked at to recognise the feed: exports leave out keys without a value
_SAMPLE_OBJECTS = 200
#: lines that are Python objects at a time: all 70,000 of a block take twice the time, since they leave the CPU's cache
_PART_LINES = 2_000

_FLAGS = {True: "true", False: "false"}

#: indices of objects by their keys
_ByShape = Mapping[tuple[str, ...], Sequence[int]]


@dataclass(frozen=True)
class _Shape:
    """What one set of keys means: the keys of each column, and whether any key is personal."""

    sources: dict[str, list[str]]
    is_personal: bool


@dataclass(frozen=True)
class _Part:
    """The rows of some lines: columns as in `RowBlock`, indices of the rows' lines, and of lines that are no rows."""

    columns: dict[str, pa.StringArray]
    where: np.ndarray
    rejected: list[int]
    is_rewritten: bool


class JsonLinesFile:
    """A delivery of JSON lines. Raises UnusableFile from the start when it is another JSON or another feed."""

    form = "jsonl"

    def __init__(self, text: TextFile, request: Request) -> None:
        self.text = text
        self._is_settled = request.is_settled
        self._operation: str | None = None
        self.names = self._recognise(text.head(), request)
        self._shapes: dict[tuple[str, ...], _Shape] = {}
        self._drops: dict[str, bool] = {}
        self._unknown: dict[str, None] = {}

    @property
    def unknown(self) -> tuple[str, ...]:
        """See `Delivery.unknown`."""
        return tuple(self._unknown)

    def _recognise(self, head: str, request: Request) -> Names:
        keys: dict[str, None] = {}
        first = 0
        sampled = 0
        asked: str | None = None
        for number, line in enumerate(head.split("\n"), 1):
            if not line.strip():
                continue
            first = first or number
            try:
                found = orjson.loads(line)
            except orjson.JSONDecodeError:
                if number == first:
                    raise self._no_lines(head, first) from None
                continue
            if not isinstance(found, dict):
                if number == first:
                    raise self._no_lines(head, first)
                continue
            if number == first and isinstance(found.get(answers.OPERATION), str):
                asked = found[answers.OPERATION]
                break
            keys.update(dict.fromkeys(found))
            sampled += 1
            if sampled >= _SAMPLE_OBJECTS:
                break
        if asked is not None:
            return self._answers_of(asked, request, first)
        if sampled <= 1 and _is_error_answer(keys):
            raise self._no_lines(head, first)
        return recognise_keys(keys, request, self.text.name, first)

    def _answers_of(self, operation: str, request: Request, line: int) -> Names:
        """The feed of an operation's answers."""
        feed = next((feed for feed in request.feeds.values() if feed.operation == operation), None)
        if feed is None or (request.feed is not None and request.feed.name != feed.name):
            raise unusable(
                f"The file holds answers of {operation}" + (f", the feed {feed.name}" if feed else ""),
                self.text.name,
                line,
                f"Deliver it as {feed.name}." if feed else "No feed is made of them; nothing can be taken from it.",
            )
        self._operation = operation
        return Names(feed)

    def _no_lines(self, head: str, line: int) -> Exception:
        """What a JSON file is that does not hold one object per line."""
        try:
            document = json.loads(head)
        except (ValueError, RecursionError):
            document = None
        if isinstance(document, dict) and _is_error_answer(document):
            shown = mask_text(json.dumps(document, ensure_ascii=False))[:200]
            return unusable(
                f"The file is an error answer, not a report: {shown}",
                self.text.name,
                line,
                "Ask for the report again; the message says why it was refused.",
            )
        return unusable(
            "The file is JSON but does not hold one object per line",
            self.text.name,
            line,
            "Export it as JSON lines: one object per line, no list around them.",
        )

    def blocks(self) -> Iterator[RowBlock]:
        """See `Delivery.blocks`."""
        for block in self.text.blocks():
            yield self._row_block(block)

    def _row_block(self, block: TextBlock) -> RowBlock:
        lines = block.text.split(b"\n")
        ends_with_feed = block.text.endswith(b"\n")
        if ends_with_feed:
            lines.pop()
        has_nul = b"\\u0000" in block.text
        parts = [self._part(lines, begin, block, has_nul) for begin in range(0, len(lines), _PART_LINES)]
        where = np.concatenate([part.where for part in parts])
        rejected = [index for part in parts for index in part.rejected]
        return RowBlock(
            columns=_joined(parts),
            line_numbers=pa.array(where + block.first_line),
            make_lines=partial(_texts_of, lines, where),
            rejects=[Reject(block.first_line + index, "not_an_object", WITHHELD) for index in rejected],
            original=block.text,
            stored=b"\n".join(lines) + (b"\n" if ends_with_feed else b"")
            if rejected or any(part.is_rewritten for part in parts)
            else None,
        )

    def _part(self, lines: list[bytes], begin: int, block: TextBlock, has_nul: bool) -> _Part:
        """The rows of some lines of a block from `begin` on. The lines become what may be stored of them."""
        objects, where, rejected = self._objects(lines, begin, block)
        rows, row_lines = objects, where
        if self._operation is not None:
            answered = {index: self._answered(lines[index]) for index in where}
            rejected = sorted([*rejected, *(index for index, own in answered.items() if own is None)])
            objects = [found for found, own in zip(objects, answered.values(), strict=True) if own is not None]
            where = [index for index, own in answered.items() if own is not None]
            row_lines = [index for index, own in answered.items() for _ in own or ()]
            rows = [row for own in answered.values() for row in own or ()]
        by_shape = _by_shape(rows)
        rewritten = {
            where[i]: self._without_personal(objects[i], {})
            for i in self._personal(objects, by_shape, [lines[index] for index in where])
        }
        columns, changes = text_columns(self.names, self._values(rows, by_shape, has_nul))
        for i in set().union(*(pc.indices_nonzero(changed).to_pylist() for changed in changes.values())):
            masked = {name: columns[name][i].as_py() for name, changed in changes.items() if changed[i].as_py()}
            rewritten[row_lines[i]] = self._without_personal(rows[i], masked)
        for index, kept in rewritten.items():
            lines[index] = self._dumped(kept)
        for index in rejected:  # where personal data is in a broken line nobody knows, and no object can be made of it
            lines[index] = WITHHELD.encode()
        return _Part(columns, np.array(row_lines, np.int64), rejected, bool(rewritten))

    def _objects(
        self, lines: list[bytes], begin: int, block: TextBlock
    ) -> tuple[list[dict[str, Any]], Sequence[int], list[int]]:
        """The objects of a part's lines, the index of each one's line, and the indices of lines that are none.

        Raises UnusableFile for a last line that is cut off.
        """
        own = lines[begin : begin + _PART_LINES]
        with suppress(orjson.JSONDecodeError):  # without the loop where every line is an object
            parsed = list(map(orjson.loads, own))
            if set(map(type, parsed)) <= {dict}:
                return parsed, range(begin, begin + len(own)), []
        objects: list[dict[str, Any]] = []
        where: list[int] = []
        rejected: list[int] = []
        for index, line in enumerate(own, begin):
            if not line.strip():
                continue
            try:
                found = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                is_end = block.is_last and index == len(lines) - 1 and not block.text.endswith(b"\n")
                if is_end and not self._is_settled:
                    raise unusable(
                        f"The file is cut off in its last line: {error.msg}",
                        self.text.name,
                        block.first_line + index,
                        "Download it again, to its end.",
                    ) from error
                found = None
            if isinstance(found, dict):
                objects.append(found)
                where.append(index)
            else:
                rejected.append(index)
        return objects, where, rejected

    def _answered(self, line: bytes) -> list[dict[str, Any]] | None:
        """The rows of an answer; None when it is not as it should be."""
        try:
            return list(answers.rows(self._operation or "", json.loads(line, parse_float=str, parse_int=str)))
        except ValueError:
            return None

    def _personal(self, objects: list[dict[str, Any]], by_shape: _ByShape, lines: list[bytes]) -> set[int]:
        """Which objects have a personal key, of their own or of an object in them."""
        if self._operation is None:
            found = {i for shape, those in by_shape.items() if self._shape(shape).is_personal for i in those}
        else:
            found = {i for i, one in enumerate(objects) if any(map(self._is_dropped, one))}
        nested = [i for i, line in enumerate(lines) if line.find(b"{", 1) > 0]
        return found.union(i for i in nested if self._has_personal(objects[i]))

    def _shape(self, keys: tuple[str, ...]) -> _Shape:
        """What is to be done with objects that have these keys; exports have few different sets of them."""
        if keys not in self._shapes:
            sources: dict[str, list[str]] = {}
            for key in keys:
                if (name := self.names.column(key)) is not None:
                    sources.setdefault(name, []).append(key)
                elif self.names.is_unknown(key):
                    self._unknown[key] = None
            self._shapes[keys] = _Shape(sources, any(map(self._is_dropped, keys)))
        return self._shapes[keys]

    def _values(self, objects: list[dict[str, Any]], by_shape: _ByShape, has_nul: bool) -> dict[str, list[str | None]]:
        """Values as text by canonical name; where two keys are one column the first with a value counts."""
        values: dict[str, list[str | None]] = {}
        for shape, rows in by_shape.items():
            for name, (key, *others) in self._shape(shape).sources.items():
                found = [objects[row][key] for row in rows]
                for other in others:
                    found = [objects[row][other] if v is None else v for row, v in zip(rows, found, strict=True)]
                texts = _texts(found)
                if has_nul:  # a text column of PostgreSQL cannot hold it, and no word has it
                    texts = [v and v.replace("\0", "") for v in texts]
                if len(rows) == len(objects):
                    values[name] = texts
                    continue
                column = values.setdefault(name, [None] * len(objects))
                for row, text in zip(rows, texts, strict=True):
                    column[row] = text
        return values

    def _dumped(self, found: Any) -> bytes:
        """The object as a line; in letters of ASCII where the charset of the file may lack some of the others."""
        return orjson.dumps(found) if self.text.charset == UTF8 else json.dumps(found).encode()

    def _has_personal(self, found: Any) -> bool:
        if isinstance(found, dict):
            return any(
                self._is_dropped(key) or (isinstance(value, (dict, list)) and self._has_personal(value))
                for key, value in found.items()
            )
        return isinstance(found, list) and any(
            isinstance(value, (dict, list)) and self._has_personal(value) for value in found
        )

    def _is_dropped(self, key: str) -> bool:
        if key not in self._drops:
            self._drops[key] = self.names.drops(key)
        return self._drops[key]

    def _without_personal(self, found: Any, masked: dict[str, str]) -> Any:
        """The object without personal keys at any depth, with the masked texts in place of the buyer's."""
        if isinstance(found, list):
            return [self._without_personal(value, {}) for value in found]
        if not isinstance(found, dict):
            return found
        kept: dict[str, Any] = {}
        for key, value in found.items():
            if self._is_dropped(key):
                continue
            name = self.names.column(key)
            if name in masked and isinstance(value, str):
                kept[key] = masked[name] if value.strip() and name is not None else value
            else:
                kept[key] = self._without_personal(value, {})
        return kept


def _texts_of(lines: list[bytes], where: np.ndarray) -> pa.StringArray:
    """Some of the lines, without carriage returns at their ends."""
    return pc.ascii_rtrim(pa.array([lines[index] for index in where], pa.string()), characters="\r")


def _joined(parts: list[_Part]) -> dict[str, pa.StringArray]:
    """The columns of all parts, NULL where a part lacks one."""
    return {
        name: pa.concat_arrays([part.columns.get(name, pa.nulls(len(part.where), pa.string())) for part in parts])
        for name in dict.fromkeys(name for part in parts for name in part.columns)
    }


def _by_shape(objects: list[dict[str, Any]]) -> _ByShape:
    """Indices of the objects with each set of keys, in the order in which the sets come first."""
    shapes = list(map(tuple, objects))
    if len(distinct := dict.fromkeys(shapes)) == 1:
        return {shapes[0]: range(len(shapes))}
    found: dict[tuple[str, ...], list[int]] = {shape: [] for shape in distinct}
    for i, shape in enumerate(shapes):
        found[shape].append(i)
    return found


def _texts(values: list[Any]) -> list[str | None]:
    """JSON values as the texts that a table would hold."""
    kinds = set(map(type, values))
    if kinds <= {str, NoneType}:
        return values
    if kinds <= {int, float}:
        return list(map(repr, values))
    if kinds <= {bool, NoneType}:
        return list(map(_FLAGS.get, values))
    return [v if type(v) is str or v is None else _text(v) for v in values]


def _text(value: Any) -> str:
    """A JSON value that is no string as the text that a table would hold."""
    if isinstance(value, bool):
        return _FLAGS[value]
    if isinstance(value, (int, float)):
        return repr(value)
    return orjson.dumps(value).decode()


def _is_error_answer(keys: Any) -> bool:
    """Whether an object is how services say no."""
    folded = {str(key).casefold() for key in keys}
    return bool(folded & {"errors", "error", "fault", "errormessage"}) or {"code", "message"} <= folded
