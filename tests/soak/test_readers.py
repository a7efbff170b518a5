"""Ten nights in a row while eight readers ask all the time: no error, no mix of two releases, in any kind of reader."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.command import ROOT
from tests.soak import readers
from tests.support.deliveries import fba, order, tsv
from tests.support.installation import Installation
from tests.support.postgres_server import programs

NIGHTS = 10
EIGHT = ("file", "file", "file", "parquet", "parquet", "panel", "panel", "postgres")


def evening(installation: Installation, night: int) -> None:
    """A day's reports: a unit more is shipped and returned each day."""
    day = f"2026-01-{night:02}"
    orders = [
        order(amazon_order_id=f"111-0000000-00000{n:02}", purchase_date=f"2026-01-{n:02}T20:00:00+00:00")
        for n in range(1, night + 1)
    ]
    returns = [
        fba(
            order_id=f"111-0000000-00000{n:02}",
            return_date=f"2026-01-{n:02}T21:00:00+00:00",
            license_plate_number=f"LPNRR00000{n:02}",
        )
        for n in range(1, night + 1)
    ]
    window = (
        "--store",
        "acme",
        "--window",
        f"2026-01-01..{day}",
        "--delivered-at",
        f"2026-01-{night + 1:02}T06:00:00Z",
    )
    installation.run("ingest", installation.file(f"orders{night}.txt", tsv(orders)), *window)
    installation.run("ingest", installation.file(f"returns{night}.txt", tsv(returns)), *window)


@contextmanager
def reading(installation: Installation, kinds: tuple[str, ...], address: str, folder: Path) -> Iterator[list[Path]]:
    """Readers at work; gives the files in which each notes what it saw, once they have stopped."""
    stop = folder / "stop"
    notes = [folder / f"{number}-{kind}.json" for number, kind in enumerate(kinds)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    at_work = [
        subprocess.Popen(
            [sys.executable, readers.__file__, kind, str(installation.home), str(stop), str(file), address],
            env=environment,
        )
        for kind, file in zip(kinds, notes, strict=True)
    ]
    try:
        yield notes
    finally:
        stop.touch()
        for process in at_work:
            process.wait(120)


def read_through(folder: Path, nights: int, kinds: tuple[str, ...], address: str) -> dict[str, int]:
    """Live through the nights with readers; how often each kind of reader read."""
    variables = {"RETURNSCOPE_POSTGRES": address} if address else {}
    installation = Installation(folder / "seller", environment=variables)
    evening(installation, 1)
    installation.run("run")
    expected = {installation.current(): (1, 1, 1)}
    with reading(installation, kinds, address, folder) as notes:
        for night in range(2, nights + 1):
            evening(installation, night)
            installation.run("run")
            expected[installation.current()] = (night, night, night)
    assert len(expected) == nights
    counts: Counter[str] = Counter()
    for file in notes:
        told = json.loads(file.read_text())
        assert told["errors"] == [], (file.name, told["errors"][:3])
        for release, *sums, count in told["seen"]:
            assert expected[release] == tuple(sums), (file.name, release)
            counts[file.stem.partition("-")[2]] += count
        assert len(told["seen"]) >= nights / 2, f"{file.name} has hardly seen anything change"
    return dict(counts)


@pytest.mark.soak
def test_readers_see_whole_releases_through_ten_nights(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    address = request.getfixturevalue("postgres_url") if programs() else ""
    kinds = EIGHT if address else (*EIGHT[:-1], "file")
    counts = read_through(tmp_path, NIGHTS, kinds, address)
    print(f"{NIGHTS} nights, {sum(counts.values()):,} reads: {counts}")
    assert min(counts.values()) > NIGHTS
