"""The dbt project as a whole: it builds from nothing, keeps its layers, and says everything about what it publishes."""

from __future__ import annotations

import random
import re
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from data_contracts.metrics import registry
from data_contracts.reasons import _class_by_code, canonical_code
from orchestration import warehouse
from orchestration.models import read_manifest
from tests.support.warehouse import settings

#: what a layer may read, besides itself; ops accounts for all the others
MAY_READ = {
    "staging": set(),
    "intermediate": {"staging"},
    "core": {"staging", "intermediate"},
    "marts": {"core"},
    "ops": {"staging", "intermediate", "core", "marts"},
}
PUBLISHED_LAYERS = ("core", "marts", "ops")
#: the fact to which the others are attributed: written once, read by intermediate models too
READ_BY_INTERMEDIATE = "fct_order_lines"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("warehouse")


@pytest.fixture(scope="module")
def empty(home: Path) -> warehouse.DbtRun:
    """Everything, unit tests too, built on an empty lake."""
    path = home / warehouse.FILE_NAME
    given = settings({}, home)
    warehouse.prepare(path, bronze={}, pulls=[], quarantine={}, settings=given, as_of=date(2025, 1, 31))
    return warehouse.run_dbt("build", path, home / "dbt", unit_tests=True)


@pytest.fixture(scope="module")
def manifest(empty: warehouse.DbtRun) -> dict[str, Any]:
    return read_manifest(empty.target / "manifest.json")


def models(manifest: dict[str, Any], *layers: str) -> list[dict[str, Any]]:
    found = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    return [node for node in found if not layers or layer(node) in layers]


def layer(node: dict[str, Any]) -> str:
    return str(node["fqn"][1])


def test_an_empty_lake_builds_and_every_unit_test_passes(empty: warehouse.DbtRun) -> None:
    assert [(node.name, node.message) for node in empty.results if node.status not in ("success", "pass")] == []
    assert sum(node.kind == "unit_test" for node in empty.results) >= 20


def test_each_layer_reads_only_what_it_may(manifest: dict[str, Any]) -> None:
    wrong = []
    for node in models(manifest):
        for parent in node["depends_on"]["nodes"]:
            if parent.startswith("source."):
                if layer(node) != "staging":
                    wrong.append((node["name"], parent))
            elif layer(node) == "intermediate" and manifest["nodes"][parent]["name"] == READ_BY_INTERMEDIATE:
                continue
            elif layer(manifest["nodes"][parent]) not in {layer(node), *MAY_READ[layer(node)]}:
                wrong.append((node["name"], parent))
    assert wrong == []


def test_staging_is_one_view_per_source(manifest: dict[str, Any]) -> None:
    read = [parent for node in models(manifest, "staging") for parent in node["depends_on"]["nodes"]]
    assert sorted(read) == sorted(manifest["sources"])
    assert {node["config"]["materialized"] for node in models(manifest, "staging")} == {"view"}


