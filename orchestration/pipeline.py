"""The night: take what is due, build, audit, publish, alert. The command line and Dagster both call what stands here.

Belongs here: the order of the steps, and what a run reports. Does not belong: how a step works (one module each).
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ingestion.failures import PermanentFailure, ReturnscopeError
from ingestion.inbox import untaken
from ingestion.intake import ensure_all_bronze
from ingestion.lake import Lake, open_lake
from ingestion.ledger import Ledger
from orchestration import releases
from orchestration.asof import outside_of_the_data
from orchestration.home import Home
from orchestration.plan import Plan, make_plan

if TYPE_CHECKING:
    from data_contracts.settings import Settings
    from ingestion.ledger import Pull
    from orchestration.alerts import Delivery
    from orchestration.audit import Audit
    from orchestration.models import PublishedModel
    from orchestration.postgres import Loaded
    from orchestration.releases import Manifest
    from orchestration.warehouse import DbtRun

log = logging.getLogger(__name__)

#: objects fetched at a time from a remote lake
_FETCHERS = 8

Tell = Callable[[str], None]


@dataclass
class Night:
    """What a run did. `failed`: deliveries of this run that could not be taken; the others were built and published.
    `untaken`: what lies in the inbox under the name of no declared store. `postgres`: what became of it there, where
    the environment names a server; `postgres_failure`: why it is not there, which undoes nothing of the night.

    outcome: `published` (built anew), `restored` (the release was there already and is current again), `unchanged`
    (readers have it already), `refused` (the audit stopped it; readers keep the release before).
    """

    outcome: Literal["published", "restored", "unchanged", "refused"]
    release_id: str
    as_of: date
    known_by: datetime | None
    current: str | None
    marts: Path
    taken: list[Pull] = field(default_factory=list)
    untaken: list[str] = field(default_factory=list)
    pruned: list[str] = field(default_factory=list)
    cases: list[str] = field(default_factory=list)
    audit: Audit | None = None
    audit_record: Path | None = None
    manifest: Manifest | None = None
    alerts: list[Delivery] = field(default_factory=list)
    postgres: Loaded | None = None
    postgres_failure: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def failed(self) -> list[Pull]:
        """Deliveries of this run that could not be taken."""
        return [pull for pull in self.taken if pull.outcome == "failed"]

    def lines(self) -> Iterator[str]:
        """For people."""
        if self.taken:
            yield f"Taken in: {len(self.taken):,} deliveries, {len(self.failed):,} of them failed"
        for pull in self.failed:
            yield f"  FAILED {pull.store}/{pull.feed or '?'} {pull.file_name or ''}: {pull.error}"
        for line in self.untaken:
            yield f"  NOT TAKEN {line}"
        for finding in self.audit.findings if self.audit else ():
            yield from (f"  {line}" for line in finding.lines())
        if self.outcome == "refused" and self.audit is not None:
            stands = f"release {self.current} stands" if self.current else "nothing is published yet"
            yield f"NOT published: {len(self.audit.blocking)} of {self.audit.checks:,} checks refused it; {stands}."
            yield f"  All findings: {self.audit_record}"
            return
        as_known = f", as known by {self.known_by:%Y-%m-%d %H:%M} UTC" if self.known_by else ""
        said = {
            "published": "Published",
            "restored": "Current again, without building",
            "unchanged": "Nothing has changed; published is still",
        }[self.outcome]
        yield f"{said} {self.release_id}, as of {self.as_of}{as_known}"
        if self.outcome == "published" and self.manifest is not None and self.audit is not None:
            rows = sum(mart.rows for mart in self.manifest.marts.values())
            yield f"  {len(self.manifest.marts)} marts, {rows:,} rows; {self.audit.checks:,} checks passed"
        if self.cases:
            yield f"  {len(self.cases):,} alerts have ended; their cases are in {self.marts.parent / 'cases'}"
        if self.pruned:
            yield f"  {len(self.pruned):,} old releases removed, {self.pruned[0]} to {self.pruned[-1]}"
        yield f"  {self.marts}"
        yield from self.postgres.lines() if self.postgres else ()
        if self.postgres_failure:
            yield f"  NOT in PostgreSQL, the next run tries again: {self.postgres_failure}"
        for delivery in self.alerts:
            if not delivery.arrived:
                yield f"  alert NOT delivered: {delivery.service}: {delivery.error}"

    def record(self, home: Home) -> Path:
        """Keep what the run did as JSON; its path."""
        home.runs.mkdir(parents=True, exist_ok=True)
        path = home.runs / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.json"
        values = {
            "outcome": self.outcome,
            "release_id": self.release_id,
            "as_of": self.as_of.isoformat(),
            "known_by": self.known_by.isoformat() if self.known_by else None,
            "current": self.current,
            "taken": len(self.taken),
            "failed": [pull.pull_id for pull in self.failed],
            "audit": str(self.audit_record) if self.audit_record else None,
            "alerts": [asdict(delivery) for delivery in self.alerts],
            "postgres": self.postgres_failure or (self.postgres.outcome if self.postgres else None),
            "seconds": {name: round(seconds, 3) for name, seconds in self.seconds.items()},
        }
        path.write_text(json.dumps(values, indent=1), encoding="utf-8")
        return path


@contextmanager
def timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Add what the body takes to `seconds[name]`."""
    start = time.monotonic()
    try:
        yield
    finally:
        seconds[name] = seconds.get(name, 0.0) + time.monotonic() - start


