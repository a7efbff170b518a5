"""The dispute desk of a simulated world: every claim is found, none is invented, none appears when it is nearly lost.

The world's reimbursements and seller feedback come beside the nightly reports, so the facts of both and account health
are compared here, too.

Does not belong here: hand-computed clocks (the unit tests beside the mart), decisions of people (tests/integration).
"""

from __future__ import annotations

import gzip
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from data_contracts.settings import Settings
from ingestion.lake import Lake, open_lake
from ingestion.simulator import PlannedPull, World, nightly_deliveries, schedule
from ingestion.simulator.account import (
    RATERS,
    account_deliveries,
    account_schedule,
    known_account_health,
    known_feedback,
    known_reimbursements,
)
from ingestion.simulator.claims import Claims, Item
from ingestion.simulator.truth import Knowledge
from tests.golden.nights import Night, rebuild, settings_of, take_in
from tests.golden.worlds import world

DESK = ("+mart_dispute_desk", "+mart_account_health")
CASE = ("kind", "store", "marketplace", "order_id", "asin", "opened_on", "due_on", "state")
KINDS = {
    "return_request_unanswered",
    "refund_due",
    "a_to_z",
    "safet_claim",
    "fba_refund_without_return",
    "refund_without_return",
    "return_without_refund",
}


DUTIES = {"return_request_unanswered", "refund_due"}


class Desk:
    """A world's deliveries in a lake, and the desk of any night."""

    def __init__(self, found: World, folder: Path) -> None:
        self.world, self.folder = found, folder
        self.settings: Settings = settings_of(found, folder)
        self.lake: Lake = open_lake(self.settings.lake, cache=folder / "cache")
        take_in(self.lake, self.settings, nightly_deliveries(found))
        take_in(self.lake, self.settings, account_deliveries(found))

    def night(self, as_of: date) -> Night:
        return rebuild(
            self.world,
            self.settings,
            self.lake,
            self.folder,
            self.folder / "dbt",
            as_of=as_of,
            known_by=self.known_by(as_of),
            select=DESK,
        )

    def known_by(self, as_of: date) -> datetime:
        return datetime.combine(as_of + timedelta(days=1), time(10), tzinfo=UTC)

    def known(self, as_of: date) -> Knowledge:
        return Knowledge(self.world, [pull for pull in schedule(self.world) if pull.at <= self.known_by(as_of)], as_of)

    def account_pulls(self, as_of: date) -> list[PlannedPull]:
        return [pull for pull in account_schedule(self.world) if pull.at <= self.known_by(as_of)]

    def reported(self, known: Knowledge) -> dict[Item, int]:
        """Hundredths that the reimbursements report tells of, by store, order and ASIN."""
        found: Counter[Item] = Counter()
        for row in known_reimbursements(known, self.account_pulls(known.as_of)):
            if row["order_id"]:
                found[row["store"], row["order_id"], row["asin"]] += round(row["amount"] * 100)
        return dict(found)

    def truth(self, as_of: date) -> list[dict[str, Any]]:
        known = self.known(as_of)
        return Claims(known, self.reported(known)).all()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(world("claims"), tmp_path_factory.mktemp("desk"))


def counted(cases: list[dict[str, Any]]) -> Counter[tuple[Any, ...]]:
    """How often each case stands, its amount to the cent; None where the price is not known yet."""
    return Counter(
        (*(case[name] for name in CASE), None if case["amount"] is None else round(case["amount"], 2)) for case in cases
    )


@pytest.fixture(scope="module")
def last_night(desk: Desk) -> Night:
    return desk.night(desk.world.end)


def test_every_claim_is_found_and_none_is_invented(desk: Desk, last_night: Night) -> None:
    listed, true = (
        counted(cases)
        for cases in (last_night.rows("select * from marts.mart_dispute_desk"), desk.truth(desk.world.end))
    )
    assert (sorted(true - listed, key=str), sorted(listed - true, key=str)) == ([], [])
    assert {key[0] for key in true} == KINDS


def test_the_desk_of_a_past_night_is_that_of_what_was_known_then(desk: Desk) -> None:
    as_of = desk.world.end - timedelta(days=30)  # some claim windows of 60 days are still open
    listed, true = counted(desk.night(as_of).rows("select * from marts.mart_dispute_desk")), counted(desk.truth(as_of))
    assert (sorted(true - listed, key=str), sorted(listed - true, key=str)) == ([], [])
    assert sum(true.values()) > 20


