"""What a delivery leaves in the lake and the ledger: repetitions, restatements, kills, races, bronze made again."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import signal
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from data_contracts import schemas
from data_contracts.settings import SettingsError
from ingestion.intake import WrongUse, ensure_all_bronze, ensure_bronze, record_without_document, take, take_each
from ingestion.lake.local import LocalLake
from ingestion.ledger import Ledger, Pull
from tests.support.deliveries import Bench, fba, make_bench, tsv

JANUARY = (date(2026, 1, 1), date(2026, 1, 31))
FEBRUARY = (date(2026, 2, 1), date(2026, 2, 28))
T1 = datetime(2026, 2, 1, 6, tzinfo=UTC)
T2, T3 = T1 + timedelta(days=1), T1 + timedelta(days=2)
TEXT = tsv([fba(), fba(sku="B"), fba(sku="C", quantity="0")])
EMPTY = tsv([], header=list(fba()))


def said(pull: Pull) -> tuple[str, bool]:
    return pull.outcome, pull.restates


def test_an_entry_says_everything_and_comes_back_as_it_was(bench: Bench) -> None:
    pull = bench.take(TEXT, window=JANUARY, delivered_at=T1, source_kind="sp-api", report_type="GET_X", charset="UTF-8")
    assert bench.pulls() == [pull]
    assert pull.delivery_id == hashlib.sha256(TEXT.encode()).hexdigest()
    assert pull.landing_key == f"landing/fba_returns/acme/delivered=2026-02-01/{pull.delivery_id}.tsv"
    assert pull.bronze_key == f"bronze/fba_returns/acme/{pull.delivery_id}-{pull.decode_id}.parquet"
    assert (pull.rows_in, pull.rows_bronze, pull.rows_quarantined) == (3, 2, 1)
    assert (pull.window, pull.delivered_at, pull.size_bytes) == (JANUARY, T1, len(TEXT))
    assert (pull.source, pull.report_type, pull.file_name) == ("sp-api", "GET_X", "report.txt")
    assert set(bench.objects()) == {pull.landing_key, pull.bronze_key, pull.quarantine_key, pull.key}


def test_the_senders_own_file_is_never_the_lakes(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "returns.txt"
    path.write_text(TEXT, newline="")
    pull = take(bench.lake, bench.settings, path, store="acme", delivered_at=T1)
    path.write_text("edited")
    assert bench.landing(pull) == TEXT.encode()


def test_a_stream_is_a_delivery_too(bench: Bench) -> None:
    pull = take(bench.lake, bench.settings, io.BytesIO(TEXT.encode()), store="acme", file_name="from-api.txt")
    assert (pull.outcome, pull.file_name) == ("loaded", "from-api.txt")
    assert bench.landing(pull) == TEXT.encode()


def test_a_file_name_that_is_no_text_is_no_hindrance(bench: Bench) -> None:
    name = os.fsdecode(b"r\xfcckgaben.txt")  # Latin-1, as zip archives leave it
    pull = take(bench.lake, bench.settings, io.BytesIO(TEXT.encode()), store="acme", file_name=name)
    assert pull.outcome == "loaded"
    assert [entry.file_name for entry in bench.pulls()] == ["r?ckgaben.txt"]


def test_the_same_again_changes_nothing(bench: Bench) -> None:
    first = bench.take(TEXT, window=JANUARY, delivered_at=T1)
    before = bench.objects()
    again = [
        bench.take(TEXT, window=JANUARY, delivered_at=T1),
        bench.take(TEXT, "other.txt", window=JANUARY),
        bench.take(TEXT, "copy.txt"),
    ]
    assert [said(pull) for pull in again] == [("duplicate", False)] * 3
    assert {pull.bronze_key for pull in again} == {first.bronze_key}
    assert before.items() <= bench.objects().items()
    assert {key.split("/")[0] for key in bench.objects().keys() - before.keys()} == {"ledger"}


def test_another_window_or_time_is_a_new_statement_of_the_source(bench: Bench) -> None:
    first = bench.take(TEXT, window=JANUARY, delivered_at=T1)
    wider = bench.take(TEXT, window=(JANUARY[0], FEBRUARY[1]), delivered_at=T2)
    later = bench.take(TEXT, window=JANUARY, delivered_at=T3)
    unstated = bench.take(TEXT, window=FEBRUARY)
    assert [said(pull) for pull in (first, wider, later, unstated)] == [("loaded", True)] + [("duplicate", True)] * 3
    assert len({pull.pull_id for pull in bench.pulls()}) == 4
    assert {(p.landing_key, p.bronze_key, p.rows_in) for p in bench.pulls()} == {
        (first.landing_key, first.bronze_key, 3)
    }


def test_empty_reports_of_two_windows_are_alike_and_both_count(bench: Bench) -> None:
    first = bench.take(EMPTY, window=JANUARY, delivered_at=T1)
    second = bench.take(EMPTY, window=FEBRUARY, delivered_at=T2)
    third = bench.take(EMPTY, window=FEBRUARY, delivered_at=T2)
    assert [said(p) for p in (first, second, third)] == [("loaded_empty", True)] * 2 + [("duplicate", False)]


def test_another_store_is_another_delivery(bench: Bench) -> None:
    bench.settings = bench.settings.model_copy(update={"stores": {}})
    pulls = [bench.take(TEXT, store=store) for store in ("acme", "Läden_2", "a.b-c")]
    assert [said(pull) for pull in pulls] == [("loaded", True)] * 3
    assert len({pull.bronze_key for pull in pulls}) == 3


@pytest.mark.parametrize("store", ["", "../acme", "a/b", ".hidden", "a..b", "a b", "x" * 64, "-x", "a\n"])
def test_a_store_name_cannot_leave_its_folder(bench: Bench, store: str) -> None:
    bench.settings = bench.settings.model_copy(update={"stores": {}})
    with pytest.raises(WrongUse, match="cannot name a store"):
        bench.take(TEXT, store=store)


def test_wrong_use_is_told_before_anything_is_written(bench: Bench) -> None:
    for wrong in (
        {"feed": "no_such_feed"},
        {"window": (JANUARY[1], JANUARY[0])},
        {"delivered_at": datetime(2026, 1, 1)},  # noqa: DTZ001 - the missing zone is the point
    ):
        with pytest.raises(WrongUse):
            bench.take(TEXT, **wrong)
    with pytest.raises(SettingsError, match="acmee"):
        bench.take(TEXT, store="acmee")
    assert bench.objects() == {}


def test_a_failed_file_is_recorded_once_and_loads_when_it_is_right(bench: Bench) -> None:
    cut = TEXT[:-60]
    first, again = bench.take(cut, window=JANUARY), bench.take(cut, window=JANUARY)
    assert said(first) == ("failed", False)
    assert first.pull_id == again.pull_id
    assert first.feed is None
    assert bench.take(cut, feed="fba_returns").feed == "fba_returns"
    assert said(bench.take(TEXT, window=JANUARY)) == ("loaded", True)
    assert len(bench.pulls()) == 3


def test_a_pull_without_a_document(bench: Bench) -> None:
    def record(**more: Any) -> Pull:
        said = {"store": "acme", "feed": "mfn_returns", "window": JANUARY, "delivered_at": T1, "outcome": "cancelled"}
        return record_without_document(bench.lake, **(said | more))

    assert said(record()) == ("cancelled", False)
    record()  # asked by a process that was killed before it knew
    record(outcome="failed", error="FATAL: try again later", delivered_at=T2)
    assert [(pull.outcome, pull.delivery_id) for pull in bench.pulls()] == [("cancelled", None), ("failed", None)]
    assert bench.pulls()[1].error == "FATAL: try again later"


def test_pulls_are_ordered_by_delivery_not_by_arrival_and_cut_by_known_by(bench: Bench) -> None:
    for at in (T3, T1, T2):
        bench.take(TEXT, window=JANUARY, delivered_at=at)
    assert [pull.delivered_at for pull in bench.pulls()] == [T1, T2, T3]
    assert [pull.delivered_at for pull in Ledger(bench.lake).pulls(known_by=T2)] == [T1, T2]


def test_bronze_is_made_again_from_landing(bench: Bench) -> None:
    pull = bench.take(TEXT)
    before = bench.objects()
    for key in (pull.bronze_key, pull.quarantine_key):
        bench.lake.delete(str(key))
    assert ensure_bronze(bench.lake, bench.settings, pull) == pull
    assert bench.objects() == before
    bench.lake.delete(str(pull.quarantine_key))
    assert ensure_all_bronze(bench.lake, bench.settings, [pull]) == [pull]
    assert bench.objects() == before


def test_a_changed_contract_makes_new_bronze_beside_the_old(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    pull = bench.take(TEXT)
    import ingestion.bronze

    monkeypatch.setattr(ingestion.bronze, "fingerprint", lambda feed: "changed-" + schemas.fingerprint(feed))
    now = ensure_bronze(bench.lake, bench.settings, pull)
    assert now.bronze_key != pull.bronze_key
    assert now.pull_id == pull.pull_id
    assert [r["sku"] for r in bench.bronze(now)] == [r["sku"] for r in bench.bronze(pull)]
    assert ensure_all_bronze(bench.lake, bench.settings, [pull]) == [now]  # found, not decoded a third time
    assert bench.pulls() == [pull]


def test_bytes_read_wrongly_are_decoded_again_and_only_the_new_reading_counts(bench: Bench) -> None:
    mapping = bench.home / "mine.toml"
    text = "Nr;Tag;Artikel;ASIN;Menge;Zustand;Grund\n1;03/04/2026;K;B000000001;1;OK;DEFECTIVE\n"
    body = (
        'feed = "fba_returns"\n[columns]\norder_id = "Nr"\nreturn_date = "Tag"\nsku = "Artikel"\nquantity = "Menge"\n'
    )
    body += 'detailed_disposition = "Zustand"\nreason = "Grund"\n[formats]\nreturn_date = "%{}/%Y"\n'
    mapping.write_text(body.format("m/%d"))
    wrong = bench.take(text, mapping=mapping, delivered_at=T1)
    assert bench.bronze(wrong)[0]["return_date_day"] == date(2026, 3, 4)
    assert said(bench.take(text, mapping=mapping)) == ("duplicate", False)
    mapping.write_text(body.format("d/%m"))
    right = bench.take(text, mapping=mapping, delivered_at=T2)
    assert said(right) == ("loaded", True)
    assert said(bench.take(text)) == ("duplicate", False)  # the same bytes without a word are the same again
    now = ensure_all_bronze(bench.lake, bench.settings, bench.pulls())
    assert {pull.bronze_key for pull in now if pull.restates} == {right.bronze_key}
    assert bench.bronze(now[0])[0]["return_date_day"] == date(2026, 4, 3)
    mapping.unlink()
    bench.lake.delete(str(right.bronze_key))  # the mapping is in the lake: nothing of the seller's disk is needed
    assert bench.bronze(ensure_bronze(bench.lake, bench.settings, right))[0]["return_date_day"] == date(2026, 4, 3)


def test_a_file_that_changes_while_it_is_read_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bench.home / "growing.txt"
    path.write_text(TEXT)
    import ingestion.bronze

    decode = ingestion.bronze.decode

    def decode_then_append(*args: Any) -> Any:
        decoded = decode(*args)
        path.write_text(TEXT + TEXT)
        return decoded

    monkeypatch.setattr(ingestion.bronze, "decode", decode_then_append)
    pull = take(bench.lake, bench.settings, path, store="acme")
    assert "changed while it was being read" in str(pull.error)
    assert list(bench.objects()) == [pull.key]


# --- several files ---


def test_files_taken_side_by_side_leave_what_they_leave_one_by_one(tmp_path: Path) -> None:
    contents = [TEXT, "no report", TEXT, TEXT, EMPTY, "no report", tsv([fba(sku="D")]), EMPTY]
    benches = make_bench(tmp_path / "each"), make_bench(tmp_path / "one by one")
    files = [tmp_path / f"{number}.txt" for number in range(len(contents))]
    for path, content in zip(files, contents, strict=True):
        path.write_text(content, newline="")
    said_of_each = {"store": "acme", "window": JANUARY}
    taken = list(take_each(benches[0].lake, benches[0].settings, files, **said_of_each))  # type: ignore[arg-type]
    assert [path for path, _ in taken] == files
    for path in files:
        take(benches[1].lake, benches[1].settings, path, **said_of_each)  # type: ignore[arg-type]
    outcomes = ["loaded", "failed", "duplicate", "duplicate", "loaded_empty", "failed", "loaded", "duplicate"]
    assert [pull.outcome for _, pull in taken] == outcomes
    assert [pull.outcome for pull in benches[1].pulls()] == outcomes
    assert taken[2][1].pull_id != taken[3][1].pull_id
    one, other = (
        {key: value for key, value in bench.objects().items() if not key.startswith("ledger/")} for bench in benches
    )
    assert one == other
    assert set(benches[0].objects()) == set(benches[1].objects())
    assert list((benches[0].settings.home / "scratch").iterdir()) == []


def test_a_missing_file_among_several_stops_behind_those_before_it(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "0.txt"
    path.write_text(TEXT)
    taken = take_each(bench.lake, bench.settings, [path, tmp_path / "no-such-file", path], store="acme")
    assert next(taken)[1].outcome == "loaded"
    with pytest.raises(WrongUse, match="no such file"):
        next(taken)
    assert [pull.outcome for pull in bench.pulls()] == ["loaded"]


# --- kills and races ---


class DyingLake(LocalLake):
    """A lake whose process is killed at the nth write: before it, or when it is done."""

    def __init__(self, root: Path, kill_at: float) -> None:
        super().__init__(root)
        self.kill_at = kill_at
        self.writes = 0.0

    def put_new(self, key: str, source: Any) -> bool:
        self._step()
        written = super().put_new(key, source)
        self._step()
        return written

    def put_own(self, key: str, path: Path) -> bool:
        self._step()
        written = super().put_own(key, path)
        self._step()
        return written

    def _step(self) -> None:
        self.writes += 0.5
        if self.writes >= self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def in_process(work: Callable[..., None], *args: Any) -> multiprocessing.process.BaseProcess:
    process = multiprocessing.get_context("fork").Process(target=work, args=args)
    process.start()
    return process


def take_until_killed(bench: Bench, kill_at: float) -> None:
    bench.lake = DyingLake(Path(bench.settings.lake), kill_at)
    bench.take(TEXT, window=JANUARY, delivered_at=T1)


def without_times(objects: dict[str, bytes]) -> dict[str, bytes]:
    return {k: b"".join(line for line in v.splitlines() if b"taken_at" not in line) for k, v in objects.items()}


def test_a_kill_at_any_point_is_healed_by_taking_the_file_again(tmp_path: Path) -> None:
    whole = make_bench(tmp_path / "whole")
    whole.take(TEXT, window=JANUARY, delivered_at=T1)
    expected = without_times(whole.objects())
    for step in range(1, 2 * len(expected) + 1):
        bench = make_bench(tmp_path / str(step))
        process = in_process(take_until_killed, bench, step / 2)
        process.join()
        assert process.exitcode == -signal.SIGKILL
        entries = bench.pulls()
        committed = step == 2 * len(expected)
        assert len(entries) == committed  # nothing counts before the last write
        retried = bench.take(TEXT, window=JANUARY, delivered_at=T1)
        assert said(retried) == (("duplicate", False) if committed else ("loaded", True))
        found = without_times(bench.objects())
        assert {k: v for k, v in found.items() if not committed or k != retried.key} == expected


def take_at_the_barrier(bench: Bench, barrier: Any, number: int) -> None:
    barrier.wait()
    bench.take(TEXT, f"{number}.txt", window=JANUARY)


def test_two_processes_take_the_same_file_at_once(bench: Bench) -> None:
    barrier = multiprocessing.get_context("fork").Barrier(3)
    processes = [in_process(take_at_the_barrier, bench, barrier, number) for number in range(3)]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert sorted(said(pull) for pull in bench.pulls()) == [("duplicate", False)] * 2 + [("loaded", True)]
    assert len([key for key in bench.objects() if not key.startswith("ledger/")]) == 3
