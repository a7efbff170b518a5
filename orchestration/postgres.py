"""A release in PostgreSQL: loaded into a schema of its own beside what readers see, then swapped in; both or neither.

Belongs here: everything said to a PostgreSQL server. Does not belong: making releases (`publish.py`), when to load one
(`pipeline.py`, the command `publish`).

Readers ask schema `marts`. A publication is one transaction: make `marts_<release>`, fill it, then take an exclusive
lock on the tables of `marts` for some milliseconds, rename `marts` to the name of its release and the new schema to
`marts`. So a publisher that is killed leaves nothing, and an earlier release that is still kept needs no loading.

- The locks make the swap wait for whoever has begun to read: without them a statement that names two tables can find
  one of them before the rename and the other after it. The swap gives up after `_LOCK_TIMEOUT` and tries again, since
  who comes after it in the queue waits as long; it is shorter than `deadlock_timeout`, so nobody is ever sacrificed.
- Rows are loaded frozen (COPY ... FREEZE), that is visible to snapshots taken before the load: without it a
  REPEATABLE READ transaction from before the load would find the new tables, and find them empty. ADBC cannot do that,
  nor load within this transaction; COPY takes about 1.3 times as long as it (2 million rows: 7 s, not 5.4 s).
- The address holds a password: it is in no message, and in no log.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ingestion.failures import PermanentFailure, TransientFailure
from ingestion.intake import WrongUse
from orchestration import releases
from orchestration.publish import RELEASE_INFO, release_info

if TYPE_CHECKING:
    import duckdb
    import psycopg

    from ingestion.lake import Lake
    from orchestration.releases import Manifest, Mart

log = logging.getLogger(__name__)

#: the environment variable with the address that every night publishes to
VARIABLE = "RETURNSCOPE_POSTGRES"
SCHEMA = "marts"
#: how long a publisher waits for another one, and for readers that hold the tables to be swapped out
PATIENCE_SECONDS = 600.0
#: half of PostgreSQL's default deadlock_timeout of 1 s
_LOCK_TIMEOUT = "500ms"
_DROP_TIMEOUT = "2s"
#: advisory lock of publishers within a database: "returnsc" as a number
_TURN = int.from_bytes(b"returnsc", "big")
_BATCH_ROWS = 50_000
#: a load may take minutes; a publisher that the network has lost is noticed within two, not within the system's 2 h
_SESSION = (
    "statement_timeout = 0",
    "idle_in_transaction_session_timeout = 0",
    "tcp_keepalives_idle = 60",
    "tcp_keepalives_interval = 10",
    "tcp_keepalives_count = 6",
)
_CONNECTION = {
    "connect_timeout": 15,
    "application_name": "returnscope publish",
    "keepalives_idle": 60,
    "keepalives_interval": 10,
    "keepalives_count": 6,
}
_COMMENT = re.compile(r"returnscope release (?P<release>[0-9a-f-]+)(?:, current until (?P<until>\S+))?")
_TYPES = {
    "VARCHAR": "text",
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
#: SQLSTATE classes that pass by themselves: connection, rollback, resources, lock not available, operator
_TRANSIENT = ("08", "40", "53", "55P03", "57")
#: what servers say to a connection that no retry helps
_REFUSALS = (
    "authentication failed",
    "does not exist",
    "no pg_hba.conf entry",
    "no password supplied",
    "is not permitted",
)

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Address:
    """Where a server is, and who asks. `str` and `repr` are fit to be shown."""

    url: str = field(repr=False)
    shown: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address in a text `postgresql://user:password@host:port/database`; raises WrongUse."""
        psycopg = _driver()
        from psycopg.conninfo import conninfo_to_dict

        remedy = (
            "Write it as postgresql://user:password@host:5432/database, every character of the password other than "
            "letters and digits as %XX; or leave the password to PGPASSWORD or ~/.pgpass."
        )
        if not text.startswith(("postgresql://", "postgres://")):
            raise WrongUse("This is not the address of a PostgreSQL database", "--to, or " + VARIABLE, remedy)
        try:
            parts = conninfo_to_dict(text)
        except psycopg.Error:  # its message quotes the part that it does not understand, which may be of the password
            parts = None
        host, port, database = (str((parts or {}).get(name) or "") for name in ("host", "port", "dbname"))
        # a slash or an @ in the password, not written as %XX, makes parts of it look like the port or the database
        if parts is None or not re.fullmatch(r"[\d,]*", port) or re.search(r"[@:/]", database):
            raise WrongUse("The address of PostgreSQL cannot be understood", "--to, or " + VARIABLE, remedy)
        return cls(text, f"postgresql://{host or 'localhost'}:{port or '5432'}/{database}")

    def __str__(self) -> str:
        return self.shown


