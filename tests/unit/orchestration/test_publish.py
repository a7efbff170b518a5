"""Publishing: the same rows give the same bytes, readers never see an error or a mix, a kill at any point heals.

The warehouses here are small DuckDB files made in the tests; the models' own content is tested elsewhere.
"""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

from ingestion.failures import PermanentFailure
from ingestion.lake import Lake, VersionConflict, open_lake
from orchestration import publish, releases
from orchestration.home import Home
from orchestration.models import PublishedModel
from orchestration.plan import Plan
from orchestration.releases import Manifest

DAY = date(2026, 1, 31)
MODELS = [
    PublishedModel("facts", '"core"."facts"', "It's facts.", ("id",), {"id": "Its number."}, {}, frozenset()),
    PublishedModel("totals", '"marts"."totals"', "Totals.", ("release",), {}, {}, frozenset()),
]


def plan(number: int = 1) -> Plan:
    return Plan(DAY, None, (), {"number": number}, {"code": "c0de"})


def warehouse(path: Path, number: int, rows: int = 1000, *, order: str = "i") -> Path:
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as con:
        con.execute("create schema core; create schema marts")
        con.execute(
            "create table core.facts as select 'r' || i as id, (i * 1.5)::decimal(18,4) as amount, "
            f"date '2026-01-01' + (i % 31)::int as day, {number} as release from range({rows}) as r(i) order by {order}"
        )
        con.execute(f"create table marts.totals as select {number} as release, {rows} as rows")
    return path


def make_release(lake: Lake, folder: Path, number: int, rows: int = 1000) -> Manifest:
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(warehouse(folder / "w.duckdb", number, rows)), read_only=True) as con:
        manifest = publish.make_manifest(plan(number), publish.export(con, MODELS, folder))
    publish.store_release(lake, manifest, folder)
    return manifest


def test_the_same_rows_give_the_same_bytes_in_any_order_of_the_table(tmp_path: Path) -> None:
    sums = []
    for number, order in enumerate(("i", "hash(i)", "-i")):
        folder = tmp_path / str(number)
        folder.mkdir()
        with duckdb.connect(str(warehouse(folder / "w.duckdb", 1, 300_000, order=order))) as con:
            con.execute(f"set threads = {number + 1}")
            sums.append({name: mart.sha256 for name, mart in publish.export(con, MODELS, folder).items()})
    assert sums[0] == sums[1] == sums[2]


def test_a_manifest_survives_its_json_and_names_what_it_was_made_from(tmp_path: Path) -> None:
    lake = open_lake(tmp_path / "lake")
    manifest = make_release(lake, tmp_path / "x", 1)
    assert releases.load(lake, manifest.release_id) == manifest
    assert manifest.marts["facts"].rows == 1000
    assert manifest.marts["facts"].columns["amount"] == "DECIMAL(18,4)"
    assert publish.checksum(releases.mart_path(lake, manifest, "facts")) == manifest.marts["facts"].sha256
    assert list(releases.ids(lake)) == [manifest.release_id]
    assert releases.get(lake, manifest.release_id[:14]) == manifest
    with pytest.raises(PermanentFailure, match=manifest.release_id):
        releases.get(lake, "2020-01-01")


def test_the_same_inputs_with_other_rows_are_a_fault(tmp_path: Path) -> None:
    lake = open_lake(tmp_path / "lake")
    make_release(lake, tmp_path / "x", 1)
    with pytest.raises(PermanentFailure, match="The same inputs gave other rows than before in facts"):
        make_release(lake, tmp_path / "y", 1, rows=999)


def test_files_of_a_killed_publish_are_replaced_by_the_next(tmp_path: Path) -> None:
    lake = open_lake(tmp_path / "lake")
    lake.put_new(releases.mart_key(plan(1).release_id, "facts"), b"other code wrote this and was killed")
    manifest = make_release(lake, tmp_path / "x", 1)
    assert publish.checksum(releases.mart_path(lake, manifest, "facts")) == manifest.marts["facts"].sha256


def test_the_published_file_has_the_marts_their_comments_and_its_release(tmp_path: Path) -> None:
    lake, home = open_lake(tmp_path / "lake"), Home(tmp_path)
    manifest = make_release(lake, tmp_path / "x", 1)
    publish.make_current(lake, home, manifest, None, tmp_path / "x")
    with duckdb.connect(str(home.marts), read_only=True) as con:
        assert con.execute("select release_id, as_of_date from marts.marts.release_info").fetchall() == [
            (manifest.release_id, DAY)
        ]
        comments = dict(con.execute("select table_name, comment from duckdb_tables()").fetchall())
        assert comments["facts"] == "It's facts."
        assert con.execute("select comment from duckdb_columns() where column_name = 'id'").fetchall() == [
            ("Its number.",)
        ]
        assert con.execute("select typeof(amount), typeof(day) from marts.marts.facts limit 1").fetchone() == (
            "DECIMAL(18,4)",
            "DATE",
        )
    with duckdb.connect(
        str(home.marts_for_tools), read_only=True
    ) as con:  # for tools that write schema and table alone
        assert con.execute("select count(*) from marts.facts").fetchall() == [(1000,)]
    pointer = releases.current(lake)
    assert pointer is not None
    assert (pointer.release_id, pointer.previous) == (manifest.release_id, None)


