"""The page as one HTML file: style and drawings inside, nothing fetched, A4 when printed.

Belongs here: HTML and SVG. Does not belong: what is said (`page.py`), geometry of charts (`drawing.py`).
"""

from __future__ import annotations

from pathlib import Path

from panel.markup import Html, element, join
from panel.report import drawing as shapes
from panel.report.drawing import Box, Dot, Drawing, Shape
from panel.report.page import Page, Panel, Tile

_STYLE = Path(__file__).with_name("style.css")
_LOGO = Path(__file__).parents[1] / "static" / "logo.svg"
_HTML_LANGUAGE = {"en": "en", "zh": "zh-Hans"}


def render(page: Page) -> str:
    """The file."""
    head = element(
        "header",
        Html(_LOGO.read_text(encoding="utf-8")),
        element("div", element("p", page.stamp), element("p", page.release), class_="stamp"),
    )
    main = element(
        "main",
        head,
        element("h1", page.title),
        element("p", page.scope, class_="scope"),
        element("p", page.summary, class_="summary"),
        element("section", *(_tile(tile) for tile in page.tiles), class_="tiles"),
        element(
            "section",
            element("figure", element("figcaption", page.trend_title), _drawing(page.trend)),
            element("figure", element("figcaption", page.reasons_title), _drawing(page.reasons)),
            class_="charts",
        ),
        _worst(page),
        element("section", *(_panel(panel) for panel in page.panels), class_=f"panels panels-{len(page.panels)}"),
        element(
            "footer",
            element("h2", page.caveats_title),
            element("ul", *(element("li", text) for text in page.caveats)),
            element("p", element("b", page.sources_title), " ", page.sources),
            element("p", page.made, class_="made"),
        ),
    )
    style = Html(f"<style>{_STYLE.read_text(encoding='utf-8')}</style>")
    return (
        f'<!doctype html>\n<html lang="{_HTML_LANGUAGE[page.language]}">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{element('span', page.title)[6:-7]}</title>{style}</head>\n<body>{main}</body>\n</html>\n"
    )


def _tile(tile: Tile) -> Html:
    changes = (
        element(
            "p",
            element("b", change.text, class_=change.tone or None) if change.text else "",
            " " if change.text else "",
            change.against,
            class_="change",
        )
        for change in tile.changes
    )
    size = "value long" if len(tile.values) > 1 or len(tile.values[0]) > 10 else "value"
    return element(
        "div",
        element("p", tile.label, class_="label"),
        *(element("p", value, class_=size) for value in tile.values),
        *changes,
        element("p", tile.note, class_="note") if tile.note else "",
        class_="tile",
    )


def _worst(page: Page) -> Html:
    if not page.worst:
        return element("section", element("h2", page.worst_title), element("p", page.worst_none), class_="worst")
    kinds = ("", "number", "number", "number", "", "")
    head = join(
        element("th", text, scope="col", class_=kind or None) for text, kind in zip(page.heads, kinds, strict=True)
    )
    rows = (
        element(
            "tr",
            element("td", element("b", line.asin), " · ", line.place, element("small", line.title)),
            element("td", line.units, class_="number"),
            element("td", element("b", line.rate), element("small", line.interval), class_="number"),
            element("td", line.category, class_="number"),
            element("td", line.reason),
            element("td", line.advice),
        )
        for line in page.worst
    )
    table = element("table", element("thead", element("tr", head)), element("tbody", *rows))
    lead = element("p", page.worst_lead, class_="lead")
    return element("section", element("h2", page.worst_title), lead, table, class_="worst")


def _panel(panel: Panel) -> Html:
    head = element("tr", *(element("th", text, scope="col") for text in panel.heads)) if panel.heads else Html("")
    rows = (
        element("tr", element("th", name, scope="row"), *(element("td", value) for value in values))
        for name, *values in panel.rows
    )
    return element(
        "div",
        element("h2", panel.title),
        element("table", head, *rows) if panel.rows else "",
        *(element("p", note) for note in panel.notes),
        class_="panel",
    )


def _drawing(drawing: Drawing) -> Html:
    return element(
        "svg",
        *(_shape(shape) for shape in drawing.shapes),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {drawing.width:g} {drawing.height:g}",
        role="img",
        aria_label=drawing.say,
    )


def _shape(shape: Shape) -> Html:
    if isinstance(shape, Box):
        return element(
            "rect", x=_n(shape.x), y=_n(shape.y), width=_n(shape.width), height=_n(shape.height), fill=shape.colour,
            rx=_n(shape.radius) if shape.radius else None,
        )  # fmt: skip
    if isinstance(shape, shapes.Path):
        points = " ".join(f"{_n(x)},{_n(y)}" for x, y in shape.points)
        return element(
            "polyline", points=points, fill="none", stroke=shape.colour, stroke_width=_n(shape.width),
            stroke_linejoin="round",
        )  # fmt: skip
    if isinstance(shape, Dot):
        return element("circle", cx=_n(shape.x), cy=_n(shape.y), r=_n(shape.radius), fill=shape.colour)
    return element(
        "text", shape.text, x=_n(shape.x), y=_n(shape.y), font_size=_n(shape.size), fill=shape.colour,
        text_anchor=None if shape.anchor == "start" else shape.anchor, font_weight="650" if shape.bold else None,
    )  # fmt: skip


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
