"""Small simulated worlds that golden tests share. Belongs here: which worlds; not what is asserted of them.

Strange cases are many times as frequent as in life, so that each occurs although the worlds are small.
"""

from __future__ import annotations

from datetime import date
from functools import cache

from ingestion.simulator import SimStore, World

AMERICA = {"us": SimStore("na", ("US", "CA"))}
EUROPE_AND_ASIA = {
    "eu": SimStore("eu", ("DE", "UK", "FR")),
    "jp": SimStore("fe", ("JP",)),
    "au": SimStore("fe", ("AU",)),
}
EVERYWHERE = {**AMERICA, **EUROPE_AND_ASIA, "cn": SimStore("na", ("US",))}


@cache
def world(name: str) -> World:
    """A shared world; nothing may change it."""
    if name == "america":  # clocks go back on 1 November
        return World(11, 12, date(2026, 11, 8), asins=9, stores=AMERICA, scale=2.0, oddities=8.0, history_days=24)
    if name == "abroad":
        return World(23, 8, date(2026, 4, 2), asins=8, stores=EUROPE_AND_ASIA, scale=2.0, oddities=8.0, history_days=28)
    if name == "season":  # January: the holiday season's returns come in, look-back of 90 days
        return World(37, 6, date(2026, 1, 20), asins=6, stores=AMERICA, scale=1.5, oddities=6.0, history_days=80)
    if name == "everywhere":
        return World(5, 9, date(2026, 6, 14), asins=26, stores=EVERYWHERE, oddities=6.0, history_days=40)
    if name == "claims":  # refunds old enough to claim, and SAFE-T windows from both sides of 16 February 2026
        return World(41, 40, date(2026, 4, 12), asins=8, stores=AMERICA, scale=2.0, oddities=5.0, history_days=120)
    raise KeyError(name)
