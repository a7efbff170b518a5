"""The parts below the pages: words, exports, rules, intervals, pieces of HTML."""

from __future__ import annotations

import csv
import io
import string
import tomllib
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from data_contracts.reasons import reason_classes
from data_contracts.settings import ReturnRule, load_settings
from panel import data, decisions, export, guides, markup, rules
from panel.data import Rate
from panel.decisions import Decision
from panel.rules import CannotSave, Rule
from panel.text import LANGUAGES, Words, language_of, texts
from tests.support.panel_marts import contracts

DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=1", "＝1", '=cmd|"/c calc"!A1']
HARMLESS = ["", "Desk lamp", "a=1", "1-2", "B000TEST01", "'quoted"]


# ---- words


def test_both_languages_have_the_same_keys_and_placeholders() -> None:
    english, chinese = texts("en"), texts("zh")
    assert set(english) == set(chinese)

    def holes(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert {key for key in english if holes(english[key]) != holes(chinese[key])} == set()
    assert not [key for key in english if not english[key].strip() or not chinese[key].strip()]


def test_every_reason_class_and_marketplace_has_a_name() -> None:
    from data_contracts.marketplaces import UNATTRIBUTED, all_marketplaces
    from data_contracts.registry import all_feeds

    for language in LANGUAGES:
        known = texts(language)
        assert not [name for name in reason_classes() if f"reason.{name}" not in known]
        assert not [code for code in [*all_marketplaces(), UNATTRIBUTED] if f"marketplace.{code.lower()}" not in known]
        assert not [feed for feed in all_feeds() if f"feed.{feed}" not in known]


def test_what_the_release_checks_and_sets_aside_has_words() -> None:
    """Names stand in a model and in the contracts; a new one without a text would be shown as its code."""
    import re

    root = Path(__file__).resolve().parents[2]
    sql = (root / "dbt_project" / "models" / "ops" / "ops_reconciliation.sql").read_text(encoding="utf-8")
    names = set(re.findall(r"'(\w+)' as check_name", sql))
    names |= set(re.findall(r"^\s+\('\w+', '\w+', '(\w+)',", sql, re.MULTILINE))
    assert len(names) > 20
    for language in LANGUAGES:
        words = Words(language)
        assert not [name for name in names if not words.known("check", name) or not words.known("check_what", name)]
    found = "blank:day;bad_moment:return_date;too_few_fields;new_code:x"
    assert Words("en").set_aside(found) == "blank: day; cannot be read: return_date; too few fields; new_code: x"
    assert Words("zh").set_aside(found).startswith("day：为空; return_date：无法识别; 字段过少")
    assert Words("zh").code("category", "Toys & Games") == "玩具与游戏"


def test_every_table_and_every_column_that_a_page_lists_has_a_name() -> None:
    declared = contracts()
    for language in LANGUAGES:
        known = texts(language)
        assert not [table for table in declared if f"table.{table}" not in known or f"holds.{table}" not in known]
        for table in data.TABLES:
            assert not [column for column in declared[table] if f"column.{column}" not in known], table


def test_money_days_and_shares_by_locale() -> None:
    en, zh = Words("en"), Words("zh")
    assert en.money(Decimal("1234.5"), "USD") == "$1,234.50"
    assert zh.money(Decimal("1234.5"), "USD") == "US$1,234.50"
    assert en.money(Decimal("-3.2"), "EUR") == "−€3.20"
    assert en.money(Decimal(1234), "JPY") == "¥1,234"
    assert en.money(Decimal(5), "SEK") == "5.00 SEK"
    assert en.money(None, "USD") == "–"
    assert en.monies({"USD": Decimal(1), "GBP": Decimal(2)}) == "$1.00 · £2.00"
    assert en.day(date(2026, 1, 5)) == "5 Jan 2026"
    assert zh.day(date(2026, 1, 5)) == "2026年1月5日"
    assert en.moment(datetime(2026, 1, 5, 4, 7, tzinfo=UTC)) == "5 Jan 2026 04:07 UTC"
    assert en.share(0.1234) == "12.3%"
    assert en.share(None) == "–"
    assert en.points(-0.012) == "−1.2 pts"
    assert language_of("zh-CN") == "zh"
    assert language_of("de-DE") == language_of(None) == "en"


# ---- figures


def test_the_interval_is_that_of_the_marts() -> None:
    """Wilson 90 % by its definition: both ends solve |p - rate| = z * sqrt(p (1 - p) / n)."""
    for part, whole in ((0, 1), (3, 40), (40, 40), (7, 1000)):
        found = Rate(part, whole).interval
        assert found is not None
        for end in found:
            if 0 < end < 1:
                assert abs(end - part / whole) == pytest.approx(1.6448536269514722 * (end * (1 - end) / whole) ** 0.5)
    assert Rate(3, 0).value is None
    assert Rate(3, 0).interval is None
    assert Rate(5, 2).interval == pytest.approx((Rate(2, 2).interval[0], 2.5))  # type: ignore[index]


# ---- files


@pytest.mark.parametrize("text", DANGEROUS)
def test_no_cell_of_a_csv_is_a_formula(text: str) -> None:
    made = export.to_bytes(pa.table({"=head": [text], "n": [-1]}).rename_columns(["head", "n"]), "csv").decode(
        "utf-8-sig"
    )
    (row,) = list(csv.reader(io.StringIO(made, newline="")))[1:]
    assert row == ["'" + text, "-1"]


@pytest.mark.parametrize("text", HARMLESS)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert export.neutral(text) == text


def test_excel_keeps_text_as_text_and_numbers_as_numbers() -> None:
    table = pa.table(
        {"text": DANGEROUS, "amount": [Decimal("-1.50")] * len(DANGEROUS), "day": [date(2026, 1, 5)] * len(DANGEROUS)}
    )
    sheet = openpyxl.load_workbook(io.BytesIO(export.to_bytes(table, "xlsx"))).active
    assert sheet is not None
    rows = list(sheet.iter_rows(min_row=2))
    assert {row[0].data_type for row in rows} == {"s"}
    assert all(row[1].value == -1.5 and row[2].value.date() == date(2026, 1, 5) for row in rows)


def test_parquet_keeps_everything() -> None:
    table = pa.table({"text": DANGEROUS})
    assert pq.read_table(io.BytesIO(export.to_bytes(table, "parquet"))).to_pydict() == table.to_pydict()


# ---- decisions


def test_a_case_with_a_wild_name_stays_inside_the_inbox(tmp_path: Path) -> None:
    case = {"store": "../evil", "case_id": "c", "kind": "refund_due", "amount": None, "currency": "USD"}
    with pytest.raises(decisions.NotADecision):
        decisions.record(decisions.decide(case, "done"), tmp_path / "inbox")
    assert not list(tmp_path.rglob("*.jsonl"))


def test_foreign_lines_in_the_inbox_are_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "north"
    folder.mkdir()
    (folder / "decisions__1.jsonl").write_text('not json\n{"amount": 1}\n[]\n', encoding="utf-8")
    assert decisions.recorded(inbox=tmp_path) == []


def test_the_file_for_upload() -> None:
    made = Decision(
        "1", "north", "c", "refund_due", "111-1", "A", "refund_full", Decimal("5.5"), "USD", "", "", datetime.now(UTC)
    )
    head, line, _ = decisions.adjustments([made]).decode().split("\r\n")
    assert head.split("\t")[0] == "order-id"
    assert line.split("\t") == ["111-1", "", "CustomerReturn", "USD", "5.50"]


# ---- rules


def _rule(**values: object) -> Rule:
    return Rule(**{"name": "r", "currency": "USD", "resolution": "refund_only", **values})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (_rule(), None),
        (_rule(price_to=Decimal(5), category="Shoes", reasons=("damaged",), channel="ALL"), None),
        (_rule(name=""), "name"),
        (_rule(currency="usd"), "currency"),
        (_rule(resolution="keep"), "resolution"),
        (_rule(channel="FBA"), "channel"),
        (_rule(price_from=Decimal(-1)), "price_from"),
        (_rule(price_from=Decimal(5), price_to=Decimal(5)), "price_to"),
        (_rule(reasons=("damage",)), "reasons"),
    ],
)
def test_the_panel_and_the_settings_agree_on_what_a_rule_is(rule: Rule, reason: str | None) -> None:
    wrong = rules.check([rule], reason_classes())
    assert [fault.reason for fault in wrong] == ([reason] if reason else [])
    values = tomllib.loads(rules._with_rules("", [rule]))["return_rules"][0]
    if reason:
        with pytest.raises(ValidationError):
            ReturnRule(**values)
    else:
        ReturnRule(**values)
        assert rules.read([values]) == [rule]


