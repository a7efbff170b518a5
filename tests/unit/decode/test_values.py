"""How spellings of moments, numbers and flags read. Does not belong here: files."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.feed import Column, Kind
from data_contracts.values import Evidence, Reading, read

MIN, MAX = datetime.fromisoformat("1990-01-02"), datetime.fromisoformat("2100-12-30")
MOMENT = Column("x", Kind.MOMENT)


def moment(text: str, **how: object) -> tuple[datetime | None, date | None]:
    """Instant and day of one text; both None when it cannot be read."""
    # beside a form that only the general reader knows, so that both ways of reading are met
    for beside in ("2026-01-01T00:00:00Z", "5 Jan 2026"):
        typed = read(MOMENT, pa.array([text, beside]), Reading(**how))  # type: ignore[arg-type]
        found = typed.arrays["x_at"][0].as_py(), typed.arrays["x_day"][0].as_py()
        assert (found[1] is None) == (typed.bad is not None and typed.bad[0].as_py())
    return found


def number(text: str, kind: Kind, *, decimal_comma: bool = False) -> object:
    """One number; None when it cannot be read."""
    typed = read(Column("x", kind), pa.array([text]), Reading(decimal_comma=decimal_comma))
    return typed.arrays["x"][0].as_py()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-09-14T07:03:57+00:00", datetime(2026, 9, 14, 7, 3, 57, tzinfo=UTC)),
        ("2026-09-14T07:03:57+ 00:00", datetime(2026, 9, 14, 7, 3, 57, tzinfo=UTC)),
        ("2026-09-14T07:03:57Z", datetime(2026, 9, 14, 7, 3, 57, tzinfo=UTC)),
        ("2026-09-14T07:03:57.250-07:00", datetime(2026, 9, 14, 14, 3, 57, 250000, tzinfo=UTC)),
        ("2020-09-06T00:00Z", datetime(2020, 9, 6, tzinfo=UTC)),
        ("2023-01-01 00:00:00 UTC", datetime(2023, 1, 1, tzinfo=UTC)),
        ("23.07.2026 18:21:50 UTC", datetime(2026, 7, 23, 18, 21, 50, tzinfo=UTC)),
        ("Oct 2, 2025 5:48:32 AM PDT", datetime(2025, 10, 2, 12, 48, 32, tzinfo=UTC)),
        ("Nov 2, 2025 12:05:00 PM PST", datetime(2025, 11, 2, 20, 5, tzinfo=UTC)),
        ("2021-08-15 20:35:17 PDT", datetime(2021, 8, 16, 3, 35, 17, tzinfo=UTC)),
        ("20/06/2015 10:00:00 MEST", datetime(2015, 6, 20, 8, 0, tzinfo=UTC)),
        ("20/06/2015 10:00:00 CEST", datetime(2015, 6, 20, 8, 0, tzinfo=UTC)),
        ("20/06/2015 10:00:00 BST", datetime(2015, 6, 20, 9, 0, tzinfo=UTC)),
        ("1 Jan 2023 10:00:00 GMT+1", datetime(2023, 1, 1, 9, tzinfo=UTC)),
        ("2026/01/02 03:04:05 JST", datetime(2026, 1, 1, 18, 4, 5, tzinfo=UTC)),
        ("1472688001", datetime(2016, 9, 1, 0, 0, 1, tzinfo=UTC)),
        ("1588687728923", datetime(2020, 5, 5, 14, 8, 48, 923000, tzinfo=UTC)),
    ],
)
def test_instants(text: str, expected: datetime) -> None:
    assert moment(text, day_first=True) == (expected, expected.date())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-09-14", date(2026, 9, 14)),
        ("2026/01/02", date(2026, 1, 2)),
        ("2026年1月2日", date(2026, 1, 2)),
        ("20260102", date(2026, 1, 2)),
        ("23.07.2026", date(2026, 7, 23)),
        ("3.7.26", date(2026, 7, 3)),
        ("29-Sep-2026", date(2026, 9, 29)),
        ("29-SEP-26", date(2026, 9, 29)),
        ("Sept. 5, 2025", date(2025, 9, 5)),
        ("09 1, 2016", date(2016, 9, 1)),
        ("12. März 2026", date(2026, 3, 12)),
        ("3 août 2025", date(2025, 8, 3)),
        ("2 de octubre de 2025", date(2025, 10, 2)),
        ("2 ott 2025", date(2025, 10, 2)),
        ("1472688000", date(2016, 9, 1)),  # a whole day in unix seconds is a day
        ("2026-09-14 07:03:57", date(2026, 9, 14)),  # a time without a zone is no instant
        ("2026年1月2日 3:04:05", date(2026, 1, 2)),
    ],
)
def test_days_without_an_instant(text: str, expected: date) -> None:
    assert moment(text) == (None, expected)


@pytest.mark.parametrize(
    "text",
    [
        *("MM", "12", "09/2026", "2026-09", "2026-02-30", "31.11.2026", "29-Xyz-2026", "0001-01-01", "9999-12-31"),
        *("2026-09-14T25:00:00Z", "2026-09-14T07:03:57 XYZ", "2026-09-14T07:03:57+25:00"),
        "Oct 2, 2025 13:48:32 PM UTC",
    ],
)
def test_what_is_no_moment_is_bad(text: str) -> None:
    assert moment(text) == (None, None)


def test_numeric_dates_read_in_the_order_that_is_said() -> None:
    assert moment("03/04/2026", day_first=True)[1] == date(2026, 4, 3)
    assert moment("03/04/2026", day_first=False)[1] == date(2026, 3, 4)
    assert moment("4-30-22", day_first=False)[1] == date(2022, 4, 30)
    assert moment("30/04/2026", day_first=False)[1] is None


def test_a_stated_zone_makes_instants_of_zoneless_times_across_the_clock_change() -> None:
    zone = "America/Los_Angeles"
    assert moment("2026-07-01 23:00:00", time_zone=zone)[0] == datetime(2026, 7, 2, 6, tzinfo=UTC)
    assert moment("2026-12-01 23:00:00", time_zone=zone)[0] == datetime(2026, 12, 2, 7, tzinfo=UTC)
    assert moment("2026-07-01", time_zone=zone) == (None, date(2026, 7, 1))


def test_a_format_reads_nothing_else() -> None:
    typed = read(MOMENT, pa.array(["04-30-22", "30-04-22", "2022-04-30", None]), Reading(format="%m-%d-%y"))
    assert typed.arrays["x_day"].to_pylist() == [date(2022, 4, 30), None, None, None]
    assert typed.bad is not None
    assert typed.bad.to_pylist() == [False, True, True, False]


@given(st.datetimes(MIN, MAX), st.integers(-12 * 60, 14 * 60))
def test_every_offset_gives_the_same_instant(wall: datetime, minutes: int) -> None:
    wall = wall.replace(microsecond=0)
    sign, rest = ("-", -minutes) if minutes < 0 else ("+", minutes)
    text = f"{wall:%Y-%m-%d} {wall:%H:%M:%S} {sign}{rest // 60:02}:{rest % 60:02}"
    instant = datetime.fromisoformat(text.replace(" ", "T", 1).replace(" ", "")).astimezone(UTC)
    assert moment(text) == (instant, instant.date())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20.00", "20"),
        ("640.0", "640"),
        ("-3.2", "-3.2"),
        ("+5", "5"),
        (".5", "0.5"),
        ("1,694.07", "1694.07"),
        ("1.694,07", "1694.07"),
        ("12,50", "12.5"),
        ("0,341", "0.341"),
        ("1,341", "1341"),
        ("1,341,000", "1341000"),
        ("1.341.000", "1341000"),
        ("1,00,000.00", "100000"),
        ("1 694,07", "1694.07"),
        ("1\u202f694,07", "1694.07"),
        ("1'000.00", "1000"),
        ("$ 3.50", "3.5"),
        ("R$ 3,00", "3"),
        ("-€5", "-5"),
        ("12 €", "12"),
        ("1.50 USD", "1.5"),
        ("(12.50)", "-12.5"),
        ("12.50-", "-12.5"),
        ("−7", "-7"),
        ("99999999999999.9999", "99999999999999.9999"),
        ("68.580000", "68.58"),
    ],
)
def test_money_is_exact(text: str, expected: str) -> None:
    assert number(text, Kind.MONEY) == Decimal(expected)


@pytest.mark.parametrize("text", ["abc", "1.23456", "1e3", "--5", "1.2.3", "12,34,5", "EUR", "NaN", "100000000000000"])
def test_what_is_no_amount_is_bad(text: str) -> None:
    assert number(text, Kind.MONEY) is None


@given(
    st.decimals(Decimal(-99999999), Decimal(99999999), places=2),
    st.sampled_from([",.", ".,", " ,", "'.", " ."]),
)
def test_amounts_with_two_decimals_read_alike_in_every_notation(amount: Decimal, signs: str) -> None:
    whole, _, cents = f"{amount:,.2f}".partition(".")
    assert number(whole.replace(",", signs[0]) + signs[1] + cents, Kind.MONEY) == amount


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1),
        ("1.0", 1),
        ("400081.0", 400081),
        ("1,341", 1341),
        ("-2", -2),
        ("1.5", None),
        ("1.000", None),
        ("x", None),
    ],
)
def test_integers_are_whole_or_bad(text: str, expected: int | None) -> None:
    assert number(text, Kind.INTEGER) == expected


def test_numbers_keep_their_decimals() -> None:
    assert number("0.01234567", Kind.NUMBER) == 0.01234567
    assert number("1e3", Kind.NUMBER) == 1000.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Y", True), ("no", False), ("TRUE", True), ("False", False), ("1", True), ("0", False), ("perhaps", None)],
)
def test_flags(text: str, expected: bool | None) -> None:
    assert number(text, Kind.FLAG) is expected


def test_a_file_says_by_itself_how_its_numbers_and_dates_read() -> None:
    evidence = Evidence()
    price, day = Column("price", Kind.MONEY), Column("day", Kind.MOMENT)
    evidence.add(price, pa.array(["1,341", "1.341", None]))
    evidence.add(day, pa.array(["03/04/2026", None]))
    undecided = evidence.conventions({"day": False})
    assert (undecided.day_first["day"], undecided.decimal_comma) == (False, frozenset())
    evidence.add(price, pa.array(["12,50"]))
    evidence.add(day, pa.array(["13/04/2026", "14/04/2026", "01/31/2026"]))
    decided = evidence.conventions({"day": False})
    assert decided.day_first["day"] is True
    assert decided.decimal_comma == {"price"}
    assert number("1,341", Kind.MONEY, decimal_comma=True) == Decimal("1.341")
    assert number("1.341", Kind.MONEY, decimal_comma=True) == Decimal(1341)


def test_a_column_without_votes_follows_its_file() -> None:
    evidence = Evidence()
    evidence.add(Column("amount", Kind.MONEY), pa.array(["12,50", "3,10"]))
    evidence.add(Column("tax", Kind.MONEY), pa.array(["1.341"]))
    evidence.add(Column("weight", Kind.NUMBER), pa.array(["0.5"]))
    assert evidence.conventions({}).decimal_comma == {"amount", "tax"}
