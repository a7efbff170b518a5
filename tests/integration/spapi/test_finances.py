"""Transactions of the Finances API: nested amounts to the cent, deferred and released counted once, all pages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ingestion.connectors import Window
from ingestion.connectors.spapi import finances
from ingestion.failures import PermanentFailure
from tests.integration.spapi.conftest import TODAY, Rig, days_back


def money(amount: float) -> dict[str, Any]:
    return {"currencyAmount": amount, "currencyCode": "USD"}


def transaction(number: str, status: str, amount: float, **how: Any) -> dict[str, Any]:
    return {
        "sellingPartnerMetadata": {
            "sellingPartnerId": "A1",
            "accountType": "PAYABLE",
            "marketplaceId": "ATVPDKIKX0DER",
        },
        "relatedIdentifiers": [{"relatedIdentifierName": "ORDER_ID", "relatedIdentifierValue": "111-1111111-1111111"}],
        "transactionType": "Refund",
        "transactionId": number,
        "transactionStatus": status,
        "description": "Refund Order",
        "postedDate": f"{TODAY.replace(day=1)}T10:00:00Z",
        "totalAmount": money(amount),
        "items": [],
        "breakdowns": [],
    } | how


def linked(name: str, value: str) -> list[dict[str, str]]:
    return [{"relatedIdentifierName": name, "relatedIdentifierValue": value}]


REFUND = transaction(
    "r1",
    "RELEASED",
    -8.1,
    items=[
        {
            "description": "Lamp",
            "totalAmount": money(-8.1),
            "contexts": [{"contextType": "ProductContext", "asin": "B000000001", "sku": "SKU-1", "quantityShipped": 1}],
            "breakdowns": [
                {
                    "breakdownType": "Refunds",
                    "breakdownAmount": money(-10.0),
                    "breakdowns": [
                        {"breakdownType": "OurPricePrincipal", "breakdownAmount": money(-9.3), "breakdowns": []},
                        {"breakdownType": "OurPriceTax", "breakdownAmount": money(-0.7), "breakdowns": []},
                    ],
                },
                {"breakdownType": "RefundCommission", "breakdownAmount": money(1.9)},
            ],
        }
    ],
)
TRANSACTIONS = [
    REFUND,
    transaction("d1", "DEFERRED", 20.05),
    transaction("d2", "DEFERRED_RELEASED", 30.05, relatedIdentifiers=linked("RELEASE_TRANSACTION_ID", "x2")),
    transaction("x2", "RELEASED", 30.05, relatedIdentifiers=linked("DEFERRED_TRANSACTION_ID", "d2")),
    transaction("d3", "DEFERRED", 40.05),
    transaction("x3", "RELEASED", 40.05, relatedIdentifiers=linked("DEFERRED_TRANSACTION_ID", "d3")),
    transaction("d4", "DEFERRED_RELEASED", 50.05),  # released outside the window
]


def test_each_event_counts_once(rig: Rig) -> None:
    rig.server.control(transactions=TRANSACTIONS, page_size=3)
    own = rig.connector()
    with own.client() as client:
        raw = list(finances.list_raw(client, days_back(30), own.now().replace(hour=23)))
    own.close()
    assert [one["transactionId"] for one in raw] == [one["transactionId"] for one in TRANSACTIONS]
    # an older answer, in which d2 was still deferred, changes nothing wherever it comes
    older = finances.parse(transaction("d4", "DEFERRED", 50.05))
    everything = [older, *map(finances.parse, raw), older]
    counted = finances.counted_once(everything)
    assert sorted(str(one.transaction_id) for one in counted) == ["d1", "d4", "r1", "x2", "x3"]
    assert sum(one.total.amount for one in counted) == Decimal("132.10")
    assert {one.status for one in counted if one.transaction_id == "d4"} == {"DEFERRED_RELEASED"}


def test_only_the_ends_of_breakdowns_are_amounts() -> None:
    (item,) = finances.parse(REFUND).items
    assert (item.asin, item.sku, item.quantity) == ("B000000001", "SKU-1", 1)
    assert [(one.path, one.amount) for one in item.amounts] == [
        (("Refunds", "OurPricePrincipal"), Decimal("-9.3")),
        (("Refunds", "OurPriceTax"), Decimal("-0.7")),
        (("RefundCommission",), Decimal("1.9")),
    ]
    assert sum(one.amount for one in item.amounts) == finances.parse(REFUND).total.amount


def test_a_window_that_amazon_would_answer_with_nothing_is_refused(rig: Rig) -> None:
    own = rig.connector()
    with own.client() as client, pytest.raises(PermanentFailure, match="180"):
        list(finances.list_raw(client, Window(TODAY.replace(year=2025), TODAY), own.now()))
    own.close()
