"""Return rules: edit, check, see what a change touches, save. Belongs here: the page."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

import streamlit as st

from panel import config, data, markup, rules
from panel.markup import Column, Html, element, join
from panel.page import Page
from panel.rules import Rule, Touched
from panel.views.pieces import place


def show(page: Page) -> None:
    """Draw the page."""
    words = page.words
    path = config.config_path()
    if "rules-draft" not in st.session_state:
        _load()
    draft: list[Rule] = st.session_state["rules-draft"]
    saved = rules.read(config.load().return_rules)
    page.section("rules.yours", words("rules.yours_lead"))
    page.html(_table(page, draft))
    page.html(element("p", words("rules.file", path=str(path)), class_="rs-source"))
    left, right = st.columns([2, 3], gap="large")
    with left:
        _editor(page, draft)
    with right:
        _effect(page, draft, saved)
    _suggested(page)


def _load() -> None:
    st.session_state["rules-seen"] = rules.text_of(config.config_path())
    st.session_state["rules-draft"] = rules.read(config.load().return_rules)


def _prices(page: Page, rule: Rule) -> str:
    words = page.words
    if rule.price_to is None:
        return words("rules.price_from", low=words.money(rule.price_from, rule.currency))
    return f"{words.money(rule.price_from, rule.currency)} – {words.money(rule.price_to, rule.currency)}"


def _table(page: Page, draft: list[Rule]) -> Html:
    words = page.words
    columns = [
        Column("#", lambda row: words.count(row["position"]), "number"),
        Column(words("rules.name"), lambda row: row["rule"].name),
        Column(words("rules.prices"), lambda row: _prices(page, row["rule"]), "code"),
        Column(words("filter.category"), lambda row: row["rule"].category or words("filter.all_categories")),
        Column(
            words("col.reason"),
            lambda row: (
                ", ".join(words.code("reason", name) for name in row["rule"].reasons) or words("rules.all_reasons")
            ),
        ),
        Column(words("filter.channel"), lambda row: words.code("channel", row["rule"].channel)),
        Column(words("rules.resolution"), lambda row: words.code("resolution", row["rule"].resolution)),
    ]
    rows = [{"position": position, "rule": rule} for position, rule in enumerate(draft, 1)]
    return markup.table(columns, rows, words("rules.yours"), empty=words("rules.none"))


def _editor(page: Page, draft: list[Rule]) -> None:
    words = page.words
    page.section("rules.edit")
    new = len(draft)
    chosen = st.selectbox(
        words("rules.which"),
        range(new + 1),
        index=new,
        format_func=lambda index: f"{index + 1}. {draft[index].name}" if index < new else words("rules.new"),
    )
    rule = draft[chosen] if chosen < new else Rule("", _currency(page), "refund_only")
    reasons = _reason_classes(page)
    categories = sorted(
        {row["category"] for row in data.scopes(page.release) if row["category"]} | {rule.category or ""}
    )
    with st.form(f"rule-{chosen}-{new}"):
        name = st.text_input(words("rules.name"), rule.name, max_chars=80)
        low, high, currency = st.columns(3)
        price_from = low.text_input(words("rules.from"), str(rule.price_from))
        price_to = high.text_input(words("rules.to"), "" if rule.price_to is None else str(rule.price_to))
        code = currency.text_input(words("rules.currency"), rule.currency, max_chars=3).upper()
        category = st.selectbox(
            words("filter.category"),
            categories,
            index=categories.index(rule.category or ""),
            format_func=lambda value: value or words("filter.all_categories"),
        )
        picked = st.multiselect(
            words("col.reason"),
            reasons,
            [reason for reason in rule.reasons if reason in reasons],
            format_func=lambda value: words.code("reason", value),
            placeholder=words("rules.all_reasons"),
        )
        channel = st.selectbox(
            words("filter.channel"),
            rules.CHANNELS,
            index=rules.CHANNELS.index(rule.channel) if rule.channel in rules.CHANNELS else 0,
            format_func=lambda value: words.code("channel", value),
        )
        resolution = st.selectbox(
            words("rules.resolution"),
            rules.RESOLUTIONS,
            index=rules.RESOLUTIONS.index(rule.resolution) if rule.resolution in rules.RESOLUTIONS else 0,
            format_func=lambda value: words.code("resolution", value),
        )
        position = st.number_input(words("rules.position"), 1, max(new, chosen + 1), chosen + 1)
        with st.container(horizontal=True):
            is_kept = st.form_submit_button(words("rules.apply"), type="primary")
            is_removed = st.form_submit_button(words("rules.remove"), disabled=chosen == new)
    if not (is_kept or is_removed):
        return
    rest = [other for index, other in enumerate(draft) if index != chosen]
    if is_kept:
        made = Rule(
            name.strip(), code, resolution, _price(price_from) or Decimal(0), _price(price_to), category or None,
            tuple(picked), channel,
        )  # fmt: skip
        rest.insert(int(position) - 1, made)
    st.session_state["rules-draft"] = rest
    st.rerun()


def _price(text: str) -> Decimal | None:
    if not text.strip():
        return None
    try:
        return Decimal(text.strip().replace(",", ""))
    except InvalidOperation:
        return Decimal("NaN")


def _currency(page: Page) -> str:
    found = data.currencies(page.release, page.where)
    return found[0] if found else "USD"


def _reason_classes(page: Page) -> list[str]:
    return data.reason_classes(page.release)


def _effect(page: Page, draft: list[Rule], saved: list[Rule]) -> None:
    words = page.words
    page.section("rules.effect", words("rules.effect_lead"))
    wrong = rules.check(draft, _reason_classes(page))
    for fault in wrong:
        st.error(
            words("rules.wrong_in", position=fault.position, name=fault.name or "?")
            + " "
            + words(f"rules.wrong.{fault.reason}", value=fault.value)
        )
    if not wrong:
        before = [] if rules.check(saved, _reason_classes(page)) else _touched(page, saved)
        now = _touched(page, draft)
        page.html(_touched_table(page, now, before))
        page.source("fct_returns", "dim_asin", "mart_return_rules")
        if more := rules.saved_more(now, before):
            text = words("rules.saved_more", amounts=_ranges(page, more))
            page.html(element("div", element("p", text), class_="rs-advice"))
    is_changed = draft != saved
    with st.container(horizontal=True):
        is_saved = st.button(words("rules.save"), type="primary", disabled=bool(wrong) or not is_changed)
        if st.button(words("rules.discard"), disabled=not is_changed):
            _load()
            st.rerun()
    if page.visitor.stores is not None:
        st.caption(words("rules.all_stores_only"))
    if is_saved and page.visitor.stores is None:
        try:
            rules.save(draft, config.config_path(), st.session_state["rules-seen"])
        except rules.CannotSave as error:
            st.error(words(f"rules.cannot.{error.reason}"))
        else:
            _load()
            st.success(words("rules.saved"))
    elif is_saved:
        st.error(words("rules.all_stores_only"))
    elif is_changed:
        st.info(words("rules.unsaved"))


def _touched(page: Page, chosen: list[Rule]) -> list[Touched]:
    return rules.touched(chosen, data.rule_effects(page.release, page.where, chosen))


def _touched_table(page: Page, now: list[Touched], before: list[Touched]) -> Html:
    words = page.words
    old = {touched.rule: touched.units for touched in before}

    def saved(row: data.Row) -> Html:
        touched: Touched = row["now"]
        unknown = words("rules.saved_unknown", units=words.count(touched.unknown)) if touched.unknown else ""
        below = element("small", unknown, class_="rs-block") if unknown else ""
        return join([_ranges(page, touched.saved) or words.money(None, None), below])

    columns = [
        Column(words("rules.name"), lambda row: row["now"].rule or words("rules.no_rule")),
        Column(words("rules.asins"), lambda row: words.count(row["now"].asins), "number"),
        Column(words("units_returned"), lambda row: words.count(row["now"].units), "number"),
        Column(
            words("rules.change"), lambda row: words.signed(row["now"].units - old.get(row["now"].rule, 0)), "number"
        ),
        Column(words("col.refunds"), lambda row: words.monies(row["now"].refunds, rounded=True), "number"),
        Column(words("rules.saved_by"), saved, "number", words("rules.saved_help")),
    ]
    rows = [{"now": touched} for touched in now]
    return markup.table(columns, rows, words("rules.effect"), empty=words("rules.none"))


def _ranges(page: Page, amounts: Mapping[str, tuple[Decimal, Decimal]]) -> str:
    """Low and high end by currency."""
    words = page.words

    def said(currency: str, low: Decimal, high: Decimal) -> str:
        ends = [words.money(end, currency, rounded=True) for end in (low, high)]
        return ends[0] if ends[0] == ends[1] else words("rules.between", low=ends[0], high=ends[1])

    return " · ".join(said(currency, *ends) for currency, ends in amounts.items())


def _suggested(page: Page) -> None:
    words = page.words
    page.section("rules.suggested", words("rules.suggested_lead"))
    if not page.release.has("mart_return_rules"):
        page.missing("mart_return_rules")
        return

    def saving(row: data.Row) -> str:
        if row["suggested_rule"] == (row["current_resolution"] or "standard_return"):
            return words.money(None, None)  # nothing would change
        low, high = row.get("expected_saving_low"), row.get("expected_saving_high")
        if low is not None and high is not None and low != high:
            ends = {"low": words.money(low, row["currency"]), "high": words.money(high, row["currency"])}
            return words("rules.between", **ends)
        return words.money(row["expected_saving"], row["currency"])

    columns = [
        Column(words("col.asin"), page.asin_link, "wide"),
        Column(words("col.marketplace"), lambda row: place(page, row), "code"),
        Column(words("rules.price"), lambda row: words.money(row["price"], row["currency"]), "number"),
        Column(
            words("rules.today"),
            lambda row: join(
                [
                    words.code("resolution", row["current_resolution"] or "standard_return"),
                    markup.element("small", row["current_rule"] or "", class_="rs-title"),
                ]
            ),
        ),
        Column(words("rules.suggestion"), lambda row: words.code("resolution", row["suggested_rule"])),
        Column(words("rules.why"), lambda row: words.pick(row, "why"), "wide"),
        Column(
            words("rules.break_even"), lambda row: words.money(row.get("break_even_price"), row["currency"]), "number"
        ),
        Column(words("rules.saving"), saving, "number"),
    ]
    count, rows = data.return_rules(page.release, page.where)
    index = page.pager(count)
    if index:
        _, rows = data.return_rules(page.release, page.where, index)
    page.html(markup.table(columns, rows, words("rules.suggested"), empty=words("rules.no_suggestions")))
    page.source("mart_return_rules")
    page.downloads(lambda: data.table_arrow(page.release, "mart_return_rules", page.where), "mart_return_rules", count)
