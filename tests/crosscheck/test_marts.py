"""The marts of dbt and those of plain pandas are the same, on simulated worlds of several seeds and on real files.

Does not belong here: the formulas (formulas.py).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ingestion.simulator import SimStore, World, nightly_deliveries
from orchestration.warehouse import connect
from tests.crosscheck.formulas import JSON_COLUMNS, MARTS, OPEN, Row, Tables
from tests.golden.nights import Night, build
from tests.support.installation import Installation

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
NORTH = {"us": SimStore("na", ("US", "CA"))}
ABROAD = {"eu": SimStore("eu", ("DE", "UK")), "jp": SimStore("fe", ("JP",))}

#: seeds that the golden worlds do not use
WORLDS = {
    "autumn": World(101, 5, date(2026, 11, 20), asins=8, stores=NORTH, scale=2.0, oddities=8.0, history_days=40),
    "january": World(202, 4, date(2026, 1, 25), asins=6, stores=NORTH, scale=2.0, oddities=6.0, history_days=95),
    "abroad": World(303, 4, date(2026, 5, 3), asins=7, stores=ABROAD, scale=2.0, oddities=8.0, history_days=60),
}


def tables_of(path: Path) -> Tables:
    """Every table of a warehouse by its name, as Python objects."""
    with connect(path) as con:
        found = con.execute(
            "select table_schema, table_name from information_schema.tables where table_schema in ('core', 'marts')"
        ).fetchall()
        tables = {}
        for schema, name in found:
            rows = con.execute(f'select * from "{schema}"."{name}"')
            columns = [column[0] for column in rows.description or ()]
            tables[name] = pd.DataFrame(rows.fetchall(), columns=columns, dtype=object)
    return Tables(tables)


def assert_equal(name: str, tables: Tables) -> int:
    """dbt's mart has the rows and the values of pandas; how many rows were compared."""
    keys, formula = MARTS[name]
    expected = {tuple(row[key] for key in keys): row for row in formula(tables)}
    actual = {tuple(row[key] for key in keys): row for row in tables[name].to_dict("records")}
    if name in OPEN:
        actual = {key: row for key, row in actual.items() if key in expected}
    assert actual.keys() == expected.keys(), (
        f"{name}: only dbt {sorted(map(str, actual.keys() - expected.keys()))[:3]}, "
        f"only pandas {sorted(map(str, expected.keys() - actual.keys()))[:3]}"
    )
    wrong = [
        (key, column, actual[key][column], value)
        for key, row in expected.items()
        for column, value in row.items()
        if not same(column, actual[key][column], value)
    ]
    assert not wrong, f"{name}: {len(wrong)} values differ (key, column, dbt, pandas): {wrong[:4]}"
    return len(expected)


def same(column: str, actual: Any, expected: Any) -> bool:
    """Counts, amounts, days and words are equal; quotients to nine decimals."""
    if column in JSON_COLUMNS:
        return JSON_COLUMNS[column](actual) == expected
    if actual is None or expected is None:
        return actual is expected
    if isinstance(expected, float):
        return bool(actual == pytest.approx(expected, abs=2e-9))
    return bool(actual == expected)


@pytest.fixture(scope="module")
def dbt_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dbt")


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=[] if name == "autumn" else pytest.mark.slow) for name in WORLDS],
)
def night(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, dbt_folder: Path) -> Night:
    world = WORLDS[request.param]
    return build(world, tmp_path_factory.mktemp(request.param), dbt_folder, list(nightly_deliveries(world)))


@pytest.fixture(scope="module")
def simulated(night: Night) -> Tables:
    return tables_of(night.warehouse)


@pytest.mark.parametrize("mart", MARTS)
def test_simulated_worlds(mart: str, simulated: Tables) -> None:
    rows = assert_equal(mart, simulated)
    assert rows or mart == "mart_holiday_returns"  # one world lies outside of any season


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    if not DATA.is_dir():
        pytest.skip("the real reports are not beside the repository")
    config = (
        '[stores.india]\nregion = "eu"\nmarketplaces = ["IN"]\n[stores.shop]\nregion = "na"\nmarketplaces = ["US"]\n'
    )
    here = Installation(tmp_path_factory.mktemp("real"), config)
    here.run("ingest", DATA / "orders/amazon_in_orders_24col_dev.csv", "--store", "india")
    here.run("ingest", DATA / "reviews/all_beauty_5core_dev.jsonl.gz", "--store", "shop")
    here.run("run", "--as-of", "2022-04-30")
    return tables_of(here.home / "warehouse" / "warehouse.duckdb")


@pytest.mark.real_data
@pytest.mark.parametrize("mart", MARTS)
def test_real_files(mart: str, real: Tables) -> None:
    assert_equal(mart, real)


def test_rows_are_compared_in_both_directions() -> None:
    """The comparison itself fails where it must."""
    row: Row = {"store": "s", "marketplace": "US", "asin": "A", "sku": "K"}
    assert not same("units", 1, 2)
    assert not same("rate", None, 0.0)
    assert not same("rate", 0.1, 0.1 + 1e-8)
    assert same("rate", 0.1, 0.1 + 1e-10)
    with pytest.raises(KeyError):
        assert_equal("mart_inventory", Tables({"mart_inventory": pd.DataFrame([row])}))
