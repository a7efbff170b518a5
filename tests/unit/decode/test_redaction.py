"""Personal data never reaches the lake, and what is stored decodes to the same rows as what came."""

from __future__ import annotations

import gzip
import json

import pytest

from ingestion.intake import ensure_bronze
from ingestion.redact import mask_text
from tests.support.deliveries import FBA_RETURN, Bench, fba, order, tsv

OWN, OTHER = "111-2222222-3333333", "444-5555555-6666666"
PERSON = ("Odalys Fennimore", "odalys@example.org", "Quarleigh", "(206) 555-0123")
COMMENT = f"Broke. Mail odalys@example.org or call (206) 555-0123 about {OTHER}, not {OWN}"
MASKED = f"Broke. Mail [email] or call [phone] about [order], not {OWN}"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to jane.doe+x@example.co.uk please", "write to [email] please"),
        ("jane (at) example (dot) com", "[email]"),
        ("jane @ gmail. com", "[email]"),
        ("call 206-555-0123 now", "call [phone] now"),
        ("Call me at (206)555-0199.", "Call me at [phone]."),
        ("+49 (0)151 2345678 oder 0049 151 2345678", "[phone] oder [phone]"),
        ("06 12 34 56 78", "[phone]"),
        ("電話は 03-1234-5678 です", "電話は [phone] です"),
        ("090-1234-5678", "[phone]"),
        ("我的电话13812345678", "我的电话[phone]"),
        ("my number is 5551234", "my number is [phone]"),
        ("whatsapp +5511987654321", "whatsapp [phone]"),
        (f"my order {OTHER}", "my order [order]"),
    ],
)
def test_masked(text: str, masked: str) -> None:
    assert mask_text(text, OWN) == masked


@pytest.mark.parametrize(
    "text",
    [
        "size 10-12, waist 34 36 38 40 42, 32x34",
        "model 9876543210 and part no. 206-555-0123",
        "cost 1,299.00, not 1299.99 or 1.234.567,89",
        "2026-01-02 12:34:56, 12/05/2026, 2019-2020-2021",
        "UPC 0123456789012, ISBN 9781234567897, B09KXVBD7Z",
        "20000mAh 100-240V 50-60Hz 3840x2160 144Hz",
        "HP 305XL 61 62 63 902 950, 7.5 x 9.25 x 10.125 inches",
        "bought 2 @ Target. Great, 3 @ 5.99 each",
        "10 20 30 40 50 60 70 or 5.0 4.0 3.0 2.0 1.0 0.5",
        f"{OWN} is my order",
    ],
)
def test_not_masked(text: str) -> None:
    assert mask_text(text, OWN) == text


def assert_nobody_in(objects: dict[str, bytes]) -> None:
    for key, content in objects.items():
        text = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        for word in PERSON:
            assert word.encode() not in text, (key, word)


def assert_stored_decodes_alike(bench: Bench, pull) -> None:
    """Bronze and quarantine made again from landing alone are byte for byte those of the delivery."""
    before = {key: bench.lake.get(key) for key in (pull.bronze_key, pull.quarantine_key) if key}
    for key in before:
        bench.lake.delete(key)
    again = ensure_bronze(bench.lake, bench.settings, pull)
    assert again == pull
    assert {key: bench.lake.get(key) for key in before} == before


@pytest.mark.parametrize("is_packed", [False, True])
def test_columns_of_buyers_are_cut_out_of_orders(bench: Bench, is_packed: bool) -> None:
    rows = [order(buyer_name=PERSON[0], ship_city=PERSON[2]), order(sku="B", quantity="x", buyer_name=PERSON[0])]
    text = tsv(rows)
    pull = bench.take(gzip.compress(text.encode()) if is_packed else text)
    stored = bench.landing(pull)
    assert (stored[:2] == b"\x1f\x8b") is is_packed
    plain = (gzip.decompress(stored) if is_packed else stored).decode()
    gone = {"buyer-name", "ship-city", "ship-postal-code"}
    assert plain == tsv([{k: v for k, v in row.items() if k not in gone} for row in rows])
    assert pull.rows_quarantined == 1
    assert_nobody_in(bench.objects())
    assert_stored_decodes_alike(bench, pull)


