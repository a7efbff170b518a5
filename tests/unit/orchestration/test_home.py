"""The home: one run at a time, clear words for who waits, and nothing left behind by killed runs."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from ingestion.failures import TransientFailure
from orchestration.home import Home, replace_durably


def hold(root: Path, ready: object) -> None:
    with Home(root).locked("a run"), Home(root).scratch_folder("build") as folder:
        (folder / "half").write_text("x")
        ready.set()  # type: ignore[attr-defined]
        time.sleep(60)


@pytest.fixture
def holder(tmp_path: Path):
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=hold, args=(tmp_path, ready))
    process.start()
    assert ready.wait(10)
    yield process
    process.kill()
    process.join()


def test_a_second_run_is_told_who_holds_the_lock_and_refused(tmp_path: Path, holder) -> None:
    told: list[str] = []
    with (
        pytest.raises(TransientFailure, match=f"a run, process {holder.pid}, since"),
        Home(tmp_path).locked("another", wait_seconds=0.3, on_wait=told.append),
    ):
        pass
    assert told == [told[0]]
    assert f"process {holder.pid}" in told[0]


def test_a_killed_run_frees_its_lock_and_its_folders_are_removed(tmp_path: Path, holder) -> None:
    home = Home(tmp_path)
    assert home.heal() == []  # the holder lives
    left = list(home.scratch.iterdir())
    assert len(left) == 1
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    with home.locked("the next", wait_seconds=5):
        assert home.heal() == left
    assert list(home.scratch.iterdir()) == []


def test_a_scratch_folder_is_gone_after_its_body_and_spill_files_after_a_kill(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.scratch_folder("x") as folder:
        assert folder.is_dir()
    assert not folder.exists()
    spill = home.build.with_name("warehouse.duckdb.tmp")
    spill.mkdir(parents=True)
    assert home.heal() == [spill]


def test_two_locks_of_different_names_do_not_meet(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.locked("a", name="run"), home.locked("b", name="intake", wait_seconds=0):
        pass


def test_a_replaced_file_is_still_there_for_who_has_it_open(tmp_path: Path) -> None:
    target, new = tmp_path / "published" / "marts", tmp_path / "new"
    new.write_text("old")
    replace_durably(new, target)
    with target.open() as reader:
        new.write_text("new")
        replace_durably(new, target)
        assert reader.read() == "old"
    assert target.read_text() == "new"
    assert not new.exists()
