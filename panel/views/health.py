"""Account health: what Amazon judges seller-fulfilled orders by. Belongs here: that table of the page Performance."""

from __future__ import annotations

from panel import data, markup
from panel.markup import Column, Html, badge, element, join, link
from panel.page import Page
from panel.views.pieces import place


def section(page: Page, days: dict[str, str]) -> None:
    """Rates per store and marketplace with their numerators, denominators and intervals, and the limit."""
    words = page.words
    page.section("health.title", words("health.lead"))
    if not page.release.has("mart_account_health"):
        page.missing("mart_account_health")
        return
    rows = data.account_health(page.release, page.where)

    def requests(row: data.Row) -> Html:
        href = page.to_rows("fct_returns", store=row["store"], marketplace=row["marketplace"], channel="FBM", **days)
        return link(words.count(row["requests"]), href)

    columns = [
        Column(words("col.marketplace"), lambda row: place(page, row), "code"),
        Column(words("health.defects"), lambda row: _defects(page, row), "number"),
        Column(words("health.limit"), lambda row: words.share(row["order_defect_limit"]), "number"),
        Column(words("health.state"), lambda row: _state(page, row)),
        Column(words("health.requests"), requests, "number"),
        Column(words("health.approved"), lambda row: _approved(page, row), "number", words("health.approved_help")),
        Column(words("health.declined"), lambda row: _rate(page, row, "declined", "requests"), "number"),
        Column(words("health.a_to_z"), lambda row: _rate(page, row, "a_to_z", "requests"), "number"),
    ]
    page.html(markup.table(columns, rows, words("health.title"), empty=words("health.none")))
    page.source("mart_account_health")


def _counts(page: Page, part: int | None, whole: int | None, low: float | None, high: float | None) -> Html:
    words = page.words
    if part is None or not whole:
        return element("small", words("no_denominator"), class_="rs-block")
    of = words("health.of", part=words.count(part), whole=words.count(whole))
    between = words("health.interval", low=words.share(low), high=words.share(high))
    return join([element("small", of, class_="rs-block"), element("small", between, class_="rs-block")])


def _rate(page: Page, row: data.Row, name: str, whole: str) -> Html:
    counts = _counts(page, row[f"requests_{name}"], row[whole], row[f"{name}_rate_low"], row[f"{name}_rate_high"])
    return join([page.words.share(row[f"{name}_rate"]), counts])


def _defects(page: Page, row: data.Row) -> Html:
    """The order defect rate; at least that where an input is unknown, which is named."""
    words = page.words
    unknown = [name for name in str(row["unknown_parts"]).split(", ") if name]
    sign = "≥ " if unknown and row["order_defect_rate"] is not None else ""
    counts = _counts(
        page, row["orders_defective"], row["orders"], row["order_defect_rate_low"], row["order_defect_rate_high"]
    )
    named = words("comma").join(words(f"health.part_{name}") for name in unknown)
    without = element("small", words("health.without", parts=named), class_="rs-block") if unknown else ""
    return join([sign + words.share(row["order_defect_rate"]), counts, without])


def _approved(page: Page, row: data.Row) -> Html:
    """Requests approved within 24 hours; both bounds where the deliveries do not tell of all."""
    words = page.words
    open_ = row["requests_undetermined_24h"]
    if row["approved_24h_rate"] is not None or not open_ or not row["requests"]:
        counts = _counts(
            page,
            row["requests_approved_24h"],
            row["requests"],
            row["approved_24h_rate_low"],
            row["approved_24h_rate_high"],
        )
        return join([words.share(row["approved_24h_rate"]), counts])
    low = row["requests_approved_24h"] / row["requests"]
    high = (row["requests_approved_24h"] + open_) / row["requests"]
    told = words(
        "health.told",
        approved=words.count(row["requests_approved_24h"]),
        late=words.count(row["requests_not_approved_24h"]),
        open=words.count(open_),
    )
    return join([f"{words.share(low)} – {words.share(high)}", element("small", told, class_="rs-block")])


def _state(page: Page, row: data.Row) -> Html:
    words = page.words
    is_above = row["is_above_order_defect_limit"]
    if is_above:
        return badge(words("health.above"), "bad")
    if is_above is None or not row["orders"]:
        return badge(words("health.unknown"), "plain")
    if row["unknown_parts"]:
        return badge(words("health.below_known"), "plain")
    return badge(words("health.below"), "good")