@dataclass(frozen=True)
class Loaded:
    """What a publication did. `left`: old schemas that could not be dropped, and why."""

    outcome: Literal["loaded", "switched", "unchanged"]
    release_id: str
    where: str
    rows: int
    kept: tuple[str, ...]
    left: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """For people."""
        yield {
            "loaded": f"PostgreSQL: {self.release_id} loaded, {self.rows:,} rows",
            "switched": f"PostgreSQL: {self.release_id} was kept there and is current again",
            "unchanged": f"PostgreSQL: {self.release_id} is there already",
        }[self.outcome] + f" ({self.where}, schema {SCHEMA})"
        if self.kept:
            yield f"  kept beside it: {', '.join(self.kept)}"
        yield from (f"  not dropped: {reason}" for reason in self.left)


@dataclass(frozen=True)
class _Schema:
    """A schema that this module made."""

    name: str
    release_id: str
    until: str


def configured() -> str | None:
    """The address that the environment names for every night; None where it names none. It holds a secret."""
    return os.environ.get(VARIABLE) or None


def schema_of(release_id: str) -> str:
    """Schema of a release that is not, or no longer, current."""
    return f"{SCHEMA}_{release_id.replace('-', '_')}"


def load_release(
    lake: Lake,
    manifest: Manifest,
    address: Address,
    *,
    keep: int,
    reader: str,
    patience: float = PATIENCE_SECONDS,
    tell: Tell = log.info,
) -> Loaded:
    """Make a release of the lake the one that schema `marts` holds.

    keep: how many earlier releases stay beside it, as `marts_<release>`. reader: role that may read all of them; made
    (without login) where it is missing. patience: seconds to wait for another publisher, and for readers.

    Raises TransientFailure (server away, another publisher, readers that never let go) and PermanentFailure (refused,
    a schema `marts` that others made); either way readers keep what they had.
    """
    with _failures_told(address), _connect(address) as con:
        with con.transaction():
            for setting in _SESSION:
                con.execute(f"set local {setting}")
            _take_turn(con, address, patience)
            _make_role(con, address, reader)
            there = {schema.release_id: schema for schema in _schemas(con)}
            current = next((schema for schema in there.values() if schema.name == SCHEMA), None)
            outcome: Literal["loaded", "switched", "unchanged"] = "unchanged"
            if current is None or current.release_id != manifest.release_id:
                outcome = "switched" if manifest.release_id in there else "loaded"
                if current is None:
                    _clear_the_way(con, address)
                target = schema_of(manifest.release_id)
                if outcome == "loaded":
                    tell(f"Loading {manifest.release_id} into {address} ...")
                    _load(con, lake, manifest, target)
                _grant(con, target, reader)
                _swap(con, address, target, manifest, current, patience)
            else:
                _grant(con, SCHEMA, reader)
        kept, left = _drop_old(con, keep)
    rows = sum(mart.rows for mart in manifest.marts.values())
    return Loaded(outcome, manifest.release_id, address.shown, rows, tuple(kept), tuple(left))


# ---- the parts of the transaction ----------------------------------------------------------------------------------


def _take_turn(con: psycopg.Connection[Any], address: Address, patience: float) -> None:
    """Hold the publishers' lock of the database until the end of the transaction."""
    deadline = time.monotonic() + patience
    while not _value(con, "select pg_try_advisory_xact_lock(%s)", _TURN):
        if time.monotonic() >= deadline:
            raise TransientFailure(
                "Another process has been publishing into this database for too long",
                address.shown,
                "Wait until it has ended, then publish again; readers keep the release they have.",
            )
        time.sleep(0.2)


def _make_role(con: psycopg.Connection[Any], address: Address, reader: str) -> None:
    from psycopg import errors, sql

    if _value(con, "select count(*) from pg_roles where rolname = %s", reader):
        return
    try:
        with con.transaction():
            con.execute(sql.SQL("create role {} nologin").format(sql.Identifier(reader)))
    except errors.DuplicateObject:  # by a publisher into another database of the server, meanwhile
        return
    except errors.InsufficientPrivilege as error:
        raise PermanentFailure(
            f"There is no role {reader!r} to give readers' rights to, and this user may not make one",
            address.shown,
            f'Have it made by an administrator: create role "{reader}" nologin; or name another one by --reader.',
        ) from error


