"""The rules of the facts, from deliveries to core, each scenario in a store of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.warehouse import Delivery, Row, Warehouse, build, fba_return, mfn_return, order, refund, settings
from tests.support.warehouse import settlement as settle

AS_OF = date(2025, 1, 31)
JANUARY = ("2025-01-01", "2025-01-31")
OLD, NEW, NEWEST = "2025-01-25T01:00:00", "2025-01-28T01:00:00", "2025-01-30T01:00:00"
PLATE = {"license_plate_number": "LPN1"}


def fba(rows: list[Row], at: str, window: tuple[str, str] | None = JANUARY, **values: Any) -> Delivery:
    return Delivery("fba_returns", rows, at, window, **values)


def day(text: str) -> str:
    return f"{text}T20:00:00+00:00"


#: scenario → deliveries of a store of that name; what must come of them stands in the tests below
_SCENARIOS: dict[str, list[Delivery]] = {
    # windows
    "newest_owns_the_day": [
        fba([fba_return("A", reason="DEFECTIVE"), fba_return("B")], OLD),
        fba([fba_return("A", reason="SWITCHEROO")], NEW, ("2025-01-15", "2025-01-31")),
    ],
    "outside_the_newer_window": [
        fba([fba_return("A", return_date=day("2025-01-05")), fba_return("B")], OLD),
        fba([], NEW, ("2025-01-15", "2025-01-31")),
    ],
    "empty_takes_the_day": [
        fba([fba_return("A")], OLD),
        fba([], NEW),
    ],
    "cancelled_takes_nothing": [
        fba([fba_return("A")], OLD),
        fba([], NEW, outcome="cancelled"),
        fba([], NEWEST, outcome="failed"),
    ],
    "identical_rows": [
        fba([fba_return("A"), fba_return("A")], OLD),
        fba([fba_return("A"), fba_return("A")], NEW, name="again"),
    ],
    "plain_repetition": [
        fba([fba_return("A", reason="DEFECTIVE")], OLD),
        fba([fba_return("A", reason="SWITCHEROO")], NEW),
        fba([fba_return("A", reason="DEFECTIVE")], NEWEST, outcome="duplicate", restates=False),
    ],
    "said_again_later": [
        fba([fba_return("A", reason="DEFECTIVE")], OLD),
        fba([fba_return("A", reason="SWITCHEROO")], NEW),
        fba([fba_return("A", reason="DEFECTIVE")], NEWEST, outcome="duplicate"),
    ],
    "tie_by_delivery_id": [
        fba([fba_return("A", reason="DEFECTIVE")], OLD),
        fba([fba_return("A", reason="SWITCHEROO")], OLD),
    ],
    # files without a window, rows outside their window
    "file_adds": [
        fba([fba_return("A")], OLD),
        fba([fba_return("B")], NEW, None),
    ],
    "file_is_older_than_owner": [
        fba([fba_return("B")], OLD, None),
        fba([fba_return("A")], NEW),
    ],
    "file_restates_nth_of_equal": [
        fba([fba_return("A", status=None), fba_return("A", status=None)], OLD),
        fba([fba_return("A", status="Reimbursed")], NEW, None),
    ],
    "row_outside_its_window": [
        fba(
            [fba_return("A", return_date=day("2025-01-05"))],
            OLD,
            ("2025-01-10", "2025-01-31"),
        ),
    ],
    # plates
    "plate_moves": [
        fba([fba_return("A", return_date=day("2025-01-05"), **PLATE)], OLD, ("2025-01-01", "2025-01-10")),
        fba([fba_return("A", return_date=day("2025-01-20"), **PLATE)], NEW, ("2025-01-15", "2025-01-31")),
    ],
    "plate_twice_in_one": [
        fba(
            [
                fba_return("A", return_date=day("2025-01-05"), **PLATE),
                fba_return("A", return_date=day("2025-01-20"), **PLATE),
                fba_return("A", return_date=day("2025-01-20"), **PLATE),
            ],
            OLD,
        ),
    ],
    "plate_reused": [
        fba([fba_return("A", **PLATE), fba_return("B", return_date=day("2025-01-25"), **PLATE)], OLD),
    ],
    "plates_are_not_ordinals": [
        fba([fba_return("A", **PLATE), fba_return("A", license_plate_number="LPN2")], OLD),
        fba([fba_return("A", license_plate_number="LPN2", status="Reimbursed")], NEW, None),
    ],
    # keyed feeds
    "mfn_status_changes": [
        Delivery("mfn_returns", [mfn_return("A"), mfn_return("B")], OLD, JANUARY),
        Delivery("mfn_returns", [mfn_return("A", return_request_status="Rejected")], NEW),
    ],
    "two_rmas_on_one_day": [
        Delivery(
            "mfn_returns",
            [mfn_return("A", amazon_rma_id="R1"), mfn_return("A", amazon_rma_id="R2")],
            OLD,
            JANUARY,
        ),
    ],
    "no_rma_number": [
        Delivery("mfn_returns", [mfn_return("A", amazon_rma_id=None), mfn_return("B")], OLD),
        Delivery("mfn_returns", [mfn_return("A", amazon_rma_id=" ", return_quantity=2)], NEW),
    ],
    "order_lines_multiply": [
        Delivery("orders", [order("A"), order("A"), order("B", order_status="Pending")], OLD),
        Delivery("orders", [order("B"), order("C", sku=None)], NEW),
    ],
    # attribution and flags
    "attribution": [
        Delivery(
            "orders",
            [
                order("SKU"),
                order("ASIN", sku="OTHER-SKU"),
                order("MCF", sales_channel="Non-Amazon US", item_price=None, currency=None),
                order("REPLACED", is_replacement_order=True),
                order("USED", sku="AMZN.GR.SKU-1-x9Y-VG"),
                order("CANADA", sales_channel="amazon.CA", currency="CAD"),
            ],
            OLD,
        ),
        fba(
            [
                *(fba_return(number) for number in ("SKU", "ASIN", "MCF", "REPLACED", "CANADA", "UNKNOWN")),
                fba_return("USED", sku="AMZN.GR.SKU-1-x9Y-VG"),
                fba_return(None),
            ],
            OLD,
        ),
    ],
    # days: an hour before and after local midnight, in winter and on the days the clocks change
    "los_angeles_days": [
        Delivery(
            "orders",
            [
                order("A", purchase_date="2025-01-11T07:59:59+00:00"),
                order("B", purchase_date="2025-01-11T08:00:00+00:00"),
                order("C", purchase_date="2024-11-03T06:59:59+00:00"),  # 23:59:59 on the 2nd, still daylight saving
                order("D", purchase_date="2024-11-04T07:59:59+00:00"),  # 23:59:59 on the 3rd, no longer
                order("E", purchase_date="2024-03-10T07:59:59+00:00"),  # 23:59:59 on the 9th
                order("F", purchase_date="2024-03-11T06:59:59+00:00"),  # 23:59:59 on the 10th, daylight saving
                order("G", purchase_date="2025-01-12"),
            ],
            OLD,
        ),
        fba([fba_return("NONE", return_date="2025-01-21T07:30:00+00:00")], OLD),
    ],
    "tokyo_days": [
        Delivery(
            "orders",
            [
                order("A", sales_channel="Amazon.co.jp", currency="JPY", purchase_date="2025-01-10T14:59:59+00:00"),
                order("B", sales_channel="Amazon.co.jp", currency="JPY", purchase_date="2025-01-10T15:00:00+00:00"),
            ],
            OLD,
        ),
        fba([fba_return("NONE", return_date="2025-01-20T15:00:00+00:00")], OLD),
    ],
    "unconfigured_store": [
        fba([fba_return("NONE", return_date="2025-01-20T23:59:59+00:00")], OLD),
    ],
    "after_the_as_of_day": [
        Delivery(
            "orders",
            [
                order("A", purchase_date="2025-02-01T07:59:59+00:00"),
                order("B", purchase_date="2025-02-01T08:00:00+00:00"),
            ],
            OLD,
        ),
        fba([fba_return("A", return_date="2025-02-01T08:00:00+00:00")], OLD),
    ],
    # money
    "refund_is_spread": [
        Delivery("orders", [order("A", quantity=3), order("J", quantity=3)], OLD),
        fba(
            [
                *(fba_return("A", license_plate_number=f"LPN{n}") for n in range(3)),
                *(fba_return("J", license_plate_number=f"LPN{n}") for n in range(3)),
            ],
            OLD,
        ),
        Delivery(
            "settlements",
            settle(
                "S1",
                "USD",
                [
                    refund("A", "10.00"),
                    refund("A", "1.00", amount_description="Tax"),
                    refund("A", "-0.99", amount_description="RestockingFee"),
                    refund("A", "0", amount_type="ItemFees", amount_description="Commission", amount="1.50"),
                    refund("A", "0", amount_type="ItemFees", amount_description="RefundCommission", amount="-0.30"),
                    refund("RETURNLESS", "7.00", quantity_purchased=2),
                ],
                total="-16.81",
            ),
            OLD,
        ),
        Delivery("settlements", settle("S2", "JPY", [refund("J", "1000", sku="SKU-1")]), OLD),
    ],
    "mfn_report_or_settlement": [
        Delivery(
            "orders",
            [order(number, fulfillment_channel="Merchant") for number in "ABC"],
            OLD,
        ),
        Delivery(
            "mfn_returns",
            [
                mfn_return("A", refunded_amount="12.00"),
                mfn_return("B", refunded_amount="13.00"),
                mfn_return("C"),
            ],
            OLD,
        ),
        Delivery(
            "settlements",
            settle(
                "S1", "USD", [refund("A", "11.50", fulfillment_id="MFN"), refund("C", "8.00", fulfillment_id="MFN")]
            ),
            OLD,
        ),
    ],
    "two_currencies": [
        Delivery("orders", [order("A")], OLD),
        fba([fba_return("A")], OLD),
        Delivery("settlements", settle("S1", "USD", [refund("A", "5.00")]), OLD),
        Delivery("settlements", settle("S2", "CAD", [refund("A", "5.00")]), OLD),
    ],
    "rates": [
        Delivery(
            "settlements",
            settle("S1", "EUR", [refund("A", "10.00"), refund("B", "10.00", posted_date="2025-01-24")]),
            OLD,
        ),
        Delivery("settlements", settle("S2", "USD", [refund("C", "3.00")]), OLD),
    ],
    # reviews, grading, stock
    "reviews": [
        Delivery(
            "reviews",
            [
                {"asin": "B000000001", "rating": 3, "reviewer_id": "R1", "body": "broke", "review_date": "2025-01-02"},
                {"asin": "B000000001", "rating": 3, "reviewer_id": "R1", "body": "broke", "review_date": "2025-01-02"},
                {"asin": "B000000001", "rating": 5, "body": "good"},
                {"asin": "B000000001", "rating": 5, "body": "good"},
                {
                    "asin": "B000000001",
                    "rating": 4,
                    "review_id": "N1",
                    "marketplace": "Amazon.co.uk",
                    "review_date": "2025-01-03",
                },
                {
                    "asin": "B000000001",
                    "rating": 4,
                    "review_id": "N2",
                    "marketplace": "gb",
                    "review_date": "2025-02-01",
                },
            ],
            OLD,
        ),
        Delivery(
            "reviews",
            [
                {
                    "asin": "B000000001",
                    "rating": 2,
                    "review_id": "N1",
                    "marketplace": "A1F83G8C2ARO7P",
                    "review_date": "2025-01-03",
                },
            ],
            NEW,
        ),
    ],
    "grading": [
        Delivery("orders", [order("A")], OLD),
        Delivery(
            "grade_resell",
            [
                {
                    "event_date": "2025-01-15",
                    "order_id": "A",
                    "lpn": "LPN1",
                    "asin": "B000000001",
                    "sku": "SKU-1",
                    "unit_status": "Succeeded",
                    "used_condition": "Used – Like New",
                },
                {"event_date": "2025-01-15", "asin": "B000000001", "unit_status": "Failed", "used_condition": None},
                {
                    "event_date": "2025-01-15",
                    "asin": "B000000002",
                    "unit_status": "succeeded",
                    "quantity": 2,
                    "used_condition": "USED - VERY GOOD",
                },
            ],
            OLD,
        ),
        Delivery(
            "grade_resell",
            [
                {
                    "event_date": "2025-01-16",
                    "order_id": "A",
                    "lpn": "LPN1",
                    "asin": "B000000001",
                    "sku": "SKU-1",
                    "unit_status": "Succeeded",
                    "used_condition": "Used - Good",
                },
            ],
            NEW,
        ),
    ],
    "stock": [
        Delivery("inventory", [{"sku": "SKU-1", "asin": "B000000001", "afn_fulfillable_quantity": 1}], OLD),
        Delivery(
            "inventory",
            [
                {
                    "sku": "SKU-1",
                    "asin": "B000000001",
                    "afn_fulfillable_quantity": 5,
                    "afn_inbound_working_quantity": 1,
                    "afn_inbound_receiving_quantity": 2,
                },
            ],
            "2025-01-31T23:59:59",
        ),
        Delivery(
            "inventory",
            [{"sku": "SKU-1", "asin": "B000000001", "afn_fulfillable_quantity": 9}],
            "2025-02-01T00:00:00",
        ),
    ],
    # reasons
    "reasons": [
        fba(
            [
                fba_return("SURE", reason="UNWANTED_ITEM", customer_comments="arm too short"),
                fba_return("UNSURE", reason="UNWANTED_ITEM", customer_comments="maybe short"),
                fba_return("CODE_SILENT", reason="NO_REASON_GIVEN", customer_comments="maybe short"),
                fba_return("NEW_CODE", reason="AMZ-PG-SOMETHING-NEW"),
                fba_return("NEW_CODE_WORDS", reason="SOMETHING_NEW", customer_comments="maybe short"),
                fba_return("NOTHING", reason=None),
                fba_return("WORDS_UNCLEAR", reason="DEFECTIVE", customer_comments="hm"),
                fba_return("AGREE", reason="AMZ-PG-APP-TOO-SMALL", customer_comments="arm too short"),
            ],
            OLD,
        ),
    ],
}

SCENARIOS = {
    name: [replace(delivery, store=name) for delivery in deliveries] for name, deliveries in _SCENARIOS.items()
}
VERDICTS = [
    {
        "comment": "arm too short",
        "class_by_text": "size_fit",
        "confidence": 0.9,
        "is_sure": True,
        "deciding_words": '["too short"]',
        "language": "en",
    },
    {
        "comment": "maybe short",
        "class_by_text": "size_fit",
        "confidence": 0.4,
        "is_sure": False,
        "deciding_words": "[]",
        "language": "en",
    },
    {
        "comment": "hm",
        "class_by_text": "unclear",
        "confidence": 0.9,
        "is_sure": True,
        "deciding_words": "[]",
        "language": "en",
    },
    {
        "comment": "broke",
        "class_by_text": "defective",
        "confidence": 0.9,
        "is_sure": True,
        "deciding_words": "[]",
        "language": "en",
    },
]
MARKETPLACES = {"tokyo_days": ["JP"]}
DELIVERIES = [delivery for deliveries in SCENARIOS.values() for delivery in deliveries]


def build_scenarios(home: Path, **values: Any) -> Warehouse:
    rates = home / "rates.csv"
    rates.write_text("day,currency,reporting_currency,rate\n2025-01-25,EUR,USD,1.10\n2025-01-25,EUR,GBP,0.80\n")
    stores = {name: MARKETPLACES.get(name, ["US", "CA"]) for name in SCENARIOS if name != "unconfigured_store"}
    given = settings(stores, home, fx_rates=rates, settings={"reporting_currency": "USD"})
    return build(home, DELIVERIES, given, as_of=AS_OF, verdicts=VERDICTS, **values)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("warehouse")


@pytest.fixture(scope="module")
def built(home: Path) -> Warehouse:
    warehouse = build_scenarios(home)
    assert [(node.name, node.message) for node in warehouse.run.failed] == []
    return warehouse


@pytest.fixture
def returns(built: Warehouse) -> Callable[..., list[tuple[Any, ...]]]:
    """Columns of a store's returns, in order."""
    return lambda store, columns: built.rows(
        f"select {columns} from marts.fct_returns where store = '{store}' order by all"
    )


