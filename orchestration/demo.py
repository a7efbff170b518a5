"""The demo: a simulated seller's reports through the real pipeline, so that one can see what comes out.

Belongs here: what the demo simulates and shows. Does not belong: the simulation (`ingestion.simulator`), the pipeline.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from data_contracts.settings import Settings, load_settings
from ingestion.connectors import Answer, Request
from ingestion.lake import open_lake
from ingestion.ledger import Ledger, Pull
from orchestration.console import progress, say, table
from orchestration.due import take_answer
from orchestration.home import Home
from orchestration.pipeline import Night, build_and_publish, conclude, timed

if TYPE_CHECKING:
    from ingestion.lake import Lake
    from ingestion.simulator.schedule import SimDelivery
    from ingestion.simulator.world import World

#: the last simulated day: fixed, so that the same arguments give the same marts on any day, and just after the holidays
LAST_DAY = date(2026, 1, 31)
#: first day of orders and returns: the first night asks for all of the season, so that windows of 90 days are full and
#: `returnscope backfill --season 2025` misses nothing
FIRST_DAY = date(2025, 11, 1)


def run_demo(settings: Settings, *, days: int, seed: int, asins: int) -> Night:
    """Simulate, take in, build, publish and show. The same arguments give the same marts.

    Raises click.UsageError when the home holds deliveries that are not the demo's own.
    """
    from ingestion.simulator.schedule import nightly_deliveries, schedule
    from ingestion.simulator.world import World

    home = Home(settings.home)
    lake = open_lake(settings.lake)
    _refuse_real_data(lake)
    seconds: dict[str, float] = {}
    with timed(seconds, "simulating"):
        first_night = LAST_DAY - timedelta(days=days - 1)
        world = World(seed, days, LAST_DAY, asins, history_days=max(30, (first_night - FIRST_DAY).days))
    settings = _with_stores(settings, world)
    say(
        f"Simulating {days} nights up to {LAST_DAY} of {asins} ASINs in "
        f"{', '.join(m for store in world.stores.values() for m in store.marketplaces)} (seed {seed})"
    )
    with home.locked("the demo"):
        home.heal()
        with timed(seconds, "taking in"), progress("Taking in reports", len(schedule(world))) as advance:
            taken = []
            for delivery in nightly_deliveries(world):
                taken.append(_take(lake, settings, delivery))
                advance(1, f"{delivery.store}/{delivery.feed}")
        night = build_and_publish(settings, home, lake, seconds=seconds, tell=say)
        night.taken = taken
        conclude(settings, home, night)
    return night


def outcome_lines(settings: Settings) -> Iterator[str]:
    """What came out, and what to type next."""
    home = Home(settings.home)
    yield from worst_lines(home)
    yield from _next_lines(settings, home)


def _refuse_real_data(lake: Lake) -> None:
    if any(pull.source != "simulator" for pull in Ledger(lake).pulls()):
        raise click.UsageError(
            f"the lake {lake.url} holds deliveries of your own, which the demo would mix with invented ones.\n"
            "Give the demo a home of its own: RETURNSCOPE_HOME=./demo returnscope demo"
        )


def _with_stores(settings: Settings, world: World) -> Settings:
    """Settings that know the simulated stores: those of the user's configuration, else one written into the home."""
    from ingestion.simulator.folder import write_settings

    if set(world.stores) <= set(settings.stores):
        return settings
    if settings.config.is_file():
        raise click.UsageError(
            f"{settings.config} does not have the stores of the demo ({', '.join(world.stores)}).\n"
            "Run the demo in a folder of its own, or with RETURNSCOPE_CONFIG naming another file."
        )
    settings.home.mkdir(parents=True, exist_ok=True)
    write_settings(world, settings.home)
    return load_settings()


def _take(lake: Lake, settings: Settings, delivery: SimDelivery) -> Pull:
    request = Request(delivery.feed, delivery.store, delivery.window)
    return take_answer(
        lake,
        settings,
        Answer(
            request,
            "cancelled" if delivery.content is None else "document",
            delivery.delivered_at,
            content=None if delivery.content is None else io.BytesIO(delivery.content),
            file_name=delivery.file_name,
            report_type=delivery.report_type,
            charset=delivery.charset,
        ),
        "simulator",
    )


def worst_lines(home: Home, limit: int = 10) -> Iterator[str]:
    """The ASINs that lose the most units beyond their category's rate, with top reason and advice."""
    import duckdb

    with duckdb.connect(str(home.marts), read_only=True) as con:
        found = con.execute(
            "select marketplace, asin, units_shipped, units_returned, return_rate, category_return_rate, "
            "top_reason_class, advice_en from marts.marts.mart_asin_insights "
            "where channel = 'ALL' and window_days = 90 and marketplace <> 'unattributed' and is_high_return_rate "
            "order by return_rate_low - coalesce(category_return_rate, 0) desc, store, marketplace, asin limit ?",
            [limit],
        ).fetchall()
    if not found:
        yield "No ASIN returns more than its category, surely."
        return
    yield ""
    yield f"The {len(found)} worst ASINs of the last 90 days:"
    rows = [
        (marketplace, asin, shipped, returned, f"{rate:.1%}", "-" if usual is None else f"{usual:.1%}", reason or "-")
        for marketplace, asin, shipped, returned, rate, usual, reason, _ in found
    ]
    yield table(("market", "asin", "shipped", "returned", "rate", "category", "top reason"), rows)
    yield ""
    for reason in dict.fromkeys(row[6] for row in found if row[6]):
        advice = next(row[7] for row in found if row[6] == reason)
        if advice:
            yield f"  {reason}: {advice}"


def _next_lines(settings: Settings, home: Home) -> Iterator[str]:
    default = settings.home == Path(".returnscope").absolute()
    command = "returnscope" if shutil.which("returnscope") else os.path.relpath(sys.argv[0])
    prefix = command if default else f"RETURNSCOPE_HOME={os.path.relpath(settings.home)} {command}"
    yield ""
    yield f"Marts     {home.marts} (tables marts.marts.*)"
    yield f"Releases  {settings.lake}/releases"
    yield "What to type next:"
    yield f"  {prefix} panel      the control panel in the browser"
    yield f"  {prefix} status     what is complete, missing, cancelled, quarantined"
    yield f"  {prefix} verify     proof that the marts follow from the reports alone"
    yield f"  {prefix} dagster    Dagster's UI with assets, schedule and checks"
