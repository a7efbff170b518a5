"""Lakes for these tests: the same tests run on a folder and on an S3 server."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestion.lake import Lake, open_lake


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.s3)])
def lake_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty lake of either kind."""
    if request.param == "s3":
        return request.getfixturevalue("s3_lake_url")
    return str(tmp_path / "lake")


@pytest.fixture
def lake(lake_url: str, tmp_path: Path) -> Lake:
    """An empty lake of either kind."""
    return open_lake(lake_url, cache=tmp_path / "cache")
