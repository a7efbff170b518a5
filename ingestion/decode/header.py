"""Finding the header line of a delimited file: behind which preamble, with which delimiter, quoted or not.

Belongs here: looking at the first lines. Does not belong: which feed the names are (`names.py`), the rows.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass

from ingestion.decode.names import Mismatch, Names, Request, recognise
from ingestion.decode.unusable import unusable

_DELIMITERS = ("\t", ",", ";", "|")
#: Payment downloads carry up to ten lines of preamble before the header.
_PREAMBLE_LINES = 25


@dataclass(frozen=True)
class Header:
    """Where the header is and what it says.

    line: number of the header line. quotes: whether `"` encloses fields; in a plain TSV it is a letter like any other.
    """

    line: int
    delimiter: str
    quotes: bool
    fields: tuple[str, ...]
    names: Names


def find_header(head: str, file: str, request: Request) -> Header:
    """The header among the first lines. Raises UnusableFile that says what is missing or what the file looks like."""
    lines = [line.rstrip("\r") for line in head.split("\n")]
    wanted = request.mapping.delimiter if request.mapping else None
    nearest: tuple[Mismatch, int] | None = None
    for number, line in enumerate(lines[:_PREAMBLE_LINES], 1):
        if not line.strip():
            continue
        found: list[Header] = []
        for delimiter in (wanted,) if wanted else _DELIMITERS:
            fields, quotes = _fields(line, delimiter)
            names = recognise(fields, request)
            if isinstance(names, Names):
                quotes = quotes or _quotes_everything(lines[number:], delimiter)
                found.append(Header(number, delimiter, quotes, tuple(fields), names))
            elif nearest is None or names.nearness > nearest[0].nearness:
                nearest = (names, number)
        if found:
            return max(found, key=lambda header: header.names.familiarity(header.fields)[0])
    if nearest is None:
        raise unusable("The file has no header line", file, 1, "Download the report again.")
    mismatch, number = nearest
    raise unusable(mismatch.what, file, number, mismatch.remedy)


def _fields(line: str, delimiter: str) -> tuple[list[str], bool]:
    """Fields of a header line, and whether quotes enclose fields in this file as far as the header tells."""
    if delimiter != "\t":
        try:
            return next(csv.reader([line], delimiter=delimiter), []), True
        except csv.Error:  # a lone carriage return outside of quotes: no header looks like this
            return [line], True
    fields = line.split("\t")
    quoted = _all_quoted(fields)
    return [field.strip()[1:-1] for field in fields] if quoted else fields, quoted


def _all_quoted(fields: list[str]) -> bool:
    filled = [text for field in fields if (text := field.strip())]
    return bool(filled) and all(len(t) >= 2 and t.startswith('"') and t.endswith('"') for t in filled)


def _quotes_everything(lines: list[str], delimiter: str) -> bool:
    """Whether the first row encloses every filled field in quotes, which no row does by chance."""
    first = next((line.split(delimiter) for line in lines if line.strip()), [])
    return len(first) > 1 and _all_quoted(first)
