"""Every container, charset, format and shape of file comes out as the same rows. Does not belong here: bad files."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from data_contracts.settings import Limits
from tests.support.deliveries import MFN_RETURN, ORDER, SETTLEMENT, Bench, fba, make_bench, order, tsv

TITLE = 'Bouilloire "Été" 1,5 l – 5" ø'


def test_a_report_comes_out_row_by_row_with_types_and_line_numbers(bench: Bench) -> None:
    pull = bench.take(tsv([fba(quantity="2"), fba(sku="KETTLE-2", order_id=" ", customer_comments=" ")]))
    assert (pull.outcome, pull.feed, pull.charset) == ("loaded", "fba_returns", "utf-8")
    assert (pull.rows_in, pull.rows_bronze, pull.rows_quarantined) == (2, 2, 0)
    assert pull.first_event_day == pull.last_event_day == date(2026, 1, 5)
    first, second = bench.bronze(pull)
    assert first["return_date_at"] == datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
    assert first["return_date_day"] == date(2026, 1, 5)
    assert (first["quantity"], first["_store"], first["_delivery_id"]) == (2, "acme", pull.delivery_id)
    assert (first["_line_number"], second["_line_number"]) == (2, 3)
    assert (second["order_id"], second["customer_comments"]) == (None, None)  # a blank is no value


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_marks(bench: Bench, end: str, mark: bytes) -> None:
    text = tsv([fba(sku="A"), fba(sku="B")], end=end)
    for content in (text, text.removesuffix(end)):  # the last line may lack its end
        pull = bench.take(mark + content.encode())
        assert [row["sku"] for row in bench.bronze(pull)] == ["A", "B"]
        assert bench.landing(pull) == mark + content.encode()


@pytest.mark.parametrize(
    ("codec", "declared", "marketplaces", "used"),
    [
        ("utf-8", None, ("US",), "utf-8"),
        ("cp1252", None, ("DE",), "cp1252"),
        ("cp1252", "Cp1252", ("DE",), "cp1252"),
        ("cp1252", "iso-8859-1", ("MX",), "cp1252"),
        ("utf-8", "UTF-8", ("JP",), "utf-8"),
        ("utf-16", None, ("US",), "utf-16-le"),
        ("utf-8", "no-such-charset", ("US",), "utf-8"),
    ],
)
def test_charsets(tmp_path: Path, codec: str, declared: str | None, marketplaces: tuple[str, ...], used: str) -> None:
    bench = make_bench(tmp_path, region="eu", marketplaces=marketplaces)
    pull = bench.take(tsv([fba(product_name=TITLE)]).encode(codec), charset=declared)
    assert (pull.outcome, pull.charset) == ("loaded", used), pull.error
    assert bench.bronze(pull)[0]["product_name"] == TITLE


@pytest.mark.parametrize("declared", [None, "Shift_JIS", "windows-31j", "SJIS"])
def test_japanese_text_is_microsofts_shift_jis(tmp_path: Path, declared: str | None) -> None:
    bench = make_bench(tmp_path, region="fe", marketplaces=("JP",))
    title = (
        "電気ケトル①～ソ表㈱"  # with letters that plain Shift_JIS lacks, and second bytes that look like a backslash
    )
    pull = bench.take(tsv([fba(product_name=title)]).encode("cp932"), charset=declared)
    assert (pull.outcome, pull.charset) == ("loaded", "cp932"), pull.error
    assert bench.bronze(pull)[0]["product_name"] == title


def test_without_a_declared_store_japanese_headers_are_still_found(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    bench.settings = bench.settings.model_copy(update={"stores": {}})
    header = ["商品名", "出品ID", "出品者SKU", "価格", "数量", "出品日", "商品ID1"]
    text = tsv([dict(zip(header, ["電気ケトル", "1", "K1", "1,980", "3", "2026/01/02", "B000000001"], strict=True))])
    pull = bench.take(text.encode("cp932"))
    assert (pull.feed, pull.charset) == ("listings", "cp932"), pull.error
    (row,) = bench.bronze(pull)
    assert (row["item_name"], row["price"], row["open_date_day"]) == ("電気ケトル", Decimal(1980), date(2026, 1, 2))


def test_gzip_is_known_by_its_bytes_whatever_the_name(bench: Bench) -> None:
    text = tsv([fba()])
    packed = gzip.compress(text.encode(), mtime=0)
    for content, name in ((packed, "a.txt"), (text.encode(), "b.gz")):
        pull = bench.take(content, name)
        assert len(bench.bronze(pull)) == 1
        assert bench.landing(pull) == content
        assert str(pull.landing_key).endswith(".tsv.gz" if content is packed else ".tsv")
    two_members = gzip.compress(text.encode()[:50]) + gzip.compress(text.encode()[50:]) + bytes(512)
    assert bench.take(two_members).rows_in == 1


def test_a_literal_quote_in_a_tsv_is_content(bench: Bench) -> None:
    pull = bench.take(tsv([fba(product_name='5" pan, "best"'), fba(product_name='"half'), fba(sku='"all"')]))
    assert [row["product_name"] for row in bench.bronze(pull)] == ['5" pan, "best"', '"half', "Kettle"]
    assert bench.bronze(pull)[2]["sku"] == '"all"'


@pytest.mark.parametrize("is_header_quoted", [True, False])
def test_a_tsv_that_quotes_every_field_is_unquoted(bench: Bench, is_header_quoted: bool) -> None:
    def quoted(row: dict[str, str]) -> dict[str, str]:
        return {key: '"' + value.replace('"', '""') + '"' for key, value in row.items()}

    names = [f'"{name}"' for name in fba()] if is_header_quoted else list(fba())
    rows = [quoted(fba(product_name='5" pan')), quoted(fba(product_name="two\r\nlines\tand a tab"))]
    pull = bench.take(tsv(rows, header=names))
    found = bench.bronze(pull)
    assert [row["product_name"] for row in found] == ['5" pan', "two\r\nlines\tand a tab"]
    assert [row["_line_number"] for row in found] == [2, 3]
    assert found[0]["asin"] == "B000000001"


@pytest.mark.parametrize("delimiter", [",", ";", "|"])
def test_csv_with_quotes_line_breaks_and_any_delimiter(bench: Bench, delimiter: str) -> None:
    lines = [
        delimiter.join(["asin", "rating", "title", "body"]),
        delimiter.join(["B000000001", "5.0", '"a ""good"" one"', f'"first{delimiter}\nsecond"']),
        delimiter.join(["B000000002", "1", "plain", 'stray " quote']),
    ]
    pull = bench.take("\n".join(lines) + "\n")
    assert (pull.outcome, pull.feed) == ("loaded", "reviews"), pull.error
    first, second = bench.bronze(pull)
    assert (first["title"], first["body"], first["_line_number"]) == ('a "good" one', f"first{delimiter}\nsecond", 2)
    assert (second["body"], second["_line_number"], second["rating"]) == ('stray " quote', 4, 1.0)


def test_lines_before_the_header_and_blank_lines_are_passed_over(bench: Bench) -> None:
    text = 'Includes all returns\r\n"All amounts, in USD"\r\n\r\n' + tsv([fba(), fba(sku="B")])
    head, _, last = text.removesuffix("\r\n").rpartition("\r\n")
    pull = bench.take(f"{head}\r\n\r\n{last}\r\n\r\n")
    assert [row["_line_number"] for row in bench.bronze(pull)] == [5, 7]


def test_headers_in_any_spelling(bench: Bench) -> None:
    row = fba()
    spelt = {
        "Return-date": row["return-date"],
        "Amazon Order ID": row["order-id"],
        "MSKU": row["sku"],
        "ASIN": row["asin"],
        "Product-Name": row["product-name"],
        "Quantity": row["quantity"],
        "fulfilment-centre-id": row["fulfillment-center-id"],
        "Detailed_Disposition": row["detailed-disposition"],
        "REASON": row["reason"],
        "disposition": "another name of the column before it, which does not count",
        "colour": "red",
    }
    pull = bench.take(tsv([spelt]))
    (found,) = bench.bronze(pull)
    assert (found["fulfillment_center_id"], found["sku"], found["reason"]) == ("PHX7", "KETTLE-1", "DEFECTIVE")
    assert pull.unknown_columns == ("colour",)


def test_short_and_long_rows(bench: Bench) -> None:
    names = [*MFN_RETURN, "SafeT claim id", "Refunded Amount"]
    full = "\t".join(MFN_RETURN.values())
    required = "\t".join(list(MFN_RETURN.values())[:19])
    rows = [
        full,
        f"{full}\t",
        f"{full}\t\t\t\t",
        required,
        "\t".join(list(MFN_RETURN.values())[:18]),
        f"{full}\t1\t2\t3",
    ]
    pull = bench.take("\r\n".join(["\t".join(names), *rows]) + "\r\n")
    assert [row["_line_number"] for row in bench.bronze(pull)] == [2, 3, 4, 5]
    assert bench.bronze(pull)[3]["order_amount"] is None
    bad = bench.quarantine(pull)
    assert [(row["_line_number"], row["reasons"]) for row in bad] == [(6, "too_few_fields"), (7, "too_many_fields")]
    assert bad[1]["original_line"] == f"{full}\t1\t2\t3"
    assert pull.rows_in == 6


def test_a_header_without_rows_is_an_empty_report(bench: Bench) -> None:
    for text in ("\t".join(fba()), "\t".join(fba()) + "\r\n"):
        pull = bench.take(text, window=(date(2026, 1, 1), date(2026, 1, 31)))
        assert (pull.outcome, pull.rows_in, pull.feed) == ("loaded_empty", 0, "fba_returns")
        assert bench.bronze(pull) == []


def test_json_lines_of_both_public_schemas(bench: Bench) -> None:
    old = {"overall": 5.0, "verified": True, "reviewTime": "09 1, 2016", "reviewerID": "A1", "asin": "B000000001"}
    old |= {"reviewText": "Good", "summary": "Fine", "unixReviewTime": 1472688000, "vote": "1,341", "style": {"a": "b"}}
    new = {
        "rating": 2,
        "title": "Meh",
        "text": "Broke",
        "images": [],
        "asin": "B000000002",
        "parent_asin": "B000000009",
    }
    new |= {"user_id": "U1", "timestamp": 1588687728923, "helpful_vote": 0, "verified_purchase": False}
    text = "\n".join(json.dumps(row) for row in (old, new, old | {"asin": "B000000003", "reviewText": None})) + "\n"
    pull = bench.take(text)
    assert (pull.feed, pull.rows_bronze, pull.unknown_columns) == ("reviews", 3, ())
    first, second, third = bench.bronze(pull)
    assert (first["rating"], first["verified_purchase"], first["helpful_votes"]) == (5.0, True, 1341)
    assert (first["review_date_at"], first["review_date_day"]) == (None, date(2016, 9, 1))
    assert second["review_date_at"] == datetime(2020, 5, 5, 14, 8, 48, 923000, tzinfo=UTC)
    assert (second["reviewer_id"], second["parent_asin"], second["verified_purchase"]) == ("U1", "B000000009", False)
    assert (third["body"], third["_line_number"]) == (None, 3)
    assert bench.landing(pull) == text.encode()


XML = """<?xml version="1.0" encoding="{charset}"?>
<Envelope xmlns:r="urn:x"><Message><returns>
 <r:return_details>
  <order_id>111-2222222-3333333</order_id><amazon_rma_id>R1</amazon_rma_id>
  <return_request_date>2026-01-05T01:02:03Z</return_request_date><return_request_status>Approved</return_request_status>
  <label_details><label_cost>3.5</label_cost><currency_code>USD</currency_code></label_details>
  <item_details>
   <asin>B000000001</asin><merchant_sku>S1</merchant_sku><return_reason_code>CR-DEFECTIVE</return_reason_code>
   <return_quantity>1</return_quantity><refund_amount>9.99</refund_amount><item_name>Été &amp; co</item_name>
  </item_details>
  <item_details>
   <asin>B000000002</asin><merchant_sku>S2</merchant_sku><return_reason_code>CR-DEFECTIVE</return_reason_code>
   <return_quantity>2</return_quantity>
  </item_details>
 </r:return_details>
 <r:return_details>
  <order_id>111-2222222-4444444</order_id><amazon_rma_id/>
  <return_request_date>2026-01-06T01:02:03Z</return_request_date><return_request_status>Approved</return_request_status>
  <item_details><asin>B000000003</asin><merchant_sku>S3</merchant_sku><return_reason_code/>
   <return_quantity>1</return_quantity></item_details>
 </r:return_details>
