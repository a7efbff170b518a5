"""The build file and the way in which dbt is called."""

from __future__ import annotations

import os
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest

from data_contracts.control import CONTROL_TABLES
from data_contracts.registry import all_feeds
from data_contracts.settings import SettingsError
from ingestion.failures import PermanentFailure
from orchestration import warehouse
from tests.support.warehouse import settings

AS_OF = date(2025, 1, 31)


def prepare(home: Path, given: dict[str, Path] | None = None, files: dict[str, list[Path]] | None = None) -> Path:
    path = home / warehouse.FILE_NAME
    chosen = settings({"b": ["US", "CA"], "a": ["JP"]}, home, **(given or {}))
    warehouse.prepare(path, bronze=files or {}, pulls=[], quarantine={}, settings=chosen, as_of=AS_OF)
    return path


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as con:
        return con.execute(sql).fetchall()


def test_sources_have_the_declared_columns_and_types(tmp_path: Path) -> None:
    path = prepare(tmp_path)
    found: dict[str, dict[str, str]] = {}
    for schema, table, column, kind in query(
        path,
        "select table_schema, table_name, column_name, lower(data_type) from information_schema.columns "
        "where table_schema in ('bronze', 'control') order by ordinal_position",
    ):
        found.setdefault(f"{schema}.{table}", {})[str(column)] = str(kind)
    expected = {f"bronze.{name}": feed.physical() for name, feed in all_feeds().items()}
    expected |= {f"control.{name}": table.types() for name, table in CONTROL_TABLES.items()}
    assert found == expected


def test_a_run_is_one_row_and_stores_keep_their_order(tmp_path: Path) -> None:
    path = prepare(tmp_path)
    assert query(path, "select as_of_date, known_by, lookback_days from control.run") == [(AS_OF, None, 90)]
    assert query(path, "select store, marketplace, position from control.stores order by store, position") == [
        ("a", "JP", 1),
        ("b", "US", 1),
        ("b", "CA", 2),
    ]


@pytest.mark.parametrize("files", [1, 2])
def test_files_may_have_any_name(tmp_path: Path, files: int) -> None:
    folder = tmp_path / "it's [a] *lake?*"
    folder.mkdir()
    paths = [folder / f"{number}.parquet" for number in range(files)]
    columns = ", ".join(f'null::{kind} as "{name}"' for name, kind in all_feeds()["listings"].physical().items())
    for path in paths:
        duckdb.execute(f"copy (select {columns}) to '{str(path).replace(chr(39), chr(39) * 2)}' (format parquet)")
    assert query(prepare(tmp_path, files={"listings": paths}), "select count(*) from bronze.listings") == [(files,)]


def test_the_file_is_made_afresh(tmp_path: Path) -> None:
    prepare(tmp_path)
    assert query(prepare(tmp_path), "select count(*) from control.run") == [(1,)]
    with pytest.raises(ValueError, match=r"warehouse\.duckdb"):
        warehouse.prepare(
            tmp_path / "other.duckdb", bronze={}, pulls=[], quarantine={}, settings=settings({}, tmp_path), as_of=AS_OF
        )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("day,currency,rate\n2025-01-01,EUR,1.1\n", "has no column reporting_currency"),
        ("day,currency,reporting_currency,rate\n2025-01-01,EUR,USD,1.1\n01/02/2025,EUR,USD,1.1\n", "line 3"),
        ('day,currency,reporting_currency,rate\n2025-01-01,EUR,USD,"1,1"\n', "line 2"),
        ("day,currency,reporting_currency,rate\n2025-01-01,EUR,USD,-1\n", "above 0"),
        ("day,currency,reporting_currency,rate\n2025-01-01,EUR,USD,nan\n", "above 0"),
    ],
)
def test_a_wrong_file_of_rates_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    rates = tmp_path / "rates.csv"
    rates.write_text(text)
    with pytest.raises(SettingsError, match=message) as raised:
        prepare(tmp_path, {"fx_rates": rates})
    assert "rates.csv" in str(raised.value)


def test_rates_and_categories_are_read_as_the_user_wrote_them(tmp_path: Path) -> None:
    rates, categories = tmp_path / "rates.csv", tmp_path / "categories.csv"
    rates.write_text("\ufeffday,currency,reporting_currency,rate\n2025-01-01, eur ,usd,1.08455\n")
    categories.write_text("asin,category\n0312345678,Books\n")
    path = prepare(tmp_path, {"fx_rates": rates, "categories": categories})
    assert query(path, "select currency, reporting_currency, rate::varchar from control.fx_rates") == [
        ("EUR", "USD", "1.08455000")
    ]
    assert query(path, "from control.categories") == [(None, "0312345678", "Books")]
    categories.write_text("asin,category\n,Books\n")
    with pytest.raises(SettingsError, match="line 2"):
        prepare(tmp_path, {"categories": categories})
    with pytest.raises(SettingsError, match="cannot be read"):
        prepare(tmp_path, {"categories": tmp_path / "missing.csv"})


def test_dbt_leaves_environment_and_file_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(warehouse.PATH_VARIABLE, "kept")
    monkeypatch.chdir(tmp_path)
    path = prepare(tmp_path)
    run = warehouse.run_dbt("run", path, tmp_path / "dbt", select=["stg_run", "dim_run"])
    assert [(result.name, result.status) for result in run.results] == [("stg_run", "success"), ("dim_run", "success")]
    assert os.environ[warehouse.PATH_VARIABLE] == "kept"
    assert {item.name for item in tmp_path.iterdir()} == {warehouse.FILE_NAME, warehouse.PUBLISHED_NAME, "dbt"}
    for name in (warehouse.FILE_NAME, warehouse.PUBLISHED_NAME):  # nobody holds them
        (tmp_path / name).rename(tmp_path / f"moved-{name}")
    moved = tmp_path / f"moved-{warehouse.PUBLISHED_NAME}"
    assert query(moved, "select as_of_date from marts.dim_run") == [(AS_OF,)]


def test_failed_tests_are_results_and_a_project_that_does_not_begin_is_a_failure(tmp_path: Path) -> None:
    path = prepare(tmp_path)
    with duckdb.connect(str(path)) as con:
        con.execute("insert into control.run select * from control.run")
    run = warehouse.run_dbt("build", path, tmp_path / "dbt", select=["stg_run", "dim_run"])
    assert not run.succeeded
    assert [(result.name, result.kind, result.failures) for result in run.failed] == [("dim_run_grain", "test", 1)]
    with pytest.raises(PermanentFailure, match="no_such_model"):
        warehouse.run_dbt("build", path, tmp_path / "dbt", select=["no_such_model"])


def test_the_moment_of_known_by_is_kept(tmp_path: Path) -> None:
    moment = datetime.fromisoformat("2025-02-01T06:30:00+02:00")
    path = tmp_path / warehouse.FILE_NAME
    warehouse.prepare(
        path,
        bronze={},
        pulls=[],
        quarantine={},
        settings=settings({}, tmp_path),
        as_of=date(2025, 6, 1),
        known_by=moment,
    )
    assert query(path, "select known_by = timestamptz '2025-02-01 04:30:00+00', lookback_days from control.run") == [
        (True, 35)
    ]
