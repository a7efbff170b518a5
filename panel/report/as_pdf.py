"""The page as a PDF of one A4 sheet.

Belongs here: layout with reportlab. Does not belong: what is said (`page.py`), geometry of charts (`drawing.py`).

Fonts are those that every viewer has or replaces: Helvetica, and Adobe's STSong-Light for Chinese, Japanese kana and
all else that Helvetica lacks. Where the page would be too long, it is drawn smaller rather than on a second sheet.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Sequence
from html import escape
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, Spacer, Table, TableStyle

from panel.report.drawing import ACCENT, INK, LINE, QUIET, SOFT, Box, Dot, Drawing, Path, Text
from panel.report.page import Page, Panel, Tile

_WIDE = "STSong-Light"
_PLAIN, _BOLD = "Helvetica", "Helvetica-Bold"
_MARGIN = 31.0
_WIDTH, _HEIGHT = A4[0] - 2 * _MARGIN, A4[1] - 2 * _MARGIN
_GAP = 8.0
_TONES = {"": INK, "good": "#17683b", "bad": "#a5211c"}
#: letters that Helvetica's encoding lacks and that have a plain neighbour in it
_NEIGHBOURS = str.maketrans({"−": "–", "‑": "-", "\u202f": " ", "₹": "Rs ", "Ł": "L", "ł": "l"})


def render(page: Page) -> bytes:
    """The file. The same page gives the same bytes."""
    pdfmetrics.registerFont(UnicodeCIDFont(_WIDE))
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=1, pageCompression=1, lang={"en": "en", "zh": "zh-CN"}[page.language])
    canvas.setTitle(page.title)
    canvas.setAuthor("returnscope")
    canvas.setSubject(page.scope)
    for scale in (1.0, 0.96, 0.92, 0.88, 0.84, 0.8, 0.75, 0.7):
        parts = _parts(page, _WIDTH / scale)
        heights = [part.wrapOn(canvas, _WIDTH / scale, 2000)[1] for part in parts]
        if sum(heights) * scale <= _HEIGHT:
            break
    canvas.translate(_MARGIN, A4[1] - _MARGIN)
    canvas.scale(scale, scale)
    y = 0.0
    for part, height in zip(parts, heights, strict=True):
        part.drawOn(canvas, 0, y - height)
        y -= height
    canvas.showPage()
    canvas.save()
    return out.getvalue()


# ---- parts, from the top -----------------------------------------------------------------------------------------


def _parts(page: Page, width: float) -> list[Flowable]:
    stamp = f"{page.stamp}\n{page.release}"
    head = _grid(
        [[_Logo(), _text(stamp, 7, QUIET, right=True)]],
        [width * 0.5, width * 0.5],
        [("LINEBELOW", (0, 0), (-1, -1), 1.6, HexColor(ACCENT)), ("BOTTOMPADDING", (0, 0), (-1, -1), 6),
         ("VALIGN", (0, 0), (-1, -1), "MIDDLE")],
    )  # fmt: skip
    trend, reasons = width * 0.565, width * 0.41
    charts = _grid(
        [
            [_text(page.trend_title, 8, bold=True), "", _text(page.reasons_title, 8, bold=True)],
            [_Drawn(page.trend, trend), "", _Drawn(page.reasons, reasons)],
        ],
        [trend, width - trend - reasons, reasons],
        [("TOPPADDING", (0, 1), (-1, 1), 4)],
    )
    return [
        head,
        Spacer(0, _GAP),
        _text(page.title, 17, bold=True),
        _text(page.scope, 8.5, QUIET),
        Spacer(0, 4),
        _text(page.summary, 9.5),
        Spacer(0, _GAP),
        _tiles(page.tiles, width),
        Spacer(0, _GAP + 2),
        charts,
        Spacer(0, _GAP),
        *_worst(page, width),
        Spacer(0, _GAP),
        _panels(page.panels, width),
        Spacer(0, _GAP),
        _text(page.caveats_title, 7.5, bold=True),
        *(_text(f"· {text}", 7, QUIET) for text in page.caveats),
        Spacer(0, 3),
        _text(f"{page.sources_title}: {page.sources}", 7, QUIET),
        _text(page.made, 7, QUIET, right=True),
    ]


def _tiles(tiles: Sequence[Tile], width: float) -> Table:
    gap = 6.0
    each = (width - gap * (len(tiles) - 1)) / len(tiles)
    cells: list[Any] = []
    widths: list[float] = []
    styles: list[tuple[Any, ...]] = [("VALIGN", (0, 0), (-1, -1), "TOP")]
    for number, tile in enumerate(tiles):
        if number:
            cells.append("")
            widths.append(gap)
        column = len(cells)
        styles += [
            ("BOX", (column, 0), (column, 0), 0.6, HexColor(LINE)),
            ("LINEABOVE", (column, 0), (column, 0), 2, HexColor(ACCENT)),
            ("LEFTPADDING", (column, 0), (column, 0), 6),
            ("RIGHTPADDING", (column, 0), (column, 0), 4),
            ("TOPPADDING", (column, 0), (column, 0), 5),
            ("BOTTOMPADDING", (column, 0), (column, 0), 5),
        ]
        cells.append(_tile(tile))
        widths.append(each)
    return _grid([cells], widths, styles)


def _tile(tile: Tile) -> list[Flowable]:
    size = 10.5 if len(tile.values) > 1 or len(tile.values[0]) > 10 else 15
    made: list[Flowable] = [_text(tile.label, 7, QUIET), *(_text(value, size, bold=True) for value in tile.values)]
    for change in tile.changes:
        value = (
            f'<font color="{_TONES[change.tone]}"><b>{_marked(change.text, bold=True)}</b></font> '
            if change.text
            else ""
        )
        made.append(_paragraph(value + _marked(change.against), 6.8, QUIET))
    if tile.note:
        made += [Spacer(0, 2), _text(tile.note, 6.5, QUIET)]
    return made


def _worst(page: Page, width: float) -> list[Flowable]:
    title = _text(page.worst_title, 8, bold=True)
    if not page.worst:
        return [title, _text(page.worst_none, 7.5, QUIET)]
    shares = (0.235, 0.105, 0.11, 0.075, 0.155, 0.32)
    rights = (False, True, True, True, False, False)
    rows: list[list[Any]] = [
        [_text(text, 6.8, QUIET, right=right) for text, right in zip(page.heads, rights, strict=True)]
    ]
    for line in page.worst:
        name = f"<b>{_marked(line.asin, bold=True)}</b> · {_marked(line.place)}"
        rows.append(
            [
                [_paragraph(name, 7.2), _text(line.title, 6.5, QUIET)],
                _text(line.units, 7.2, right=True),
                [_text(line.rate, 7.2, bold=True, right=True), _text(line.interval, 6.5, QUIET, right=True)],
                _text(line.category, 7.2, right=True),
                _text(line.reason, 7.2),
                _text(line.advice, 7.2),
            ]
        )
    table = _grid(
        rows,
        [width * share for share in shares],
        [
            ("LINEBELOW", (0, 0), (-1, 0), 0.6, HexColor(QUIET)),
            ("LINEBELOW", (0, 1), (-1, -1), 0.4, HexColor(LINE)),
            ("TOPPADDING", (0, 0), (-1, -1), 2.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
            ("RIGHTPADDING", (0, 0), (-2, -1), 7),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ],
    )
    return [title, _text(page.worst_lead, 7, QUIET), Spacer(0, 2), table]


def _panels(panels: Sequence[Panel], width: float) -> Table:
    gap = 6.0
    each = (width - gap) / 2
    rows: list[list[Any]] = []
    styles: list[tuple[Any, ...]] = [("VALIGN", (0, 0), (-1, -1), "TOP")]
    for number, panel in enumerate(panels):
        if number % 2 == 0:
            if rows:
                rows.append(["", "", ""])
            rows.append(["", "", ""])
        row, column = len(rows) - 1, 2 * (number % 2)
        rows[row][column] = _panel(panel, each - 16)
        styles += [
            ("BACKGROUND", (column, row), (column, row), HexColor(SOFT)),
            ("LEFTPADDING", (column, row), (column, row), 8),
            ("RIGHTPADDING", (column, row), (column, row), 8),
            ("TOPPADDING", (column, row), (column, row), 6),
            ("BOTTOMPADDING", (column, row), (column, row), 6),
        ]
    heights = [gap if not any(row) else None for row in rows]
    return _grid(rows, [each, gap, each], styles, heights)


def _panel(panel: Panel, width: float) -> list[Flowable]:
    made: list[Flowable] = [_text(panel.title, 8, bold=True), Spacer(0, 2)]
    if panel.rows:
        columns = len(panel.rows[0]) - 1
        left = width * (0.56 if columns == 1 else 0.4)
        rows: list[list[Any]] = [[_text(text, 6.8, QUIET, right=True) for text in panel.heads]] if panel.heads else []
        rows += [
            [_text(name, 7.2, QUIET), *(_text(value, 7.2, bold=True, right=True) for value in values)]
            for name, *values in panel.rows
        ]
        made.append(
            _grid(
                rows,
                [left, *([(width - left) / columns] * columns)],
                [("VALIGN", (0, 0), (-1, -1), "TOP"), ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5)],
            )
        )
    return [*made, *(_text(note, 6.8, QUIET) for note in panel.notes)]


def _grid(
    rows: list[list[Any]],
    widths: Sequence[float],
    styles: Sequence[tuple[Any, ...]],
    heights: Sequence[float | None] | None = None,
) -> Table:
    table = Table(rows, colWidths=list(widths), rowHeights=heights)
    plain = [(f"{side}PADDING", (0, 0), (-1, -1), 0) for side in ("LEFT", "RIGHT", "TOP", "BOTTOM")]
    table.setStyle(TableStyle([*plain, *styles]))
    return table


# ---- texts -------------------------------------------------------------------------------------------------------


def _text(text: str, size: float, colour: str = INK, *, bold: bool = False, right: bool = False) -> Paragraph:
    lines = "<br/>".join(_marked(line, bold=bold) for line in text.split("\n"))
    return _paragraph(f"<b>{lines}</b>" if bold else lines, size, colour, right=right)


def _paragraph(markup: str, size: float, colour: str = INK, *, right: bool = False) -> Paragraph:
    style = ParagraphStyle(
        "returnscope",
        fontName=_PLAIN,
        fontSize=size,
        leading=size * 1.28,
        textColor=HexColor(colour),
        wordWrap="CJK" if _WIDE in markup else None,
    )
    if right:
        style.alignment = TA_RIGHT
    return Paragraph(markup, style)


def _runs(text: str) -> list[tuple[bool, str]]:
    """The text in runs, and whether a run needs the wide font."""
    runs: list[tuple[bool, str]] = []
    for piece in re.findall(r"[\x00-\x7f]+|[^\x00-\x7f]", text.translate(_NEIGHBOURS)):
        wide = not _fits(piece)
        if wide and (plain := unicodedata.normalize("NFD", piece)[0]).isascii():  # ź is z in both fonts
            wide, piece = False, plain
        if runs and runs[-1][0] == wide:
            runs[-1] = (wide, runs[-1][1] + piece)
        else:
            runs.append((wide, piece))
    return runs


def _fits(text: str) -> bool:
    """Whether Helvetica has all of it."""
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def _marked(text: str, *, bold: bool = False) -> str:
    """The text as reportlab's markup, each run in a font that has its letters."""
    parts = []
    for wide, run in _runs(text):
        shown = escape(run, quote=False)
        # the wide font has no bold cut, and leaving <b> around it would ask for one
        parts.append(
            f'{"</b>" if bold else ""}<font name="{_WIDE}">{shown}</font>{"<b>" if bold else ""}' if wide else shown
        )
    return "".join(parts)


