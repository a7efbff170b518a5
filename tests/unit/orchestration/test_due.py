"""Which windows are due, which day a release is as of, and which deliveries a bad one is replaced by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from data_contracts.registry import all_feeds, get_feed
from data_contracts.settings import Settings, Store, Tuning
from ingestion.connectors import (
    Answer,
    Request,
    Window,
    lookback_days,
    nightly_window,
    requestable,
    updates_due,
    windows_due,
)
from ingestion.connectors.simulator import SimulatorConnector
from ingestion.failures import TransientFailure
from ingestion.lake import open_lake
from ingestion.ledger import Ledger, Pull
from orchestration.asof import newest_complete_day
from orchestration.audit import standing
from orchestration.backfill import gaps
from orchestration.due import missing_days
from orchestration.plan import Plan
from orchestration.status import feed_statuses

FBA = get_feed("fba_returns")
TUNING = Tuning()
TODAY = date(2025, 6, 20)
numbers = iter(range(10**6))


def pull(feed: str = "fba_returns", window: str | None = None, delivered: str = "2025-06-20T04:00", **values) -> Pull:
    first, _, last = (window or "").partition("..")
    said = {
        "pull_id": f"p{next(numbers):06}",
        "store": "acme",
        "feed": feed,
        "outcome": "loaded",
        "restates": True,
        "delivered_at": datetime.fromisoformat(delivered).replace(tzinfo=UTC),
        "taken_at": datetime(2025, 6, 20, tzinfo=UTC),
        "delivery_id": f"d{next(numbers):06}",
        "window_from": date.fromisoformat(first) if first else None,
        "window_to": date.fromisoformat(last) if last else None,
    }
    return Pull(**(said | values))


def due(pulls: list[Pull], wanted: str, today: date = TODAY) -> list[str]:
    first, _, last = wanted.partition("..")
    window = Window(date.fromisoformat(first), date.fromisoformat(last))
    return [str(found) for found in windows_due(pulls, FBA, "acme", window, today, TUNING)]


def test_days_that_nobody_asked_for_are_due_in_windows_as_long_as_the_feed_allows() -> None:
    assert due([], "2025-01-01..2025-03-31") == ["2025-01-01..2025-03-01", "2025-03-02..2025-03-31"]


def test_the_running_day_and_later_ones_are_never_due() -> None:
    assert due([], "2025-06-18..2025-06-25") == ["2025-06-18..2025-06-19"]


def test_a_day_is_due_again_each_day_until_it_can_no_longer_be_restated() -> None:
    asked_in_time = pull(window="2025-05-01..2025-06-18", delivered="2025-06-19T04:00")
    assert due([asked_in_time], "2025-05-01..2025-06-19") == [
        "2025-05-16..2025-06-19"
    ]  # 35 days old on the 19th: settled
    asked_today = pull(window="2025-05-16..2025-06-19", delivered="2025-06-20T04:00")
    assert due([asked_in_time, asked_today], "2025-05-01..2025-06-19") == []


def test_a_pull_of_a_running_day_does_not_count_for_that_day() -> None:
    at_noon = pull(window="2025-06-01..2025-06-20", delivered="2025-06-20T12:00")
    assert due([at_noon], "2025-06-20..2025-06-20", today=date(2025, 6, 21)) == ["2025-06-20..2025-06-20"]


@pytest.mark.parametrize("outcome", ["cancelled", "failed"])
def test_a_pull_that_brought_nothing_leaves_its_days_due(outcome: str) -> None:
    nothing = pull(window="2025-06-01..2025-06-10", outcome=outcome, restates=False)
    assert due([nothing], "2025-06-01..2025-06-10") == ["2025-06-01..2025-06-10"]


def test_after_the_season_a_night_looks_further_back() -> None:
    assert lookback_days(FBA, TUNING, date(2026, 2, 1)) == 90
    assert lookback_days(FBA, TUNING, date(2026, 3, 1)) == 35
    assert nightly_window(FBA, TUNING, TODAY) == Window(TODAY - timedelta(days=35), TODAY - timedelta(days=1))


def test_a_feed_without_windows_is_due_once_a_day() -> None:
    inventory = get_feed("inventory")
    window = Window(TODAY, TODAY)
    ask: Callable[[list[Pull]], list[Window | None]] = lambda pulls: windows_due(  # noqa: E731
        pulls, inventory, "acme", window, TODAY, TUNING
    )
    assert ask([]) == [None]
    assert ask([pull("inventory", delivered="2025-06-19T04:00", source="sp-api")]) == [None]
    assert ask([pull("inventory", delivered="2025-06-20T04:00", source="sp-api")]) == []


def test_changes_of_a_day_are_asked_for_once_and_say_nothing_about_its_orders() -> None:
    orders, week = get_feed("orders"), Window(date(2025, 6, 13), date(2025, 6, 19))
    by_update = {"report_type": orders.update_types[0]}
    assert [str(one) for one in updates_due([], orders, "acme", TODAY, TUNING)] == [
        "2025-05-16..2025-06-14",
        "2025-06-15..2025-06-19",
    ]
    last_night = pull("orders", "2025-05-15..2025-06-18", "2025-06-19T04:00", **by_update)
    assert [str(one) for one in updates_due([last_night], orders, "acme", TODAY, TUNING)] == ["2025-06-19..2025-06-19"]
    by_order_date = pull("orders", "2025-05-15..2025-06-19", "2025-06-20T04:00", report_type=orders.report_types[0])
    assert updates_due([last_night, by_order_date], orders, "acme", TODAY, TUNING)
    assert windows_due([by_order_date], orders, "acme", week, TODAY, TUNING) == []
    tonight = pull("orders", "2025-05-15..2025-06-19", "2025-06-20T04:00", **by_update)
    assert windows_due([tonight], orders, "acme", week, TODAY, TUNING) == [week]
    assert updates_due([], FBA, "acme", TODAY, TUNING) == []


def test_a_feed_that_a_store_does_not_use_is_neither_asked_for_nor_missed(tmp_path: Path) -> None:
    store = Store(region="na", marketplaces=("US",), without_feeds=("mfn_returns",))
    settings = Settings(home=tmp_path, lake=str(tmp_path), config=tmp_path / "x.toml", stores={"acme": store})
    asked = requestable(
        all_feeds(), SimulatorConnector(settings, "acme", Store(region="na", marketplaces=("US",))), store
    )
    assert {"orders", "fba_returns"} <= {feed.name for feed in asked}
    assert "mfn_returns" not in {feed.name for feed in asked}
    pulls = [pull("mfn_returns", "2025-06-01..2025-06-02"), pull("orders", "2025-06-01..2025-06-10")]
    june = Window(date(2025, 6, 1), date(2025, 6, 10))
    assert gaps(pulls, settings, june, today=TODAY) == []
    with pytest.raises(ValueError, match="no such feed: rumours"):
        Store(region="na", marketplaces=("US",), without_feeds=("rumours",))


def test_as_of_is_the_newest_day_that_every_core_feed_with_windows_covers() -> None:
    pulls = [
        pull("orders", "2025-06-01..2025-06-19"),
        pull("fba_returns", "2025-06-01..2025-06-18"),
        pull("settlements", None, last_event_day=date(2025, 6, 2)),
    ]
    assert newest_complete_day(pulls) == date(2025, 6, 18)


def test_as_of_counts_no_day_that_was_running_when_the_report_was_delivered() -> None:
    assert newest_complete_day([pull("orders", "2025-06-01..2025-06-20")]) == date(2025, 6, 19)
    assert newest_complete_day([pull("orders", "2025-06-01..2025-07-31")]) == date(2025, 6, 19)


def test_as_of_of_files_without_windows_is_their_newest_event() -> None:
    pulls = [
        pull("orders", last_event_day=date(2025, 6, 12)),
        pull("fba_returns", last_event_day=date(2025, 6, 14)),
        pull("mfn_returns", last_event_day=date(2025, 6, 30)),  # a date of the future counts up to the delivery
    ]
    assert newest_complete_day(pulls[:2]) == date(2025, 6, 14)
    assert newest_complete_day(pulls) == date(2025, 6, 20)


def test_as_of_without_core_feeds_is_the_newest_event_else_the_day_of_a_snapshot() -> None:
    reviews = pull("reviews", last_event_day=date(2025, 5, 1))
    assert newest_complete_day([reviews]) == date(2025, 5, 1)
    stock = pull("inventory", delivered="2025-06-01T04:00")
    assert newest_complete_day([reviews, stock]) == date(2025, 5, 1)
    assert newest_complete_day([stock]) == date(2025, 6, 1)
    assert newest_complete_day([]) is None
    assert newest_complete_day([pull("orders", "2025-06-01..2025-06-19", outcome="cancelled", restates=False)]) is None


def test_as_of_is_that_of_the_store_that_is_furthest() -> None:
    pulls = [pull("orders", "2025-06-01..2025-06-10"), pull("orders", "2025-06-01..2025-06-15", store="other")]
    assert newest_complete_day(pulls) == date(2025, 6, 15)


def test_a_bad_delivery_stands_until_a_newer_one_replaces_it_whole() -> None:
    bad = pull(window="2025-06-05..2025-06-10", delivered="2025-06-11T04:00", file_name="x.txt")
    part = pull(window="2025-06-06..2025-06-19", delivered="2025-06-12T04:00")
    whole = pull(window="2025-06-01..2025-06-10", delivered="2025-06-12T04:00")
    older = pull(window="2025-06-01..2025-06-10", delivered="2025-06-10T04:00")
    renamed = pull(delivered="2025-06-12T04:00", file_name="y.txt")
    same_name = pull(delivered="2025-06-12T04:00", file_name="x.txt")
    assert bad in list(standing([bad, part, older, renamed]))
    assert bad not in list(standing([bad, whole]))
    assert bad not in list(standing([bad, same_name]))


def test_missing_days_are_those_between_what_was_asked_for() -> None:
    pulls = [pull(window="2025-06-01..2025-06-05"), pull(window="2025-06-09..2025-06-12")]
    cancelled = pull(window="2025-06-06..2025-06-08", outcome="cancelled", restates=False)
    (status,) = feed_statuses([*pulls, cancelled])
    assert [str(window) for window in status.missing] == ["2025-06-06..2025-06-08"]
    assert status.complete_to == date(2025, 6, 5)
    assert status.cancelled == 1
    wanted = Window(date(2025, 6, 4), date(2025, 6, 14))
    assert [str(w) for w in missing_days(pulls, "fba_returns", "acme", wanted)] == [
        "2025-06-06..2025-06-08",
        "2025-06-13..2025-06-14",
    ]
    made_good = pull(window="2025-06-06..2025-06-08", delivered="2025-06-21T04:00")
    (status,) = feed_statuses([*pulls, cancelled, made_good])
    assert (status.missing, status.cancelled, status.complete_to) == ((), 0, date(2025, 6, 12))


def test_a_plain_repetition_changes_the_release_but_not_what_it_says() -> None:
    news, again = pull(window="2025-06-01..2025-06-05"), pull(outcome="duplicate", restates=False)
    before = Plan(TODAY, None, (news,), {}, {})
    after = Plan(TODAY, None, (news, again), {}, {})
    assert before.change_id == after.change_id
    assert before.release_id != after.release_id
    cancelled = pull(outcome="cancelled", restates=False)
    assert Plan(TODAY, None, (news, cancelled), {}, {}).change_id != before.change_id
    assert Plan(TODAY, datetime(2025, 6, 20, tzinfo=UTC), (news,), {}, {}).change_id != before.change_id


class Unreachable:
    """A source that answers once and then breaks off, as a real one does when its network goes."""

    name = "sp-api"

    def now(self) -> datetime:
        return datetime(2025, 6, 20, 4, tzinfo=UTC)

    def feeds(self) -> frozenset[str]:
        return frozenset({"orders", "fba_returns"})

    def plan(self, requests: object) -> object:
        raise NotImplementedError

    def pull(self, requests: list[Request]) -> Iterator[Answer]:
        yield Answer(requests[0], "cancelled", self.now())
        raise TransientFailure("The network is gone", "SP-API", "Run again later.")


def test_what_a_broken_source_did_not_answer_is_a_failed_pull_and_other_stores_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestration import due as module

    settings = Settings(
        home=tmp_path,
        lake=str(tmp_path / "lake"),
        config=tmp_path / "returnscope.toml",
        stores={name: Store(region="na", marketplaces=("US",), connector="sp-api") for name in ("a", "b")},
    )
    monkeypatch.setattr(module, "open_connector", lambda *_: nullcontext(Unreachable()))
    lake = open_lake(settings.lake)
    window = Window(date(2025, 6, 1), date(2025, 6, 19))
    requests = [Request(feed, store, window) for store in ("a", "b") for feed in ("orders", "fba_returns")]
    taken = module.pull_requests(lake, settings, requests)
    assert [(p.store, p.feed, p.outcome) for p in taken] == [
        ("a", "orders", "cancelled"),
        ("a", "fba_returns", "failed"),
        ("b", "orders", "cancelled"),
        ("b", "fba_returns", "failed"),
    ]
    assert "The network is gone" in str(taken[1].error)
    assert Ledger(lake).pulls(), "what came back is in the ledger"
    assert due(taken, "2025-06-01..2025-06-19") == ["2025-06-01..2025-06-19"], "nothing of it counts as loaded"
