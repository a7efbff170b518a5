"""The assets: the inbox, one per feed from the registry, the dbt models as one step, and what is published.

Belongs here: what each asset runs and what it tells Dagster. Does not belong: the work, which is done by the functions
that the command line calls, too (`due.py`, `pipeline.py`).
"""

import os
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets

from data_contracts.feed import Feed
from data_contracts.registry import all_feeds
from data_contracts.settings import Settings
from ingestion.connectors import Window
from ingestion.inbox import take_inbox, untaken
from ingestion.ledger import Ledger, Pull
from orchestration.asof import newest_complete_day
from orchestration.backfill import before_and_after, gap_lines, gaps
from orchestration.checks import feed_check_specs, feed_checks, publish_check_specs, publish_checks
from orchestration.due import plan_requests, pull_requests
from orchestration.failures import KIND, RETRIES, told_apart
from orchestration.pipeline import (
    Night,
    conclude,
    follow_in_postgres,
    gather,
    judge,
    lay_out,
    load_plan,
    plan_night,
    publish,
    refuse,
    results_of,
    save_plan,
    settle,
)
from orchestration.resources import Installation
from orchestration.trouble import mending, told
from orchestration.warehouse import PATH_VARIABLE, PROJECT

# `backfill_policy` has been beta for years; one warning per asset would bury what matters
warnings.filterwarnings("ignore", category=dg.BetaWarning, message=".*backfill_policy.*")

#: days of requests are days in UTC, as on the clock of SP-API
DAILY = dg.DailyPartitionsDefinition(start_date="2020-01-01", timezone="UTC")
RAW, WAREHOUSE = "raw", "warehouse"
INBOX_KEY = dg.AssetKey([RAW, "inbox"])
#: tags of a run over a range of partitions
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
PUBLISHED_KEY = dg.AssetKey(["published", "marts"])


@dg.asset(
    key=INBOX_KEY,
    group_name=RAW,
    # partitioned like the feeds only so that a range of days can be run with them
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    description="Files dropped into the inbox of each store, taken in as deliveries.",
    retry_policy=RETRIES,
)
def inbox(context: dg.AssetExecutionContext, installation: Installation) -> dg.MaterializeResult:
    """Take in what lies in the inbox."""
    with told_apart(), installation.home.locked("Dagster's inbox asset", name="intake"):
        taken = take_inbox(installation.lake, installation.settings)
        left = untaken(installation.settings)
    for line in left:
        context.log.warning(line)
    return dg.MaterializeResult(metadata={**_counts(taken), "not_taken": left})


def feed_key(feed: str) -> dg.AssetKey:
    """Asset key of a feed."""
    return dg.AssetKey([RAW, feed])


def feed_asset(feed: Feed) -> dg.AssetsDefinition:
    """The asset of one feed: asks connectors for the windows of the partitions, all of them in one run."""
    key = feed_key(feed.name)
    schema = dg.TableSchema(columns=[dg.TableColumn(name, kind) for name, kind in feed.physical().items()])

    @dg.asset(
        key=key,
        deps=[INBOX_KEY],
        group_name=RAW,
        partitions_def=DAILY,
        backfill_policy=dg.BackfillPolicy.single_run(),
        description=f"{feed.title}. {feed.description}",
        metadata={"dagster/column_schema": schema, "merge": feed.merge.value, "key": ", ".join(feed.key) or "none"},
        check_specs=feed_check_specs(feed, key),
        retry_policy=RETRIES,
    )
    def raw(context: dg.AssetExecutionContext, installation: Installation) -> dg.MaterializeResult:
        settings, lake = installation.settings, installation.lake
        keys = context.partition_keys
        wanted = Window(date.fromisoformat(keys[0]), date.fromisoformat(keys[-1]))
        with told_apart():
            with installation.home.locked(f"Dagster's {feed.name} asset", name="intake"):
                requests = plan_requests(lake, settings, feed=feed.name, wanted=wanted, look_back=True)
                taken = pull_requests(lake, settings, requests, on_pull=lambda pull: context.log.info(describe(pull)))
            pulls = Ledger(lake).pulls()
            return dg.MaterializeResult(
                metadata={"days": len(wanted), "requests": len(requests), **_counts(taken)},
                check_results=feed_checks(feed, settings, pulls, _day_to_judge_by(settings, pulls, wanted)),
            )

    return raw


