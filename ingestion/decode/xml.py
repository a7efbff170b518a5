"""Rows of XML reports, whose wrapping elements have no public names: rows are found by the names of the values.

Belongs here: elements to rows, dropping and masking elements. Does not belong: what the names mean (`names.py`).

A return is the innermost kind of element that holds every required column. What repeats inside it (its items) makes one
row each, and these share the values around them.
"""

# ruff: noqa: N802, ARG002 - method names and parameters are SAX's

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from io import StringIO
from typing import Any
from xml.sax import SAXException, SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.saxutils import XMLGenerator

import defusedxml.sax
import pyarrow as pa
from defusedxml.common import DefusedXmlException

from ingestion.decode.block import RowBlock
from ingestion.decode.names import Names, Request
from ingestion.decode.records import recognise_keys, text_columns
from ingestion.decode.text import TextFile
from ingestion.decode.unusable import unusable
from ingestion.redact import mask_text

_DECLARED = re.compile(r"<\?xml[^>]*?encoding\s*=\s*[\"']([\w.:-]+)[\"']")
#: reports are some five elements deep; what follows them in memory grows with the depth
_MAX_DEPTH = 100
_ERROR_ROOTS = {"error", "errors", "errorresponse", "fault"}


def declared_charset(start: bytes) -> str | None:
    """The encoding that an XML declaration names."""
    found = _DECLARED.search(start[:200].decode("latin-1"))
    return found[1] if found else None


class XmlFile:
    """An XML delivery. Raises UnusableFile from the start when it is broken, an error answer or another feed."""

    form = "xml"

    def __init__(self, text: TextFile, request: Request) -> None:
        self.text = text
        text.unencodable = "xmlcharrefreplace"  # a value may have come as a reference to a letter
        survey = _Survey()
        for _ in self._events(survey):
            pass
        if survey.root.casefold() in _ERROR_ROOTS:
            raise unusable(
                f"The file is an error answer, not a report: {mask_text(' '.join(survey.first_words))[:200]}",
                text.name,
                1,
                "Ask for the report again; the message says why it was refused.",
            )
        if request.feed is not None and not survey.first_words:  # a report without rows has no values to go by
            self.names = Names(request.feed, request.mapping)
        else:
            self.names = recognise_keys(survey.leaves, request, text.name, 1)
        self.unknown = tuple(leaf for leaf in survey.leaves if self.names.is_unknown(leaf))
        required = {column.name for column in self.names.feed.required}
        self._record = survey.innermost({name for name in survey.leaves if self.names.column(name) in required})
        masked = {column.name for column in self.names.feed.columns if column.masked}
        #: whether anything in it must not be stored as it came
        self._rewrites = any(self.names.drops(name) or self.names.column(name) in masked for name in survey.counts)

    def _events(self, *handlers: ContentHandler) -> Iterator[bytes]:
        """Parse block by block; yields each block's text once its events have been handled."""
        parser = defusedxml.sax.make_parser()
        parser.forbid_dtd = True
        parser.setContentHandler(_Each(handlers))
        for handler in handlers:
            handler.setDocumentLocator(parser)  # fed by hand, the parser does not do so itself
        try:
            for block in self.text.blocks():
                parser.feed(block.text.decode())  # as str: the declared encoding must not count a second time
                if block.is_last:
                    parser.close()
                yield block.text
        except DefusedXmlException as error:
            raise unusable(
                "The XML declares entities or a document type, which no report does",
                self.text.name,
                None,
                "Do not trust this file; download the report again.",
            ) from error
        except SAXParseException as error:
            is_cut = error.getMessage() in ("no element found", "unclosed token", "unclosed CDATA section")
            raise unusable(
                f"The XML is {'cut off' if is_cut else 'not well-formed'}: {error.getMessage()}",
                self.text.name,
                error.getLineNumber(),
                "Download it again, to its end.",
            ) from error
        except SAXException as error:
            raise unusable(f"The XML cannot be read: {error}", self.text.name, None, "Download it again.") from error

    def blocks(self) -> Iterator[RowBlock]:
        """See `Delivery.blocks`."""
        rows = _Rows(self.names, self._record)
        writer = _Redactor(self.names, self._record, self.text.charset) if self._rewrites else None
        for text in self._events(rows, *([writer] if writer else [])):
            done, rows.done = rows.done, []
            present = {name for _, values in done for name in values}
            columns, _ = text_columns(self.names, {name: [v.get(name) for _, v in done] for name in sorted(present)})
            lines = ["; ".join(f"{name}: {value}" for name, value in values.items()) for _, values in done]
            yield RowBlock(
                columns=columns,
                line_numbers=pa.array([line for line, _ in done], pa.int64()),
                make_lines=partial(pa.array, lines, pa.string()),
                rejects=[],
                original=text,
                stored=writer.taken() if writer else None,
            )


