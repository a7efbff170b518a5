"""Proof that a release is a function of what came in: build it again from landing and ledger alone, compare each byte.

Belongs here: the bare lake that holds nothing derived, and the comparison. Does not belong: building (`pipeline.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import duckdb

from data_contracts.settings import Settings
from ingestion.failures import PermanentFailure
from ingestion.lake import Lake, open_lake
from ingestion.ledger import Ledger
from orchestration import releases
from orchestration.diff import Comparison
from orchestration.home import Home
from orchestration.pipeline import gather, judge, lay_out, run_models
from orchestration.plan import Plan, settings_that_count, versions
from orchestration.publish import differences, export, make_manifest, store_release
from orchestration.warehouse import connect

if TYPE_CHECKING:
    from orchestration.releases import Manifest

#: rows shown of each mart that differs
_SAMPLE = 3


def verify_release(settings: Settings, name: str, *, tell: Callable[[str], None]) -> bool:
    """Whether every mart of a release, built again from what came in, has the published bytes; says which do not.

    Nothing derived is used: bronze is decoded again from landing, comments are judged again. The settings are those
    that the release was made with. Raises PermanentFailure when there is no such release or its inputs are gone.
    """
    home = Home(settings.home)
    lake = open_lake(settings.lake)
    manifest = releases.get(lake, name)
    tell(f"Rebuilding {manifest.release_id} from {len(manifest.deliveries):,} deliveries ...")
    with (
        home.locked("a verification", on_wait=lambda holder: tell(f"Waiting for {holder} ...")),
        home.scratch_folder("verify") as scratch,
    ):
        home.heal()
        bare = open_lake(scratch / "lake")
        copy_inputs(lake, bare, manifest)
        then = settings_of(manifest, settings)
        pulls = tuple(pull for pull in Ledger(bare).pulls() if pull.pull_id in set(manifest.pulls))
        plan = Plan(manifest.as_of, manifest.known_by, pulls, settings_that_count(then), versions())
        lay_out(then, home, plan, gather(then, home, bare, plan))
        _, models = judge(then, home, plan, run_models(home))
        with connect(home.build) as con:
            again = make_manifest(plan, export(con, models, scratch))
        differing = differences(manifest, again)
        _say_what_changed(manifest, plan, tell)
        if not differing:
            rows = sum(mart.rows for mart in again.marts.values())
            tell(f"Verified: {len(again.marts)} marts, {rows:,} rows, every byte as published.")
            return True
        tell(f"DIFFERENT: {len(differing)} of {len(again.marts)} marts: {', '.join(differing)}")
        store_release(bare, again, scratch)
        with duckdb.connect() as con:
            comparison = Comparison((lake, manifest), (bare, again), con)
            for mart in differing:
                tell(f"{mart} (published -> rebuilt)")
                for line in comparison.sample(mart, _SAMPLE):
                    tell(f"  {line}")
        tell(
            "next: if code or settings changed since, run `returnscope run --force`; if not, the release or the lake "
            "was altered: restore it from a backup."
        )
        return False


def copy_inputs(lake: Lake, bare: Lake, manifest: Manifest) -> None:
    """Copy ledger, mappings and the landed bytes of a release's pulls to a lake that has nothing else.

    Raises PermanentFailure when a pull of the release is no longer in the ledger.
    """
    for prefix in ("ledger/", "mappings/"):
        for info in lake.list(prefix):
            bare.put_new(info.key, lake.local_path(info.key, info.version))
    pulls = {pull.pull_id: pull for pull in Ledger(bare).pulls()}
    if missing := [pull_id for pull_id in manifest.pulls if pull_id not in pulls]:
        raise PermanentFailure(
            f"{len(missing)} pulls of the release are no longer in the ledger, {missing[0]} among them",
            lake.where("ledger"),
            "Restore the ledger from a backup: releases can only be verified against what they were made from.",
        )
    for key in sorted({pull.landing_key for pull in map(pulls.__getitem__, manifest.pulls) if pull.landing_key}):
        bare.put_new(key, lake.local_path(key))


def settings_of(manifest: Manifest, settings: Settings) -> Settings:
    """The settings that a release was made with, at this installation's places."""
    names = ("stores", "settings", "thresholds", "return_rules", "figures")
    places = settings.model_dump(include={"home", "lake", "config", "fx_rates", "categories"})
    return Settings(**places, **{name: manifest.settings[name] for name in names})


def _say_what_changed(manifest: Manifest, plan: Plan, tell: Callable[[str], None]) -> None:
    for name, now in plan.versions.items():
        if manifest.versions.get(name) != now:
            tell(f"  note: {name} was {manifest.versions.get(name)} then and is {now} now")
    for name in ("fx_rates", "categories"):
        if manifest.settings.get(name) != plan.settings.get(name):
            tell(f"  note: the file of [{name}] has changed since")