def test_what_is_published_is_described_contracted_and_has_a_grain(manifest: dict[str, Any]) -> None:
    tested = {
        node["attached_node"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test" and (node["test_metadata"] or {}).get("name") == "unique_grain"
    }
    wrong = []
    for node in models(manifest, *PUBLISHED_LAYERS):
        silent = [name for name, column in node["columns"].items() if not column["description"]]
        if not node["description"] or silent:
            wrong.append((node["name"], "says nothing", silent))
        if not node["config"]["contract"]["enforced"]:
            wrong.append((node["name"], "no contract", []))
        if node["unique_id"] not in tested:
            wrong.append((node["name"], "no grain", []))
        if "as_of_date" not in node["columns"] and "published" in node["tags"]:
            wrong.append((node["name"], "no as_of_date", []))
    assert wrong == []
    assert not [node["name"] for node in models(manifest) if not node["description"]]


def test_published_columns_are_listed(manifest: dict[str, Any]) -> None:
    """The last select of a published model names its columns."""
    stars = [
        node["name"]
        for node in models(manifest, *PUBLISHED_LAYERS)
        if re.match(r"select\s+(\w+\.)?\*", node["raw_code"][node["raw_code"].rindex("\nselect") + 1 :])
        or re.match(r"select\s+(\w+\.)?\*\s+from", node["raw_code"])
    ]
    assert stars == []


def test_models_read_neither_clock_nor_variables(manifest: dict[str, Any]) -> None:
    clocks = re.compile(r"\b(current_date|current_timestamp|now\(|today\(|get_current_|run_started_at|var\(|env_var\()")
    assert [node["name"] for node in models(manifest) if clocks.search(node["raw_code"])] == []


def test_dialect_stays_in_dispatched_macros(manifest: dict[str, Any]) -> None:
    """Operations that differ between engines are reached through macros/dialect.sql alone."""
    dialect = re.compile(
        r"at time zone|date_diff|datediff|generate_series|\bunnest\(|string_agg|list_agg|\blist\(|to_json|::\w"
        r"|\barg_max|\barg_min|\bhash\(|\bhex\(|md5_number|\bstrftime|\bepoch|\bstruct_pack"
        r"|\bregexp_(?!replace_all|found|group)|\bjson_(?!text_list)"
    )
    found = [(node["name"], match.group()) for node in models(manifest) if (match := dialect.search(node["raw_code"]))]
    macros = [
        (macro["name"], match.group())
        for macro in manifest["macros"].values()
        if macro["package_name"] == "returnscope"
        and "default__" not in macro["name"]
        and "adapter.dispatch" not in macro["macro_sql"]
        and (match := dialect.search(re.sub(r"{#.*?#}", "", macro["macro_sql"], flags=re.DOTALL)))
    ]
    assert found + macros == []


def test_reason_codes_read_alike_in_python_and_sql(home: Path, empty: warehouse.DbtRun) -> None:
    letters = random.Random(7)
    codes = [
        *_class_by_code(),
        "",
        " ",
        "CR-",
        "AMZ-PG-",
        "CR-AMZ-PG-DEFECTIVE",
        "APP-",
        "x-APP-Y",
        "CR--CR-A",
        "ÄPP-é",
    ]
    codes += [f"{prefix}{code}" for code in _class_by_code() for prefix in ("CR-", "AMZ-PG-", " amz_pg-", "APP-", "--")]
    codes += ["".join(letters.choices("AMZPGCR_- appx9.", k=letters.randint(1, 14))) for _ in range(2000)]
    sql = _compiled(home, "select code, {{ canonical_code('code') }} as canonical from codes")
    with duckdb.connect() as con:
        con.execute("create table codes (code varchar)")
        con.executemany("insert into codes values (?)", [[code] for code in codes])
        found = con.execute(sql).fetchall()
    assert [(code, by_sql, canonical_code(code)) for code, by_sql in found if by_sql != canonical_code(code)] == []


def test_dim_date_knows_weeks_and_seasons(home: Path, empty: warehouse.DbtRun) -> None:
    with warehouse.connect(home / warehouse.FILE_NAME) as con:
        rows = con.execute(
            "select date, week, day_of_week, season_year, is_season_purchase, is_season_return from marts.dim_date "
            "where date in ('2024-10-31', '2024-11-01', '2024-12-31', '2025-01-31', '2025-02-01') order by date"
        ).fetchall()
        span = con.execute("select min(date), max(date), count(*) from marts.dim_date").fetchone()
    assert rows == [
        (date(2024, 10, 31), date(2024, 10, 28), 4, None, False, False),
        (date(2024, 11, 1), date(2024, 10, 28), 5, 2024, True, True),
        (date(2024, 12, 31), date(2024, 12, 30), 2, 2024, True, True),
        (date(2025, 1, 31), date(2025, 1, 27), 5, 2024, False, True),
        (date(2025, 2, 1), date(2025, 1, 27), 6, None, False, False),
    ]
    first, last = date(1995, 1, 1), date(2026, 2, 1)
    assert span == (first, last, (last - first).days + 1)


def _compiled(home: Path, inline: str) -> str:
    """SQL that dbt makes of a template."""
    from dbt.cli.main import dbtRunner

    with warehouse._environment(home / warehouse.FILE_NAME):
        outcome = dbtRunner().invoke([
            "compile", "--inline", inline, "--quiet", "--project-dir", str(warehouse.PROJECT),
            "--profiles-dir", str(warehouse.PROJECT), "--target-path", str(home / "dbt" / "target"),
            "--log-path", str(home / "dbt" / "logs"),
        ])  # fmt: skip
    warehouse._release(home)
    assert outcome.success, outcome.exception
    return str(outcome.result.results[0].node.compiled_code)


def test_the_semantic_layer_is_parsed_as_declared(manifest: dict[str, Any]) -> None:
    declared = registry()
    found = {node["name"]: node for node in manifest["metrics"].values()}
    for metric in declared.metrics:
        if metric.measure:
            assert found[metric.name]["type"] == ("ratio" if metric.per else "simple")
            assert found[metric.name]["config"]["meta"]["mart_column"] == metric.column
    models = {node["name"]: node for node in manifest["semantic_models"].values()}
    assert {name: {m["name"] for m in node["measures"]} for name, node in models.items()} == {
        model.name: {measure.name for measure in model.measures} for model in declared.semantic_models
    }


def test_every_mart_has_a_reader(manifest: dict[str, Any]) -> None:
    """A new mart is named in models/exposures.yml, or nobody looks at it."""
    read = {name.rsplit(".", 1)[1] for node in manifest["exposures"].values() for name in node["depends_on"]["nodes"]}
    assert {node["name"] for node in models(manifest, "marts")} - read == set()
    assert {"control_panel", "bi"} <= {node["name"] for node in manifest["exposures"].values()}
