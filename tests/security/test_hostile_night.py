"""One night of a seller whose reports carry people, secrets lie around, and texts that others would execute.

Planted values are looked for everywhere that the night writes: lake, quarantine, warehouse, releases, published file,
logs, audits, records, alerts, what the command says, and exports of the panel.
"""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest

from panel.export import to_bytes
from tests.support.deliveries import MFN_RETURN, fba, order, tsv
from tests.support.installation import ONE_STORE, Installation

#: people: what the reports say of them
PEOPLE = (
    "Odalys Fennimore",
    "odalys.fennimore@example.org",
    "14 Quarleigh Mews",
    "Quarleigh",
    "206-555-0147",
    "QX1 7ZZ",
    "444-5555555-6666666",  # somebody else's order, in a comment
)
#: secrets: what lies in the environment and in addresses
SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "planted-aws-secret-9f3a",
    "AWS_SESSION_TOKEN": "planted-aws-session-77c1",
    "RETURNSCOPE_SPAPI_CLIENT_SECRET": "planted-lwa-secret-5b2e",
    "RETURNSCOPE_SPAPI_REFRESH_TOKEN_ACME": "Atzr|planted-refresh-token-0d4c",
    "RETURNSCOPE_PROXY_SECRET": "planted-proxy-secret-c8d7",
}
ALERT_TOKEN = "planted-alert-token-e61b"
FORMULA = "=cmd|'/C touch canary'!A1"
STATEMENT = "'; drop schema marts cascade; copy (select 1) to 'canary'; --"
SCRIPT = "<script>alert(document.cookie)</script> {{ run_query('select 1') }} $(touch canary)"
COMMENT = "Broke. Mail odalys.fennimore@example.org or call 206-555-0147 about 444-5555555-6666666"


