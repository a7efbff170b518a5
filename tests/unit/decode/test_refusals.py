"""Files that are no report are refused as a whole, with what, where and remedy, and leave nothing behind."""

from __future__ import annotations

import gzip
import json
import os

import pytest

from data_contracts.settings import Limits
from tests.support.deliveries import Bench, fba, make_bench, order, tsv

GOOD = tsv([fba(), fba(sku="B")])
XML_CUT = "<returns><return><order_id>111-2222222-3333333</order_id><asin>B0000"


@pytest.mark.parametrize(
    ("content", "said", "words"),
    [
        pytest.param(b"", {}, ["is empty"], id="zero bytes"),
        pytest.param(b" \r\n\r\n", {}, ["is empty"], id="blank lines"),
        pytest.param(b"\xef\xbb\xbf", {}, ["is empty"], id="only a byte order mark"),
        pytest.param(gzip.compress(b""), {}, ["is empty"], id="empty gzip"),
        pytest.param(os.urandom(4096), {}, [], id="noise"),
        pytest.param(bytes(range(1, 32)) * 40, {}, ["binary data"], id="control characters"),
        pytest.param(GOOD.encode().replace(b"Kettle", b"Ket\0le"), {}, ["NUL", "line 2"], id="NUL"),
        pytest.param(b"PK\x03\x04" + bytes(60), {}, ["zip archive or an Excel", "save the sheet"], id="xlsx"),
        pytest.param(b"%PDF-1.7 ...", {}, ["PDF"], id="pdf"),
        pytest.param(b"<!DOCTYPE html><html><body>Sign in</body></html>", {}, ["web page", "line 1"], id="html"),
        pytest.param(b"\r\n  <HTML><head><title>503</title>", {}, ["web page"], id="shouted html"),
        pytest.param(
            b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
            {},
            ["error answer", "AccessDenied", "Request has expired"],
            id="storage error",
        ),
        pytest.param(
            json.dumps({"errors": [{"code": "QuotaExceeded", "message": "too many"}]}, indent=2).encode(),
            {},
            ["error answer", "QuotaExceeded"],
            id="json error",
        ),
        pytest.param(b'{"code":"Unauthorized","message":"no"}', {}, ["error answer"], id="json error in one line"),
        pytest.param(
            json.dumps([{"asin": "B000000001", "rating": 1}]).encode(), {}, ["one object per line"], id="list"
        ),
        pytest.param(
            GOOD.encode(), {"feed": "orders"}, ["looks like fba_returns", "--feed fba_returns"], id="wrong feed"
        ),
        pytest.param(tsv([order()]).encode(), {"feed": "fba_returns"}, ["looks like orders"], id="orders as returns"),
        pytest.param(GOOD.encode(), {"feed": "listings"}, ["looks like fba_returns"], id="has the other's columns too"),
        pytest.param(
            tsv([{k: v for k, v in fba().items() if k != "reason"}]).encode(),
            {"feed": "fba_returns"},
            ["lacks reason", "line 1"],
            id="lacks a column",
        ),
        pytest.param(b"a\tb\tc\r\n1\t2\t3\r\n", {}, ["No feed is recognised", "--mapping"], id="unknown header"),
        pytest.param(GOOD.encode()[:-60], {}, ["cut off", "line 3"], id="cut off in a row"),
        pytest.param(gzip.compress(GOOD.encode() * 50)[:-9], {}, ["gzip file is cut off"], id="cut off gzip"),
        pytest.param(
            (lambda b: b[:300] + bytes([b[300] ^ 255]) + b[301:])(gzip.compress(os.urandom(900))),
            {},
            ["gzip file is damaged"],
            id="damaged gzip",
        ),
        pytest.param(
            b'asin,rating,body\nB000000001,5,fine\nB000000002,1,"never closed\nand on\n',
            {},
            ["quote is opened and never closed", "line 3"],
            id="open quote",
        ),
        pytest.param(
            b'{"asin":"B000000001","rating":5}\n{"asin":"B0000',
            {},
            ["cut off in its last line", "line 2"],
            id="cut json",
        ),
        pytest.param(XML_CUT.encode(), {"feed": "mfn_returns"}, ["XML is cut off"], id="cut xml"),
        pytest.param(b"<a><b></a>", {}, ["not well-formed"], id="broken xml"),
        pytest.param(
            b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y">]><a><order_id>&x;</order_id></a>',
            {},
            ["entities or a document type"],
            id="entity bomb",
        ),
        pytest.param(
            tsv([fba(product_name="é ok")]).encode()
            + "\t".join(fba(product_name="é").values()).encode()[:-1]
            + b"\xc3",
            {},
            ["middle of a character"],
            id="cut in a character",
        ),
        pytest.param(
            tsv([fba(product_name="\x81\x8d")]).encode("latin-1"),
            {},
            ["none of the charsets", "line 2"],
            id="no charset",
        ),
    ],
)
def test_refused(bench: Bench, content: bytes, said: dict[str, str], words: list[str]) -> None:
    pull = bench.take(content, "strange.txt", **said)
    assert (pull.outcome, pull.restates, pull.rows_in) == ("failed", False, None)
    assert pull.error is not None
    assert "strange.txt" in pull.error
    for word in words:
        assert word in pull.error
    assert list(bench.objects()) == [pull.key]  # nothing is half-loaded, and bytes that nobody knows are not kept
    assert (bench.home / "files" / "strange.txt").read_bytes() == content
    assert list((bench.home / "scratch").iterdir()) == []


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(ratio_counts_from_bytes=1 << 20, max_unpack_ratio=100), "times its size"),
        (Limits(max_unpacked_bytes=1 << 20), "unpacks to more than 1,048,576 bytes"),
    ],
)
def test_a_decompression_bomb_is_stopped_early(tmp_path_factory, limits: Limits, words: str) -> None:
    bench = make_bench(tmp_path_factory.mktemp("bomb"), limits=limits)
    line = "\t".join(fba().values()) + "\n"
    bomb = gzip.compress(("\t".join(fba()) + "\n" + line * 60_000).encode())  # 13 MB in 40 kB
    pull = bench.take(bomb)
    assert pull.outcome == "failed"
    assert words in str(pull.error)
    assert "[limits]" in str(pull.error)


def test_a_line_without_end_is_refused(tmp_path_factory) -> None:
    bench = make_bench(tmp_path_factory.mktemp("line"), limits=Limits(max_line_bytes=2048, block_bytes=1024))
    pull = bench.take(GOOD + "\t".join(fba(product_name="x" * 5000).values()) + "\r\n" + GOOD)
    assert "line is longer than 2,048 bytes" in str(pull.error)
    assert "line 4" in str(pull.error)
    pull = bench.take('asin,rating,body\nB000000001,5,"' + "open\n" * 2000)
    assert "quote is opened" in str(pull.error)
    assert "line 2" in str(pull.error)


def test_a_header_that_fits_two_feeds_names_them(tmp_path, monkeypatch) -> None:
    from data_contracts.feed import Column, Feed, Merge
    from ingestion.decode.names import Mismatch, Request, recognise

    twins = {
        name: Feed(name, name, "", (Column("a", required=True), Column("b")), Merge.SNAPSHOT) for name in ("one", "two")
    }
    found = recognise(["a", "b"], Request(twins))
    assert isinstance(found, Mismatch)
    assert "one, two" in found.what
    assert not isinstance(recognise(["a", "b"], Request(twins, twins["two"])), Mismatch)
