"""The declarations themselves: registry, headers, personal data, marketplaces, reasons.

Belongs here: what must hold for every feed and reference table. Does not belong: reading files (tests/unit/decode).
"""

from zoneinfo import ZoneInfo

import pytest

from data_contracts import reference
from data_contracts.feed import BadRows, Column, Feed, Kind, Merge, normalise_header
from data_contracts.marketplaces import all_marketplaces, get_marketplace
from data_contracts.reasons import UNMAPPED, canonical_code, class_of_code, reason_classes
from data_contracts.registry import all_feeds, get_feed

SPINE = {
    "fba_returns", "mfn_returns", "orders", "reviews", "grade_resell", "settlements", "inventory", "listings",
}  # fmt: skip


def test_the_registry_holds_the_feeds_of_the_interface():
    assert set(all_feeds()) >= SPINE


def test_an_unknown_feed_is_answered_with_the_known_ones():
    with pytest.raises(KeyError, match="fba_returns"):
        get_feed("fba_return")


@pytest.mark.parametrize("feed", all_feeds().values(), ids=lambda feed: feed.name)
def test_every_feed_and_column_says_what_it_is(feed: Feed):
    assert feed.title and len(feed.description) > 40
    assert all(column.description for column in feed.columns)
    assert feed.required, "a file could not be told from any other"
    assert (feed.event is None) == (feed.merge is Merge.SNAPSHOT or feed.name == "listings")


@pytest.mark.parametrize("feed", all_feeds().values(), ids=lambda feed: feed.name)
def test_no_declared_column_is_dropped_as_personal_data(feed: Feed):
    for column in feed.columns:
        assert not any(feed.drops(spelling) for spelling in (column.name, *column.aliases))


@pytest.mark.parametrize(
    ("spelling", "same"),
    [
        ("fulfilment-centre-id", "fulfillment_center_id"),
        ("Return-date", "return_date"),
        ("A-to-z claim", "A-to-Z Claim"),
        ("Sales Channel ", "sales-channel"),
        ('"sku"', "SKU"),
        ("卖家 SKU", "卖家SKU"),
    ],
)
def test_spellings_of_one_header_fold_together(spelling: str, same: str):
    assert normalise_header(spelling) == normalise_header(same)


@pytest.mark.parametrize(
    "header",
    ["buyer-email", "buyer-name", "recipient-name", "ship-address-1", "ship-city", "ship-postal-code", "Rater Email",
     "ship-phone-number", "bill-address-2", "buyer-phone-number", "reviewerName", "buyer-company-name", "cpf"],
)  # fmt: skip
@pytest.mark.parametrize("feed", all_feeds().values(), ids=lambda feed: feed.name)
def test_personal_data_is_known_in_any_feed(feed: Feed, header: str):
    assert feed.drops(header)


@pytest.mark.parametrize("header", ["ship-country", "ship-service-level", "shipment-id", "product-name", "sku"])
def test_what_is_not_personal_stays(header: str):
    assert not get_feed("orders").drops(header)


def test_one_header_cannot_name_two_columns():
    with pytest.raises(ValueError, match="names"):
        Feed("x", "X", "x", (Column("a", aliases=("b",)), Column("B")), Merge.SNAPSHOT)


def test_a_key_must_be_a_column():
    with pytest.raises(ValueError, match="not columns"):
        Feed("x", "X", "x", (Column("a"),), Merge.KEYED, key=("b",))


def test_a_moment_is_an_instant_and_a_day():
    assert Column("x", Kind.MOMENT).physical() == {"x_at": "timestamp with time zone", "x_day": "date"}


@pytest.mark.parametrize(
    ("bad", "rows_in", "blocks"),
    [(0, 0, False), (2, 3, False), (3, 5, True), (5, 100, False), (6, 100, True), (20, 1000, False), (21, 1000, True)],
)
def test_how_many_bad_rows_block_a_release(bad: int, rows_in: int, blocks: bool):
    assert BadRows().blocks(bad, rows_in) is blocks


def test_every_marketplace_has_a_real_time_zone_and_currency():
    for marketplace in all_marketplaces().values():
        assert ZoneInfo(marketplace.time_zone)
        assert len(marketplace.currency) == 3 and marketplace.region in {"na", "eu", "fe"}


def test_marketplaces_are_found_by_code_and_id():
    assert get_marketplace("GB").marketplace == "UK" == get_marketplace("A1F83G8C2ARO7P").marketplace
    with pytest.raises(KeyError, match="known"):
        get_marketplace("XX")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("CR-DEFECTIVE", "defective"),
        ("AMZ-PG-APP-TOO-SMALL", "size_fit"),
        ("AMZ-PG-WJ-TOO-SMALL", "size_fit"),
        (" quality_unacceptable ", "quality"),
        ("AMZ-PG-BAD-DESC", "not_as_described"),
        ("SOMETHING_NEW", UNMAPPED),
        ("", None),
        (None, None),
    ],
)
def test_codes_of_both_channels_have_one_class(code: str | None, expected: str | None):
    assert class_of_code(code) == expected


def test_the_code_table_is_canonical_and_names_known_classes():
    rows = reference.read("reason_codes")
    assert len({row["code"] for row in rows}) == len(rows)
    for row in rows:
        assert canonical_code(row["code"]) == row["code"]
        assert row["reason_class"] in reason_classes()


def test_every_class_has_a_fault_and_advice_in_both_languages():
    for row in reference.read("reason_classes"):
        assert row["fault"] in {"seller_listing", "seller_product", "amazon_or_carrier", "buyer", "unknown"}
        assert row["advice_en"].endswith(".") and row["advice_zh"].endswith("。")
