"""Rows of JSON lines: one object per line, which is a row, or what a source answered and then holds rows.

Belongs here: lines to objects, dropping personal keys, and telling an error answer from a report. Does not belong: what
the names mean (`names.py`), what an answer holds (`answers.py`), types of values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True)
class _Shape:
    """What one set of keys means: the keys of each column, and whether any key is personal."""

    sources: dict[str, list[str]]
    is_personal: bool


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
        objects: list[dict[str, Any]] = []
        where: list[int] = []
        rewritten: dict[int, dict[str, Any]] = {}
        by_shape: dict[tuple[str, ...], list[int]] = {}
        rejects: list[Reject] = []
        for index, line in enumerate(lines):
            if not line.strip():
                continue
            found = self._object(line, block, index, is_cut=not ends_with_feed and index == len(lines) - 1)
            own = None if found is None else self._rows(found, line)
            if found is None or own is None:
                # where personal data is in a broken line cannot be known, and no object can be made of it
                lines[index] = WITHHELD.encode()
                rejects.append(Reject(block.first_line + index, "not_an_object", WITHHELD))
                continue
            if self._is_personal(found) or (line.find(b"{", 1) > 0 and self._has_personal(found)):
                rewritten[index] = self._without_personal(found, {})
            for row in own:
                by_shape.setdefault(tuple(row), []).append(len(objects))
                objects.append(row)
                where.append(index)
        columns, changes = text_columns(self.names, self._values(objects, by_shape, b"\\u0000" in block.text))
        for i in set().union(*(pc.indices_nonzero(changed).to_pylist() for changed in changes.values())):
            masked = {name: columns[name][i].as_py() for name, changed in changes.items() if changed[i].as_py()}
            rewritten[where[i]] = self._without_personal(objects[i], masked)
        for index, kept in rewritten.items():
            lines[index] = self._dumped(kept)
        return RowBlock(
            columns=columns,
            line_numbers=pa.array(np.array(where, np.int64) + block.first_line),
            lines=pa.array([lines[index].rstrip(b"\r").decode() for index in where], pa.string()),
            rejects=rejects,
            original=block.text,
            stored=b"\n".join(lines) + (b"\n" if ends_with_feed else b"") if rewritten or rejects else None,
        )

    def _object(self, line: bytes, block: TextBlock, index: int, *, is_cut: bool) -> dict[str, Any] | None:
        """The object of a line, or None. Raises UnusableFile for a last line that is cut off."""
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            if block.is_last and is_cut and not self._is_settled:
                raise unusable(
                    f"The file is cut off in its last line: {error.msg}",
                    self.text.name,
                    block.first_line + index,
                    "Download it again, to its end.",
                ) from error
            return None
        return found if isinstance(found, dict) else None

    def _rows(self, found: dict[str, Any], line: bytes) -> list[dict[str, Any]] | None:
        """The rows of an object: itself, or what the answer holds; None for an answer that is not as it should be."""
        if self._operation is None:
            return [found]
        try:
            return list(answers.rows(self._operation, json.loads(line, parse_float=str, parse_int=str)))
        except ValueError:
            return None

    def _is_personal(self, found: dict[str, Any]) -> bool:
        """Whether a key of the object itself is personal."""
        if self._operation is not None:
            return any(map(self._is_dropped, found))
        return self._shape(tuple(found)).is_personal

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

    def _values(
        self, objects: list[dict[str, Any]], by_shape: dict[tuple[str, ...], list[int]], has_nul: bool
    ) -> dict[str, list[str | None]]:
        """Values as text by canonical name; where two keys are one column the first with a value counts."""
        values: dict[str, list[str | None]] = {}
        for shape, rows in by_shape.items():
            for name, (key, *others) in self._shape(shape).sources.items():
                found = [objects[row][key] for row in rows]
                for other in others:
                    found = [objects[row][other] if v is None else v for row, v in zip(rows, found, strict=True)]
                texts = [v if type(v) is str or v is None else _text(v) for v in found]
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


def _text(value: Any) -> str:
    """A JSON value that is no string as the text that a table would hold."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    return orjson.dumps(value).decode()


def _is_error_answer(keys: Any) -> bool:
    """Whether an object is how services say no."""
    folded = {str(key).casefold() for key in keys}
    return bool(folded & {"errors", "error", "fault", "errormessage"}) or {"code", "message"} <= folded
