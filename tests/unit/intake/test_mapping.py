"""Mapping files: what they do to a seller's own export, and what is said of a wrong one."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ingestion.failures import PermanentFailure
from ingestion.mapping import parse_mapping, shipped_mappings
from tests.support.deliveries import Bench

ORDERS = """
feed = "orders"
match = ["Bestellung", "Betrag"]
ignore = ["Notiz"]
timezone = "Europe/Berlin"
encoding = "cp1252"
delimiter = ";"

[columns]
order_id = "Bestellung"
purchase_date = "Datum"
item_price = "Betrag"
sku = "Artikel"
quantity = "Stück"

[formats]
purchase_date = "%d.%m.%y %H:%M"

[constants]
order_status = "Shipped"
fulfillment_channel = "Merchant"
sales_channel = "Amazon.de"
currency = "EUR"
"""
EXPORT = "Bestellung;Datum;Betrag;Artikel;ASIN;Stück;Notiz;Neu\nB-1;03.07.26 23:30;1.234,50;Töpfe;B000000001;2;;x\n"


def test_an_own_export_becomes_orders(bench: Bench) -> None:
    path = bench.home / "mine.toml"
    path.write_text(ORDERS)
    pull = bench.take(EXPORT.encode("cp1252"), mapping=path)
    assert (pull.outcome, pull.feed, pull.charset, pull.unknown_columns) == ("loaded", "orders", "cp1252", ("Neu",))
    (row,) = bench.bronze(pull)
    assert row["purchase_date_at"] == datetime(2026, 7, 3, 21, 30, tzinfo=UTC)
    assert (row["item_price"], row["quantity"], row["sku"]) == (Decimal("1234.5"), 2, "Töpfe")
    assert (row["sales_channel"], row["currency"], row["order_status"]) == ("Amazon.de", "EUR", "Shipped")
    assert bench.lake.get(str(pull.mapping_key)) == path.read_bytes()


def test_a_configured_mapping_is_recognised_by_its_header(bench: Bench) -> None:
    path = bench.home / "mine.toml"
    path.write_text(ORDERS)
    bench.settings = bench.settings.model_copy(update={"mappings": {"mine": path}})
    pull = bench.take(EXPORT)
    assert (pull.outcome, pull.feed) == ("loaded", "orders")
    assert pull.mapping_key is not None


def test_a_mapping_that_does_not_fit_says_what_is_missing(bench: Bench) -> None:
    path = bench.home / "mine.toml"
    path.write_text(ORDERS)
    assert "lacks what mapping mine.toml names: Betrag" in str(
        bench.take(EXPORT.replace("Betrag", "Summe"), mapping=path).error
    )
    path.write_text(ORDERS.replace('sales_channel = "Amazon.de"\n', ""))
    assert "still lacks sales_channel" in str(bench.take(EXPORT, mapping=path).error)
    with pytest.raises(PermanentFailure, match="for feed orders, not for reviews"):
        bench.take(EXPORT, mapping=path, feed="reviews")
    with pytest.raises(PermanentFailure, match="cannot be read"):
        bench.take(EXPORT, mapping=bench.home / "none.toml")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('feed = "orders"', 'feed = "order"'), "there is no feed 'order'"),
        (('order_id = "Bestellung"', 'order_nr = "Bestellung"'), r"\[columns\] names order_nr"),
        (("Europe/Berlin", "Berlin"), "there is no time zone 'Berlin'"),
        (("cp1252", "cp12520"), "there is no encoding"),
        (('delimiter = ";"', 'delimiter = ";;"'), "delimiter"),
        (("%d.%m.%y %H:%M", "%m.%y"), "does not give a day"),
        (("%d.%m.%y %H:%M", "%Q"), "strptime|day"),
        (('purchase_date = "%d', 'sku = "%d'), "sku is no date column"),
        (('currency = "EUR"', 'sku = "X"'), r"sku is in \[columns\] and in \[constants\]"),
        (("match =", "matsch ="), "matsch"),
        (("[columns]", "[columns"), "not valid TOML"),
    ],
)
def test_a_wrong_mapping_names_the_key(change: tuple[str, str], words: str) -> None:
    with pytest.raises(PermanentFailure, match=words) as told:
        parse_mapping(ORDERS.replace(*change).encode(), "mine.toml")
    assert told.value.where == "mine.toml"


def test_shipped_mappings_are_valid_and_recognisable() -> None:
    assert {mapping.name for mapping in shipped_mappings()} >= {
        "orders_india_sale_report.toml",
        "reviews_clothing.toml",
    }
    assert all(mapping.match for mapping in shipped_mappings())