def test_the_newest_complete_delivery_owns_the_day_whole(returns: Any) -> None:
    assert returns("newest_owns_the_day", "order_id, reason_code") == [("A", "SWITCHEROO")]
    assert returns("outside_the_newer_window", "order_id") == [("A",)]
    assert returns("empty_takes_the_day", "order_id") == []


def test_cancelled_and_failed_pulls_take_nothing_away(returns: Any) -> None:
    assert returns("cancelled_takes_nothing", "order_id") == [("A",)]


def test_identical_rows_of_one_delivery_are_that_many_units(returns: Any) -> None:
    assert returns("identical_rows", "order_id, units") == [("A", 1), ("A", 1)]


def test_the_same_bytes_again_change_nothing_unless_they_restate(returns: Any) -> None:
    assert returns("plain_repetition", "reason_code") == [("SWITCHEROO",)]
    assert returns("said_again_later", "reason_code") == [("DEFECTIVE",)]


def test_equal_times_are_decided_by_content(returns: Any) -> None:
    newest = max(SCENARIOS["tie_by_delivery_id"], key=lambda delivery: delivery.delivery_id or "")
    assert returns("tie_by_delivery_id", "delivery_id") == [(newest.delivery_id,)]


def test_a_file_without_a_window_adds_and_restates_but_claims_no_day(returns: Any) -> None:
    assert returns("file_adds", "order_id") == [("A",), ("B",)]
    assert returns("file_is_older_than_owner", "order_id") == [("A",)]
    assert returns("file_restates_nth_of_equal", "status") == [("Reimbursed",), (None,)]
    assert returns("row_outside_its_window", "order_id") == [("A",)]


