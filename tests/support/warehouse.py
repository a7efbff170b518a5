"""A warehouse from rows written down in a test: deliveries in, dbt run for real, tables out.

Belongs here: turning a handful of rows into bronze parquet, ledger entries and a build file. Does not belong: what the
tables must hold (the tests say it), files as Amazon sends them (ingestion has its own tests).

A build costs about two seconds whatever is in it, so tests put every scenario into a store of its own and build once.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from data_contracts.control import CONTROL_TABLES
from data_contracts.feed import Kind
from data_contracts.registry import all_feeds
from data_contracts.settings import Settings
from ingestion.ledger import Pull
from orchestration import warehouse

Row = dict[str, Any]


def order(order_id: str, **values: Any) -> Row:
    """An order line: one shipped FBA unit of SKU-1 sold on Amazon.com at noon UTC on 2025-01-10."""
    return {
        "order_id": order_id,
        "purchase_date": "2025-01-10T20:00:00+00:00",
        "order_status": "Shipped",
        "fulfillment_channel": "Amazon",
        "sales_channel": "Amazon.com",
        "sku": "SKU-1",
        "asin": "B000000001",
        "quantity": 1,
        "currency": "USD",
        "item_price": "20.00",
    } | values


def fba_return(order_id: str, **values: Any) -> Row:
    """A unit of SKU-1 processed at noon in Los Angeles on 2025-01-20, without a plate."""
    return {
        "return_date": "2025-01-20T20:00:00+00:00",
        "order_id": order_id,
        "sku": "SKU-1",
        "asin": "B000000001",
        "fnsku": "X000000001",
        "quantity": 1,
        "fulfillment_center_id": "PHX7",
        "detailed_disposition": "SELLABLE",
        "reason": "UNWANTED_ITEM",
        "status": "Unit returned to inventory",
    } | values


def mfn_return(order_id: str, **values: Any) -> Row:
    """A request for one unit of SKU-1 on 2025-01-20."""
    return {
        "order_id": order_id,
        "order_date": "2025-01-10",
        "return_request_date": "2025-01-20",
        "return_request_status": "Approved",
        "amazon_rma_id": f"RMA-{order_id}",
        "currency_code": "USD",
        "asin": "B000000001",
        "merchant_sku": "SKU-1",
        "return_quantity": 1,
        "return_reason": "CR-UNWANTED_ITEM",
    } | values


def settlement(settlement_id: str, currency: str, lines: Sequence[Row], total: str | None = None) -> list[Row]:
    """Rows of a settlement: its summary, then lines without a currency, as Amazon writes them."""
    summary = {
        "settlement_id": settlement_id,
        "settlement_end_date": "2025-01-28",
        "total_amount": total,
        "currency": currency,
    }
    return [summary, *({"settlement_id": settlement_id, "posted_date": "2025-01-25"} | line for line in lines)]


def refund(order_id: str, paid: str, **values: Any) -> Row:
    """A settlement line that gives a buyer money back; `paid` is what he gets, and what the seller loses."""
    return {
        "transaction_type": "Refund",
        "order_id": order_id,
        "sku": "SKU-1",
        "marketplace_name": "Amazon.com",
        "amount_type": "ItemPrice",
        "amount_description": "Principal",
        "amount": -Decimal(paid),
        "fulfillment_id": "AFN",
    } | values


@dataclass(frozen=True)
class Delivery:
    """One pull and, unless it brought none, its rows: column names as in the feed, moments as ISO text (a day alone, or
    an instant with offset). A row may name its line (`_line_number`), where one line of a feed holds several rows.

    at: delivered_at. name: tells deliveries of equal rows apart: same store, feed, rows and name are the same bytes.
    """

    feed: str
    rows: Sequence[Row]
    at: str
    window: tuple[str, str] | None = None
    store: str = "shop"
    outcome: str | None = None
    restates: bool = True
    name: str = ""
    bad_rows: Sequence[tuple[int, str, str]] = ()

    @property
    def delivery_id(self) -> str | None:
        """As in the lake a hash of the content; None where the pull brought no document."""
        if self.outcome in ("cancelled", "failed"):
            return None
        content = json.dumps([self.store, self.feed, self.name, list(self.rows)], default=str)
        return hashlib.sha256(content.encode()).hexdigest()

    def pull(self) -> Pull:
        """The ledger's entry."""
        days = sorted(day for row in self._physical() if (day := row.get(f"{all_feeds()[self.feed].event}_day")))
        entry: dict[str, Any] = {
            "store": self.store,
            "feed": self.feed,
            "delivery_id": self.delivery_id,
            "window_from": date.fromisoformat(self.window[0]) if self.window else None,
            "window_to": date.fromisoformat(self.window[1]) if self.window else None,
            "delivered_at": datetime.fromisoformat(self.at).replace(tzinfo=UTC),
            "outcome": self.outcome or ("loaded" if self.rows else "loaded_empty"),
            "restates": self.restates and self.delivery_id is not None,
            "file_name": f"{self.feed}.tsv",
        }
        if self.delivery_id:
            entry |= {
                "rows_in": len(self.rows) + len(self.bad_rows),
                "rows_bronze": len(self.rows),
                "rows_quarantined": len(self.bad_rows),
                "first_event_day": date.fromisoformat(days[0]) if days else None,
                "last_event_day": date.fromisoformat(days[-1]) if days else None,
            }
        else:
            entry["error"] = "no document"
        pull_id = hashlib.sha256(json.dumps(entry, default=str).encode()).hexdigest()
        return Pull(pull_id=pull_id, taken_at=datetime(2025, 2, 2, tzinfo=UTC), **entry)

    def _physical(self) -> list[Row]:
        feed = all_feeds()[self.feed]
        found = []
        for line, row in enumerate(self.rows, start=2):
            physical: Row = {"_store": self.store, "_delivery_id": self.delivery_id, "_line_number": line}
            for name, value in row.items():
                if name == "_line_number":
                    physical[name] = value
                    continue
                if feed.column(name).kind is not Kind.MOMENT or value is None:
                    physical[name if feed.column(name).kind is not Kind.MOMENT else f"{name}_day"] = value
                elif len(value) == 10:
                    physical[f"{name}_day"] = value
                else:
                    physical[f"{name}_at"] = value
                    physical[f"{name}_day"] = datetime.fromisoformat(value).astimezone(UTC).date().isoformat()
            found.append(physical)
        return found


