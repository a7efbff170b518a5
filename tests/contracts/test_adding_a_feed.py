"""Adding a feed is adding one file: a declaration put beside the others is recognised, read, checked and documented."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from data_contracts import feeds, generate, registry
from tests.support.deliveries import make_bench

DECLARATION = '''
"""Storage fees. Belongs here: this feed's declaration. Does not belong: anything else."""

from data_contracts.feed import Column, Feed, Kind, Merge

FEED = Feed(
    name="storage_fees",
    title="Storage fees",
    description="Monthly storage fees by ASIN.",
    merge=Merge.KEYED,
    key=("asin", "charged_on"),
    event="charged_on",
    columns=(
        Column("charged_on", Kind.MOMENT, "Day of the charge.", required=True, nullable=False),
        Column("asin", description="Item.", required=True, nullable=False, pattern="[A-Z0-9]{10}"),
        Column("fee", Kind.MONEY, "Fee.", aliases=("storage-fee-amount",), required=True, minimum=0),
        Column("note", description="Note, masked.", masked=True),
    ),
)
'''


@pytest.fixture
def storage_fees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tmp_path / "feeds"
    folder.mkdir()
    (folder / "storage_fees.py").write_text(DECLARATION)
    monkeypatch.setattr(feeds, "__path__", [*feeds.__path__, str(folder)])
    registry.all_feeds.cache_clear()
    yield
    monkeypatch.undo()
    registry.all_feeds.cache_clear()


@pytest.mark.usefixtures("storage_fees")
def test_one_file_takes_a_feed_from_bytes_to_bronze(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    pull = bench.take(
        "Charged On,ASIN,Storage Fee Amount,Customer Name,Note\n"
        '2026-01-31,B000000001,"1,234.50",Odalys Fennimore,mail a@b.example\n'
        "2026-01-31,B000000002,-1,Odalys Fennimore,\n"
    )
    assert (pull.feed, pull.rows_bronze, pull.rows_quarantined) == ("storage_fees", 1, 1)
    (row,) = bench.bronze(pull)
    assert (row["charged_on_day"], str(row["fee"]), row["note"]) == (date(2026, 1, 31), "1234.5000", "mail [email]")
    assert bench.quarantine(pull)[0]["reasons"] == "below_minimum:fee"
    assert b"Odalys" not in b"".join(bench.objects().values())
    files = generate.generated()
    assert "storage_fees" in files[generate.SOURCES]
    assert '"storage_fees": ["asin", "charged_on_at", "charged_on_day"]' in files[generate.MACROS]
    assert "Monthly storage fees by ASIN." in files[generate.PAGES / "storage_fees.md"]
    assert generate.PAGES / "storage_fees.md" in generate.stale()
