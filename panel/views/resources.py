"""Resources: guides, questions, cases, and every published table as a file. Belongs here: the page."""

from __future__ import annotations

import streamlit as st

from panel import data, guides, markup
from panel.markup import Column, element, link
from panel.page import Page


def show(page: Page) -> None:
    """Draw the page."""
    words = page.words
    tabs = st.tabs([words(f"resources.{name}") for name in (*guides.KINDS, "tables")])
    for tab, kind in zip(tabs, guides.KINDS, strict=False):
        with tab:
            _texts(page, kind)
    with tabs[-1]:
        _tables(page)


def _texts(page: Page, kind: str) -> None:
    words = page.words
    found = guides.all_of(kind, words.language, page.visitor.stores)
    if not found:
        page.html(markup.nothing(words(f"resources.no_{kind}"), words(f"resources.no_{kind}_remedy")))
        return
    page.html(element("p", words(f"resources.{kind}_lead"), class_="rs-lead"))
    first = page.pager(len(found), key=f"page-{kind}") * data.PAGE_ROWS
    items = [
        element("li", link(guide.title, page.to("guide", topic=guide.topic)))
        for guide in found[first : first + data.PAGE_ROWS]
    ]
    page.html(element("ul", *items, class_="rs-list"))


def _what(page: Page, row: data.Row) -> str:
    """What a table holds: in the reader's language, else as the release says it."""
    return page.words.known("holds", row["name"]) or str(row["description"])


def _tables(page: Page) -> None:
    words = page.words
    page.html(element("p", words("resources.tables_lead"), class_="rs-lead"))
    rows = data.tables(page.release)
    names = [row["name"] for row in rows]
    name = st.selectbox(
        words("resources.table"),
        names,
        index=names.index("mart_asin_insights") if "mart_asin_insights" in names else 0,
        format_func=lambda value: f"{words.code('table', value)} ({value})",
        width=460,
    )
    count = next(row["rows"] for row in rows if row["name"] == name)
    page.downloads(lambda: data.table_arrow(page.release, name, page.where), name, count)
    columns = [
        Column(words("resources.table"), lambda row: words.code("table", row["name"])),
        Column(words("resources.name"), lambda row: row["name"], "code"),
        Column(words("resources.rows"), lambda row: words.count(row["rows"]), "number"),
        Column(words("resources.what"), lambda row: _what(page, row), "wide"),
    ]
    page.html(markup.table(columns, rows, words("resources.tables"), empty=words("rows.none")))
    page.html(element("p", words("resources.release", release=page.release.release_id), class_="rs-source"))
