"""The build file of one night: its sources laid out for dbt, and dbt run on it in this process.

Belongs here: schemas `bronze`, `control` and `reference` exactly as dbt's sources declare them, the file beside it that
takes what readers get, and the one way in which dbt is called. Does not belong: what the models compute
(`dbt_project/`), reading dbt's artifacts (`models.py`), judging or publishing what came out (`audit.py`, `publish.py`).

Everything that differs from night to night goes through tables of schema `control`, never through `--vars` or an
environment variable, so that dbt's parse of yesterday still holds (0.4 s instead of 6).
"""

from __future__ import annotations

import csv
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_contracts import reference
from data_contracts.control import CONTROL_TABLES
from data_contracts.registry import all_feeds
from data_contracts.settings import Settings, SettingsError, is_late_season
from ingestion.failures import PermanentFailure

if TYPE_CHECKING:
    import duckdb

    from ingestion.ledger import Pull
    from orchestration.models import NodeResult

log = logging.getLogger(__name__)

PROJECT = Path(__file__).resolve().parents[1] / "dbt_project"
#: DuckDB names the catalogue after the file, and dbt keeps the catalogue's name in its parse: one name for ever
FILE_NAME = "warehouse.duckdb"
#: beside it: what dbt builds for readers, all in schema `marts`; the catalogue `published` of dbt's profile
PUBLISHED_NAME = "published.duckdb"
#: tells dbt's profile where the build file is
PATH_VARIABLE = "RETURNSCOPE_WAREHOUSE"

#: Only this installation's DuckDB ever opens the build file, and its newest format takes a fifth less CPU time to write
#: than the one that every version reads: 2.0 s for a million order lines instead of 2.4. The file keeps its format.
STORAGE = "latest"
#: DuckDB 2 would write a format that 1.x clients, most BI tools among them, cannot open
READERS_STORAGE = "v1.0.0"

#: Many small files cost more to open than to read (0.4 ms each, and a feed is scanned up to four times): a feed whose
#: files are smaller than this on average is copied into the build file, else dbt reads them where they are (copying
#: ten files of 200,000 reviews took 4 s of CPU time).
COPIED_BYTES = 1024 * 1024

_QUARANTINE_COLUMNS = {"_store": "store", "_delivery_id": "delivery_id", "_line_number": "line_number"}


def prepare(
    path: Path,
    *,
    bronze: Mapping[str, Sequence[Path]],
    pulls: Iterable[Pull],
    quarantine: Mapping[str, Sequence[Path]],
    settings: Settings,
    as_of: date,
    known_by: datetime | None = None,
    verdicts: Sequence[Path] = (),
) -> None:
    """Make a fresh build file with everything dbt reads. `path` must be called `warehouse.duckdb`.

    bronze / quarantine: local parquet files by feed; a feed without files gets an empty view of the right types. Only
    deliveries that `pulls` restates count, so more files than needed do no harm. verdicts: parquet files with the
    columns of `control.comment_verdicts`.

    Raises SettingsError when the files of `fx_rates` or `categories` are wrong, naming file, line and remedy.
    """
    import duckdb

    if path.name != FILE_NAME:
        raise ValueError(f"the build file is called {FILE_NAME}, not {path.name}: dbt's parse depends on the name")
    path.parent.mkdir(parents=True, exist_ok=True)
    published = path.with_name(PUBLISHED_NAME)
    for old in (path, published):
        old.unlink(missing_ok=True)
        old.with_name(old.name + ".wal").unlink(missing_ok=True)
    with duckdb.connect(str(published), config={"storage_compatibility_version": READERS_STORAGE}) as con:
        con.execute("create schema marts")
    with duckdb.connect(str(path), config={"storage_compatibility_version": STORAGE}) as con:
        con.execute("begin")
        for schema in ("bronze", "control", "reference"):
            con.execute(f"create schema {schema}")
        for name, feed in all_feeds().items():
            _parquet(con, f"bronze.{name}", feed.physical(), bronze.get(name, ()))
        _quarantine(con, quarantine)
        _verdicts(con, verdicts)
        _table(con, "run", [_run_row(settings, as_of, known_by)])
        _table(con, "pulls", ([getattr(pull, column) for column in CONTROL_TABLES["pulls"].types()] for pull in pulls))
        _table(con, "stores", _store_rows(settings))
        _table(con, "fx_rates", _fx_rates(settings))
        _table(con, "categories", _categories(settings))
        _table(con, "figures", _figures(settings))
        _table(con, "return_rules", _return_rules(settings))
        for name in reference.tables():
            _reference(con, name)
        con.execute("commit")


def connect(path: Path) -> duckdb.DuckDBPyConnection:
    """A reading connection to a build file and what was built for readers: tables by schema, theirs in `marts`."""
    import duckdb

    con = duckdb.connect(str(path), read_only=True)
    beside = _sql_text(str(path.with_name(PUBLISHED_NAME)))
    con.execute(f"set TimeZone = 'UTC'; attach {beside} as published (read_only)")
    con.execute("set search_path = 'warehouse.main,published.marts'")
    return con


