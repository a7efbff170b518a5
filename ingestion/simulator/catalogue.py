"""What the simulated stores sell: products, their offers by marketplace, what makes buyers return them.

Belongs here: reading `catalogue.toml` and drawing products from it. Does not belong: sales and returns (`world.py`),
how buyers word their reasons (`words.py`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib import resources
from typing import Any

import numpy as np

#: amounts are whole hundredths of a currency unit; a yen is 100 of them and is written without decimals
HUNDREDTHS = 100
CURRENCIES_WITHOUT_DECIMALS = frozenset({"JPY"})

_LETTERS = np.array(list("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"))


def generator(*key: object) -> np.random.Generator:
    """Random numbers that depend on nothing but the key."""
    digest = blake2b(repr(key).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big")))


def chance(*key: object) -> float:
    """One number in [0, 1) that depends on nothing but the key; for questions asked out of order."""
    return int.from_bytes(blake2b(repr(key).encode(), digest_size=8).digest(), "big") / 2**64


def letters(rng: np.random.Generator, count: int) -> str:
    """Random capitals and digits."""
    return "".join(_LETTERS[rng.integers(0, len(_LETTERS), count)])


@cache
def tables() -> Mapping[str, Any]:
    """The whole of `catalogue.toml`."""
    return tomllib.loads(resources.files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8"))


@cache
def class_of_code() -> dict[str, str]:
    """The class that each code in the simulated reports names; the simulator's own knowledge, for its truth."""
    codes = tables()["codes"]
    return {code: name for channel in ("FBA", "FBM") for name, listed in codes[channel].items() for code in listed}


@dataclass(frozen=True, slots=True)
class Product:
    """One ASIN. `rate`: share of its shipped units that come back; `why`: reason classes with cumulative weights."""

    index: int
    asin: str
    fnsku: str
    category: str
    names: Mapping[str, str]
    brand: str
    colour: str
    price_usd: float
    weight: float
    rate: float
    is_bad: bool
    why: tuple[str, ...]
    why_cumulative: tuple[float, ...]
    stars: float
    channels: tuple[str, ...]
    base_sku: str

    def title(self, language: str) -> str:
        """Listing title; every product has its own."""
        return f"{self.brand} {self.names.get(language, self.names['en'])}, {self.colour} ({self.index:03d})"

    def sku(self, channel: str) -> str:
        """Seller's SKU of the offer; both channels of one product have different SKUs."""
        return f"{self.base_sku}-FBM" if channel == "FBM" and "FBA" in self.channels else self.base_sku

    def price(self, currency: str) -> int:
        """Price in hundredths of the currency, ending as prices do."""
        amount = self.price_usd * tables()["price_level"][currency]
        if currency in CURRENCIES_WITHOUT_DECIMALS:
            return max(1, round(amount / 10)) * 10 * HUNDREDTHS
        return max(1, round(amount)) * HUNDREDTHS - 1


def draw_products(seed: int, count: int) -> list[Product]:
    """The first `count` products of a seed; a longer list begins with the shorter one.

    Every 31st product (and always the second) is a standout: its rate is two and a half times that of its like and one
    reason dominates. Every 25th has an all-digit ISBN with a leading zero for an ASIN, which must stay text.
    """
    found = tables()
    names = tuple(found["categories"])
    products = []
    for index in range(count):
        rng = generator(seed, "product", index)
        category = names[(index * 7 + int(rng.integers(0, 3))) % len(names)]
        facts = found["categories"][category]
        is_bad = index % 31 == 1
        factor = float(np.clip(rng.lognormal(-0.06, 0.35), 0.45, 1.9))
        weights = dict(facts["why"])
        if is_bad:
            dominant = max(weights, key=lambda name: (weights[name], name)) if rng.random() < 0.5 else list(weights)[1]
            weights[dominant] += 2 * sum(weights.values())
            factor = 2.5
        total = sum(weights.values())
        cumulative = tuple(float(x) for x in np.cumsum([weight / total for weight in weights.values()]))
        kind = rng.random()
        colour = found["colours"][int(rng.integers(0, len(found["colours"])))]
        brand = found["brands"][int(rng.integers(0, len(found["brands"])))]
        is_isbn = index % 25 == 7
        products.append(
            Product(
                index=index,
                asin=f"0{rng.integers(10**8, 10**9)}" if is_isbn else f"B0{letters(rng, 5)}{_base34(index)}",
                fnsku=f"X00{letters(rng, 4)}{_base34(index)}",
                category=facts["title"],
                names=facts["items"][int(rng.integers(0, len(facts["items"])))],
                brand=brand,
                colour=colour,
                price_usd=float(facts["price"] * np.clip(rng.lognormal(0, 0.35), 0.4, 2.5)),
                weight=float(np.clip(rng.lognormal(-0.4, 0.9), 0.08, 8.0)),
                rate=min(0.55, facts["rate"] * factor),
                is_bad=is_bad,
                why=tuple(weights),
                why_cumulative=cumulative,
                stars=float(3.4 if is_bad else rng.uniform(4.0, 4.7)),
                channels=("FBA", "FBM") if kind < 0.12 else ("FBM",) if kind < 0.36 else ("FBA",),
                base_sku=f"{index + 417:05d}"
                if index % 17 == 5
                else f"{brand[:3].upper()}-{index:04d}-{colour[:3].upper()}",
            )
        )
    return products


def _base34(number: int) -> str:
    """Three places that keep ASINs of one seed apart."""
    base = len(_LETTERS)
    return "".join(str(_LETTERS[number // base**place % base]) for place in (2, 1, 0))
