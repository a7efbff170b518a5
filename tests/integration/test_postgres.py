"""Releases in PostgreSQL, on a real server: readers see no error and no mix, a kill leaves nothing, no secret shows.

Releases are small ones of the tests' own; what the models put into them is tested elsewhere.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from data_contracts.settings import load_settings
from ingestion.failures import PermanentFailure, TransientFailure
from ingestion.intake import WrongUse
from ingestion.lake import Lake, open_lake
from orchestration import postgres, publish, releases
from orchestration.home import Home
from orchestration.models import PublishedModel
from orchestration.pipeline import Night, follow_in_postgres, title_of
from orchestration.plan import Plan
from orchestration.postgres import Address, load_release
from orchestration.releases import Manifest
from tests.support.deliveries import fba, order, tsv
from tests.support.installation import Installation
from tests.support.panel_marts import contracts
from tests.support.postgres_server import PASSWORD

pytestmark = pytest.mark.postgres

READER = "returnscope_reader"
MODELS = [
    PublishedModel("facts", '"core"."facts"', "It's facts, 100 %.", ("id",), {"id": 'Its "number".'}, {}, frozenset()),
    PublishedModel("gaps", '"core"."gaps"', "", ("id", "part"), {}, {}, frozenset()),
    PublishedModel("totals", '"marts"."totals"', "Totals.", (), {}, {}, frozenset()),
]


def make_release(folder: Path, number: int, rows: int = 2000) -> Manifest:
    """A release in the lake below `folder`, every row of which carries `number`."""
    work = folder / f"work{number}"
    work.mkdir(parents=True)
    lake = open_lake(folder / "lake")
    with duckdb.connect(str(work / "w.duckdb")) as con:
        con.execute("set TimeZone = 'UTC'")
        con.execute("create schema core; create schema marts")
        con.execute(
            "create table core.facts as "
            "select 'r' || i as id, 'S' as store, 'US' as marketplace, 'B' || i % 7 as asin, "
            "(i / 7)::decimal(18,4) as amount, (i * 0.1)::double as share, date '2026-01-01' + (i % 31)::int as day, "
            "timestamptz '2026-01-01 00:00:00.123456+00' + i * interval 1 minute as at, i % 2 = 0 as is_even, "
            "case when i % 3 = 0 then null when i % 3 = 1 then '' "
            "else 'a,\"b\"\\ ' || chr(10) || '\\. 退货 ' || i end as note, "
            f"{number}::bigint as release from range({rows}) as r(i)"
        )
        con.execute("create table core.gaps as select i as id, nullif(i, 1) as part from range(3) as r(i)")
        con.execute(f"create table marts.totals as select {number}::bigint as release, {rows}::bigint as rows")
        plan = Plan(date(2026, 1, 31), None, (), {"number": number}, {"code": "c0de"})
        manifest = publish.make_manifest(plan, publish.export(con, MODELS, work))
    publish.store_release(lake, manifest, work)
    return manifest


class Shop:
    """A lake with three releases, and a database."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url, self.address = folder, url, Address.parse(url)
        self.lake: Lake = open_lake(folder / "lake")
        self.releases = [make_release(folder, number) for number in (1, 2, 3)]

    def load(self, number: int, **options: Any) -> postgres.Loaded:
        given: dict[str, Any] = {"keep": 1, "reader": READER, "patience": 20.0, **options}
        return load_release(self.lake, self.releases[number - 1], self.address, **given)

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as con:
            return con.execute(statement, values or None).fetchall()

    def schemas(self) -> list[str]:
        return [name for (name,) in self.ask("select nspname from pg_namespace where nspname like 'marts%' order by 1")]


@pytest.fixture
def shop(tmp_path: Path, postgres_url: str) -> Shop:
    return Shop(tmp_path, postgres_url)


def kept(manifest: Manifest) -> str:
    return postgres.schema_of(manifest.release_id)