def test_rows_of_the_wrong_width_are_withheld_where_a_file_has_personal_columns(bench: Bench) -> None:
    broken = "\t".join(order(product_name=f"a\tb {PERSON[2]}", buyer_name=PERSON[0]).values())
    first, second = "\t".join(order(product_name="line\nbreak", buyer_name=PERSON[0]).values()).split("\n")
    pull = bench.take(tsv([order()]) + "\r\n".join([broken, first, second]) + "\r\n" + "\t".join(order().values()))
    reasons = [(row["_line_number"], row["reasons"]) for row in bench.quarantine(pull)]
    assert reasons == [(3, "too_many_fields"), (4, "too_few_fields"), (5, "too_few_fields")]
    assert [row["_line_number"] for row in bench.bronze(pull)] == [2, 6]
    assert_nobody_in(bench.objects())
    assert_stored_decodes_alike(bench, pull)


@pytest.mark.parametrize("missing", ["item-price", "ship-country", "is-business-order"])
def test_a_name_slides_into_no_other_column_when_a_field_is_missing(bench: Bench, missing: str) -> None:
    """Which of the optional fields is missing cannot be seen, so the texts behind the quantity are emptied."""
    row = order(buyer_name=PERSON[0], ship_city=PERSON[2], price_designation="Business")
    row = {name: row[name] for name in sorted(row, key=lambda name: name in ("is-business-order", "price-designation"))}
    short = "\t".join(value for name, value in row.items() if name != missing)
    pull = bench.take(tsv([row]) + short + "\r\n")
    assert pull.rows_in == 2
    whole, *rest = bench.bronze(pull)
    assert (whole["price_designation"], whole["ship_country"]) == ("Business", "US")
    for odd in rest:
        assert (odd["sku"], odd["quantity"], odd["currency"], odd["ship_country"]) == ("KETTLE-1", 1, None, None)
    assert len(rest) + len(bench.quarantine(pull)) == 1
    assert_nobody_in(bench.objects())
    assert_stored_decodes_alike(bench, pull)


def test_a_row_without_its_last_fields_is_kept(bench: Bench) -> None:
    row = order(buyer_name=PERSON[0], ship_city=PERSON[2])
    short = "\t".join(list(row.values())[: list(row).index("item-price") + 1])
    pull = bench.take(tsv([row]) + short + "\r\n")
    _, odd = bench.bronze(pull)
    assert (odd["quantity"], str(odd["item_price"]), odd["is_business_order"]) == (1, "20.0000", None)
    assert_nobody_in(bench.objects())
    assert_stored_decodes_alike(bench, pull)


def test_a_shifted_last_line_without_an_end_is_withheld_and_stays_a_row(bench: Bench) -> None:
    shifted = "\t".join(order(product_name="line\nbreak", buyer_name=PERSON[0]).values()).split("\n")[1]
    pull = bench.take(tsv([order()]) + shifted + "\tand more")
    assert [row["reasons"] for row in bench.quarantine(pull)] == ["too_few_fields"]
    assert_nobody_in(bench.objects())
    assert_stored_decodes_alike(bench, pull)


def test_comments_are_masked_in_bronze_quarantine_and_landing(bench: Bench) -> None:
    rows = [fba(), fba(order_id=OWN, customer_comments=COMMENT), fba(order_id=OWN, customer_comments=COMMENT, asin="?")]
    pull = bench.take(tsv(rows))
    assert bench.bronze(pull)[1]["customer_comments"] == MASKED
    assert MASKED in bench.quarantine(pull)[0]["original_line"]
    assert bench.landing(pull).decode() == tsv(rows).replace(COMMENT, MASKED)
    assert_nobody_in(bench.objects())
    assert_stored_decodes_alike(bench, pull)


def test_a_file_without_personal_data_is_stored_untouched(bench: Bench) -> None:
    odd = tsv([fba(), fba(customer_comments="size 10-12")]).replace("\r\n", "\n", 1).encode() + b"\n\n"
    pull = bench.take(odd)
    assert bench.landing(pull) == odd


