"""What people see in a terminal: lines, tables and progress, on a screen or in a log.

Belongs here: showing. Does not belong: deciding what to show.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

#: where the output is no screen, progress is a line at most this often
_SECONDS_BETWEEN_LINES = 5.0

#: takes the number of further steps that are done, and what is being done now
Advance = Callable[[int, str], None]


def say(text: str = "") -> None:
    """A line for the user."""
    click.echo(text)


def warn(text: str) -> None:
    """A line on standard error."""
    click.echo(text, err=True)


def table(header: Sequence[str], rows: Sequence[Sequence[object]], *, indent: str = "  ") -> str:
    """Aligned columns; numbers to the right with thousands separators, NULL as a dash."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(text) for text in column) for column in zip(header, *cells, strict=True)]
    is_number = [
        bool(rows) and all(isinstance(row[n], int | float) or row[n] is None for row in rows)
        for n in range(len(header))
    ]

    def line(texts: Sequence[str]) -> str:
        parts = [
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(texts, widths, is_number, strict=True)
        ]
        return (indent + "  ".join(parts)).rstrip()

    return "\n".join([line(header), line(["-" * width for width in widths]), *(line(row) for row in cells)])


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)


@contextmanager
def progress(title: str, total: int) -> Iterator[Advance]:
    """Progress over `total` steps with the time left: a bar on a screen, now and then a line elsewhere."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[now]}"),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(title, total=total, now="")
            yield lambda steps, now: bar.update(task, advance=steps, now=now)
        return
    start = last = time.monotonic()
    done = 0

    def advance(steps: int, now: str) -> None:
        nonlocal done, last
        done += steps
        moment = time.monotonic()
        if moment - last >= _SECONDS_BETWEEN_LINES and done:
            last = moment
            whole = max(total, done)  # a report may bring more documents than were asked for
            left = (moment - start) / done * (whole - done)
            warn(f"{title}: {done} of {whole}, about {duration(left)} left ({now})")

    yield advance


def duration(seconds: float) -> str:
    """`0.8 s`, `42 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