def _schemas(con: psycopg.Connection[Any]) -> list[_Schema]:
    """The schemas that this module made, the current one first, then the newest."""
    rows = con.execute(
        "select nspname, obj_description(oid, 'pg_namespace') from pg_namespace "
        "where nspname = %s or starts_with(nspname, %s)",
        [SCHEMA, f"{SCHEMA}_"],
    ).fetchall()
    found = []
    for name, comment in rows:
        if match := _COMMENT.match(comment or ""):
            found.append(_Schema(name, match["release"], match["until"] or ""))
    return sorted(sorted(found, key=lambda schema: schema.until, reverse=True), key=lambda s: s.name != SCHEMA)


def _clear_the_way(con: psycopg.Connection[Any], address: Address) -> None:
    """Drop a schema `marts` that somebody made for us and left empty; refuse where it holds anything."""
    if not _value(con, "select count(*) from pg_namespace where nspname = %s", SCHEMA):
        return
    if _value(con, "select count(*) from pg_class where relnamespace = %s::regnamespace", SCHEMA):
        raise PermanentFailure(
            f"Schema {SCHEMA} holds tables that returnscope has not made",
            address.shown,
            "Rename that schema, or publish into a database of its own. Nothing was changed.",
        )
    con.execute(f"drop schema {SCHEMA}")


def _load(con: psycopg.Connection[Any], lake: Lake, manifest: Manifest, schema: str) -> None:
    """Make a schema and fill it with every mart of a release, and with `release_info`."""
    import duckdb
    from psycopg import sql

    con.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
    _comment(con, "schema", sql.Identifier(schema), f"returnscope release {manifest.release_id}")
    with duckdb.connect() as duck:
        duck.execute("set TimeZone = 'UTC'")
        for name, mart in manifest.marts.items():
            path = releases.mart_path(lake, manifest, name)
            _make_table(con, schema, name, mart.columns, mart.description, mart.column_descriptions)
            copied = _copy(con, duck, schema, name, mart, path)
            if copied != mart.rows:
                raise PermanentFailure(
                    f"{copied:,} rows of {name} were loaded where the release has {mart.rows:,}",
                    lake.where(releases.mart_key(manifest.release_id, name)),
                    "Check the release with `returnscope verify`. Readers keep the release they have.",
                )
            _index(con, duck, schema, name, mart, path)
            con.execute(sql.SQL("analyze {}").format(sql.Identifier(schema, name)))
    about = release_info(manifest)
    _make_table(con, schema, "release_info", RELEASE_INFO, "The release that this schema holds; one row.", {})
    con.execute(
        sql.SQL("insert into {} values ({})").format(
            sql.Identifier(schema, "release_info"), sql.SQL(", ").join(sql.Placeholder() * len(about))
        ),
        list(about.values()),
    )


def _make_table(
    con: psycopg.Connection[Any],
    schema: str,
    name: str,
    columns: Mapping[str, str],
    description: str,
    descriptions: Mapping[str, str],
) -> None:
    from psycopg import sql

    table = sql.Identifier(schema, name)
    declared = [
        sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(postgres_type(kind, f"{name}.{column}")))
        for column, kind in columns.items()
    ]
    con.execute(sql.SQL("create table {} ({})").format(table, sql.SQL(", ").join(declared)))
    _comment(con, "table", table, description)
    for column, text in descriptions.items():
        _comment(con, "column", sql.Identifier(schema, name, column), text)


def _comment(con: psycopg.Connection[Any], kind: Literal["schema", "table", "column"], what: Any, text: str) -> None:
    from psycopg import sql

    con.execute(sql.SQL("comment on {} {} is {}").format(sql.SQL(kind), what, sql.Literal(text)))


def postgres_type(kind: str, column: str) -> str:
    """PostgreSQL's type for one of DuckDB's; raises PermanentFailure for one that no mart has had so far."""
    if match := _DECIMAL.fullmatch(kind.upper()):
        return f"numeric({match[1]},{match[2]})"
    if found := _TYPES.get(kind.upper()):
        return found
    raise PermanentFailure(
        f"Type {kind} of {column} has no counterpart in PostgreSQL here",
        "orchestration/postgres.py",
        "Give the model's column another type, or add this one to the list of types.",
    )


