"""Recovery: what Grade and Resell brings in. Belongs here: the page."""

from __future__ import annotations

from panel import charts, data, markup
from panel.markup import Column
from panel.page import Page
from panel.views.asin import recovery_table
from panel.views.pieces import place

_GRADES = ("like_new", "very_good", "good", "acceptable", "unknown")


def show(page: Page) -> None:
    """Draw the page."""
    words = page.words
    page.release.need("mart_recovery")
    totals = data.recovery_totals(page.release, page.where)
    sold = [row for row in totals if row["currency"]]
    for row in sold:
        page.html(markup.tiles(*_tiles(page, row, len(sold) > 1)))
    unsold = sum(row["units_graded"] or 0 for row in totals if not row["currency"])
    if unsold:
        page.html(markup.element("p", words("recovery.unsold", units=words.count(unsold)), class_="rs-source"))
    if totals:
        page.source("mart_recovery", href=page.to_rows("fct_graded_units", channel=""))
    rows = data.recovery(page.release, page.where)
    _chart(page, rows)
    page.section("recovery.by_asin", words("recovery.by_asin_lead"))
    columns = [
        Column(words("col.asin"), page.asin_link, "wide"),
        Column(words("col.marketplace"), lambda row: place(page, row), "code"),
        Column(words("col.graded"), lambda row: words.count(row["units_graded"]), "number"),
        Column(words("col.sold"), lambda row: words.count(row["units_sold"]), "number"),
        Column(words("col.sales"), lambda row: words.money(row["gross_sales"], row["currency"]), "number"),
        Column(words("col.fees"), lambda row: words.money(row["fees"], row["currency"]), "number"),
        Column(words("col.net_rate"), lambda row: words.share(row["net_recovery_rate"]), "number"),
    ]
    asins = data.recovery_by_asin(page.release, page.where)
    page.html(markup.table(columns, asins, words("recovery.by_asin"), empty=words("recovery.none")))
    page.section("recovery.by_month")
    page.html(recovery_table(page, rows))
    page.source("mart_recovery")
    page.downloads(lambda: data.table_arrow(page.release, "mart_recovery", page.where), "mart_recovery", len(rows))


def _tiles(page: Page, row: data.Row, named: bool) -> list[markup.Html]:
    words = page.words
    currency = row["currency"]
    tail = f" ({currency})" if named and currency else ""
    rows = page.to_rows("fct_graded_units", channel="")
    return [
        markup.tile(
            words("today.recovery") + tail,
            words.share(row["net_recovery_rate"]),
            href=rows,
            note=words("today.fees_unknown") if row["fees"] is None else words("recovery.formula"),
        ),
        markup.tile(words("col.sales") + tail, words.money(row["gross_sales"], currency), href=rows),
        markup.tile(words("col.fees") + tail, words.money(row["fees"], currency), href=rows),
        markup.tile(
            words("recovery.units") + tail,
            words("recovery.units_of", sold=words.count(row["units_sold"]), graded=words.count(row["units_graded"])),
            href=rows,
        ),
    ]


def _chart(page: Page, rows: list[data.Row]) -> None:
    words = page.words
    page.section("recovery.chart")
    sums: dict[tuple[object, str], int] = {}
    for row in rows:
        key = (row["month"], row["used_condition"])
        sums[key] = sums.get(key, 0) + (row["units_sold"] or 0)
    drawn = [
        {"month": month, "grade": words.code("condition", grade), "units": units, "place": _place(grade)}
        for (month, grade), units in sums.items()
        if units
    ]
    if not drawn:
        page.html(markup.nothing(words("recovery.none"), words("recovery.none_remedy")))
        return
    grades = sorted({grade for (_, grade), units in sums.items() if units}, key=_place)
    page.chart(
        charts.stacked(
            drawn,
            x="month",
            value="units",
            group="grade",
            order=[words.code("condition", grade) for grade in grades],
            unit=words("recovery.unit_sold"),
            language=words.language,
            every="month",
            height=220,
        ),
        words("recovery.chart"),
    )
    page.source("mart_recovery")


def _place(grade: str) -> int:
    return _GRADES.index(grade) if grade in _GRADES else len(_GRADES)
