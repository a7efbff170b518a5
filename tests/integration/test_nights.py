"""Nights of one seller through the command line, from report files to published marts, in processes of their own.

One installation lives through the whole module: each test is the next thing that happens to it.
"""

from __future__ import annotations

import json
import resource
import shutil
import signal
import time
from pathlib import Path

import duckdb
import pytest

from tests.support.deliveries import fba, order, tsv
from tests.support.installation import Installation

ORDERS = tsv(
    [order(amazon_order_id=f"111-0000000-000000{n}", purchase_date=f"2026-01-0{n}T20:00:00+00:00") for n in range(1, 8)]
)
RETURN = fba(order_id="111-0000000-0000001", return_date="2026-01-08T09:30:00+00:00")
LATER = fba(
    order_id="111-0000000-0000002",
    return_date="2026-01-09T09:30:00+00:00",
    license_plate_number="LPNRR0000002",
    reason="APPAREL_TOO_SMALL",
    customer_comments="much too small",
)
FIRST_NIGHT, SECOND_NIGHT = "2026-01-10T06:00:00Z", "2026-01-11T06:00:00Z"


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("acme"))


def test_reports_become_published_marts(acme: Installation) -> None:
    orders = acme.file("orders.txt", ORDERS)
    returns = acme.file("returns.txt", tsv([RETURN]))
    said = acme.run(
        "ingest", orders, "--store", "acme", "--window", "2026-01-01..2026-01-09", "--delivered-at", FIRST_NIGHT
    )
    assert "orders: 7 rows, 7 to bronze, 2026-01-01..2026-01-09: loaded" in said
    acme.run("ingest", returns, "--store", "acme", "--window", "2026-01-01..2026-01-09", "--delivered-at", FIRST_NIGHT)
    said = acme.run("run")
    assert "Published 2026-01-09-" in said
    assert acme.query("select count(*), sum(units) from fct_returns") == [(1, 1)]
    assert acme.query(
        "select units_shipped, units_returned, marketplace, as_of_date::varchar from mart_asin_insights "
        "where channel = 'ALL' and window_days = 30"
    ) == [(7, 1, "US", "2026-01-09")]
    assert acme.query("select release_id, as_of_date::varchar from release_info") == [(acme.current(), "2026-01-09")]
    with duckdb.connect(str(acme.marts), read_only=True) as con:  # every table and column says what it is
        silent = con.execute(
            "select table_name, column_name from duckdb_columns() where schema_name = 'marts' "
            "and table_name <> 'release_info' and coalesce(comment, '') = ''"
        ).fetchall()
        assert silent == []


def test_a_night_without_news_ends_at_once_and_so_does_one_with_only_repetitions(acme: Installation) -> None:
    before = acme.marts.stat()
    start = resource.getrusage(resource.RUSAGE_CHILDREN)  # the clock would tell of other work on this machine
    assert f"Nothing has changed; published is still {acme.current()}" in acme.run("run")
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime < 5
    again = acme.run("ingest", acme.folder / "files", "--store", "acme", "--window", "2026-01-01..2026-01-09")
    assert again.count(": duplicate") == 2
    assert "Nothing has changed" in acme.run("run")
    assert acme.marts.stat().st_ino == before.st_ino


