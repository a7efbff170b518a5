"""Dagster as its user runs it: definitions that load, a range of days by its own command line, checks, failures.

One installation with two simulated stores; Dagster's commands run in processes of their own.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from data_contracts.registry import all_feeds
from ingestion.failures import PermanentFailure, TransientFailure
from orchestration.failures import KIND, told_apart
from tests.support.deliveries import fba, tsv
from tests.support.installation import Installation

ROOT = Path(__file__).resolve().parents[2]


def stores(asins: int, days: int) -> str:
    """Two simulated stores of one world."""
    return "".join(
        f'[stores.{name}]\nregion = "{region}"\nmarketplaces = {places}\nconnector = "simulator"\n'
        f"options = {{asins = {asins}, days = {days}, end = 2026-01-31, seed = 3}}\n"
        for name, region, places in (("na", "na", '["US", "CA"]'), ("uk", "eu", '["UK"]'))
    )


def dagster(installation: Installation, *arguments: str, code: int = 0) -> str:
    """Run one of Dagster's commands with the installation's DAGSTER_HOME; its whole output."""
    done = subprocess.run(
        [sys.executable, "-m", "dagster", *arguments],
        cwd=ROOT,
        env=environment(installation),
        capture_output=True,
        text=True,
        timeout=3600,
    )
    assert done.returncode == code, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout + done.stderr


def environment(installation: Installation) -> dict[str, str]:
    return {
        **installation.variables,
        "PYTHONPATH": str(ROOT),
        "RETURNSCOPE_HOME": str(installation.home),
        "RETURNSCOPE_CONFIG": str(installation.folder / "returnscope.toml"),
        "DAGSTER_HOME": str(installation.home / "dagster"),
    }


@pytest.fixture(scope="module")
def seller(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return prepared(Installation(tmp_path_factory.mktemp("seller"), config=stores(asins=6, days=12)))


def prepared(installation: Installation) -> Installation:
    """With the Dagster home that `returnscope dagster` makes."""
    code = (
        "from data_contracts.settings import load_settings\n"
        "from orchestration.dagster_home import prepare_dagster_home\n"
        "prepare_dagster_home(load_settings())"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment(installation), check=True)
    return installation


@pytest.fixture
def instance(seller: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("DAGSTER_HOME", str(seller.home / "dagster"))
    with dg.DagsterInstance.get() as found:
        yield found


def test_the_definitions_load(seller: Installation) -> None:
    said = dagster(seller, "definitions", "validate", "-w", "workspace.yaml")
    assert "Validation successful for code location returnscope" in said


def test_a_range_of_days_is_one_run_that_loads_builds_and_publishes(seller: Installation) -> None:
    dagster(
        seller, "asset", "materialize", "-m", "orchestration.definitions", "--select", "*",
        "--partition-range", "2026-01-20...2026-01-31",
    )  # fmt: skip
    assert seller.current().startswith("2026-01-31-")
    assert seller.query("select count(distinct store) from fct_order_lines") == [(2,)]


def test_each_feed_has_its_days_rows_columns_and_checks(seller: Installation, instance: dg.DagsterInstance) -> None:
    (run,) = instance.get_runs()
    assert run.status == dg.DagsterRunStatus.SUCCESS
    for name, feed in all_feeds().items():
        key = dg.AssetKey(["raw", name])
        days = instance.get_materialized_partitions(key)
        assert len(days) == 12, name
        event = instance.get_latest_materialization_event(key)
        assert event is not None
        assert event.asset_materialization is not None
        told = event.asset_materialization.metadata
        assert told["deliveries"].value == len(told["outcomes"].value) or told["deliveries"].value >= 2, name
        assert isinstance(told["dagster/row_count"].value, int)
        checks = {
            record.event.asset_check_evaluation.check_name: record.event.asset_check_evaluation
            for record in instance.event_log_storage.get_latest_asset_check_execution_by_key(
                [dg.AssetCheckKey(key, check) for check in ("bad_rows", "fresh_by_event_date", "windows_complete")]
            ).values()
        }
        assert "bad_rows" in checks, name
        assert checks["bad_rows"].metadata["total_count"].value >= 0
        assert ("windows_complete" in checks) == (feed.max_days is not None), name
        assert ("fresh_by_event_date" in checks) == (feed.event is not None and feed.fresh_days is not None), name
    published = instance.get_latest_materialization_event(dg.AssetKey(["published", "marts"]))
    assert published is not None
    assert published.asset_materialization is not None
    assert published.asset_materialization.metadata["release"].value == seller.current()


def test_a_second_night_has_nothing_to_do_and_skips_the_publish_step(
    seller: Installation, instance: dg.DagsterInstance
) -> None:
    before = seller.current()
    said = dagster(
        seller, "asset", "materialize", "-m", "orchestration.definitions", "--select", "*", "--partition", "2026-01-31"
    )
    assert f"Nothing has changed; published is still {before}" in said
    assert re.search(r"published__marts - STEP_SKIPPED|Skipping step published__marts", said)
    assert seller.current() == before


def definitions(seller: Installation, monkeypatch: pytest.MonkeyPatch) -> dg.Definitions:
    for name, value in environment(seller).items():
        if name.startswith(("RETURNSCOPE_", "DAGSTER_")):
            monkeypatch.setenv(name, value)
    from orchestration import definitions as module

    return module.defs


def test_what_is_declared_follows_from_the_registry(seller: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    defs = definitions(seller, monkeypatch)
    graph = defs.resolve_asset_graph()
    for name, feed in all_feeds().items():
        node = graph.get(dg.AssetKey(["raw", name]))
        assert isinstance(node.partitions_def, dg.DailyPartitionsDefinition)
        assert node.backfill_policy == dg.BackfillPolicy.single_run()
        columns = [column.name for column in node.metadata["dagster/column_schema"].columns]
        assert columns == list(feed.physical())
    models = [key for key in graph.get_all_asset_keys() if graph.get(key).group_name == "warehouse"]
    assert len(models) > 30
    assert all(graph.get(key).partitions_def is None for key in models)
    # a bronze source of dbt is the feed's asset: the graph reads from report to mart
    assert dg.AssetKey(["raw", "orders"]) in graph.get(dg.AssetKey(["staging", "stg_orders"])).parent_keys
    schedule = defs.resolve_schedule_def("nightly_schedule")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 4 * * *", "UTC")


def test_the_inbox_sensor_asks_for_one_run_per_state_of_the_inbox(
    seller: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    defs = definitions(seller, monkeypatch)
    sensor = defs.resolve_sensor_def("inbox_sensor")

    def look() -> tuple[list[dg.RunRequest], str]:
        with (
            dg.DagsterInstance.ephemeral() as made,
            dg.build_sensor_context(definitions=defs, resources=defs.resources, instance=made) as context,
        ):
            ticked = sensor.evaluate_tick(context)
        return list(ticked.run_requests or ()), str(ticked.skip_message)

    assert look() == ([], "The inbox is empty")
    dropped = seller.home / "inbox" / "na" / "returns.txt"
    dropped.parent.mkdir(parents=True)
    dropped.write_text("x")
    assert look() == ([], "A file in the inbox has only just changed")
    hour_ago = time.time() - 3600
    os.utime(dropped, (hour_ago, hour_ago))
    (request,), _ = look()
    assert request.partition_key < datetime.now(UTC).date().isoformat()
    assert look()[0][0].run_key == request.run_key
    os.utime(dropped, (hour_ago + 60, hour_ago + 60))
    assert look()[0][0].run_key != request.run_key
    dropped.unlink()


@pytest.mark.parametrize(
    ("error", "tries", "kind"),
    [
        (TransientFailure("throttled", "SP-API", "Wait."), 3, "transient"),
        (PermanentFailure("refused", "SP-API", "Renew the token."), 1, "permanent"),
        (ZeroDivisionError("a fault of ours"), 1, "permanent"),
    ],
)
def test_only_transient_failures_are_tried_again_and_people_are_told_which_it_was(
    error: Exception, tries: int, kind: str
) -> None:
    from orchestration.sensors import message

    seen = []

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=2))
    def work() -> None:
        seen.append(1)
        with told_apart():
            raise error

    @dg.job
    def night() -> None:
        work()

    with dg.DagsterInstance.ephemeral() as made:
        result = night.execute_in_process(instance=made, raise_on_error=False)
        assert len(seen) == tries
        failed = result.failure_data_for_node("work")
        assert failed is not None
        assert failed.user_failure_data is not None
        assert failed.user_failure_data.metadata[KIND].value == kind
        context = dg.build_run_status_sensor_context(
            sensor_name="failure_sensor",
            dagster_instance=made,
            dagster_run=result.dagster_run,
            dagster_event=result.get_run_failure_event(),
        ).for_run_failure()
        title, body = message(context)
    assert ("needs somebody to act" in title) == (kind == "permanent")
    assert f"work: {kind}" in body
    assert str(error.args[0]) in body


@pytest.mark.slow
def test_a_refused_night_fails_the_run_and_leaves_what_is_published(tmp_path: Path) -> None:
    seller = prepared(Installation(tmp_path, config=stores(asins=3, days=5)))
    dropped = seller.home / "inbox" / "na" / "returns.tsv"
    dropped.parent.mkdir(parents=True)
    dropped.write_text(tsv([fba(quantity="many")] * 7))
    arguments = (
        "asset",
        "materialize",
        "-m",
        "orchestration.definitions",
        "--select",
        "*",
        "--partition",
        "2026-01-31",
    )
    said = dagster(seller, *arguments, code=1)
    assert "REFUSED bad rows in na/fba_returns: 7 of 7 rows of returns.tsv" in said
    assert 'STEP_FAILURE - Execution of step "published__marts" failed' in said
    assert not seller.marts.exists()
    dropped.write_text(tsv([fba()]))
    dagster(seller, *arguments)
    assert seller.current().startswith("2026-01-31-")


@pytest.mark.slow
def test_a_season_over_three_stores_costs_no_more_orchestration_than_work(tmp_path: Path) -> None:
    """92 days, three stores, all feeds: Dagster's run against the same work by the plain command, in CPU seconds."""
    third = '[stores.jp]\nregion = "fe"\nmarketplaces = ["JP"]\nconnector = "simulator"\n'
    config = stores(asins=100, days=92)
    config += third + "options = {asins = 100, days = 92, end = 2026-01-31, seed = 3}\n"
    plain = Installation(tmp_path / "plain", config=config)
    work = cpu_seconds(lambda: plain.start("backfill", "--season", "2025").communicate())
    seller = prepared(Installation(tmp_path / "dagster", config=config))
    whole = cpu_seconds(
        lambda: dagster(
            seller, "asset", "materialize", "-m", "orchestration.definitions", "--select", "*",
            "--partition-range", "2025-11-01...2026-01-31",
        )
    )  # fmt: skip
    print(f"plain {work:.0f} s, Dagster {whole:.0f} s, orchestration {whole - work:.0f} s of CPU")
    assert whole <= 2 * work
    assert seller.query("select count(*), sum(units) from fct_returns") == plain.query(
        "select count(*), sum(units) from fct_returns"
    )


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of the processes that were started and ended in `work`: unlike the clock it does not tell of others."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
