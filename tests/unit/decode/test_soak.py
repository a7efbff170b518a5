"""Damaged files by the thousand: each is refused, or decoded with every row accounted for, and alike once stored.

Single kinds of damage have their own tests; here they meet.
"""

from __future__ import annotations

import gzip
import json
import random
import shutil
import time
from pathlib import Path

import pytest

from data_contracts.registry import all_feeds
from data_contracts.settings import Limits
from ingestion import bronze
from ingestion.decode import Request, UnusableFile
from ingestion.mapping import shipped_mappings
from tests.support.deliveries import SETTLEMENT, fba, order, tsv
from tests.unit.decode.test_formats import XML

SECONDS = 60
REVIEW = json.dumps({"asin": "B000000001", "rating": 5, "user_name": "x", "text": "é a@b.example"}) + "\n"
SOUND = [
    tsv([fba(), fba(sku="B", customer_comments="call 206-555-0123"), fba(quantity="0")]).encode(),
    tsv([order(sku=f"S{i}", product_name=f'n{i} 5"') for i in range(5)]).encode(),
    ("asin,rating,body,author\n" + "".join(f'B00000000{i},{i + 1},"a\nb ""c"" {i}",Jo\n' for i in range(5))).encode(),
    REVIEW.encode() * 5,
    XML.format(charset="utf-8").encode(),
    tsv([order(product_name="Été" * i) for i in range(5)]).encode("cp1252"),
    tsv([fba(product_name="電気")]).encode("utf-16"),
    tsv([SETTLEMENT | {"amount": "1.234,5"}, SETTLEMENT]).encode(),
    tsv([{k: f'"{v}"' for k, v in fba().items()}], header=[f'"{k}"' for k in fba()]).encode(),
]
PIECES = [
    b"\t",
    b"\n",
    b"\r\n",
    b"\r",
    b'"',
    b",",
    b"\0",
    b"\xff",
    b"\xe9",
    b"\xef\xbb\xbf",
    b"<",
    b"{",
    b"&",
    b" ",
    b"9" * 30,
]


def damaged(rng: random.Random) -> bytes:
    data = bytearray(rng.choice(SOUND))
    for _ in range(rng.randrange(1, 6)):
        start = rng.randrange(len(data) + 1)
        end = min(len(data), start + rng.randrange(1, 60))
        replacement = rng.choice([b"", rng.choice(PIECES), bytes(data[start:end]) * 2, rng.randbytes(1)])
        data[start : rng.choice([start, end])] = replacement
    if rng.random() < 0.15:
        packed = gzip.compress(bytes(data))
        return packed[: rng.choice([len(packed), rng.randrange(len(packed))])]
    return bytes(data)


def outcome(path: Path, folder: Path, request: Request, **said: object) -> tuple[bronze.Decoded, bytes, bytes]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    options = bronze.Options("acme", "d", request, "damaged.txt", **said)  # type: ignore[arg-type]
    decoded = bronze.decode(path, options, folder)
    quarantine = decoded.quarantine.read_bytes() if decoded.quarantine else b""
    return decoded, decoded.bronze.read_bytes(), quarantine


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2))
def test_damage_is_refused_or_accounted_for(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    path, stored = tmp_path / "came", tmp_path / "stored"
    decoded_files = 0
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        content = damaged(rng)
        path.write_bytes(content)
        limits = Limits(block_bytes=rng.choice([1, 50, 1 << 20]))
        fallbacks = rng.choice([("cp1252",), ("cp932", "cp1252")])
        request = Request(all_feeds(), None, None, shipped_mappings())
        try:
            first, *rows = outcome(path, tmp_path / "out", request, fallbacks=fallbacks, limits=limits)
        except UnusableFile:
            continue
        decoded_files += 1
        counts = first.counts
        assert counts.rows_in == counts.rows_bronze + counts.rows_quarantined
        shutil.copy(first.landing or path, stored)
        settled = Request(all_feeds(), first.feed, first.mapping, is_settled=True)
        _, *again = outcome(stored, tmp_path / "out", settled, charset=first.charset, fallbacks=(), limits=limits)
        assert rows == again, content
    assert decoded_files > 100