def test_the_inbox_restates_a_window_and_the_night_before_can_be_had_again(acme: Installation) -> None:
    first = acme.current()
    inbox = acme.home / "inbox" / "acme"
    inbox.mkdir(parents=True)
    name = "fba_returns__2026-01-01..2026-01-10__2026-01-11T060000Z.tsv"
    (inbox / name).write_text(tsv([RETURN, LATER]))
    acme.run(
        "ingest", acme.folder / "files" / "orders.txt", "--store", "acme", "--window", "2026-01-01..2026-01-10",
        "--delivered-at", SECOND_NIGHT,
    )  # fmt: skip
    assert "Taken in: 1 deliveries, 0 of them failed" in acme.run("run")
    assert not (inbox / name).exists()
    second = acme.current()
    assert second.startswith("2026-01-10-")
    assert acme.query("select units, reason_class, comment from fct_returns order by return_date") == [
        (1, "defective", None),
        (1, "size_fit", "much too small"),
    ]

    assert "as known by 2026-01-10 12:00 UTC" in acme.run(
        "run", "--as-of", "2026-01-09", "--known-by", "2026-01-10T12:00:00Z"
    )
    assert acme.query("select count(*) from fct_returns") == [(1,)]
    sums = {
        release: {
            name: mart["sha256"]
            for name, mart in json.loads((acme.home / "lake" / "releases" / release / "manifest.json").read_text())[
                "marts"
            ].items()
            if not name.startswith(("ops_", "dim_run"))  # the ledger of that night, repetitions since then aside
        }
        for release in (first, acme.current())
    }
    assert sums[first] == sums[acme.current()], "a past night is rebuilt exactly as it was"
    # only the run itself differs, whose one row has no key but the day
    assert "known_by" in acme.run("diff", first, acme.current())

    said = acme.run("run")
    assert f"Current again, without building {second}" in said
    assert acme.query("select count(*) from fct_returns") == [(2,)]
    said = acme.run("diff", first, second)
    assert "fct_returns" in said
    assert f"1 rows by acme/fba_returns {name}, 2026-01-01..2026-01-10, delivered 2026-01-11 06:00" in said


def test_a_release_follows_from_what_came_in_alone(acme: Installation) -> None:
    lake = acme.home / "lake"
    for derived in (lake / "bronze", lake / "quarantine", lake / "verdicts", acme.home / "warehouse"):
        shutil.rmtree(derived, ignore_errors=True)
    assert "every byte as published" in acme.run("verify")
    acme.marts.unlink()
    assert "Current again" in acme.run("run")
    assert acme.query("select count(*) from fct_returns") == [(2,)]


def test_a_refused_night_leaves_readers_what_they_have_and_a_corrected_file_lifts_it(acme: Installation) -> None:
    before, marts = acme.current(), acme.marts.read_bytes()
    bad = [LATER | {"quantity": "lots"} for _ in range(6)]
    window = ("--window", "2026-01-11..2026-01-11", "--delivered-at", "2026-01-12T06:00:00Z")
    said = acme.run("ingest", acme.file("late.txt", tsv([RETURN, *bad])), "--store", "acme", *window)
    assert "7 rows, 1 to bronze, 6 quarantined" in said
    said = acme.run("run", code=3)
    assert "NOT published" in said
    assert f"release {before} stands" in said
    assert "6 of 7 rows of late.txt break their contract" in said
    assert "bad_integer:quantity" in said
    assert (acme.current(), acme.marts.read_bytes()) == (before, marts)
    records = sorted((acme.home / "audits").glob("*.json"))
    recorded = json.loads(records[-1].read_text())
    assert recorded["passed"] is False
    assert [finding["check"] for finding in recorded["findings"] if finding["blocks"]] == [
        "bad rows in acme/fba_returns"
    ]
    assert "refused" in acme.run("status")

    acme.run(
        "ingest", acme.folder / "files" / "orders.txt", "--store", "acme", "--window", "2026-01-01..2026-01-11",
        "--delivered-at", "2026-01-12T06:00:00Z",
    )  # fmt: skip
    acme.run(
        "ingest", acme.file("late.txt", tsv([LATER | {"return-date": "2026-01-11T08:00:00+00:00"}])),
        "--store", "acme", "--window", "2026-01-11..2026-01-11", "--delivered-at", "2026-01-12T07:00:00Z",
    )  # fmt: skip
    assert "Published" in acme.run("run")
    assert acme.query("select return_date::varchar from fct_returns where license_plate_number = 'LPNRR0000002'") == [
        ("2026-01-11",)
    ]