@dataclass(frozen=True)
class Warehouse:
    """A built warehouse and what dbt said."""

    path: Path
    run: warehouse.DbtRun

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        with warehouse.connect(self.path) as con:
            return con.execute(query).fetchall()

    def tables(self, *schemas: str) -> dict[str, list[tuple[Any, ...]]]:
        """Every table and view of the schemas, its rows in a fixed order."""
        names = self.rows(
            "select table_schema || '.' || table_name from information_schema.tables "
            f"where table_schema in ({', '.join(repr(schema) for schema in schemas)}) order by all"
        )
        return {name: self.rows(f"select * from {name} order by all") for (name,) in names}


def settings(stores: Mapping[str, Sequence[str]], home: Path, **values: Any) -> Settings:
    """Settings with stores by name, each with its marketplaces, first one first."""
    regions = {"US": "na", "CA": "na", "MX": "na", "JP": "fe", "AU": "fe"}
    return Settings(
        home=home,
        lake=str(home / "lake"),
        config=home / "returnscope.toml",
        stores={
            name: {"region": regions.get(marketplaces[0], "eu"), "marketplaces": tuple(marketplaces)}
            for name, marketplaces in stores.items()
        },
        **values,
    )


def build(
    home: Path,
    deliveries: Sequence[Delivery],
    given: Settings,
    *,
    as_of: date,
    command: str = "build",
    select: Sequence[str] = (),
    verdicts: Sequence[Row] = (),
    shuffle: int | None = None,
    unit_tests: bool = False,
    project: Path = warehouse.PROJECT,
) -> Warehouse:
    """Lay the deliveries out and run dbt on them. `home` keeps its place, so that dbt's parse of the last build holds.

    shuffle: a seed by which ledger entries and files are taken in another order. verdicts: rows of
    control.comment_verdicts.
    """
    chosen = list(deliveries)
    if shuffle is not None:
        random.Random(shuffle).shuffle(chosen)
    bronze: dict[str, list[Path]] = {}
    quarantine: dict[str, list[Path]] = {}
    files = home / "files" / f"{shuffle}"
    files.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        for number, delivery in enumerate({d.delivery_id: d for d in chosen if d.delivery_id}.values()):
            types = all_feeds()[delivery.feed].physical()
            path = files / f"{number}.parquet"
            _write(con, path, types, delivery._physical())
            bronze.setdefault(delivery.feed, []).append(path)
            if delivery.bad_rows:
                bad = files / f"{number}-bad.parquet"
                _write(
                    con,
                    bad,
                    _QUARANTINE,
                    [
                        dict(zip(_QUARANTINE, (delivery.store, delivery.delivery_id, *row), strict=True))
                        for row in delivery.bad_rows
                    ],
                )
                quarantine.setdefault(delivery.feed, []).append(bad)
        judged = []
        if verdicts:
            judged = [files / "verdicts.parquet"]
            _write(con, judged[0], CONTROL_TABLES["comment_verdicts"].types(), verdicts)
    path = home / warehouse.FILE_NAME
    pulls = [delivery.pull() for delivery in chosen]
    warehouse.prepare(
        path, bronze=bronze, pulls=pulls, quarantine=quarantine, settings=given, as_of=as_of, verdicts=judged
    )
    run = warehouse.run_dbt(command, path, home / "dbt", select=select, unit_tests=unit_tests, project=project)
    return Warehouse(path, run)


_QUARANTINE = {
    "_store": "varchar",
    "_delivery_id": "varchar",
    "_line_number": "bigint",
    "reasons": "varchar",
    "original_line": "varchar",
}


def _write(con: duckdb.DuckDBPyConnection, path: Path, types: Mapping[str, str], rows: Sequence[Row]) -> None:
    columns = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
    con.execute(f"create or replace temp table given ({columns})")
    if rows:
        marks = ", ".join("?" for _ in types)
        con.executemany(f"insert into given values ({marks})", [[row.get(name) for name in types] for row in rows])
    con.execute(f"copy given to '{path}' (format parquet)")