def test_rules_that_never_hold_and_names_used_twice_are_told() -> None:
    wide, narrow = _rule(name="wide"), _rule(name="narrow", price_to=Decimal(5), reasons=("damaged",))
    assert [fault.reason for fault in rules.check([wide, narrow], reason_classes())] == ["never"]
    assert rules.check([narrow, wide], reason_classes()) == []
    assert "twice" in [fault.reason for fault in rules.check([narrow, narrow], reason_classes())]


def test_what_rules_touch_and_save(panel_home: Path) -> None:
    with duckdb.connect(str(panel_home / "published" / "marts.duckdb")) as con:
        con.execute("update marts.marts.fct_returns set channel = 'FBM' where line_number = 2")
    release = data.current()
    fbm = "channel = 'FBM' and return_date > as_of_date - 90"
    cheap, rest = _rule(name="cheap", price_to=Decimal(20)), _rule(name="rest", resolution="standard_return")
    chosen = [cheap, rest]
    found = rules.touched(chosen, data.rule_effects(release, data.Filter(), chosen))
    assert [one.rule for one in found] == ["cheap", "rest", None]
    items = "fct_returns join dim_asin as a using (store, marketplace, asin)"
    for one, condition in zip(
        found,
        (f"{fbm} and a.currency = 'USD' and price < 20", f"{fbm} and a.currency = 'USD' and price >= 20",
         f"return_date > as_of_date - 90 and not coalesce({fbm} and a.currency = 'USD' and price >= 0, false)"),
        strict=True,
    ):  # fmt: skip
        asked = release.rows(
            "select count(distinct (store, marketplace, asin)) as asins, coalesce(sum(units), 0)::bigint as units "
            f"from {items} where {condition.replace('as_of_date', 'fct_returns.as_of_date')}"
        )[0]
        assert (one.asins, one.units) == (asked["asins"], asked["units"])
    assert found[0].units > 0
    saving = release.rows(
        "select round(sum(f.units * expected_saving_low / r.units_returned), 2) as low, "
        "round(sum(f.units * expected_saving_high / r.units_returned), 2) as high "
        "from fct_returns as f join dim_asin as a using (store, marketplace, asin) "
        "join mart_return_rules as r using (store, marketplace, asin) "
        "where f.channel = 'FBM' and f.return_date > f.as_of_date - 90 and a.currency = 'USD' and a.price < 20"
    )[0]
    assert found[0].saved["USD"] == (Decimal(str(saving["low"])), Decimal(str(saving["high"])))
    assert found[1].saved == found[2].saved == {} and found[1].unknown == 0
    assert rules.saved_more(found, found) == {}
    assert rules.saved_more(found, []) == found[0].saved
    assert rules.saved_more([], found) == {"USD": tuple(-end for end in reversed(found[0].saved["USD"]))}