def test_a_plate_of_one_order_is_one_unit_wherever_it_moves(returns: Any) -> None:
    assert returns("plate_moves", "return_date, units") == [(date(2025, 1, 20), 1)]
    assert returns("plate_twice_in_one", "return_date, units") == [(date(2025, 1, 20), 1)] * 2
    assert returns("plate_reused", "order_id") == [("A",), ("B",)]
    assert returns("plates_are_not_ordinals", "license_plate_number, status") == [
        ("LPN1", "Unit returned to inventory"),
        ("LPN2", "Reimbursed"),
    ]


def test_keyed_rows_merge_and_keep_their_multiplicity(built: Warehouse, returns: Any) -> None:
    assert returns("mfn_status_changes", "order_id, is_rejected, units") == [("A", True, 1), ("B", False, 1)]
    assert returns("two_rmas_on_one_day", "rma_id, returned_basis") == [("R1", "requested"), ("R2", "requested")]
    assert returns("no_rma_number", "order_id, units") == [("A", 2), ("B", 1)]
    lines = built.rows(
        "select order_id, sku, units_ordered, units_shipped from marts.fct_order_lines "
        "where store = 'order_lines_multiply' order by all"
    )
    assert lines == [("A", "SKU-1", 1, 1), ("A", "SKU-1", 1, 1), ("B", "SKU-1", 1, 1), ("C", None, 1, 1)]


