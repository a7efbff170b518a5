"""A lake in a folder under what happens to machines: killed processes, power cuts, full disks, wrong clocks."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ingestion.failures import PermanentFailure, TransientFailure
from ingestion.lake import local as local_lake
from ingestion.lake import open_lake


def _wait_for(condition: object, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def test_a_writer_killed_in_the_middle_leaves_nothing_to_see(tmp_path: Path) -> None:
    script = "import sys; from ingestion.lake import open_lake; open_lake(sys.argv[1]).put_new('a/b', sys.stdin.buffer)"
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE) as writer:
        assert writer.stdin is not None
        writer.stdin.write(b"half" * 1_000_000)
        writer.stdin.flush()
        temporary = tmp_path / ".lake" / "tmp"
        _wait_for(lambda: any(file.stat().st_size > 1 << 20 for file in temporary.glob("*")))
        writer.kill()

    lake = open_lake(tmp_path)
    assert not lake.exists("a/b")
    assert list(lake.list()) == []
    assert lake.put_new("a/b", b"whole") is True
    assert lake.get("a/b") == b"whole"
    (left,) = temporary.glob("*")
    os.utime(left, (time.time() - 25 * 3600,) * 2)
    open_lake(tmp_path).put_new("c", b"")
    assert list(temporary.glob("*")) == []


def test_a_writer_killed_at_any_moment_leaves_only_whole_objects(tmp_path: Path) -> None:
    script = """
import itertools, sys
from ingestion.lake import open_lake
lake = open_lake(sys.argv[1])
print("ready", flush=True)
for number in itertools.count():
    lake.put_new(f"{sys.argv[2]}/{number}", f"{number:08}".encode() * 30_000)
    print(number, flush=True)
"""
    for attempt in range(4):
        command = [sys.executable, "-c", script, str(tmp_path), f"run{attempt}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            time.sleep(random.uniform(0.01, 0.1))
            writer.kill()
            told = [int(line) for line in writer.stdout if line.endswith("\n")]
        lake = open_lake(tmp_path)
        found = {int(info.key.rpartition("/")[2]) for info in lake.list(f"run{attempt}/")}
        assert found >= set(told), "an object that was reported as written is gone"
        for number in found:
            assert lake.get(f"run{attempt}/{number}") == f"{number:08}".encode() * 30_000


def test_content_reaches_the_disk_before_its_name_and_its_name_before_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Power-cut semantics: what the disk is told, in which order. The calls are real; only their order is noted."""
    calls: list[tuple[str, str]] = []
    real_sync, real_link = os.fsync, os.link

    def fsync(descriptor: int) -> None:
        calls.append(("sync", str(Path(f"/proc/self/fd/{descriptor}").readlink())))
        real_sync(descriptor)

    def link(source: Path, target: Path) -> None:
        calls.append(("link", str(target)))
        real_link(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "link", link)
    root = tmp_path / "lake"
    lake = open_lake(root)
    lake.put_new("a/b/c", b"x")
    linked = calls.index(("link", str(root / "a/b/c")))
    assert calls[linked - 1][0] == "sync"
    assert calls[linked - 1][1].startswith(str(root / ".lake" / "tmp"))
    assert calls[linked + 1 :] == [("sync", str(root / "a/b"))]
    for folder in (tmp_path, root, root / "a"):  # every new folder's own entry, too
        assert ("sync", str(folder)) in calls[:linked]

    calls.clear()
    own = tmp_path / "own"
    own.write_bytes(b"x")
    lake.put_own("a/b/d", own)
    assert calls[-3:] == [("sync", str(own)), ("link", str(root / "a/b/d")), ("sync", str(root / "a/b"))]

    # A second process that finds the object there must not say so before it would survive.
    calls.clear()
    assert open_lake(root).put_new("a/b/c", b"y") is False
    assert [call for call, _ in calls] == ["sync"] * 3
    assert {folder for _, folder in calls} == {str(root), str(root / "a"), str(root / "a/b")}


