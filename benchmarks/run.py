"""`make bench`: raw files to published marts, next to the yardstick, on the same files in one run.

Belongs here: generating the files, running both sides as processes, measuring wall, CPU and peak memory of each stage,
printing one table. Does not belong: the work itself. Compare ratios within one run; the machine is noisy.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

#: order lines of the day that comes on top: a year of ten million has as many a day
DAY_LINES = 27_000
CONFIG = '[stores.bench]\nregion = "na"\nmarketplaces = ["US", "CA", "MX"]\n'


@dataclass(frozen=True)
class Stage:
    """What one process cost: seconds of wall and CPU, peak resident MiB."""

    name: str
    wall: float
    cpu: float
    peak_mib: float


def measured(name: str, command: list[str], environment: dict[str, str]) -> Stage:
    """Run a process to its end and say what it took; its output goes to the log when it fails.

    Raises SystemExit when the process fails: a benchmark of a failure is worth nothing.
    """
    started = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            log.error("%s", output.read().decode(errors="replace")[-4000:])
            raise SystemExit(f"{name}: exit {process.returncode}")
    peak = usage.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    stage = Stage(name, time.monotonic() - started, usage.ru_utime + usage.ru_stime, peak)
    log.info("%-28s wall %7.1f s  cpu %7.1f s  peak %6.0f MiB", stage.name, stage.wall, stage.cpu, stage.peak_mib)
    return stage


def steps_of_last_run(home: Path) -> str:
    """What the newest run of this home says its steps took, in seconds of wall time."""
    newest = max((home / "runs").glob("*.json"))
    seconds = json.loads(newest.read_text(encoding="utf-8"))["seconds"]
    return ", ".join(f"{name} {value:.1f} s" for name, value in seconds.items())


def bench(lines: int, scratch: Path) -> list[Stage]:
    """Generate `lines` order lines, take them through both sides, return the stages.

    The last stage takes in one more day, the same at every size: what it costs must not depend on the history.
    """
    from ingestion.simulator.bulk import bulk

    raw = scratch / "raw"
    started = time.monotonic()
    bulk(raw, order_lines=lines)
    size = sum(path.stat().st_size for path in raw.rglob("*") if path.is_file())
    log.info("%s order lines: %.0f MiB of raw files in %.0f s", f"{lines:,}", size / 2**20, time.monotonic() - started)
    (scratch / "returnscope.toml").write_text(CONFIG, encoding="utf-8")
    environment = {
        **os.environ,
        "RETURNSCOPE_HOME": str(scratch / "home"),
        "RETURNSCOPE_CONFIG": str(scratch / "returnscope.toml"),
    }
    returnscope = str(Path(sys.executable).parent / "returnscope")
    out = scratch / "baseline"
    stages = [
        measured(
            "yardstick",
            [sys.executable, "-m", "benchmarks.baseline", "--raw", str(raw), "--out", str(out)],
            environment,
        ),
        measured("returnscope ingest", [returnscope, "ingest", str(raw), "--store", "bench"], environment),
        measured("returnscope run", [returnscope, "run"], environment),
    ]
    log.info("  of it %s", steps_of_last_run(scratch / "home"))
    day = scratch / "day"
    bulk(day, order_lines=DAY_LINES, seed=2, days=1)
    return [
        *stages,
        measured("returnscope run, no change", [returnscope, "run"], environment),
        measured("start of the CLI", [returnscope, "--version"], environment),
        measured("returnscope ingest, one day", [returnscope, "ingest", str(day), "--store", "bench"], environment),
    ]


def main() -> None:
    """Command line of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--keep", type=Path, help="work here and keep the files")
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for lines in arguments.lines:
        scratch = arguments.keep / str(lines) if arguments.keep else Path(tempfile.mkdtemp(prefix="returnscope-bench-"))
        scratch.mkdir(parents=True, exist_ok=True)
        yardstick, ingest, run, unchanged, start, _ = bench(lines, scratch)
        log.info(
            "%s lines: raw to published %.2f x the yardstick in wall time, %.2f x in CPU time; no-change night %.1f s, "
            "start-up %.1f s of it",
            f"{lines:,}",
            (ingest.wall + run.wall) / yardstick.wall,
            (ingest.cpu + run.cpu) / yardstick.cpu,
            unchanged.wall,
            start.wall,
        )
        if not arguments.keep:
            shutil.rmtree(scratch)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