def test_units_that_really_never_came_back_are_claimed_and_doubtful_ones_say_so(desk: Desk, last_night: Night) -> None:
    """Not by the rules of what can be known, but by what happened: every refund of a unit that the buyer kept."""
    found, as_of = desk.world, desk.world.end
    facts = found.facts["us"]
    days = {id(refund): found.day("us", refund.line.marketplace, refund.posted_at) for refund in facts.refunds}
    kept = {
        refund.line.order_id: refund.amount
        for refund in facts.refunds
        if not refund.is_returned and refund.line.channel == "FBA" and refund.line.marketplace == "US"
        and refund.goods * refund.line.quantity >= 0.8 * refund.line.price
        and 60 <= (as_of - days[id(refund)]).days <= 120
    }  # fmt: skip
    for charge in facts.charges:
        approved_at = charge.posted_at - timedelta(days=2)  # at the earliest; the report of it may be the first to tell
        if charge.order_id in kept and found.day("us", charge.marketplace, approved_at) <= as_of:
            kept[charge.order_id] -= charge.amount if charge.description == "REVERSAL_REIMBURSEMENT" else 0
    rows = last_night.rows(
        "select order_id, asin, evidence from marts.mart_dispute_desk where kind = 'fba_refund_without_return'"
    )
    listed = {row["order_id"]: row["evidence"] for row in rows}
    assert {order for order, open_amount in kept.items() if open_amount > 0} - set(listed) == set()
    shown = {id(unit) for unit, _, _ in Knowledge(found, schedule(found), as_of).fba_sightings("us")}
    doubtful = [order for order in listed if order not in kept]
    for order in doubtful:  # the unit is back, but no report says that it is this one
        assert "compare first" in listed[order] or not any(
            unit.order_id == order and id(unit) in shown for unit in facts.fba_returns
        )
    assert any("compare first" in listed[order] for order in doubtful)


def test_no_claim_appears_first_in_its_last_two_weeks(desk: Desk) -> None:
    """Duties of two days aside, a seller has two weeks from the morning on which a claim is listed."""
    pulls, nights = schedule(desk.world), 22
    seen: set[tuple[Any, ...]] = set()
    short: list[tuple[Any, ...]] = []
    fresh = Counter[str]()
    for back in range(nights, -1, -1):
        as_of = desk.world.end - timedelta(days=back)
        known = Knowledge(desk.world, [pull for pull in pulls if pull.at <= desk.known_by(as_of)], as_of)
        for case in Claims(known).all():
            key = case["kind"], case["order_id"], case["asin"]
            if back < nights and key not in seen and case["due_on"] and case["kind"] not in DUTIES:
                fresh[case["kind"]] += 1
                if (case["due_on"] - as_of).days < 14:
                    short.append((*key, case["due_on"], as_of))
            seen.add(key)
    assert short == []
    assert fresh.keys() == KINDS - DUTIES - {"return_without_refund"}


def test_reimbursements_are_known_from_both_reports(desk: Desk, last_night: Night) -> None:
    known = desk.known(desk.world.end)
    names = (
        "store", "order_id", "asin", "sku", "reimbursement_id", "reason", "approval_date", "amount", "currency",
        "is_reversal",
    )  # fmt: skip
    true = Counter(
        tuple(row[name] for name in names) for row in known_reimbursements(known, desk.account_pulls(desk.world.end))
    )
    rows = last_night.rows("select * replace (coalesce(order_id, '') as order_id) from marts.fct_reimbursements")
    assert Counter(tuple(row[name] for name in names) for row in rows) == true
    numbers = Counter(key[4] for key in true.elements())
    assert max(numbers.values()) == 2 and any(key[9] for key in true) and any(not key[1] for key in true)
    nights = {back: desk.known(desk.world.end - timedelta(days=back)) for back in (30, 13)}
    reported = {back: desk.reported(night) for back, night in nights.items()}
    settled = {back: Claims(night).paid for back, night in nights.items()}
    # either report may be the first to tell of a payment
    assert any(amount > settled[30].get(item, 0) for item, amount in reported[30].items())
    assert any(amount > reported[13].get(item, 0) for item, amount in settled[13].items())


def test_feedback_and_what_it_makes_of_the_account(desk: Desk, last_night: Night) -> None:
    known = desk.known(desk.world.end)
    true = known_feedback(known, desk.account_pulls(desk.world.end))
    names = ("store", "order_id", "feedback_date", "rating", "is_listed")
    rows = last_night.rows("select * from marts.fct_seller_feedback")
    assert Counter(tuple(row[name] for name in names) for row in rows) == Counter(
        tuple(row[name] for name in names) for row in true
    )
    assert {row["rating"] for row in true} == {1, 2, 3} and {row["is_listed"] for row in true} == {True, False}
    for days in (30, 365):
        marts = last_night.rows("select * from marts.mart_account_health where window_days = ?", [days])
        health = known_account_health(known, true, days)
        shown = {
            (row["store"], row["marketplace"]): {
                name: row[name] for name in ("orders", "orders_rated_negative", "orders_defective")
            }
            for row in marts
            if row["orders"]
        }
        assert shown == health
        assert all(row["unknown_parts"] == "" for row in marts)
        assert any(0 < cell["orders_rated_negative"] < cell["orders_defective"] for cell in health.values())
    landed = [
        path.read_bytes() for path in (desk.folder / "home" / "lake" / "landing" / "seller_feedback").rglob("*.*")
    ]
    texts = [gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content for content in landed]
    assert b"Your Response" in b"".join(texts) and RATERS.encode() not in b"".join(texts)