def test_a_file_of_ones_own_becomes_the_object_or_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = open_lake(tmp_path / "lake")
    own = tmp_path / "own"
    own.write_bytes(b"x" * 1000)
    assert lake.put_own("a", own) is True
    assert lake.local_path("a").samefile(own)
    assert lake.local_path("a").stat().st_mode & 0o777 == 0o444

    real_link = os.link

    def link(source: Path, target: Path) -> None:
        if source == own:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        real_link(source, target)

    monkeypatch.setattr(os, "link", link)
    assert lake.put_own("b", own) is True
    assert not lake.local_path("b").samefile(own)
    assert lake.get("b") == b"x" * 1000


def test_a_link_whose_answer_was_lost_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Network file systems repeat a call whose answer was lost, and then meet what the first call did."""
    real_link = os.link

    def link(source: Path, target: Path) -> None:
        real_link(source, target)
        raise FileExistsError

    monkeypatch.setattr(os, "link", link)
    lake = open_lake(tmp_path)
    assert lake.put_new("a", b"x") is True
    assert lake.put_new("a", b"y") is False
    assert lake.get("a") == b"x"


def test_a_full_disk_is_a_permanent_failure_and_leaves_nothing(tmp_path: Path) -> None:
    script = """
import resource, sys
from ingestion.failures import PermanentFailure
from ingestion.lake import open_lake
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
lake = open_lake(sys.argv[1])
try:
    lake.put_new("a", b"x" * 200_000)
except PermanentFailure as failure:
    print(failure.where, list(lake.list()), lake.put_new("a", b"y"))
"""
    answer = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True
    ).stdout
    assert answer.split() == [str(tmp_path / "a"), "[]", "True"]
    assert list((tmp_path / ".lake" / "tmp").glob("*")) == []


def test_versions_go_forward_when_the_clock_does_not(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    lake.replace("pointer", b"1", None)
    tomorrow = time.time_ns() + 86_400 * 10**9
    os.utime(tmp_path / "pointer", ns=(tomorrow, tomorrow))
    versions = [lake.get_versioned("pointer")[1]]
    for _ in range(20):
        versions.append(lake.replace("pointer", b"2", versions[-1]))
    assert len(set(versions)) == 21
    assert (tmp_path / "pointer").stat().st_mtime_ns > tomorrow


def test_a_key_cannot_be_object_and_folder_at_once(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    lake.put_new("a/b", b"")
    lake.put_new("c", b"")
    for key in ("a", "c/d"):
        with pytest.raises(PermanentFailure, match="is a file and would have to be a folder"):
            lake.put_new(key, b"")


def test_a_lake_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("not a folder")
    with pytest.raises(PermanentFailure, match="is a file and would have to be a folder"):
        open_lake(tmp_path / "lake").put_new("a", b"")


def test_foreign_files_are_passed_over(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    lake.put_new("a/b", b"")
    for name in (".DS_Store", "a/.nfs0001", "a/back\\slash"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "empty" / "folder").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert [info.key for info in lake.list()] == ["a/b"]


def test_objects_are_not_open_to_a_slip_of_the_editor(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    lake.put_new("a", b"")
    lake.replace("b", b"", None)
    for key in ("a", "b"):
        assert lake.local_path(key).stat().st_mode & 0o777 == 0o444


def test_a_swap_waits_for_the_lock_and_gives_up_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = open_lake(tmp_path)
    version = lake.replace("pointer", b"1", None)
    monkeypatch.setattr(local_lake, "_LOCK_SECONDS", 0.1)
    with (tmp_path / ".lake" / "lock").open("ab") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(TransientFailure, match="held the lake's lock"):
            lake.replace("pointer", b"2", version)
    assert lake.get("pointer") == b"1"
    lake.replace("pointer", b"2", version)