# ---- drawings ----------------------------------------------------------------------------------------------------


class _Drawn(Flowable):
    """A drawing, as wide as said."""

    def __init__(self, drawing: Drawing, width: float) -> None:
        super().__init__()
        self.drawing, self.scale = drawing, width / drawing.width
        self.width, self.height = width, drawing.height * self.scale

    def draw(self) -> None:
        canvas, drawing = self.canv, self.drawing
        canvas.saveState()
        canvas.scale(self.scale, self.scale)
        for shape in drawing.shapes:
            if isinstance(shape, Box):
                canvas.setFillColor(HexColor(shape.colour))
                y = drawing.height - shape.y - shape.height
                radius = min(shape.radius, shape.width / 2, shape.height / 2)
                canvas.roundRect(shape.x, y, shape.width, shape.height, radius, stroke=0, fill=1)
            elif isinstance(shape, Path):
                canvas.setStrokeColor(HexColor(shape.colour))
                canvas.setLineWidth(shape.width)
                canvas.setLineJoin(1)
                line = canvas.beginPath()
                line.moveTo(shape.points[0][0], drawing.height - shape.points[0][1])
                for x, y in shape.points[1:]:
                    line.lineTo(x, drawing.height - y)
                canvas.drawPath(line)
            elif isinstance(shape, Dot):
                canvas.setFillColor(HexColor(shape.colour))
                canvas.circle(shape.x, drawing.height - shape.y, shape.radius, stroke=0, fill=1)
            else:
                _draw_text(canvas, shape, drawing.height - shape.y)
        canvas.restoreState()


