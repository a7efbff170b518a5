"""Marketplaces: id, region, currency, report-day time zone, sales channel and fallback charset.

Belongs here: looking one up. Does not belong: the table itself (`reference/marketplaces.csv`; ids from Amazon's
developer documentation, time zones and currencies from the marketplace itself) and which of them a store sells in.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from data_contracts import reference

UNATTRIBUTED = "unattributed"


@dataclass(frozen=True)
class Marketplace:
    """One marketplace; `charset` is what its reports fall back to when they are not UTF-8.

    short_date: order of month (m), day (d) and year (y) where it writes a date in figures with a year of two digits.
    """

    marketplace: str
    marketplace_id: str
    region: str
    currency: str
    time_zone: str
    language: str
    sales_channel: str
    charset: str
    short_date: str


@cache
def all_marketplaces() -> dict[str, Marketplace]:
    """Marketplaces by country code."""
    return {row["marketplace"]: Marketplace(**row) for row in reference.read("marketplaces")}


@cache
def get_marketplace(code: str) -> Marketplace:
    """Marketplace by country code (`GB` is `UK`) or Amazon id; KeyError naming the known codes."""
    known = all_marketplaces()
    wanted = code.strip()
    by_id = {m.marketplace_id: m for m in known.values()}
    found = known.get({"GB": "UK"}.get(wanted.upper(), wanted.upper())) or by_id.get(wanted)
    if found is None:
        raise KeyError(f"no marketplace {code!r}; known: {', '.join(known)}")
    return found
