"""A simulated world as a folder: the delivered files, how they were delivered, settings to read them with, the truth.

Belongs here: writing that folder. Does not belong: what stands in the files.

    deliveries/<number>_<name>   files as they came, in the order they came
    deliveries.jsonl             one line a delivery, cancelled requests included
    returnscope.toml, categories.csv, fx_rates.csv
    truth.json                   what the marts must say (amounts as text, days as ISO dates)
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from data_contracts.marketplaces import get_marketplace
from ingestion.simulator.catalogue import tables
from ingestion.simulator.schedule import SimDelivery, nightly_deliveries, schedule
from ingestion.simulator.truth import truth
from ingestion.simulator.world import World


def write_world(world: World, directory: Path, nights: int | None = None) -> Path:
    """Write deliveries, settings and truth; returns the path of the truth. The folder must be new or empty."""
    if directory.exists() and any(directory.iterdir()):
        raise FileExistsError(f"{directory} is not empty: name a new folder")
    files = directory / "deliveries"
    files.mkdir(parents=True)
    delivered = list(nightly_deliveries(world, nights))
    with (directory / "deliveries.jsonl").open("w", encoding="utf-8") as out:
        for number, delivery in enumerate(delivered):
            path = None
            if delivery.content is not None:
                path = files / f"{number:05d}_{delivery.file_name}"
                path.write_bytes(delivery.content)
            out.write(json.dumps(_described(delivery, path)) + "\n")
    write_settings(world, directory)
    found = truth(world, pulls=schedule(world, nights), deliveries=delivered)
    path = directory / "truth.json"
    path.write_text(json.dumps(found, default=_plain, indent=0), encoding="utf-8")
    return path


def write_settings(world: World, directory: Path) -> Path:
    """Write a configuration for the world's stores, with categories of its products and invented exchange rates."""
    lines = [
        "# Written by the simulator: its stores, the categories of its items, invented exchange rates.",
        'fx_rates = "fx_rates.csv"', 'categories = "categories.csv"', "", "[settings]", 'reporting_currency = "USD"',
    ]  # fmt: skip
    for store_id, store in world.stores.items():
        codes = ", ".join(f'"{code}"' for code in store.marketplaces)
        lines += ["", f"[stores.{json.dumps(store_id)}]", f'region = "{store.region}"', f"marketplaces = [{codes}]"]
    config = directory / "returnscope.toml"
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    _table(
        directory / "categories.csv", ("sku", "asin", "category"), (("", p.asin, p.category) for p in world.products)
    )
    _table(directory / "fx_rates.csv", ("day", "currency", "reporting_currency", "rate"), exchange_rates(world))
    return config


def exchange_rates(world: World) -> Iterable[tuple[date, str, str, str]]:
    """Invented rates to the dollar for two years up to the world's end; they drift, so that the day matters."""
    codes = {code for store in world.stores.values() for code in store.marketplaces}
    for currency in sorted({get_marketplace(code).currency for code in codes} - {"USD"}):
        for back in range(730, -1, -1):
            day = world.end - timedelta(days=back)
            drift = 1 + day.toordinal() % 9 / 500
            yield day, currency, "USD", f"{drift / tables()['price_level'][currency]:.8f}"


def _table(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(header)
        writer.writerows(rows)


def _described(delivery: SimDelivery, path: Path | None) -> dict[str, Any]:
    return {
        "feed": delivery.feed, "store": delivery.store, "window": str(delivery.window) if delivery.window else None,
        "delivered_at": delivery.delivered_at.isoformat(), "outcome": delivery.outcome,
        "path": f"deliveries/{path.name}" if path else None, "report_type": delivery.report_type,
        "charset": delivery.charset, "rows": delivery.rows, "bad_rows": delivery.bad_rows,
    }  # fmt: skip


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not plain")
