"""The state of one installation on disk: where things lie, the lock that keeps runs apart, scratch folders that heal.

Belongs here: places below RETURNSCOPE_HOME and who may use them when. Does not belong: the lake (it may lie elsewhere)
and what the files hold.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from ingestion.failures import TransientFailure

log = logging.getLogger(__name__)

#: a night over ten million order lines takes minutes; who waits longer than this waits for something that hangs
LOCK_WAIT_SECONDS = 3600.0
_POLL_SECONDS = 0.2


class Busy(TransientFailure):
    """Another process holds the lock."""


@dataclass(frozen=True)
class Home:
    """Places of an installation. Nothing is made before it is used."""

    root: Path

    @property
    def marts(self) -> Path:
        """The published marts that BI and the panel read; replaced whole, never changed in place."""
        return self.root / "published" / "marts.duckdb"

    @property
    def marts_for_tools(self) -> Path:
        """The same file under a name that is not that of its schema, see `publish.put_in_place`."""
        return self.marts.with_name("returnscope.duckdb")

    @property
    def build(self) -> Path:
        """The build file: of the run that holds the lock, else of the newest run, for whoever wants to dig in it.

        What is published of it lies beside it in `published.duckdb` (see `warehouse.connect`).
        """
        return self.root / "warehouse" / "warehouse.duckdb"

    @property
    def dbt(self) -> Path:
        """dbt's artifacts, logs and kept parse."""
        return self.root / "warehouse" / "dbt"

    @property
    def scratch(self) -> Path:
        """Private folders of running processes."""
        return self.root / "scratch"

    @property
    def inbox(self) -> Path:
        """Where downloaded files are dropped, one folder per store."""
        return self.root / "inbox"

    @property
    def audits(self) -> Path:
        """One JSON record per audit: which checks found what, in which rows."""
        return self.root / "audits"

    @property
    def runs(self) -> Path:
        """One JSON record per run: what it did, how long each part took, whom it told."""
        return self.root / "runs"

    @property
    def cases(self) -> Path:
        """Cases of alerts that have ended, Markdown by language; copies of what the lake keeps."""
        return self.root / "published" / "cases"

    @property
    def told(self) -> Path:
        """Which alerts have arrived where."""
        return self.root / "alerts.json"

    @property
    def cache(self) -> Path:
        """Local copies of objects of the lake; may be deleted at any time."""
        return self.root / "cache"

    @property
    def dagster(self) -> Path:
        """DAGSTER_HOME."""
        return self.root / "dagster"

    @contextmanager
    def locked(
        self,
        work: str,
        *,
        name: str = "run",
        wait_seconds: float = LOCK_WAIT_SECONDS,
        on_wait: Callable[[str], None] | None = None,
    ) -> Iterator[None]:
        """Hold a lock of this home; the kernel frees it on any exit.

        name: `run` for building and publishing, `intake` for asking connectors and emptying the inbox. `on_wait` is
        told once who holds it. Raises Busy when it is still held after `wait_seconds`.
        """
        path = self.root / "locks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+", encoding="utf-8") as file:
            deadline = time.monotonic() + wait_seconds
            told = False
            while not _try_lock(file):
                if time.monotonic() >= deadline:
                    raise Busy(
                        f"Another process is at work here: {_holder(path)}",
                        str(path),
                        "Wait until it has ended, then run again. Nothing was changed.",
                    )
                if not told and on_wait is not None:
                    on_wait(_holder(path))
                told = True
                time.sleep(_POLL_SECONDS)
            file.seek(0)
            file.truncate()
            since = datetime.now(UTC).isoformat(timespec="seconds")
            json.dump({"work": work, "pid": os.getpid(), "since": since}, file)
            file.flush()
            try:
                yield
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)

    @contextmanager
    def scratch_folder(self, name: str) -> Iterator[Path]:
        """A private folder, removed at the end. What a killed process left behind is removed by `heal`."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.scratch))
        with (folder / ".alive").open("w") as mark:
            fcntl.flock(mark, fcntl.LOCK_EX)
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def heal(self) -> list[Path]:
        """Remove what killed runs left behind; the removed folders. Call it with the lock held."""
        removed = []
        spilled = self.build.with_name(f"{self.build.name}.tmp")
        if spilled.exists():
            shutil.rmtree(spilled, ignore_errors=True)
            removed.append(spilled)
        for folder in sorted(self.scratch.iterdir()) if self.scratch.is_dir() else []:
            if folder.is_dir() and _is_abandoned(folder):
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder)
                log.info("removed %s, left behind by a run that was killed", folder)
        return removed


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _holder(path: Path) -> str:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return f"{told['work']}, process {told['pid']}, since {told['since']}"
    except (OSError, ValueError, KeyError):  # between the other's lock and its note: the lock is what counts
        return "a process that has just started"


def _is_abandoned(folder: Path) -> bool:
    try:
        with (folder / ".alive").open("r+") as mark:
            return _try_lock(mark)
    except FileNotFoundError:
        # killed between making the folder and its mark, unless that is happening right now
        return time.time() - folder.stat().st_mtime > 60


def replace_durably(new: Path, target: Path) -> None:
    """Put a finished file in another's place in one step that survives a power cut; both on one file system.

    Readers that have the old file open keep it; who opens after this sees the new one.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with new.open("rb") as file:
        os.fsync(file.fileno())
    new.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