def nightly(
    settings: Settings,
    *,
    as_of: date | None = None,
    known_by: datetime | None = None,
    force: bool = False,
    take: bool = True,
    tell: Tell = log.info,
) -> Night:
    """Take what is due, build, audit, publish, alert; with `as_of` or `known_by` rebuild that night and take nothing.

    as_of: day on which windows end (default: the newest complete day). known_by: only pulls delivered up to then count.
    force: build although nothing has changed. take: False where the caller has taken deliveries itself.

    Raises PermanentFailure (nothing to build from, a model does not build) and TransientFailure (another run holds the
    lock, the lake cannot be reached); readers keep what they had.
    """
    from orchestration.trouble import told

    home = Home(settings.home)
    lake = open_lake(settings.lake)
    seconds: dict[str, float] = {}
    taken: list[Pull] = []
    try:
        with told(home.root):
            if take and as_of is None and known_by is None:
                from orchestration.due import take_due

                with timed(seconds, "taking in"):
                    taken = take_due(lake, settings, home, tell=tell)
            with home.locked("a run", on_wait=lambda holder: tell(f"Waiting for {holder} ...")):
                home.heal()
                night = build_and_publish(
                    settings, home, lake, as_of=as_of, known_by=known_by, force=force, seconds=seconds, tell=tell
                )
                night.taken = taken
                conclude(settings, home, night)
                return night
    except ReturnscopeError as failure:
        alert(settings, "returnscope: the night failed", str(failure))
        raise


def build_and_publish(
    settings: Settings,
    home: Home,
    lake: Lake,
    *,
    as_of: date | None = None,
    known_by: datetime | None = None,
    force: bool = False,
    seconds: dict[str, float] | None = None,
    tell: Tell = log.info,
) -> Night:
    """From the lake to published marts. The caller holds the home's lock.

    A build that fails over derived files which cannot be read is tried once more, with these decoded again.
    """
    from orchestration.trouble import DamagedFiles

    seconds = {} if seconds is None else seconds
    with timed(seconds, "planning"):
        plan, before = plan_night(settings, lake, as_of=as_of, known_by=known_by)
        if as_of is not None and (warning := outside_of_the_data(plan.pulls, as_of)):
            tell(warning)
        settled = None if force else settle(home, lake, plan, before)
    if settled is not None:
        settled.seconds = seconds
        return settled
    tell(f"Building {plan.release_id} from {len(plan.pulls):,} pulls ...")
    try:
        verdict, models = build_and_judge(settings, home, lake, plan, seconds)
    except DamagedFiles as failure:
        tell(f"{failure.what}; building again ...")
        verdict, models = build_and_judge(settings, home, lake, plan, seconds)
    if not verdict.passed:
        return refuse(home, plan, before, verdict, seconds)
    with timed(seconds, "publishing"):
        return publish(home, lake, plan, before, verdict, models, seconds)