def _draw_text(canvas: Any, shape: Text, y: float) -> None:
    pieces = [(_WIDE if wide else _BOLD if shape.bold else _PLAIN, run) for wide, run in _runs(shape.text)]
    widths = [pdfmetrics.stringWidth(run, font, shape.size) for font, run in pieces]
    x = shape.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[shape.anchor] * sum(widths)
    canvas.setFillColor(HexColor(shape.colour))
    for (font, run), width in zip(pieces, widths, strict=True):
        canvas.setFont(font, shape.size)
        canvas.drawString(x, y, run)
        x += width


class _Logo(Flowable):
    """The logo of `static/logo.svg`, drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.width, self.height = 110.0, 20.0

    def draw(self) -> None:
        canvas = self.canv
        canvas.saveState()
        canvas.scale(0.7, -0.7)
        canvas.translate(0, -30)
        canvas.setFillColor(HexColor(ACCENT))
        canvas.roundRect(1, 3, 26, 26, 7, stroke=0, fill=1)
        canvas.setStrokeColor(HexColor("#ffffff"))
        canvas.setLineWidth(2.6)
        canvas.setLineCap(1)
        canvas.setLineJoin(1)
        line = canvas.beginPath()
        line.moveTo(19.5, 11.5)
        line.lineTo(12.5, 11.5)
        line.curveTo(6.5, 11.5, 6.5, 20.5, 12.5, 20.5)
        line.lineTo(18.5, 20.5)
        line.moveTo(16.6, 7.9)
        line.lineTo(20.8, 11.5)
        line.lineTo(16.6, 15.1)
        canvas.drawPath(line)
        canvas.restoreState()
        canvas.setFillColor(HexColor(INK))
        canvas.setFont(_BOLD, 13.5)
        canvas.drawString(25.5, 5.2, "returnscope")