def _run_row(settings: Settings, as_of: date, known_by: datetime | None) -> list[Any]:
    tuning = settings.settings
    return [
        as_of,
        # In UTC: Arrow took the wall clock of a fixed offset for the instant, in a process with much else loaded.
        known_by.astimezone(UTC) if known_by else None,
        tuning.reporting_currency,
        tuning.critical_review_threshold,
        tuning.return_window_days,
        tuning.processing_days,
        tuning.category_prior_units,
        tuning.lookback_days_after_season if is_late_season(as_of) else tuning.lookback_days,
    ]


def _store_rows(settings: Settings) -> Iterator[list[Any]]:
    for name, store in settings.stores.items():
        for position, marketplace in enumerate(store.marketplaces, start=1):
            yield [name, store.region, marketplace, position]


def _figures(settings: Settings) -> Iterator[list[Any]]:
    for figure in settings.figures:
        yield [getattr(figure, name) for name in CONTROL_TABLES["figures"].types()]


def _return_rules(settings: Settings) -> Iterator[list[Any]]:
    for position, rule in enumerate(settings.return_rules, start=1):
        prices = [rule.price_from, rule.price_to, rule.currency]
        reasons = ";".join(rule.reasons) or None
        yield [position, rule.name, *prices, rule.category, reasons, rule.channel, rule.resolution]


def _fx_rates(settings: Settings) -> Iterator[list[Any]]:
    path = settings.fx_rates
    if path is None:
        return
    for line, row in _csv_rows(path, "fx_rates", ("day", "currency", "reporting_currency", "rate"), settings):
        try:
            rate = Decimal(row["rate"])
            yield [date.fromisoformat(row["day"]), row["currency"].upper(), row["reporting_currency"].upper(), rate]
        except (ValueError, InvalidOperation) as error:
            raise SettingsError(
                f"{path}, line {line}: {row} is not a rate. Write the day as 2025-12-31 and the rate as 1.0845."
            ) from error
        if not rate.is_finite() or rate <= 0:
            raise SettingsError(f"{path}, line {line}: a rate is above 0, not {row['rate']}. Correct the line.")


def _categories(settings: Settings) -> Iterator[list[Any]]:
    path = settings.categories
    if path is None:
        return
    for line, row in _csv_rows(path, "categories", ("category",), settings):
        sku, asin, category = row.get("sku") or None, row.get("asin") or None, row["category"]
        if not category or not (sku or asin):
            raise SettingsError(f"{path}, line {line}: a row needs a category and a sku or an asin. Complete the line.")
        yield [sku, asin, category]


