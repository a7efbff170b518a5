"""Hundreds of malformed files over all feeds: each is refused or quarantined exactly as it should be.

For every one of them: the ledger says what came of it; each row is in bronze or in quarantine; what is refused leaves
nothing behind; nothing is executed, written elsewhere or kept in memory; it takes seconds at most.
"""

from __future__ import annotations

import hashlib
import io
import resource
import time
from pathlib import Path
from typing import Any

import pytest

from ingestion.intake import take
from ingestion.lake import open_lake
from tests.corpus.mutations import MUTATIONS, Case, Loaded, Refused
from tests.corpus.sound import Sound, sound_reports
from tests.support.deliveries import Bench, make_bench

SECONDS = 15.0
MEGABYTES = 700


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corpus")


@pytest.fixture(scope="module")
def sound_rows(home: Path) -> dict[str, list[dict[str, Any]]]:
    """Bronze of the sound report of each feed."""
    bench = make_bench(home / "sound")
    return {s.feed.name: values(bench.bronze(bench.take(s.text, feed=s.feed.name))) for s in sound_reports()}


def values(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without what tells one delivery from another."""
    return [{name: value for name, value in row.items() if not name.startswith("_")} for row in rows]


@pytest.mark.parametrize("name", MUTATIONS)
def test_malformed(
    name: str, home: Path, sound_rows: dict[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    seen = set()
    for sound in sound_reports():
        case = MUTATIONS[name](sound)
        if case is not None:
            seen.add(hashlib.sha256(case.content).digest())
            check(name, sound, case, make_bench(home / name / sound.feed.name, limits=case.limits), sound_rows)
    assert seen
    assert not list(home.rglob("canary*")), "something of a file was executed, or written to a place of its choice"


def check(name: str, sound: Sound, case: Case, bench: Bench, sound_rows: dict[str, list[dict[str, Any]]]) -> None:
    """Take one malformed file in and compare what becomes of it with what must."""
    where = f"{name}, {sound.feed.name}"
    memory, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    pull = take(
        bench.lake,
        bench.settings,
        io.BytesIO(case.content),
        store="acme",
        feed=sound.feed.name,
        file_name=case.file_name,
    )
    assert time.monotonic() - begin < SECONDS, where
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < MEGABYTES * 1024, where
    assert pull.file_name == case.file_name
    expected = case.expected
    if isinstance(expected, Refused):
        assert (pull.outcome, pull.restates, pull.rows_in) == ("failed", False, None), (where, pull)
        for word in expected.words:
            assert word in str(pull.error), (where, pull.error)
        assert list(bench.objects()) == [pull.key], where
        assert str(pull.error).rstrip().endswith("."), where
        return
    assert isinstance(expected, Loaded)
    counts = (pull.rows_in, pull.rows_bronze, pull.rows_quarantined)
    assert counts == (expected.bronze + expected.bad, expected.bronze, expected.bad), (where, pull.error)
    assert pull.outcome == ("loaded" if expected.bronze + expected.bad else "loaded_empty"), where
    good, bad = bench.bronze(pull), bench.quarantine(pull)
    assert (len(good), len(bad)) == counts[1:], where
    lines = [row["_line_number"] for row in [*good, *bad]]
    assert len(set(lines)) == len(lines), where
    found = {reason for row in bad for reason in row["reasons"].split(";")}
    assert found == {reason for reasons in expected.reasons for reason in reasons.split(";")}, (where, bad)
    if expected.same:
        assert values(good) == sound_rows[sound.feed.name], where
    if expected.verbatim is not None:
        assert expected.verbatim in {value for row in good for value in row.values()}, where
    assert list((bench.home / "scratch").iterdir()) == [], where


def test_there_are_hundreds_of_them() -> None:
    contents = {
        (sound.feed.name, hashlib.sha256(case.content).digest(), case.file_name)
        for work in MUTATIONS.values()
        for sound in sound_reports()
        if (case := work(sound)) is not None
    }
    assert len(contents) >= 700
    assert len({content for _, content, _ in contents}) >= 500


def test_a_store_cannot_be_a_path(home: Path) -> None:
    from ingestion.intake import WrongUse

    bench = make_bench(home / "stores")
    for store in ("../x", "a/b", "..", ".hidden", "a\0b", "", "x" * 64, "a\nb", "~root"):
        with pytest.raises(WrongUse):
            take(bench.lake, bench.settings, io.BytesIO(b"asin"), store=store)
    assert list(open_lake(bench.settings.lake).list()) == []