def test_a_second_home_cannot_publish_over_a_night_it_has_not_seen(tmp_path: Path) -> None:
    lake = open_lake(tmp_path / "lake")
    here, there = Home(tmp_path / "here"), Home(tmp_path / "there")
    first = make_release(lake, tmp_path / "1", 1)
    publish.make_current(lake, here, first, None, tmp_path / "1")
    seen = releases.current(lake)
    second, third = make_release(lake, tmp_path / "2", 2), make_release(lake, tmp_path / "3", 3)
    publish.make_current(lake, there, second, seen, tmp_path / "2")
    with pytest.raises(VersionConflict):
        publish.make_current(lake, here, third, seen, tmp_path / "3")
    assert publish.published_release(here) == first.release_id
    assert releases.current(lake).release_id == second.release_id  # type: ignore[union-attr]


class Killed(BaseException):
    """Stands for kill -9 at one call: nothing after it runs, no handler catches it."""


@pytest.mark.parametrize("step", ["put_new", "build_marts", "replace", "replace_durably"])
def test_after_a_kill_at_any_step_readers_see_one_whole_release_and_the_next_run_heals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    lake, home = open_lake(tmp_path / "lake"), Home(tmp_path)
    first = make_release(lake, tmp_path / "1", 1)
    publish.make_current(lake, home, first, None, tmp_path / "1")
    before = releases.current(lake)

    def kill(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        target: object = lake if step in ("put_new", "replace") else publish
        patch.setattr(target, step, kill)
        with pytest.raises(Killed):
            publish.make_current(lake, home, make_release(lake, tmp_path / "2", 2), before, tmp_path / "2")
    assert publish.published_release(home) == first.release_id
    assert numbers(home.marts) == {1}

    pointer = releases.current(lake)  # the next run: what is current, is it what readers see?
    assert pointer is not None
    second = make_release(lake, tmp_path / "2", 2)
    if pointer.release_id == second.release_id:
        assert publish.follow(lake, home, second, tmp_path / "2")
    else:
        publish.make_current(lake, home, second, pointer, tmp_path / "2")
    assert publish.published_release(home) == second.release_id
    assert numbers(home.marts) == {2}
    assert not publish.follow(lake, home, second, tmp_path / "2")


def test_a_deleted_or_broken_published_file_is_made_again(tmp_path: Path) -> None:
    lake, home = open_lake(tmp_path / "lake"), Home(tmp_path)
    manifest = make_release(lake, tmp_path / "x", 1)
    publish.make_current(lake, home, manifest, None, tmp_path / "x")
    home.marts.unlink()
    assert publish.follow(lake, home, manifest, tmp_path / "x")
    home.marts.write_bytes(b"not a database")
    assert publish.follow(lake, home, manifest, tmp_path / "x")
    assert numbers(home.marts) == {1}


def numbers(marts: Path) -> set[int]:
    """The release numbers in all tables: more than one is a mix of two nights."""
    with duckdb.connect(str(marts), read_only=True) as con:
        found = con.execute(
            "select distinct release from marts.marts.facts union select release from marts.marts.totals"
        )
        return {number for (number,) in found.fetchall()}


def read_on(marts: Path, stop: Callable[[], bool], outcome: str) -> None:
    seen: list[int] = []
    errors: list[str] = []
    while not stop():
        try:
            found = numbers(marts)
            if len(found) != 1:
                errors.append(f"mix of {found}")
            seen.extend(found)
        except duckdb.Error as error:
            errors.append(str(error))
    Path(outcome).write_text(json.dumps({"reads": len(seen), "seen": sorted(set(seen)), "errors": errors}))


def test_four_readers_see_no_error_and_no_mix_while_releases_are_published(tmp_path: Path) -> None:
    lake, home = open_lake(tmp_path / "lake"), Home(tmp_path)
    made = [make_release(lake, tmp_path / str(n), n, rows=20_000) for n in range(1, 5)]
    publish.make_current(lake, home, made[0], None, tmp_path / "1")
    context = multiprocessing.get_context("fork")
    stop = context.Event()
    outcomes = [str(tmp_path / f"reader{n}.json") for n in range(4)]
    readers = [context.Process(target=read_on, args=(home.marts, stop.is_set, name)) for name in outcomes]
    for reader in readers:
        reader.start()
    swaps = 0
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline or swaps <= 3:  # a busy machine does few in that time
        manifest = made[(swaps + 1) % len(made)]
        publish.make_current(lake, home, manifest, releases.current(lake), tmp_path / "1")
        swaps += 1
    stop.set()
    for reader in readers:
        reader.join(20)
    told: Sequence[dict] = [json.loads(Path(name).read_text()) for name in outcomes]
    assert [one["errors"] for one in told] == [[]] * 4
    assert swaps > 3
    assert all(one["reads"] > swaps / 4 for one in told)
    assert all(len(one["seen"]) > 1 for one in told)


def test_a_plan_is_known_by_what_decides_its_content() -> None:
    one = plan(1)
    assert one.release_id == plan(1).release_id
    assert one.release_id.startswith("2026-01-31-")
    assert replace(one, settings={"number": 2}).release_id != one.release_id
    assert replace(one, as_of=date(2026, 1, 30)).change_id != one.change_id
