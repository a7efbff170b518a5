"""Report files for tests and what became of them: a lake in a temporary folder, files as Amazon sends them, rows.

Belongs here: making files and reading results. Does not belong: what the results must be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from data_contracts.settings import Limits, Settings, Store
from ingestion.intake import take
from ingestion.lake import Lake, open_lake
from ingestion.ledger import Ledger, Pull

Row = Mapping[str, object]

FBA_RETURN = {
    "return-date": "2026-01-05T09:30:00+00:00",
    "order-id": "111-2222222-3333333",
    "sku": "KETTLE-1",
    "asin": "B000000001",
    "fnsku": "X000000001",
    "product-name": "Kettle",
    "quantity": "1",
    "fulfillment-center-id": "PHX7",
    "detailed-disposition": "SELLABLE",
    "reason": "DEFECTIVE",
    "status": "Unit returned to inventory",
    "license-plate-number": "LPNRR0000001",
    "customer-comments": "",
}

ORDER = {
    "amazon-order-id": "111-2222222-3333333",
    "merchant-order-id": "",
    "purchase-date": "2026-01-02T03:04:05+00:00",
    "last-updated-date": "2026-01-03T03:04:05+00:00",
    "order-status": "Shipped",
    "fulfillment-channel": "Amazon",
    "sales-channel": "Amazon.com",
    "product-name": "Kettle",
    "sku": "KETTLE-1",
    "asin": "B000000001",
    "item-status": "Shipped",
    "quantity": "1",
    "currency": "USD",
    "item-price": "20.00",
    "ship-city": "Quarleigh",
    "ship-postal-code": "00000",
    "ship-country": "US",
    "buyer-name": "Odalys Fennimore",
    "is-business-order": "false",
}

MFN_RETURN = {
    "Order ID": "111-2222222-3333333",
    "Order date": "10-Jul-2025",
    "Return request date": "14-Jul-2025",
    "Return request status": "Approved",
    "Amazon RMA ID": "DabcdefghRRMA",
    "Merchant RMA ID": " ",
    "Label type": "AmazonPrePaidLabel",
    "Label cost": "4.14",
    "Currency code": "USD",
    "Return carrier": "USPS",
    "Tracking ID": "9200000000000000000000",
    "Label to be paid by": "Seller",
    "A-to-Z Claim": "N",
    "Is prime": "N",
    "ASIN": "B000000001",
    "Merchant SKU": "KETTLE-1",
    "Item Name": "Kettle",
    "Return quantity": "1",
    "Return Reason": "CR-DEFECTIVE",
    "In policy": "Y",
    "Return type": "C-Returns",
    "Resolution": "StandardRefund",
    "Invoice number": " ",
    "Return delivery date": " ",
    "Order Amount": "21.38",
    "Order quantity": "1",
}

SETTLEMENT = {
    "settlement-id": "1001",
    "settlement-start-date": "",
    "settlement-end-date": "",
    "deposit-date": "",
    "total-amount": "",
    "currency": "",
    "transaction-type": "Refund",
    "order-id": "111-2222222-3333333",
    "amount-type": "ItemPrice",
    "amount-description": "Principal",
    "amount": "-20.00",
    "posted-date": "2026-01-06",
    "sku": "KETTLE-1",
}


def fba(**values: str) -> dict[str, str]:
    """A row of FBA returns; keywords with `_` for `-`."""
    return FBA_RETURN | {name.replace("_", "-"): value for name, value in values.items()}


def order(**values: str) -> dict[str, str]:
    """An order line; keywords with `_` for `-`."""
    return ORDER | {name.replace("_", "-"): value for name, value in values.items()}


def tsv(rows: Sequence[Mapping[str, str]], *, header: Sequence[str] | None = None, end: str = "\r\n") -> str:
    """A tab-separated report of rows that have the same keys."""
    names = list(header or rows[0])
    return "".join(end_of(line, end) for line in ["\t".join(names), *("\t".join(row.values()) for row in rows)])


def end_of(line: str, end: str) -> str:
    """A line with its end."""
    return line + end


@dataclass
class Bench:
    """An installation in a temporary folder."""

    home: Path
    settings: Settings
    lake: Lake

    def take(self, content: str | bytes, name: str = "report.txt", **said: Any) -> Pull:
        """Take content in as a file of that name; text is written as UTF-8."""
        path = self.home / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return take(self.lake, self.settings, path, **{"store": "acme", **said})

    def bronze(self, pull: Pull) -> list[dict[str, Any]]:
        """The bronze rows of a pull."""
        assert pull.bronze_key is not None, pull.error
        return pq.read_table(self.lake.local_path(pull.bronze_key)).to_pylist()

    def quarantine(self, pull: Pull) -> list[dict[str, Any]]:
        """The quarantined rows of a pull."""
        return pq.read_table(self.lake.local_path(pull.quarantine_key)).to_pylist() if pull.quarantine_key else []

    def landing(self, pull: Pull) -> bytes:
        """The stored bytes of a pull."""
        assert pull.landing_key is not None
        return self.lake.get(pull.landing_key)

    def pulls(self) -> list[Pull]:
        """The whole ledger."""
        return Ledger(self.lake).pulls()

    def objects(self) -> dict[str, bytes]:
        """Every object of the lake."""
        return {info.key: self.lake.get(info.key) for info in self.lake.list()}


def make_bench(
    home: Path, *, region: str = "na", marketplaces: Sequence[str] = ("US",), limits: Limits | None = None
) -> Bench:
    """An installation with one store, `acme`."""
    settings = Settings(
        home=home,
        lake=str(home / "lake"),
        config=home / "returnscope.toml",
        stores={"acme": Store(region=region, marketplaces=tuple(marketplaces))},  # type: ignore[arg-type]
        limits=limits or Limits(),
    )
    return Bench(home, settings, open_lake(settings.lake))
