"""What dbt says of its models and of a run: which tables are published, their contract, which tests failed.

Belongs here: reading `manifest.json` and `run_results.json`. Does not belong: running dbt (`warehouse.py`), judging
results (`audit.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: tag of the models that readers get
PUBLISHED_TAG = "published"


@dataclass(frozen=True)
class PublishedModel:
    """A model that is published: its table, key, and columns with their contract.

    columns: name to description. types: name to the contract's type. required: columns that are never NULL.
    """

    name: str
    relation: str
    description: str
    key: tuple[str, ...]
    columns: dict[str, str]
    types: dict[str, str]
    required: frozenset[str]


@dataclass(frozen=True)
class NodeResult:
    """What came of one model or test; `sql` is the compiled query of a test, its rows are the failing ones."""

    name: str
    kind: str
    status: str
    message: str
    failures: int
    sql: str | None
    tested: str | None

    @property
    def is_constraint(self) -> bool:
        """Whether a model failed because its rows break its contract, which is for the audit to report."""
        return self.kind == "model" and self.status == "error" and "Constraint Error" in self.message


def read_manifest(path: Path) -> dict[str, Any]:
    """dbt's manifest."""
    values: dict[str, Any] = json.loads(path.read_bytes())
    return values


def published_models(manifest: dict[str, Any]) -> list[PublishedModel]:
    """Published models by name."""
    nodes = manifest["nodes"].values()
    grains = _grains(nodes)
    return sorted(
        (
            _published(node, grains.get(node["unique_id"], ()))
            for node in nodes
            if node["resource_type"] == "model" and PUBLISHED_TAG in node["tags"]
        ),
        key=lambda model: model.name,
    )


def _grains(nodes: Iterable[dict[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Columns that tests prove unique together, by model: `unique_grain` and dbt's own `unique`."""
    found: dict[str, tuple[str, ...]] = {}
    for node in nodes:
        test = node.get("test_metadata") or {}
        if test.get("name") == "unique_grain":
            found[node["attached_node"]] = tuple(test["kwargs"]["columns"])
        elif test.get("name") == "unique":
            found.setdefault(node["attached_node"], (test["kwargs"]["column_name"],))
    return found


def _published(node: dict[str, Any], key: tuple[str, ...]) -> PublishedModel:
    columns = node["columns"]
    constraints = {
        name: {constraint["type"] for constraint in column.get("constraints") or ()} for name, column in columns.items()
    }
    return PublishedModel(
        name=node["name"],
        relation=f'"{node["database"]}"."{node["schema"]}"."{node["alias"]}"',
        description=node["description"],
        key=key,
        columns={name: column["description"] for name, column in columns.items()},
        types={name: column["data_type"] or "" for name, column in columns.items()},
        required=frozenset(name for name, types in constraints.items() if {"not_null", "primary_key"} & types),
    )


def read_results(run_results: Path, manifest: dict[str, Any]) -> list[NodeResult]:
    """Results of a dbt invocation, in the order in which they came; exposures, which nothing runs, are none."""
    nodes = manifest["nodes"]
    found = []
    for result in json.loads(run_results.read_bytes())["results"]:
        if result["unique_id"].startswith("exposure."):
            continue
        node = nodes.get(result["unique_id"], {})
        attached = node.get("attached_node")
        found.append(
            NodeResult(
                name=node.get("name", result["unique_id"]),
                kind=node.get("resource_type", result["unique_id"].partition(".")[0]),
                status=str(result["status"]),
                message=result.get("message") or "",
                failures=result.get("failures") or 0,
                sql=result.get("compiled_code"),
                tested=nodes[attached]["name"] if attached in nodes else None,
            )
        )
    return found
