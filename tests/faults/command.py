"""`returnscope` in processes of their own, with something in them that goes wrong at a chosen moment.

Belongs here: starting the command, the accidents that happen inside a process. Does not belong: accidents around it
(disks, networks, files, see `faults.py`), what must come out (`scene.py`).

A nursery, one process that has imported the product and done nothing else, forks a child for every command: the child
is a process like any other (it is killed, it loses its locks, it has its own folder and environment) without the two
CPU seconds that Python, dbt and DuckDB take to import. Run as a script this module is that nursery.

A step is a change that Python makes to the file system below the installation: making, writing, linking, renaming and
removing files and folders. dbt's own artifacts are left out, hundreds of files that every run makes anew.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: what a night imports; DuckDB and Arrow start their threads when they are first used, which is after the fork
_PRELOADED = (
    "orchestration.cli",
    "orchestration.pipeline",
    "orchestration.due",
    "orchestration.publish",
    "orchestration.audit",
    "orchestration.warehouse",
    "orchestration.verdicts",
    "orchestration.alerts",
    "orchestration.models",
    "ingestion.intake",
    "ingestion.lake.local",
    "ingestion.lake.s3",
    "classification",
    "duckdb",
    "dbt.cli.main",
    "dbt.adapters.duckdb",
    "pyarrow.parquet",
)
_CHANGES = {"os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.utime", "os.chmod", "shutil.rmtree"}
#: a night takes 15 seconds; on a machine that others load it may take minutes
_SECONDS = 1800


@dataclass(frozen=True)
class Accident:
    """What happens inside the process.

    kill_at: SIGKILL before the step of this number (0 is the first). kill_in: SIGKILL so many seconds after the part of
    the night with this name begins, as its record calls them. wait_at: words of a step and a file; before that step it
    makes `<file>.reached` and waits for the file. steps: file to note the steps in. trace: file for what a
    power cut needs to know, see `power.py`. clock: seconds by which the clock is wrong. patience: seconds after which a
    lake in S3 stops waiting for an answer.
    """

    kill_at: int | None = None
    kill_in: tuple[str, float] | None = None
    wait_at: tuple[str, str] | None = None
    steps: str | None = None
    trace: str | None = None
    clock: float = 0.0
    patience: float | None = None


@dataclass(frozen=True)
class Ended:
    """How a command ended. code: negative for a signal."""

    code: int
    said: str

    @property
    def last_words(self) -> str:
        """What it said went wrong, without paths of this machine."""
        return next((line for line in self.said.splitlines() if line.startswith(("Failed", "NOT", "Config"))), "")


class Running:
    """A command that is under way."""

    def __init__(self, pid: int, folder: Path) -> None:
        self.pid = pid
        self._folder = folder

    @property
    def has_ended(self) -> bool:
        """Whether it is over."""
        return (self._folder / "code").exists()

    def kill(self) -> None:
        """kill -9."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> Ended:
        """Wait for its end."""
        deadline = time.monotonic() + _SECONDS
        while not self.has_ended:
            assert time.monotonic() < deadline, f"the command hangs: {(self._folder / 'said').read_text()}"
            time.sleep(0.005)
        return Ended(int((self._folder / "code").read_text()), (self._folder / "said").read_text())


class Nursery:
    """Starts commands."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._started = 0

    def start(
        self, folder: Path, environment: dict[str, str], arguments: tuple[str, ...], accident: Accident
    ) -> Running:
        """Start `returnscope` with these arguments in a folder."""
        self._started += 1
        own = self._folder / str(self._started)
        own.mkdir()
        wish = {
            "own": str(own),
            "folder": str(folder),
            "environment": environment,
            "arguments": arguments,
            "accident": asdict(accident),
        }
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(wish) + "\n")
        self._process.stdin.flush()
        return Running(int(self._process.stdout.readline()), own)


@contextmanager
def nursery(folder: Path) -> Iterator[Nursery]:
    """A nursery that keeps its notes in a folder. It ends when its input does, however the tests end."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield Nursery(process, folder)
        assert process.stdin is not None
        process.stdin.close()