def test_quoted_csv_keeps_its_lines_when_it_is_masked(bench: Bench) -> None:
    text = f'asin,rating,body,author\nB000000001,1,"one, ""two""\n{PERSON[1]}",{PERSON[0]}\n'
    text += f'B000000002,x,"a\nb",{PERSON[0]}\n'
    pull = bench.take(text)
    assert bench.landing(pull).decode() == (
        'asin,rating,body\nB000000001,1,"one, ""two""\n[email]"\nB000000002,x,"a\nb"\n'
    )
    assert bench.quarantine(pull)[0]["_line_number"] == 4
    assert_nobody_in(bench.objects())
    assert_stored_decodes_alike(bench, pull)


def test_personal_keys_of_json_are_dropped_at_any_depth(bench: Bench) -> None:
    row = {"asin": "B000000001", "rating": 5, "reviewerName": PERSON[0], "text": f"call {PERSON[3]}"}
    row |= {"style": {"Size:": " 7.0 oz", "contact": {"email": PERSON[1]}}, "images": [{"user_name": PERSON[0]}]}
    text = "".join(json.dumps(r) + "\n" for r in (row, {"asin": "B000000002", "rating": 4.0}))
    text += f'{{"asin": "B000000003", "reviewerName": "{PERSON[0]}"\n' + json.dumps({"asin": "B000000004", "rating": 9})
    pull = bench.take(text)
    first, second, third, _ = bench.landing(pull).decode().split("\n")
    assert json.loads(first) == {
        "asin": "B000000001",
        "rating": 5,
        "text": "call [phone]",
        "style": {"Size:": " 7.0 oz", "contact": {}},
        "images": [{}],
    }
    assert (second, third) == ('{"asin": "B000000002", "rating": 4.0}', "[withheld]")
    reasons = [(row["_line_number"], row["reasons"]) for row in bench.quarantine(pull)]
    assert reasons == [(3, "not_an_object"), (4, "above_maximum:rating")]
    assert_nobody_in(bench.objects())
    assert_stored_decodes_alike(bench, pull)


def test_personal_elements_of_xml_are_dropped_and_lines_stay(bench: Bench) -> None:
    text = f"""<?xml version="1.0" encoding="UTF-8"?>
<!-- of
two lines -->
<returns><return><order_id>{OWN}</order_id><amazon_rma_id>R</amazon_rma_id>
 <return_request_date>2026-01-05</return_request_date><return_request_status>Approved</return_request_status>
 <buyer_name>{PERSON[0]}
 </buyer_name>
 <item_details>
  <asin>B000000001</asin><merchant_sku>S</merchant_sku><return_reason_code>X</return_reason_code>
  <return_quantity>1</return_quantity><customer_comments>{COMMENT}</customer_comments>
 </item_details>
 </return>
 <return><order_id>{OWN}</order_id><amazon_rma_id>R2</amazon_rma_id>
 <return_request_date>2026-01-05</return_request_date><return_request_status>Approved</return_request_status>
 <item_details><asin>?</asin><merchant_sku>S</merchant_sku><return_reason_code>X</return_reason_code>
  <return_quantity>1</return_quantity></item_details></return>
</returns>"""
    pull = bench.take(text)
    (row,) = bench.bronze(pull)
    assert (row["_line_number"], row["customer_comments"]) == (4, MASKED)
    assert [row["reasons"] for row in bench.quarantine(pull)] == ["pattern:asin"]
    assert_nobody_in(bench.objects())
    assert_stored_decodes_alike(bench, pull)


def test_preambles_are_masked_with_the_rest(bench: Bench) -> None:
    text = f"Report for {PERSON[1]}\r\n" + tsv([FBA_RETURN | {"buyer-email": PERSON[1]}])
    pull = bench.take(text)
    assert bench.landing(pull).decode().startswith("Report for [email]\r\nreturn-date\t")
    assert_nobody_in(bench.objects())
    assert_stored_decodes_alike(bench, pull)
