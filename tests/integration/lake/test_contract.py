"""What every lake promises, proven on a folder and on an S3 server by the same tests."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingestion.failures import PermanentFailure
from ingestion.lake import Lake, ObjectMissing, VersionConflict, open_lake


def test_what_is_put_can_be_read_in_every_way(lake: Lake) -> None:
    key, content = "landing/fba_returns/acme/4fa1.tsv", b"return-date\torder-id\r\n" * 1000
    assert lake.put_new(key, content) is True
    assert lake.get(key) == content
    with lake.open(key) as stream:
        assert stream.read(11) == b"return-date"
        assert stream.read() == content[11:]
    assert lake.local_path(key).read_bytes() == content
    assert lake.exists(key)
    info = lake.stat(key)
    assert info is not None
    assert (info.key, info.size) == (key, len(content))
    assert lake.get_versioned(key) == (content, info.version)
    assert list(lake.list()) == [info]
    assert lake.local_path(key, info.version).read_bytes() == content


def test_the_first_writer_wins_and_the_object_stays(lake: Lake) -> None:
    assert lake.put_new("a", b"first") is True
    before = lake.stat("a")
    assert lake.put_new("a", b"second") is False
    assert lake.put_new("a", b"first") is False
    assert lake.get("a") == b"first"
    assert lake.stat("a") == before


class _Pipe(io.RawIOBase):
    """A stream that cannot seek and gives a few bytes at a time, as pipes do."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._content.readinto(memoryview(buffer)[:1000])


def test_sources_of_every_kind(lake: Lake, tmp_path: Path) -> None:
    content = os.urandom(100_000)
    (tmp_path / "report").write_bytes(content)
    begun = io.BytesIO(b"skipped" + content)
    begun.seek(7)
    assert lake.put_new("bytes", content)
    assert lake.put_new("path", tmp_path / "report")
    assert lake.put_new("begun", begun)
    assert lake.put_new("pipe", _Pipe(content))  # type: ignore[arg-type]
    for info in lake.list():
        assert lake.get(info.key) == content, info.key


def test_a_file_of_ones_own_is_stored_like_any_other(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "made for it"
    path.write_bytes(b"rows" * 1000)
    assert lake.put_own("bronze/a", path) is True
    path.unlink()
    assert lake.get("bronze/a") == b"rows" * 1000
    path.write_bytes(b"other rows")
    assert lake.put_own("bronze/a", path) is False
    assert lake.get("bronze/a") == b"rows" * 1000
    path.unlink()
    with pytest.raises(PermanentFailure):
        lake.put_own("bronze/b", path)
    assert [info.key for info in lake.list()] == ["bronze/a"]


def test_an_unreadable_source_stores_nothing(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(PermanentFailure, match=r"source cannot be read.*no-such-file"):
        lake.put_new("a", tmp_path / "no-such-file")
    assert not lake.exists("a")
    assert list(lake.list()) == []


def test_an_empty_object_is_an_object(lake: Lake) -> None:
    assert lake.put_new("empty", b"") is True
    assert lake.put_new("empty", b"x") is False
    assert lake.get("empty") == b""
    assert lake.local_path("empty").read_bytes() == b""
    info = lake.stat("empty")
    assert info is not None
    assert info.size == 0


@pytest.mark.parametrize("key", ["店铺/レビュー/größe é.csv", "a b/c+d/e%20f/g&h=1?i#j/k'l\"m", "-/=/~", "a/😀"])
def test_unusual_keys(lake: Lake, key: str) -> None:
    assert lake.put_new(key, b"x") is True
    assert lake.put_new(key, b"y") is False
    assert lake.get(key) == b"x"
    assert [info.key for info in lake.list()] == [key]
    assert [info.key for info in lake.list(key[:1])] == [key]
    assert lake.local_path(key).read_bytes() == b"x"
    lake.delete(key)
    assert not lake.exists(key)


def test_bad_keys_are_refused_by_every_method(lake: Lake) -> None:
    calls = [lake.get, lake.open, lake.local_path, lake.exists, lake.stat, lake.delete]
    for key in ("../outside", "/absolute", "a//b", "a\\b", ".lake/tmp", ""):
        for call in calls:
            with pytest.raises(PermanentFailure, match="Not a key"):
                call(key)
        with pytest.raises(PermanentFailure, match="Not a key"):
            lake.put_new(key, b"")
        with pytest.raises(PermanentFailure, match="Not a key"):
            lake.replace(key, b"", None)
    with pytest.raises(PermanentFailure, match="Not a key"):
        lake.list("../")


def test_a_missing_object(lake: Lake) -> None:
    lake.put_new("there/a", b"")
    for read in (lake.get, lake.get_versioned, lake.open, lake.local_path):
        with pytest.raises(ObjectMissing) as missing:
            read("there/b")
        assert missing.value.where == f"{lake.url}/there/b"
        with pytest.raises(ObjectMissing):
            read("there")
    assert lake.stat("there/b") is None
    assert lake.stat("there") is None
    assert lake.stat("there/a/b") is None
    lake.delete("there/b")


def test_delete(lake: Lake) -> None:
    lake.put_new("cache/a", b"1")
    lake.delete("cache/a")
    assert not lake.exists("cache/a")
    assert lake.put_new("cache/a", b"2") is True
    assert lake.get("cache/a") == b"2"


def test_listing_goes_past_a_page_in_the_order_of_keys(lake: Lake) -> None:
    keys = [f"many/{number:04}" for number in range(1003)]
    others = ["many-not/a", "many.b", "manya", "many/0500/sub", "z", "é/a"]
    others.remove("many/0500/sub")  # a key is never the folder of another
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda key: lake.put_new(key, key.encode()), keys + others))
    found = [info.key for info in lake.list()]
    assert found == sorted(keys + others)
    assert [info.key for info in lake.list("many/")] == keys
    assert [info.key for info in lake.list("many/100")] == ["many/1000", "many/1001", "many/1002"]
    assert [info.key for info in lake.list("many")] == [key for key in found if key.startswith("many")]
    assert list(lake.list("many/2")) == []
    assert list(lake.list("nothing/here/")) == []