def test_values_types_keys_and_comments_arrive_as_they_are(shop: Shop) -> None:
    done = shop.load(1)
    assert (done.outcome, done.rows, done.kept) == ("loaded", 2004, ())
    assert shop.ask("select release_id, as_of_date, deliveries from marts.release_info") == [
        (shop.releases[0].release_id, date(2026, 1, 31), 0)
    ]
    assert shop.ask("select * from marts.facts where id in ('r0', 'r1', 'r2') order by id") == [
        ("r0", "S", "US", "B0", Decimal("0.0000"), 0.0, date(2026, 1, 1), _at(0), True, None, 1),
        ("r1", "S", "US", "B1", Decimal("0.1429"), 0.1, date(2026, 1, 2), _at(1), False, "", 1),
        ("r2", "S", "US", "B2", Decimal("0.2857"), 0.2, date(2026, 1, 3), _at(2), True, 'a,"b"\\ \n\\. 退货 2', 1),
    ]
    types = dict(
        shop.ask(
            "select attname, format_type(atttypid, atttypmod) from pg_attribute "
            "where attrelid = 'marts.facts'::regclass and attnum > 0"
        )
    )
    assert types == {
        "id": "text", "store": "text", "marketplace": "text", "asin": "text", "amount": "numeric(18,4)",
        "share": "double precision", "day": "date", "at": "timestamp with time zone", "is_even": "boolean",
        "note": "text", "release": "bigint",
    }  # fmt: skip
    assert shop.ask("select obj_description('marts.facts'::regclass), col_description('marts.facts'::regclass, 1)") == [
        ("It's facts, 100 %.", 'Its "number".')
    ]
    keys = shop.ask("select tablename, indexdef from pg_indexes where schemaname = 'marts' order by indexname")
    assert [definition.partition(" USING ")[2] for table, definition in keys if table == "facts"] == [
        "btree (id)",
        "btree (store, marketplace, asin)",
    ]
    # a grain with a part that is unknown cannot be a primary key, but is unique all the same
    assert shop.ask(
        "select conrelid::regclass::text from pg_constraint "
        "where contype = 'p' and connamespace = 'marts'::regnamespace"
    ) == [("marts.facts",)]
    assert any(table == "gaps" and "UNIQUE" in definition for table, definition in keys)
    # statistics are there, and rows need no vacuum before an index alone can answer
    assert (
        shop.ask("select reltuples::int, relallvisible > 0 from pg_class where oid = 'marts.facts'::regclass")[0][0]
        == 2000
    )


def _at(minutes: int) -> datetime:
    return datetime(2026, 1, 1, 0, minutes, 0, 123456, UTC)


def test_every_type_of_the_marts_contracts_has_a_counterpart() -> None:
    with duckdb.connect() as con:
        for mart, columns in contracts().items():
            declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            con.execute(f"create table {mart} ({declared})")
            for name, kind in con.execute(f"select column_name, column_type from (describe {mart})").fetchall():
                assert postgres.postgres_type(kind, f"{mart}.{name}")
    with pytest.raises(PermanentFailure, match=r"HUGEINT of mart_x\.units"):
        postgres.postgres_type("HUGEINT", "mart_x.units")


def test_the_last_releases_are_kept_and_one_of_them_comes_back_without_loading(shop: Shop) -> None:
    one, two, three = shop.releases
    shop.load(1)
    assert shop.load(2).kept == (kept(one),)
    done = shop.load(3)
    assert done.kept == (kept(two),)
    assert shop.schemas() == ["marts", kept(two)]
    with psycopg.connect(shop.url) as con:
        con.execute("select count(*) from marts.facts")
        before = con.execute("select 'marts.facts'::regclass::oid").fetchone()
    start = time.monotonic()
    assert shop.load(3).outcome == "unchanged"
    assert time.monotonic() - start < 1
    assert shop.ask("select 'marts.facts'::regclass::oid")[0] == before
    assert shop.load(2).outcome == "switched"
    assert shop.ask("select distinct release from marts.facts") == [(2,)]
    assert shop.schemas() == ["marts", kept(three)]
    assert shop.load(2, keep=0).outcome == "unchanged"
    assert shop.schemas() == ["marts"]


