"""What Streamlit runs for every visit: who enters, which release, language and filter, then the page.

Belongs here: the frame around the pages. Does not belong: any page's content, any figure.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import streamlit as st

if str(Path(__file__).resolve().parents[1]) not in sys.path:  # Streamlit puts this file's own folder first
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from panel import access, config, data, markup
from panel.access import Refused, Visitor
from panel.data import Filter, NoRelease, NotInRelease, Release
from panel.page import Page
from panel.text import LANGUAGES, Words, language_of

HERE = Path(__file__).parent
WINDOWS = (7, 30, 90, 365)
CHANNELS = ("ALL", "FBA", "FBM")
#: pages by section; each with its icon and the filters it answers to
SECTIONS = {
    "overview": {
        "today": ("today", "store marketplace channel category window"),
        "asins": ("inventory_2", "store marketplace channel category window"),
    },
    "panel": {
        "performance": ("reviews", "store marketplace category window"),
        "recovery": ("recycling", "store marketplace window"),
        "season": ("calendar_month", "store marketplace"),
        "inventory": ("warehouse", "store marketplace"),
    },
    "work": {
        "desk": ("inbox", "store marketplace"),
        "rules": ("rule", "store marketplace"),
    },
    "know": {
        "completeness": ("fact_check", "store"),
        "resources": ("menu_book", ""),
    },
}
#: pages that are reached through others
INNER = {
    "asin": "store marketplace channel window",
    "rows": "store marketplace channel",
    "record": "",
    "guide": "",
}
#: how often an open page looks whether a new release is out
_FOLLOW_SECONDS = 30


def main() -> None:
    """One run of the page that was asked for."""
    st.set_page_config(
        page_title="returnscope", page_icon=str(HERE / "static" / "icon.svg"), layout="wide", menu_items={}
    )
    st.html(HERE / "style.css")
    words = Words(_language())
    visitor = _enter(words)
    if visitor is None:
        return
    try:
        release = data.current(visitor.stores)
    except NoRelease as error:
        none = error
        _navigation(words, lambda _: lambda: _first_run(words, none), visitor)
        return

    def make(name: str) -> Callable[[], None]:
        return lambda: _draw(name, release, words, visitor)

    _navigation(words, make, visitor)
    _follow(release)


def _language() -> str:
    """That of the address, else the one chosen in this session, else that of the browser."""
    asked = (st.query_params.get("lang"), st.session_state.get("kept-lang"), language_of(st.context.locale))
    st.session_state["kept-lang"] = next(language for language in asked if language in LANGUAGES)
    return str(st.session_state["kept-lang"])


def _enter(words: Words) -> Visitor | None:
    """The visitor; None when nothing but the refusal is shown."""
    try:
        settings = config.load()
    except config.ConfigError as error:
        st.title(words("access.title"), anchor=False)
        st.error(str(error))
        return None
    user = dict(st.user) if settings.login and settings.login.kind == "oidc" else {}
    found = access.visit(settings, st.get_option("server.address"), st.context.headers.to_dict(), user)
    if isinstance(found, Visitor):
        return found
    if found.can_sign_in and not (st.secrets.load_if_toml_exists() and "auth" in st.secrets):
        found = Refused("no_auth")
    _refuse(words, found)
    return None


def _refuse(words: Words, refused: Refused) -> None:
    st.title(words("access.title"), anchor=False)
    st.error(words(f"access.{refused.reason}"))
    if refused.can_sign_in:
        st.button(words("access.button"), on_click=st.login, type="primary")
    if refused.name:
        st.html(markup.element("p", words("access.name", name=refused.name), class_="rs-source"))
        st.button(words("access.leave"), on_click=st.logout)


def _navigation(words: Words, make: Callable[[str], Callable[[], None]], visitor: Visitor) -> None:
    pages: dict[str, list[st.Page]] = {}
    for section, names in SECTIONS.items():
        pages[words(f"nav.{section}")] = [
            st.Page(
                make(name),
                title=words(f"page.{name}.title"),
                icon=f":material/{icon}:",
                url_path=name,
                default=name == "today",
            )
            for name, (icon, _) in names.items()
        ]
    pages[words("nav.overview")] += [
        st.Page(make(name), title=words(f"page.{name}.title"), url_path=name, visibility="hidden") for name in INNER
    ]
    st.logo(HERE / "static" / "logo.svg", size="large")
    chosen = st.navigation(pages, position="sidebar", expanded=True)
    st.session_state["language"] = words.language
    with st.sidebar:
        st.selectbox(
            words("language"),
            list(LANGUAGES),
            format_func=LANGUAGES.__getitem__,
            key="language",
            on_change=_set_language,
        )
        if visitor.name:
            st.html(markup.element("p", words("access.name", name=visitor.name), class_="rs-source"))
            if st.user.get("is_logged_in"):
                st.button(words("access.leave"), on_click=st.logout)
    chosen.run()


def _set_language() -> None:
    st.query_params["lang"] = st.session_state["kept-lang"] = st.session_state["language"]


def _draw(name: str, release: Release, words: Words, visitor: Visitor) -> None:
    """One page: title, filter, content."""
    filters = INNER.get(name) or next((pages[name][1] for pages in SECTIONS.values() if name in pages), "")
    if name not in INNER:
        st.title(words(f"page.{name}.title"), anchor=False)
        st.html(markup.element("p", words(f"page.{name}.lead"), class_="rs-lead"))
    where = _filter(release, words, filters.split()) if filters else Filter()
    page = Page(release, words, where, visitor, st.get_option("server.baseUrlPath").rstrip("/"))
    try:
        import_module(f"panel.views.{name}").show(page)
    except NotInRelease as missing:
        page.missing(str(missing))


def _filter(release: Release, words: Words, names: list[str]) -> Filter:
    """The filter, drawn as a row of choices; a choice between one thing is not drawn."""
    scopes = data.scopes(release)
    stores = sorted({row["store"] for row in scopes})
    places = sorted({row["marketplace"] for row in scopes})
    categories = sorted({row["category"] for row in scopes if row["category"]})
    given: dict[str, object] = {}
    with st.container(horizontal=True, vertical_alignment="bottom", key="filters"):
        if "store" in names and len(stores) > 1:
            given["store"] = _choice(words, "store", ["", *stores], words("filter.all_stores"))
        if "marketplace" in names and len(places) > 1:
            given["marketplace"] = _choice(
                words, "marketplace", ["", *places], words("filter.all_marketplaces"), "marketplace"
            )
        if "category" in names and len(categories) > 1:
            given["category"] = _choice(
                words, "category", ["", *categories], words("filter.all_categories"), "category"
            )
        if "channel" in names:
            given["channel"] = _choice(words, "channel", list(CHANNELS), words("channel.all"), "channel")
        if "window" in names:
            given["window"] = int(_choice(words, "window", [str(days) for days in WINDOWS], "", default="30"))
    return Filter(**given)  # type: ignore[arg-type]


def _choice(
    words: Words, name: str, options: list[str], all_text: str, family: str = "", default: str | None = None
) -> str:
    """One choice of the filter. It stands in the address, so that a page can be kept and sent."""
    first = default or options[0]
    key, kept = f"filter-{name}", f"kept-{name}"
    value = next(v for v in (st.query_params.get(name), st.session_state.get(kept), first) if v in options)
    st.session_state[key] = st.session_state[kept] = value
    if value != first and st.query_params.get(name) != value:  # after a change of page
        st.query_params[name] = value

    def text(option: str) -> str:
        if name == "window":
            return words("filter.days", days=option)
        if option in ("", "ALL"):
            return all_text
        return words.code(family, option) if family else option

    def keep() -> None:
        chosen = st.session_state[kept] = st.session_state[key]
        if chosen == first:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = chosen

    return str(st.selectbox(words(f"filter.{name}"), options, key=key, format_func=text, on_change=keep, width=172))


def _first_run(words: Words, none: NoRelease) -> None:
    """What stands where nothing has been published yet."""
    st.title(words("first.title"), anchor=False)
    if none.broken:
        st.error(words("first.broken", path=str(none.path), why=none.broken))
    store = '[stores.my_store]\nregion = "na"  # na, eu or fe\nmarketplaces = ["US", "CA"]  # the first one is home'
    steps = [
        (words("first.demo"), "returnscope demo"),
        (words("first.store", path=str(config.config_path())), store),
        (words("first.files"), "returnscope ingest reports/ --store my_store\nreturnscope run"),
        (words("first.nightly"), "returnscope dagster"),
    ]
    items = [markup.element("li", markup.element("p", text), markup.element("pre", line)) for text, line in steps]
    st.html(markup.element("p", words("first.lead"), class_="rs-lead"))
    st.html(markup.element("ol", *items, class_="rs-steps"))
    st.html(markup.element("p", words("first.where", path=str(none.path)), class_="rs-source"))


def _follow(release: Release) -> None:
    """Look now and then whether another release is out, and draw the whole page from it."""

    @st.fragment(run_every=_FOLLOW_SECONDS)
    def look() -> None:
        now = data.stamp(release.path)
        if now is not None and now != release.stamp:
            st.rerun(scope="app")

    look()


main()