def _serve() -> None:
    import importlib

    for name in _PRELOADED:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        wish = json.loads(line)
        read, write = os.pipe()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            child = os.fork()
            if child == 0:
                _run(wish)
            os.write(write, str(child).encode())
            os.close(write)  # who asked for the command waits for the end of this pipe, not of the command
            _, status = os.waitpid(child, 0)
            note = Path(wish["own"], "code.new")
            note.write_text(str(os.waitstatus_to_exitcode(status)))
            note.rename(note.with_name("code"))
            os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            print(pipe.read(20).decode(), flush=True)


def _run(wish: dict[str, Any]) -> None:
    said = os.open(Path(wish["own"], "said"), os.O_WRONLY | os.O_CREAT)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.closerange(3, 200)
    os.chdir(wish["folder"])
    os.environ.clear()
    os.environ.update(wish["environment"])
    sys.argv = ["returnscope", *wish["arguments"]]
    code = 1
    try:
        _prepare(Accident(**wish["accident"]), Path(wish["folder"]))
        from orchestration.cli import main

        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - as the interpreter does
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _prepare(accident: Accident, folder: Path) -> None:
    """Put the accident into this process."""
    if accident.clock:
        _shift_clock(accident.clock)
    if accident.trace:
        from tests.faults.power import record

        record(folder, Path(accident.trace))
    if accident.patience is not None:
        from ingestion.lake.s3 import S3Lake

        S3Lake.__init__.__kwdefaults__["timeout"] = accident.patience
    if accident.kill_in is not None:
        _kill_in(*accident.kill_in)
    if accident.kill_at is None and accident.steps is None and accident.wait_at is None:
        return
    steps = os.open(accident.steps, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if accident.steps else None
    done = 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal done
        name = step_of(event, arguments, folder)
        if name is None:
            return
        if done == accident.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)
        if accident.wait_at is not None and accident.wait_at[0] in name:
            _wait(Path(accident.wait_at[1]))
        if steps is not None:
            os.write(steps, f"{name}\n".encode())
        done += 1

    sys.addaudithook(watch)


def _wait(file: Path) -> None:
    """Tell that the moment has come, and wait for the file."""
    file.with_name(f"{file.name}.reached").touch()
    while not file.exists():
        time.sleep(0.01)


def _kill_in(part: str, seconds: float) -> None:
    """SIGKILL so long after a part of the night begins, whatever is at work then."""
    from orchestration import pipeline

    real = pipeline.timed

    def timed(found: dict[str, float], name: str) -> AbstractContextManager[None]:
        if name == part:
            timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL))
            timer.daemon = True
            timer.start()
        return real(found, name)

    pipeline.timed = timed  # type: ignore[assignment]


def step_of(event: str, arguments: tuple[Any, ...], folder: Path) -> str | None:
    """The step that an audit event of Python announces; None when it is none."""
    if event == "open":
        path, _, flags = arguments
        if not isinstance(flags, int) or not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return None
    elif event in _CHANGES:
        path = arguments[1] if event in ("os.link", "os.rename") else arguments[0]
    else:
        return None
    if not isinstance(path, str | bytes | os.PathLike):
        return None
    text = os.fsdecode(path)
    if not text.startswith(f"{folder}/") or "/warehouse/dbt" in text:
        return None
    short = re.sub(r"[0-9a-f]{16,}(-[0-9a-f]+)*", "#", text.removeprefix(f"{folder}/.returnscope/"))
    short = re.sub(r"scratch/(\w+)-[^/]+", r"scratch/\1", short)
    return f"{event.removeprefix('os.')} {short}"


def _shift_clock(seconds: float) -> None:
    """Every module of the product sees another time from `datetime.now` and from `time`."""
    real_time, real_time_ns = time.time, time.time_ns
    time.time = lambda: real_time() + seconds  # type: ignore[assignment]
    time.time_ns = lambda: real_time_ns() + int(seconds * 1e9)  # type: ignore[assignment]

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(seconds=seconds)

    assert abs((Wrong.now(UTC) - datetime.now(UTC)).total_seconds() - seconds) < 1
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ("ingestion", "orchestration") and getattr(module, "datetime", None) is datetime:
            module.datetime = Wrong  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    _serve()
