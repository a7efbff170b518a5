"""What people drop into the inbox: when it is taken, what its name and sidecar say, where it goes."""

from __future__ import annotations

import os
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ingestion.inbox import inbox_files, take_inbox, untaken
from ingestion.ledger import Pull
from tests.support.deliveries import Bench, fba, tsv

TEXT = tsv([fba()], end="\n")
WINDOW = (date(2026, 1, 1), date(2026, 1, 31))
AT = datetime(2026, 2, 1, 6, tzinfo=UTC)


def drop(bench: Bench, name: str, text: str = TEXT, *, age: float = 60, store: str = "acme") -> Path:
    """Put a file into the inbox that changed `age` seconds ago."""
    path = bench.home / "inbox" / store / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (time.time() - age,) * 2)
    return path


def take(bench: Bench, **more: object) -> list[Pull]:
    return take_inbox(bench.lake, bench.settings, **more)  # type: ignore[arg-type]


def test_files_are_taken_and_moved_away_once(bench: Bench) -> None:
    drop(bench, "returns.txt")
    drop(bench, "deep/er/again.txt", tsv([fba(sku="B")]))
    drop(bench, ".hidden")
    drop(bench, "half.crdownload")
    seen: list[Pull] = []
    pulls = take(bench, on_pull=seen.append)
    assert [(p.outcome, p.source, p.file_name) for p in pulls] == [
        ("loaded", "inbox", "again.txt"),
        ("loaded", "inbox", "returns.txt"),
    ]
    assert seen == pulls
    inbox = bench.home / "inbox" / "acme"
    assert (inbox / ".taken" / "returns.txt").read_text() == TEXT
    assert (inbox / ".taken" / "deep" / "er" / "again.txt").is_file()
    assert inbox_files(bench.settings) == []
    assert take(bench) == []
    drop(bench, "returns.txt")  # the same again, under the same name
    assert [(p.outcome, p.restates) for p in take(bench)] == [("duplicate", False)]
    assert (inbox / ".taken" / "2-returns.txt").is_file()


@pytest.mark.parametrize(
    ("name", "window", "at"),
    [
        ("fba_returns__2026-01-01..2026-01-31.tsv", WINDOW, None),
        ("fba_returns__2026-01-01..2026-01-31__2026-02-01T060000Z.txt.gz", WINDOW, AT),
        ("fba_returns__2026-01-01..2026-01-31__2026-02-01T07:00:00+01:00.tsv", WINDOW, AT),
        ("fba_returns____20260201T060000Z.tsv", None, AT),
        ("my__own__name.tsv", None, None),
    ],
)
def test_a_name_may_say_feed_window_and_time(
    bench: Bench, name: str, window: tuple[date, date] | None, at: datetime | None
) -> None:
    drop(bench, name)
    (pull,) = take(bench)
    assert (pull.outcome, pull.feed, pull.window) == ("loaded", "fba_returns", window), pull.error
    assert pull.delivered_at == at if at else pull.delivered_at == pull.taken_at


def test_a_sidecar_says_more_and_wins(bench: Bench) -> None:
    text = "Nr;Tag;Artikel;ASIN;Menge;Zustand;Grund\n1;31/01/2026;K;B000000001;1;OK;DEFECTIVE\n"
    path = drop(bench, "export.csv", text)
    path.with_name("mine.toml").write_text(
        'feed = "fba_returns"\n[columns]\norder_id = "Nr"\nreturn_date = "Tag"\nsku = "Artikel"\nquantity = "Menge"\n'
        'detailed_disposition = "Zustand"\nreason = "Grund"\n'
    )
    path.with_name("export.csv.toml").write_text(
        'mapping = "mine.toml"\nwindow = "2026-01-01..2026-01-31"\n'
        'delivered_at = 2026-02-01T06:00:00Z\ncharset = "utf-8"\n'
    )
    (pull,) = take(bench)
    assert (pull.outcome, pull.window, pull.delivered_at) == ("loaded", WINDOW, AT), pull.error
    taken = bench.home / "inbox" / "acme" / ".taken"
    assert sorted(p.name for p in taken.iterdir()) == ["export.csv", "export.csv.toml"]
    assert path.with_name("mine.toml").is_file()


@pytest.mark.parametrize(
    ("name", "sidecar", "words"),
    [
        ("fba_return__2026-01-01..2026-01-31.tsv", None, "states a window, but not in the form"),
        ("fba_returns__2026-01-31..2026-01-01.tsv", None, "ends before it begins"),
        ("fba_returns__2026-01-01.tsv", None, "no window"),
        ("fba_returns__2026-01-01..2026-01-31__2026-02-01T06:00:00.tsv", None, "has no zone"),
        ("fba_returns__2026-01-01..2026-01-31__2999-02-01T060000Z.tsv", None, "lies in the future"),
        ("a.tsv", "window = 3", "no window"),
        ("a.tsv", "windows = 3", "unknown keys: windows"),
        ("a.tsv", "feed = 'nothing'", "there is no feed 'nothing'"),
        ("a.tsv", "not toml", "not valid TOML"),
        ("a.tsv", "mapping = 'gone.toml'", "mapping cannot be read"),
        ("a.tsv", "feed = 'orders'", "looks like fba_returns"),
    ],
)
def test_what_cannot_be_taken_is_set_aside_with_the_reason(
    bench: Bench, name: str, sidecar: str | None, words: str
) -> None:
    path = drop(bench, name)
    if sidecar is not None:
        path.with_name(f"{name}.toml").write_text(sidecar)
    (pull,) = take(bench)
    assert pull.outcome == "failed"
    assert words in str(pull.error)
    rejected = bench.home / "inbox" / "acme" / ".rejected"
    assert (rejected / name).read_text() == TEXT
    assert words in (rejected / f"{name}.reason.txt").read_text()
    assert take(bench) == []
    assert [pull.outcome for pull in bench.pulls()] == ["failed"]


def test_a_store_that_is_not_configured_is_not_opened_by_a_folder(bench: Bench) -> None:
    drop(bench, "a.tsv", store="acmee")
    drop(bench, "b.tsv")
    assert [pull.store for pull in take(bench)] == ["acme"]
    (line,) = untaken(bench.settings)
    assert "acmee: 1 file is not taken: store 'acmee' is not in" in line
    assert "Add [stores.acmee]" in line
    declared = bench.settings.stores | {"acmee": bench.settings.stores["acme"]}
    bench.settings = bench.settings.model_copy(update={"stores": declared})
    assert untaken(bench.settings) == []
    assert [(pull.store, pull.outcome) for pull in take(bench)] == [("acmee", "loaded")]


def test_a_file_that_is_still_written_waits(bench: Bench) -> None:
    path = drop(bench, "growing.tsv", age=0)
    os.utime(path, (time.time() + 1,) * 2)  # changes again while the inbox is being looked at
    assert [p.file_name for p in take(bench, settled_seconds=0.2)] == [
        "growing.tsv"
    ]  # a clock ahead is no reason to wait
    drop(bench, "young.tsv", tsv([fba(sku="Y")]), age=0)
    started = time.monotonic()
    assert [p.file_name for p in take(bench, settled_seconds=0.3)] == ["young.tsv"]
    assert time.monotonic() - started >= 0.2


def test_one_store_at_a_time(bench: Bench) -> None:
    bench.settings = bench.settings.model_copy(update={"stores": {}})
    drop(bench, "a.tsv", store="one")
    drop(bench, "b.tsv", store="two")
    assert [pull.store for pull in take(bench, store="two")] == ["two"]
    assert [path.name for path in inbox_files(bench.settings)] == ["a.tsv"]