def test_returns_get_their_marketplace_and_flags_from_their_order(returns: Any) -> None:
    columns = "order_id, marketplace, attribution, is_multi_channel, is_replacement, is_used, is_new_item, lag_days"
    assert sorted(returns("attribution", columns), key=str) == sorted(
        [
            ("SKU", "US", "order_sku", False, False, False, True, 10),
            ("ASIN", "US", "order_asin", False, False, False, True, 10),
            ("MCF", "unattributed", "outside_amazon", True, False, False, False, 10),
            ("REPLACED", "US", "order_sku", False, True, False, False, 10),
            ("USED", "US", "order_sku", False, False, True, False, 10),
            ("CANADA", "CA", "order_sku", False, False, False, True, 10),
            ("UNKNOWN", "unattributed", "no_order", False, False, False, True, None),
            (None, "unattributed", "no_order", False, False, False, True, None),
        ],
        key=str,
    )


def test_flags_of_order_lines(built: Warehouse) -> None:
    lines = built.rows(
        "select order_id, marketplace, is_multi_channel, is_replacement, is_used, is_new_item, base_sku "
        "from marts.fct_order_lines where store = 'attribution' order by all"
    )
    assert lines == [
        ("ASIN", "US", False, False, False, True, "OTHER-SKU"),
        ("CANADA", "CA", False, False, False, True, "SKU-1"),
        ("MCF", "unattributed", True, False, False, False, "SKU-1"),
        ("REPLACED", "US", False, True, False, False, "SKU-1"),
        ("SKU", "US", False, False, False, True, "SKU-1"),
        ("USED", "US", False, False, True, False, "SKU-1"),
    ]