def test_readers_may_read_everything_and_change_nothing(shop: Shop) -> None:
    shop.load(1)
    shop.load(2)
    with psycopg.connect(shop.url, autocommit=True) as con:
        con.execute(f"set role {READER}")
        assert con.execute("select count(*) from marts.facts").fetchone() == (2000,)
        assert con.execute(f"select distinct release from {kept(shop.releases[0])}.facts").fetchone() == (1,)
        for statement in ("delete from marts.facts", "create table marts.mine (x int)", "drop table marts.totals"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                con.execute(statement)


def _read_in_a_loop(url: str, kind: str, start_line: Any, end: Any, found: Any) -> None:
    """One reader of another process: what it saw, and what went wrong."""
    seen, wrong, reads, longest = set(), [], 0, 0.0
    try:
        with psycopg.connect(url, autocommit=True, prepare_threshold=2 if kind == "prepared" else None) as con:
            start_line.wait(60)
            while not end.is_set():
                start = time.monotonic()
                if kind == "transaction":
                    with con.transaction():
                        con.execute("set transaction isolation level repeatable read")
                        facts = con.execute("select min(release), max(release), count(*) from marts.facts").fetchone()
                        time.sleep(0.002)
                        total = con.execute("select release, rows from marts.totals").fetchone()
                        row = (*(facts or ()), *(total or ()))
                else:
                    row = (
                        con.execute(
                            "select min(f.release), max(f.release), count(*), min(t.release), min(t.rows) "
                            "from marts.facts f, marts.totals t, marts.release_info"
                        ).fetchone()
                        or ()
                    )
                reads += 1
                longest = max(longest, time.monotonic() - start)
                if len(row) != 5 or not row[0] == row[1] == row[3] or row[2] != row[4]:
                    wrong.append(f"a mix: {row}")
                    break
                seen.add(row[0])
    except psycopg.Error as error:
        wrong.append(f"{type(error).__name__}: {error}")
    found.put((kind, reads, sorted(seen), wrong, longest))


def test_readers_in_a_loop_never_see_an_error_or_a_mix(shop: Shop) -> None:
    shop.load(1, keep=2)
    context = multiprocessing.get_context("spawn")
    found = context.Queue()
    end, start_line = context.Event(), context.Barrier(5)
    kinds = ["plain", "prepared", "transaction", "transaction"]
    readers = [context.Process(target=_read_in_a_loop, args=(shop.url, kind, start_line, end, found)) for kind in kinds]
    for reader in readers:
        reader.start()
    start_line.wait(60)
    for swap in range(1, 13):  # loaded, dropped while it is read, and back from what is kept
        shop.load(swap % 3 + 1, keep=swap % 3)
    end.set()
    results = [found.get(timeout=30) for _ in readers]
    for reader in readers:
        reader.join(10)
    for kind, reads, seen, wrong, longest in results:
        assert wrong == [], f"{kind} after {reads} reads"
        assert reads > 50 and seen == [1, 2, 3], (kind, reads, seen)
        assert longest < 2.5, f"{kind} waited {longest:.1f} s"


def test_a_snapshot_from_before_the_load_finds_the_new_tables_full(shop: Shop) -> None:
    shop.load(1)
    with psycopg.connect(shop.url) as con:
        con.execute("set transaction isolation level repeatable read")
        con.execute("select 1 from pg_class limit 1")  # takes the snapshot, touches no mart
        shop.load(2)
        assert con.execute("select count(*), max(release) from marts.facts").fetchone() == (2000, 2)


def test_the_swap_waits_for_who_reads_and_says_who_never_ends(shop: Shop) -> None:
    shop.load(1)
    with psycopg.connect(shop.url, application_name="old dashboard") as con:
        con.execute("select 1 from marts.totals")
        with pytest.raises(TransientFailure, match="old dashboard"):
            shop.load(2, patience=0.2)
        assert con.execute("select release from marts.totals").fetchone() == (1,)
        assert shop.schemas() == ["marts"]  # nothing of the attempt is left
        timer = threading.Timer(1.5, con.rollback)
        timer.start()
        assert shop.load(2).outcome == "loaded"
    assert shop.ask("select release from marts.totals") == [(2,)]


def test_two_publishers_take_turns(shop: Shop) -> None:
    shop.load(1)
    done: list[str] = []
    threads = [threading.Thread(target=lambda n=n: done.append(shop.load(n).release_id)) for n in (2, 3, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(done) == 4
    assert shop.ask("select release_id from marts.release_info")[0][0] in {m.release_id for m in shop.releases[1:]}
    assert len(shop.schemas()) == 2
    with psycopg.connect(shop.url) as con:
        con.execute("select pg_advisory_xact_lock(%s)", [postgres._TURN])
        with pytest.raises(TransientFailure, match="Another process has been publishing"):
            shop.load(1, patience=0.1)


@pytest.mark.parametrize("moment", ["_copy", "_grant", "_swap"])
def test_a_kill_at_any_point_leaves_nothing_and_the_next_publication_heals(shop: Shop, moment: str) -> None:
    shop.load(1)
    script = (
        "import os, signal, sys\n"
        "from ingestion.lake import open_lake\n"
        "from orchestration import postgres, releases\n"
        f"before = postgres.{moment}\n"
        "def die(*given):\n"
        "    before(*given)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        f"postgres.{moment} = die\n"
        "lake = open_lake(sys.argv[1])\n"
        "postgres.load_release(lake, releases.get(lake, sys.argv[2]), postgres.Address.parse(os.environ['URL']), "
        "keep=1, reader='returnscope_reader')\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script, str(shop.folder / "lake"), shop.releases[1].release_id],
        env={**os.environ, "URL": shop.url, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert shop.ask("select distinct release from marts.facts") == [(1,)]
    assert shop.load(2).outcome == "loaded"
    assert shop.schemas() == ["marts", kept(shop.releases[0])]
    assert shop.ask("select distinct release from marts.facts") == [(2,)]


def test_what_others_built_on_an_old_release_is_not_taken_from_them(shop: Shop) -> None:
    shop.load(1)
    with psycopg.connect(shop.url, autocommit=True) as con:
        con.execute("create view public.mine as select count(*) as n from marts.facts")
    shop.load(2, keep=0)
    done = shop.load(3, keep=0)
    assert shop.schemas() == ["marts", kept(shop.releases[0])]
    assert any("view mine" in reason for reason in done.left), done.left
    assert shop.ask("select n from public.mine") == [(2000,)]
    with psycopg.connect(shop.url, autocommit=True) as con:
        con.execute("drop view public.mine")
    assert shop.load(3, keep=0).left == ()
    assert shop.schemas() == ["marts"]


def test_a_schema_of_others_is_left_alone(shop: Shop) -> None:
    with psycopg.connect(shop.url, autocommit=True) as con:
        con.execute("create schema marts; create table marts.theirs (x int)")
    with pytest.raises(PermanentFailure, match="tables that returnscope has not made"):
        shop.load(1)
    with psycopg.connect(shop.url, autocommit=True) as con:
        assert con.execute("select count(*) from marts.theirs").fetchone() == (0,)
        con.execute("drop table marts.theirs; create schema marts_2020; create table marts_2020.theirs (x int)")
    assert shop.load(1, keep=0).outcome == "loaded"  # an empty one was made for us
    assert shop.schemas() == ["marts", "marts_2020"]


def test_rows_that_are_missing_are_noticed(shop: Shop) -> None:
    manifest = shop.releases[0]
    wrong = replace(manifest, marts={**manifest.marts, "totals": replace(manifest.marts["totals"], rows=2)})
    with pytest.raises(PermanentFailure, match="1 rows of totals were loaded where the release has 2"):
        load_release(shop.lake, wrong, shop.address, keep=1, reader=READER)
    assert shop.schemas() == []


def test_a_release_that_cannot_be_read_is_a_failure_that_says_so(shop: Shop) -> None:
    shop.load(1)
    path = Path(releases.mart_path(shop.lake, shop.releases[1], "totals"))
    path.chmod(0o644)
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(PermanentFailure, match="A file of the release cannot be read"):
        shop.load(2)
    assert shop.schemas() == ["marts"]
    assert shop.ask("select release from marts.totals") == [(1,)]


# ---- secrets and failures -------------------------------------------------------------------------------------------


@contextmanager
def _logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.DEBUG):
        yield


def _publish_and_tell(shop: Shop, url: str, failure: Any) -> list[str]:
    """Everything that this address makes the module say."""
    if failure is None:
        address = Address.parse(url)
        done = load_release(shop.lake, shop.releases[0], address, keep=1, reader=READER)
        return [repr(address), str(address), *done.lines(), repr(done)]
    with pytest.raises(failure) as told:
        load_release(shop.lake, shop.releases[0], Address.parse(url), keep=1, reader=READER)
    assert told.type is failure
    assert told.value.__cause__ is None
    return [str(told.value), repr(told.value)]


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        (lambda url: url.replace(PASSWORD, "planted-wrong-secret"), PermanentFailure),
        (lambda url: url.replace("127.0.0.1", "127.0.0.1:1,127.0.0.1"), None),
        (lambda url: url + "_missing", PermanentFailure),
        (lambda url: url.replace("@127", "/planted-rest@127"), WrongUse),
        (lambda url: url.replace(PASSWORD, "planted%zz"), WrongUse),
        (lambda url: url.replace("postgresql://", "mysql://"), WrongUse),
        (lambda url: url.rpartition(":")[0] + ":1/nothing", TransientFailure),
    ],
)
def test_no_message_shows_the_password(shop: Shop, change: Any, failure: Any, caplog: pytest.LogCaptureFixture) -> None:
    url = change(shop.url)
    with _logged(caplog):
        shown = _publish_and_tell(shop, url, failure)
    for text in [*shown, caplog.text]:
        assert "planted" not in text


# ---- after a night -----------------------------------------------------------------------------------------------


def _night(shop: Shop) -> Night:
    manifest = shop.releases[0]
    return Night(
        "unchanged", manifest.release_id, manifest.as_of, None, manifest.release_id, shop.folder / "marts.duckdb"
    )


def test_after_any_night_the_server_holds_the_current_release(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings({"RETURNSCOPE_HOME": str(shop.folder), "RETURNSCOPE_LAKE": str(shop.folder / "lake")})
    home = Home(shop.folder)
    monkeypatch.setenv("RETURNSCOPE_POSTGRES", shop.url)
    night = _night(shop)
    follow_in_postgres(settings, night)  # nothing was ever published
    assert (night.postgres, night.postgres_failure) == (None, None)
    with home.scratch_folder("publish") as scratch:
        publish.make_current(shop.lake, home, shop.releases[1], None, scratch)
    follow_in_postgres(settings, night)
    assert night.postgres is not None and night.postgres.outcome == "loaded"
    assert shop.ask("select release_id from marts.release_info") == [(shop.releases[1].release_id,)]
    assert any("loaded" in line for line in night.lines()) and "PostgreSQL" in night.seconds
    assert title_of(night) == "returnscope: 2026-01-31 is published"
    assert "planted" not in night.record(home).read_text()


def test_a_failure_there_is_told_and_raised_nowhere_but_in_dagster(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    import dagster as dg

    from orchestration.assets import _must_be_in_postgres

    settings = load_settings({"RETURNSCOPE_HOME": str(shop.folder), "RETURNSCOPE_LAKE": str(shop.folder / "lake")})
    home = Home(shop.folder)
    with home.scratch_folder("publish") as scratch:
        publish.make_current(shop.lake, home, shop.releases[0], None, scratch)
    for url in (shop.url.rpartition("@")[0] + "@127.0.0.1:1/nothing", shop.url.replace("@127", "/x@127"), "nonsense"):
        monkeypatch.setenv("RETURNSCOPE_POSTGRES", url)
        night = _night(shop)
        follow_in_postgres(settings, night)
        assert night.postgres is None and night.postgres_failure
        body = "\n".join(night.lines())
        assert title_of(night) == "returnscope: 2026-01-31 is published, but not in PostgreSQL"
        assert "the next run tries again" in body
        with pytest.raises(dg.Failure, match="Published, but not in PostgreSQL") as told:
            _must_be_in_postgres(night)
        assert not told.value.allow_retries
        for text in (body, str(told.value), night.record(home).read_text()):
            assert "planted" not in text
    monkeypatch.delenv("RETURNSCOPE_POSTGRES")
    night = _night(shop)
    follow_in_postgres(settings, night)
    _must_be_in_postgres(night)
    assert (night.postgres, night.postgres_failure) == (None, None)


# ---- the command, and the night -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """It lives through both tests below: the first one builds its night."""
    made = Installation(tmp_path_factory.mktemp("acme"))
    lines = [order(amazon_order_id=f"111-0000000-000000{n}") for n in (1, 2)]
    made.run("ingest", made.file("orders.txt", tsv(lines)), "--store", "acme", "--window", "2026-01-01..2026-01-09")
    returns = tsv([fba(order_id="111-0000000-0000001")])
    made.run("ingest", made.file("returns.txt", returns), "--store", "acme", "--window", "2026-01-01..2026-01-09")
    return made


def test_the_night_publishes_there_too_and_a_server_that_is_away_does_not_undo_it(
    acme: Installation, postgres_url: str
) -> None:
    nowhere = postgres_url.rpartition("@")[0] + "@127.0.0.1:1/nothing"
    acme.environment["RETURNSCOPE_POSTGRES"] = nowhere
    said = acme.run("run", code=1)
    assert "Published 2026-01-09-" in said
    assert "PostgreSQL could not be published to" in said and "planted" not in said
    assert acme.query("select count(*) from fct_returns") == [(1,)]
    acme.environment["RETURNSCOPE_POSTGRES"] = postgres_url
    said = acme.run("run")  # nothing is new, but the server lacks the release
    assert "Nothing has changed" in said and "loaded" in said
    with psycopg.connect(postgres_url) as con:
        found = con.execute(
            "select units_shipped, units_returned, as_of_date from marts.mart_asin_insights "
            "where channel = 'ALL' and window_days = 30 and marketplace = 'US'"
        ).fetchall()
        duck = acme.query(
            "select units_shipped, units_returned, as_of_date from mart_asin_insights "
            "where channel = 'ALL' and window_days = 30 and marketplace = 'US'"
        )
        assert found == duck
        silent = con.execute(
            "select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid and attnum > 0 "
            "where relnamespace = 'marts'::regnamespace and relkind = 'r' and relname <> 'release_info' "
            "and col_description(c.oid, attnum) is null"
        ).fetchall()
        assert silent == []
        counts: dict[str, int] = dict(
            con.execute(
                "select relname, reltuples::bigint from pg_class "
                "where relnamespace = 'marts'::regnamespace and relkind = 'r'"
            ).fetchall()
        )
    assert set(counts) == {
        name for (name,) in acme.query("select table_name from duckdb_tables() where database_name = 'marts'")
    }
    records = [path.read_text() for path in (acme.home / "runs").iterdir()]
    assert not any("planted" in text for text in records)


def test_the_command_publishes_any_release_and_says_what_is_wrong(
    acme: Installation, postgres_url: str, tmp_path: Path
) -> None:
    acme.environment.clear()
    assert "run `returnscope run` first" in Installation(tmp_path / "new").run("publish", "--to", postgres_url, code=1)
    said = acme.run("-v", "publish", "--to", postgres_url, "--keep", "2", "--reader", "bi_people")
    assert "loaded" in said and "planted" not in said
    assert "is there already" in acme.run("publish", "--to", postgres_url, "--release", "current")
    acme.environment["RETURNSCOPE_POSTGRES"] = postgres_url
    assert "is there already" in acme.run("publish")
    acme.environment.clear()
    assert "--to" in acme.run("publish", code=2)
    assert "planted" not in acme.run("publish", "--to", postgres_url.replace("@127", "/x@127"), code=2)
    assert "No release" in acme.run("publish", "--to", postgres_url, "--release", "2020", code=1)
    with psycopg.connect(postgres_url) as con:
        assert con.execute("select has_schema_privilege('bi_people', 'marts', 'usage')").fetchone() == (True,)


def test_defaults_can_be_set_in_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "returnscope.toml").write_text('[postgres]\nkeep = 7\nreader = "bi"\n')
    settings = load_settings({"RETURNSCOPE_CONFIG": str(tmp_path / "returnscope.toml")})
    assert (settings.postgres.keep, settings.postgres.reader) == (7, "bi")
