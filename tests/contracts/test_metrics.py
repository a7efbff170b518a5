"""The metric registry: complete, in agreement with the marts, and refused where it contradicts itself.

Does not belong here: whether generated files are up to date (test_generated.py), what dbt makes of them (tests/dbt).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import yaml

from data_contracts import metrics
from data_contracts.registry import all_feeds

MODELS = Path(__file__).resolve().parents[2] / "dbt_project" / "models"
#: marts whose rows are no figures of their own: alerts repeat those of the others
WITHOUT_METRICS = {"mart_alerts"}


@cache
def columns() -> dict[str, set[str]]:
    """Declared columns by model; enforced contracts make them those of the tables."""
    found = {}
    for path in MODELS.rglob("*.yml"):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            found[model["name"]] = {column["name"] for column in model.get("columns", [])}
    return found


@pytest.mark.parametrize("metric", metrics.registry().metrics, ids=lambda metric: metric.name)
def test_a_metric_names_a_column_and_feeds_that_exist(metric: metrics.Metric) -> None:
    assert metric.column.partition(".")[2] in columns()[metric.mart]
    assert metric.feeds
    assert set(metric.feeds) <= set(all_feeds())
    assert all((metric.en, metric.zh, metric.formula, metric.grain, metric.basis))
    assert any("\u4e00" <= letter <= "\u9fff" for letter in metric.zh)
    assert bool(metric.per) <= bool(metric.denominator)


def test_every_mart_has_a_metric() -> None:
    marts = {name for name in columns() if name.startswith("mart_")}
    assert marts - {metric.mart for metric in metrics.registry().metrics} == WITHOUT_METRICS


def test_measures_and_dimensions_stand_on_columns() -> None:
    found = columns()
    for model in metrics.registry().semantic_models:
        assert {model.time, *model.dimensions} <= found[model.model], model.name


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('name = "cohort_return_rate"', 'name = "return_rate"', "two metrics are called return_rate"),
        ('section = "reasons"', 'section = "raisins"', "section 'raisins', which there is not"),
        ('per = "units_shipped"', 'per = "units_sold"', "measure 'units_sold', which there is not"),
    ],
)
def test_contradictions_are_refused(
    old: str, new: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = metrics._FILE.read_text(encoding="utf-8")
    assert old in text
    spoilt = tmp_path / "metrics.toml"
    spoilt.write_text(text.replace(old, new, 1), encoding="utf-8")
    monkeypatch.setattr(metrics, "_FILE", spoilt)
    with pytest.raises(ValueError, match=why):
        metrics.registry.__wrapped__()
