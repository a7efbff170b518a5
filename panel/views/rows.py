"""The rows behind a number. Belongs here: one list for every table of facts, narrowed by the page's address."""

from __future__ import annotations

from datetime import date

import streamlit as st

from panel import data, markup
from panel.data import Question
from panel.markup import element, join, link
from panel.page import Page
from panel.views.completeness import fact_table


def show(page: Page) -> None:
    """Draw the page."""
    words = page.words
    question = asked(page)
    count, rows = data.facts(page.release, question)
    st.title(words.code("table", question.table), anchor=False)
    about = [words("rows.count", count=words.count(count)), *_conditions(page, question)]
    page.html(element("p", join(about, " · "), class_="rs-lead"))
    index = page.pager(count)
    if index:
        _, rows = data.facts(page.release, question, index)
    page.html(fact_table(page, question.table, rows, words("rows.none")))
    page.source(question.table)
    page.download_rows(question, count)


def asked(page: Page) -> Question:
    """The question that the address asks."""
    given = st.query_params
    equal = {name: given[name] for name in data.NARROW if given.get(name)}
    table = given.get("of", "fct_returns")
    columns = page.release.columns.get(table, ())
    for name in ("store", "marketplace"):
        value = getattr(page.where, name)
        if value:
            equal[name] = value
    return Question(
        table,
        tuple((name, value) for name, value in equal.items() if name in columns),
        page.where.channel,
        _day(given.get("first")),
        _day(given.get("last")),
    )


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _conditions(page: Page, question: Question) -> list[markup.Html]:
    words = page.words
    found = [
        join([words.code("column", name), ": ", words.value(value, name)])
        for name, value in question.equal
        if name not in ("store", "marketplace")
    ]
    if question.first or question.last:
        found.append(markup.safe(f"{words.day(question.first)} – {words.day(question.last)}"))
    asin = dict(question.equal).get("asin")
    if asin:
        found.append(link(words("rows.to_asin"), page.to("asin", asin=asin)))
    return found
