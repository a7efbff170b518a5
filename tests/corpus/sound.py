"""A sound report of every feed, made from its declaration: what the corpus damages.

Belongs here: headers and rows that load whole. Does not belong: damage (`mutations.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from data_contracts.feed import Column, Feed, Kind
from data_contracts.registry import all_feeds

ROWS = 4
_ASIN = "[A-Z0-9]{10}"
_VALUES = {
    Kind.INTEGER: "1",
    Kind.NUMBER: "1.5",
    Kind.MONEY: "10.00",
    Kind.FLAG: "Y",
    Kind.MOMENT: "2026-01-05T10:00:00+00:00",
}


@dataclass(frozen=True)
class Sound:
    """A report: its feed, its columns in order, and the text of its rows."""

    feed: Feed
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def headers(self) -> tuple[str, ...]:
        """Header names."""
        return tuple(column.name for column in self.columns)

    @property
    def text(self) -> str:
        """The report as tab-separated text."""
        return self.lines("\r\n")

    def lines(self, end: str, separator: str = "\t") -> str:
        """The report with other line ends or another separator."""
        return "".join(separator.join(line) + end for line in (self.headers, *self.rows))

    def position(self, column: Column) -> int:
        """Where a column stands."""
        return self.columns.index(column)

    def with_value(self, column: Column, value: str, row: int = 1) -> Sound:
        """The report with another value in one row."""
        values = list(self.rows[row])
        values[self.position(column)] = value
        return replace(self, rows=(*self.rows[:row], tuple(values), *self.rows[row + 1 :]))

    def of_kind(self, *kinds: Kind) -> Column | None:
        """The first column of a kind, a required one if there is one."""
        found = [column for column in self.columns if column.kind in kinds]
        return next((column for column in found if column.required), found[0] if found else None)

    @property
    def free_text(self) -> Column | None:
        """A column that takes any text."""
        return next(
            (
                column
                for column in self.columns
                if column.kind is Kind.TEXT
                and not (column.pattern or column.allowed or column.masked)
                and column.name not in self.feed.key
            ),
            None,
        )


def value(column: Column, row: int) -> str:
    """A valid value of a column."""
    if column.allowed:
        return column.allowed[row % len(column.allowed)]
    if column.kind is not Kind.TEXT:
        return _VALUES[column.kind]
    if column.name == "asin" or column.pattern == _ASIN:
        return f"B00000000{row}"
    return _PATTERNED.get(column.pattern or "", f"{column.name} {row}")


#: values for the patterns that declarations have
_PATTERNED = {
    r"[A-Z]{3}": "USD",
}


def sound(feed: Feed) -> Sound:
    """A report of a feed with all of its columns."""
    return Sound(feed, feed.columns, tuple(tuple(value(c, row) for c in feed.columns) for row in range(ROWS)))


def sound_reports() -> list[Sound]:
    """One report of every feed."""
    return [sound(feed) for feed in all_feeds().values()]
