"""A delivery taken into a real S3 server: the same objects and entries as in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestion.intake import ensure_all_bronze
from ingestion.lake import open_lake
from tests.support.deliveries import fba, make_bench, order, tsv


@pytest.mark.s3
def test_s3_and_a_folder_hold_the_same(tmp_path: Path, s3_lake_url: str) -> None:
    local, remote = make_bench(tmp_path / "local"), make_bench(tmp_path / "remote")
    remote.lake = open_lake(s3_lake_url, cache=tmp_path / "cache")
    for bench in (local, remote):
        pulls = [bench.take(tsv([fba(), fba(quantity="0")])), bench.take(tsv([order()])), bench.take(tsv([order()]))]
        assert [pull.outcome for pull in pulls] == ["loaded", "loaded", "duplicate"], pulls
        assert len(bench.pulls()) == 3
        bench.lake.delete(str(pulls[0].bronze_key))
        assert ensure_all_bronze(bench.lake, bench.settings, pulls) == pulls
    same = {key: content for key, content in local.objects().items() if not key.startswith("ledger/")}
    assert {key: content for key, content in remote.objects().items() if not key.startswith("ledger/")} == same
