"""What Dagster needs before it starts: its home with the instance's configuration, and dbt's manifest.

Belongs here: preparing, once, in the process that starts Dagster. Does not belong: definitions.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.home import Home, replace_durably
from orchestration.plan import ROOT, code_version

if TYPE_CHECKING:
    from data_contracts.settings import Settings

#: a manifest of older code may still be read by a process that started before
_KEPT_SECONDS = 7 * 24 * 3600


def prepare_dagster_home(settings: Settings) -> Path:
    """DAGSTER_HOME below RETURNSCOPE_HOME, with the repository's dagster.yaml and a prepared manifest in it."""
    home = Home(settings.home)
    home.dagster.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "dagster.yaml", home.dagster / "dagster.yaml")
    prepared_manifest(home)
    return home.dagster


def prepared_manifest(home: Home) -> Path:
    """dbt's manifest of the code as it is now: parsed once (some seconds), then found by every process that loads."""
    path = home.dagster / "manifests" / f"{code_version()}.json"
    if path.is_file():
        return path
    from orchestration.warehouse import FILE_NAME, run_dbt

    with home.locked("a parse of the models", name="manifest"):
        if not path.is_file():
            with home.scratch_folder("parse") as scratch:
                run = run_dbt("parse", scratch / FILE_NAME, scratch)
                replace_durably(run.target / "manifest.json", path)
    for old in path.parent.glob("*.json"):
        if old != path and time.time() - old.stat().st_mtime > _KEPT_SECONDS:
            old.unlink(missing_ok=True)
    return path