def build_and_judge(
    settings: Settings, home: Home, lake: Lake, plan: Plan, seconds: dict[str, float]
) -> tuple[Audit, list[PublishedModel]]:
    """Build the warehouse of a plan and audit it; what came of it, and the models that it would publish."""
    from orchestration.trouble import mending

    with mending(home.root, lake, plan.pulls):
        with timed(seconds, "decoding and comments"):
            inputs = gather(settings, home, lake, plan)
        with timed(seconds, "warehouse"):
            lay_out(settings, home, plan, inputs)
        with timed(seconds, "dbt"):
            run = run_models(home)
        with timed(seconds, "audit"):
            return judge(settings, home, plan, run)


def plan_night(
    settings: Settings, lake: Lake, *, as_of: date | None = None, known_by: datetime | None = None
) -> tuple[Plan, releases.Pointer | None]:
    """What is to be built, and what is current before.

    Raises PermanentFailure when the ledger lacks what the current release was made from: a night without it would take
    back in silence what readers have.
    """
    pulls, before = Ledger(lake).pulls(), releases.current(lake)
    current = releases.load(lake, before.release_id) if before else None
    if current is not None and (missing := set(current.pulls) - {pull.pull_id for pull in pulls}):
        raise PermanentFailure(
            f"{len(missing):,} of the {len(current.pulls):,} ledger entries that {current.release_id} was made from "
            f"are gone, {min(missing)} among them",
            lake.where("ledger"),
            "Run again; if they are still gone, restore the ledger from a backup of the lake. To go on without these "
            f"deliveries, delete {lake.where(releases.CURRENT)} and run again.",
        )
    known = [pull for pull in pulls if known_by is None or pull.delivered_at <= known_by]
    return make_plan(settings, known, as_of=as_of, known_by=known_by), before


def settle(home: Home, lake: Lake, plan: Plan, before: releases.Pointer | None) -> Night | None:
    """The night without building it, where its release is current or at least exists; None where it must be built.

    Also completes what a killed run left: a current release that `marts.duckdb` does not hold yet. A release with
    damaged or missing files must be built.
    """
    from orchestration.publish import follow, is_followed, is_whole, make_current

    manifest = releases.load(lake, before.release_id) if before else None
    if before is not None and manifest is not None and manifest.change_id == plan.change_id:
        if not is_followed(home, manifest.release_id):
            if not is_whole(lake, manifest):
                return None
            with home.scratch_folder("follow") as scratch:
                follow(lake, home, manifest, scratch)
            return _night("restored", home, manifest, before.release_id)
        return _night("unchanged", home, manifest, before.release_id)
    known = releases.load(lake, plan.release_id)
    if known is None or not is_whole(lake, known):
        return None
    with home.scratch_folder("publish") as scratch:
        make_current(lake, home, known, before, scratch)
    return _night("restored", home, known, known.release_id)


def _night(outcome: Literal["restored", "unchanged"], home: Home, manifest: Manifest, current: str) -> Night:
    return Night(
        outcome, manifest.release_id, manifest.as_of, manifest.known_by, current, home.marts, manifest=manifest
    )


@dataclass(frozen=True)
class Inputs:
    """Local files that the warehouse reads, by feed, and the pulls as they are after decoding."""

    pulls: tuple[Pull, ...]
    bronze: dict[str, list[Path]]
    quarantine: dict[str, list[Path]]
    verdicts: list[Path]


def gather(settings: Settings, home: Home, lake: Lake, plan: Plan) -> Inputs:
    """Bronze, quarantine and comment verdicts of a plan: made where they are missing or old, fetched where remote."""
    from orchestration.verdicts import ensure_verdicts

    pulls = tuple(ensure_all_bronze(lake, settings, plan.pulls))
    bronze = _local_files(lake, "bronze/", pulls, lambda pull: pull.bronze_key)
    quarantine = _local_files(lake, "quarantine/", pulls, lambda pull: pull.quarantine_key)
    with home.scratch_folder("verdicts") as scratch:
        verdicts, new = ensure_verdicts(lake, bronze, scratch)
    if new:
        log.info("%s new comments classified", f"{new:,}")
    return Inputs(pulls, bronze, quarantine, verdicts)


