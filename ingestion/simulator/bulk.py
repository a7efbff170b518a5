"""Report files of millions of rows, for measuring: orders, returns of both channels, reviews, in their real layouts.

Belongs here: writing many rows fast, a column at a time. Does not belong: truth, restatements and spoilt rows (that is
`world.py`); here only identical copies of some order lines come again in the next file.

Whole lines are joined from columns by Arrow, and the joined buffer is written as it is. Two shared cores write
800,000 rows a second, all feeds together (1.3 million rows, 310 MB in 1.6 s).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.marketplaces import get_marketplace
from ingestion.simulator.catalogue import draw_products, generator, tables
from ingestion.simulator.reports import FBA_HEADER, MFN_HEADER, ORDERS_HEADER, ORDERS_TAIL, _day
from ingestion.simulator.words import phrases

#: lines made at once; bounds memory at about 600 MB
_CHUNK = 250_000
#: lines in one orders file
_FILE = 1_000_000
_STATUSES = ("Shipped", "Cancelled", "Pending")
_CODES_FBM = ("CR-DEFECTIVE", "AMZ-PG-APP-TOO-SMALL", "CR-UNWANTED_ITEM", "AMZ-PG-BAD-DESC", "CR-QUALITY_UNACCEPTABLE")


@dataclass(frozen=True)
class Written:
    """Rows written by feed, and their files."""

    rows: dict[str, int]
    files: tuple[Path, ...]


def bulk(
    directory: Path,
    order_lines: int = 1_000_000,
    *,
    seed: int = 1,
    asins: int = 5_000,
    days: int = 365,
    end: date = date(2026, 10, 31),
    returns: float = 0.10,
    reviews: float = 0.20,
    marketplaces: Sequence[str] = ("US", "CA", "MX"),
) -> Written:
    """Write the files of one store; the same arguments give the same bytes.

    order_lines: distinct lines (one in a hundred comes once more in the next file). returns, reviews: share of the
    lines that come back (as FBA or seller-fulfilled returns, by their channel) and that are reviewed.
    """
    directory.mkdir(parents=True, exist_ok=True)
    making = _Bulk(seed, asins, days, end, returns, reviews, marketplaces)
    rows = dict.fromkeys(("orders", "fba_returns", "mfn_returns", "reviews"), 0)
    files: list[Path] = []
    copies: pa.Array | None = None
    for number, first in enumerate(range(0, order_lines, _FILE)):
        last = min(order_lines, first + _FILE)
        paths = {feed: directory / f"{feed}_{number:04d}.{'jsonl' if feed == 'reviews' else 'tsv'}" for feed in rows}
        files += paths.values()
        outs = {feed: path.open("wb") for feed, path in paths.items()}
        try:
            outs["orders"].write(_header((*ORDERS_HEADER, *ORDERS_TAIL["na"])))
            outs["fba_returns"].write(_header(FBA_HEADER))
            outs["mfn_returns"].write(_header(MFN_HEADER))
            if copies is not None:
                rows["orders"] += _write(outs["orders"], copies)
                copies = None
            for start in range(first, last, _CHUNK):
                made = making.chunk(start, min(last, start + _CHUNK), order_lines)
                for feed, lines in made.items():
                    rows[feed] += _write(outs[feed], lines)
                copies = made["orders"].take(pa.array(np.arange(0, len(made["orders"]), 25)))
        finally:
            for out in outs.values():
                out.close()
    return Written(rows, tuple(files))


def _header(names: Sequence[str]) -> bytes:
    return ("\t".join(names) + "\r\n").encode()


def _write(out: BinaryIO, lines: pa.Array) -> int:
    """Write joined lines: their bytes lie one after another in one buffer."""
    if len(lines):
        offsets = np.frombuffer(lines.buffers()[1], dtype=np.int32)[lines.offset : lines.offset + len(lines) + 1]
        out.write(memoryview(lines.buffers()[2])[offsets[0] : offsets[-1]])
    return len(lines)


def _pool(values: Sequence[str]) -> pa.Array:
    return pa.array(list(values), pa.string())


def _padded(numbers: np.ndarray, width: int) -> pa.Array:
    return pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width=width, padding="0")


def _joined(*parts: Any, by: str = "") -> pa.Array:
    return pc.binary_join_element_wise(*parts, by)


class _Bulk:
    """Pools of texts from which rows are put together."""

    def __init__(
        self, seed: int, asins: int, days: int, end: date, returns: float, reviews: float, marketplaces: Sequence[str]
    ) -> None:
        self.seed, self.days, self.returns, self.reviews = seed, days, returns, reviews
        places = [get_marketplace(code) for code in marketplaces]
        products = draw_products(seed, asins)
        self.asins = _pool([p.asin for p in products])
        self.fnskus = _pool([p.fnsku for p in products])
        self.titles = _pool([p.title("en") for p in products])
        self.skus = _pool([p.base_sku for p in products])
        self.is_fba = np.array([p.channels[0] == "FBA" for p in products])
        weights = np.array([p.weight for p in products])
        self.chances = np.cumsum(weights / weights.sum())
        self.rates = (
            np.array([p.rate for p in products]) * returns / np.average([p.rate for p in products], weights=weights)
        )
        demand = np.array([tables()["demand"].get(code, 0.25) for code in marketplaces])
        self.demand = np.cumsum(demand / demand.sum())
        self.channels = _pool([place.sales_channel.capitalize() for place in places])
        self.currencies = _pool([place.currency for place in places])
        self.countries = _pool([place.marketplace for place in places])
        self.prices = np.array([[p.price(place.currency) for place in places] for p in products])
        first = end - timedelta(days=days - 1)
        # returns and reviews come up to 120 days later
        listed = [first + timedelta(days=n) for n in range(days + 121)]
        self.day_texts = _pool([f"{day.isoformat()}T" for day in listed])
        self.day_words = _pool([_day(day) for day in listed])
        self.midnights = np.array([(day - date(1970, 1, 1)).days * 86_400 for day in listed], dtype=np.int64)
        self.times = _pool([f"{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}+00:00" for s in range(86_400)])
        codes = [code for name, listed in tables()["codes"]["FBA"].items() for code in listed if name != "unmapped"]
        self.codes = _pool(codes)
        self.codes_fbm = _pool(_CODES_FBM)
        words = phrases()
        self.sentences = _pool(
            [text for language in ("en", "es", "fr") for texts in words[language].values() for text in texts]
        )
        self.praise = _pool(words["praise"]["en"])
        self.centres = _pool(("PHX7", "SDF8", "ONT8", "YYZ4", "MEX2"))
        self.dispositions = _pool(("SELLABLE", "SELLABLE", "CUSTOMER_DAMAGED", "DEFECTIVE", "CARRIER_DAMAGED"))

    def _instants(self, day: np.ndarray, second: np.ndarray, rest: str = "") -> pa.Array:
        return _joined(self.day_texts.take(pa.array(day)), self.times.take(pa.array(second)), rest)

    def chunk(self, start: int, stop: int, total: int) -> dict[str, pa.Array]:
        """Joined lines of each feed for the order lines `start` to `stop` of `total`."""
        rng = generator(self.seed, "bulk", start)
        count = stop - start
        numbers = np.arange(start, stop, dtype=np.int64)
        joins = rng.random(count) < 0.05  # a second line of the order before it
        joins[0] = False
        orders = np.where(joins, numbers - 1, numbers)
        item = np.searchsorted(self.chances, rng.random(count), side="right").clip(0, len(self.chances) - 1)
        place = np.searchsorted(self.demand, rng.random(count), side="right").clip(0, len(self.demand) - 1)
        place = np.where(joins, np.roll(place, 1), place)
        day = orders * self.days // total
        second = (orders * 7_919) % 86_400
        quantity = np.where(rng.random(count) < 0.9, 1, 2)
        state = rng.random(count)
        status = np.where(state < 0.955, 0, np.where(state < 0.985, 1, 2))
        cents = self.prices[item, place] * quantity
        scrambled = orders * 61_803_398_873 % 10**14
        order_id = _joined(
            _pool(("111", "112", "113", "114")).take(pa.array(scrambled % 4)),
            _padded(scrambled // 10**7, 7), _padded(scrambled % 10**7, 7), by="-",
        )  # fmt: skip
        asin, sku, title = (pool.take(pa.array(item)) for pool in (self.asins, self.skus, self.titles))
        currency = self.currencies.take(pa.array(place))
        price = _joined(pa.array(cents // 100).cast(pa.string()), ".", _padded(cents % 100, 2))
        quantities = pa.array(quantity).cast(pa.string())
        purchased = self._instants(day, second)
        status_text = _pool(_STATUSES).take(pa.array(status))
        is_fba = self.is_fba[item]
        orders_lines = _joined(
            order_id, "", purchased, self._instants(day, (second + 40_000) % 86_400), status_text,
            _pool(("Merchant", "Amazon")).take(pa.array(is_fba.astype(np.int8))), self.channels.take(pa.array(place)),
            "WebsiteOrderChannel", "Standard", title, sku, asin, status_text, quantities, currency, price, "", "", "",
            "",
            "", "", "", "Vexborough", "QZ", _padded(numbers * 89 % 100_000, 5), self.countries.take(pa.array(place)),
            "",
            "false", "", "", "", "false", "\r\n", by="\t",
        )  # fmt: skip
        is_back = (status == 0) & (rng.random(count) < self.rates[item])
        lag = np.clip(rng.lognormal(np.log(9.0), 0.6, count), 2, 120).astype(np.int64)
        fba, mfn = np.flatnonzero(is_back & is_fba), np.flatnonzero(is_back & ~is_fba)
        reviewed = np.flatnonzero((status == 0) & (rng.random(count) < self.reviews / 0.955))

        def of(index: np.ndarray, *columns: pa.Array) -> tuple[pa.Array, ...]:
            return tuple(column.take(pa.array(index)) for column in columns)

        n = len(fba)
        oid, s, a, t = of(fba, order_id, sku, asin, title)
        texts = self._texts(rng, n)
        silent = pa.array(rng.random(n) < 0.6)
        fba_lines = _joined(
            self._instants(day[fba] + lag[fba], rng.integers(0, 86_400, n)), oid, s, a,
            self.fnskus.take(pa.array(item[fba])), t,
            "1", self.centres.take(pa.array(rng.integers(0, 5, n))), self.dispositions.take(pa.array(rng.integers(0,
            5, n))),
            self.codes.take(pa.array(rng.integers(0, len(self.codes), n))), "Unit returned to inventory",
            pc.if_else(pa.array(rng.random(n) < 0.8), _joined("LPNRR", _padded(numbers[fba], 10)), ""),
            pc.if_else(silent, "\r\n", _joined(texts, "\r\n")), by="\t",
        )  # fmt: skip
        n = len(mfn)
        oid, s, a, t, p, q, c = of(mfn, order_id, sku, asin, title, price, quantities, currency)
        mfn_lines = _joined(
            oid, self.day_words.take(pa.array(day[mfn])), self.day_words.take(pa.array(day[mfn] + lag[mfn])),
            _pool(("Approved", "Completed", "Completed", "Rejected")).take(pa.array(rng.integers(0, 4, n))),
            _joined("D", _padded(numbers[mfn], 8), "RMA"), " ", "AmazonPrePaidLabel", "4.14", c, "USPS",
            _joined("9202", _padded(scrambled[mfn], 16)), "Seller", "N", "N", a, s, t, "1",
            self.codes_fbm.take(pa.array(rng.integers(0, len(_CODES_FBM), n))), "Y", "C-Returns", "StandardRefund",
            " ", " ",
            p, q, "\r\n", by="\t",
        )  # fmt: skip
        n = len(reviewed)
        (a,) = of(reviewed, asin)
        stars = rng.choice(np.array([1, 2, 3, 4, 5]), n, p=[0.06, 0.04, 0.08, 0.2, 0.62])
        words = pc.if_else(
            pa.array(stars <= 3), self._texts(rng, n), self.praise.take(pa.array(rng.integers(0, len(self.praise), n)))
        )
        written = (self.midnights[day[reviewed] + 14] + rng.integers(0, 86_400, n)) * 1_000
        reviews_lines = _joined(
            '{"rating": ',
            pa.array(stars).cast(pa.string()),
            '.0, "title": "", "text": "',
            _escaped(words),
            '", "images": [], "asin": "',
            a,
            '", "parent_asin": "',
            a,
            '", "user_id": "A',
            _padded(numbers[reviewed], 12),
            '", "timestamp": ',
            pa.array(written).cast(pa.string()),
            ', "helpful_vote": 0, "verified_purchase": true}\n',
        )
        return {"orders": orders_lines, "fba_returns": fba_lines, "mfn_returns": mfn_lines, "reviews": reviews_lines}

    def _texts(self, rng: np.random.Generator, count: int) -> pa.Array:
        """Two sentences each: some ten thousand distinct texts."""
        picks = (self.sentences.take(pa.array(rng.integers(0, len(self.sentences), count))) for _ in range(2))
        return _joined(*picks, by=" ")


def _escaped(texts: pa.Array) -> pa.Array:
    """Texts as they stand between the quotes of JSON; each distinct one is escaped once."""
    encoded = texts.dictionary_encode()
    escaped = _pool([json.dumps(text, ensure_ascii=False)[1:-1] for text in encoded.dictionary.to_pylist()])
    return escaped.take(encoded.indices)