def _csv_rows(path: Path, key: str, columns: Sequence[str], settings: Settings) -> Iterator[tuple[int, dict[str, str]]]:
    """Line numbers and rows, values trimmed; SettingsError when the file or one of the columns is missing."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if missing := set(columns) - set(reader.fieldnames or ()):
                raise SettingsError(
                    f"{path}: [{key}] has no column {', '.join(sorted(missing))}. The first line must name "
                    f"{', '.join(columns)}."
                )
            for row in reader:
                yield reader.line_num, {str(name): (value or "").strip() for name, value in row.items() if name}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{settings.config}: [{key}] {path} cannot be read: {error}") from error


def _sql_text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _sql_files(files: Sequence[Path]) -> str:
    """A DuckDB list of files. Its globs have no escape but a class of one character."""
    globs = str.maketrans({"[": "[[]", "*": "[*]", "?": "[?]"})
    return "[" + ", ".join(_sql_text(str(file).translate(globs)) for file in sorted(files)) + "]"


def _empty(types: Mapping[str, str]) -> str:
    return "select " + ", ".join(f'cast(null as {kind}) as "{name}"' for name, kind in types.items()) + " where false"


def _parquet(con: duckdb.DuckDBPyConnection, relation: str, types: Mapping[str, str], files: Sequence[Path]) -> None:
    """Rows of parquet files as a view, or as a table where they are small; an empty view where there are none."""
    if not files:
        con.execute(f"create view {relation} as {_empty(types)}")
        return
    names = ", ".join(f'"{name}"' for name in types)
    small = len(files) > 1 and sum(file.stat().st_size for file in files) <= COPIED_BYTES * len(files)
    con.execute(
        f"create {'table' if small else 'view'} {relation} as "
        f"select {names} from read_parquet({_sql_files(files)}, hive_partitioning = false)"
    )


def _quarantine(con: duckdb.DuckDBPyConnection, files: Mapping[str, Sequence[Path]]) -> None:
    types = CONTROL_TABLES["quarantine"].types()
    names = {target: source for source, target in _QUARANTINE_COLUMNS.items()}
    parts = [
        "select "
        + ", ".join(
            f"{_sql_text(feed)} as feed" if column == "feed" else f"{names.get(column, column)} as {column}"
            for column in types
        )
        + f" from read_parquet({_sql_files(own)}, hive_partitioning = false)"
        for feed, own in sorted(files.items())
        if own
    ]
    con.execute(f"create view control.quarantine as {' union all '.join(parts) or _empty(types)}")


def _verdicts(con: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> None:
    """Verdicts, one row per comment: two runs at once may have judged the same words, and judged them alike."""
    types = CONTROL_TABLES["comment_verdicts"].types()
    if not files:
        con.execute(f"create view control.comment_verdicts as {_empty(types)}")
        return
    columns = ", ".join(f'any_value("{name}") as "{name}"' for name in types if name != "comment")
    con.execute(
        f"create table control.comment_verdicts as select comment, {columns} from read_parquet({_sql_files(files)}) "
        "group by comment"
    )


def _table(con: duckdb.DuckDBPyConnection, name: str, rows: Iterable[Sequence[Any]]) -> None:
    """A control table with its declared types, filled through Arrow: row by row DuckDB takes 0.3 ms each."""
    import pyarrow as pa

    types = CONTROL_TABLES[name].types()
    columns = ", ".join(f'"{column}" {kind}' for column, kind in types.items())
    con.execute(f"create table control.{name} ({columns})")
    values = list(rows)
    if values:
        given = pa.table(dict(zip(types, (pa.array(column) for column in zip(*values, strict=True)), strict=True)))
        con.register("given", given)
        con.execute(f"insert into control.{name} select * from given")
        con.unregister("given")


def _reference(con: duckdb.DuckDBPyConnection, name: str) -> None:
    rows = reference.read(name)
    columns = ", ".join(f'"{column}"' for column in rows[0])
    values = ", ".join("(" + ", ".join(_sql_text(value) for value in row.values()) + ")" for row in rows)
    con.execute(f"create table reference.{name} as select * from (values {values}) as given({columns})")


@dataclass(frozen=True)
class DbtRun:
    """What came of one dbt invocation.

    results: models and tests in the order in which they ended. target: folder with `manifest.json` and
    `run_results.json` of this invocation.
    """

    results: tuple[NodeResult, ...]
    target: Path

    @property
    def failed(self) -> tuple[NodeResult, ...]:
        """Nodes that ended in an error and tests that found rows, warnings and skipped nodes not among them."""
        return tuple(result for result in self.results if result.status in ("error", "fail", "runtime error"))

    @property
    def warned(self) -> tuple[NodeResult, ...]:
        """Tests of severity warn that found rows."""
        return tuple(result for result in self.results if result.status == "warn")

    @property
    def succeeded(self) -> bool:
        """Whether every model was built and every test of severity error passed."""
        return not self.failed


def run_dbt(
    command: str,
    path: Path,
    work: Path,
    *,
    select: Sequence[str] = (),
    exclude: Sequence[str] = (),
    unit_tests: bool = False,
    project: Path = PROJECT,
) -> DbtRun:
    """Run one dbt command (`build`, `run`, `test`, `compile` …) on a prepared build file, in this process.

    work: folder for dbt's artifacts and logs, outside the repository. The same `path` and `work` every night keep the
    partial parse; another path costs a full parse. unit_tests: run dbt's unit tests too, which a night does not.

    A failed model or test is a result. Raises PermanentFailure when dbt could not even begin: a model does not parse, a
    selection names nothing.
    """
    from dbt.cli.main import dbtRunner

    from orchestration.models import read_manifest, read_results

    target = work / "target"
    arguments = [command, "--project-dir", str(project), "--profiles-dir", str(PROJECT)]
    arguments += ["--target-path", str(target), "--log-path", str(work / "logs")]
    arguments += ["--log-level", "none", "--no-version-check", "--no-use-colors", "--log-level-file", "info"]
    if select:
        arguments += ["--select", *select]
    if exclude:
        arguments += ["--exclude", *exclude]
    if command in ("build", "test") and not unit_tests:
        arguments += ["--exclude-resource-type", "unit_test"]
    with _environment(path):
        outcome = dbtRunner().invoke(arguments)
    _release(path)
    if outcome.exception is not None:
        raise PermanentFailure(
            f"dbt {command} could not run: {outcome.exception}",
            str(project),
            f"This is a fault in the project, not in the data; the log is in {work / 'logs'}.",
        ) from outcome.exception
    if command == "parse" or outcome.result is None:
        return DbtRun((), target)
    return DbtRun(tuple(read_results(target / "run_results.json", read_manifest(target / "manifest.json"))), target)


@contextmanager
def _environment(path: Path) -> Iterator[None]:
    """The build file's place, for as long as dbt runs."""
    before = os.environ.get(PATH_VARIABLE)
    os.environ[PATH_VARIABLE] = str(path.absolute())
    try:
        yield
    finally:
        if before is None:
            del os.environ[PATH_VARIABLE]
        else:
            os.environ[PATH_VARIABLE] = before


def _release(path: Path) -> None:
    """Close the adapter's connection, which dbt leaves open: the file must be free to be read, moved and replaced."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.factory import reset_adapters

    environment = DuckDBConnectionManager._ENV
    if environment is not None:
        environment.close()
        DuckDBConnectionManager.close_all_connections()
    reset_adapters()
    log.debug("dbt has let go of %s", path)
