"""The Superset bundle agrees with the marts: its columns are there, its queries run, the zip is what Superset reads."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from bi.superset import bundle
from tests.support.panel_marts import contracts, write_marts


@pytest.fixture(scope="module")
def marts(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(str(write_marts(tmp_path_factory.mktemp("marts") / "marts.duckdb")), read_only=True)
    con.execute("use marts.marts")
    return con


def _statement(chart: bundle.Chart) -> str:
    """What Superset makes of a chart, near enough."""
    metrics = {metric.name: metric.expression for metric in bundle.METRICS[chart.table]}
    shown = [*chart.raw, *chart.by, *(f"{metrics[name]} as {name}" for name in chart.metrics)]
    wanted = [f"{column} = {_literal(value)}" for column, value in chart.equal]
    wanted += [f"{column} <> {_literal(value)}" for column, value in chart.unequal]
    wanted += [f"{column} is not null" for column in chart.known]
    grouped = f" group by {', '.join(chart.by)}" if chart.by else ""
    ordered = f" order by {chart.order[0]} {'asc' if chart.order[1] else 'desc'}" if chart.order else ""
    return f"select {', '.join(shown)} from {chart.table} where {' and '.join(wanted) or 'true'}{grouped}{ordered}"


def _literal(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


@pytest.mark.parametrize("chart", bundle.CHARTS, ids=lambda chart: chart.name)
def test_every_chart_has_its_columns_and_rows(chart: bundle.Chart, marts: duckdb.DuckDBPyConnection) -> None:
    assert marts.execute(_statement(chart)).fetchall()


def test_every_chart_is_on_the_dashboard_once_and_rows_are_as_wide_as_the_grid() -> None:
    files = bundle.files()
    placed = [
        part["meta"]["uuid"]
        for part in files["dashboards/returns.yaml"]["position"].values()
        if isinstance(part, dict) and part["type"] == "CHART"
    ]
    charts = [content["uuid"] for name, content in files.items() if name.startswith("charts/")]
    assert sorted(placed) == sorted(charts) and len(set(charts)) == len(bundle.CHARTS)
    assert {sum(chart.width for chart in row) for row in bundle.ROWS} == {12}
    datasets = {content["uuid"] for name, content in files.items() if name.startswith("datasets/")}
    assert {content["dataset_uuid"] for name, content in files.items() if name.startswith("charts/")} <= datasets
    for chart in bundle.CHARTS:
        known = {metric.name for metric in bundle.METRICS[chart.table]}
        assert set(chart.metrics) <= known


def test_datasets_carry_the_columns_types_and_descriptions_of_the_marts() -> None:
    for table in bundle.METRICS:
        dataset = bundle.files()[f"datasets/returnscope/{table}.yaml"]
        assert dataset["description"]
        assert [column["column_name"] for column in dataset["columns"]] == list(contracts()[table])
        assert all(column["description"] and "{{" not in column["description"] for column in dataset["columns"])


def test_no_chart_adds_amounts_of_several_currencies() -> None:
    money = {"refund_amount_sum", "gross_sales_sum", "total_cost_sum"}
    for chart in bundle.CHARTS:
        if money & set(chart.metrics):
            assert "currency" in chart.by and "currency" in chart.known, chart.name


def test_the_zip_is_what_superset_reads_and_holds_the_address_it_was_given(tmp_path: Path) -> None:
    target = tmp_path / "returnscope.zip"
    assert bundle.main([str(target), "--uri", "postgresql+psycopg2://bi@db.example/returns"]) == 0
    with zipfile.ZipFile(target) as opened:
        contents = {name: yaml.safe_load(opened.read(name)) for name in opened.namelist()}
    assert contents["returnscope/metadata.yaml"]["type"] == "Dashboard"
    assert contents["returnscope/databases/returnscope.yaml"]["sqlalchemy_uri"].endswith("@db.example/returns")
    for name, content in contents.items():
        if "/charts/" in name:
            (query,) = json.loads(content["query_context"])["queries"]
            assert query["columns"] or query["metrics"]
        assert "{{" not in str(content), name
