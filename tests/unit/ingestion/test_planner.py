"""Fewest requests, and when calls happen through a bucket: against brute force."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.registry import all_feeds
from ingestion.connectors.planner import call_times, fewest_windows
from ingestion.connectors.spapi.reports import REPORT_TYPES

FIRST = date(2026, 1, 1)


def fewest(days: set[int], longest: int) -> int:
    """By trying every possible end of the first window."""
    if not days:
        return 0
    start = min(days)
    return 1 + min(fewest({day for day in days if day > end}, longest) for end in range(start, start + longest))


@given(st.sets(st.integers(0, 12)), st.integers(1, 5))
def test_no_cover_has_fewer_windows(days: set[int], longest: int) -> None:
    windows = fewest_windows([FIRST + timedelta(days=day) for day in days], longest)
    wanted = {FIRST + timedelta(days=day) for day in days}
    assert wanted <= {day for window in windows for day in window.days()}
    assert all(len(window) <= longest and {window.first, window.last} <= wanted for window in windows)
    assert all(one.last < other.first for one, other in pairwise(windows))
    assert len(windows) == fewest(days, longest)


def test_a_season_of_ninety_two_days_is_two_requests() -> None:
    days = [date(2025, 11, 1) + timedelta(days=n) for n in range(92)]
    assert [str(window) for window in fewest_windows(days, 60)] == ["2025-11-01..2025-12-30", "2025-12-31..2026-01-31"]


def test_windows_have_a_day() -> None:
    with pytest.raises(ValueError, match="at least one day"):
        fewest_windows([FIRST], 0)


@given(
    st.lists(st.integers(0, 300), min_size=1, max_size=25),
    st.sampled_from([0.0167, 0.5, 2.0]),
    st.floats(0, 10),
    st.floats(0, 50),
)
def test_calls_never_exceed_the_bucket(ready: list[int], rate: float, calls: float, blocked: float) -> None:
    times = call_times([float(one) for one in ready], rate=rate, calls=calls, burst=10, blocked=blocked)
    assert all(at >= max(one, blocked) - 1e-6 for at, one in zip(times, sorted(ready), strict=True))
    for begin in range(len(times)):
        for end in range(begin, len(times)):
            held = min(10.0, calls + times[begin] * rate)  # the most that the bucket can have held at the first of them
            assert end - begin + 1 <= held + (times[end] - times[begin]) * rate + 1e-6


def test_every_report_type_of_the_registry_is_known_to_the_connector() -> None:
    declared = {name for feed in all_feeds().values() for name in feed.report_types}
    assert declared <= set(REPORT_TYPES)
    assert not REPORT_TYPES["GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2"].is_requestable
