"""A pull that is killed anywhere goes on with what it had begun: one request, one document, all rows."""

from __future__ import annotations

import gzip
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.spapi.conftest import FBA, Rig, fba_rows

ROOT = Path(__file__).resolve().parents[3]


def start(rig: Rig, hesitate: float = 0) -> subprocess.Popen[str]:
    arguments = ["-m", "tests.integration.spapi.puller", rig.server.url, str(rig.home), str(rig.kept), str(hesitate)]
    return subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("fault", "hesitate", "moment"),
    [
        # Amazon has accepted the request, the answer never arrives
        ({"operation": "createReport", "after": "stall", "seconds": 8}, 0, lambda counts: counts["createReport"] == 1),
        ({"operation": "getReport", "after": "stall", "seconds": 8}, 0, lambda counts: counts["getReport"] == 1),
        ({"operation": "getReportDocument", "after": "stall", "seconds": 8}, 0, lambda c: c["getReportDocument"] == 1),
        ({"operation": "document", "step": 200, "pause": 0.5}, 0, lambda counts: counts["document"] == 1),
        ({"operation": "none"}, 8, lambda counts: counts["document"] == 1),
    ],
    ids=["asking", "looking", "address", "downloading", "keeping"],
)
def test_killed(rig: Rig, fault: dict[str, object], hesitate: float, moment: Callable[[Counter[str]], bool]) -> None:
    rig.server.control(types={FBA: fba_rows(60)}, faults=[fault])
    first = start(rig, hesitate)
    deadline = time.monotonic() + 20
    while not moment(rig.server.counts) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.8)  # into the fault
    assert first.poll() is None, "the first process ended before it could be killed"
    first.kill()
    first.wait()
    assert not list(rig.kept.iterdir())

    second = start(rig)
    assert second.wait(timeout=30) == 0, second.stderr and second.stderr.read()
    (kept,) = rig.kept.iterdir()
    rows = gzip.decompress(kept.read_bytes()).decode().split("\r\n")[1:-1]
    assert sorted(rows) == sorted(line for _, line in fba_rows(59)["rows"])
    counts = rig.server.counts
    assert counts["createReport"] == 1
    assert counts["ranges"] == (1 if fault["operation"] == "document" else 0)
    assert not list((rig.home / "connectors" / "spapi" / "documents").iterdir())
