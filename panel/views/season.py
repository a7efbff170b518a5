"""Holiday season: what was bought in it and can still come back. Belongs here: the page."""

from __future__ import annotations

from datetime import date, timedelta

import streamlit as st

from panel import charts, data, markup
from panel.markup import Column, badge, link
from panel.page import Page
from panel.views.pieces import place

#: first and last day
Days = tuple[date, date]


def show(page: Page) -> None:
    """Draw the page."""
    words = page.words
    page.release.need("mart_holiday_returns")
    seasons = data.seasons(page.release)
    if not seasons:
        page.html(markup.nothing(words("season.none"), words("season.none_remedy")))
        return
    asked = st.query_params.get("season")
    season = st.selectbox(
        words("season.season"), seasons, index=seasons.index(asked) if asked in seasons else 0, width=190
    )
    weeks = data.season_weeks(page.release, page.where, season)
    days = data.season_purchase_days(page.release, season)
    shipped, returned, still = (
        sum(row[name] or 0 for row in weeks) for name in ("units_shipped", "units_returned", "open_units")
    )
    ends = [row["last_return_date"] for row in weeks if row["last_return_date"]]
    rate = data.Rate(returned, shipped)
    page.html(
        markup.tiles(
            markup.tile(words("season.shipped"), words.count(shipped), href=_shipped(page, days)),
            markup.tile(
                words("season.returned"), words.count(returned), href=_returned(page, days), note=page.rate_note(rate)
            ),
            markup.tile(
                words("season.open"), words.count(still), note=words("season.open_note"), tone="bad" if still else ""
            ),
            markup.tile(words("season.until"), words.day(max(ends)) if ends else words.day(None)),
        )
    )
    page.source("mart_holiday_returns")
    _chart(page, weeks)
    _weeks(page, weeks, days)
    page.section("season.by_asin", words("season.by_asin_lead"))
    columns = [
        Column(words("col.asin"), page.asin_link, "wide"),
        Column(words("col.marketplace"), lambda row: place(page, row), "code"),
        Column(
            words("season.shipped"),
            lambda row: link(words.count(row["units_shipped"]), _shipped(page, days, **_item(row))),
            "number",
        ),
        Column(
            words("season.returned"),
            lambda row: link(words.count(row["units_returned"]), _returned(page, days, **_item(row))),
            "number",
        ),
        Column(
            words("col.rate"),
            lambda row: words.share(data.Rate(row["units_returned"], row["units_shipped"]).value),
            "number",
        ),
        Column(words("season.open"), lambda row: words.count(row["open_units"]), "number"),
        Column(words("season.until"), lambda row: words.day(row["last_return_date"]), "code"),
    ]
    rows = data.season_asins(page.release, page.where, season)
    page.html(markup.table(columns, rows, words("season.by_asin"), empty=words("season.none")))
    page.source("mart_holiday_returns")
    page.downloads(
        lambda: data.table_arrow(page.release, "mart_holiday_returns", page.where), "mart_holiday_returns", len(rows)
    )


def _chart(page: Page, weeks: list[data.Row]) -> None:
    words = page.words
    page.section("season.chart")
    parts = (("units_returned", words("season.returned")), ("open_units", words("season.open")))
    closed = words("season.closed")
    drawn: list[dict[str, object]] = []
    for row in weeks:
        for index, (name, text) in enumerate(parts):
            drawn.append({"week": row["purchase_week"], "part": text, "units": row[name], "place": index})
        kept = max((row["units_shipped"] or 0) - (row["units_returned"] or 0) - (row["open_units"] or 0), 0)
        drawn.append({"week": row["purchase_week"], "part": closed, "units": kept, "place": 2})
    page.chart(
        charts.stacked(
            drawn,
            x="week",
            value="units",
            group="part",
            order=[*(text for _, text in parts), closed],
            unit=words("season.unit"),
            language=words.language,
            colours=(charts.WARM, "#e0b04c", "#b9d3d7"),
        ),
        words("season.chart"),
    )
    page.source("mart_holiday_returns")


def _item(row: data.Row) -> dict[str, str]:
    return {name: row[name] for name in ("store", "marketplace", "asin")}


def _shipped(page: Page, days: Days | None, **item: str) -> str | None:
    """The order lines bought on these days."""
    if days is None:
        return None
    return page.to_rows(
        "fct_order_lines", channel="", window="", first=days[0].isoformat(), last=days[1].isoformat(), **item
    )


def _returned(page: Page, days: Days | None, **item: str) -> str | None:
    """The returns of what was bought on these days."""
    if days is None:
        return None
    return page.to_rows(
        "fct_returns", channel="", window="", bought_first=days[0].isoformat(), bought_last=days[1].isoformat(), **item
    )


def _of_week(row: data.Row, days: Days | None) -> Days | None:
    """The days of a purchase week that are in the season."""
    first = row["purchase_week"]
    return days and (max(first, days[0]), min(first + timedelta(days=6), days[1]))


def _weeks(page: Page, weeks: list[data.Row], days: Days | None) -> None:
    words = page.words
    columns = [
        Column(words("season.week"), lambda row: words.day(row["purchase_week"]), "code"),
        Column(
            words("season.shipped"),
            lambda row: link(words.count(row["units_shipped"]), _shipped(page, _of_week(row, days))),
            "number",
        ),
        Column(
            words("season.returned"),
            lambda row: link(words.count(row["units_returned"]), _returned(page, _of_week(row, days))),
            "number",
        ),
        Column(
            words("col.rate"),
            lambda row: words.share(data.Rate(row["units_returned"], row["units_shipped"]).value),
            "number",
        ),
        Column(words("season.open"), lambda row: words.count(row["open_units"]), "number"),
        Column(words("season.until"), lambda row: words.day(row["last_return_date"]), "code"),
        Column(
            words("season.state"),
            lambda row: (
                badge(words("season.still"), "warn")
                if row["last_return_date"] and row["last_return_date"] >= page.release.as_of
                else badge(words("season.over"), "plain")
            ),
        ),
    ]
    page.html(markup.table(columns, weeks, words("season.weeks"), empty=words("season.none"), shown=True))