def _day_to_judge_by(settings: Settings, pulls: Sequence[Pull], wanted: Window) -> date:
    """The day that freshness counts back from: yesterday, so that a lake in which everything stopped is not fresh.

    Simulated stores live in a time of their own: where there are no others, the newest day that is complete or wanted.
    """
    days = [newest_complete_day(pulls) or wanted.last, wanted.last]
    if not settings.stores or any(store.connector != "simulator" for store in settings.stores.values()):
        days.append(datetime.now(UTC).date() - timedelta(days=1))
    return max(days)


def describe(pull: Pull) -> str:
    """A pull in a line of the run's log."""
    window = f" {pull.window_from}..{pull.window_to}" if pull.window_from else ""
    why = f": {pull.error}" if pull.error else ""
    return f"{pull.store}/{pull.feed}{window}: {pull.outcome}, {pull.rows_in or 0:,} rows{why}"


def _counts(taken: Sequence[Pull]) -> dict[str, Any]:
    good = [pull for pull in taken if pull.restates and pull.outcome != "failed"]
    return {
        "dagster/row_count": sum(pull.rows_bronze or 0 for pull in good),
        "rows_quarantined": sum(pull.rows_quarantined or 0 for pull in good),
        "deliveries": len(taken),
        "outcomes": dict(Counter(pull.outcome for pull in taken)),
        "failed": [describe(pull) for pull in taken if pull.outcome == "failed"],
    }


