"""dbt's own documentation as one file that needs no server. Does not belong here: what the descriptions say."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from orchestration import warehouse
from tests.support.warehouse import build, settings


@pytest.mark.slow
def test_the_documentation_is_one_file_with_every_published_mart(tmp_path: Path) -> None:
    from dbt.cli.main import dbtRunner

    built = build(tmp_path, [], settings({"shop": ["US"]}, tmp_path), as_of=date(2025, 1, 31), command="run")
    target = tmp_path / "docs"
    arguments = ["docs", "generate", "--static", "--project-dir", str(warehouse.PROJECT)]
    arguments += ["--profiles-dir", str(warehouse.PROJECT), "--target-path", str(target), "--log-level", "none"]
    with warehouse._environment(built.path):
        outcome = dbtRunner().invoke(arguments)
    warehouse._release(built.path)
    assert outcome.success, outcome.exception
    page = (target / "static_index.html").read_text(encoding="utf-8")
    for name in ("mart_asin_insights", "mart_dispute_desk", "control_panel", "critical_review_rate"):
        assert name in page
