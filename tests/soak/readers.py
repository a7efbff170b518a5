"""A reader who asks the published marts in a loop, as one of four kinds of program, until a file appears.

Belongs here: asking, and noting what was seen. Does not belong: what must be seen (`test_readers.py`).

Run as a script: `readers.py KIND HOME STOP NOTES [ADDRESS]`. A read asks several tables at once and is noted as release
and sums; every distinct answer is counted, every error kept.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

#: units returned as facts and by day, units shipped: three tables that must be of one release
SUMS = (
    "(select cast(sum(units) as bigint) from {0}fct_returns{1}), "
    "(select cast(sum(units_returned) as bigint) from {0}mart_asin_daily{1} where channel = 'ALL'), "
    "(select cast(sum(units_shipped) as bigint) from {0}fct_order_lines{1})"
)
Answer = tuple[Any, ...]


def from_file(home: Path, _: str) -> Answer:
    """DuckDB on the published file, opened anew each time as a BI tool does."""
    import duckdb

    with duckdb.connect(str(home / "published" / "returnscope.duckdb"), read_only=True) as con:
        row = con.execute(f"select (select release_id from marts.release_info), {SUMS.format('marts.', '')}").fetchone()
    assert row is not None
    return row


def from_parquet(home: Path, _: str) -> Answer:
    """The parquet files of the release that the pointer names, each checked against its manifest."""
    import hashlib

    import duckdb

    releases = home / "lake" / "releases"
    release = json.loads((releases / "current.json").read_text())["release_id"]
    marts = json.loads((releases / release / "manifest.json").read_text())["marts"]
    for name in ("fct_returns", "mart_asin_daily", "fct_order_lines"):
        content = (releases / release / f"{name}.parquet").read_bytes()
        assert hashlib.sha256(content).hexdigest() == marts[name]["sha256"], f"{release} {name} is not its manifest's"
    sums = SUMS.format(f"'{releases / release}/", ".parquet'")
    row = duckdb.execute(f"select {sums}").fetchone()
    assert row is not None
    return release, *row


def from_panel(home: Path, _: str) -> Answer:
    """The panel's own module: pages hold one release while the next is published."""
    from panel import data

    release = data.current(path=home / "published" / "marts.duckdb")
    row = release.rows(f"select (select release_id from release_info) as release, {SUMS.format('', '')}")[0]
    data.totals(release, data.Filter())
    return tuple(row.values())


def from_postgres(_: Path, address: str) -> Answer:
    """PostgreSQL, a new connection each time."""
    import psycopg

    with psycopg.connect(address, autocommit=True) as con:
        row = con.execute(  # type: ignore[call-overload]
            f"select (select release_id from marts.release_info), {SUMS.format('marts.', '')}"
        ).fetchone()
    assert row is not None
    return tuple(row)


KINDS: dict[str, Callable[[Path, str], Answer]] = {
    "file": from_file,
    "parquet": from_parquet,
    "panel": from_panel,
    "postgres": from_postgres,
}


def main(arguments: Sequence[str]) -> None:
    """Read until told to stop; then write what was seen."""
    kind, home, stop, notes, *address = arguments
    seen: Counter[Answer] = Counter()
    errors: list[str] = []
    while not Path(stop).exists():
        try:
            seen[KINDS[kind](Path(home), address[0] if address else "")] += 1
        except Exception as error:  # noqa: BLE001 - whatever a reader meets is the outcome of the test
            errors.append(f"{type(error).__name__}: {error}")
        time.sleep(0.1)
    Path(notes).write_text(json.dumps({"seen": [[*answer, count] for answer, count in seen.items()], "errors": errors}))


if __name__ == "__main__":
    main(sys.argv[1:])
