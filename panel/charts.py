"""Charts, drawn by the Vega that Streamlit carries: no outside request, units on the axes, a text for who cannot see.

Belongs here: form, colours and axes. Does not belong: which rows, words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import altair as alt

INK, QUIET, LINE = "#16232b", "#55646d", "#e3e8eb"
#: each at least 3 : 1 against white and told apart by people who see red and green alike (Okabe and Ito, darkened)
COLOURS = ("#0b5f6b", "#c8501e", "#6a4c93", "#8a6d00", "#2f6fb0", "#a83255", "#4b7d2a", "#75848d")
ACCENT, WARM = COLOURS[0], COLOURS[1]
_SEASON = "#f6ead2"


def _plain(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows as Vega takes them: days as text, decimals as numbers (only for drawing)."""

    def one(value: Any) -> Any:
        if isinstance(value, date):
            return value.isoformat()
        return float(value) if isinstance(value, Decimal) else value

    return [{key: one(value) for key, value in row.items()} for row in rows]


def _finish(chart: Any, height: int) -> Any:
    return (
        chart.properties(height=height, usermeta={"embedOptions": {"actions": False}})
        .configure(font="Source Sans, Noto Sans CJK SC, Noto Sans SC, PingFang SC, Microsoft YaHei, sans-serif")
        .configure_view(strokeWidth=0)
        .configure_axis(
            labelColor=QUIET, titleColor=QUIET, titleFontWeight="normal", titleFontSize=12, labelFontSize=12,
            gridColor=LINE, domainColor=LINE, tickColor=LINE,
        )
        .configure_legend(
            labelColor=INK, title=None, orient="top", labelFontSize=12, symbolType="square", labelLimit=260, offset=4
        )
    )  # fmt: skip


def _days(language: str, every: str = "day") -> alt.Axis:
    formats = {
        ("en", "day"): "%-d %b", ("zh", "day"): "%-m月%-d日", ("en", "month"): "%b %Y", ("zh", "month"): "%Y年%-m月",
    }  # fmt: skip
    return alt.Axis(format=formats[language, every], title=None, grid=False, labelOverlap=True, tickCount=8)


def _seasons(seasons: Sequence[Mapping[str, Any]], say: str) -> list[Any]:
    """Fields behind the days of a holiday return window."""
    if not seasons:
        return []
    rows = [
        {"first": row["first"].isoformat(), "last": (row["last"] + timedelta(days=1)).isoformat(), "text": say}
        for row in seasons
    ]
    source = alt.Data(values=rows)
    field = alt.Chart(source).mark_rect(color=_SEASON, opacity=0.9).encode(x="first:T", x2="last:T")
    text = (
        alt.Chart(source)
        .mark_text(align="left", baseline="top", dx=5, dy=4, color="#6b4e00", fontSize=11)
        .encode(x="first:T", y=alt.value(0), text="text:N")
    )
    return [field, text]


