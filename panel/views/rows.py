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
    about = [words("rows.count", count=words.count(count)), *_sums(page, question), *_conditions(page, question)]
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
        tuple((name, given[f"not_{name}"]) for name in data.NARROW if given.get(f"not_{name}") and name in columns),
        _day(given.get("bought_first")),
        _day(given.get("bought_last")),
    )


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _sums(page: Page, question: Question) -> list[str]:
    """What the rows add up to: the figures that led here."""
    words = page.words
    found = []
    if (units := data.facts_units(page.release, question)) is not None:
        key = "rows.units_left_out" if units[1] else "rows.units"
        found.append(words(key, counted=words.count(units[0]), others=words.count(units[1])))
    if amounts := data.facts_amounts(page.release, question):
        found.append(words("rows.amounts", amounts=words.monies(amounts, most=6)))
    return found


def _conditions(page: Page, question: Question) -> list[markup.Html]:
    words = page.words
    found = [
        join([words.code("column", name), ": ", words.value(value, name)])
        for name, value in question.equal
        if name not in ("store", "marketplace")
    ]
    found += [
        join([words.code("column", name), ": ", words("rows.not", value=words.value(value, name))])
        for name, value in question.unlike
    ]
    if question.bought_first or question.bought_last:
        days = f"{words.day(question.bought_first)} – {words.day(question.bought_last)}"
        found.append(join([words.code("column", "purchase_date"), ": ", days]))
    if question.first or question.last:
        found.append(markup.safe(f"{words.day(question.first)} – {words.day(question.last)}"))
    asin = dict(question.equal).get("asin")
    if asin:
        found.append(link(words("rows.to_asin"), page.to("asin", asin=asin)))
    return found