def test_rules_fit_by_category_reason_and_channel(panel_home: Path) -> None:
    release = data.current()
    every = sum(row["units"] for row in data.rule_effects(release, data.Filter(), []))
    row = release.rows("select distinct category, currency from dim_asin where category is not null order by all")[0]
    shouted = _rule(currency=row["currency"], category=f" {row['category'].upper()} ", channel="ALL")
    reasoned = _rule(currency=row["currency"], reasons=("defective",), channel="ALL")
    for rule, condition, value in (
        (shouted, "a.category = ?", row["category"]),
        (reasoned, "reason_class = ?", "defective"),
    ):
        effects = data.rule_effects(release, data.Filter(), [rule])
        assert sum(one["units"] for one in effects) == every
        asked = release.rows(
            "select coalesce(sum(units), 0)::bigint as units from fct_returns as f "
            "join dim_asin as a using (store, marketplace, asin) "
            f"where f.return_date > f.as_of_date - 90 and a.currency = ? and {condition}",
            [row["currency"], value],
        )[0]
        assert sum(one["units"] for one in effects if one["place"] == 0) == asked["units"] > 0


def test_saving_changes_only_the_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "returnscope.toml"
    before = (
        "# a comment\n[settings]\nreturn_window_days = 31\n\n"
        '[[return_rules]]\nname = "old"\ncurrency = "USD"\nresolution = "refund_only"\n\n'
        '[stores.north]\nregion = "na"\nmarketplaces = ["US"]\n'
    )
    file.write_text(before, encoding="utf-8")
    wanted = [_rule(name='say "cheap" \\ 便宜', price_to=Decimal("9.99"), reasons=("damaged", "quality"))]
    rules.save(wanted, file, before)
    text = file.read_text(encoding="utf-8")
    assert "# a comment" in text
    assert "old" not in text
    monkeypatch.setenv("RETURNSCOPE_CONFIG", str(file))
    settings = load_settings()
    assert settings.settings.return_window_days == 31
    assert [rule.name for rule in settings.return_rules] == ['say "cheap" \\ 便宜']
    assert rules.read(tomllib.loads(text)["return_rules"]) == wanted
    with pytest.raises(CannotSave, match="changed"):
        rules.save([], file, before)
    rules.save([], file, text)
    assert "return_rules" not in file.read_text(encoding="utf-8")


