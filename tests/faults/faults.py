"""Everything that goes wrong, one function per fault: do it, see what is said, see that it heals.

Belongs here: the faults, and what each must lead to. Does not belong: the installation they are tried on (`scene.py`),
what happens inside a process (`command.py`), the disk after a power cut (`power.py`).

A fault returns how it ended; on the way it asserts that nothing is lost, nothing is doubled, and that readers saw whole
releases only. `is_long` asks for every moment instead of some.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults import power
from tests.faults.command import ROOT, Accident, Ended
from tests.faults.scene import SECOND, Scene, read_published, taken_otherwise

RUN_AGAIN = "the next run"
WINDOW = ("--window", "2026-01-01..2026-01-09", "--delivered-at", "2026-01-10T06:00:00Z")


@dataclass(frozen=True)
class Outcome:
    """How a fault ended. tries: moments or kinds that were tried. says: what people are told. healed_by: what heals."""

    tries: int
    says: str
    healed_by: str = RUN_AGAIN


@dataclass(frozen=True)
class Fault:
    """A fault: its group and name as in the table, how it is brought about, and the function that does it.

    needs_time: it builds warehouses or waits (half a minute each), so that it belongs to the long half.
    """

    group: str
    name: str
    how: str
    work: Callable[[Scene, bool], Outcome]
    needs_time: bool


FAULTS: list[Fault] = []


def fault(
    group: str, name: str, how: str, *, needs_time: bool = False
) -> Callable[[Callable[[Scene, bool], Outcome]], Callable[[Scene, bool], Outcome]]:
    """Put a function into the list."""

    def add(work: Callable[[Scene, bool], Outcome]) -> Callable[[Scene, bool], Outcome]:
        FAULTS.append(Fault(group, name, how, work, needs_time))
        return work

    return add


def some(found: list[int], count: int, is_long: bool) -> list[int]:
    """All of them, or so many spread evenly, the first and the last among them."""
    if is_long or len(found) <= count:
        return found
    return [found[round(i * (len(found) - 1) / (count - 1))] for i in range(count)]


def steps_of(scene: Scene, *arguments: str, copy: str) -> list[str]:
    """The steps of a command that nothing disturbs."""
    notes = scene.scratch / "steps"
    notes.unlink(missing_ok=True)
    scene.rewind(copy)
    files_of(scene)
    assert scene.run(*arguments, accident=Accident(steps=str(notes))).code == 0
    return notes.read_text().splitlines()


def said(ended: Ended, *words: str) -> str:
    """What a failed command told, which must hold these words."""
    assert ended.code in (1, 2, 3), ended
    for word in words:
        assert word in ended.said, ended.said
    return ended.last_words


# --- taking in --------------------------------------------------------------------------------------------------------


def files_of(scene: Scene) -> Path:
    """The second night's files outside of the inbox."""
    folder = scene.installation.folder / "files"
    for name, content in SECOND.items():
        scene.installation.file(name, content)
    return folder


def ingest(scene: Scene, accident: Accident | None = None, **environment: str) -> Ended:
    """Take the second night's files in by hand."""
    files = str(files_of(scene))
    return scene.run("ingest", files, "--store", "acme", *WINDOW, accident=accident or Accident(), **environment)


def taken(scene: Scene) -> dict[str, bytes]:
    """What the lake holds after the files were taken in undisturbed."""
    scene.rewind()
    assert ingest(scene).code == 0
    return scene.objects()


def without_repetitions(objects: dict[str, bytes]) -> dict[str, bytes]:
    """The lake without the entries which say that a file was found once more."""
    return {key: content for key, content in objects.items() if b'"outcome": "duplicate"' not in content}


@fault("killed", "ingest, killed at any step", "kill -9 before a step (any change to a file) of `returnscope ingest`")
def ingest_killed(scene: Scene, is_long: bool) -> Outcome:
    """Kill, then the same command again."""
    expected = taken(scene)
    steps = steps_of(scene, "ingest", str(files_of(scene)), "--store", "acme", *WINDOW, copy="evening")
    moments = some(list(range(len(steps))), 8, is_long)
    for step in moments:
        scene.rewind()
        ended = ingest(scene, Accident(kill_at=step))
        assert ended.code == -9, (steps[step], ended)
        assert ingest(scene).code == 0
        assert without_repetitions(scene.objects()) == expected, steps[step]
    return Outcome(len(moments), "nothing (killed)", "the same command again")


