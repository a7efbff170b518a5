"""Performance: critical reviews. Belongs here: the page. Does not belong: one ASIN's reviews (`asin.py`)."""

from __future__ import annotations

from panel import charts, data, markup
from panel.markup import Column, Html, badge, join, link
from panel.page import Page
from panel.views import health
from panel.views.pieces import place

_STARS = ("#a5211c", "#c8501e", "#8a6d00", "#7fb3a0", "#0b5f6b")


def show(page: Page) -> None:
    """Draw the page."""
    words = page.words
    page.release.need("mart_performance")
    rate = data.reviews_rate(page.release, page.where)
    count, rows = data.performance(page.release, page.where)
    counts = data.performance_counts(page.release, page.where)
    days = page.days()
    page.html(
        markup.tiles(
            markup.tile(
                words("today.critical"),
                words.share(rate.value),
                note=page.rate_note(rate),
                href=page.to_rows("fct_reviews", is_critical="true", channel="", **days),
            ),
            markup.tile(
                words("performance.reviews"),
                words.count(rate.whole),
                href=page.to_rows("fct_reviews", channel="", **days),
            ),
            markup.tile(
                words("performance.alerts"), words.count(counts["alerts"]), note=words("performance.alerts_note")
            ),
            markup.tile(
                words("performance.credible"),
                words.count(counts["credible"]),
                note=words("performance.credible_note") if counts["credible"] else "",
            ),
        )
    )
    page.source("mart_performance")
    _stars(page)
    health.section(page, days)
    page.section("performance.list", words("performance.list_lead"))
    index = page.pager(count)
    if index:
        _, rows = data.performance(page.release, page.where, index)
    page.html(_table(page, rows, days))
    page.source("mart_performance")
    page.downloads(lambda: data.table_arrow(page.release, "mart_performance", page.where), "mart_performance", count)


def _stars(page: Page) -> None:
    words = page.words
    rows = data.stars_by_month(page.release, page.where) if page.release.has("fct_reviews") else []
    page.section("performance.stars")
    if not rows:
        page.html(markup.nothing(words("performance.no_reviews"), words("performance.no_reviews_remedy")))
        return
    drawn = [{**row, "name": words("asin.stars", stars=row["stars"]), "place": 5 - row["stars"]} for row in rows]
    page.chart(
        charts.stacked(
            drawn,
            x="month",
            value="reviews",
            group="name",
            order=[words("asin.stars", stars=stars) for stars in (1, 2, 3, 4, 5)],
            unit=words("unit.reviews"),
            language=words.language,
            every="month",
            colours=_STARS,
            height=220,
        ),
        words("performance.stars_say"),
    )
    page.source("fct_reviews", href=page.to_rows("fct_reviews", channel=""))


def _table(page: Page, rows: list[data.Row], days: dict[str, str]) -> Html:
    words = page.words
    top = min(max([row["rate_high"] or 0 for row in rows if row["reviews"] >= 10] or [0.5]), 1.0)

    def reviews_of(row: data.Row, critical: bool) -> Html:
        href = page.to_rows(
            "fct_reviews",
            asin=row["asin"],
            store=row["store"],
            marketplace=row["marketplace"],
            is_critical="true" if critical else "",
            channel="",
            **days,
        )
        return link(words.count(row["critical_reviews" if critical else "reviews"]), href)

    def state(row: data.Row) -> Html:
        made = []
        if row["is_alert"]:
            since = row.get("first_alert_date")
            made.append(badge(words("performance.alert"), "warn"))
            if since:
                made.append(markup.element("small", words("alerts.since", day=words.day(since)), class_="rs-block"))
        if row.get("is_credibly_above_category"):
            made.append(badge(words("performance.above"), "bad"))
        return join(made, " ")

    columns = [
        Column(words("col.asin"), page.asin_link, "wide"),
        Column(words("col.marketplace"), lambda row: place(page, row), "code"),
        Column(words("performance.reviews"), lambda row: reviews_of(row, False), "number"),
        Column(words("performance.critical"), lambda row: reviews_of(row, True), "number"),
        Column(
            words("today.critical"),
            lambda row: page.rate_cell(row, top, "critical", "category_critical_rate"),
            "number",
        ),
        Column(words("performance.category"), lambda row: words.share(row.get("category_critical_rate")), "number"),
        Column(words("performance.state"), state, "code"),
        Column(words("performance.complaint"), lambda row: page.guide_link(row.get("top_reason_class"))),
        Column(words("col.advice"), lambda row: words.pick(row, "advice"), "wide"),
    ]
    return markup.table(columns, rows, words("performance.list"), empty=words("performance.no_reviews"))
