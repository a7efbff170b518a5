"""The day that a night is as of, and what is said about a day that somebody names."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from orchestration.asof import newest_complete_day, outside_of_the_data
from tests.support.deliveries import make_bench, order, tsv


def test_a_named_day_outside_of_the_data_is_told_of(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    assert outside_of_the_data([], date(2026, 1, 1)) is None
    bench.take(
        tsv([order(purchase_date="2026-01-02T20:00:00+00:00"), order(purchase_date="2026-01-08T20:00:00+00:00")]),
        window=(date(2026, 1, 1), date(2026, 1, 10)),
        delivered_at=datetime(2026, 1, 11, 6, tzinfo=UTC),
    )
    pulls = bench.pulls()
    assert newest_complete_day(pulls) == date(2026, 1, 10)
    assert outside_of_the_data(pulls, date(2026, 1, 2)) is None
    assert outside_of_the_data(pulls, date(2026, 1, 10)) is None
    assert "2026-01-01 lies before the first event (2026-01-02)" in str(outside_of_the_data(pulls, date(2026, 1, 1)))
    assert "the newest complete day is 2026-01-10" in str(outside_of_the_data(pulls, date(2026, 1, 11)))