@fault("killed", "two ingests at once", "three processes take the same files")
def ingests_at_once(scene: Scene, is_long: bool) -> Outcome:
    """Each file counts once."""
    expected = taken(scene)
    tries = 5 if is_long else 2
    for _ in range(tries):
        scene.rewind()
        files = str(files_of(scene))
        running = [scene.start("ingest", files, "--store", "acme", *WINDOW) for _ in range(3)]
        assert not running[0].has_ended
        assert [one.wait().code for one in running] == [0, 0, 0]
        assert without_repetitions(scene.objects()) == expected
    return Outcome(tries, "`duplicate` for the later ones", "nothing to heal")


# --- killed nights ----------------------------------------------------------------------------------------------------


@fault("killed", "run, killed while it publishes", "kill -9 before each step between the finished release and the end")
def publishing_killed(scene: Scene, is_long: bool) -> Outcome:
    """From a release that is complete but not current."""
    steps = steps_of(scene, "run", copy="midnight")
    moments = some(list(range(len(steps))), 8, is_long)
    for step in moments:
        scene.rewind("midnight")
        with scene.reader() as reads:
            assert scene.run("run", accident=Accident(kill_at=step)).code == -9
            scene.heals()
        assert reads.seen in ([scene.first.release_id, scene.second.release_id], [scene.second.release_id])
    return Outcome(len(moments), "nothing (killed)")


