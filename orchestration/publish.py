"""From an audited warehouse to what readers see: the release in the lake, then `marts.duckdb`, each in one atomic step.

Belongs here: writing releases and the published file. Does not belong: deciding whether to publish (`audit.py`),
reading releases (`releases.py`).

Order, so that a kill at any point leaves something consistent: (1) parquet files, then the manifest, which makes the
release complete; (2) a finished `marts.duckdb` beside the published one; (3) the pointer `releases/current.json` by
compare-and-swap, which is the commit; (4) the rename over the published file. After a kill before (3) yesterday's
release stands; after (3) the next run finds a `marts.duckdb` that is not the current release and puts it right.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.failures import PermanentFailure
from orchestration import releases
from orchestration.home import Home, replace_durably
from orchestration.releases import Manifest, Mart, Pointer
from orchestration.warehouse import PUBLISHED_NAME, READERS_STORAGE

if TYPE_CHECKING:
    import duckdb

    from ingestion.lake import Lake
    from orchestration.models import PublishedModel
    from orchestration.plan import Plan

log = logging.getLogger(__name__)

#: rows per row group of a mart's parquet file, DuckDB's own default, named because the bytes depend on it
ROW_GROUP = 122_880
_CHUNK = 1 << 20
#: columns of text that have few different values in every mart
_FEW_VALUES = frozenset({"store", "marketplace", "channel", "currency", "category", "order_status", "delivery_id"})
#: as in `dbt_project/profiles.yml`: sorting ten million order lines without a limit took 6 GB
MEMORY_LIMIT = "3000MB"


def export(con: duckdb.DuckDBPyConnection, models: Sequence[PublishedModel], folder: Path) -> dict[str, Mart]:
    """Write every published model to `<folder>/<name>.parquet`, ordered by its key, or by all columns if it has none.

    In the order an ASIN comes first: DuckDB compares the first bytes of sort keys before all else, and most rows have
    the same store (1.7 million rows of `mart_asin_daily`: 2.4 s of CPU time instead of 3.4, to files of the same size).

    A key is unique, since a dbt test says so, so the same rows give the same bytes, whatever the threads, the memory
    and the order in the table (measured on three million rows with 1, 2 and 4 threads, in memory and spilling).
    """
    _bound(con, folder)
    marts = {}
    for model in models:
        path = folder / f"{model.name}.parquet"
        types = dict(con.execute(f"select column_name, column_type from (describe {model.relation})").fetchall())
        (rows,) = con.execute(f"select count(*) from {model.relation}").fetchone() or (0,)
        order = [f'"{name}"' for name in sorted(model.key, key=_is_shared) or types]
        con.execute(
            f"copy ({_in_order(con, model.relation, types, order, rows)}) "
            f"to '{path}' (format parquet, compression zstd, row_group_size {ROW_GROUP})"
        )
        marts[model.name] = Mart(
            rows=rows,
            sha256=checksum(path),
            bytes=path.stat().st_size,
            key=model.key,
            columns=types,
            description=model.description,
            column_descriptions={name: text for name, text in model.columns.items() if text},
        )
    return marts


def _in_order(
    con: duckdb.DuckDBPyConnection, relation: str, types: Mapping[str, str], order: Sequence[str], rows: int
) -> str:
    """Query for all rows in an order; texts with few different values are numbers while a large table is sorted.

    A number sorts as its text, so the rows are the same (ten million order lines: 21.1 s of CPU time instead of 25.1).
    """
    few = {name: f"few_{name}" for name in types if name in _FEW_VALUES and rows > ROW_GROUP}
    for name, kind in few.items():
        con.execute(
            f'create or replace temp type {kind} as enum (select distinct "{name}" from {relation} '
            f'where "{name}" is not null order by 1)'
        )
    before = ", ".join(f'"{name}"::{few[name]} as "{name}"' if name in few else f'"{name}"' for name in types)
    after = ", ".join(f'"{name}"::varchar as "{name}"' if name in few else f'"{name}"' for name in types)
    return f"select {after} from (select {before} from {relation} order by {', '.join(order)})"


def _is_shared(column: str) -> bool:
    """Whether many rows have the same value in a column of a key; an ASIN tells most rows apart."""
    return column != "asin"


def make_manifest(plan: Plan, marts: Mapping[str, Mart]) -> Manifest:
    """The manifest of a plan whose marts have been exported."""
    return Manifest(
        release_id=plan.release_id,
        as_of=plan.as_of,
        known_by=plan.known_by,
        change_id=plan.change_id,
        pulls=tuple(sorted(pull.pull_id for pull in plan.pulls)),
        deliveries=tuple(sorted({pull.delivery_id for pull in plan.pulls if pull.delivery_id})),
        settings=plan.settings,
        versions=plan.versions,
        marts=dict(marts),
    )


def store_release(lake: Lake, manifest: Manifest, folder: Path) -> None:
    """Put the exported files of a release into the lake, the manifest last; files that are damaged are replaced.

    Raises PermanentFailure when the release exists already with other content: the same inputs must give the same
    bytes.
    """
    known = releases.load(lake, manifest.release_id)
    if known is not None:
        differing = differences(known, manifest)
        if differing:
            raise PermanentFailure(
                f"The same inputs gave other rows than before in {', '.join(differing)}",
                lake.where(f"{releases.PREFIX}/{manifest.release_id}"),
                "This is a fault in a model (an order or a clock it depends on): please report it. "
                "The published release stands.",
            )
    for name, mart in manifest.marts.items():
        key = releases.mart_key(manifest.release_id, name)
        if not lake.put_own(key, folder / f"{name}.parquet") and checksum(lake.local_path(key)) != mart.sha256:
            # Damaged, or left behind by a run that was killed before its manifest, by other code.
            lake.delete(key)
            lake.put_own(key, folder / f"{name}.parquet")
    if known is None:
        lake.put_new(releases.manifest_key(manifest.release_id), manifest.to_json())


def is_whole(lake: Lake, manifest: Manifest) -> bool:
    """Whether every file of a release is in the lake with the bytes that the manifest names."""
    for name, mart in manifest.marts.items():
        key = releases.mart_key(manifest.release_id, name)
        if not lake.exists(key) or checksum(lake.local_path(key)) != mart.sha256:
            log.warning("%s is damaged or gone: the release is made again", lake.where(key))
            return False
    return True


def differences(one: Manifest, other: Manifest) -> list[str]:
    """Marts whose bytes differ, or that only one of the two has."""
    names = sorted({*one.marts, *other.marts})
    return [
        name
        for name in names
        if name not in one.marts or name not in other.marts or one.marts[name].sha256 != other.marts[name].sha256
    ]


@dataclass(frozen=True)
class Published:
    """What is now current, and what was before."""

    release_id: str
    previous: str | None
    published_at: datetime


def make_current(
    lake: Lake, home: Home, manifest: Manifest, before: Pointer | None, scratch: Path, build: Path | None = None
) -> Published:
    """Point readers to a complete release: `marts.duckdb` and `releases/current.json`.

    before: the pointer as it was when the run began. build: the build file that the release was exported from; without
    it `marts.duckdb` is made from the release's parquet files. Raises VersionConflict, and changes nothing that readers
    see, when another home has published to the same lake meanwhile.
    """
    path = scratch / "marts.duckdb"
    fresh = build_marts(lake, manifest, path) if build is None else finish_marts(build, manifest, path)
    now = datetime.now(UTC)
    if before is None or before.release_id != manifest.release_id:
        previous = before.release_id if before else None
        releases.note_published(lake, manifest.release_id, now)
        values = {"release_id": manifest.release_id, "previous": previous, "published_at": now.isoformat()}
        lake.replace(releases.CURRENT, json.dumps(values).encode(), before.version if before else None)
    else:
        previous = before.previous
    put_in_place(fresh, home)
    return Published(manifest.release_id, previous, now)


def put_in_place(fresh: Path, home: Home) -> None:
    """Swap the published file, and give it its second name.

    DuckDB calls a file's catalogue after the file, so that in `marts.duckdb` the name `marts.fct_returns` may mean a
    catalogue or a schema and is refused; only `marts.marts.fct_returns` is understood. Tools that write schema and
    table alone open the same file as `returnscope.duckdb`: a hard link, since DuckDB looks through symbolic ones.
    """
    replace_durably(fresh, home.marts)
    try:
        fresh.hardlink_to(home.marts)
    except OSError as error:  # a file system without hard links
        log.warning("%s cannot be made: %s", home.marts_for_tools, error)
        return
    replace_durably(fresh, home.marts_for_tools)


def follow(lake: Lake, home: Home, manifest: Manifest, scratch: Path) -> bool:
    """Make `marts.duckdb` hold the current release where it does not (killed run, deleted file); whether it did not."""
    if is_followed(home, manifest.release_id):
        return False
    put_in_place(build_marts(lake, manifest, scratch / "marts.duckdb"), home)
    return True


def is_followed(home: Home, release_id: str) -> bool:
    """Whether readers see this release, under both names of the file."""
    if published_release(home) != release_id:
        return False
    return not home.marts_for_tools.exists() or home.marts_for_tools.samefile(home.marts)


def published_release(home: Home) -> str | None:
    """The release that `marts.duckdb` holds; None when there is no readable file."""
    if not home.marts.is_file():
        return None
    import duckdb

    try:
        with duckdb.connect(str(home.marts), read_only=True) as con:
            row = con.execute("select release_id from marts.marts.release_info").fetchone()
    except duckdb.Error as error:
        log.warning("%s cannot be read and is made again: %s", home.marts, error)
        return None
    return row[0] if row else None


def finish_marts(build: Path, manifest: Manifest, path: Path) -> Path:
    """What dbt built for readers as their file, with comments and `release_info`; the build stays as it is.

    Copied, not moved or linked: who digs in the build must not change what readers see. Its tables are in no order.
    """
    import duckdb

    shutil.copyfile(build.with_name(PUBLISHED_NAME), path)
    with duckdb.connect() as con:
        con.execute(f"set TimeZone = 'UTC'; attach '{_sql(str(path))}' as published; use published")
        _describe(con, manifest)
    return path


def build_marts(lake: Lake, manifest: Manifest, path: Path) -> Path:
    """The readers' file of a release made from its parquet files: schema `marts` with comments and `release_info`."""
    import duckdb

    path.unlink(missing_ok=True)
    with duckdb.connect() as con:
        _bound(con, path.parent)
        con.execute("set TimeZone = 'UTC'")
        con.execute(f"attach '{_sql(str(path))}' as published (storage_version '{READERS_STORAGE}')")
        con.execute("use published")
        con.execute("create schema marts")
        for name in manifest.marts:
            source = releases.mart_path(lake, manifest, name)
            con.execute(f"create table marts.\"{name}\" as select * from read_parquet('{_sql(str(source))}')")
        _describe(con, manifest)
    return path