class _Survey(ContentHandler):
    """Which elements there are, how often, and which names of values each kind holds."""

    def __init__(self) -> None:
        super().__init__()
        self.root = ""
        self.first_words: list[str] = []
        self.counts: Counter[str] = Counter()
        self.leaves: dict[str, None] = {}
        self._held: dict[str, set[str]] = {}
        self._depths: dict[str, int] = {}
        self._open: list[str] = []
        self._last_started = ""

    def startElement(self, name: str, attrs: Any) -> None:
        name = _local(name)
        if len(self._open) >= _MAX_DEPTH:
            raise SAXException(f"its elements are nested more than {_MAX_DEPTH} deep, as in no report")
        self.root = self.root or name
        self.counts[name] += 1
        self._open.append(name)
        self._depths[name] = len(self._open)
        self._last_started = name

    def characters(self, content: str) -> None:
        if len(self.first_words) < 10 and content.strip():
            self.first_words.append(content.strip())

    def endElement(self, name: str) -> None:
        name = self._open.pop()
        held = self._held.setdefault(name, set())
        if self._last_started == name:
            self.leaves[name] = None
            held.add(name)
        self._last_started = ""
        if self._open:
            self._held.setdefault(self._open[-1], set()).update(held)

    def innermost(self, wanted: set[str]) -> str:
        """The kind of element that holds all wanted names: the deepest one."""
        holding = [name for name, held in self._held.items() if wanted <= held and name not in self.leaves]
        return max(holding, key=lambda name: self._depths[name], default=self.root)


@dataclass
class _Element:
    """An element that is being read: its line, its text, its values by canonical name, and rows of what repeats."""

    name: str
    line: int
    text: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    inside: dict[str, list[tuple[int, dict[str, str]]]] = field(default_factory=dict)
    has_children: bool = False

    def rows(self) -> list[tuple[int, dict[str, str]]]:
        """Line number and values of each row: the element's own values, joined with each row of what is inside."""
        found = [(self.line, dict(self.values))] if self.values or self.inside else []
        for inner in self.inside.values():
            found = [
                (line if len(inner) > 1 else above, {**more, **values})
                for above, values in found
                for line, more in inner
            ]
        return found


class _Masking(ContentHandler):
    """Masks texts with the order number that the same return gave before them, if it did."""

    def __init__(self, names: Names, record: str) -> None:
        super().__init__()
        self._names = names
        self._record = record
        self._masked = {column.name for column in names.feed.columns if column.masked}
        self._locator: Any = None
        self._order: str | None = None

    def setDocumentLocator(self, locator: Any) -> None:
        self._locator = locator

    def _value(self, name: str, text: str) -> str:
        """The text of a value as it may be stored."""
        column = self._names.column(name)
        if column == "order_id":
            self._order = text.strip()
        return mask_text(text, self._order) if column in self._masked else text


class _Rows(_Masking):
    """Collects rows: line number and values by canonical name."""

    def __init__(self, names: Names, record: str) -> None:
        super().__init__(names, record)
        self.done: list[tuple[int, dict[str, str]]] = []
        self._open: list[_Element] = []

    def startElement(self, name: str, attrs: Any) -> None:
        if self._open:
            self._open[-1].has_children = True
        self._open.append(_Element(_local(name), self._locator.getLineNumber()))

    def characters(self, content: str) -> None:
        self._open[-1].text.append(content)

    def endElement(self, name: str) -> None:
        element = self._open.pop()
        if element.name == self._record:
            self.done += element.rows()
            self._order = None
        elif self._open and element.has_children:
            if rows := element.rows():
                self._open[-1].inside.setdefault(element.name, []).extend(rows)
        elif self._open:
            column, value = self._names.column(element.name), self._value(element.name, "".join(element.text)).strip()
            if column is not None and value:
                self._open[-1].values.setdefault(column, value)


class _Redactor(_Masking):
    """Writes the document again without personal elements and with masked texts, each element on its old line."""

    def __init__(self, names: Names, record: str, charset: str) -> None:
        super().__init__(names, record)
        self._sink = StringIO()
        self._sink.write(f'<?xml version="1.0" encoding="{charset}"?>')
        self._write = XMLGenerator(self._sink, encoding="utf-8")
        self._line = 1
        self._skipping = 0
        self._words: list[str] = []

    def taken(self) -> bytes:
        """What has been written since the last call, UTF-8."""
        text = self._sink.getvalue()
        self._sink.seek(0)
        self._sink.truncate()
        return text.encode()

    def startElement(self, name: str, attrs: Any) -> None:
        self._flush("")
        if self._skipping or self._names.drops(_local(name)):
            self._skipping += 1
            return
        missing = self._locator.getLineNumber() - self._line  # comments and dropped elements had lines too
        self._text("\n" * missing)
        self._write.startElement(name, attrs)

    def characters(self, content: str) -> None:
        if not self._skipping:
            self._words.append(content)

    def endElement(self, name: str) -> None:
        if self._skipping:
            self._skipping -= 1
            return
        self._flush(_local(name))
        if _local(name) == self._record:
            self._order = None
        self._write.endElement(name)

    def _flush(self, name: str) -> None:
        """Write the text that was gathered, the value of an element of this name."""
        text, self._words = "".join(self._words), []
        self._text(self._value(name, text) if name else text)

    def _text(self, content: str) -> None:
        self._line += content.count("\n")
        self._write.characters(content)


class _Each(ContentHandler):
    """Hands every event to each of several handlers."""

    def __init__(self, handlers: tuple[ContentHandler, ...]) -> None:
        super().__init__()
        self._handlers = handlers

    def startElement(self, name: str, attrs: Any) -> None:
        for handler in self._handlers:
            handler.startElement(name, attrs)

    def characters(self, content: str) -> None:
        for handler in self._handlers:
            handler.characters(content)

    def endElement(self, name: str) -> None:
        for handler in self._handlers:
            handler.endElement(name)


def _local(name: str) -> str:
    """The name without its namespace prefix."""
    return name.rpartition(":")[2]
