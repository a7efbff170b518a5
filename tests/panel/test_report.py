"""The manager's page: right figures, the same ones in both forms and languages, one sheet, nothing fetched."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pypdf import PdfReader

from panel import data
from panel.data import Rate
from panel.report import as_html, as_pdf, drawing, figures, page
from panel.report.__main__ import main
from panel.report.figures import Month, NothingToReport, Period, gather
from panel.text import LANGUAGES, Words
from tests.support.panel_browser import CHROMIUM, FLAGS
from tests.support.panel_marts import AS_OF, ITEMS

JANUARY, DECEMBER = date(2026, 1, 1), date(2025, 12, 1)


@pytest.fixture
def release(panel_home: Path) -> data.Release:
    return data.current()


def ask(home: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home / "published" / "marts.duckdb"), read_only=True) as con:
        con.execute("use marts.marts")
        return con.execute(sql).fetchall()


def both(release: data.Release, month: date = JANUARY, language: str = "en", store: str = "") -> tuple[str, str]:
    """The text of the page as HTML and as PDF, tags and line ends taken out."""
    made = page.write(gather(release, month, store), Words(language))
    html = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", as_html.render(made).partition("</head>")[2]))
    pdf = " ".join(one.extract_text() for one in PdfReader(io.BytesIO(as_pdf.render(made))).pages)
    return html, re.sub(r"\s+", " ", pdf)


def test_a_month_that_is_not_over_is_compared_with_the_same_days(release: data.Release, panel_home: Path) -> None:
    month = gather(release, JANUARY)
    assert not month.is_whole
    assert (month.now.period, month.before and month.before.period) == (
        Period(JANUARY, AS_OF),
        Period(DECEMBER, date(2025, 12, 28)),
    )
    for five in (month.now, month.before):
        assert five is not None
        ((returned, shipped),) = ask(
            panel_home,
            "select sum(units_returned), sum(units_shipped) from mart_asin_daily where channel = 'ALL' "
            f"and date between '{five.period.first}' and '{five.period.last}'",
        )
        assert (five.totals.returned, five.totals.rate) == (returned, Rate(returned, shipped))
    assert "days 1 to 28" in both(release)[0]


def test_a_period_before_the_data_begins_is_not_compared_with(release: data.Release) -> None:
    month = gather(release, JANUARY)
    assert month.before is not None and month.year_ago is None
    assert "no data for Jan 2025" in both(release)[0]
    assert gather(release, date(2025, 10, 1)).before is None
    for outside in (date(2024, 1, 1), date(2026, 2, 1)):
        with pytest.raises(NothingToReport, match=r"2025-10-01\.\.2026-01-28"):
            gather(release, outside)


def test_a_whole_month_is_compared_with_whole_months(release: data.Release) -> None:
    month = gather(release, DECEMBER)
    assert month.is_whole and month.now.period.days == 31
    assert month.before is not None and month.before.period == Period(date(2025, 11, 1), date(2025, 11, 30))


def test_amounts_of_several_currencies_stand_side_by_side_and_are_never_added(
    release: data.Release, panel_home: Path
) -> None:
    amounts = dict(
        ask(
            panel_home,
            "select currency, sum(refund_amount) from mart_asin_daily where channel = 'ALL' "
            "and date between '2026-01-01' and '2026-01-28' group by all",
        )
    )
    assert len(amounts) == 3
    assert gather(release, JANUARY).now.totals.refunds == amounts
    for language in LANGUAGES:
        say = Words(language)
        for text in both(release, language=language):
            for currency, amount in amounts.items():
                assert say.money(amount, currency) in text
            assert f"{sum(amounts.values()):,.2f}" not in text


def test_a_store_alone_has_its_own_figures_and_one_currency(release: data.Release, panel_home: Path) -> None:
    month = gather(release, JANUARY, "isles")
    assert month.stores == ("isles",) and set(month.now.totals.refunds) == {"GBP"}
    html, pdf = both(release, store="isles")
    for text in (html, pdf):
        assert "CA$" not in text and "£" in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("month", [JANUARY, DECEMBER])
def test_both_forms_say_the_same(release: data.Release, month: date, language: str) -> None:
    say = Words(language)
    made = page.write(gather(release, month), say)
    html, pdf = both(release, month, language)
    texts = [made.title, made.stamp, made.release, *(tile.values[0] for tile in made.tiles)]
    texts += [value for panel in made.panels for row in panel.rows for value in row[1:]]
    for text in texts:
        assert text in html
        assert re.sub(r"\s", "", text.replace("−", "–")) in re.sub(r"\s", "", pdf), text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pdf_is_one_sheet_of_a4_and_always_the_same_bytes(release: data.Release, language: str) -> None:
    month = gather(release, JANUARY)
    for one in (month, _full(month)):
        made = page.write(one, Words(language))
        content = as_pdf.render(made)
        assert content == as_pdf.render(made)
        reader = PdfReader(io.BytesIO(content))
        assert len(reader.pages) == 1
        assert (round(reader.pages[0].mediabox.width), round(reader.pages[0].mediabox.height)) == (595, 842)
        assert made.sources.split()[-1][:10] in reader.pages[0].extract_text()  # down to the last lines


def _full(month: Month) -> Month:
    """As much as the page can hold."""
    feeds = ("fba_returns", "mfn_returns", "orders", "reviews", "grade_resell", "settlements", "inventory", "listings")
    assert month.before is not None
    return replace(
        month,
        worst=tuple(_item(number) for number in range(figures.WORST)),
        reasons=tuple({"reason_class": f"reason {n}", "units": 20 - n, "share": (20 - n) / 120} for n in range(9)),
        cost=tuple(
            {"currency": c, "total_cost": Decimal("123456.5"), "is_exact": False} for c in ("USD", "CAD", "GBP")
        ),
        feeds=tuple({"feed": feed, "days": 62, "loaded": 60, "stale": 0} for feed in feeds),
        deliveries={"reports": 812, "feeds": list(feeds), "quarantined": 1234},
        unattributed=17,
        fee_unknown=12,
        gaps_before=(month.before.period,),
    )


@pytest.mark.browser
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_html_prints_on_one_sheet(release: data.Release, tmp_path: Path, language: str) -> None:
    if CHROMIUM is None:
        pytest.skip("no Chromium here: on Debian, chromium")
    source, target = tmp_path / "page.html", tmp_path / "page.pdf"
    source.write_text(as_html.render(page.write(_full(gather(release, JANUARY)), Words(language))))
    options = [*(f"--{flag}" for flag in FLAGS), f"--user-data-dir={tmp_path / 'profile'}"]
    printed = ["--no-pdf-header-footer", f"--print-to-pdf={target}", source.as_uri()]
    subprocess.run([CHROMIUM, *options, *printed], check=True, capture_output=True, timeout=120)
    assert len(PdfReader(target).pages) == 1


def _item(number: int, **changes: Any) -> figures.Item:
    row = {
        "asin": f"B00000000{number}", "title": "Łódź & <Söhne> 靴 " * 9, "marketplace": "UK", "returned": 40,
        "shipped": 100, "category_rate": 0.1, "reason_class": "size_fit", "reason_units": 30,
        "advice_en": "Complete the size chart: body and garment measurements, fit notes and model sizes.",
        "advice_zh": "完善尺码表：补充身体与成衣尺寸、版型说明，并在图片中标注模特尺码。", **changes,
    }  # fmt: skip
    return figures.Item(row, Rate(row["returned"], row["shipped"]), row["category_rate"], 20.0)


def test_the_html_fetches_nothing_and_escapes_everything(release: data.Release) -> None:
    month = replace(gather(release, JANUARY), worst=(_item(1, title="<script>alert(1)</script>"),))
    for language in LANGUAGES:
        html = as_html.render(page.write(month, Words(language)))
        assert "<script>" not in html and "&lt;script&gt;" in html
        outside = html.replace("http://www.w3.org/2000/svg", "")
        assert not re.findall(r"https?:|//\w|url\(|src=|href=|@import", outside)
        assert f'<html lang="{"en" if language == "en" else "zh-Hans"}"' in html
        assert html.count('role="img"') == 3 and 'aria-label="' in html


def test_the_worst_items_are_those_whose_rate_is_surely_above_their_category() -> None:
    def row(asin: str, returned: int, shipped: int, usual: float | None) -> dict[str, Any]:
        return {"asin": asin, "returned": returned, "shipped": shipped, "category_rate": usual}

    found = figures.worst(
        [
            row("usual", 10, 100, 0.1),
            row("few", 2, 4, 0.1),  # half of it, but of four: nothing is sure
            row("bad", 40, 100, 0.1),
            row("large", 300, 1500, 0.1),  # a smaller rate, more units to win back
            row("unknown", 50, 60, None),
            row("unshipped", 3, 0, 0.1),
        ]
    )
    assert [item.row["asin"] for item in found] == ["large", "bad"]


def test_reasons_are_those_of_the_month_and_advice_follows_the_most_named(
    release: data.Release, panel_home: Path
) -> None:
    counted = dict(
        ask(
            panel_home,
            "select reason_class, sum(units) from fct_returns "
            "where return_date between '2026-01-01' and '2026-01-28' group by all",
        )
    )
    month = gather(release, JANUARY)
    assert {row["reason_class"]: row["units"] for row in month.reasons} == counted
    items = data.items_between(release, data.Filter(), JANUARY, AS_OF)
    assert len(items) == 3 * len(ITEMS)
    assert sum(row["returned"] for row in items) == month.now.totals.returned
    for row in items:
        named = dict(
            ask(
                panel_home,
                "select reason_class, sum(units) from fct_returns where return_date between '2026-01-01' and "
                f"'2026-01-28' and asin = '{row['asin']}' and store = '{row['store']}' "
                f"and marketplace = '{row['marketplace']}' group by all",
            )
        )
        assert row["reason_units"] == named[row["reason_class"]] == max(named.values())


def test_what_is_unknown_is_a_dash_and_never_a_zero(release: data.Release) -> None:
    month = gather(release, JANUARY)
    empty = replace(
        month,
        now=replace(
            month.now, totals=data.Totals(3, Rate(0, 0), {}), reviews=Rate(0, 0), recovery=()
        ),
        refunds=(), fee=(), reasons=(), trend=(), feeds=(),
    )  # fmt: skip
    for language in LANGUAGES:
        made = page.write(empty, Words(language))
        assert [tile.values for tile in made.tiles[1:]] == [("–",)] * 4
        assert as_html.render(made) and as_pdf.render(made)


def test_axes_end_at_a_round_step() -> None:
    assert [drawing.top_of(values) for values in ([], [0], [3], [303], [0.247], [1_234_567])] == [
        4.0, 4.0, 4, 400, pytest.approx(0.4), 2_000_000,
    ]  # fmt: skip


def test_a_cost_with_unknown_parts_says_which_way_it_may_move(release: data.Release) -> None:
    cost = ({"currency": "USD", "total_cost": Decimal("1234.5"), "is_exact": False},
            {"currency": "GBP", "total_cost": Decimal(99), "is_exact": True},
            {"currency": "CAD", "total_cost": Decimal(7), "is_exact": False, "is_open": True})  # fmt: skip
    made = page.write(replace(gather(release, JANUARY), cost=cost), Words("en"))
    money = made.panels[0]
    (row,) = [row for row in money.rows if row[0] == "Total cost, 30 days to 28 Jan 2026"]
    assert dict(zip(money.heads[1:], row[1:], strict=True)) == {"USD": "≥$1,234.50", "GBP": "£99.00", "CAD": "≈CA$7.00"}
    assert any(note.startswith("≥") for note in money.notes)


def test_a_threshold_that_is_unknown_is_not_called_kept(release: data.Release) -> None:
    month = replace(gather(release, JANUARY), fee=(), fee_unknown=4)
    for language in LANGUAGES:
        html = as_html.render(page.write(month, Words(language)))
        assert Words(language)("report.fee_unknown", items="4") in html
        assert Words(language)("report.fee_none") not in html


def test_a_month_that_the_data_begins_in_is_not_drawn(panel_home: Path) -> None:
    ((begins,),) = ask(panel_home, "select min(date) from mart_asin_daily")
    assert begins == date(2025, 10, 1)
    with duckdb.connect(str(panel_home / "published" / "marts.duckdb")) as con:
        con.execute("delete from marts.marts.mart_asin_daily where date < '2025-10-05'")
    assert [row["month"].month for row in gather(data.current(), JANUARY).trend] == [11, 12, 1]


def test_change_needs_something_to_relate_to() -> None:
    assert figures.change(Decimal(110), Decimal(100)) == pytest.approx(0.1)
    assert figures.change(1, 0) is None and figures.change(None, 5) is None and figures.change(5, None) is None


def test_the_command_writes_both_files_and_says_what_is_wrong(
    panel_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert main(["--month", "2026-01", "--lang", "zh", "--store", "isles", "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "returns_2026-01_isles_zh.html",
        "returns_2026-01_isles_zh.pdf",
    ]
    for given, code, said in (
        (["--month", "2026-1"], 2, "2026-1 is not a month"),
        (["--month", "2026-13"], 2, "2026-13 is not a month"),
        (["--month", "2026-01", "--store", "nowhere"], 2, "There is no store nowhere; there are isles, north"),
        (["--month", "2031-01"], 1, "There is no data of Jan 2031"),
        (["--month", "2026-01", "--out", str(out / "returns_2026-01_isles_zh.pdf")], 1, "cannot be written"),
    ):
        assert main(given) == code
        assert said in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["--month", "2026-01", "--lang", "fr"])
    monkeypatch.setenv("RETURNSCOPE_HOME", str(tmp_path / "empty"))
    assert main(["--month", "2026-01"]) == 1
    assert "Nothing has been published yet" in capsys.readouterr().err


def test_it_is_a_command_of_returnscope(panel_home: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "report", "--month", "2025-12", "--out", str(tmp_path / "out")],
        env={"PATH": "", "RETURNSCOPE_HOME": str(panel_home), "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "returns_2025-12_en.html" in done.stdout
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".html", ".pdf"}


def test_months_are_counted_over_the_turn_of_the_year() -> None:
    assert [figures.months_before(JANUARY, count) for count in (0, 1, 12, 13)] == [
        JANUARY, DECEMBER, date(2025, 1, 1), DECEMBER.replace(year=2024),
    ]  # fmt: skip
    assert figures.period_of(date(2026, 2, 1), 31).last == date(2026, 2, 28)