class Translator(DagsterDbtTranslator):
    """Names of dbt's nodes in Dagster: bronze sources are the feeds' assets, models are grouped as one warehouse."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """`raw/<feed>` for a bronze source, `<schema>/<name>` for another, `<layer>/<name>` for a model."""
        if dbt_resource_props["resource_type"] == "source" and dbt_resource_props["source_name"] == "bronze":
            return feed_key(dbt_resource_props["name"])
        if dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey([dbt_resource_props["source_name"], dbt_resource_props["name"]])
        return dg.AssetKey([dbt_resource_props["fqn"][1], dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:  # noqa: ARG002
        """One group for all models."""
        return WAREHOUSE


def warehouse_assets(manifest: Path) -> dg.AssetsDefinition:
    """All dbt models as one unpartitioned step: one dbt invocation, unit tests left out."""

    @dbt_assets(
        manifest=manifest,
        name=WAREHOUSE,
        exclude="resource_type:unit_test",
        dagster_dbt_translator=Translator(),
        backfill_policy=dg.BackfillPolicy.single_run(),  # not partitioned: so that a range of days may be run with it
        retry_policy=RETRIES,
    )
    def warehouse(context: dg.AssetExecutionContext, installation: Installation, dbt: DbtCliResource) -> Iterator[Any]:
        settings, home, lake = installation.settings, installation.home, installation.lake
        with told_apart(), told(home.root):
            installation.hold(context)
            plan, before = plan_night(settings, lake)
            if (night := settle(home, lake, plan, before)) is not None:
                follow_in_postgres(settings, night)
                for line in night.lines():
                    context.log.info(line)
                _must_be_in_postgres(night)
                return  # nothing to build, so nothing to publish: the steps after this one are skipped
            with mending(home.root, lake, plan.pulls):  # what it raises about damaged files is worth a retry
                lay_out(settings, home, plan, gather(settings, home, lake, plan))
                save_plan(home, plan)
                os.environ[PATH_VARIABLE] = str(home.build)
                target = home.dbt / "target"
                (target / "run_results.json").unlink(missing_ok=True)  # what is there afterwards is of this run
                yield from dbt.cli(["build"], context=context, target_path=target, raise_on_error=False).stream()
                run = results_of(home)
                if run.succeeded:
                    return
                # models behind a failed test were not built, so the publish asset would be skipped
                verdict, _ = judge(settings, home, plan, run)
            night = refuse(home, plan, before, verdict, {})
            conclude(settings, home, night)
            raise dg.Failure("\n".join(night.lines()), metadata={KIND: "permanent"}, allow_retries=False)

    return warehouse


def published_asset(models: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """The published marts: audit of what dbt built, then the release."""

    @dg.asset(
        key=PUBLISHED_KEY,
        deps=models,
        group_name="published",
        description="The audited marts that readers see: marts.duckdb and a release in the lake.",
        check_specs=publish_check_specs(PUBLISHED_KEY),
        backfill_policy=dg.BackfillPolicy.single_run(),
        retry_policy=RETRIES,
    )
    def published(context: dg.AssetExecutionContext, installation: Installation) -> Iterator[Any]:
        settings, home, lake = installation.settings, installation.home, installation.lake
        with told_apart(), told(home.root):
            installation.hold(context)
            plan, before = load_plan(home, lake)
            verdict, models = judge(settings, home, plan, results_of(home))
            if verdict.passed:
                night = publish(home, lake, plan, before, verdict, models, {})
            else:
                night = refuse(home, plan, before, verdict, {})
            conclude(settings, home, night)
            context.log.info("\n".join(night.lines()))
            account = _account_of_a_range(context, installation, before.release_id if before else None, night)
            yield from publish_checks(verdict)
            if night.manifest is None:
                raise dg.Failure("\n".join(night.lines()), metadata={KIND: "permanent"}, allow_retries=False)
            yield dg.MaterializeResult(
                metadata={
                    "dagster/row_count": sum(mart.rows for mart in night.manifest.marts.values()),
                    "release": night.release_id,
                    "as_of": night.as_of.isoformat(),
                    "marts": {name: mart.rows for name, mart in night.manifest.marts.items()},
                    "deliveries": len(night.manifest.deliveries),
                    "path": dg.MetadataValue.path(str(night.marts)),
                    **account,
                }
            )
            _must_be_in_postgres(night)

    return published


def _must_be_in_postgres(night: Night) -> None:
    """Fail the step, which has done its own work, where the night is not in PostgreSQL; the next run tries again."""
    if night.postgres_failure:
        raise dg.Failure(
            f"Published, but not in PostgreSQL: {night.postgres_failure}",
            metadata={KIND: "transient"},
            allow_retries=False,  # a retry would audit and publish all over again
        )


def _account_of_a_range(
    context: dg.AssetExecutionContext, installation: Installation, before: str | None, night: Night
) -> dict[str, Any]:
    """For a run over a range of days what the command `backfill` says, too: what is missing, before and after."""
    first, last = (context.run.tags.get(tag) for tag in (RANGE_START, RANGE_END))
    if first is None or last is None or first == last:
        return {}
    wanted = Window(date.fromisoformat(first), date.fromisoformat(last))
    lake, settings = installation.lake, installation.settings
    account = {"missing": "\n".join(gap_lines(settings, gaps(Ledger(lake).pulls(), settings, wanted)))}
    if before is not None and night.outcome == "published" and before != night.release_id:
        account["before and after"] = "\n".join(before_and_after(lake, before, night.release_id))
    for title, text in account.items():
        if text:
            context.log.info("%s\n%s", title, text)
    return {title: dg.MetadataValue.md(f"```\n{text}\n```") for title, text in account.items() if text}


def dbt_resource() -> DbtCliResource:
    """dbt as this environment has it."""
    return DbtCliResource(
        project_dir=str(PROJECT),
        profiles_dir=str(PROJECT),
        dbt_executable=str(Path(sys.executable).with_name("dbt")),
        global_config_flags=["--no-use-colors", "--no-version-check"],
    )


def all_feed_assets() -> list[dg.AssetsDefinition]:
    """One asset per feed of the registry."""
    return [feed_asset(feed) for feed in all_feeds().values()]
