"""Data completeness: what is in, what is missing, what was refused, what was checked. Belongs here: the page."""

from __future__ import annotations

from collections.abc import Sequence

from panel import data, markup
from panel.markup import Column, Html, badge, element, join
from panel.page import Page

#: look and sign of a day by its state; the sign is for who does not see the colour
_LOOKS = {
    "loaded": ("in", ""),
    "duplicate": ("in", ""),
    "loaded_empty": ("empty", "0"),
    "cancelled": ("bad", "×"),
    "failed": ("bad", "!"),
    "fatal": ("bad", "!"),
    "never_asked": ("none", ""),
    "stale": ("wait", "~"),
}


def show(page: Page) -> None:
    """Draw the page."""
    words = page.words
    page.release.need("ops_windows")
    rows = data.complete_through(page.release, page.where)
    page.section("completeness.feeds")
    columns = [
        Column(words("filter.store"), lambda row: row["store"]),
        Column(words("completeness.feed"), lambda row: words.code("feed", row["feed"])),
        Column(words("completeness.through"), lambda row: words.day(row["complete_through"]), "code"),
        Column(words("completeness.last"), lambda row: words.day(row["last"]), "code"),
        Column(
            words("completeness.missing"),
            lambda row: (
                badge(words.count(row["missing"]), "warn")
                if row["missing"]
                else badge(words("completeness.none"), "good")
            ),
        ),
        Column(words("completeness.gap"), lambda row: words.day(row["gap"]), "code"),
    ]
    page.html(markup.table(columns, rows, words("completeness.feeds"), empty=words("completeness.no_feeds")))
    page.source("ops_windows")
    _days(page)
    _deliveries(page)
    _quarantine(page)
    _checks(page)


def _days(page: Page) -> None:
    words = page.words
    page.section("completeness.days", words("completeness.days_lead"))
    rows = data.windows(page.release, page.where)
    if not rows:
        page.html(markup.nothing(words("completeness.no_feeds")))
        return
    days = sorted({row["day"] for row in rows})
    states: dict[tuple[str, str], dict[object, str]] = {}
    for row in rows:
        states.setdefault((row["store"], row["feed"]), {})[row["day"]] = str(row["state"])
    lines = []
    for (store, feed), known in sorted(states.items()):
        cells = [_cell(page, day, known.get(day, "never_asked")) for day in days]
        name = f"{store} · {words.code('feed', feed)}"
        lines.append(element("tr", element("th", name, scope="row"), *cells))
    caption = words("completeness.days_caption", first=words.day(days[0]), last=words.day(days[-1]))
    table = element("table", element("caption", caption, class_="rs-unseen"), *lines, class_="rs-days")
    legend = join(
        (
            join(
                [element("span", sign or "\u00a0", class_=f"rs-badge rs-day-{look}"), " ", words.code("outcome", state)]
            )
            for state, (look, sign) in _LOOKS.items()
            if any(state in known.values() for known in states.values())
        ),
        "  ",
    )
    page.html(element("div", table, class_="rs-scroll", tabindex="0", role="region", aria_label=caption))
    page.html(element("p", f"{words.day(days[0])} – {words.day(days[-1])} · ", legend, class_="rs-source"))


def _cell(page: Page, day: object, state: str) -> Html:
    look, sign = _LOOKS.get(state, ("wait", "?"))
    said = f"{day}: {page.words.code('outcome', state)}"
    return element("td", sign, class_=f"rs-day-{look}", title=said, aria_label=said)


def _deliveries(page: Page) -> None:
    _list(page, "ops_deliveries", "completeness.deliveries", "completeness.no_deliveries")


def _quarantine(page: Page) -> None:
    _list(page, "ops_quarantine", "completeness.quarantine", "completeness.no_quarantine")


def _list(page: Page, table: str, title: str, empty: str) -> None:
    words = page.words
    page.section(title)
    if not page.release.has(table):
        page.missing(table)
        return
    equal = (("store", page.where.store),) if page.where.store else ()
    count, rows = data.facts(page.release, data.Question(table, equal))
    page.html(fact_table(page, table, rows[:12], words(empty)))
    if count:
        page.source(table, href=page.to_rows(table))


def _checks(page: Page) -> None:
    words = page.words
    rows = data.reconciliation(page.release)
    page.section("completeness.checks", words("completeness.checks_lead"))

    def number(name: str) -> Column:
        return Column(words.code("column", name), lambda row: f"{row[name]:,.4f}".rstrip("0").rstrip("."), "number")

    def state(row: data.Row) -> Html:
        if row["is_ok"]:
            return badge(words("completeness.holds"), "good")
        return badge(
            words.code("severity", row["severity"]), {"error": "bad", "warning": "warn"}.get(row["severity"], "info")
        )

    columns = [
        Column(words("completeness.check"), lambda row: words.code("check", row["check_name"])),
        Column(
            words("completeness.about"),
            lambda row: " · ".join(
                words.code("feed", row[n]) if n == "feed" else str(row[n])
                for n in ("store", "feed", "subject")
                if row[n]
            ),
        ),
        number("expected"),
        number("actual"),
        number("difference"),
        Column(words("performance.state"), state),
        Column(
            words("completeness.detail"),
            lambda row: words.known("check_what", row["check_name"]) or row["detail"],
            "wide",
        ),
    ]
    page.html(markup.table(columns, rows, words("completeness.checks"), empty=words("completeness.no_checks")))
    page.source("ops_reconciliation")


def fact_table(page: Page, table: str, rows: Sequence[data.Row], empty: str) -> Html:
    """Rows of a table, each opening its own page."""
    words, shape = page.words, data.TABLES[table]
    shown = [name for name in shape.shown if name in page.release.columns[table]]

    def opens(row: data.Row) -> Html:
        key = {f"id{index or ''}": row[name] for index, name in enumerate(shape.key)}
        return markup.link(words("rows.open"), page.to("record", of=table, **key))

    def cell(name: str) -> Column:
        kind = _kind(name)
        if name == "delivery_id":
            return Column(
                words.code("column", name), lambda row: element("span", row[name][:12], title=row[name]), "code"
            )
        if name == "asin":
            return Column(words.code("column", name), lambda row: _asin(page, row), "code")
        return Column(
            words.code("column", name), lambda row: short(words.value(row[name], name, row.get("currency"))), kind
        )

    columns = [Column(words("rows.row"), opens, "code"), *(cell(name) for name in shown)]
    return markup.table(columns, rows, words.code("table", table), empty=empty)


def _delivery(row: data.Row) -> Html:
    return element("span", (row["delivery_id"] or "")[:12], title=row["delivery_id"])


def _asin(page: Page, row: data.Row) -> Html:
    return page.asin_link({"asin": row["asin"], "store": row["store"], "marketplace": row["marketplace"]})


def short(text: str, most: int = 180) -> str:
    """Text cut where it would make a row too high."""
    return text if len(text) <= most else text[: most - 1] + "…"


_NUMBERS = ("units", "amount", "price", "rows_", "fulfillable", "unsellable", "reserved", "inbound", "rating")
_CODES = (
    "store",
    "sku",
    "used_sku",
    "license_plate_number",
    "lpn",
    "disposition",
    "status",
    "reason_code",
    "order_status",
)
_WIDE = ("comment", "body", "original_line", "title")


def _kind(name: str) -> str:
    if name.endswith(("_id", "_date", "_on", "_at")) or name in _CODES:
        return "code" if name != "delivery_id" else "text"
    if any(name.startswith(start) or name.endswith(start) for start in _NUMBERS) and not name.startswith("amount_"):
        return "number"
    return "wide" if name in _WIDE else "text"
