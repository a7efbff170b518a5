"""Any order, overlap, split or repetition of deliveries gives the same marts, and any schedule the marts of its truth.

Does not belong here: what the marts say of the nightly schedule (test_marts_equal_truth.py).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from data_contracts.settings import Settings
from ingestion.connectors import Window
from ingestion.lake import Lake, open_lake
from ingestion.simulator import PlannedPull, SimDelivery, SimStore, World, deliver, nightly_deliveries, schedule, truth
from ingestion.simulator.reports import BY_ORDER_DATE, BY_UPDATE, FEEDS
from tests.golden.nights import Night, build, rebuild, settings_of, take_in
from tests.golden.test_marts_equal_truth import DAY, assert_same, cells

STORES = {"us": SimStore("na", ("US", "CA")), "eu": SimStore("eu", ("UK", "DE"))}


def small(seed: int) -> World:
    return World(seed, 4, date(2026, 10, 4), asins=4, stores=STORES, scale=2.0, oddities=8.0, history_days=25)


def content(night: Night) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every fact, dimension and mart, in an order of its own; what accounts for deliveries may differ."""
    return {
        name: [tuple(row.values()) for row in night.rows(f"select * from {name} order by all")]
        for name in night.tables("marts")
        if not name.startswith("marts.ops_")
    }


def without_window(delivery: SimDelivery) -> list[SimDelivery]:
    """A seller-fulfilled or orders report once more as a download: same bytes, no window, a minute later."""
    if delivery.content is None or delivery.feed not in ("mfn_returns", "orders"):
        return []
    return [replace(delivery, window=None, delivered_at=delivery.delivered_at + timedelta(seconds=30))]


@dataclass(frozen=True)
class Given:
    """A world's deliveries, taken in the order of their time, and the night built from them."""

    world: World
    deliveries: list[SimDelivery]
    settings: Settings
    lake: Lake
    dbt: Path
    night: Night


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    folder = tmp_path_factory.mktemp("order")
    found = small(71)
    deliveries = [d for once in nightly_deliveries(found) for d in (once, *without_window(once))]
    settings = settings_of(found, folder)
    lake = open_lake(settings.lake, cache=folder / "cache")
    take_in(lake, settings, deliveries)
    dbt = folder / "dbt"
    return Given(found, deliveries, settings, lake, dbt, rebuild(found, settings, lake, folder, dbt))


def test_order_and_repetition_change_nothing(given: Given, tmp_path: Path) -> None:
    in_order = content(given.night)
    assert sum(len(rows) for rows in in_order.values()) > 1_000
    dice = random.Random(71)
    shuffled = [delivery for delivery in given.deliveries for _ in range(dice.choice((1, 1, 2)))]
    dice.shuffle(shuffled)
    settings = settings_of(given.world, tmp_path)
    lake = open_lake(settings.lake, cache=tmp_path / "cache")
    take_in(lake, settings, shuffled)
    # the same files found once more by somebody who does not say when they came: nothing new
    again = [replace(d, delivered_at=None) for d in given.deliveries if d.content is not None]  # type: ignore[arg-type]
    pulls = take_in(lake, settings, dice.sample(again, 12))
    assert {(pull.outcome, pull.restates) for pull in pulls} == {("duplicate", False)}
    assert content(rebuild(given.world, settings, lake, tmp_path, given.dbt)) == in_order


def test_a_past_night_is_what_was_known_then(given: Given, tmp_path: Path) -> None:
    found = given.world
    as_of = found.end - timedelta(days=2)
    known_by = datetime.combine(as_of + timedelta(days=1), time(10), tzinfo=UTC)
    night = rebuild(found, given.settings, given.lake, tmp_path, given.dbt, as_of=as_of, known_by=known_by)
    pulls = [pull for pull in schedule(found) if pull.at <= known_by]
    assert 0 < len(pulls) < len(schedule(found))
    check(night, truth(found, as_of=as_of, pulls=pulls, deliveries=()))


def check(night: Night, true: dict[str, Any]) -> None:
    """The days and the total of returns are those of the truth."""
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
    (total,) = night.rows("select cast(sum(units) as bigint) as units from marts.fct_returns")
    assert total["units"] == true["totals"]["units_returned"] > 0


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


def check_schedule(seed: int, tmp_path: Path) -> dict[str, Any]:
    found = small(seed)
    pulls = random_schedule(found, seed)
    deliveries = [deliver(found, pull) for pull in pulls]
    random.Random(seed + 1).shuffle(deliveries)
    night = build(found, tmp_path / "lake", tmp_path / "dbt", deliveries)
    assert not [pull.error for pull in night.pulls if pull.outcome == "failed"]
    true = truth(found, pulls=pulls, deliveries=deliveries)
    check(night, true)
    return true


def test_any_schedule_gives_the_marts_of_its_truth(tmp_path: Path) -> None:
    true = check_schedule(276, tmp_path)
    # a unit without a plate that was seen on two days counts as two, here and there: nobody could know better
    assert true["totals"]["ambiguous_units"] == 1


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(200, 240))
def test_many_schedules_give_the_marts_of_their_truth(seed: int, tmp_path: Path) -> None:
    check_schedule(seed, tmp_path)