def test_days_are_those_of_the_marketplace(built: Warehouse, returns: Any) -> None:
    def order_days(store: str) -> dict[str, date]:
        return dict(built.rows(f"select order_id, purchase_date from marts.fct_order_lines where store = '{store}'"))

    assert order_days("los_angeles_days") == {
        "A": date(2025, 1, 10),
        "B": date(2025, 1, 11),
        "C": date(2024, 11, 2),
        "D": date(2024, 11, 3),
        "E": date(2024, 3, 9),
        "F": date(2024, 3, 10),
        "G": date(2025, 1, 12),
    }
    assert order_days("tokyo_days") == {"A": date(2025, 1, 10), "B": date(2025, 1, 11)}


def test_an_unattributed_return_has_the_day_of_its_stores_first_marketplace(returns: Any) -> None:
    assert returns("los_angeles_days", "return_date") == [(date(2025, 1, 20),)]
    assert returns("tokyo_days", "return_date") == [(date(2025, 1, 21),)]
    assert returns("unconfigured_store", "return_date") == [(date(2025, 1, 20),)]


def test_what_comes_after_the_as_of_day_on_the_marketplaces_clock_is_left_out(built: Warehouse, returns: Any) -> None:
    lines = built.rows("select order_id from marts.fct_order_lines where store = 'after_the_as_of_day'")
    assert lines == [("A",)]
    assert returns("after_the_as_of_day", "order_id") == []


