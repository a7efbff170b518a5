"""Pieces that several pages show. Belongs here: lists of alerts, tiles of money. Does not belong: a page of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from panel import data, markup
from panel.markup import Html, badge, element, join, link, tile
from panel.page import Page

#: tone of a badge by severity and by state
TONES = {
    "critical": "bad",
    "high": "bad",
    "warning": "warn",
    "medium": "warn",
    "low": "info",
    "info": "info",
    "overdue": "bad",
    "open": "warn",
    "filed": "info",
    "decided": "info",
}
#: kinds of alerts that are about a store's data, not about an item
STORE_WIDE = ("unmapped_codes", "incomplete_data")


def alert_list(page: Page, rows: Sequence[data.Row]) -> None:
    """Alerts with severity, message and since when; each opens what it is about."""
    words = page.words
    if not rows:
        page.html(markup.nothing(words("alerts.none"), words("alerts.none_note")))
        return
    items = []
    for row in rows:
        text = words.pick(row, "message") or words.code("alert", row.get("kind"))
        href = _about(page, row)
        items.append(
            element(
                "li",
                badge(words.code("severity", row["severity"]), TONES.get(str(row["severity"]).lower(), "plain")),
                element(
                    "div",
                    element("p", link(text, href), class_="rs-message"),
                    element("p", _tail(page, row), class_="rs-quiet"),
                    class_="rs-grow",
                ),
            )
        )
    page.html(element("ul", *items, class_="rs-list"))


def _tail(page: Page, row: data.Row) -> Html:
    """Item, place and first day of an alert, and its guide."""
    words = page.words
    where = [words.code("marketplace", row["marketplace"]), row["store"]] if row["marketplace"] else [row["store"]]
    item = [f"{row['asin']} {row['title']}" if row.get("title") else row["asin"]] if row["asin"] else []
    since = words("alerts.since", day=words.day(row.get("first_seen")))
    guide = link(words("alerts.guide"), page.to("guide", topic=f"guides/alert_{row['kind']}"))
    return join([*item, *where, since, guide], " · ")


def _about(page: Page, row: data.Row) -> str | None:
    """The page of what an alert is about."""
    if row["kind"] == "dispute_due" and row["subject"]:
        return page.to("desk", case=row["subject"])
    if row["asin"]:
        return page.to("asin", asin=row["asin"], store=row["store"], marketplace=row["marketplace"], category="")
    return page.to("completeness", store=row["store"]) if row["kind"] in STORE_WIDE else None


def place(page: Page, row: data.Row) -> Html:
    """Marketplace and store of a row."""
    return join([page.words.code("marketplace", row["marketplace"]), element("small", row["store"], class_="rs-block")])


def money_tile(
    page: Page,
    label: str,
    amounts: Mapping[str, Decimal],
    href: str | None,
    before: Mapping[str, Decimal] | None = None,
    note: str = "",
) -> Html:
    """A tile of amounts: the largest currency big, the others below; never added up."""
    words = page.words
    if not amounts:
        return tile(label, words.money(None, None), href=href, note=note or words("today.refunds_unknown"))
    (currency, amount), *rest = amounts.items()
    change = ""
    if before is not None and currency in before:
        difference = amount - before[currency]
        sign = "+" if difference > 0 else ""
        change = words("today.since_yesterday", value=sign + words.money(difference, currency, rounded=True))
    others = words.monies(dict(rest), rounded=True, most=3) if rest else note or words("today.paid_back")
    return tile(
        label, words.money(amount, currency, rounded=abs(amount) >= 100_000), href=href, change=change, note=others
    )
