"""The models as dbt sees them: their unit tests pass, an empty lake builds, every column is described and typed.

Belongs here: what holds of every model alike. Does not belong: what a model computes (its own unit tests say it).
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.support.warehouse import Warehouse, build, settings


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse without a single delivery, built with data tests and unit tests."""
    home: Path = tmp_path_factory.mktemp("empty")
    return build(home, [], settings({"shop": ("US",)}, home), as_of=date(2026, 1, 20), unit_tests=True)


@pytest.fixture(scope="module")
def manifest(empty: Warehouse) -> dict[str, Any]:
    """dbt's manifest of that build."""
    loaded: dict[str, Any] = json.loads((empty.run.target / "manifest.json").read_text())
    return loaded


def test_every_unit_test_and_data_test_passes(empty: Warehouse, manifest: dict[str, Any]) -> None:
    assert empty.run.succeeded, [f"{node.name}: {node.message}" for node in empty.run.failed]
    ran = json.loads((empty.run.target / "run_results.json").read_text())["results"]
    unit_tests = [result for result in ran if result["unique_id"].startswith("unit_test.")]
    assert len(unit_tests) == len(manifest["unit_tests"]) >= 25


def test_an_empty_lake_gives_empty_marts(empty: Warehouse) -> None:
    filled = {name: rows for name, rows in empty.tables("marts").items() if rows}
    assert filled == {}


def test_every_mart_is_described_typed_tested_and_has_a_unit_test(manifest: dict[str, Any]) -> None:
    marts = {
        node["name"]: node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == "marts"
    }
    assert len(marts) == 12 - 1  # twelve of the design, of which fct_returns is core
    for name, node in marts.items():
        assert node["config"]["contract"]["enforced"], name
        assert "published" in node["config"]["tags"], name
        assert node["description"], name
        for column in node["columns"].values():
            assert column["description"], (name, column["name"])
            assert column["data_type"], (name, column["name"])
        assert {"as_of_date", "store", "marketplace"} <= set(node["columns"]), name
    tested = {model for test in manifest["unit_tests"].values() for model in [test["model"]]}
    assert set(marts) <= tested
    assert {f"{name}_grain" for name in marts} <= {node["name"] for node in manifest["nodes"].values()}