def test_settlement_refunds_are_what_the_buyer_got(built: Warehouse) -> None:
    refunds = built.rows(
        "select order_id, refund_amount, principal_amount, fees_returned, fee_kept, currency, units, has_return "
        "from marts.fct_refunds where store = 'refund_is_spread' order by all"
    )
    assert refunds == [
        ("A", Decimal("10.01"), Decimal(10), Decimal("1.5"), Decimal("0.3"), "USD", None, True),
        ("J", Decimal(1000), Decimal(1000), 0, 0, "JPY", None, True),
        ("RETURNLESS", Decimal(7), Decimal(7), 0, 0, "USD", 2, False),
    ]


def test_a_refund_is_spread_over_its_units_to_the_coin(returns: Any) -> None:
    shares = returns("refund_is_spread", "order_id, refund_amount, currency")
    assert shares == [
        ("A", Decimal("3.33"), "USD"),
        ("A", Decimal("3.34"), "USD"),
        ("A", Decimal("3.34"), "USD"),
        ("J", Decimal(333), "JPY"),
        ("J", Decimal(333), "JPY"),
        ("J", Decimal(334), "JPY"),
    ]


def test_a_refund_that_report_and_settlement_both_know_counts_once(built: Warehouse, returns: Any) -> None:
    refunds = built.rows(
        "select order_id, refund_amount, source, channel, has_return from marts.fct_refunds "
        "where store = 'mfn_report_or_settlement' order by all"
    )
    assert refunds == [
        ("A", Decimal("11.5"), "settlement", "FBM", True),
        ("B", Decimal(13), "mfn_report", "FBM", True),
        ("C", Decimal(8), "settlement", "FBM", True),
    ]
    assert returns("mfn_report_or_settlement", "order_id, refund_amount") == [
        ("A", Decimal(12)),
        ("B", Decimal(13)),
        ("C", Decimal(8)),
    ]


