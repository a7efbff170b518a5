"""Rows of JSON lines: one object per line.

Belongs here: lines to objects, dropping personal keys, and telling an error answer from a report. Does not belong: what
the names mean (`names.py`), types of values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import orjson
import pyarrow as pa

from ingestion.decode.block import WITHHELD, Reject, RowBlock
from ingestion.decode.names import Names, Request
from ingestion.decode.records import recognise_keys, text_columns
from ingestion.decode.text import TextBlock, TextFile
from ingestion.decode.unusable import unusable
from ingestion.redact import mask_text

#: objects whose keys are looked at to recognise the feed: exports leave out keys without a value
_SAMPLE_OBJECTS = 200


class JsonLinesFile:
    """A delivery of JSON lines. Raises UnusableFile from the start when it is another JSON or another feed."""

    form = "jsonl"

    def __init__(self, text: TextFile, request: Request) -> None:
        self.text = text
        self.names = self._recognise(text.head(), request)
        self._columns: dict[str, str | None] = {}
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
                raise self._no_lines(head, first)
            keys.update(dict.fromkeys(found))
            sampled += 1
            if sampled >= _SAMPLE_OBJECTS:
                break
        if sampled <= 1 and _is_error_answer(keys):
            raise self._no_lines(head, first)
        return recognise_keys(keys, request, self.text.name, first)

    def _no_lines(self, head: str, line: int) -> Exception:
        """What a JSON file is that does not hold one object per line."""
        try:
            document = json.loads(head)
        except ValueError:
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
        rejects: list[Reject] = []
        rewritten = False
        for index, line in enumerate(lines):
            if not line.strip():
                continue
            try:
                found = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                if block.is_last and not ends_with_feed and index == len(lines) - 1:
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
                continue
            # where personal data is in a broken line cannot be known, and no object can be made of it
            lines[index] = WITHHELD.encode()
            rewritten = True
            rejects.append(Reject(block.first_line + index, "not_an_object", WITHHELD))
        rows = [self._row(found) for found in objects]
        columns, changes = text_columns(self.names, rows)
        touched = {i for i, found in enumerate(objects) if self._has_personal(found)}
        for changed in changes.values():
            touched.update(i for i, is_changed in enumerate(changed.to_pylist()) if is_changed)
        for i in sorted(touched):
            masked = {name: columns[name][i].as_py() for name, changed in changes.items() if changed[i].as_py()}
            lines[where[i]] = orjson.dumps(self._without_personal(objects[i], masked))
            rewritten = True
        stored = None
        if rewritten:
            stored = b"\n".join(lines) + (b"\n" if ends_with_feed else b"")
        return RowBlock(
            columns=columns,
            line_numbers=pa.array([block.first_line + index for index in where], pa.int64()),
            lines=pa.array([lines[index].rstrip(b"\r").decode() for index in where], pa.string()),
            rejects=rejects,
            original=block.text,
            stored=stored,
        )

    def _column(self, key: str) -> str | None:
        if key not in self._columns:
            self._columns[key] = self.names.column(key)
            self._drops[key] = self.names.drops(key)
            if self.names.is_unknown(key):
                self._unknown[key] = None
        return self._columns[key]

    def _row(self, found: dict[str, Any]) -> dict[str, str | None]:
        """The values as text by canonical name; where two keys are one column the first with a value counts."""
        row: dict[str, str | None] = {}
        for key, value in found.items():
            name = self._column(key)
            if name is not None and value is not None and name not in row:
                row[name] = _text(value)
        return row

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
            name = self._columns.get(key)
            if name in masked and isinstance(value, str):
                kept[key] = masked[name] if value.strip() and name is not None else value
            else:
                kept[key] = self._without_personal(value, {})
        return kept


def _text(value: Any) -> str:
    """A JSON value as the text that a table would hold."""
    if isinstance(value, str):
        return value.replace("\0", "") if "\0" in value else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    return orjson.dumps(value).decode()


def _is_error_answer(keys: Any) -> bool:
    """Whether an object is how services say no."""
    folded = {str(key).casefold() for key in keys}
    return bool(folded & {"errors", "error", "fault", "errormessage"}) or {"code", "message"} <= folded
