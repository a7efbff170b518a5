"""Every page in both languages over a small release. Belongs here: what a visitor sees, without a browser."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from panel import data, decisions, guides, warm
from panel.text import Words
from tests.support.panel_marts import AS_OF, DELIVERY, HOSTILE, write_marts

RETURN = {"of": "fct_returns"}
PAGES: dict[str, dict[str, str]] = {
    "today": {},
    "asins": {},
    "asin": {"asin": "B000TEST01", "store": "north", "marketplace": "US"},
    "performance": {},
    "recovery": {"window": "90"},
    "season": {},
    "inventory": {},
    "desk": {},
    "rules": {},
    "completeness": {},
    "resources": {},
    "rows": RETURN,
    "record": RETURN,
    "guide": {"topic": "guides/damaged"},
}


def html_of(app: Any) -> str:
    found = [element.proto.body for element in app.get("html")]
    return "\n".join(text for text in found if not text.lstrip().startswith("<style"))


def a_return(path: Path) -> data.Row:
    return data.current(None, path).rows("select * from fct_returns where comment = ? order by return_id", [HOSTILE])[0]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("page", PAGES)
def test_page_is_drawn(page: str, language: str, panel_home: Path, run_page: Callable[..., Any]) -> None:
    parameters = dict(PAGES[page])
    if page == "record":
        parameters["id"] = a_return(panel_home / "published" / "marts.duckdb")["return_id"]
    app = run_page(page, lang=language, **parameters)
    assert not app.exception, [error.message for error in app.exception]
    assert not app.error
    shown = html_of(app) + " ".join(element.value for element in (*app.title, *app.subheader, *app.markdown))
    assert len(shown) > 200
    assert re.search(r"[\u4e00-\u9fff]{4}", shown) if language == "zh" else not re.search(r"[\u4e00-\u9fff]", shown)


def test_today_shows_the_sums_of_the_mart_and_opens_their_rows(panel_home: Path, run_page: Callable[..., Any]) -> None:
    app = run_page("today", lang="en", store="north", marketplace="US", window="7")
    release = data.current()
    expected = release.rows(
        "select sum(units_returned)::bigint as returned, sum(units_shipped)::bigint as shipped from mart_asin_insights "
        "where store = 'north' and marketplace = 'US' and channel = 'ALL' and window_days = 7"
    )[0]
    shown = html_of(app)
    assert f'<span class="rs-tile-value">{expected["returned"]:,}</span>' in shown
    assert f"{expected['returned'] / expected['shipped']:.1%}" in shown
    assert (
        "rows?lang=en&amp;store=north&amp;marketplace=US&amp;window=7&amp;of=fct_returns&amp;first=2026-01-22" in shown
    )


def test_amounts_of_different_currencies_stand_side_by_side(panel_home: Path, run_page: Callable[..., Any]) -> None:
    found = data.totals(data.current(), data.Filter(window=30)).refunds
    assert set(found) == {"USD", "CAD", "GBP"}
    shown = html_of(run_page("today", lang="en"))
    assert all(
        Words("en").money(amount, currency, rounded=True)[1:] in shown for currency, amount in list(found.items())[1:]
    )


def test_what_buyers_wrote_is_never_markup(panel_home: Path, run_page: Callable[..., Any]) -> None:
    row = a_return(panel_home / "published" / "marts.duckdb")
    for page, parameters in (
        ("asin", {"asin": row["asin"], "store": row["store"], "marketplace": row["marketplace"]}),
        ("rows", {"of": "fct_returns", "asin": row["asin"]}),
        ("rows", {"of": "ops_quarantine"}),
        ("record", {"of": "fct_returns", "id": row["return_id"]}),
        ("asins", {}),
    ):
        shown = html_of(run_page(page, lang="en", **parameters))
        assert "<img" not in shown
        assert "<script" not in shown
        assert "<b>bright" not in shown


def test_deciding_words_are_marked(panel_home: Path, run_page: Callable[..., Any]) -> None:
    shown = html_of(run_page("asin", lang="en", asin="B000TEST01", store="north", marketplace="US"))
    assert "<mark>too small</mark>" in shown


def test_a_return_leads_to_its_delivery_and_line(panel_home: Path, run_page: Callable[..., Any]) -> None:
    row = a_return(panel_home / "published" / "marts.duckdb")
    shown = html_of(run_page("record", lang="en", of="fct_returns", id=row["return_id"]))
    assert DELIVERY in shown
    assert "returns.tsv" in shown
    assert re.search(rf"<dt>Line</dt><dd>{row['line_number']}</dd>", shown)


def test_the_address_cannot_ask_for_other_tables_or_columns(panel_home: Path, run_page: Callable[..., Any]) -> None:
    for parameters in ({"of": "fct_returns; drop table x"}, {"of": "release_info"}, {"of": "' or 1=1 --"}):
        app = run_page("rows", lang="en", **parameters)
        assert not app.exception
        assert "This release has no" in html_of(app)
    app = run_page("rows", lang="en", of="fct_returns", asin="' or 1=1 --")
    assert "No rows fit" in html_of(app)
    app = run_page("guide", lang="en", topic="guides/../../../pyproject")
    assert "no such guide" in html_of(app)


def test_an_unknown_asin_says_what_to_do(panel_home: Path, run_page: Callable[..., Any]) -> None:
    assert "not in the published data" in html_of(run_page("asin", lang="en", asin="<b>"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_without_a_release_the_panel_says_how_to_load_data(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_page: Callable[..., Any]
) -> None:
    monkeypatch.setenv("RETURNSCOPE_HOME", str(tmp_path))
    app = run_page("today", lang=language)
    assert not app.exception
    assert "returnscope demo" in html_of(app)
    assert "returnscope ingest" in html_of(app)


def test_a_file_that_is_no_release_is_told(panel_home: Path, run_page: Callable[..., Any]) -> None:
    (panel_home / "published" / "marts.duckdb").write_bytes(b"not a database")
    app = run_page("today", lang="en")
    assert not app.exception
    assert "cannot be read" in app.error[0].value


def test_a_release_without_a_mart_still_shows_the_rest(panel_home: Path, run_page: Callable[..., Any]) -> None:
    import duckdb

    path = panel_home / "published" / "marts.duckdb"
    with duckdb.connect(str(path)) as con:
        for mart in ("mart_dispute_desk", "mart_alerts", "ops_windows", "mart_holiday_returns"):
            con.execute(f"drop table marts.marts.{mart}")
    for page in ("today", "desk", "season", "completeness"):
        app = run_page(page, lang="en")
        assert not app.exception
        assert "has no mart_" in html_of(app) or "has no ops_" in html_of(app)


def test_the_panel_follows_a_new_release(panel_home: Path, run_page: Callable[..., Any]) -> None:
    app = run_page("today", lang="en", window="7")
    before = data.totals(data.current(), data.Filter(window=7)).returned
    old = data.current()
    write_marts(panel_home / "published" / "marts.duckdb", release="2026-01-28-000000000002", extra_returns=50)
    app.run()
    assert f'<span class="rs-tile-value">{before + 50:,}</span>' in html_of(app)
    # who still holds the old release reads the old one, to the end
    assert data.totals(old, data.Filter(window=7)).returned == before
    assert (
        data.totals(old, data.Filter(window=90)).returned < data.totals(data.current(), data.Filter(window=90)).returned
    )


def test_a_decision_is_written_to_the_inbox_and_shown_at_once(panel_home: Path, run_page: Callable[..., Any]) -> None:
    case = data.cases(data.current(), data.Filter())[0]
    app = run_page("desk", lang="en", case=case["case_id"])
    app.radio[0].set_value("refund_partial")
    app.text_input[0].set_value("5.00")
    app.text_area[0].set_value("kept  the box")
    app.button[0].click().run()
    assert not app.exception
    assert app.success
    (file,) = (panel_home / "inbox" / case["store"]).iterdir()
    assert re.fullmatch(r"decisions____\d{4}-\d\d-\d\dT\d{6}\.\d{6}Z\.jsonl", file.name)
    (made,) = decisions.recorded()
    assert (made.case_id, made.decision, made.amount, made.currency, made.note) == (
        case["case_id"], "refund_partial", Decimal("5.00"), case["currency"], "kept the box",
    )  # fmt: skip
    shown = html_of(app)
    assert "Refund in part" in shown
    assert "Decided on" in shown and "Refund the buyer." not in shown  # the next step, in the same run
    assert "clock stopped" in shown
    listed = run_page("desk", lang="en")
    assert f"case={case['case_id']}" not in html_of(listed)
    assert "Refund in part" in html_of(listed)  # among the decisions of the day
    next(box for box in listed.selectbox if box.label == "Show").set_value("waiting").run()
    assert f"case={case['case_id']}" in html_of(listed)
    tile = '<span class="rs-tile-label">Open cases</span><span class="rs-tile-value">{}</span>'
    everything = len(data.cases(data.current(), data.Filter()))
    for page in ("desk", "today"):
        assert tile.format(everything - 1) in html_of(run_page(page, lang="en"))


@pytest.mark.parametrize(
    ("decision", "state", "group"),
    [("claim_filed", "filed", "waiting"), ("approve", "decided", "waiting"), ("done", "done", "done")],
)
def test_a_decision_that_the_release_knows_is_shown_with_its_day(
    decision: str, state: str, group: str, panel_home: Path, run_page: Callable[..., Any]
) -> None:
    import duckdb

    path = panel_home / "published" / "marts.duckdb"
    case = data.cases(data.current(), data.Filter())[0]
    fresh = Path(shutil.copy(path, path.with_name("fresh.db")))
    with duckdb.connect(str(fresh)) as con:
        con.execute(
            "update fresh.marts.mart_dispute_desk set state = ?, decision = ?, decided_on = date '2026-01-27', "
            "days_left = null, next_step = 'As the mart says.' where case_id = ?",
            [state, decision, case["case_id"]],
        )
    fresh.replace(path)
    app = run_page("desk", lang="en")
    assert f"case={case['case_id']}" not in html_of(app)
    next(box for box in app.selectbox if box.label == "Show").set_value(group).run()
    shown = html_of(app)
    assert f"case={case['case_id']}" in shown and "27 Jan 2026" in shown and "As the mart says." in shown
    assert Words("en")(f"decision.{decision}") in shown
    # what is decided after the release counts instead, at once
    decisions.record(decisions.decide(case, "done" if decision != "done" else "approve"))
    counted = decisions.fresh(data.current())
    assert decisions.stands(data.case(data.current(), case["case_id"]) or {}, counted) == (
        "decided" if decision == "done" else "done"
    )


# ---- cost, account health, alerts, cases


@pytest.mark.parametrize(
    ("channel", "total", "said", "parts"),
    [
        ("", "≥ $112.00", "At least this", "days that no settlement reaches yet, Goods written off"),
        ("FBA", "≈ $112.00", "Open: what came back", "Selling fees given back, Goods written off"),
        ("FBM", "$119.00", "Exact", None),
    ],
)
def test_the_cost_of_an_item_says_what_is_not_known(
    channel: str, total: str, said: str, parts: str | None, panel_home: Path, run_page: Callable[..., Any]
) -> None:
    item = {"asin": "B000TEST01", "store": "north", "marketplace": "US"}
    shown = html_of(run_page("asin", lang="en", **item, **({"channel": channel} if channel else {})))
    assert f'<span class="rs-tile-value">{total}</span>' in shown
    assert said in shown
    assert (parts in shown) if parts else "left out of the total" not in shown
    assert "−$15.00" in shown  # fees given back are taken off
    assert "unsettled_days" not in shown and "lower_bound" not in shown
    chinese = html_of(run_page("asin", lang="zh", **item))
    assert "尚未结算的日期、报废商品" in chinese


def test_recovery_marks_the_months_whose_fees_are_still_coming(panel_home: Path, run_page: Callable[..., Any]) -> None:
    shown = html_of(run_page("recovery", window="90"))
    months = data.current(None, panel_home / "published" / "marts.duckdb").rows(
        "select distinct month, used_condition, currency from mart_recovery where not is_final"
    )
    assert months and shown.count("provisional") == len(months)


def test_cost_stands_in_the_list_and_on_today(panel_home: Path, run_page: Callable[..., Any]) -> None:
    assert "cost ≥ $112.00" in html_of(run_page("asins", lang="en", order="cost"))
    assert "Returns cost ≥ CA$336 · ≥ £336 · ≥ $336 in 30 days" in html_of(run_page("today", lang="en"))
    one = data.cost_totals(data.current(), data.Filter(store="north", marketplace="US", category="Shoes", window=90))
    assert [(row["currency"], row["total_cost"], row["is_exact"]) for row in one] == [("USD", Decimal(172), False)]


def test_account_health_gives_numerators_limits_and_what_is_missing(
    panel_home: Path, run_page: Callable[..., Any]
) -> None:
    shown = html_of(run_page("performance", lang="en"))
    assert "4 of 200" in shown and "above the limit" in shown and "1.0%" in shown
    assert "≥ 0.5%" in shown and "without negative feedback" in shown and "not above it, as far as known" in shown
    assert "50.0% – 87.5%" in shown and "20 in time, 5 late, 15 not known" in shown
    assert "不含负面反馈" in html_of(run_page("performance", lang="zh"))


def test_no_alert_is_out_of_reach(panel_home: Path, run_page: Callable[..., Any]) -> None:
    shown = html_of(app := run_page("today", lang="en"))
    count = data.alert_count(data.current(), data.Filter())
    assert count == shown.count("comes back often.") > 5
    assert app.expander[0].label == f"{count - 5} more of {count}"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_kind_of_alert_has_a_guide(language: str, panel_home: Path, run_page: Callable[..., Any]) -> None:
    shown = html_of(run_page("today", lang=language))
    assert "topic=guides%2Falert_high_return_rate" in shown
    from orchestration.cases import _KINDS

    for kind in _KINDS:
        assert guides.find(f"guides/alert_{kind}", language) is not None, kind


class _OfARelease:
    """As much of a release as a case without an item asks for."""

    def __init__(self, day: date) -> None:
        self.manifest = SimpleNamespace(as_of=day, settings={})

    def rows(self, *_: object) -> list[dict[str, Any]]:
        return []

    def item(self, *_: object) -> dict[str, Any]:
        return {}


def _write_case(home: Path, store: str, number: int) -> str:
    """A case as the night writes it."""
    from orchestration.cases import _case

    alert = {
        "alert_id": f"{number:012}", "kind": "incomplete_data", "store": store, "marketplace": None, "asin": None,
        "subject": None, "first_seen": date(2026, 1, 20), "message_en": "Days ![are](http://127.0.0.1/x) missing.",
        "message_zh": "缺少数据。",
    }  # fmt: skip
    made = _case(alert, _OfARelease(date(2026, 1, 27)), _OfARelease(date(2026, 1, 28)))  # type: ignore[arg-type]
    for language, text in made.texts.items():
        file = home / "published" / "cases" / language / f"{made.name}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return made.name


@pytest.mark.parametrize("language", ["en", "zh"])
def test_cases_of_the_night_are_read_and_lead_to_their_guide(
    language: str, panel_home: Path, run_page: Callable[..., Any]
) -> None:
    assert "No cases yet" in html_of(run_page("resources", lang="en"))
    name = _write_case(panel_home, "north", 1)
    assert f"topic=cases%2F{name}" in html_of(run_page("resources", lang=language))
    app = run_page("guide", lang=language, topic=f"cases/{name}")
    text = "\n".join(part.value for part in app.markdown)
    assert "north" in app.title[0].value
    assert f"(/guide?lang={language}&topic=guides%2Falert_incomplete_data)" in text
    assert Words(language).day(date(2026, 1, 27)) in text
    assert "![" not in text  # nothing is fetched


def test_cases_of_other_stores_are_not_there(panel_home: Path) -> None:
    names = {store: _write_case(panel_home, store, number) for number, store in enumerate(("north", "isles"))}
    odd = panel_home / "published" / "cases" / "en" / "2026-01-28-odd.md"
    odd.write_text("# A case that names no store\n", encoding="utf-8")
    for language in ("en", "zh"):
        seen = {guide.topic for guide in guides.all_of("cases", language, frozenset({"isles"}))}
        assert seen == {f"cases/{names['isles']}"}
        assert guides.find(f"cases/{names['north']}", language, frozenset({"isles"})) is None
        assert len(guides.all_of("cases", language)) == 3
        assert guides.all_of("guides", language, frozenset()) == guides.all_of("guides", language)


def test_decisions_of_the_release_and_of_the_inbox_are_one_list(panel_home: Path) -> None:
    import duckdb

    case = data.cases(data.current(), data.Filter())[0]
    made = decisions.decide(case, "approve", note="first")
    decisions.record(made)
    path = panel_home / "published" / "marts.duckdb"
    fresh = Path(shutil.copy(path, path.with_name("fresh.db")))
    with duckdb.connect(str(fresh)) as con:
        con.execute(
            "insert into fresh.marts.fct_decisions "
            "(decision_id, store, case_id, kind, decision, decided_at, as_of_date) "
            "values (?, ?, ?, 'refund_due', 'approve', ?, ?), "
            "('older', ?, ?, null, 'decline', '2026-01-01 00:00:00+00', ?)",
            [made.decision_id, made.store, made.case_id, made.decided_at, AS_OF, made.store, made.case_id, AS_OF],
        )
    fresh.replace(path)
    known = decisions.known(data.current())
    assert [decision.decision_id for decision in known] == ["older", made.decision_id]
    assert decisions.newest(known)[made.store, made.case_id].note == "first"


@pytest.mark.parametrize("amount", ["", "0", "-1", "abc", "1.234", "NaN", "999999"])
def test_a_wrong_amount_is_refused(amount: str, panel_home: Path, run_page: Callable[..., Any]) -> None:
    case = data.cases(data.current(), data.Filter())[0]
    app = run_page("desk", lang="en", case=case["case_id"])
    app.radio[0].set_value("refund_full")
    app.text_input[0].set_value(amount)
    app.button[0].click().run()
    assert app.error
    assert not decisions.recorded()


def test_a_rule_is_tried_then_saved(panel_home: Path, run_page: Callable[..., Any]) -> None:
    file = panel_home / "returnscope.toml"
    file.write_text('# ours\n[settings]\nreporting_currency = "USD"\n', encoding="utf-8")
    app = run_page("rules", lang="en")
    by_label = {box.label: box for box in app.text_input}
    by_label["Rule"].set_value("Cheap items")
    by_label["below (empty: any)"].set_value("30")
    by_label["Currency"].set_value("USD")
    next(box for box in app.selectbox if box.label == "Channel" and "FBM" in box.options).set_value("ALL")
    next(button for button in app.button if button.label == "Try it").click().run()
    assert not app.exception
    assert not app.error
    assert "Cheap items" in html_of(app)
    assert "not saved" in app.info[0].value
    assert "return_rules" not in file.read_text(encoding="utf-8")
    next(button for button in app.button if button.label == "Save").click().run()
    assert app.success
    text = file.read_text(encoding="utf-8")
    assert text.startswith('# ours\n[settings]\nreporting_currency = "USD"\n')
    assert "[[return_rules]]" in text


def test_pages_show_the_day_of_the_release(panel_home: Path, run_page: Callable[..., Any]) -> None:
    assert Words("en").day(AS_OF) in html_of(run_page("today", lang="en"))
    assert "2026年1月28日" in html_of(run_page("today", lang="zh"))


def test_only_permitted_stores_are_seen(panel_home: Path, run_page: Callable[..., Any]) -> None:
    release = data.current(frozenset({"isles"}))
    for table, columns in release.columns.items():
        if "store" in columns:
            assert {row["store"] for row in release.rows(f'select distinct store from "{table}"')} <= {"isles"}, table
    assert not decisions.recorded({"isles"})
    assert data.case(release, "case-north-US-B000TEST01") is None
    assert data.homes_of(release, "B000TEST01")
    assert {row["store"] for row in data.scopes(release)} == {"isles"}


def test_visitors_with_different_rights_read_one_file_at_once(panel_home: Path) -> None:
    everything, some, none = data.current(), data.current(frozenset({"isles"})), data.current(frozenset())
    assert [len(data.homes_of(release, "B000TEST01")) for release in (everything, some, none)] == [3, 1, 0]
    assert data.current() is everything


def test_decisions_of_one_moment_do_not_meet(panel_home: Path) -> None:
    case = data.cases(data.current(), data.Filter())[0]
    for number in range(20):
        decisions.record(decisions.decide(case, "done", note=str(number)))
    made = decisions.recorded()
    assert [decision.note for decision in made] == [str(number) for number in range(20)]
    assert decisions.newest(made)[case["store"], case["case_id"]].note == "19"
    assert made[0].decided_at <= datetime.now(UTC)
    assert not [path for path in (panel_home / "inbox").rglob("*") if path.name.startswith(".")]


# ---- before the first visit


def test_the_first_visit_finds_the_questions_of_today_answered(
    panel_home: Path, run_page: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    warm.libraries()
    warm.first_page()
    assert not caplog.records
    kept = set(data.current()._results)
    assert any("mart_asin_daily" in str(question) for question in kept)
    assert not run_page("today", lang="zh").exception
    assert set(data.current()._results) == kept


def test_nothing_that_is_wrong_with_a_release_keeps_the_panel_from_starting(
    panel_home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import duckdb

    path = panel_home / "published" / "marts.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute("alter table marts.marts.mart_asin_daily drop column units_shipped")
    warm.first_page()
    assert "could not be made ahead" in caplog.text
    path.write_bytes(b"not a database")
    warm.first_page()
    path.unlink()
    warm.first_page()


# ---- figures are found again in their rows


def test_the_rows_behind_a_tile_add_up_to_it(panel_home: Path, run_page: Callable[..., Any]) -> None:
    import duckdb

    path = panel_home / "published" / "marts.duckdb"
    with duckdb.connect(str(path)) as con:  # a used unit is in the rows and in no rate
        con.execute(
            "insert into marts.marts.fct_returns by name select * replace ('used' as return_id, false as is_new_item, "
            "true as is_used, false as is_replacement) from marts.marts.fct_returns limit 1"
        )
    where = data.Filter(window=7)
    total = data.totals(data.current(), where)
    last = data.current().as_of
    days = {"first": (last - timedelta(days=6)).isoformat(), "last": last.isoformat()}
    shown = html_of(run_page("rows", lang="en", of="fct_returns", window="7", **days))
    assert f"{total.returned:,} units are counted, 1 more are not" in shown
    shown = html_of(run_page("rows", lang="en", of="fct_refunds", window="7", **days))
    sums = data.current().rows("select currency, sum(refund_amount) as amount from fct_refunds group by all")
    assert all(Words("en").money(row["amount"], row["currency"]) in shown for row in sums)


def test_season_figures_open_what_was_bought_in_it(panel_home: Path, run_page: Callable[..., Any]) -> None:
    shown = html_of(run_page("season", lang="en"))
    assert "of=fct_returns&amp;bought_first=2025-12-15&amp;bought_last=2025-12-21" in shown
    assert "of=fct_order_lines&amp;first=2025-12-15&amp;last=2025-12-21" in shown
    asked = {"bought_first": "2025-12-15", "bought_last": "2025-12-21"}
    found = data.current().rows(
        "select count(*) as n from fct_returns where purchase_date between date '2025-12-15' and date '2025-12-21'"
    )[0]["n"]
    assert found > 0
    shown = html_of(run_page("rows", lang="en", of="fct_returns", **asked))
    assert f"{found:,} rows" in shown and "15 Dec 2025 – 21 Dec 2025" in shown


def test_rows_can_leave_a_value_out(panel_home: Path, run_page: Callable[..., Any]) -> None:
    shown = html_of(run_page("rows", lang="en", of="fct_returns", not_disposition="SELLABLE"))
    assert "No rows fit" in shown and "not SELLABLE" in shown
    assert "This release has no" in html_of(run_page("rows", lang="en", of="fct_returns; x", not_disposition="S"))


@pytest.mark.parametrize(("show", "there"), [("soon", True), ("todo", True), ("overdue", False), ("new", False)])
def test_tiles_of_the_desk_open_the_cases_they_count(
    show: str, there: bool, panel_home: Path, run_page: Callable[..., Any]
) -> None:
    assert ("case=case-north" in html_of(run_page("desk", lang="en", show=show))) == there


def test_evidence_opens_the_rows_that_it_names(panel_home: Path, run_page: Callable[..., Any]) -> None:
    import duckdb

    path = panel_home / "published" / "marts.duckdb"
    known, unknown = "a" * 32, "b" * 32
    with duckdb.connect(str(path)) as con:
        con.execute("update marts.marts.fct_refunds set refund_id = ? where refund_id like '%north-US%'", [known])
        con.execute(f"update marts.marts.mart_dispute_desk set evidence = '[\"refund {known}, return {unknown}\"]'")
    shown = html_of(run_page("desk", lang="en", case="case-north-US-B000TEST01"))
    assert f"of=fct_refunds&amp;id={known}" in shown and f"return {unknown}" in shown