def test_a_file_whose_rules_stand_elsewhere_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "returnscope.toml"
    text = 'return_rules = [{name = "inline", currency = "USD", resolution = "refund_only"}]\n'
    file.write_text(text, encoding="utf-8")
    with pytest.raises((CannotSave, tomllib.TOMLDecodeError)):
        rules.save([_rule()], file, text)
    assert file.read_text(encoding="utf-8") == text
    assert [path.name for path in tmp_path.iterdir()] == ["returnscope.toml"]


# ---- HTML and texts


def test_everything_is_escaped() -> None:
    made = markup.element("td", "<script>", title='"><img>')
    assert made == '<td title="&quot;&gt;&lt;img&gt;">&lt;script&gt;</td>'
    assert markup.marked("a <b> Broken", ["<B>", "broken"]) == "a <mark>&lt;b&gt;</mark> <mark>Broken</mark>"
    assert markup.marked("aaa", ["aa", "aaa"]) == "<mark>aaa</mark>"
    assert markup.marked("İx", ["x"]) == "İ<mark>x</mark>"
    assert markup.address("/base", "rows", of="x&y", first=None, last="") == "/base/rows?of=x%26y"


def test_every_reason_has_a_guide_in_both_languages() -> None:
    for language in LANGUAGES:
        assert {guide.topic for guide in guides.all_of("guides", language)} >= {
            f"guides/{name}" for name in reason_classes()
        }
    assert guides.find("guides/../../secrets", "en") is None
    assert guides.find("guides/damaged", "zh") != guides.find("guides/damaged", "en")


def test_a_release_reaches_nothing_but_its_file(marts: Path) -> None:
    import duckdb

    release = data.Release(marts)
    outside = marts.parent / "outside.csv"
    outside.write_text("a\n1\n", encoding="utf-8")
    for statement in (
        f"select * from read_csv('{outside}')",
        f"copy (select 1) to '{outside}'",
        f"attach '{marts.parent / 'other.duckdb'}'",
        "set enable_external_access = true",
        "delete from published.marts.fct_returns",
    ):
        with pytest.raises(duckdb.Error):
            release.rows(statement)


def test_the_feed_takes_what_the_desk_writes() -> None:
    """The panel imports no other package, so the two declarations are held together here."""
    from data_contracts.registry import get_feed

    feed = get_feed("decisions")
    assert feed.column("decision").allowed == decisions.KINDS
    written = set(Decision.__dataclass_fields__)
    assert written - {"store"} == {column.name for column in feed.columns}