</returns></Message></Envelope>
"""


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "utf-16"])
def test_xml_returns_are_found_by_the_names_of_their_values(bench: Bench, charset: str) -> None:
    pull = bench.take(XML.format(charset=charset).encode(charset))
    assert (pull.feed, pull.rows_bronze) == ("mfn_returns", 3), pull.error
    first, second, third = bench.bronze(pull)
    assert (first["asin"], first["refunded_amount"], first["label_cost"]) == (
        "B000000001",
        Decimal("9.99"),
        Decimal("3.5"),
    )
    assert first["item_name"] == "Été & co"
    assert (second["asin"], second["order_id"], second["return_quantity"]) == ("B000000002", "111-2222222-3333333", 2)
    assert (third["amazon_rma_id"], third["label_cost"]) == (None, None)
    assert [row["_line_number"] for row in (first, second, third)] == [7, 11, 16]


def test_settlements_of_both_hemispheres(bench: Bench) -> None:
    american = SETTLEMENT | {"posted-date": "2023-01-01 00:00:00 UTC"}
    european = SETTLEMENT | {"posted-date": "23.07.2026", "amount": "-1.341,50", "total-amount": "1.341"}
    (row,) = bench.bronze(bench.take(tsv([american])))
    assert (row["posted_date_at"], row["amount"]) == (datetime(2023, 1, 1, tzinfo=UTC), Decimal(-20))
    (row,) = bench.bronze(bench.take(tsv([european])))
    assert (row["posted_date_at"], row["posted_date_day"]) == (None, date(2026, 7, 23))
    assert (row["amount"], row["total_amount"]) == (Decimal("-1341.5"), Decimal(1341))


@pytest.mark.parametrize(("region", "expected"), [("na", date(2026, 3, 4)), ("eu", date(2026, 4, 3))])
def test_numeric_dates_follow_the_region_unless_the_file_says_otherwise(
    tmp_path: Path, region: str, expected: date
) -> None:
    bench = make_bench(tmp_path, region=region, marketplaces=("US",) if region == "na" else ("DE",))
    (row,) = bench.bronze(bench.take(tsv([order(purchase_date="03/04/2026")])))
    assert row["purchase_date_day"] == expected
    for proof, day in (("13/04/2026", date(2026, 4, 3)), ("04/13/2026", date(2026, 3, 4))):
        pull = bench.take(tsv([order(purchase_date="03/04/2026"), order(purchase_date=proof)]))
        assert bench.bronze(pull)[0]["purchase_date_day"] == day
        assert pull.rows_quarantined == 0


def test_dates_that_contradict_their_file_are_quarantined(bench: Bench) -> None:
    days = ["13/04/2026", "14/04/2026", "03/04/2026", "04/15/2026"]
    pull = bench.take(tsv([order(purchase_date=day) for day in days]))
    assert [row["purchase_date_day"].isoformat() for row in bench.bronze(pull)] == [
        "2026-04-13",
        "2026-04-14",
        "2026-04-03",
    ]
    assert [row["reasons"] for row in bench.quarantine(pull)] == ["bad_moment:purchase_date"]


def test_evidence_at_the_end_of_a_file_counts_for_its_beginning(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, limits=Limits(block_bytes=1))
    rows = [
        order(purchase_date="03/04/2026", item_price="1,341"),
        order(purchase_date="13/04/2026", item_price="12,50"),
    ]
    pull = bench.take(tsv(rows))
    first, second = bench.bronze(pull)
    assert (first["purchase_date_day"], first["item_price"]) == (date(2026, 4, 3), Decimal("1.341"))
    assert second["item_price"] == Decimal("12.5")


@pytest.mark.parametrize(
    "content",
    [
        tsv([order(sku=f"S{i}", product_name=f'n{i} 5"') for i in range(9)]).encode(),
        (
            "asin,rating,body\n" + "".join(f'B00000000{i},{i % 5 + 1},"line one\nline ""two"" {i}"\n' for i in range(9))
        ).encode(),
        (
            "asin,rating,body\n" + "".join(f"B00000000{i},5,plain {i}\n" for i in range(9)) + 'B000000009,1,"a\nb"'
        ).encode(),
        "".join(json.dumps({"asin": f"B00000000{i}", "rating": 5, "user_name": "x"}) + "\n" for i in range(9)).encode(),
        XML.format(charset="utf-8").encode(),
        tsv([order(product_name="Été" * i) for i in range(5)]).encode("cp1252"),
        b"some preamble\r\n\r\n" + tsv([order(), order(), order()]).encode(),
    ],
)
def test_where_a_file_is_cut_into_blocks_changes_nothing(tmp_path: Path, content: bytes) -> None:
    results = []
    for size in (1, 40, 300, 1 << 20):
        bench = make_bench(tmp_path / str(size), limits=Limits(block_bytes=size))
        pull = bench.take(content)
        assert pull.outcome == "loaded", pull.error
        results.append((bench.bronze(pull), bench.landing(pull), pull.rows_in, pull.unknown_columns))
    assert all(result == results[-1] for result in results)


def test_a_decoded_file_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    text = tsv([fba(quantity=str(i % 3)) for i in range(50)])
    files = []
    for name in ("one", "two"):
        bench = make_bench(tmp_path / name)
        pull = bench.take(text)
        files.append([bench.lake.get(str(key)) for key in (pull.bronze_key, pull.quarantine_key, pull.landing_key)])
    assert files[0] == files[1]


def test_an_order_file_keeps_its_types(bench: Bench) -> None:
    (row,) = bench.bronze(bench.take(tsv([ORDER | {"quantity": "", "item-price": " ", "sku": "007"}])))
    assert (row["quantity"], row["item_price"], row["sku"]) == (None, None, "007")
    assert row["is_business_order"] is False
