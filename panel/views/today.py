"""Today: the five minutes of each morning. Belongs here: tiles, changes, alerts, completeness at a glance."""

from __future__ import annotations

import streamlit as st

from panel import charts, data, decisions, markup
from panel.markup import Html, badge, element, link, tile
from panel.page import Page
from panel.views import cost
from panel.views.pieces import alert_list, money_tile, place

#: alerts that stand open; the others are one click away
_ALERTS = 5


def show(page: Page) -> None:
    """Draw the page."""
    _completeness(page)
    _tiles(page)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _trend(page)
        _movers(page)
    with right:
        _alerts(page)
        _reasons(page)


def _completeness(page: Page) -> None:
    words = page.words
    if not page.release.has("ops_windows"):
        page.html(element("p", words("today.as_of", day=words.day(page.release.as_of)), class_="rs-source"))
        return
    rows = data.complete_through(page.release, page.where)
    gaps = [row for row in rows if row["missing"]]
    ends = [row["complete_through"] for row in rows if row["complete_through"] is not None]
    text = words("today.complete", day=words.day(min(ends))) if ends else words("today.incomplete")
    note = words("today.gaps", feeds=len(gaps)) if gaps else words("today.no_gaps")
    page.html(
        element(
            "p",
            words("today.as_of", day=words.day(page.release.as_of)),
            " · ",
            text,
            " ",
            badge(note, "warn" if gaps else "good"),
            " ",
            link(words("today.see_completeness"), page.to("completeness")),
            class_="rs-source",
        )
    )


def _tiles(page: Page) -> None:
    words, release, where = page.words, page.release, page.where
    now, before = data.totals(release, where), data.totals(release, where, days_ago=1)
    days = page.days()
    returned = now.returned - before.returned
    rate_change = None
    if now.rate.value is not None and before.rate.value is not None:
        rate_change = now.rate.value - before.rate.value
    reviews = data.reviews_rate(release, where) if release.has("mart_performance") else data.Rate(0, 0)
    made = [
        tile(
            words("today.returns"),
            words.count(now.returned),
            href=page.to_rows("fct_returns", **days),
            change=words("today.since_yesterday", value=words.signed(returned)),
            tone=_tone(returned),
            note=words("today.units_window", days=where.window),
        ),
        tile(
            words("today.rate"),
            words.share(now.rate.value),
            href=page.to("asins", order="credible"),
            change=words("today.since_yesterday", value=words.points(rate_change)) if rate_change is not None else "",
            tone=_tone(round(rate_change or 0, 3)),
            note=page.rate_note(now.rate),
            hint=words("basis.same_period"),
        ),
        money_tile(page, words("today.refunds"), now.refunds, page.to_rows("fct_refunds", **days), before.refunds),
        tile(
            words("today.critical"),
            words.share(reviews.value),
            href=page.to("performance"),
            note=page.rate_note(reviews),
        ),
        _recovery_tile(page),
        _desk_tile(page),
    ]
    page.html(markup.tiles(*made))
    if (spent := cost.line(page)) is not None:
        page.html(spent)
    page.source("mart_asin_daily", "mart_performance", "mart_recovery", "mart_dispute_desk", "mart_return_cost")


def _tone(change: float) -> str:
    return "bad" if change > 0 else "good" if change < 0 else ""


def _recovery_tile(page: Page) -> Html:
    words = page.words
    rows = data.recovery_totals(page.release, page.where) if page.release.has("mart_recovery") else []
    known = [row for row in rows if row["net_recovery_rate"] is not None]
    if not known:
        note = words("today.fees_unknown") if rows else words("today.no_recovery")
        return tile(words("today.recovery"), words.share(None), href=page.to("recovery"), note=note)
    first, rest = known[0], known[1:]
    sold = words("today.of_sales", amount=words.money(first["gross_sales"], first["currency"], rounded=True))
    more = " · ".join(f"{row['currency']} {words.share(row['net_recovery_rate'])}" for row in rest[:2])
    note = f"{sold} · {more}" if more else sold
    return tile(words("today.recovery"), words.share(first["net_recovery_rate"]), href=page.to("recovery"), note=note)


