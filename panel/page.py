"""What every page has: its release, words and filter, links to other pages, and the pieces that make pages alike.

Belongs here: layout shared by views. Does not belong: one page's content (`views/`), HTML itself (`markup.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import streamlit as st

from panel import data, export, markup
from panel.access import Visitor
from panel.data import Filter, Question, Rate, Release
from panel.markup import Html
from panel.text import Words


@dataclass(frozen=True)
class Page:
    """One page being made, from one release."""

    release: Release
    words: Words
    where: Filter
    visitor: Visitor
    base: str

    # ---- addresses

    def to(self, page: str, **parameters: Any) -> str:
        """The address of a page that keeps language and filter, except where `parameters` say otherwise."""
        kept = {
            "lang": self.words.language,
            "store": self.where.store,
            "marketplace": self.where.marketplace,
            "channel": self.where.channel if self.where.channel != "ALL" else "",
            "window": self.where.window if self.where.window != 30 else "",
            "category": self.where.category,
        }
        return markup.address(self.base, page, **{**kept, **parameters})

    def to_rows(self, table: str, **narrow: Any) -> str:
        """The address of the rows behind a number."""
        return self.to("rows", of=table, **{"category": "", **narrow})

    def days(self, window: int | None = None) -> dict[str, str]:
        """First and last day of a window, else of the filter's, for an address."""
        last = self.release.as_of
        first = last - timedelta(days=(window or self.where.window) - 1)
        return {"first": first.isoformat(), "last": last.isoformat()}

    def asin_link(self, row: Mapping[str, Any], text: Any = None) -> Html:
        """An ASIN that opens its own page, with its title below where the row has one."""
        asin = row.get("asin")
        if not asin:
            return Html("")
        href = self.to("asin", asin=asin, store=row["store"], marketplace=row["marketplace"], category="")
        made = markup.link(text or asin, href)
        title = row.get("title")
        return markup.join([made, markup.element("small", title, class_="rs-title", title=title)]) if title else made

    # ---- pieces

    def section(self, key: str, lead: str = "", **values: Any) -> None:
        """A heading within a page."""
        st.subheader(self.words(key, **values), anchor=False)
        if lead:
            self.html(markup.element("p", lead, class_="rs-lead"))

    def html(self, made: Html) -> None:
        """Show a piece of HTML."""
        st.html(made)

    def source(self, *tables: str, href: str | None = None) -> None:
        """Where the figures above come from, with a link to their rows."""
        parts: list[Any] = [self.words("source", tables=", ".join(tables), day=self.words.day(self.release.as_of))]
        if href:
            parts += [" · ", markup.link(self.words("open_rows"), href)]
        self.html(markup.element("p", *parts, class_="rs-source"))

    def chart(self, chart: Any, say: str) -> None:
        """A chart, with the text that stands for it."""
        st.altair_chart(chart, width="stretch", theme=None, alt=say)

    def rate_cell(
        self, row: Mapping[str, Any], top: float, prefix: str = "return_rate", base: str = "category_return_rate"
    ) -> Html:
        """A rate with its interval drawn below, and the category's rate as a tick."""
        names = {"critical": ("critical_review_rate", "rate_low", "rate_high")}
        value_of, low_of, high_of = names.get(prefix, (prefix, f"{prefix}_low", f"{prefix}_high"))
        value, low, high = row.get(value_of), row.get(low_of), row.get(high_of)
        if value is None:
            return markup.safe(self.words.share(None))
        say = self.words("interval_of", low=self.words.share(low), high=self.words.share(high))
        drawn = markup.interval(value, low, high, row.get(base), top, say)
        mark = markup.badge(self.words("asins.high"), "bad") if row.get("is_high_return_rate") else ""
        return markup.join([mark, " ", markup.element("span", self.words.share(value), title=say), drawn])

    def rate_note(self, rate: Rate) -> str:
        """Interval, numerator and denominator of a rate."""
        if rate.interval is None:
            return self.words("no_denominator")
        low, high = rate.interval
        return self.words(
            "rate_note",
            low=self.words.share(low),
            high=self.words.share(high),
            part=self.words.count(rate.part),
            whole=self.words.count(rate.whole),
        )

    def guide_link(self, reason: str | None) -> Html:
        """A reason class that opens its guide."""
        if not reason:
            return markup.safe(self.words.code("reason", None))
        return markup.link(self.words.code("reason", reason), self.to("guide", topic=f"guides/{reason}"))

    def pager(self, count: int, key: str = "page") -> int:
        """Which page of a long list is shown, 0-based; draws the choice where there is one."""
        pages = max(-(-count // data.PAGE_ROWS), 1)
        if pages == 1:
            return 0
        chosen = st.number_input(self.words("page_of", pages=self.words.count(pages)), 1, pages, 1, key=key, width=180)
        return int(chosen) - 1

    def downloads(self, make: Callable[[], Any], name: str, rows: int) -> None:
        """Buttons that make a file of all rows when they are pressed."""
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            for kind in ("csv", "xlsx", "parquet"):
                st.download_button(
                    self.words(f"download.{kind}"),
                    data=partial(_file, make, kind),
                    file_name=f"{name}_{self.release.as_of:%Y-%m-%d}.{kind}",
                    mime=export.MIME[kind],
                    key=f"download-{name}-{kind}",
                    on_click="ignore",
                    icon=":material/download:",
                )
            if rows > data.EXPORT_ROWS:
                st.caption(self.words("download.cut", rows=self.words.count(data.EXPORT_ROWS)))

    def download_rows(self, question: Question, count: int) -> None:
        """Buttons for the rows of a question."""
        self.downloads(lambda: data.facts_arrow(self.release, question), question.table, count)

    def missing(self, table: str) -> None:
        """What stands where the release lacks a mart."""
        self.html(markup.nothing(self.words("missing.title", table=table), self.words("missing.remedy")))


def _file(make: Callable[[], Any], kind: str) -> bytes:
    return export.to_bytes(make(), kind)
