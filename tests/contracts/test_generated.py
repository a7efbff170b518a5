"""Generated files are up to date and say what the registry says. Does not belong here: whether dbt accepts them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from data_contracts import generate, reference
from data_contracts.control import CONTROL_TABLES
from data_contracts.registry import all_feeds


def test_generated_files_are_up_to_date() -> None:
    assert generate.stale() == [], "run: python -m data_contracts.generate"


def test_sources_hold_every_physical_column_in_order() -> None:
    sources = {s["name"]: s for s in yaml.safe_load(generate.sources_yaml(all_feeds()))["sources"]}
    assert set(sources) == {"bronze", "control", "reference"}
    found = {
        table["name"]: {column["name"]: column["data_type"] for column in table["columns"]}
        for table in sources["bronze"]["tables"]
    }
    assert {name: list(types.items()) for name, types in found.items()} == {
        name: list(feed.physical().items()) for name, feed in all_feeds().items()
    }
    assert [table["name"] for table in sources["control"]["tables"]] == list(CONTROL_TABLES)
    assert [table["name"] for table in sources["reference"]["tables"]] == list(reference.tables())
    described = [c["description"] for t in sources["bronze"]["tables"] for c in t["columns"]]
    assert all(described)


@pytest.mark.parametrize("name", list(all_feeds()))
def test_keys_are_physical_columns(name: str) -> None:
    feed = all_feeds()[name]
    for names in (feed.key, feed.fallback_key, feed.identity):
        assert set(generate.key_columns(feed, names)) <= set(feed.physical())
    assert feed.event is None or f"{feed.event}_day" in feed.physical()


def test_writing_makes_fresh_and_removes_pages_of_gone_feeds(tmp_path: Path) -> None:
    gone = tmp_path / generate.PAGES / "no_such_feed.md"
    gone.parent.mkdir(parents=True)
    gone.write_text("old")
    assert gone.relative_to(tmp_path) in generate.stale(tmp_path)
    generate.write(tmp_path)
    assert not gone.exists()
    assert generate.stale(tmp_path) == []
    assert generate.write(tmp_path) == []
