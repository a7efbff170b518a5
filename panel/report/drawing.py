"""Charts of the page as lists of shapes, so that HTML and PDF draw the same ones.

Belongs here: geometry. Does not belong: which figures, words, and the two ways of drawing (`as_html.py`, `as_pdf.py`).
Lengths are points, the origin is at the upper left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

INK, QUIET, LINE, SOFT = "#16232b", "#55646d", "#dfe5e8", "#f4f6f7"
ACCENT, WARM, PALE = "#0b5f6b", "#b3420f", "#9dbdc3"


@dataclass(frozen=True)
class Box:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    colour: str
    radius: float = 0


@dataclass(frozen=True)
class Path:
    """A line through points."""

    points: tuple[tuple[float, float], ...]
    colour: str
    width: float = 1


@dataclass(frozen=True)
class Dot:
    """A filled circle."""

    x: float
    y: float
    radius: float
    colour: str


@dataclass(frozen=True)
class Text:
    """A text whose base line begins, is centred or ends at x."""

    x: float
    y: float
    text: str
    size: float = 7
    colour: str = QUIET
    anchor: Literal["start", "middle", "end"] = "start"
    bold: bool = False


Shape = Box | Path | Dot | Text


@dataclass(frozen=True)
class Drawing:
    """Shapes on a field of some size, with a text for who cannot see it."""

    width: float
    height: float
    say: str
    shapes: tuple[Shape, ...]


def top_of(values: Sequence[float], steps: int = 4) -> float:
    """The end of an axis that holds these values in `steps` round steps."""
    most = max([*values, 0])
    if most <= 0:
        return float(steps)
    raw = most / steps
    power = 10 ** math.floor(math.log10(raw))
    step = next(round_ * power for round_ in (1, 2, 5, 10) if round_ * power >= raw - 1e-12)
    return step * steps


@dataclass(frozen=True)
class Point:
    """A month of the trend: its name, its columns' value and its line's; None where it is unknown."""

    name: str
    value: int | None
    share: float | None
    is_now: bool = False


def trend(
    points: Sequence[Point], say: str, value_of: Sequence[str], share_of: Sequence[str], *, width: float, height: float
) -> Drawing:
    """Columns (units, scale at the left) and a line (rate, scale at the right) over months.

    value_of, share_of: the texts of the scales, from 0 upwards, in equal steps up to `top_of` of the values.
    """
    left, right, top, bottom = 30.0, 30.0, 6.0, 14.0
    across, down = width - left - right, height - top - bottom
    steps = len(value_of) - 1
    most = top_of([point.value or 0 for point in points], steps)
    most_share = top_of([point.share or 0 for point in points], steps)
    shapes: list[Shape] = []
    for step in range(steps + 1):
        y = top + down * (1 - step / steps)
        shapes.append(Path(((left, y), (left + across, y)), LINE, 0.6))
        shapes.append(Text(left - 4, y + 2.4, value_of[step], 6.5, anchor="end"))
        shapes.append(Text(left + across + 4, y + 2.4, share_of[step], 6.5, WARM))
    slot = across / max(len(points), 1)
    line: list[tuple[float, float]] = []
    lines = [line]
    for index, point in enumerate(points):
        middle = left + slot * (index + 0.5)
        if point.value:
            tall = down * point.value / most
            colour = ACCENT if point.is_now else PALE
            shapes.append(Box(middle - slot * 0.31, top + down - tall, slot * 0.62, tall, colour, 1))
        shapes.append(
            Text(
                middle, height - 4, point.name, 6.5, INK if point.is_now else QUIET, anchor="middle", bold=point.is_now
            )
        )
        if point.share is None:
            line = []
            lines.append(line)
        else:
            line.append((middle, top + down * (1 - point.share / most_share)))
    for drawn in lines:
        if len(drawn) > 1:
            shapes.append(Path(tuple(drawn), WARM, 1.4))
        shapes += [Dot(x, y, 1.7, WARM) for x, y in drawn]
    return Drawing(width, height, say, tuple(shapes))


@dataclass(frozen=True)
class Bar:
    """A row: name, share, the texts at its end, and where the share was before."""

    name: str
    share: float
    text: str
    note: str
    before: float | None
    is_rest: bool = False


def bars(rows: Sequence[Bar], say: str, *, width: float, height: float, names: float = 86) -> Drawing:
    """Horizontal bars, with a tick at the share before."""
    notes = 82.0
    across = width - names - notes
    most = max([bar.share for bar in rows] + [bar.before or 0 for bar in rows] + [0.01])
    step = min(height / max(len(rows), 1), 17)
    shapes: list[Shape] = []
    for index, bar in enumerate(rows):
        y = step * index + 2
        thick = step * 0.56
        base = y + thick - 1.4
        shapes.append(Text(names - 5, base, bar.name, 7, INK, anchor="end"))
        shapes.append(Box(names, y, max(across * bar.share / most, 0.6), thick, PALE if bar.is_rest else ACCENT, 1))
        if bar.before is not None:
            x = names + across * bar.before / most
            shapes.append(Path(((x, y - 1.4), (x, y + thick + 1.4)), WARM, 1.2))
        shapes.append(Text(width - notes + 8, base, bar.text, 7, INK, bold=True))
        shapes.append(Text(width, base, bar.note, 6.5, anchor="end"))
    return Drawing(width, height, say, tuple(shapes))