def units_by_day(
    rows: Sequence[Mapping[str, Any]], names: tuple[str, str], unit: str, language: str, *, every: int = 1,
    seasons: Sequence[Mapping[str, Any]] = (), season_text: str = "", height: int = 240,
) -> Any:  # fmt: skip
    """Units returned as columns and units shipped as a line, by day, or by `every` days summed."""
    summed: list[dict[str, Any]] = []
    for index, row in enumerate(rows):
        if index % every == 0:
            summed.append({"date": row["date"], "units_returned": 0, "units_shipped": 0})
        summed[-1]["units_returned"] += row["units_returned"]
        summed[-1]["units_shipped"] += row["units_shipped"]
    drawn = [{**row, "returned": names[0], "shipped": names[1]} for row in _plain(summed)]
    source = alt.Data(values=drawn)
    scale = alt.Scale(domain=list(names), range=[WARM, ACCENT])
    x = alt.X("date:T", axis=_days(language))
    tips = [
        alt.Tooltip("date:T", format="%Y-%m-%d", title=" "),
        alt.Tooltip("units_returned:Q", title=names[0], format=","),
        alt.Tooltip("units_shipped:Q", title=names[1], format=","),
    ]
    # room above the highest point for the word that stands at the top of a season
    top = max(max(row["units_returned"], row["units_shipped"]) for row in summed) * (1.14 if seasons else 1)
    scale_y = alt.Scale(domain=[0, max(top, 1)])
    y = alt.Y("units_returned:Q", title=unit, axis=alt.Axis(tickMinStep=1, format=",d", tickCount=5), scale=scale_y)
    returned = (
        alt.Chart(source)
        .mark_bar(width={"band": 0.7} if len(drawn) < 2 else max(2, min(14, 620 // max(len(drawn), 1))))
        .encode(x=x, y=y, color=alt.Color("returned:N", scale=scale), tooltip=tips)
    )
    shipped = (
        alt.Chart(source)
        .mark_line(strokeWidth=1.8)
        .encode(x=x, y=alt.Y("units_shipped:Q", title=unit), color=alt.Color("shipped:N", scale=scale), tooltip=tips)
    )
    return _finish(alt.layer(*_seasons(seasons, season_text), returned, shipped), height)


def stacked(
    rows: Sequence[Mapping[str, Any]], *, x: str, value: str, group: str, order: Sequence[str], unit: str,
    language: str, every: str = "day", height: int = 240, colours: Sequence[str] = COLOURS, share: bool = False,
) -> Any:  # fmt: skip
    """Columns stacked by group over days or months; `group` holds the names to be shown, `order` their order."""
    source = alt.Data(values=_plain(rows))
    chart = (
        alt.Chart(source)
        .mark_bar(width={"band": 0.75})
        .encode(
            x=alt.X(f"{x}:O", axis=_ordinal(language, every), scale=alt.Scale(paddingInner=0.2)),
            y=alt.Y(
                f"{value}:Q",
                title=unit,
                stack="normalize" if share else "zero",
                axis=alt.Axis(format="%" if share else ",d", tickCount=5, tickMinStep=0 if share else 1),
            ),
            color=alt.Color(f"{group}:N", scale=alt.Scale(domain=list(order), range=list(colours)), sort=list(order)),
            order=alt.Order("place:Q"),
            tooltip=[
                alt.Tooltip(f"{x}:N", title=" "),
                alt.Tooltip(f"{group}:N", title="  "),
                alt.Tooltip(f"{value}:Q", title=unit, format=","),
            ],
        )
    )
    return _finish(chart, height)


def _ordinal(language: str, every: str) -> alt.Axis:
    if every == "month":
        shown = "utcFormat(datum.value, '%b %y')" if language == "en" else "utcFormat(datum.value, '%y年%-m月')"
    else:
        shown = "utcFormat(datum.value, '%-d %b')" if language == "en" else "utcFormat(datum.value, '%-m月%-d日')"
    # the days are text: JavaScript reads a bare ISO day as UTC, so it is written in UTC again
    return alt.Axis(
        title=None, labelExpr=shown.replace("datum.value", "toDate(datum.value)"), labelAngle=0, labelOverlap=True
    )


def bars(rows: Sequence[Mapping[str, Any]], *, name: str, value: str, unit: str, height: int | None = None) -> Any:
    """Horizontal bars in the order of the rows."""
    drawn = _plain(rows)
    base = alt.Chart(alt.Data(values=drawn)).encode(
        y=alt.Y(
            f"{name}:N", sort=[row[name] for row in drawn], title=None, axis=alt.Axis(labelLimit=220, domain=False)
        ),
        x=alt.X(f"{value}:Q", title=unit, axis=alt.Axis(format=",d", tickCount=5, tickMinStep=1)),
        tooltip=[alt.Tooltip(f"{name}:N", title=" "), alt.Tooltip(f"{value}:Q", title=unit, format=",")],
    )
    return _finish(
        alt.layer(
            base.mark_bar(color=ACCENT, height={"band": 0.65}),
            base.mark_text(align="left", dx=4, color=INK).encode(text=alt.Text(f"{value}:Q", format=",")),
        ),
        height or 26 * max(len(drawn), 2) + 30,
    )
