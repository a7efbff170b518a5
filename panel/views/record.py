"""One row with all its columns, and the delivery and line that it came from. Belongs here: the page."""

from __future__ import annotations

import streamlit as st

from panel import data, markup
from panel.data import Question
from panel.markup import Html, element, link
from panel.page import Page


def show(page: Page) -> None:
    """Draw the page."""
    words = page.words
    given = st.query_params
    table = given.get("of", "fct_returns")
    shape = data.TABLES.get(table)
    if shape is None:
        page.missing(table)
        return
    row = data.record(page.release, table, [given.get(f"id{index or ''}", "") for index in range(len(shape.key))])
    st.title(words("record.title", table=words.code("table", table)), anchor=False)
    if row is None:
        page.html(markup.nothing(words("record.gone"), words("record.gone_remedy")))
        return
    page.html(element("p", words("record.lead", day=words.day(page.release.as_of)), class_="rs-lead"))
    left, right = st.columns([3, 2], gap="large")
    with left:
        known = [name for name, value in row.items() if value is not None and value != ""]
        page.html(markup.pairs((words.code("column", name), _value(page, row, name)) for name in known))
        if unknown := [words.code("column", name) for name in row if name not in known]:
            page.html(element("p", words("record.unknown"), " ", ", ".join(unknown), class_="rs-source"))
        page.source(table)
    with right:
        _origin(page, table, row)
        _beside(page, table, row)


def _value(page: Page, row: data.Row, name: str) -> Html:
    words = page.words
    if name == "asin" and row[name]:
        return page.asin_link({key: row[key] for key in ("asin", "store", "marketplace")})
    if name == "comment" and row[name]:
        return markup.marked(row[name], data.as_list(row.get("deciding_words")))
    if name in ("deciding_words", "evidence"):
        return markup.safe(", ".join(data.as_list(row[name])) or words.code("x", None))
    currency = row.get("unit_price_currency") if name == "unit_price" else row.get("currency")
    return markup.safe(words.value(row[name], name, currency))


def _origin(page: Page, table: str, row: data.Row) -> None:
    words = page.words
    page.section("record.origin", words("record.origin_lead"))
    if not row.get("delivery_id"):
        page.html(markup.nothing(words("record.computed")))
        return
    found = data.delivery(page.release, row["delivery_id"], row["store"])
    shown: list[tuple[str, object]] = [
        (
            words("record.line"),
            str(row["line_number"]) if row.get("line_number") is not None else words.code("x", None),
        ),
        (words("record.delivery"), row["delivery_id"]),
    ]
    for name, value in (found or {}).items():
        if name not in ("delivery_id", "as_of_date", "store", "pull_id") and value is not None:
            shown.append((words.code("column", name), words.value(value, name)))
    page.html(markup.pairs(shown))
    if found is None:
        page.html(element("p", words("record.no_delivery"), class_="rs-source"))
    page.source("ops_deliveries" if found else table)


def _beside(page: Page, table: str, row: data.Row) -> None:
    """Other rows of the same order."""
    words = page.words
    if not row.get("order_id"):
        return
    items = []
    for other in ("fct_order_lines", "fct_returns", "fct_refunds", "fct_settlement_lines", "fct_graded_units"):
        if not page.release.has(other, "order_id", "store"):
            continue
        count, _ = data.facts(page.release, Question(other, (("store", row["store"]), ("order_id", row["order_id"]))))
        if count and not (other == table and count == 1):
            href = page.to_rows(other, order_id=row["order_id"], store=row["store"])
            items.append(element("li", link(words("desk.rows", table=words.code("table", other), count=count), href)))
    if items:
        page.section("record.order", order=row["order_id"])
        page.html(element("ul", *items, class_="rs-list"))
