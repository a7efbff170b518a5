"""A simulated world taken through the real pipeline: intake, bronze, verdicts, dbt, into one warehouse file.

Belongs here: running the parts that a night runs, without publishing. Does not belong: what is asserted.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from data_contracts.settings import Settings, load_settings
from ingestion.intake import record_without_document, take
from ingestion.lake import Lake, open_lake
from ingestion.ledger import Pull
from ingestion.simulator import SimDelivery, World, write_settings
from orchestration.home import Home
from orchestration.pipeline import gather, plan_night
from orchestration.warehouse import FILE_NAME, PUBLISHED_NAME, connect, prepare, run_dbt


@dataclass(frozen=True)
class Night:
    """A built warehouse and the pulls it was built from."""

    world: World
    warehouse: Path
    pulls: tuple[Pull, ...]
    lake: Lake
    folder: Path

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
        """Rows of a query as dicts."""
        with connect(self.warehouse) as con:
            found = con.execute(sql, parameters)
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def tables(self, *schemas: str) -> list[str]:
        """Qualified names of the tables and views of some schemas."""
        found = self.rows(
            "select table_schema || '.' || table_name as name from information_schema.tables "
            "where table_schema in (select unnest(?)) order by all",
            [list(schemas)],
        )
        return [row["name"] for row in found]


def settings_of(world: World, folder: Path) -> Settings:
    """Settings for the world's stores with their state below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    config = write_settings(world, folder)
    return load_settings({"RETURNSCOPE_HOME": str(folder / "home"), "RETURNSCOPE_CONFIG": str(config)})


def take_in(lake: Lake, settings: Settings, deliveries: Iterable[SimDelivery]) -> list[Pull]:
    """Hand deliveries to the intake in the order given."""
    found = []
    for delivery in deliveries:
        window = (delivery.window.first, delivery.window.last) if delivery.window else None
        common: dict[str, Any] = {
            "store": delivery.store,
            "feed": delivery.feed,
            "window": window,
            "delivered_at": delivery.delivered_at,
            "report_type": delivery.report_type,
        }
        if delivery.content is None:
            found.append(record_without_document(lake, outcome="cancelled", source_kind="simulator", **common))
        else:
            found.append(
                take(
                    lake,
                    settings,
                    io.BytesIO(delivery.content),
                    file_name=delivery.file_name,
                    charset=delivery.charset,
                    source_kind="simulator",
                    **common,
                )
            )
    return found


def build(
    world: World,
    folder: Path,
    dbt: Path,
    deliveries: Iterable[SimDelivery],
    *,
    as_of: date | None = None,
    known_by: datetime | None = None,
    command: str = "run",
    select: Sequence[str] = (),
) -> Night:
    """Take deliveries into a lake of their own and build the warehouse from it.

    dbt: a folder that all builds of a session share, for the partial parse; the finished file is moved out of it.
    """
    settings = settings_of(world, folder)
    lake = open_lake(settings.lake, cache=folder / "cache")
    take_in(lake, settings, deliveries)
    return rebuild(world, settings, lake, folder, dbt, as_of=as_of, known_by=known_by, command=command, select=select)


def rebuild(
    world: World,
    settings: Settings,
    lake: Lake,
    folder: Path,
    dbt: Path,
    *,
    as_of: date | None = None,
    known_by: datetime | None = None,
    command: str = "run",
    select: Sequence[str] = (),
) -> Night:
    """Build the warehouse, or the selected part of it, from what a lake holds."""
    plan, _ = plan_night(settings, lake, as_of=as_of or world.end, known_by=known_by)
    inputs = gather(settings, Home(settings.home), lake, plan)
    path = dbt / FILE_NAME
    prepare(
        path,
        bronze=inputs.bronze,
        pulls=inputs.pulls,
        quarantine=inputs.quarantine,
        settings=settings,
        as_of=plan.as_of,
        known_by=known_by,
        verdicts=inputs.verdicts,
    )
    outcome = run_dbt(command, path, dbt / "work", select=select)
    assert outcome.succeeded, [f"{node.name}: {node.message}" for node in outcome.failed]
    finished = folder / str(plan.as_of) / FILE_NAME  # its views name the catalogue, which is called as the file
    finished.parent.mkdir()
    shutil.move(path, finished)
    shutil.move(path.with_name(PUBLISHED_NAME), finished.with_name(PUBLISHED_NAME))
    return Night(world, finished, inputs.pulls, lake, folder)