def test_a_killed_run_is_made_good_by_the_next_and_two_at_once_take_turns(acme: Installation) -> None:
    before = acme.current()
    later = tsv([order(amazon_order_id="111-0000000-0000009", purchase_date="2026-01-11T20:00:00+00:00")])
    acme.run("ingest", acme.file("more.txt", later), "--store", "acme", "--delivered-at", "2026-01-13T06:00:00Z")
    process = acme.start("run")
    build = acme.home / "warehouse" / "warehouse.duckdb"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not build.with_name("warehouse.duckdb.wal").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert acme.current() == before
    assert acme.query("select count(*) from fct_order_lines") == [(7,)]

    both = [acme.start("run"), acme.start("run")]
    said = sorted(process.communicate(timeout=200)[0] for process in both)
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("Published" in text for text in said) == 1
    assert sum("Nothing has changed" in text for text in said) == 1
    assert acme.query("select count(*) from fct_order_lines") == [(8,)]
    assert list((acme.home / "scratch").iterdir()) == []


def test_an_altered_release_is_found_out(acme: Installation) -> None:
    path = acme.home / "lake" / "releases" / acme.current() / "fct_returns.parquet"
    manifest = path.with_name("manifest.json")
    with duckdb.connect() as con:
        con.execute(f"create table t as from read_parquet('{path}')")
        con.execute("update t set units = 2 where license_plate_number = 'LPNRR0000002'")
        altered = path.with_name("altered")
        con.execute(f"copy t to '{altered}' (format parquet)")
    from orchestration.publish import checksum

    values = json.loads(manifest.read_text())
    values["marts"]["fct_returns"]["sha256"] = checksum(altered)
    altered.replace(path)
    manifest.chmod(0o644)
    manifest.write_text(json.dumps(values))
    said = acme.run("verify", code=1)
    assert "DIFFERENT: 1 of" in said
    assert "fct_returns" in said
    assert "units: 2 -> 1" in said


def test_status_names_what_is_there_and_what_is_missing(acme: Installation) -> None:
    acme.run(
        "ingest", acme.file("gap.txt", tsv([RETURN])), "--store", "acme", "--window", "2026-01-15..2026-01-20",
        "--delivered-at", "2026-01-21T06:00:00Z", code=0,
    )  # fmt: skip
    said = acme.run("status")
    assert "missing acme/fba_returns: 2026-01-12..2026-01-14" in said
    assert "acme   orders" in said


def test_a_day_outside_of_the_data_is_built_with_a_warning_and_files_of_nobody_are_not_silent(
    acme: Installation,
) -> None:
    said = acme.run("run", "--as-of", "2026-02-15")
    assert "Warning: the newest complete day is 2026-01-11" in said
    assert acme.query("select distinct as_of_date::varchar from mart_asin_insights") == [("2026-02-15",)]
    stray = acme.home / "inbox" / "amce" / "returns.txt"
    stray.parent.mkdir()
    stray.write_text(tsv([RETURN]))
    said = acme.run("run", code=1)
    assert "NOT TAKEN" in said
    assert "Add [stores.amce]" in said
    stray.unlink()
    assert "NOT TAKEN" not in acme.run("run")


@pytest.mark.parametrize("name", ["broken.txt", "page.txt"])
def test_one_unusable_file_fails_while_the_others_are_taken(tmp_path: Path, name: str) -> None:
    other = Installation(tmp_path)
    other.file("a.txt", tsv([RETURN]))
    other.file(name, b"\x00\x01\x02" * 50 if name == "broken.txt" else "<html><body>Sign in</body></html>")
    other.file(".hidden", "nothing")
    said = other.run("ingest", other.folder / "files", "--store", "acme", code=1)
    assert f"{name}: FAILED" in said
    assert "2 files: 1 rows taken, 0 quarantined, 1 files failed" in said