def _copy(
    con: psycopg.Connection[Any], duck: duckdb.DuckDBPyConnection, schema: str, name: str, mart: Mart, path: Path
) -> int:
    """Rows of a parquet file into an empty table of this transaction, as texts, which keeps every value exact."""
    import pyarrow as pa
    from psycopg import sql
    from pyarrow import csv

    texts = ", ".join(f'cast("{column}" as varchar) as "{column}"' for column in mart.columns)
    batches = duck.execute(f"select {texts} from read_parquet(?)", [str(path)]).to_arrow_reader(_BATCH_ROWS)
    options = csv.WriteOptions(include_header=False)
    statement = sql.SQL("copy {} ({}) from stdin (format csv, freeze)").format(
        sql.Identifier(schema, name), sql.SQL(", ").join(map(sql.Identifier, mart.columns))
    )
    with con.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for batch in batches:
                lines = pa.BufferOutputStream()
                csv.write_csv(batch, lines, options)  # quotes every text, so that '' and NULL stay two things
                copy.write(memoryview(lines.getvalue()))
        return cursor.rowcount


def _index(
    con: psycopg.Connection[Any], duck: duckdb.DuckDBPyConnection, schema: str, name: str, mart: Mart, path: Path
) -> None:
    """The grain as primary key, or as a unique index where a part of it may be unknown; facts also by item."""
    from psycopg import sql

    table = sql.Identifier(schema, name)
    if mart.key:
        columns = sql.SQL(", ").join(map(sql.Identifier, mart.key))
        unknown = " or ".join(f'"{column}" is null' for column in mart.key)
        (gaps,) = duck.execute(f"select count(*) from read_parquet(?) where {unknown}", [str(path)]).fetchone() or (0,)
        if gaps:
            con.execute(sql.SQL("create unique index on {} ({})").format(table, columns))
        else:
            con.execute(sql.SQL("alter table {} add primary key ({})").format(table, columns))
    item = ("store", "marketplace", "asin")
    if set(item) <= set(mart.columns) and mart.key[:3] != item:
        con.execute(sql.SQL("create index on {} ({})").format(table, sql.SQL(", ").join(map(sql.Identifier, item))))


def _grant(con: psycopg.Connection[Any], schema: str, reader: str) -> None:
    """Reading rights; they stay with the schema and its tables when it is renamed."""
    from psycopg import sql

    names = sql.Identifier(schema), sql.Identifier(reader)
    con.execute(sql.SQL("grant usage on schema {} to {}").format(*names))
    con.execute(sql.SQL("grant select on all tables in schema {} to {}").format(*names))


def _swap(
    con: psycopg.Connection[Any],
    address: Address,
    target: str,
    manifest: Manifest,
    current: _Schema | None,
    patience: float,
) -> None:
    """Rename the current schema away and the target into its place; readers see it when the transaction commits."""
    from psycopg import errors, sql

    deadline, pause = time.monotonic() + patience, 0.1
    while True:
        try:
            with con.transaction():
                con.execute(f"set local lock_timeout = '{_LOCK_TIMEOUT}'")
                if current is not None:
                    if tables := _tables(con, SCHEMA):
                        con.execute(sql.SQL("lock table {} in access exclusive mode").format(_listed(SCHEMA, tables)))
                    away = sql.Identifier(schema_of(current.release_id))
                    con.execute(sql.SQL("alter schema marts rename to {}").format(away))
                    until = datetime.now(UTC).isoformat(timespec="milliseconds")
                    _comment(con, "schema", away, f"returnscope release {current.release_id}, current until {until}")
                con.execute(sql.SQL("alter schema {} rename to marts").format(sql.Identifier(target)))
                _comment(con, "schema", sql.Identifier(SCHEMA), f"returnscope release {manifest.release_id}")
                return
        except errors.LockNotAvailable:
            if time.monotonic() >= deadline:
                raise TransientFailure(
                    f"Readers have not let go of the release before: {'; '.join(_holders(con)) or 'they are gone now'}",
                    address.shown,
                    "End those sessions or wait for them, then publish again. Readers keep the release they have.",
                ) from None
        time.sleep(pause)
        pause = min(pause * 1.5, 5.0)


def _tables(con: psycopg.Connection[Any], schema: str) -> list[str]:
    return [
        name
        for (name,) in con.execute(
            "select relname from pg_class where relnamespace = %s::regnamespace and relkind = 'r' order by 1", [schema]
        )
    ]


