"""Desk: cases by due day, and decisions about them. Belongs here: the page. Does not belong: writing a decision."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import streamlit as st

from panel import data, decisions, export, markup
from panel.decisions import Decision, NotADecision
from panel.markup import Column, Html, badge, element, join, link
from panel.page import Page
from panel.views.pieces import TONES, money_tile, place

#: the decision that counts for each store and case that the release does not know yet
Fresh = Mapping[tuple[str, str], Decision]
_ID = re.compile(r"([0-9a-f]{32})")
#: lists of cases; the first is the default
_SHOWN = ("todo", "overdue", "soon", "new", "waiting", "done", "all")


def show(page: Page) -> None:
    """Draw the page."""
    words = page.words
    page.release.need("mart_dispute_desk")
    made = decisions.known(page.release, page.visitor.stores)
    fresh = decisions.fresh(page.release, page.visitor.stores)
    asked = st.query_params.get("case", "")
    case = data.case(page.release, asked) if asked else None
    if case is not None:
        _case(page, case)
        return
    _tiles(page, fresh)
    kinds = data.case_kinds(page.release)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.selectbox(
            words("desk.kind"),
            ["", *kinds],
            format_func=lambda name: words.code("case", name) if name else words("desk.all_kinds"),
            width=280,
        )
        asked = st.query_params.get("show", "")
        shown = st.selectbox(
            words("desk.show"),
            _SHOWN,
            index=_SHOWN.index(asked) if asked in _SHOWN else 0,
            format_func=lambda name: words(f"desk.show_{name}"),
            width=280,
        )
    rows = [row for row in data.cases(page.release, page.where, kind) if _is_shown(page, row, fresh, shown)]
    page.html(_table(page, rows[: data.CASE_ROWS], fresh))
    if len(rows) > data.CASE_ROWS:
        page.html(element("p", words("desk.cut", rows=data.CASE_ROWS, of=words.count(len(rows))), class_="rs-source"))
    page.source("mart_dispute_desk")
    page.downloads(
        lambda: data.table_arrow(page.release, "mart_dispute_desk", page.where), "mart_dispute_desk", len(rows)
    )
    _decided(page, made)


def _is_shown(page: Page, row: data.Row, fresh: Fresh, shown: str) -> bool:
    """Whether a case is one of those that are asked for, as the tiles count them."""
    if shown == "all":
        return True
    state, left = decisions.stands(row, fresh), row["days_left"]
    if shown in data.CASE_STATES:
        return state in data.CASE_STATES[shown]
    if state not in data.CASE_STATES["todo"]:
        return False
    if shown == "new":
        return bool(row["opened_on"] == page.release.as_of)
    return left is not None and (left < 0 if shown == "overdue" else 0 <= left <= 2)


def _tiles(page: Page, fresh: Fresh) -> None:
    words = page.words
    found = data.open_cases(page.release, page.where, (case for _, case in fresh))
    page.html(
        markup.tiles(
            markup.tile(
                words("today.cases"),
                words.count(found["cases"]),
                href=page.to("desk"),
                note=words("desk.new", count=found["fresh"]),
            ),
            markup.tile(words("desk.overdue"), words.count(found["overdue"]), href=page.to("desk", show="overdue")),
            markup.tile(words("desk.soon"), words.count(found["soon"]), href=page.to("desk", show="soon")),
            money_tile(page, words("desk.worth"), found["worth"], page.to("desk"), note=words("desk.worth_note")),
            markup.tile(
                words("desk.waiting"),
                words.count(found["waiting"]),
                href=page.to("desk", show="waiting"),
                note=words("desk.waiting_note"),
            ),
            markup.tile(words("desk.decided"), words.count(len(fresh)), note=words("desk.decided_note")),
        )
    )


def _left(page: Page, row: data.Row) -> Html:
    words, left = page.words, row["days_left"]
    if left is None:
        return badge(words("desk.no_clock" if row["due_on"] is None else "desk.stopped"), "plain")
    if left < 0:
        return badge(words("desk.late", days=-left), "bad")
    if left == 0:
        return badge(words("desk.today"), "bad")
    return badge(words("desk.left", days=left), "warn" if left <= 2 else "plain")


def _state(page: Page, row: data.Row, fresh: Fresh) -> Html:
    """Where a case stands, with the decision that counts and its day."""
    words = page.words
    name = decisions.stands(row, fresh)
    made = fresh.get((row["store"], row["case_id"]))
    decision, day = (made.decision, made.decided_at.date()) if made else (row.get("decision"), row.get("decided_on"))
    parts = [badge(words.code("state", name), TONES.get(name, "plain"))]
    if decision:
        parts.append(element("small", words(f"decision.{decision}"), class_="rs-block"))
        parts.append(element("small", words.day(day), class_="rs-block"))
    return join(parts)


def _table(page: Page, rows: list[data.Row], fresh: Fresh) -> Html:
    words = page.words
    rows = [_with(row, fresh) for row in rows]
    columns = [
        Column(words("desk.due"), lambda row: join([words.day(row["due_on"]), _left(page, row)], " "), "code"),
        Column(
            words("desk.kind"),
            lambda row: link(words.code("case", row["kind"]), page.to("desk", case=row["case_id"])),
            "wide",
        ),
        Column(words("col.marketplace"), lambda row: place(page, row), "code"),
        Column(words("col.order"), lambda row: row["order_id"] or "", "code"),
        Column(words("col.asin"), page.asin_link, "code"),
        Column(words("col.amount"), lambda row: words.money(row["amount"], row["currency"]), "number"),
        Column(words("desk.state"), lambda row: _state(page, row, fresh), "code"),
        Column(words("desk.next"), lambda row: _next(page, row, fresh), "wide"),
    ]
    return markup.table(columns, rows, words("page.desk.title"), empty=words("desk.none"))


def _with(row: data.Row, fresh: Fresh) -> data.Row:
    """The case as it stands: a decision stops its clock."""
    return {**row, "days_left": None} if (row["store"], row["case_id"]) in fresh else row


def _next(page: Page, row: data.Row, fresh: Fresh) -> str:
    made = fresh.get((row["store"], row["case_id"]))
    if made is not None:
        state = decisions.stands(row, fresh)
        return page.words(f"desk.step_{state}", day=page.words.day(made.decided_at.date()))
    return page.words.pick(row, "next_step")


def _case(page: Page, case: data.Row) -> None:
    words = page.words
    page.html(element("p", link(words("desk.back"), page.to("desk")), class_="rs-source"))
    page.section("desk.case", kind=words.code("case", case["kind"]))
    top = st.container()
    left, right = st.columns([3, 2], gap="large")
    with right:  # first, so that what is recorded now shows in the rest at once
        _form(page, case)
        _made(page, case)
    fresh = decisions.fresh(page.release, page.visitor.stores)
    case = _with(case, fresh)
    with top:
        page.html(element("div", element("p", _next(page, case, fresh)), class_="rs-advice"))
    with left:
        rows = [
            (words("desk.due"), join([words.day(case["due_on"]), _left(page, case)], " ")),
            (words("desk.opened"), words.day(case["opened_on"])),
            (words("col.amount"), words.money(case["amount"], case["currency"])),
            (words("desk.state"), _state(page, case, fresh)),
            (words("col.marketplace"), place(page, case)),
            (words("col.order"), case["order_id"] or ""),
            (words("col.asin"), page.asin_link(case)),
            (words("desk.case_id"), case["case_id"]),
        ]
        page.html(markup.pairs(rows))
        _evidence(page, case)


def _evidence(page: Page, case: data.Row) -> None:
    words = page.words
    page.section("desk.evidence")
    items = [element("li", element("p", _opened(page, text))) for text in data.as_list(words.pick(case, "evidence"))]
    if case["order_id"]:
        for table in ("fct_returns", "fct_refunds", "fct_order_lines"):
            question = data.Question(table, (("store", case["store"]), ("order_id", case["order_id"])))
            count = data.facts(page.release, question)[0] if page.release.has(table) else 0
            if count:
                href = page.to_rows(
                    table, order_id=case["order_id"], store=case["store"], marketplace="", channel="", window=""
                )
                items.append(
                    element("li", link(words("desk.rows", table=words.code("table", table), count=count), href))
                )
    page.html(element("ul", *items, class_="rs-list") if items else markup.nothing(words("desk.no_evidence")))
    page.source("mart_dispute_desk")


def _opened(page: Page, text: str) -> Html:
    """Evidence whose ids of returns and refunds open their rows."""

    def part(piece: str) -> Html:
        for table in ("fct_returns", "fct_refunds"):
            if _ID.fullmatch(piece) and page.release.has(table) and data.record(page.release, table, [piece]):
                return link(piece[:12], page.to("record", of=table, id=piece), title=piece)
        return markup.safe(piece)

    return join(part(piece) for piece in _ID.split(text))


def _form(page: Page, case: data.Row) -> None:
    words = page.words
    page.section("desk.decide", words("desk.decide_lead"))
    with st.form("decision", clear_on_submit=True):
        decision = st.radio(
            words("desk.decision"), list(decisions.KINDS), format_func=lambda name: words(f"decision.{name}")
        )
        amount = st.text_input(
            words("desk.amount", currency=case["currency"] or ""),
            value="" if case["amount"] is None else f"{case['amount']:.2f}",
            help=words("desk.amount_help"),
        )
        note = st.text_area(words("desk.note"), max_chars=decisions.NOTE_LENGTH, help=words("desk.note_help"))
        is_sent = st.form_submit_button(words("desk.record"), type="primary")
    if not is_sent:
        return
    try:
        value = _amount(amount) if decision in decisions.WITH_AMOUNT else None
        made = decisions.decide(case, decision, amount=value, note=note, by=page.visitor.name)
        decisions.record(made)
    except NotADecision as wrong:
        st.error(words(f"desk.wrong.{wrong}"))
    except OSError as error:
        st.error(words("desk.wrong.write", why=str(error)))
    else:
        st.success(words("desk.recorded"))


def _amount(text: str) -> Decimal:
    try:
        value = Decimal(text.strip().replace(",", ""))
    except ArithmeticError as error:
        raise NotADecision("amount") from error
    if not value.is_finite() or value != round(value, 2):
        raise NotADecision("amount")
    return value


def _made(page: Page, case: data.Row) -> None:
    """Decisions about this case, newest first, with what was recorded just now."""
    about = (case["store"], case["case_id"])
    known = decisions.known(page.release, page.visitor.stores)
    made = [decision for decision in known if (decision.store, decision.case_id) == about]
    if made:
        page.section("desk.history")
        page.html(element("ul", *(_line(page, decision) for decision in reversed(made)), class_="rs-list"))


def _line(page: Page, decision: Decision) -> Html:
    words = page.words
    amount = f" {words.money(decision.amount, decision.currency)}" if decision.amount is not None else ""
    who = decision.decided_by or words("desk.here")
    return element(
        "li",
        badge(words(f"decision.{decision.decision}"), "good"),
        element(
            "div",
            element("p", amount, " ", decision.note),
            element("p", f"{words.moment(decision.decided_at)} · {who}", class_="rs-quiet"),
            class_="rs-grow",
        ),
    )


def _decided(page: Page, made: list[Decision]) -> None:
    """The decisions of a day, with files for upload."""
    words = page.words
    page.section("desk.of_day", words("desk.of_day_lead"))
    days = sorted({decision.decided_at.date() for decision in made} | {datetime.now(UTC).date()}, reverse=True)
    day = st.selectbox(words("desk.day"), days, format_func=words.day, width=220)
    chosen = [decision for decision in made if decision.decided_at.date() == day]
    columns = [
        Column(words("desk.when"), lambda row: words.moment(row["decided_at"]), "code"),
        Column(words("desk.decision"), lambda row: words(f"decision.{row['decision']}")),
        Column(words("desk.kind"), lambda row: words.code("case", row["kind"])),
        Column(words("col.order"), lambda row: row["order_id"] or "", "code"),
        Column(words("col.amount"), lambda row: words.money(row["amount"], row["currency"]), "number"),
        Column(words("desk.note"), lambda row: row["note"], "wide"),
        Column(words("desk.by"), lambda row: row["decided_by"] or words("desk.here")),
    ]
    rows = [vars(decision) for decision in chosen]
    page.html(markup.table(columns, rows, words("desk.of_day"), empty=words("desk.none_decided")))
    if not chosen:
        return
    with st.container(horizontal=True):
        st.download_button(
            words("desk.file_all"),
            export.to_bytes(decisions.as_table(chosen), "csv"),
            f"decisions_{day}.csv",
            export.MIME["csv"],
            on_click="ignore",
            icon=":material/download:",
        )
        if refunds := [decision for decision in chosen if decision.amount is not None]:
            st.download_button(
                words("desk.file_refunds"),
                decisions.adjustments(refunds),
                f"refund_adjustments_{day}.txt",
                "text/tab-separated-values",
                on_click="ignore",
                icon=":material/download:",
                help=words("desk.file_refunds_help"),
            )