def _describe(con: duckdb.DuckDBPyConnection, manifest: Manifest) -> None:
    """Add comments and `release_info` to the readers' file attached as `published` and in use, and let go of it."""
    con.execute("begin")
    for name, mart in manifest.marts.items():
        con.execute(f"comment on table marts.\"{name}\" is '{_sql(mart.description)}'")
        for column, text in mart.column_descriptions.items():
            con.execute(f'comment on column marts."{name}"."{column}" is \'{_sql(text)}\'')
    declared = ", ".join(f"{column} {kind}" for column, kind in RELEASE_INFO.items())
    con.execute(f"create table marts.release_info ({declared})")
    con.execute("comment on table marts.release_info is 'The release that this file holds; one row.'")
    about = release_info(manifest)
    con.execute(f"insert into marts.release_info values ({', '.join('?' * len(about))})", list(about.values()))
    con.execute("commit")
    con.execute("use memory")
    con.execute("detach published")  # checkpoints: everything is in the one file


#: columns of `release_info`, which stands beside the marts wherever they are read, with their DuckDB types
RELEASE_INFO = {
    "release_id": "varchar",
    "as_of_date": "date",
    "known_by": "timestamp with time zone",
    "deliveries": "bigint",
    "code": "varchar",
    "versions": "varchar",
}


def release_info(manifest: Manifest) -> dict[str, Any]:
    """The one row of `release_info`."""
    return {
        "release_id": manifest.release_id,
        "as_of_date": manifest.as_of,
        "known_by": manifest.known_by,
        "deliveries": len(manifest.deliveries),
        "code": manifest.versions["code"],
        "versions": json.dumps(manifest.versions, sort_keys=True),
    }


def checksum(path: Path) -> str:
    """sha256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _bound(con: duckdb.DuckDBPyConnection, spill: Path) -> None:
    """Keep the order of rows, and memory within the limit by spilling to the folder."""
    con.execute("set preserve_insertion_order = true")
    con.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
    con.execute(f"set temp_directory = '{_sql(str(spill / 'spill'))}'")


def _sql(text: str) -> str:
    return text.replace("'", "''")
