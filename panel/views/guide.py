"""One guide. Belongs here: the page."""

from __future__ import annotations

import streamlit as st

from panel import guides, markup
from panel.markup import element, link
from panel.page import Page


def show(page: Page) -> None:
    """Draw the page."""
    words = page.words
    found = guides.find(st.query_params.get("topic", ""), words.language, page.visitor.stores)
    page.html(element("p", link(words("resources.back"), page.to("resources")), class_="rs-source"))
    if found is None:
        page.html(markup.nothing(words("resources.no_guide")))
        return
    st.title(found.title, anchor=False)
    st.markdown(guides.body(found, lambda topic: page.to("guide", topic=topic)))
