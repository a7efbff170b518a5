"""Runs started at the same moment, by the command line and by Dagster: one builds, the others wait their turn."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.home import Busy, Home
from tests.integration.test_dagster import ROOT, environment, prepared
from tests.support.installation import Installation

ONE_SIMULATED = (
    '[stores.na]\nregion = "na"\nmarketplaces = ["US"]\nconnector = "simulator"\n'
    "options = {asins = 20, days = 5, end = 2026-01-31, seed = 3}\n"
)


@pytest.mark.slow
def test_two_runs_of_dagster_and_one_of_the_command_line_take_turns(tmp_path: Path) -> None:
    """None of them meets a lock error, of DuckDB or of Dagster's own SQLite; exactly one has something to publish."""
    seller = prepared(Installation(tmp_path, config=ONE_SIMULATED))
    command = [
        sys.executable, "-m", "dagster", "asset", "materialize", "-m", "orchestration.definitions", "--select", "*",
        "--partition", "2026-01-31",
    ]  # fmt: skip
    logs = [tmp_path / f"dagster-{n}.log" for n in range(2)]
    with logs[0].open("wb") as first, logs[1].open("wb") as second:
        runs = [
            subprocess.Popen(command, cwd=ROOT, env=environment(seller), stdout=out, stderr=subprocess.STDOUT)
            for out in (first, second)
        ]
        plain = seller.start("run")
        out, err = plain.communicate(timeout=900)
        codes = [run.wait(timeout=900) for run in runs]
    told = [log.read_text(errors="replace") for log in logs] + [out + err]
    assert (codes, plain.returncode) == ([0, 0], 0), "\n\n".join(text[-3000:] for text in told)
    assert any("Waiting for" in text for text in told)
    done = [("Published 2026-01-31" in text, "Nothing has changed" in text) for text in told]
    assert sorted(done) == [(False, True), (False, True), (True, False)], done
    for text in told:
        assert "database is locked" not in text
        assert "Could not set lock" not in text
    assert seller.query("select count(*) > 0 from fct_order_lines") == [(True,)]


def test_who_waits_is_told_for_whom_and_who_gives_up_is_refused_with_what_to_do(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from orchestration.home import Home\n"
        "with Home(Path(sys.argv[1])).locked('a backfill'):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        told: list[str] = []
        with (
            pytest.raises(Busy, match="Another process is at work here: a backfill, process") as busy,
            Home(tmp_path).locked("a run", wait_seconds=0.5, on_wait=told.append),
        ):
            raise AssertionError("two at once")
        assert f"process {holder.pid}" in told[0]
        assert busy.value.remedy == "Wait until it has ended, then run again. Nothing was changed."
        holder.stdin.close()
    with Home(tmp_path).locked("a run", wait_seconds=5):
        pass
