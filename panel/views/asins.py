"""The list of ASINs. Belongs here: the table, its order and search. Does not belong: one ASIN (`asin.py`)."""

from __future__ import annotations

import streamlit as st

from panel import data, markup
from panel.markup import Html, element, join, link
from panel.page import Page
from panel.views import cost
from panel.views.pieces import place


def show(page: Page) -> None:
    """Draw the page."""
    words = page.words
    orders = list(data.ASIN_ORDERS)
    asked = st.query_params.get("order")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        order = st.selectbox(
            words("asins.order"),
            orders,
            index=orders.index(asked) if asked in orders else 0,
            format_func=lambda name: words(f"asins.order_{name}"),
            width=280,
        )
        find = st.text_input(words("asins.find"), placeholder=words("asins.find_hint"), width=280).strip()
        only_high = st.checkbox(words("asins.only_high"))
        count, rows = data.asins(page.release, page.where, order=order, find=find, only_high=only_high)
        index = page.pager(count)
    if index:
        _, rows = data.asins(page.release, page.where, order=order, find=find, only_high=only_high, page=index)
    page.html(element("p", words("asins.count", count=words.count(count)), class_="rs-source"))
    page.html(asin_table(page, rows))
    page.source("mart_asin_insights", "mart_asin_daily", "mart_return_cost")
    page.downloads(
        lambda: data.table_arrow(page.release, "mart_asin_insights", page.where), "mart_asin_insights", count
    )


def asin_table(page: Page, rows: list[data.Row]) -> Html:
    """The table."""
    words = page.words
    top = max([row["return_rate_high"] or 0 for row in rows if (row["units_shipped"] or 0) >= 20] or [0.5])
    columns = [
        markup.Column(words("col.asin"), page.asin_link, "wide"),
        markup.Column(words("col.marketplace"), lambda row: place(page, row), "code"),
        markup.Column(
            words("col.shipped"),
            lambda row: link(words.count(row["units_shipped"]), _rows(page, "fct_order_lines", row)),
            "number",
        ),
        markup.Column(
            words("col.returned"),
            lambda row: link(words.count(row["units_returned"]), _rows(page, "fct_returns", row)),
            "number",
        ),
        markup.Column(
            words("col.rate"), lambda row: page.rate_cell(row, min(top, 1.0)), "number", words("asins.rate_help")
        ),
        markup.Column(words("col.category_rate"), lambda row: _category(page, row), "number"),
        markup.Column(words("col.trend"), lambda row: markup.spark(row["spark"], _say(page, row["spark"]))),
        markup.Column(words("asins.money"), lambda row: _money(page, row), "number", words("asins.cost_help")),
        markup.Column(words("asins.why"), lambda row: _why(page, row), "wide"),
    ]
    return markup.table(columns, rows, words("page.asins.title"), empty=words("asins.none"))


def _rows(page: Page, table: str, row: data.Row) -> str:
    """The rows of an item in its window."""
    return page.to_rows(
        table, asin=row["asin"], store=row["store"], marketplace=row["marketplace"], **page.days(row["window_days"])
    )


def _money(page: Page, row: data.Row) -> Html:
    """Refunds, and below what the returns cost."""
    words = page.words
    cost_text = words("asins.cost", amount=cost.amount(page, row, "cost_currency"))
    below = element("small", cost_text, class_="rs-block") if row["total_cost"] is not None else ""
    refunds = words.money(row["refund_amount"], row["currency"])
    return join([link(refunds, _rows(page, "fct_refunds", row)) if row["refund_amount"] else refunds, below])


def _category(page: Page, row: data.Row) -> Html:
    words = page.words
    share = words.share(row["category_return_rate"])
    return join([share, element("small", words.code("category", row["category"]), class_="rs-title")])


def _why(page: Page, row: data.Row) -> Html:
    words = page.words
    if not row["top_reason_class"]:
        return markup.safe(words.code("reason", None))
    share = words.share(row["top_reason_share"], 0)
    head = element("strong", page.guide_link(row["top_reason_class"]), " ", share)
    return element("div", head, element("small", words.pick(row, "advice")), class_="rs-why")


def _say(page: Page, values: list[int]) -> str:
    return page.words("asins.spark_say", values=", ".join(str(value) for value in values))
