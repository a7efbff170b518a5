"""What a power cut leaves of a local lake: the operations of a command, and the disks they may leave behind.

Belongs here: noting what a process does to its files, and the states a disk may be in when the power goes. Does not
belong: what must be true of such a disk (`faults.py`).

A disk promises this and no more. Content that was synced survives; content that was not may be there, be missing or be
cut off anywhere. A name survives when its folder was synced after the name was made; without that it may survive or
not. Three disks are tried for every moment: the forgetful one keeps nothing that was not synced, the careless one keeps
every name and loses every content that was not synced, and a random one throws dice for each.

Files that DuckDB and Arrow write themselves are content that nobody synced until Python syncs them.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Disk = Literal["forgetful", "careless", "random"]
DISKS: tuple[Disk, ...] = ("forgetful", "careless", "random")


@dataclass(frozen=True)
class Operation:
    """One operation: `sync` of a file (with its content then) or of a folder, `make`, `link`, `rename`, `remove`."""

    kind: str
    path: str
    target: str = ""
    content: bytes = b""

    def __str__(self) -> str:
        return f"{self.kind} {Path(self.target or self.path).name}"


def record(folder: Path, notes: Path) -> None:
    """Note every operation of this process below a folder, each in a file of its own below `notes`."""
    notes.mkdir()
    number = 0
    real_sync = os.fsync
    noting = threading.local()  # files are taken in by two threads
    in_turn = threading.Lock()

    def note(operation: Operation) -> None:
        nonlocal number
        noting.now = True
        head = "\n".join((operation.kind, operation.path, operation.target)).encode()
        with in_turn:
            (notes / f"{number:06}").write_bytes(head + b"\n" + operation.content)
            number += 1
        noting.now = False

    def inside(path: Any) -> str | None:
        if not isinstance(path, str | bytes | os.PathLike):
            return None
        text = str(Path(os.fsdecode(path)).absolute())
        return text if text.startswith(f"{folder}/") and "/warehouse/" not in text else None

    def sync(descriptor: int) -> None:
        path = inside(Path(f"/proc/self/fd/{descriptor}").readlink())
        real_sync(descriptor)
        if path is not None:
            note(Operation("sync", path, content=b"" if Path(path).is_dir() else Path(path).read_bytes()))

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if getattr(noting, "now", False):
            return
        if event in ("os.link", "os.rename"):
            source, target = inside(arguments[0]), inside(arguments[1])
            if source and target:
                note(Operation(event.removeprefix("os."), source, target))
        elif event in ("os.mkdir", "os.remove", "shutil.rmtree"):
            if path := inside(arguments[0]):
                note(Operation("make" if event == "os.mkdir" else "remove", path))
        elif event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT:
            path = inside(arguments[0])
            if path and not Path(path).exists():
                note(Operation("create", path))

    os.fsync = sync
    sys.addaudithook(watch)


def recorded(notes: Path) -> list[Operation]:
    """The operations in their order."""
    found = []
    for path in sorted(notes.iterdir()):
        kind, name, target, content = path.read_bytes().split(b"\n", 3)
        found.append(Operation(kind.decode(), name.decode(), target.decode(), content))
    return found


class _Files:
    """The files of a disk before the command, and what each operation makes of them.

    A name leads to a file (a number) or to a folder (None); `contents` is what was synced of a file.
    """

    def __init__(self, folder: Path) -> None:
        self.names: dict[str, int | None] = {}
        self.contents: dict[int, bytes] = {}
        self.unsynced: set[int] = set()
        inodes: dict[int, int] = {}
        for path in folder.rglob("*"):
            if "/warehouse/" in str(path):
                continue
            if path.is_dir():
                self.names[str(path)] = None
                continue
            number = inodes.setdefault(path.stat().st_ino, len(inodes))
            self.names[str(path)] = number
            self.contents[number] = path.read_bytes()
        self._next = len(inodes)

    def file(self, path: str) -> int:
        number = self.names.get(path)
        if number is None:
            number = self._next = self._next + 1
            self.names[path] = number
            self.contents[number] = b""
            self.unsynced.add(number)
        return number


def disk_after(before: Path, operations: Sequence[Operation], disk: Disk, seed: int) -> tuple[_Files, dict[str, Any]]:
    """The files and the surviving names, when the power goes after these operations."""
    dice = random.Random(seed)
    files = _Files(before)
    durable = dict(files.names)
    pending: list[tuple[str, dict[str, int | None], list[str]]] = []  # folder, names set, names removed

    def change(folder: str, names: dict[str, int | None], gone: Sequence[str] = ()) -> None:
        files.names.update(names)
        for name in gone:
            files.names.pop(name, None)
        pending.append((folder, names, list(gone)))

    for step in operations:
        parent = str(Path(step.target or step.path).parent)
        if step.kind == "sync" and (step.path in files.names and files.names[step.path] is None):
            for entry in [one for one in pending if one[0] == step.path]:
                _apply(durable, entry)
                pending.remove(entry)
        elif step.kind == "sync":
            number = files.file(step.path)
            if str(Path(step.path)) not in durable:
                pending.append((parent, {step.path: number}, []))
            files.contents[number] = step.content
            files.unsynced.discard(number)
        elif step.kind == "make":
            if step.path not in files.names:
                change(parent, {step.path: None})
        elif step.kind == "create":
            change(parent, {step.path: files.file(step.path)})
        elif step.kind == "link":
            change(parent, {step.target: files.file(step.path)})
        elif step.kind == "rename":
            number = files.names.get(step.path, -1)
            if number == -1:
                number = files.file(step.path)
            below = {n: v for n, v in files.names.items() if n.startswith(f"{step.path}/")}
            moved = {step.target: number} | {step.target + n[len(step.path) :]: v for n, v in below.items()}
            change(parent, moved, [step.path, *below])
        elif step.kind == "remove":
            below_names = [n for n in files.names if n.startswith(f"{step.path}/")]
            change(parent, {}, [step.path, *below_names])
    for entry in pending:
        if disk == "careless" or (disk == "random" and dice.random() < 0.5):
            _apply(durable, entry)
    if disk == "random":
        for number in list(files.unsynced):
            files.contents[number] = dice.randbytes(dice.choice((0, 7, 900)))
    return files, durable


def _apply(names: dict[str, int | None], entry: tuple[str, dict[str, int | None], list[str]]) -> None:
    _, made, gone = entry
    for name in gone:
        names.pop(name, None)
    names.update(made)


def write_disk(files: _Files, names: dict[str, int | None], folder: Path) -> None:
    """Make a folder what survived; a name whose folder did not survive is lost with it. The warehouse stays."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if "/warehouse" in str(path):
            continue
        if str(path) not in names and not path.is_symlink() and path.is_dir() and not any(path.iterdir()):
            path.rmdir()
        elif not path.is_dir():
            path.unlink()
    made: dict[int, Path] = {}
    for name, number in sorted(names.items()):
        path = Path(name)
        if not path.parent.is_dir():
            continue
        if number is None:
            path.mkdir(exist_ok=True)
        elif number in made:
            os.link(made[number], path)
        else:
            path.write_bytes(files.contents[number])
            os.utime(path, (1_700_000_000, 1_700_000_000))
            made[number] = path


def forget(folder: Path) -> None:
    """Remove notes."""
    shutil.rmtree(folder, ignore_errors=True)