def _listed(schema: str, tables: list[str]) -> Any:
    from psycopg import sql

    return sql.SQL(", ").join(sql.Identifier(schema, table) for table in tables)


def _holders(con: psycopg.Connection[Any]) -> list[str]:
    """Who holds tables of schema `marts`."""
    rows = con.execute(
        "select distinct a.pid, a.usename, a.application_name, a.xact_start from pg_locks l "
        "join pg_class c on c.oid = l.relation join pg_stat_activity a on a.pid = l.pid "
        "where c.relnamespace = %s::regnamespace and l.granted and a.pid <> pg_backend_pid() order by 4 nulls last, 1",
        [SCHEMA],
    ).fetchall()
    return [
        f"process {pid} of {user}"
        + (f" ({program})" if program else "")
        + (f" since {since:%H:%M:%S}" if since else "")
        for pid, user, program, since in rows[:5]
    ]


def _drop_old(con: psycopg.Connection[Any], keep: int) -> tuple[list[str], list[str]]:
    """Drop all but the last `keep` earlier releases. What is kept, and what could not be dropped yet.

    Never with what others have built on it: a view on an old release keeps that release alive, and is named.
    """
    from psycopg import errors, sql

    kept: list[str] = []
    left: list[str] = []
    with con.transaction():
        if not _value(con, "select pg_try_advisory_xact_lock(%s)", _TURN):
            return kept, left  # another publisher has begun, and will tidy up itself
        con.execute(f"set local lock_timeout = '{_DROP_TIMEOUT}'")
        for number, schema in enumerate(earlier for earlier in _schemas(con) if earlier.name != SCHEMA):
            if number < keep:
                kept.append(schema.name)
                continue
            try:
                with con.transaction():
                    if tables := _tables(con, schema.name):
                        con.execute(sql.SQL("drop table {} restrict").format(_listed(schema.name, tables)))
                    con.execute(sql.SQL("drop schema {} restrict").format(sql.Identifier(schema.name)))
            except errors.LockNotAvailable:
                left.append(f"{schema.name} is being read; the next publication drops it")
            except errors.DependentObjectsStillExist as error:
                built = (error.diag.message_detail or "").splitlines()
                left.append(f"{schema.name}: {'; '.join(built[:3])}. Drop or renew what is built on it")
    for reason in left:
        log.warning("PostgreSQL: not dropped: %s", reason)
    return kept, left


# ---- connecting -----------------------------------------------------------------------------------------------------


def _driver() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise PermanentFailure(
            "This installation cannot talk to PostgreSQL",
            "psycopg",
            "Install it: pip install 'returnscope[postgres]' (make setup does).",
        ) from error
    return psycopg


def _connect(address: Address) -> psycopg.Connection[Any]:
    made: psycopg.Connection[Any] = _driver().connect(
        address.url, autocommit=True, prepare_threshold=None, **_CONNECTION
    )
    return made


@contextmanager
def _failures_told(address: Address) -> Iterator[None]:
    """Errors of the driver, the server and the release's files as failures of ours, without any secret."""
    psycopg = _driver()
    import duckdb

    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise PermanentFailure(
            f"A file of the release cannot be read: {str(error).splitlines()[0]}",
            address.shown,
            "Check it with `returnscope verify`; copies in the cache may be deleted. Readers keep what they have.",
        ) from error
    except psycopg.Error as error:
        state = error.sqlstate or ""
        said = _without_secrets(
            str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__, address
        )
        refused = any(words in said for words in _REFUSALS)
        if state.startswith(_TRANSIENT) or (not state and isinstance(error, psycopg.OperationalError) and not refused):
            raise TransientFailure(
                f"PostgreSQL could not be published to: {said}",
                address.shown,
                "Check that the server runs and can be reached, then publish again; readers keep what they have.",
            ) from None
        raise PermanentFailure(
            f"PostgreSQL refused: {said}",
            address.shown,
            "Correct the address or have the right granted (create on the database), then publish again; "
            "readers keep what they have.",
        ) from None


def _without_secrets(text: str, address: Address) -> str:
    from urllib.parse import unquote, urlsplit

    try:
        password = urlsplit(address.url).password
    except ValueError:
        password = None
    for secret in (address.url, password, unquote(password) if password else None):
        if secret:
            text = text.replace(secret, "***")
    return text


def _value(con: psycopg.Connection[Any], statement: str, *values: Any) -> Any:
    row = con.execute(statement, values).fetchone()
    return row[0] if row else None
