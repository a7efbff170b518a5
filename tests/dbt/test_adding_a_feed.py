"""Adding a feed to the warehouse is a declaration and a staging model: nothing else has to know of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from data_contracts import feeds, generate, registry
from orchestration import warehouse
from tests.support.warehouse import Delivery, build, order, settings

DECLARATION = '''
"""Storage fees."""

from data_contracts.feed import Column, Feed, Kind, Merge

FEED = Feed(
    name="storage_fees",
    title="Storage fees",
    description="Monthly storage fees by ASIN.",
    merge=Merge.KEYED,
    key=("asin", "charged_on"),
    event="charged_on",
    columns=(Column("charged_on", Kind.MOMENT), Column("asin"), Column("fee", Kind.MONEY)),
)
'''
STAGING = """
select
    _store as store,
    _delivery_id as delivery_id,
    _line_number as line_number,
    charged_on_day,
    asin,
    fee
from {{ source('bronze', 'storage_fees') }}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the dbt project to which a feed has been added by its two files, and the generator run."""
    folder = tmp_path / "feeds"
    folder.mkdir()
    (folder / "storage_fees.py").write_text(DECLARATION)
    monkeypatch.setattr(feeds, "__path__", [*feeds.__path__, str(folder)])
    registry.all_feeds.cache_clear()
    copy = tmp_path / "dbt_project"
    shutil.copytree(warehouse.PROJECT, copy)
    for path in (generate.SOURCES, generate.MACROS):
        (tmp_path / path).write_text(generate.generated()[path])
    (copy / "models/staging/stg_storage_fees.sql").write_text(STAGING)
    yield copy
    monkeypatch.undo()
    registry.all_feeds.cache_clear()


def test_a_new_feed_reaches_the_warehouse_and_is_accounted_for(tmp_path: Path, project: Path) -> None:
    rows = [{"charged_on": "2025-01-31", "asin": "B000000001", "fee": "12.50"}]
    bad = [(3, "below_minimum:fee", "2025-01-31,B000000002,-1")]
    made = build(
        tmp_path,
        [
            Delivery("storage_fees", rows, "2025-02-01T01:00:00", bad_rows=bad),
            Delivery("orders", [order("A")], "2025-02-01T01:00:00"),
        ],
        settings({"shop": ["US"]}, tmp_path),
        as_of=date(2025, 1, 31),
        command="run",
        select=["stg_storage_fees", "+ops_reconciliation", "ops_deliveries"],
        project=project,
    )
    assert [(node.name, node.message) for node in made.run.failed] == []
    assert made.rows("select charged_on_day, asin, fee from staging.stg_storage_fees") == [
        (date(2025, 1, 31), "B000000001", Decimal("12.5"))
    ]
    assert made.rows(
        "select rows_in, rows_bronze, rows_quarantined, rows_current from marts.ops_deliveries "
        "where feed = 'storage_fees'"
    ) == [(2, 1, 1, None)]
    assert made.rows(
        "select check_name, severity, actual from marts.ops_reconciliation where feed = 'storage_fees' order by all"
    ) == [
        ("quarantine_kept", "error", Decimal(1)),
        ("rows_accounted", "error", Decimal(2)),
        ("rows_not_modelled", "info", Decimal(1)),
    ]