def _local_files(
    lake: Lake, prefix: str, pulls: Sequence[Pull], key_of: Callable[[Pull], str | None]
) -> dict[str, list[Path]]:
    """Local paths by feed. The lake is listed once, so that copies in the cache need no request each."""
    keys: dict[str, set[str]] = {}
    for pull in pulls:
        key = key_of(pull)
        if pull.restates and key is not None and pull.feed is not None:
            keys.setdefault(pull.feed, set()).add(key)
    versions = {info.key: info.version for info in lake.list(prefix)} if keys else {}
    with ThreadPoolExecutor(_FETCHERS) as pool:
        return {
            feed: list(pool.map(lambda key: lake.local_path(key, versions.get(key)), sorted(own)))
            for feed, own in keys.items()
        }


def lay_out(settings: Settings, home: Home, plan: Plan, inputs: Inputs) -> None:
    """Make the build file with everything that dbt reads."""
    from orchestration.warehouse import prepare

    prepare(
        home.build,
        bronze=inputs.bronze,
        pulls=inputs.pulls,
        quarantine=inputs.quarantine,
        settings=settings,
        as_of=plan.as_of,
        known_by=plan.known_by,
        verdicts=inputs.verdicts,
    )


def run_models(home: Home) -> DbtRun:
    """All models and data tests, in one dbt invocation."""
    from orchestration.warehouse import run_dbt

    return run_dbt("build", home.build, home.dbt)


def save_plan(home: Home, plan: Plan) -> None:
    """Keep beside the build file what it was built for, so that another process can audit and publish it."""
    values = {
        "as_of": plan.as_of.isoformat(),
        "known_by": plan.known_by.isoformat() if plan.known_by else None,
        "pulls": [pull.pull_id for pull in plan.pulls],
        "settings": plan.settings,
        "versions": plan.versions,
    }
    _plan_file(home).write_text(json.dumps(values), encoding="utf-8")


