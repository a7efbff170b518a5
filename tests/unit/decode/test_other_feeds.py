"""The reports beside returns, orders and settlements: recognised by their headers, read, personal data left out."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.deliveries import make_bench

FEEDBACK = "Date\tRating\tComments\tYour Response\tOrder ID\tRater Email\r\n"


@pytest.mark.parametrize(
    ("region", "home", "written", "meant"),
    [
        ("na", "US", "03/04/26", date(2026, 3, 4)),
        ("na", "CA", "03/04/26", date(2026, 4, 3)),
        ("eu", "DE", "03.04.26", date(2026, 4, 3)),
        ("eu", "SE", "2026-04-03", date(2026, 4, 3)),
        ("eu", "UK", "03/04/26", date(2026, 4, 3)),
        ("fe", "JP", "26/04/03", date(2026, 4, 3)),
        ("fe", "JP", "23/10/20", date(2023, 10, 20)),
        ("fe", "AU", "03/04/26", date(2026, 4, 3)),
    ],
)
def test_a_short_date_of_feedback_reads_as_its_marketplace_writes_it(
    tmp_path: Path, region: str, home: str, written: str, meant: date
) -> None:
    bench = make_bench(tmp_path, region=region, marketplaces=(home,))
    pull = bench.take(
        f"{FEEDBACK}{written}\t2\tCall 202-555-0143\tsorry\t111-2222222-3333333\to.fennimore@mail.example\r\n"
    )
    (row,) = bench.bronze(pull)
    assert (pull.feed, row["feedback_date_day"], row["feedback_date_at"], row["rating"]) == (
        "seller_feedback",
        meant,
        None,
        2,
    )
    stored = b"".join(bench.objects().values())
    assert b"fennimore" not in stored
    assert b"555-0143" not in stored


def test_reimbursements_of_seller_central_lack_columns_and_are_taken_all_the_same(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    pull = bench.take(
        "approval-date,reimbursement-id,case-id,amazon-order-id,reason,sku,fnsku,asin,condition,currency-unit,"
        "amount-per-unit,amount-total,quantity-reimbursed-cash,quantity-reimbursed-inventory,quantity-reimbursed-total\n"
        "2026-05-12T09:59:13+00:00,4001,77,,Lost_Warehouse,SKU-1,X1,B000000001,NewItem,USD,10.00,20.00,2,0,2\n"
        "2026-05-13T09:59:13+00:00,4002,,,Reimbursement_Reversal,SKU-1,X1,B000000001,NewItem,USD,10.00,-20.00,-2,0,-2\n",
    )
    rows = bench.bronze(pull)
    assert (pull.feed, pull.rows_quarantined) == ("reimbursements", 0)
    assert [(row["reimbursement_id"], row["amount_total"]) for row in rows] == [
        ("4001", Decimal("20.0000")),
        ("4002", Decimal("-20.0000")),
    ]


def test_a_removal_is_read_although_its_date_has_a_stray_space(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    pull = bench.take(
        "request-date\torder-id\torder-type\tservice-speed\torder-status\tlast-updated-date\tsku\tfnsku\tdisposition\t"
        "requested-quantity\tcancelled-quantity\tdisposed-quantity\tshipped-quantity\tin-process-quantity\tremoval-fee\t"
        "currency\n2026-03-04T18:53:56+ 00:00\tRM1\tReturn\tStandard\tCompleted\t2026-03-09T18:53:56+00:00\tSKU-1\tX1\t"
        "Unsellable\t3\t0\t0\t3\t\t3.12\tUSD\n"
    )
    (row,) = bench.bronze(pull)
    assert pull.feed == "removals"
    assert row["request_date_at"] == datetime.fromisoformat("2026-03-04T18:53:56+00:00")
    assert (row["requested_quantity"], row["in_process_quantity"]) == (3, None)


def test_shipments_lose_the_buyer_on_the_way(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    pull = bench.take(
        "amazon-order-id\tshipment-id\tshipment-item-id\tpurchase-date\tshipment-date\tbuyer-email\tbuyer-name\tsku\t"
        "quantity-shipped\tcurrency\titem-price\trecipient-name\tship-address-1\tship-city\tship-postal-code\tbill-city\t"
        "fulfillment-center-id\tsales-channel\n"
        "111-2222222-3333333\tS1\tI1\t2026-03-01T09:00:00+00:00\t2026-03-02T09:00:00+00:00\tx@mail.example\tOdalys\tSKU-1\t"
        "2\tUSD\t20.00\tFennimore\tQuarle Street 1\tQuarleigh\t00000\tQuarleigh\tPHX7\tamazon.com\n"
    )
    (row,) = bench.bronze(pull)
    assert (pull.feed, row["shipment_item_id"], row["quantity_shipped"]) == ("fulfilled_shipments", "I1", 2)
    stored = b"".join(bench.objects().values())
    for personal in (b"Odalys", b"Fennimore", b"Quarle", b"mail.example", b"00000"):
        assert personal not in stored


@pytest.mark.parametrize("spelling", ["ReferenceID", "Reference ID"])
def test_the_ledger_is_known_in_both_spellings(tmp_path: Path, spelling: str) -> None:
    bench = make_bench(tmp_path)
    pull = bench.take(
        f"Date\tFNSKU\tASIN\tMSKU\tTitle\tEventType\t{spelling}\tQuantity\tFulfillmentCenter\tDisposition\tReason\tCountry\n"
        "11/21/2026\tX1\tB000000001\tSKU-1\tLamp\tCustomerReturns\tR1\t1\tPHX7\tCUSTOMER_DAMAGED\t\tUS\n"
    )
    (row,) = bench.bronze(pull)
    assert (pull.feed, row["event_date_day"], row["disposition"]) == (
        "ledger_detail",
        date(2026, 11, 21),
        "CUSTOMER_DAMAGED",
    )


def test_replacements_are_known_by_either_name_of_the_new_order(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    header = (
        "shipment-date\tsku\tasin\tfulfillment-center-id\toriginal-fulfillment-center-id\tquantity\t"
        "replacement-reason-code\t"
    )
    for name in ("replacement-amazon-order-id", "replacement-customer-order-id"):
        pull = bench.take(
            f"{header}{name}\toriginal-amazon-order-id\n2026-03-04T00:00:00+00:00\tSKU-1\tB000000001\tPHX7\tSDF8\t1\t2\tN-{name}\tO\n"
        )
        (row,) = bench.bronze(pull)
        assert (pull.feed, row["replacement_order_id"]) == ("replacements", f"N-{name}")
