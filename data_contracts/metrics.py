"""What each number means: the declarations of `metrics.toml`, read and checked.

Belongs here: the form of a declaration, and the two files that are rendered from it (the page docs/metrics.md, the
semantic models of dbt). Does not belong: formulas in SQL (they are dbt macros), whether a column exists (a test asks
dbt's manifest).
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("metrics.toml")


@dataclass(frozen=True)
class Metric:
    """One number. column: `mart.column` where it stands. numerator, denominator: in words, blank where it is no rate.

    measure, per: measures of a semantic model; a metric with `per` is their ratio. differs: why Amazon's page shows
    another number.
    """

    name: str
    section: str
    en: str
    zh: str
    formula: str
    grain: str
    basis: str
    feeds: tuple[str, ...]
    column: str
    numerator: str = ""
    denominator: str = ""
    differs: str = ""
    measure: str = ""
    per: str = ""

    @property
    def mart(self) -> str:
        """Name of the mart."""
        return self.column.partition(".")[0]


@dataclass(frozen=True)
class Measure:
    """What a semantic model sums: an SQL expression over one row of its mart."""

    name: str
    agg: str
    expr: str


@dataclass(frozen=True)
class SemanticModel:
    """A mart as dbt's semantic layer sees it; `time` is the column that its rows are dated by."""

    name: str
    model: str
    description: str
    time: str
    dimensions: tuple[str, ...]
    measures: tuple[Measure, ...]
    granularity: str = "day"


@dataclass(frozen=True)
class Section:
    """A part of the page: its metrics, and what holds for all of them."""

    name: str
    title: str
    text: str = ""


@dataclass(frozen=True)
class Registry:
    """All declarations."""

    intro: str
    sections: tuple[Section, ...]
    metrics: tuple[Metric, ...]
    semantic_models: tuple[SemanticModel, ...] = field(default=())

    @property
    def measures(self) -> dict[str, tuple[SemanticModel, Measure]]:
        """Every measure by name, with its model."""
        return {m.name: (model, m) for model in self.semantic_models for m in model.measures}


@cache
def registry() -> Registry:
    """The declarations. Raises ValueError where two contradict each other, TypeError for a key that is not known."""
    with _FILE.open("rb") as file:
        values = tomllib.load(file)
    models = []
    for name, model in values["semantic_models"].items():
        measures = tuple(Measure(measure, **given) for measure, given in model.pop("measures").items())
        models.append(SemanticModel(name, measures=measures, dimensions=tuple(model.pop("dimensions")), **model))
    found = Registry(
        values["page"]["text"].strip(),
        tuple(Section(**given) for given in values["sections"]),
        tuple(Metric(**{**given, "feeds": tuple(given["feeds"])}) for given in values["metrics"]),
        tuple(models),
    )
    _check(found)
    return found


def _check(found: Registry) -> None:
    names = [metric.name for metric in found.metrics]
    sections = {section.name for section in found.sections}
    for metric in found.metrics:
        if names.count(metric.name) > 1:
            raise ValueError(f"{_FILE.name}: two metrics are called {metric.name}")
        if metric.section not in sections:
            raise ValueError(f"{_FILE.name}: {metric.name} stands in section {metric.section!r}, which there is not")
        for measure in (metric.measure, metric.per):
            if measure and measure not in found.measures:
                raise ValueError(f"{_FILE.name}: {metric.name} rests on measure {measure!r}, which there is not")


def page(found: Registry, notice: str) -> str:
    """The page for people, Markdown."""
    parts = ["# What each number means", f"<!-- {notice} -->", found.intro]
    for section in found.sections:
        metrics = [metric for metric in found.metrics if metric.section == section.name]
        parts.append(f"## {section.title}")
        if metrics:
            parts.append("\n".join(_table(metrics)))
        if section.text.strip():
            parts.append(section.text.strip())
        if differing := [metric for metric in metrics if metric.differs]:
            lines = ["Why Amazon's page differs:", ""]
            parts.append("\n".join(lines + [f"- {metric.en}: {metric.differs}" for metric in differing]))
    return "\n\n".join(parts) + "\n"


def _table(metrics: list[Metric]) -> list[str]:
    rows = ["| metric | formula | above the line | below the line | per | counted on | feeds | column |"]
    rows.append("|---|---|---|---|---|---|---|---|")
    for metric in metrics:
        feeds = ", ".join(f"`{feed}`" for feed in metric.feeds)
        cells = (
            f"{metric.en}<br>{metric.zh}", metric.formula, metric.numerator, metric.denominator, metric.grain,
            metric.basis, feeds, f"`{metric.column}`",
        )  # fmt: skip
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return rows


def semantic_yaml(found: Registry, notice: str) -> str:
    """The semantic models and metrics that dbt parses."""
    models: list[dict[str, Any]] = []
    for model in found.semantic_models:
        # columns may be called as dbt's own words are (`month`), so the time has a name of its own
        time = {
            "name": "happened_on",
            "type": "time",
            "expr": model.time,
            "type_params": {"time_granularity": model.granularity},
        }
        models.append({
            "name": model.name,
            "description": model.description,
            "model": f"ref('{model.model}')",
            "defaults": {"agg_time_dimension": "happened_on"},
            # rows have no key of one column, and nothing is joined: an entity that every row has to itself
            "primary_entity": f"{model.name}_row",
            "dimensions": [time, *({"name": name, "type": "categorical"} for name in model.dimensions)],
            "measures": [{"name": m.name, "agg": m.agg, "expr": m.expr} for m in model.measures],
        })  # fmt: skip
    metrics = []
    for metric in found.metrics:
        if not metric.measure:
            continue
        params: dict[str, Any] = {"measure": metric.measure}
        if metric.per:
            params = {"numerator": f"{metric.measure}_total", "denominator": f"{metric.per}_total"}
        metrics.append({
            "name": metric.name,
            "label": metric.en,
            "description": metric.formula,
            "type": "ratio" if metric.per else "simple",
            "type_params": params,
            "config": {"meta": {"label_zh": metric.zh, "mart_column": metric.column}},
        })  # fmt: skip
    halves = sorted({half for metric in found.metrics if metric.per for half in (metric.measure, metric.per)})
    metrics += [
        {"name": f"{half}_total", "label": f"Sum of {half}", "description": "A side of a ratio.", "type": "simple",
         "type_params": {"measure": half}}
        for half in halves
    ]  # fmt: skip
    lines = _yaml({"version": 2, "semantic_models": models, "metrics": metrics})
    return "\n".join([f"# {notice}", *lines]) + "\n"


def _yaml(values: Mapping[str, Any]) -> Iterator[str]:
    """Block style for mappings and lists of mappings; texts quoted as JSON, which YAML reads."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield f"{name}:"
            yield from (f"  {line}" for line in _yaml(value))
        elif isinstance(value, list):
            yield f"{name}:"
            for item in value:
                yield from (f"  {'  ' if place else '- '}{line}" for place, line in enumerate(_yaml(item)))
        else:
            yield f"{name}: {json.dumps(value, ensure_ascii=False)}"
