"""One ASIN: all that is known about it. Belongs here: the page. Does not belong: lists over ASINs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import streamlit as st

from panel import charts, data, markup
from panel.markup import Column, Html, badge, element, join, link
from panel.page import Page
from panel.views import cost
from panel.views.pieces import alert_list, place


def show(page: Page) -> None:
    """Draw the page."""
    words = page.words
    asin = st.query_params.get("asin", "")
    homes = [
        home
        for home in data.homes_of(page.release, asin)
        if page.where.store in ("", home["store"]) and page.where.marketplace in ("", home["marketplace"])
    ]
    if not homes:
        st.title(asin or words("asin.which"), anchor=False)
        page.html(markup.nothing(words("asin.unknown"), words("asin.unknown_remedy")))
        page.html(element("p", link(words("asin.to_list"), page.to("asins")), class_="rs-source"))
        return
    home = homes[0]
    page = replace(page, where=replace(page.where, store=home["store"], marketplace=home["marketplace"], category=""))
    _head(page, asin, home, data.homes_of(page.release, asin))
    windows = data.insight(page.release, page.where, asin)
    now = next((row for row in windows if row["window_days"] == page.where.window), None)
    if now is None:
        page.html(markup.nothing(words("asin.no_units"), words("asin.no_units_remedy")))
    else:
        _figures(page, asin, now, home["first_seen"])
    tabs = st.tabs([words(f"asin.tab_{name}") for name in ("trend", "why", "reviews", "money", "risk", "stock")])
    for tab, draw in zip(tabs, (_trend, _why, _reviews, _money, _risk, _stock), strict=True):
        with tab:
            draw(page, asin)
            if draw is _trend:
                _windows(page, asin, windows)


def _head(page: Page, asin: str, home: data.Row, homes: list[data.Row]) -> None:
    words = page.words
    st.title(home["title"] or asin, anchor=False)
    others = [
        link(
            f"{words.code('marketplace', other['marketplace'])} ({other['store']})",
            page.to("asin", asin=asin, store=other["store"], marketplace=other["marketplace"]),
        )
        for other in homes
        if (other["store"], other["marketplace"]) != (home["store"], home["marketplace"])
    ]
    parts = [
        asin,
        words.code("marketplace", home["marketplace"]),
        home["store"],
        words.code("category", home["category"]),
        words.money(home["price"], home["currency"]),
        words("asin.seen", first=words.day(home["first_seen"]), last=words.day(home["last_seen"])),
    ]
    made = join(parts, " · ")
    if others:
        made = join([made, " · ", words("asin.also"), " ", join(others, ", ")])
    page.html(element("p", made, class_="rs-lead"))


def _figures(page: Page, asin: str, now: data.Row, first_seen: date | None) -> None:
    words = page.words
    rows = {
        name: page.to_rows(name, asin=asin, **page.days()) for name in ("fct_returns", "fct_refunds", "fct_order_lines")
    }
    change = ""
    # a window before that began ahead of the item's first day is none to compare with
    before = page.release.as_of - timedelta(days=2 * page.where.window - 1)
    is_comparable = first_seen is not None and first_seen <= before
    if is_comparable and now["return_rate"] is not None and now.get("previous_return_rate") is not None:
        change = words("asin.before", value=words.points(now["return_rate"] - now["previous_return_rate"]))
    made = [
        markup.tile(
            words("today.rate"),
            join([words.share(now["return_rate"]), badge(words("asins.high"), "bad")], " ")
            if now["is_high_return_rate"]
            else words.share(now["return_rate"]),
            href=rows["fct_returns"],
            change=change,
            note=words(
                "asin.rate_note",
                low=words.share(now["return_rate_low"]),
                high=words.share(now["return_rate_high"]),
                category=words.share(now["category_return_rate"]),
            ),
            hint=words("basis.same_period"),
        ),
        markup.tile(
            words("units_returned"),
            words.count(now["units_returned"]),
            href=rows["fct_returns"],
            note=words("asin.excluded", units=words.count(now["units_returned_excluded"]))
            if now.get("units_returned_excluded")
            else "",
        ),
        markup.tile(words("units_shipped"), words.count(now["units_shipped"]), href=rows["fct_order_lines"]),
        markup.tile(
            words("asin.cohort"),
            words.share(now["cohort_return_rate"]),
            note=words("asin.cohort_note", share=words.share(now["cohort_maturity"], 0)),
            hint=words("basis.cohort"),
        ),
        markup.tile(
            words("today.refunds"), words.money(now["refund_amount"], now["currency"]), href=rows["fct_refunds"]
        ),
    ]
    page.html(markup.tiles(*made))
    page.source("mart_asin_insights", href=rows["fct_returns"])
    if advice := words.pick(now, "advice"):
        page.html(
            element(
                "div",
                element("p", advice),
                element(
                    "p",
                    words("asin.advice_why", reason=words.code("reason", now["top_reason_class"])),
                    " ",
                    words.share(now["top_reason_share"], 0),
                    " · ",
                    link(words("asin.guide"), page.to("guide", topic=f"guides/{now['top_reason_class']}")),
                    class_="rs-quiet",
                ),
                class_="rs-advice",
            )
        )


def _trend(page: Page, asin: str) -> None:
    words = page.words
    days = 365 if page.where.window > 90 else 180
    rows = data.daily(page.release, page.where, days, asin)
    if not any(row["units_returned"] or row["units_shipped"] for row in rows):
        page.html(markup.nothing(words("asin.no_units")))
    else:
        while len(rows) > 14 and not (rows[0]["units_returned"] or rows[0]["units_shipped"]):
            rows = rows[1:]
        page.chart(
            charts.units_by_day(
                rows,
                (words("units_returned"), words("units_shipped")),
                words("unit.units_week"),
                words.language,
                every=7,
                seasons=data.season_days(page.release, rows[0]["date"], rows[-1]["date"]),
                season_text=words("season_open"),
                height=280,
            ),
            words("asin.trend_say", asin=asin),
        )
        page.source("mart_asin_daily", href=page.to_rows("fct_returns", asin=asin))


def _windows(page: Page, asin: str, windows: list[data.Row]) -> None:
    words = page.words

    def rows(table: str, row: data.Row) -> str:
        return page.to_rows(table, asin=asin, **page.days(row["window_days"]))

    columns = [
        Column(words("col.window"), lambda row: words("filter.days", days=row["window_days"])),
        Column(
            words("col.shipped"),
            lambda row: link(words.count(row["units_shipped"]), rows("fct_order_lines", row)),
            "number",
        ),
        Column(
            words("col.returned"),
            lambda row: link(words.count(row["units_returned"]), rows("fct_returns", row)),
            "number",
        ),
        Column(words("col.rate"), lambda row: page.rate_cell(row, 0.6), "number"),
        Column(words("col.category_rate"), lambda row: words.share(row["category_return_rate"]), "number"),
        Column(words("asin.cohort"), lambda row: words.share(row["cohort_return_rate"]), "number"),
        Column(words("asin.maturity"), lambda row: words.share(row["cohort_maturity"], 0), "number"),
        Column(
            words("col.refunds"),
            lambda row: link(words.money(row["refund_amount"], row["currency"]), rows("fct_refunds", row)),
            "number",
        ),
    ]
    page.html(markup.table(columns, windows, words("asin.windows"), empty=words("asin.no_units"), shown=True))


def _why(page: Page, asin: str) -> None:
    words = page.words
    rows = data.reasons(page.release, page.where, asin)
    columns = [
        Column(words("col.reason"), lambda row: page.guide_link(row["reason_class"])),
        Column(
            words("col.units"),
            lambda row: link(
                words.count(row["units"]),
                page.to_rows("fct_returns", asin=asin, reason_class=row["reason_class"], **page.days()),
            ),
            "number",
        ),
        Column(words("col.share"), lambda row: markup.bar(row["share"], words.share(row["share"], 0))),
        Column(words("col.before"), lambda row: words.share(row["previous_share"], 0), "number"),
        Column(words("col.by_code"), lambda row: words.count(row["units_by_code"]), "number"),
        Column(words("col.by_text"), lambda row: words.count(row["units_by_text"]), "number"),
        Column(words("col.fault"), lambda row: words.code("fault", row["fault"])),
    ]
    page.html(markup.table(columns, rows, words("asin.reasons"), empty=words("today.no_reasons"), shown=True))
    weekly = data.reasons_by_week(page.release, page.where, asin)
    if weekly:
        page.section("asin.reasons_week")
        order = _largest([(row["reason_class"], row["units"]) for row in weekly], 7)
        names = [words.code("reason", name) for name in order]
        drawn: dict[tuple[object, str], dict[str, Any]] = {}
        for row in weekly:
            place = order.index(row["reason_class"]) if row["reason_class"] in order else len(order)
            name = names[place] if place < len(names) else words("other")
            cell = drawn.setdefault(
                (row["week"], name), {"week": row["week"], "reason": name, "units": 0, "place": place}
            )
            cell["units"] += row["units"]
        shown = [*names, words("other")] if any(cell["reason"] == words("other") for cell in drawn.values()) else names
        page.chart(
            charts.stacked(
                list(drawn.values()),
                x="week",
                value="units",
                group="reason",
                order=shown,
                unit=words("unit.units_week"),
                language=words.language,
            ),
            words("asin.reasons_say"),
        )
        page.source("fct_returns", href=page.to_rows("fct_returns", asin=asin))
    page.section("asin.comments", words("asin.comments_lead"))
    found = data.comments(page.release, page.where, asin)
    if not found:
        page.html(markup.nothing(words("asin.no_comments")))
    page.html(join(_comment(page, row) for row in found)) if found else None


def _largest(pairs: list[tuple[str, int]], most: int) -> list[str]:
    sums: dict[str, int] = {}
    for name, units in pairs:
        sums[name] = sums.get(name, 0) + units
    return sorted(sums, key=lambda name: (-sums[name], name))[:most]


def _comment(page: Page, row: data.Row) -> Html:
    words = page.words
    about: list[object] = [
        link(words.day(row["return_date"]), page.to("record", of="fct_returns", id=row["return_id"])),
        words.code("channel", row["channel"]),
        words.code("reason", row["reason_class"]),
    ]
    if row["reason_code"]:
        about.append(words("asin.code_said", code=row["reason_code"]))
    made = [element("p", markup.marked(row["comment"], data.as_list(row["deciding_words"])))]
    tail = join(about, " · ")
    conflict = badge(words("asin.conflict"), "warn") if row["reason_conflict"] else ""
    return element("div", *made, element("p", tail, " ", conflict, class_="rs-quiet"), class_="rs-quote")


def _reviews(page: Page, asin: str) -> None:
    words = page.words
    figures = data.of_asin(page.release, "mart_performance", page.where, asin)
    if figures:
        row = figures[0]
        made = [
            markup.tile(
                words("today.critical"),
                words.share(row["critical_review_rate"]),
                href=page.to_rows("fct_reviews", asin=asin, is_critical="true", channel="", **page.days()),
                note=words(
                    "rate_note",
                    low=words.share(row["rate_low"]),
                    high=words.share(row["rate_high"]),
                    part=words.count(row["critical_reviews"]),
                    whole=words.count(row["reviews"]),
                ),
            ),
            markup.tile(
                words("performance.threshold"),
                words.share(row["threshold"]),
                note=words("performance.alert") if row["is_alert"] else words("performance.no_alert"),
            ),
            markup.tile(words("performance.category"), words.share(row.get("category_critical_rate"))),
        ]
        page.html(markup.tiles(*made))
        page.source("mart_performance")
    found = data.reviews(page.release, page.where, asin)
    page.section("asin.critical_reviews")
    if not found:
        page.html(markup.nothing(words("asin.no_reviews")))
        return
    quotes = []
    for row in found:
        stars = words("asin.stars", stars=f"{row['rating']:g}")
        about = join(
            [
                link(words.day(row["review_date"]), page.to("record", of="fct_reviews", id=row["review_key"])),
                words.code("reason", row["class_by_text"]) if row["class_by_text"] else words("asin.no_class"),
            ],
            " · ",
        )
        quotes.append(
            element(
                "div",
                element("p", badge(stars, "warn"), " ", element("strong", row["title"] or "")),
                element("p", row["body"] or ""),
                element("p", about, class_="rs-quiet"),
                class_="rs-quote",
            )
        )
    page.html(join(quotes))


def _money(page: Page, asin: str) -> None:
    cost.block(page, asin, page.days())
    page.section("asin.recovery")
    page.html(recovery_table(page, data.of_asin(page.release, "mart_recovery", page.where, asin)))
    page.source("mart_recovery", href=page.to_rows("fct_graded_units", asin=asin, channel=""))


def recovery_table(page: Page, rows: list[data.Row]) -> Html:
    """Grade and Resell by month and grade."""
    words = page.words
    columns = [
        Column(words("col.month"), lambda row: words.month(row["month"])),
        Column(words("col.condition"), lambda row: words.code("condition", row["used_condition"])),
        Column(words("col.graded"), lambda row: words.count(row["units_graded"]), "number"),
        Column(words("col.sold"), lambda row: words.count(row["units_sold"]), "number"),
        Column(words("col.sales"), lambda row: words.money(row["gross_sales"], row["currency"]), "number"),
        Column(words("col.fees"), lambda row: words.money(row["fees"], row["currency"]), "number"),
        Column(words("col.net_rate"), lambda row: _net_rate(page, row), "number"),
    ]
    return markup.table(columns, rows, words("page.recovery.title"), empty=words("recovery.none"))


def _net_rate(page: Page, row: data.Row) -> Html:
    """The rate, marked where fees of the month can still be posted."""
    parts = [page.words.share(row["net_recovery_rate"])]
    if row["net_recovery_rate"] is not None and row.get("is_final") is False:
        parts.append(badge(page.words("asin.provisional"), "warn"))
    return markup.join(parts, " ")


def _risk(page: Page, asin: str) -> None:
    words = page.words
    page.section("asin.fee", words("asin.fee_lead"))
    if not page.release.has("mart_high_return_fee"):
        page.missing("mart_high_return_fee")
        return
    rows = data.of_asin(page.release, "mart_high_return_fee", page.where, asin)
    columns = [
        Column(words("col.ship_month"), lambda row: words.month(row["ship_month"])),
        Column(words("col.shipped"), lambda row: words.count(row["units_shipped"]), "number"),
        Column(words("col.returned"), lambda row: words.count(row["units_returned"]), "number"),
        Column(words("col.rate"), lambda row: words.share(row["return_rate"]), "number"),
        Column(words("performance.threshold"), lambda row: _threshold(page, row), "number"),
        Column(words("asin.charged"), lambda row: words.count(row["units_charged"]), "number"),
        Column(
            words("asin.fee_state"),
            lambda row: (
                badge(words("asin.exempt"), "good")
                if row["is_exempt"]
                else badge(words("asin.final"), "info")
                if row["is_final"]
                else badge(words("asin.provisional"), "warn")
            ),
        ),
        Column(
            words("asin.charge_days"),
            lambda row: f"{words.day(row['charge_from'])} – {words.day(row['charge_to'])}",
            "code",
        ),
    ]
    page.html(markup.table(columns, rows[::-1], words("asin.fee"), empty=words("asin.no_fee")))
    page.source("mart_high_return_fee")
    if rows and "return_rate_3m" in rows[-1]:
        page.section("asin.badge", words("asin.badge_lead"))
        last = rows[-1]
        page.html(
            markup.tiles(
                *(
                    markup.tile(
                        words("asin.trailing", months=months),
                        words.share(last[f"return_rate_{months}m"]),
                        note=words(
                            "asin.of_units",
                            part=words.count(last[f"units_returned_{months}m"]),
                            whole=words.count(last[f"units_shipped_{months}m"]),
                        ),
                    )
                    for months in (3, 12)
                )
            )
        )
    if page.release.has("mart_alerts"):
        page.section("today.alerts")
        alert_list(page, data.alerts(page.release, page.where, asin))


def _threshold(page: Page, row: data.Row) -> str:
    """The threshold of the fee; categories without one are charged for each unit."""
    if row["threshold"] is None and row["units_charged"] is not None and not row["is_exempt"]:
        return page.words("asin.every_unit")
    return page.words.share(row["threshold"])


def _stock(page: Page, asin: str) -> None:
    if not page.release.has("mart_inventory"):
        page.missing("mart_inventory")
        return
    rows = data.of_asin(page.release, "mart_inventory", replace(page.where, marketplace=""), asin)
    page.html(inventory_table(page, rows))
    page.source("mart_inventory", href=page.to_rows("fct_inventory", asin=asin, marketplace="", channel=""))


def inventory_table(page: Page, rows: list[data.Row]) -> Html:
    """Stock by SKU beside what returns did to it."""
    words = page.words

    def number(name: str) -> Column:
        return Column(words(f"col.{name}"), lambda row: words.count(row[name]), "number")

    columns = [
        Column(words("col.asin"), page.asin_link, "wide"),
        Column(words("col.marketplace"), lambda row: place(page, row), "code"),
        Column(words("col.sku"), lambda row: row["sku"], "code"),
        *(
            number(name)
            for name in (
                "fulfillable", "unsellable", "reserved", "inbound", "returned_sellable_30d", "returned_unsellable_30d",
            )
        ),
        Column(words("col.snapshot_date"), lambda row: words.day(row["snapshot_date"]), "code"),
    ]  # fmt: skip
    return markup.table(columns, rows, words("page.inventory.title"), empty=words("inventory.none"))