def test_currencies_are_never_added_up(returns: Any) -> None:
    assert returns("two_currencies", "refund_amount, currency") == [(None, None)]


def test_a_missing_rate_is_null_and_never_1(built: Warehouse) -> None:
    refunds = built.rows(
        "select order_id, refund_amount_reporting from marts.fct_refunds where store = 'rates' order by all"
    )
    assert refunds == [("A", Decimal(11)), ("B", None), ("C", Decimal(3))]


def test_copies_of_a_review_are_one_where_its_writer_or_number_is_known(built: Warehouse) -> None:
    reviews = built.rows(
        "select marketplace, rating, is_critical, review_date, class_by_text from marts.fct_reviews "
        "where store = 'reviews' order by all"
    )
    assert reviews == [
        ("UK", 2.0, True, date(2025, 1, 3), None),
        ("US", 3.0, True, date(2025, 1, 2), "defective"),
        ("US", 5.0, False, None, None),
        ("US", 5.0, False, None, None),
    ]


def test_graded_units_merge_by_plate(built: Warehouse) -> None:
    units = built.rows(
        "select asin, marketplace, units, is_graded, used_condition, event_date from marts.fct_graded_units "
        "where store = 'grading' order by all"
    )
    assert units == [
        ("B000000001", "US", 1, True, "good", date(2025, 1, 16)),
        ("B000000001", "unattributed", 1, False, None, date(2025, 1, 15)),
        ("B000000002", "unattributed", 2, True, "very_good", date(2025, 1, 15)),
    ]


def test_stock_is_the_newest_snapshot_by_the_end_of_the_as_of_day(built: Warehouse) -> None:
    stock = built.rows("select sku, fulfillable, inbound, snapshot_date, marketplace from marts.fct_inventory")
    assert stock == [("SKU-1", 5, 3, AS_OF, "US")]


def test_code_and_words_become_one_class(returns: Any) -> None:
    columns = "order_id, reason_class_code, reason_class_text, reason_class, reason_conflict, fault"
    assert returns("reasons", columns) == [
        ("AGREE", "size_fit", "size_fit", "size_fit", False, "seller_listing"),
        ("CODE_SILENT", "unclear", "size_fit", "size_fit", False, "seller_listing"),
        ("NEW_CODE", "unmapped", None, "unmapped", False, "unknown"),
        ("NEW_CODE_WORDS", "unmapped", "size_fit", "size_fit", False, "seller_listing"),
        ("NOTHING", None, None, "unclear", False, "unknown"),
        ("SURE", "changed_mind", "size_fit", "size_fit", True, "seller_listing"),
        ("UNSURE", "changed_mind", "size_fit", "changed_mind", True, "buyer"),
        ("WORDS_UNCLEAR", "defective", "unclear", "defective", False, "seller_product"),
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_in_which_deliveries_are_taken_in_changes_nothing(home: Path, built: Warehouse, seed: int) -> None:
    before = built.tables("core", "marts")
    shuffled = build_scenarios(home, shuffle=seed, command="run")
    assert shuffled.run.succeeded
    after = shuffled.tables("core", "marts")
    assert list(before) == list(after)
    assert [name for name in before if before[name] != after[name]] == []
