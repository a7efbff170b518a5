"""From the bytes of a file to rows of text under canonical names, in bounded memory.

Belongs here: containers, charsets, formats, recognising feeds, cutting out personal data on the way. Does not belong:
types of values (`data_contracts/values.py`), good and bad rows (`data_contracts/schemas.py`), where files are kept.
"""

from __future__ import annotations

import re
from pathlib import Path

from data_contracts.settings import Limits
from ingestion.decode.block import Delivery, Reject, RowBlock
from ingestion.decode.container import unpacked
from ingestion.decode.delimited import DelimitedFile
from ingestion.decode.jsonl import JsonLinesFile
from ingestion.decode.names import Names, Request
from ingestion.decode.text import TextFile, candidates
from ingestion.decode.unusable import UnusableFile, WrongCharset, unusable
from ingestion.decode.xml import XmlFile, declared_charset

__all__ = [
    "Delivery",
    "Names",
    "Reject",
    "Request",
    "RowBlock",
    "UnusableFile",
    "WrongCharset",
    "charsets_to_try",
    "open_delivery",
    "unusable",
]

#: anywhere, or as the first element: reviews in XML have elements `title` and `body`, too
_HTML = re.compile(r"<!doctype\s+html|<html\b|\A\s*<(?:head|body|title)\b", re.IGNORECASE)


def charsets_to_try(
    path: Path, name: str, declared: str | None, fallbacks: tuple[str, ...], limits: Limits
) -> list[str]:
    """Charsets in the order in which a file is tried: declared (by the sender, or in XML), UTF-8, fallbacks."""
    start = next(unpacked(path, name, limits), b"")
    return candidates(declared or declared_charset(start), fallbacks)


def open_delivery(path: Path, name: str, charset: str, limits: Limits, request: Request) -> Delivery:
    """The file at a path, read in one charset: its format, feed and columns are known, its rows unread.

    `name` is what messages call it. Raises UnusableFile for what is no report of the feed, WrongCharset when the bytes
    are not in that charset.
    """
    text = TextFile(path, name, charset, limits)
    head = text.head()
    first = head.lstrip()[:1]
    if first == "<":
        if _HTML.search(head[:2000]):
            raise unusable(
                "The file is a web page, not a report",
                name,
                1,
                "Most often it is a log-in or error page. Open it in a browser to see what it says; download again.",
            )
        return XmlFile(text, request)
    if first in ("{", "["):
        return JsonLinesFile(text, request)
    _check_is_text(head, name)
    return DelimitedFile(text, request)


def _check_is_text(head: str, name: str) -> None:
    """Refuse binary data that happens to hold no NUL byte."""
    controls = sum(1 for letter in head[:4096] if ord(letter) < 32 and letter not in "\t\r\n\f\x1a")
    if controls > max(2, len(head[:4096]) // 50):
        raise unusable("The file is binary data, not text", name, 1, "Download the report again, as text.")