def _desk_tile(page: Page) -> Html:
    words = page.words
    if not page.release.has("mart_dispute_desk"):
        return tile(words("today.cases"), words.count(None), note=words("missing.short"))
    fresh = decisions.fresh(page.release, page.visitor.stores)
    found = data.open_cases(page.release, page.where, (case for _, case in fresh))
    change = (
        words("today.overdue", count=words.count(found["overdue"])) if found["overdue"] else words("today.none_overdue")
    )
    worth = words.monies(found["worth"], rounded=True) if found["worth"] else ""
    decided = words("today.decided", count=words.count(len(fresh))) if fresh else ""
    return tile(
        words("today.cases"),
        words.count(found["cases"]),
        href=page.to("desk"),
        change=change,
        tone="bad" if found["overdue"] else "",
        note=" · ".join(part for part in (words("today.due_soon", count=found["soon"]), worth, decided) if part),
    )


def _trend(page: Page) -> None:
    words, where = page.words, page.where
    days = max(where.window, 30)
    rows = data.daily(page.release, where, days)
    page.section("today.trend", words("today.trend_lead"), days=days)
    if not any(row["units_returned"] or row["units_shipped"] for row in rows):
        page.html(markup.nothing(words("today.no_units")))
        return
    seasons = data.season_days(page.release, rows[0]["date"], rows[-1]["date"])
    every = 1 if days <= 120 else 7
    page.chart(
        charts.units_by_day(
            rows,
            (words("units_returned"), words("units_shipped")),
            words("unit.units") if every == 1 else words("unit.units_week"),
            words.language,
            every=every,
            seasons=seasons,
            season_text=words("season_open"),
        ),
        words(
            "today.trend_say",
            returned=words.count(sum(row["units_returned"] for row in rows)),
            shipped=words.count(sum(row["units_shipped"] for row in rows)),
            days=days,
        ),
    )
    page.source("mart_asin_daily")


def _movers(page: Page) -> None:
    words = page.words
    page.section("today.movers", words("today.movers_lead", day=words.day(page.release.as_of)))
    rows = data.movers(page.release, page.where)
    day = page.release.as_of.isoformat()

    def returns_of(row: data.Row) -> Html:
        href = page.to_rows(
            "fct_returns",
            asin=row["asin"],
            store=row["store"],
            marketplace=row["marketplace"],
            first=day,
            last=day,
        )
        return link(words.count(row["today"]), href)

    columns = [
        markup.Column(words("col.asin"), page.asin_link, "wide"),
        markup.Column(words("col.marketplace"), lambda row: place(page, row), "code"),
        markup.Column(words("today.that_day"), returns_of, "number"),
        markup.Column(words("today.usual"), lambda row: f"{float(row['usual']):,.1f}", "number"),
    ]
    page.html(markup.table(columns, rows, words("today.movers"), empty=words("today.no_movers")))


def _alerts(page: Page) -> None:
    page.section("today.alerts")
    if not page.release.has("mart_alerts"):
        page.missing("mart_alerts")
        return
    rows, count = data.alerts(page.release, page.where), data.alert_count(page.release, page.where)
    alert_list(page, rows[:_ALERTS])
    if rest := rows[_ALERTS:]:
        key = "alerts.more" if len(rows) == count else "alerts.more_cut"
        with st.expander(page.words(key, shown=page.words.count(len(rest)), count=page.words.count(count))):
            alert_list(page, rest)


def _reasons(page: Page) -> None:
    words = page.words
    page.section("today.reasons", days=page.where.window)
    rows = data.reasons(page.release, page.where)
    columns = [
        markup.Column(words("col.reason"), lambda row: page.guide_link(row["reason_class"])),
        markup.Column(words("col.share"), lambda row: markup.bar(row["share"], words.share(row["share"], 0))),
        markup.Column(
            words("col.units"),
            lambda row: link(
                words.count(row["units"]),
                page.to_rows(
                    "fct_returns",
                    reason_class=row["reason_class"],
                    **page.days(),
                ),
            ),
            "number",
        ),
    ]
    page.html(markup.table(columns, rows[:8], words("col.reason"), empty=words("today.no_reasons")))
    page.source("mart_return_reasons")