def test_replace_is_a_compare_and_swap(lake: Lake) -> None:
    first = lake.replace("releases/current", b"1", None)
    with pytest.raises(VersionConflict):
        lake.replace("releases/current", b"x", None)
    assert lake.get_versioned("releases/current") == (b"1", first)
    second = lake.replace("releases/current", b"2", first)
    assert second != first
    with pytest.raises(VersionConflict) as conflict:
        lake.replace("releases/current", b"x", first)
    assert conflict.value.where == f"{lake.url}/releases/current"
    assert lake.get_versioned("releases/current") == (b"2", second)
    info = lake.stat("releases/current")
    assert info is not None
    assert info.version == second
    assert lake.put_new("releases/current", b"x") is False
    with pytest.raises(VersionConflict):
        lake.replace("releases/other", b"x", second)
    assert not lake.exists("releases/other")


def test_a_copy_in_hand_survives_a_replacement(lake: Lake) -> None:
    version = lake.replace("pointer", b"old", None)
    with lake.open("pointer") as stream:
        lake.replace("pointer", b"new", version)
        assert stream.read() == b"old"
    assert lake.local_path("pointer").read_bytes() == b"new"


def test_large_objects_pass_through_in_bounded_memory(lake: Lake) -> None:
    size, piece = 80 << 20, os.urandom(1 << 20)  # beyond the size from which S3 objects go up in parts

    class Endless(io.RawIOBase):
        left = size

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            count = min(len(buffer), self.left, len(piece))
            buffer[:count] = piece[:count]
            self.left -= count
            return count

    def pieces() -> Iterator[bytes]:
        with lake.open("large") as stream:
            yield from iter(lambda: stream.read(1 << 20), b"")

    wanted = hashlib.sha256(piece * 80).hexdigest()
    tracemalloc.start()
    assert lake.put_new("large", Endless()) is True  # type: ignore[arg-type]
    digest = hashlib.sha256()
    for part in pieces():
        digest.update(part)
    copy = lake.local_path("large")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert digest.hexdigest() == wanted
    assert peak < 64 << 20
    assert lake.put_new("large", b"other") is False
    with copy.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == wanted
    info = lake.stat("large")
    assert info is not None
    assert info.size == size


RACER = """
import sys, threading
from ingestion.lake import open_lake
url, name, keys, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
lakes = [open_lake(url) for _ in range(threads)]
for lake in lakes:
    lake.exists("warm")
print("ready", flush=True)
sys.stdin.readline()
wins = []
def race(lake, thread):
    for number in range(keys):
        if lake.put_new(f"race/{number}", f"{name}-{thread}".encode() * 10000):
            wins.append((number, f"{name}-{thread}"))
runners = [threading.Thread(target=race, args=(lake, n)) for n, lake in enumerate(lakes)]
[runner.start() for runner in runners]
[runner.join() for runner in runners]
print(wins)
"""


def test_of_writers_in_many_processes_and_threads_exactly_one_wins(lake: Lake, lake_url: str) -> None:
    keys = 15
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, lake_url, f"process{number}", str(keys), "2"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    wins = [win for racer in racers for win in eval(racer.communicate(timeout=60)[0])]
    assert sorted(number for number, _ in wins) == list(range(keys))
    for number, winner in wins:
        assert lake.get(f"race/{number}") == winner.encode() * 10000


def test_no_swap_is_lost_between_writers(lake_url: str, tmp_path: Path) -> None:
    def count(_: int) -> int:
        lake, conflicts = open_lake(lake_url, cache=tmp_path / "cache"), 0
        barrier.wait()
        for _ in range(10):
            while True:
                value, version = lake.get_versioned("counter")
                try:
                    lake.replace("counter", str(int(value) + 1).encode(), version)
                    break
                except VersionConflict:
                    conflicts += 1
        return conflicts

    barrier = threading.Barrier(4)
    lake = open_lake(lake_url, cache=tmp_path / "cache")
    lake.replace("counter", b"0", None)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(4)))
    assert lake.get("counter") == b"40"