@fault("killed", "run, killed at a step", "kill -9 before a step of the whole night, inbox to alerts", needs_time=True)
def night_killed(scene: Scene, is_long: bool) -> Outcome:
    """Every sixteenth step, and the steps around the commits."""
    steps = steps_of(scene, "run", copy="evening")
    around = [
        i for i, name in enumerate(steps) if "manifest" in name or "current" in name or "warehouse.duckdb" in name
    ]
    moments = sorted({*range(3, len(steps), 16), *around[::2]}) if is_long else [len(steps) // 2]
    for step in moments:
        scene.rewind()
        with scene.reader():
            assert scene.run("run", accident=Accident(kill_at=step)).code == -9, steps[step]
            scene.heals()
    return Outcome(len(moments), "nothing (killed)")


#: the parts of a night, as its record calls them
PARTS = ("taking in", "planning", "decoding and comments", "warehouse", "dbt", "audit", "publishing")


@fault(
    "killed",
    "run, killed at random",
    "kill -9 at random moments of each part of a night: " + ", ".join(PARTS),
    needs_time=True,
)
def night_killed_at_random(scene: Scene, is_long: bool) -> Outcome:
    """While DuckDB, dbt or Python work; by the times that the record of an undisturbed night gives."""
    scene.rewind()
    assert scene.run("run").code == 0
    taken = json.loads(max((scene.home / "runs").glob("*.json")).read_text())["seconds"]
    assert set(taken) >= set(PARTS)
    dice = random.Random(7)
    parts = [part for part in PARTS for _ in range(2)] if is_long else ["dbt"]
    for part in parts:
        scene.rewind()
        with scene.reader():
            # a part may be done sooner this time: then the next one is hit
            assert scene.run("run", accident=Accident(kill_in=(part, taken[part] * dice.random()))).code == -9, part
            scene.heals()
    return Outcome(len(parts), "nothing (killed)")


# --- disks ------------------------------------------------------------------------------------------------------------


@contextmanager
def mounted(target: Path, *options: str) -> Iterator[None]:
    """A mount, for as long as the body lasts. Skips where this user may not mount."""
    done = subprocess.run(["mount", *options, str(target)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting needs root and the right to mount: {done.stderr.strip()}")
    try:
        yield
    finally:
        for _ in range(50):  # whoever still closes its files keeps it busy
            if subprocess.run(["umount", str(target)], capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.2)
        else:
            subprocess.run(["umount", "--lazy", str(target)], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A folder on a file system that cannot be written."""
    with mounted(folder, "--bind", str(folder)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
        yield


@contextmanager
def small_disk(scene: Scene, copy: str) -> Iterator[Path]:
    """The installation on a disk of its own; gives a file that takes all of the space that is left."""
    folder = scene.installation.folder
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    with mounted(folder, "-t", "tmpfs", "-o", "size=120m", "tmpfs"):
        scene.rewind(copy)
        files_of(scene)
        yield folder / "ballast"


def leave(ballast: Path, free: int) -> None:
    """Fill the disk but for so many bytes."""
    ballast.unlink(missing_ok=True)
    left = os.statvfs(ballast.parent)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, left.f_bavail * left.f_frsize - free))


@fault("disk", "full while taking in", "the disk has 0 to 60 kB left during `returnscope ingest`")
def full_ingest(scene: Scene, is_long: bool) -> Outcome:
    """Every size at which another write is the first that fails."""
    expected = taken(scene)
    sizes = some(list(range(0, 64 << 10, 4 << 10)), 5, is_long)
    words = set()
    for size in sizes:
        with small_disk(scene, "evening") as ballast:
            leave(ballast, size)
            ended = scene.run("ingest", str(scene.installation.folder / "files"), "--store", "acme", *WINDOW)
            if ended.code:
                words.add(said(ended, "next:"))
            ballast.unlink()
            assert ingest(scene).code == 0
            assert without_repetitions(scene.objects()) == expected
    assert words
    return Outcome(len(sizes), "; ".join(sorted(words)), "free some space, the same command again")


@fault("disk", "full while publishing", "the disk has 0 to 6 MB left when a finished release is made current")
def full_publishing(scene: Scene, is_long: bool) -> Outcome:
    """The release is complete; the published file does not fit."""
    sizes = some(list(range(0, 6 << 20, 1 << 20)), 3, is_long)
    words = set()
    for size in sizes:
        with small_disk(scene, "midnight") as ballast:
            leave(ballast, size)
            with scene.reader() as reads:
                words.add(said(scene.run("run"), "full"))
                ballast.unlink()
                scene.heals()
            assert reads.count
    return Outcome(len(sizes), "; ".join(sorted(words)), f"free some space, {RUN_AGAIN}")


@fault("disk", "full during a night", "the disk has 0 to 24 MB left when the night begins", needs_time=True)
def full_night(scene: Scene, is_long: bool) -> Outcome:
    """Sizes at which the decoding, the build file, dbt, the export and the published file are the first to fail."""
    sizes = [0, 1 << 20, 4 << 20, 9 << 20, 12 << 20, 16 << 20] if is_long else [4 << 20]
    words = set()
    for size in sizes:
        with small_disk(scene, "evening") as ballast:
            leave(ballast, size)
            with scene.reader():
                words.add(said(scene.run("run"), "full"))
                ballast.unlink()
                scene.heals()
    return Outcome(len(sizes), "; ".join(sorted(words)), f"free some space, {RUN_AGAIN}")


@fault("disk", "read-only lake", "the lake's file system is mounted for reading only; `ingest` and `run`")
def read_only_lake(scene: Scene, is_long: bool) -> Outcome:
    """Nothing is taken, nothing is published; what was delivered stays where it is."""
    scene.rewind()
    before = scene.objects()
    with read_only(scene.lake):
        words = said(ingest(scene), "Mount the file system for writing")
        with scene.reader():
            said(scene.run("run"), "Mount the file system for writing")
    assert scene.objects() == before
    assert len(list((scene.home / "inbox" / "acme").glob("*.txt"))) == len(SECOND)
    scene.rewind("midnight")
    with read_only(scene.lake), scene.reader() as reads:
        said(scene.run("run"), "Mount the file system for writing")
    assert reads.seen == [scene.first.release_id]
    scene.heals()
    return Outcome(3, words, f"mount it for writing, {RUN_AGAIN}")


@fault("disk", "read-only home", "RETURNSCOPE_HOME is mounted for reading only")
def read_only_home(scene: Scene, is_long: bool) -> Outcome:
    """Readers go on reading."""
    scene.rewind("midnight")
    with read_only(scene.home), scene.reader() as reads:
        words = said(scene.run("run"), "Read-only file system", "next:")
    assert reads.seen == [scene.first.release_id]
    scene.heals()
    return Outcome(1, words, f"mount it for writing, {RUN_AGAIN}")


# --- power ------------------------------------------------------------------------------------------------------------


def cut_power(scene: Scene, copy: str, moments: int, is_long: bool, *command: str) -> Iterator[str]:
    """The disk after each moment of a command, on each kind of disk; gives what it is a disk of."""
    notes = scene.scratch / "operations"
    power.forget(notes)
    scene.rewind(copy)
    files_of(scene)
    assert scene.run(*command, accident=Accident(trace=str(notes))).code == 0
    operations = power.recorded(notes)
    for number in some(list(range(len(operations) + 1)), moments, is_long):
        for disk in power.DISKS:
            if not is_long and disk != power.DISKS[number % 3] and number < len(operations):
                continue
            scene.rewind(copy)
            files_of(scene)
            files, names = power.disk_after(scene.installation.folder, operations[:number], disk, number)
            power.write_disk(files, names, scene.installation.folder)
            last = str(operations[number - 1]) if number else "nothing"
            yield f"{disk} disk after {last} ({number} of {len(operations)})"


@fault("power cut", "while taking in", "the disk after each operation of `ingest`, without what was not synced by then")
def power_ingest(scene: Scene, is_long: bool) -> Outcome:
    """What a command reported as taken is still there; the same command again makes the rest good."""
    expected = taken(scene)
    tries = 0
    files = str(files_of(scene))
    for disk in cut_power(scene, "evening", 7, is_long, "ingest", files, "--store", "acme", *WINDOW):
        tries += 1
        if "(0 of" not in disk and disk.rpartition("(")[2].split(" of ")[0] == disk.rpartition(" of ")[2].rstrip(")"):
            assert scene.objects() == expected, disk  # the command has ended, so nothing of it may be lost
        ended = ingest(scene)
        assert ended.code == 0, (disk, ended)
        assert without_repetitions(scene.objects()) == expected, disk
    return Outcome(tries, "nothing (power cut)", "the same command again")


@fault("power cut", "while publishing", "the disk after each operation of a `run` that makes a release current")
def power_publishing(scene: Scene, is_long: bool) -> Outcome:
    """The published file is whole, or is made again."""
    tries = 0
    for disk in cut_power(scene, "midnight", 6, is_long, "run"):
        tries += 1
        ended = scene.run("run")
        assert ended.code == 0, (disk, ended)
        scene.is_whole()
        assert scene.run("status").code == 0
    return Outcome(tries, "nothing (power cut)")


@fault("power cut", "during a night", "the disk after some operations of the whole night", needs_time=True)
def power_night(scene: Scene, is_long: bool) -> Outcome:
    """From the inbox to the published file."""
    tries = 0
    for disk in cut_power(scene, "evening", 18 if is_long else 2, False, "run"):
        tries += 1
        ended = scene.run("run")
        assert ended.code == 0, (disk, ended)
        scene.is_whole()
    return Outcome(tries, "nothing (power cut)")


# --- two writers ------------------------------------------------------------------------------------------------------


@fault("two writers", "two runs of one home", "two `run`s start together on a finished release")
def two_runs(scene: Scene, is_long: bool) -> Outcome:
    """They take turns."""
    tries = 5 if is_long else 2
    for _ in range(tries):
        scene.rewind("midnight")
        with scene.reader():
            both = [scene.start("run"), scene.start("run")]
            assert not both[0].has_ended
            told = sorted(one.wait().said for one in both)
        assert sum("Current again" in text for text in told) == 1, told
        assert sum("Nothing has changed" in text for text in told) == 1, told
        scene.is_whole()
    return Outcome(tries, "Nothing has changed (the later one)", "nothing to heal")


@fault(
    "two writers",
    "two homes on one lake",
    "one installation publishes to the lake between the last look and the write of another; or both `run` together",
)
def two_homes(scene: Scene, is_long: bool) -> Outcome:
    """The later one is told to run again, or finds the work done. What came in is untouched."""
    other = scene.installation.folder / "other"
    homes = ({}, {"RETURNSCOPE_HOME": str(other), "RETURNSCOPE_LAKE": str(scene.lake)})
    tries = 0
    words = set()

    def agree(ended: list[Ended], before: dict[str, bytes]) -> None:
        nonlocal tries
        tries += 1
        for one in ended:
            if one.code:
                words.add(said(one, "another writer", "Run again: the work is then done on top of the other writer's"))
        assert not all(one.code for one in ended), ended
        assert scene.objects() == before
        assert scene.published().sums == scene.second.sums or taken_otherwise(scene.installation)
        for home in homes:
            again = scene.run("run", **home)
            assert again.code == 0, again.said
        scene.is_whole()
        assert read_published(other / "published" / "marts.duckdb") == read_published(scene.installation.marts)

    for slow, fast in (homes, homes[::-1]):
        scene.rewind("midnight")
        before = scene.objects()
        go = scene.scratch / "go"
        reached = go.with_name("go.reached")
        for file in (go, reached):
            file.unlink(missing_ok=True)
        with scene.reader():
            late = scene.start("run", accident=Accident(wait_at=("lake/published/", str(go))), **slow)
            while not reached.exists():
                assert not late.has_ended, late.wait()
                time.sleep(0.01)
            ended = [scene.run("run", **fast)]
            go.touch()
            ended.append(late.wait())
            assert [one.code for one in ended] == [0, 1], ended
            agree(ended, before)
    # from a finished release on they meet at the pointer; from the evening on both build, too
    for copy in ["midnight"] * 10 + ["evening"] * 2 if is_long else ["midnight"]:
        scene.rewind(copy)
        if copy == "evening":
            assert ingest(scene).code == 0
            shutil.rmtree(scene.home / "inbox")
            (scene.home / "inbox" / "acme").mkdir(parents=True)
        before = scene.objects()
        with scene.reader():
            both = [scene.start("run", **home) for home in homes]
            agree([one.wait() for one in both], before)
    return Outcome(tries, "; ".join(sorted(words)), "the next run of the later one")


# --- clock ------------------------------------------------------------------------------------------------------------

DAYS_BACK = -3 * 86_400.0


@fault(
    "clock", "back by three days, taking in", "a file without a stated time comes when the clock is three days behind"
)
def clock_back_ingest(scene: Scene, is_long: bool) -> Outcome:
    """Taken at the wrong time, its rows would lose against older ones: it is not taken, and it says why."""
    scene.rewind()
    file = str(scene.installation.file("late.txt", next(iter(SECOND.values()))))
    before = scene.objects()
    words = said(
        scene.run("ingest", file, "--store", "acme", accident=Accident(clock=DAYS_BACK)), "clock", "--delivered-at"
    )
    assert scene.objects() == before
    stated = ("--delivered-at", "2026-01-10T06:00:00Z")
    assert scene.run("ingest", file, "--store", "acme", *stated, accident=Accident(clock=DAYS_BACK)).code == 0
    scene.rewind()
    file = str(scene.installation.file("late.txt", next(iter(SECOND.values()))))
    assert scene.run("ingest", file, "--store", "acme").code == 0
    return Outcome(1, words, "set the clock (or state the time), the same command again")


@fault("clock", "back by three days, publishing", "the clock is three days behind when a release is made current")
def clock_back_publishing(scene: Scene, is_long: bool) -> Outcome:
    """Nothing that decides about a release reads the clock."""
    scene.rewind("midnight")
    with scene.reader():
        assert scene.run("run", accident=Accident(clock=DAYS_BACK)).code == 0
        scene.is_whole()
    scene.heals()
    return Outcome(1, "nothing", "nothing to heal")


@fault("clock", "back by three days, a night", "the whole night with the clock three days behind", needs_time=True)
def clock_back_night(scene: Scene, is_long: bool) -> Outcome:
    """Reports that state their time are taken, and give the same marts."""
    scene.rewind()
    with scene.reader():
        ended = scene.run("run", accident=Accident(clock=DAYS_BACK))
        assert ended.code == 0, ended.said
        scene.is_whole()
    return Outcome(1, "nothing", "nothing to heal")


# --- damaged files ----------------------------------------------------------------------------------------------------


def damages(path: Path) -> Iterator[str]:
    """The file cut off, emptied, with other bytes in the middle, begun by other bytes, and gone."""
    whole = path.read_bytes()
    half = len(whole) // 2
    noise = bytes(range(256)) * 16
    for name, content in {
        "cut off": whole[:half],
        "emptied": b"",
        "altered in the middle": whole[:half]
        + noise[: max(1, half // 2)]
        + whole[half + len(noise[: max(1, half // 2)]) :],
        "altered at the beginning": noise[: max(1, half // 2)] + whole[max(1, half // 2) :],
        "gone": None,
    }.items():
        path.chmod(0o644)
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        yield name
        path.unlink(missing_ok=True)
        path.write_bytes(whole)


@fault(
    "damaged", "published file", "marts.duckdb is cut off, emptied, altered or gone; or its second name is another file"
)
def damaged_marts(scene: Scene, is_long: bool) -> Outcome:
    """It is made again from the release."""
    scene.rewind("morning")
    tries = 0
    marts = scene.installation.marts
    for damage in damages(marts):
        tries += 1
        ended = scene.run("run")
        assert ended.code == 0, (damage, ended)
        assert "Current again" in ended.said, (damage, ended)
        scene.is_whole()
    other = marts.with_name("returnscope.duckdb")
    other.unlink()
    other.write_bytes(b"something else")
    scene.heals()
    assert other.samefile(marts)
    return Outcome(tries + 1, "Current again, without building")


@fault(
    "damaged",
    "release",
    "a mart's parquet file or the manifest of the current release is damaged or gone",
    needs_time=True,
)
def damaged_release(scene: Scene, is_long: bool) -> Outcome:
    """As long as the published file is whole nobody notices; when it has to be made again, the release is, too."""
    tries = 0
    for name in ("fct_returns.parquet", "manifest.json"):
        scene.rewind("morning")
        path = scene.lake / "releases" / scene.second.release_id / name
        for damage in damages(path):
            if not is_long and damage not in ("cut off", "gone"):
                continue
            tries += 1
            scene.installation.marts.unlink()
            if path.name == "manifest.json" and path.exists():
                said(scene.run("run"), "manifest.json", "Delete it and run again")
                path.unlink()
            ended = scene.run("run")
            assert ended.code == 0, (damage, ended)
            scene.is_whole()
    return Outcome(tries, "Published (a damaged manifest: Failed: The manifest of a release is damaged)")


@fault("damaged", "pointer", "releases/current.json is damaged or gone")
def damaged_pointer(scene: Scene, is_long: bool) -> Outcome:
    """Which night is current cannot be guessed while something is there that nobody can read."""
    scene.rewind("morning")
    path = scene.lake / "releases" / "current.json"
    tries = 0
    words = set()
    for damage in damages(path):
        tries += 1
        if damage != "gone":
            with scene.reader() as reads:
                words.add(said(scene.run("run"), "current.json", "Delete it and run again"))
            assert reads.seen == [scene.second.release_id]
            path.unlink()
        scene.heals()
    return Outcome(tries, "; ".join(words), f"delete it, {RUN_AGAIN}; gone: {RUN_AGAIN}")


@fault("damaged", "build file", "warehouse.duckdb and dbt's kept parse are damaged or gone", needs_time=True)
def damaged_build(scene: Scene, is_long: bool) -> Outcome:
    """Both are caches."""
    tries = 0
    for name in ("warehouse.duckdb", "dbt/target/partial_parse.msgpack", "dbt/target/manifest.json"):
        scene.rewind()
        for damage in damages(scene.home / "warehouse" / name):
            if damage not in (("cut off", "altered at the beginning") if is_long else ("cut off",)):
                continue
            tries += 1
            copy = scene.home / "inbox" / "acme"
            for file, content in SECOND.items():
                (copy / file).write_text(content)
                os.utime(copy / file, (1_700_000_000, 1_700_000_000))
            ended = scene.run("run", "--force")
            assert ended.code == 0, (name, damage, ended)
            assert read_published(scene.installation.marts)[1] == scene.told(scene.second)
    return Outcome(tries, "Published")


def damage_derived(scene: Scene, kind: str) -> None:
    """The second night is taken in; then every file that was made from what came in is damaged in this way."""
    scene.rewind()
    assert ingest(scene).code == 0
    shutil.rmtree(scene.home / "inbox" / "acme")
    (scene.home / "inbox" / "acme").mkdir()
    for part in ("bronze", "quarantine", "verdicts"):
        for path in sorted((scene.lake / part).rglob("*.parquet")):
            for damage in damages(path):
                if damage == kind:
                    break


@fault(
    "damaged",
    "bronze, quarantine, verdicts",
    "their parquet files are damaged or gone when a night is built",
    needs_time=True,
)
def damaged_bronze(scene: Scene, is_long: bool) -> Outcome:
    """They are made again from what came in."""
    kinds = ["cut off", "emptied", "altered in the middle", "altered at the beginning", "gone"]
    whole = taken(scene)
    tries = 0
    for kind in kinds if is_long else kinds[:1]:
        damage_derived(scene, kind)
        tries += 1
        ended = scene.run("run")
        assert ended.code == 0, (kind, ended)
        scene.is_whole()
        assert without_repetitions(scene.objects()) == whole, kind
    return Outcome(tries, "Published")


@fault(
    "damaged",
    "the same, in Dagster",
    "the same files are damaged when Dagster builds the night",
    needs_time=True,
)
def damaged_bronze_in_dagster(scene: Scene, is_long: bool) -> Outcome:
    """The first try of the step finds and deletes them, the second one makes them again."""
    whole = taken(scene)
    kinds = ["cut off", "altered in the middle"] if is_long else ["cut off"]
    for kind in kinds:
        damage_derived(scene, kind)
        (scene.home / "dagster").mkdir(exist_ok=True)
        words = ["-m", "dagster", "asset", "materialize", "-m", "orchestration.definitions", "--select", "*"]
        environment = {
            **scene.installation.variables,
            "PYTHONPATH": str(ROOT),
            "RETURNSCOPE_HOME": str(scene.home),
            "RETURNSCOPE_CONFIG": str(scene.installation.folder / "returnscope.toml"),
            "DAGSTER_HOME": str(scene.home / "dagster"),
        }
        done = subprocess.run(
            [sys.executable, *words, "--partition", "2026-01-09"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        assert "derived files were damaged and are deleted" in done.stdout + done.stderr
        scene.is_whole()
        assert without_repetitions(scene.objects()) == whole, kind
    return Outcome(len(kinds), "nothing (the log of the step's first try)", "the retry of the step")


@fault("damaged", "ledger", "all entries, or one, are gone; an entry is damaged")
def damaged_ledger(scene: Scene, is_long: bool) -> Outcome:
    """A night with less than was published before is never published by mistake."""
    words = set()
    for number, damage in enumerate(("all gone", "one gone", "one damaged")):
        scene.rewind("morning")
        ledger = scene.lake / "ledger"
        saved = scene.scratch / f"ledger{number}"
        shutil.rmtree(saved, ignore_errors=True)
        shutil.copytree(ledger, saved)
        entry = min(ledger.rglob("*.json"))
        entry.chmod(0o644)
        if damage == "all gone":
            shutil.rmtree(ledger)
        elif damage == "one gone":
            entry.unlink()
        else:
            entry.write_text('{"pull_id": "')
        with scene.reader() as reads:
            words.add(said(scene.run("run"), "estore", "backup"))
        assert reads.seen == [scene.second.release_id]
        shutil.rmtree(ledger, ignore_errors=True)
        shutil.copytree(saved, ledger)
        scene.heals()
    return Outcome(3, "; ".join(sorted(words)), f"restore the ledger from a backup, {RUN_AGAIN}")


@fault("damaged", "landing", "the bytes of a delivery and its bronze are gone")
def damaged_landing(scene: Scene, is_long: bool) -> Outcome:
    """What came in cannot be made again by anybody but its source."""
    scene.rewind()
    assert ingest(scene).code == 0
    saved = scene.scratch / "landing"
    shutil.rmtree(saved, ignore_errors=True)
    shutil.copytree(scene.lake / "landing", saved)
    for part in ("landing", "bronze"):
        shutil.rmtree(scene.lake / part)
    with scene.reader() as reads:
        words = said(scene.run("run"), "restore it from a backup")
    assert reads.seen == [scene.first.release_id]
    return Outcome(1, words, f"restore it from a backup, {RUN_AGAIN}")
