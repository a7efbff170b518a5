"""Any order, overlap, split or repetition of deliveries gives the same marts, and any schedule the marts of its truth.

Does not belong here: what the marts say of the nightly schedule (test_marts_equal_truth.py).
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingestion.connectors import Window
from ingestion.lake import open_lake
from ingestion.simulator import PlannedPull, SimDelivery, SimStore, World, deliver, nightly_deliveries, schedule, truth
from ingestion.simulator.reports import BY_ORDER_DATE, BY_UPDATE, FEEDS
from tests.golden.nights import Night, build, rebuild, settings_of, take_in
from tests.golden.test_marts_equal_truth import DAY, assert_same, cells

STORES = {"us": SimStore("na", ("US", "CA")), "eu": SimStore("eu", ("UK", "DE"))}


def small(seed: int) -> World:
    return World(seed, 4, date(2026, 10, 4), asins=4, stores=STORES, scale=2.0, oddities=8.0, history_days=25)


def content(night: Night) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every core table and mart, in an order of its own."""
    return {
        name: [tuple(row.values()) for row in night.rows(f"select * from {name} order by all")]
        for name in night.tables("core", "marts")
    }


def without_windows(delivery: SimDelivery) -> list[SimDelivery]:
    """A seller-fulfilled or orders report once more as a download: same bytes, no window, a minute later."""
    if delivery.content is None or delivery.feed not in ("mfn_returns", "orders"):
        return []
    return [replace(delivery, window=None, delivered_at=delivery.delivered_at + timedelta(seconds=30))]


@pytest.mark.parametrize("seed", [71])
def test_order_and_repetition_change_nothing(seed: int, tmp_path: Path) -> None:
    found = small(seed)
    deliveries = [d for once in nightly_deliveries(found) for d in (once, *without_windows(once))]
    dbt = tmp_path / "dbt"
    in_order = content(build(found, tmp_path / "a", dbt, deliveries))
    assert sum(len(rows) for rows in in_order.values()) > 1_000

    dice = random.Random(seed)
    shuffled = [delivery for delivery in deliveries for _ in range(dice.choice((1, 1, 2)))]
    dice.shuffle(shuffled)
    settings = settings_of(found, tmp_path / "b")
    lake = open_lake(settings.lake, cache=tmp_path / "b" / "cache")
    take_in(lake, settings, shuffled)
    # the same files found once more by somebody who does not say when they came: nothing new
    again = [delivery for delivery in deliveries if delivery.content is not None]
    pulls = take_in(lake, settings, [replace(d, delivered_at=None) for d in dice.sample(again, 12)])  # type: ignore[arg-type]
    assert {(pull.outcome, pull.restates) for pull in pulls} == {("duplicate", False)}
    assert content(rebuild(found, settings, lake, tmp_path / "b", dbt)) == in_order


def random_schedule(world: World, seed: int) -> list[PlannedPull]:
    """Requests at random instants for random windows, some split in two; settlements and stock as every night."""
    dice = random.Random(seed)
    days = (world.end - world.first_known).days
    kept = ("settlements", "inventory", "listings", "grade_resell", "reviews")
    found = [pull for pull in schedule(world) if pull.feed in kept]
    begin = datetime.combine(world.first_night, time(1), tzinfo=UTC)
    instants = iter(dice.sample(range(world.days * 24 * 60 + 20 * 60), 200))
    for store in world.stores:
        for feed in ("fba_returns", "mfn_returns", "orders"):
            for _ in range(dice.randint(4, 7)):
                at = begin + timedelta(minutes=next(instants))
                first = world.first_known + timedelta(days=dice.randint(0, days))
                last = min(first + timedelta(days=dice.randint(0, 29)), at.date())
                if last < first:
                    continue
                types = (BY_ORDER_DATE, BY_UPDATE) if feed == "orders" else FEEDS[feed]
                windows = [Window(first, last)]
                if len(windows[0]) > 3 and dice.random() < 0.4:
                    cut = first + timedelta(days=dice.randint(0, len(windows[0]) - 2))
                    windows = [Window(first, cut), Window(cut + timedelta(days=1), last)]
                for number, window in enumerate(windows):
                    found.append(PlannedPull(feed, store, window, at + timedelta(seconds=number), dice.choice(types)))
    return found


def check_schedule(seed: int, tmp_path: Path) -> None:
    found = small(seed)
    pulls = random_schedule(found, seed)
    deliveries = [deliver(found, pull) for pull in pulls]
    random.Random(seed + 1).shuffle(deliveries)
    night = build(found, tmp_path / "lake", tmp_path / "dbt", deliveries)
    true = truth(found, pulls=pulls, deliveries=deliveries)
    assert not [pull.error for pull in night.pulls if pull.outcome == "failed"]
    values = (
        "units_ordered",
        "units_shipped",
        "units_returned",
        "units_returned_excluded",
        "sales_amount",
        "refund_amount",
    )
    rows = night.rows("select * from marts.mart_asin_daily where channel <> 'ALL'")
    assert_same(cells(rows, DAY, values), cells(true["daily"], DAY, values))
    (total,) = night.rows("select cast(sum(units) as bigint) as units from core.fct_returns")
    assert total["units"] == true["totals"]["units_returned"] > 0


def test_any_schedule_gives_the_marts_of_its_truth(tmp_path: Path) -> None:
    check_schedule(101, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(200, 240))
def test_many_schedules_give_the_marts_of_their_truth(seed: int, tmp_path: Path) -> None:
    check_schedule(seed, tmp_path)
