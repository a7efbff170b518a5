"""What a backfill says is missing, without a build."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from data_contracts.registry import get_feed
from data_contracts.settings import Store
from ingestion.connectors import Window
from ingestion.lake import Lake
from orchestration import releases
from orchestration.backfill import Gap, before_and_after, gap_lines, gaps
from orchestration.checks import FRESH, feed_checks
from orchestration.publish import checksum
from orchestration.releases import Manifest, Mart
from tests.support.deliveries import fba, make_bench, tsv

SEASON = Window(date(2025, 11, 1), date(2026, 1, 31))


def test_an_inbox_store_is_told_what_to_download_and_where_to_drop_it(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    bench.take(tsv([fba(return_date="2025-12-01T09:30:00+00:00")]), window=(date(2025, 11, 1), date(2025, 12, 31)))
    (gap,) = gaps(bench.pulls(), bench.settings, SEASON)
    assert gap == Gap("acme", "fba_returns", 31, (Window(date(2026, 1, 1), date(2026, 1, 31)),))
    said, step = gap_lines(bench.settings, [gap])
    assert said == "Missing acme/fba_returns: 31 days"
    path = bench.home / "inbox" / "acme" / "fba_returns__2026-01-01..2026-01-31.txt"
    assert step == f'  2026-01-01..2026-01-31: download "FBA customer returns" for these days and drop it as {path}'
    assert gaps(bench.pulls(), bench.settings, SEASON, store="other") == []
    bench.take(tsv([fba(return_date="2026-01-10T09:30:00+00:00")]), window=(date(2026, 1, 1), date(2026, 1, 31)))
    assert gaps(bench.pulls(), bench.settings, SEASON) == []


def test_a_store_without_anything_lacks_the_core_reports_in_windows_that_a_report_can_have(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    found = gaps([], bench.settings, SEASON)
    assert [(gap.feed, gap.days) for gap in found] == [("fba_returns", 92), ("mfn_returns", 92), ("orders", 92)]
    longest = get_feed("orders").max_days
    assert longest is not None
    assert all(len(window) <= longest for gap in found for window in gap.windows if gap.feed == "orders")
    assert [gap.feed for gap in gaps([], bench.settings, SEASON, feed="orders")] == ["orders"]


def test_days_that_are_not_over_are_not_missing(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    (gap,) = gaps([], bench.settings, SEASON, feed="orders", today=date(2025, 11, 3))
    assert gap.days == 2
    assert gaps([], bench.settings, SEASON, today=date(2025, 11, 1)) == []


def test_a_source_that_can_be_asked_is_not_to_be_downloaded(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    asked = Store(region="na", marketplaces=("US",), connector="sp-api")
    settings = bench.settings.model_copy(update={"stores": {"acme": asked}})
    said = list(gap_lines(settings, gaps([], settings, SEASON, feed="orders")))
    assert "the source has not delivered them yet" in said[1]
    assert "download" not in "".join(said)


def test_loading_old_days_turns_no_freshness_green(tmp_path: Path) -> None:
    """The newest event counts, not the newest delivery; and a lake in which everything stopped is not fresh."""
    bench = make_bench(tmp_path)
    today = date(2026, 3, 1)
    feed = get_feed("fba_returns")

    def is_fresh() -> bool:
        results = feed_checks(feed, bench.settings, bench.pulls(), today)
        (verdict,) = [result.passed for result in results if result.check_name == FRESH]
        return verdict

    now = datetime(2026, 3, 1, 6, tzinfo=UTC)
    bench.take(
        tsv([fba(return_date="2026-01-31T09:30:00+00:00")]), window=(date(2026, 1, 1), date(2026, 1, 31)),
        delivered_at=datetime(2026, 2, 1, 6, tzinfo=UTC),
    )  # fmt: skip
    assert not is_fresh()
    old = tsv([fba(return_date="2025-11-10T09:30:00+00:00")])
    bench.take(old, window=(date(2025, 11, 1), date(2025, 11, 30)), delivered_at=now)
    assert not is_fresh()
    new = tsv([fba(return_date="2026-02-27T09:30:00+00:00")])
    bench.take(new, window=(date(2026, 2, 1), date(2026, 2, 28)), delivered_at=now)
    assert is_fresh()


COLUMNS = {"asin": "VARCHAR", "channel": "VARCHAR", "units_shipped": "BIGINT", "units_returned": "BIGINT"}


def store_release(lake: Lake, folder: Path, release_id: str, rows: str) -> None:
    """A release of one mart with these rows of asin, channel, units shipped and returned."""
    path = folder / f"{release_id}.parquet"
    with duckdb.connect() as con:
        con.execute(f"copy (select * from (values {rows}) as t({', '.join(COLUMNS)}) order by all) to '{path}'")
        (count,) = con.execute(f"select count(*) from '{path}'").fetchone() or (0,)
    mart = Mart(count, checksum(path), path.stat().st_size, ("asin", "channel"), COLUMNS)
    manifest = Manifest(release_id, date(2026, 1, 31), None, release_id, (), (), {}, {}, {"mart_asin_daily": mart})
    lake.put_new(releases.mart_key(release_id, "mart_asin_daily"), path)
    lake.put_new(releases.manifest_key(release_id), manifest.to_json())


def test_before_and_after_say_rows_units_and_rates_and_both_releases_are_kept(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    one, other = "2026-01-31-00000000000a", "2026-01-31-00000000000b"
    store_release(bench.lake, tmp_path, one, "('A', 'ALL', 10, 1), ('A', 'FBA', 10, 1)")
    store_release(bench.lake, tmp_path, other, "('A', 'ALL', 10, 2), ('A', 'FBA', 10, 2), ('B', 'ALL', 30, 1)")
    title, told, last = before_and_after(bench.lake, one, other)
    assert title == f"{one} -> {other}"
    (line,) = [line.split() for line in told.splitlines() if "mart_asin_daily" in line]
    # rows, units returned and rate of the rows that hold the others: 1 of 10, then 3 of 40
    assert line == ["mart_asin_daily", "2", "3", "1", "3", "10.00%", "7.50%", "1", "0", "2"]
    assert last == f"Both releases are kept. In detail: returnscope diff {one} {other}"
    assert releases.compared(bench.lake) == {one, other}


@pytest.mark.parametrize(("last", "says"), [("2026-01-31", True), ("2025-11-01", False)])
def test_a_range_of_dagster_gives_the_same_account(tmp_path: Path, last: str, says: bool) -> None:
    from types import SimpleNamespace

    from orchestration.assets import RANGE_END, RANGE_START, _account_of_a_range

    bench = make_bench(tmp_path)
    one, other = "2026-01-31-00000000000a", "2026-01-31-00000000000b"
    store_release(bench.lake, tmp_path, one, "('A', 'ALL', 10, 1)")
    store_release(bench.lake, tmp_path, other, "('A', 'ALL', 10, 2)")
    logged: list[str] = []
    context = SimpleNamespace(
        run=SimpleNamespace(tags={RANGE_START: "2025-11-01", RANGE_END: last}),
        log=SimpleNamespace(info=lambda text, *values: logged.append(text % values)),
    )
    night = SimpleNamespace(outcome="published", release_id=other)
    account = _account_of_a_range(context, bench, one, night)  # type: ignore[arg-type]
    assert set(account) == ({"missing", "before and after"} if says else set())
    assert ("10.00%" in "".join(logged)) == says