def load_plan(home: Home, lake: Lake) -> tuple[Plan, releases.Pointer | None]:
    """What the build file was built for, and what is current.

    Raises PermanentFailure when nothing was built.
    """
    try:
        values = json.loads(_plan_file(home).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PermanentFailure(
            "There is no built warehouse to audit and publish", str(home.build), "Run the warehouse's models first."
        ) from error
    wanted = set(values["pulls"])
    plan = Plan(
        date.fromisoformat(values["as_of"]),
        datetime.fromisoformat(values["known_by"]) if values["known_by"] else None,
        tuple(pull for pull in Ledger(lake).pulls() if pull.pull_id in wanted),
        values["settings"],
        values["versions"],
    )
    return plan, releases.current(lake)


def _plan_file(home: Home) -> Path:
    return home.build.with_name("plan.json")


def results_of(home: Home) -> DbtRun:
    """The dbt run that lies beside the build file.

    Raises PermanentFailure when dbt did not get as far as running anything.
    """
    from orchestration.models import read_manifest, read_results
    from orchestration.warehouse import DbtRun

    target = home.dbt / "target"
    if not (target / "run_results.json").is_file():
        raise PermanentFailure(
            "dbt could not run", str(home.dbt / "target" / "dbt.log"), "The log says why; yesterday's release stands."
        )
    results = read_results(target / "run_results.json", read_manifest(target / "manifest.json"))
    return DbtRun(tuple(results), target)


def judge(settings: Settings, home: Home, plan: Plan, run: DbtRun) -> tuple[Audit, list[PublishedModel]]:
    """The audit of a built warehouse, and the models that it would publish."""
    from orchestration.audit import audit
    from orchestration.models import published_models, read_manifest
    from orchestration.warehouse import connect

    models = published_models(read_manifest(run.target / "manifest.json"))
    with connect(home.build) as con:
        return audit(con, settings, plan, models, run.results), models


def refuse(home: Home, plan: Plan, before: releases.Pointer | None, verdict: Audit, seconds: dict[str, float]) -> Night:
    """Leave readers what they have, and say why."""
    return Night(
        "refused",
        plan.release_id,
        plan.as_of,
        plan.known_by,
        before.release_id if before else None,
        home.marts,
        audit=verdict,
        audit_record=verdict.record(home.audits, plan),
        seconds=seconds,
    )


def publish(
    home: Home,
    lake: Lake,
    plan: Plan,
    before: releases.Pointer | None,
    verdict: Audit,
    models: Sequence[PublishedModel],
    seconds: dict[str, float],
) -> Night:
    """Give readers the audited warehouse."""
    from orchestration.publish import export, make_current, make_manifest, store_release
    from orchestration.warehouse import connect

    with home.scratch_folder("publish") as scratch:
        with connect(home.build) as con:
            manifest = make_manifest(plan, export(con, models, scratch))
        store_release(lake, manifest, scratch)
        make_current(lake, home, manifest, before, scratch, home.build)
    return Night(
        "published",
        plan.release_id,
        plan.as_of,
        plan.known_by,
        plan.release_id,
        home.marts,
        audit=verdict,
        audit_record=verdict.record(home.audits, plan),
        manifest=manifest,
        seconds=seconds,
    )


def conclude(settings: Settings, home: Home, night: Night) -> None:
    """Bring what is current to PostgreSQL, tell people what they must know, and keep a record of the run."""
    follow_in_postgres(settings, night)
    night.untaken = untaken(settings)
    if night.outcome != "refused":
        from orchestration.cases import write_cases

        night.cases = write_cases(open_lake(settings.lake), home)
    if night.outcome == "published":
        from orchestration.retention import prune

        night.pruned = prune(settings, open_lake(settings.lake), home)
    night.alerts = tell_news(settings, home, night)
    night.record(home)


def follow_in_postgres(settings: Settings, night: Night) -> None:
    """Make the server that the environment names hold the current release; a failure is noted, never raised.

    Whatever the night's outcome: a server that was away last time is put right by a night without news, too.
    """
    from orchestration import postgres

    if (url := postgres.configured()) is None:
        return
    try:
        lake = open_lake(settings.lake)
        if (pointer := releases.current(lake)) is not None:
            address = postgres.Address.parse(url)
            manifest = releases.get(lake, pointer.release_id)
            keep, reader = settings.postgres.keep, settings.postgres.reader
            with timed(night.seconds, "PostgreSQL"):
                night.postgres = postgres.load_release(lake, manifest, address, keep=keep, reader=reader)
    except ReturnscopeError as failure:
        log.warning("PostgreSQL: %s", failure)
        night.postgres_failure = str(failure)


def title_of(night: Night) -> str:
    """The night in one line: what went wrong, first of all."""
    if night.outcome == "refused":
        return f"returnscope: {night.as_of} was not published"
    if night.failed:
        return f"returnscope: {night.as_of} is published, {len(night.failed)} deliveries failed"
    if night.postgres_failure:
        return f"returnscope: {night.as_of} is published, but not in PostgreSQL"
    if night.untaken:
        return f"returnscope: {night.as_of} is published, files in the inbox belong to no declared store"
    return f"returnscope: {night.as_of} is published"


def tell_news(settings: Settings, home: Home, night: Night) -> list[Delivery]:
    """Tell the addresses of the settings what they have not heard, whatever the night's outcome; never fails."""
    if not settings.alerts:
        return []
    from orchestration.alerts import standing, tell

    findings = night.audit.findings if night.audit else ()
    is_news = bool(findings or night.failed or night.untaken or night.postgres_failure)
    alerts = None if night.outcome == "refused" else standing(night.marts)
    summary = "\n".join(night.lines())
    return tell(settings.alerts, home.told, title_of(night), summary, is_news=is_news, alerts=alerts)


def alert(settings: Settings, title: str, body: str) -> list[Delivery]:
    """Tell the addresses of the settings something beside the night's digest; never fails."""
    if not settings.alerts:
        return []
    from orchestration.alerts import tell

    return tell(settings.alerts, Home(settings.home).told, title, body, is_news=True, alerts=None)
