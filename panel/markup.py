"""Pieces of HTML: tiles, tables, bars, sparklines, marked words. Everything that is shown is escaped here.

Belongs here: turning values into HTML that is legible without a mouse and to a screen reader. Does not belong: which
values (the views), words (`text.py`), looks (`style.css`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import urlencode


class Html(str):
    """Text that is HTML already; any other text is escaped wherever it goes in."""

    __slots__ = ()


def safe(value: Any) -> Html:
    """The value as HTML."""
    return value if isinstance(value, Html) else Html(escape(str(value), quote=True))


def join(parts: Iterable[Any], between: str = "") -> Html:
    """Parts one after the other."""
    return Html(between.join(safe(part) for part in parts))


def element(name: str, *inside: Any, **attributes: Any) -> Html:
    """An element; `class_` and names with underscores become `class` and names with hyphens; None is left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{given}>{join(inside)}</{name}>")


def link(inside: Any, href: str | None, **attributes: Any) -> Html:
    """A link within the panel; without an address the text alone."""
    return safe(inside) if href is None else element("a", inside, href=href, target="_self", **attributes)


def address(base: str, page: str, **parameters: Any) -> str:
    """The address of a page with its parameters; empty ones are left out."""
    given = {key: str(value) for key, value in parameters.items() if value not in (None, "")}
    return f"{base}/{page}" + (f"?{urlencode(given)}" if given else "")


@dataclass(frozen=True)
class Column:
    """A column of a table: its head, how a row's cell is made, and how it stands."""

    head: str
    cell: Callable[[Mapping[str, Any]], Any]
    kind: str = "text"  # text, number, wide, code
    help: str | None = None


def table(
    columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], caption: str, *, empty: str, shown: bool = False
) -> Html:
    """A table in a box that scrolls sideways; the caption is read by screen readers, and seen where `shown`."""
    if not rows:
        return nothing(empty)
    head = join(
        element("th", column.head, scope="col", class_=f"rs-{column.kind}", title=column.help) for column in columns
    )
    body = []
    for row in rows:
        cells = [column.cell(row) for column in columns]
        body.append(
            element("tr", *(element("td", cell, class_=f"rs-{c.kind}") for c, cell in zip(columns, cells, strict=True)))
        )
    text = element("caption", caption, class_=None if shown else "rs-unseen")
    made = element("table", text, element("thead", element("tr", head)), element("tbody", *body), class_="rs-table")
    return element("div", made, class_="rs-scroll", tabindex="0", role="region", aria_label=caption)


def nothing(text: str, remedy: str = "") -> Html:
    """What stands where there are no rows."""
    return element("div", element("p", text), element("p", remedy) if remedy else "", class_="rs-nothing")


def tile(
    label: str, value: Any, *, href: str | None = None, note: Any = "", change: Any = "", tone: str = "", hint: str = ""
) -> Html:
    """A figure with its name, what it changed by, and a note; the whole tile opens its rows."""
    inside = join(
        [
            element("span", label, class_="rs-tile-label"),
            element("span", value, class_="rs-tile-value"),
            element("span", change, class_=f"rs-tile-change {tone}".strip()) if change else "",
            element("span", note, class_="rs-tile-note") if note else "",
        ]
    )
    if href is None:
        return element("div", inside, class_="rs-tile", title=hint or None)
    return element("a", inside, class_="rs-tile", href=href, target="_self", title=hint or None)


def tiles(*made: Html) -> Html:
    """Tiles in rows of equal length."""
    return element("div", *made, class_=f"rs-tiles rs-tiles-{len(made)}")


def badge(text: str, tone: str = "plain") -> Html:
    """A short word in a coloured field; the word itself says what it means, the colour only helps."""
    return element("span", text, class_=f"rs-badge rs-{tone}")


def interval(
    value: float | None, low: float | None, high: float | None, base: float | None, top: float, say: str
) -> Html:
    """A rate as a dot within its interval on a scale from 0 to `top`, with a tick at the rate of comparison.

    Drawn with boxes: what is shown passes a cleaner that takes SVG out.
    """
    if value is None or low is None or high is None or top <= 0:
        return Html("")

    def at(share: float) -> float:
        return round(min(share / top, 1) * 100, 1)

    def box(name: str, left: float, width: float | None = None) -> Html:
        return element(
            "span", class_=name, style=f"left:{left}%" + (f";width:{width:.1f}%" if width is not None else "")
        )

    tick = [box("rs-tick", at(base))] if base is not None else []
    range_ = box("rs-range", at(low), max(at(high) - at(low), 1))
    return element("span", range_, *tick, box("rs-dot", at(value)), class_="rs-interval", role="img", aria_label=say)


def spark(values: Sequence[int], say: str) -> Html:
    """Columns of a small series, oldest first."""
    if not values or not any(values):
        return Html("")
    top = max(values)
    bars = (element("span", style=f"height:{max(round(100 * value / top), 4 if value else 0)}%") for value in values)
    return element("span", *bars, class_="rs-spark", role="img", aria_label=say)


def bar(share: float | None, text: str, tone: str = "") -> Html:
    """A share as a bar with its text."""
    width = 0 if share is None else round(min(max(share, 0), 1) * 100, 1)
    filled = element("span", class_=f"rs-bar-fill {tone}".strip(), style=f"width:{width}%")
    return element("span", element("span", filled, class_="rs-bar-rail"), element("span", text), class_="rs-bar")


def marked(text: str, words: Iterable[str]) -> Html:
    """The text with these words marked wherever they stand, whatever their case."""
    spans: list[tuple[int, int]] = []
    folded = text.lower()
    if len(folded) != len(text):  # a letter whose lower case is longer: positions would not agree
        folded = text
    for word in {word.lower() for word in words if word.strip()}:
        start = folded.find(word)
        while start >= 0:
            spans.append((start, start + len(word)))
            start = folded.find(word, start + len(word))
    out, at = [], 0
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= at:
            out += [safe(text[at:start]), element("mark", text[start:end])]
            at = end
    return join([*out, safe(text[at:])])


def pairs(rows: Iterable[tuple[str, Any]]) -> Html:
    """Names and values, one pair a line."""
    return element(
        "dl", *(element("div", element("dt", name), element("dd", value)) for name, value in rows), class_="rs-pairs"
    )