class Listener:
    """Where alerts arrive."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                listener.heard.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    found = Listener()
    threading.Thread(target=found.server.serve_forever, args=(0.05,), daemon=True).start()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory, listener: Listener) -> tuple[Installation, str]:
    """The installation after its night, and everything that its commands said."""
    address = f"json://user:{ALERT_TOKEN}@127.0.0.1:{listener.server.server_port}/"
    config = f"alerts = [{json.dumps(address)}]\n{ONE_STORE}[thresholds.fba_returns]\nrows = 9\nshare = 0.9\n"
    config += "[thresholds.orders]\nrows = 9\nshare = 0.9\n"
    installation = Installation(tmp_path_factory.mktemp("hostile"), config, dict(SECRETS))
    window = ("--store", "acme", "--window", "2026-01-01..2026-01-09", "--delivered-at", "2026-01-10T06:00:00Z")
    person = {
        "buyer_name": PEOPLE[0],
        "buyer_email": PEOPLE[1],
        "recipient_name": PEOPLE[0],
        "ship_address_1": PEOPLE[2],
        "ship_city": PEOPLE[3],
        "ship_phone_number": PEOPLE[4],
        "ship_postal_code": PEOPLE[5],
    }
    orders = [
        order(
            amazon_order_id=f"111-0000000-000000{n}",
            purchase_date=f"2026-01-0{n}T20:00:00+00:00",
            product_name=text,
            quantity="1" if n < 4 else "lots",
            **person,
        )
        for n, text in enumerate((FORMULA, STATEMENT, SCRIPT, "a row for the quarantine"), 1)
    ]
    broken = "\t".join([*orders[0].values(), PEOPLE[0]]) + "\r\n"
    returns = [
        fba(
            order_id=f"111-0000000-000000{n}",
            return_date=f"2026-01-0{n + 4}T09:30:00+00:00",
            license_plate_number=f"LPNRR000000{n}",
            product_name=text,
            customer_comments=comment,
        )
        for n, (text, comment) in enumerate(((FORMULA, COMMENT), (STATEMENT, STATEMENT), (SCRIPT, SCRIPT)), 1)
    ]
    returns.append(fba(order_id="111-0000000-0000004", quantity="many", customer_comments=COMMENT))
    seller = [MFN_RETURN | {"Order ID": "111-0000000-0000001", "Return request date": "07-Jan-2026"}]
    files = {
        f"orders '; drop table x; -- {FORMULA.replace('/', '')}.txt": tsv(orders) + broken,
        "returns.txt": tsv(returns),
        "seller.txt": tsv(seller),
        "page.html": f"<html><body>Dear {PEOPLE[0]}, {PEOPLE[1]}</body></html>",
        "answer.json": json.dumps({"errors": [{"code": "x", "message": f"{PEOPLE[1]} {PEOPLE[4]}"}]}),
    }
    said = ""
    for name, content in files.items():
        code = 1 if name in ("page.html", "answer.json") else 0
        said += installation.run("--verbose", "ingest", installation.file(name, content), *window, code=code)
    said += installation.run("--verbose", "run")
    said += installation.run("--verbose", "status")
    for file in (installation.folder / "files").iterdir():
        file.unlink()  # these were the seller's own
    return installation, said


def written(installation: Installation) -> Iterator[tuple[str, str]]:
    """Every file below the installation but its configuration, as text: bytes, and the values of tables."""
    for path in sorted(installation.folder.rglob("*")):
        if not path.is_file() or path.name == "returnscope.toml":
            continue
        name = str(path.relative_to(installation.folder))
        yield name, path.read_bytes().decode("utf-8", "replace")
        if path.suffix == ".parquet":
            yield name, values(f"select * from read_parquet('{path}', hive_partitioning = false)")
        elif path.name in ("returnscope.duckdb", "warehouse.duckdb", "published.duckdb"):
            with duckdb.connect(str(path), read_only=True) as con:
                tables = con.execute("select table_schema, table_name from information_schema.tables").fetchall()
            for schema, table in tables:
                if (schema, table) != ("control", "quarantine") and schema != "bronze":
                    yield f"{name} {schema}.{table}", values(f'select * from "{schema}"."{table}"', path)


def values(query: str, path: Path | None = None) -> str:
    """All rows as text."""
    with duckdb.connect(str(path) if path else ":memory:", read_only=path is not None) as con:
        return repr(con.execute(query).fetchall())


@pytest.mark.slow
def test_no_person_is_in_anything_that_is_written_said_or_sent(
    night: tuple[Installation, str], listener: Listener
) -> None:
    installation, said = night
    found = [
        (name, word)
        for name, text in [*written(installation), ("said", said), ("alerts", str(listener.heard))]
        for word in PEOPLE
        if word in text
    ]
    assert found == []
    assert listener.heard, "the quarantined rows are worth a message"
    assert installation.query("select comment from fct_returns where license_plate_number = 'LPNRR0000001'") == [
        ("Broke. Mail [email] or call [phone] about [order]",)
    ]


@pytest.mark.slow
def test_no_secret_is_in_anything_that_is_written_said_or_sent(
    night: tuple[Installation, str], listener: Listener
) -> None:
    installation, said = night
    found = [
        (name, word)
        for name, text in [*written(installation), ("said", said), ("alerts", str(listener.heard))]
        for word in (*SECRETS.values(), ALERT_TOKEN)
        if word in text
    ]
    assert found == []


@pytest.mark.slow
def test_texts_that_others_would_execute_stay_texts(night: tuple[Installation, str]) -> None:
    installation, _ = night
    assert list(installation.folder.rglob("canary*")) == []
    comments = installation.query("select comment from fct_returns where comment is not null order by return_date")
    assert [text for (text,) in comments][1:] == [STATEMENT, SCRIPT]
    with duckdb.connect(str(installation.marts), read_only=True) as con:
        con.execute("use marts.marts")
        for (name,) in con.execute("select table_name from information_schema.tables order by all").fetchall():
            table: Any = con.execute(f'select * from "{name}"').to_arrow_table()
            assert not [line for line in to_bytes(table, "csv").decode().splitlines() if line.startswith("=")]
            assert formulas(to_bytes(table, "xlsx")) == [], name


def formulas(workbook: bytes) -> list[str]:
    """Cells that a spreadsheet program would compute."""
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(workbook), read_only=True)
    return [str(cell.value) for row in book.active.iter_rows() for cell in row if cell.data_type == "f"]
