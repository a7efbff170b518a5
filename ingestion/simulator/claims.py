"""What the dispute desk must list for a simulated world, computed from its facts in plain Python.

Belongs here: clocks, claim windows and which facts make a case, once more and independently of the models. Does not
belong: what is known of the facts (`truth.py`), next steps and evidence.

Figures are those of docs/metrics.md: an answer within 48 hours, a refund within two business days of receipt, 30 days
to appeal an A-to-z decision, SAFE-T 60 days from the later of delivery and refund and 30 from 16 February 2026, FBA
refunds without a unit from day 60 to day 120. The last two are known for the United States only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from data_contracts import reference
from ingestion.simulator.catalogue import HUNDREDTHS, class_of_code
from ingestion.simulator.facts import Charge, MfnReturn, MfnState, OrderLine, Refund

if TYPE_CHECKING:
    from ingestion.simulator.truth import Knowledge, KnownReturn

_ANSWER_DAYS = 2
_APPEAL_DAYS = 30
_FBA_FROM, _FBA_TO = 60, 120
_SAFET_CHANGED = date(2026, 2, 16)
_PROCESSING_DAYS = 15

Item = tuple[str, str, str]
Cases = Iterator[tuple[Item, str, date, date | None, str, Decimal | None]]


def _later(day: date, days: int) -> date:
    return day + timedelta(days=days)


def _money(hundredths: float) -> Decimal:
    return Decimal(round(hundredths)) / HUNDREDTHS


def _price(row: KnownReturn) -> Decimal | None:
    """What the returned units cost, to the hundredth; None while their order is not known yet."""
    if row.order is None:
        return None
    return _money(row.order.line.price * row.units / row.order.line.quantity)


def _business_days_later(day: date, days: int) -> date:
    """Monday to Friday."""
    while days:
        day = _later(day, 1)
        days -= day.isoweekday() <= 5
    return day


def _safet_due(marketplace: str, opened: date) -> date | None:
    if marketplace != "US":
        return None
    return _later(opened, 60 if opened < _SAFET_CHANGED else 30)


@dataclass(frozen=True, slots=True)
class _Refunded:
    """What buyers got back for one item of an order, as settlements post it."""

    marketplace: str
    channel: str
    currency: str
    days: tuple[date, ...]
    a_to_z_days: tuple[date, ...]
    amount: int
    units: int
    unit_price: int
    is_reported_only: bool = False

    @property
    def is_full(self) -> bool:
        """Whether the unit was to come back for it: at least 80 % of its price."""
        return self.unit_price == 0 or self.amount * 10 >= self.unit_price * 8


class Claims:
    """Every case that stands on the as-of day of what is known.

    reported: hundredths that the reimbursements report tells of, where it was delivered. It tells of the same payments
    as the settlements, each with its own delay, so the larger sum is what is known.
    """

    def __init__(self, known: Knowledge, reported: Mapping[Item, int] | None = None) -> None:
        self.known, self.as_of = known, known.as_of
        self.reported = reported or {}
        self.fault = {row["reason_class"]: row["fault"] for row in reference.read("reason_classes")}

    @cached_property
    def refunded(self) -> dict[Item, _Refunded]:
        """Settled refunds by store, order and ASIN; a request's own word where no settlement knows one."""
        posted: dict[Item, list[tuple[date, Refund]]] = defaultdict(list)
        for store in self.known.world.stores:
            for at, what in self.known.posted(store):
                if isinstance(what, Refund):
                    assert what.line.marketplace is not None  # noqa: S101
                    day = self.known.world.day(store, what.line.marketplace, at)
                    if day <= self.as_of:
                        posted[store, what.line.order_id, what.line.product.asin].append((day, what))
        found = {}
        for item, refunds in posted.items():
            line = refunds[0][1].line
            found[item] = _Refunded(
                line.marketplace or "",
                line.channel,
                line.currency,
                tuple(sorted(day for day, _ in refunds)),
                tuple(sorted(day for day, refund in refunds if refund.kind.startswith("A-to-z"))),
                sum(refund.amount for _, refund in refunds),
                sum(refund.units for _, refund in refunds),
                line.price // line.quantity,
            )
        for row, _ in self.requests:
            item = row.store, row.order_id, row.asin
            if row.reported_refund and item not in found:
                found[item] = _Refunded(
                    row.marketplace, "FBM", "", (row.day,), (), row.reported_refund, row.units, 0, is_reported_only=True
                )
        return found

    @cached_property
    def requests(self) -> list[tuple[KnownReturn, MfnState]]:
        """Known seller-fulfilled requests with the state that the newest report shows."""
        states = {
            id(request): state for store in self.known.world.stores for request, state in self.known._mfn_states(store)
        }
        return [
            (row, states[id(row.unit)])
            for row in self.known.returns
            if row.channel == "FBM" and not row.is_multi_channel
        ]

    def of(self, row: KnownReturn, channel: str = "FBM") -> _Refunded | None:
        """The refund of a return's item, when it was made through that channel."""
        found = self.refunded.get((row.store, row.order_id, row.asin))
        return found if found is not None and found.channel == channel else None

    def all(self) -> list[dict[str, Any]]:
        """Rows of store, marketplace, kind, order_id, asin, opened_on, due_on, state, amount; a request is one row."""
        found: list[dict[str, Any]] = []
        for kind, cases, ends in (
            ("return_request_unanswered", self.unanswered(), False),
            ("refund_due", self.refunds_due(), False),
            ("a_to_z", self.a_to_z(), True),
            ("safet_claim", self.safet(), True),
            ("fba_refund_without_return", self.fba_refunds(), True),
            ("refund_without_return", self.fbm_refunds(), True),
            ("return_without_refund", self.unrefunded(), False),
        ):
            for (store, order_id, asin), marketplace, opened, due, state, amount in cases:
                if opened <= self.as_of and not (ends and due is not None and due < self.as_of):
                    is_late = state == "open" and due is not None and due < self.as_of
                    found.append({
                        "store": store, "marketplace": marketplace, "kind": kind, "order_id": order_id, "asin": asin,
                        "opened_on": opened, "due_on": due, "state": "overdue" if is_late else state,
                        "amount": amount,
                    })  # fmt: skip
        return found

    def _waits_for_money(self, row: KnownReturn) -> bool:
        return self.of(row) is None and not row.reported_refund

    def unanswered(self) -> Cases:
        """Requests that nobody answered."""
        for row, state in self.requests:
            if state.status == "Pending" and self._waits_for_money(row):
                item = row.store, row.order_id, row.asin
                yield item, row.marketplace, row.day, _later(row.day, _ANSWER_DAYS), "open", _price(row)

    def refunds_due(self) -> Cases:
        """Parcels that arrived and for which the buyer has no money yet."""
        for row, state in self.requests:
            assert isinstance(row.unit, MfnReturn)  # noqa: S101
            arrived = state.delivered_on
            if arrived is None or arrived > self.as_of or state.status != "Approved":
                continue
            if row.unit.resolution in ("StandardRefund", "RefundAtFirstScan") and self._waits_for_money(row):
                item = row.store, row.order_id, row.asin
                yield item, row.marketplace, arrived, _business_days_later(arrived, 2), "open", _price(row)

    def a_to_z(self) -> Cases:
        """Claims that Amazon granted, and requests that are marked with one that no refund names yet."""
        granted = set()
        for item, refund in self.refunded.items():
            if refund.a_to_z_days and refund.channel == "FBM":
                granted.add(item[:2])
                opened = refund.a_to_z_days[-1]
                yield item, refund.marketplace, opened, _later(opened, _APPEAL_DAYS), "open", _money(refund.amount)
        for row, _ in self.requests:
            assert isinstance(row.unit, MfnReturn)  # noqa: S101
            if row.unit.a_to_z and (row.store, row.order_id) not in granted:
                item = row.store, row.order_id, row.asin
                known = self.of(row)
                amount = _money(known.amount) if known else _price(row)
                yield item, row.marketplace, row.day, _later(row.day, _APPEAL_DAYS), "open", amount

    def safet(self) -> Cases:
        """Filed claims that are undecided; units refunded at first scan that came back, not by the seller's fault."""
        for row, state in self.requests:
            unit = row.unit
            assert isinstance(unit, MfnReturn)  # noqa: S101
            item = row.store, row.order_id, row.asin
            refund = self.of(row)
            if state.safet_state:
                if state.safet_paid is None:
                    assert unit.safet_at is not None  # noqa: S101
                    amount = _money(refund.amount) if refund else None
                    yield item, row.marketplace, unit.safet_at.date(), None, "filed", amount
                continue
            is_claimed = unit.a_to_z or (refund is not None and bool(refund.a_to_z_days))
            if (
                unit.resolution != "RefundAtFirstScan" or state.status == "Rejected" or is_claimed
                or refund is None or state.delivered_on is None
                or self.fault[class_of_code()[row.code]] not in ("buyer", "amazon_or_carrier", "unknown")
            ):  # fmt: skip
                continue
            opened = max(state.delivered_on, refund.days[0])
            due = _safet_due(row.marketplace, opened)
            if due is not None:
                yield item, row.marketplace, opened, due, "open", _money(refund.amount)

    @cached_property
    def units_back(self) -> dict[Item, int]:
        """Units of an order that fulfilment centres have."""
        found: dict[Item, int] = defaultdict(int)
        for row in self.known.returns:
            if row.channel == "FBA":
                found[row.store, row.order_id, row.asin] += row.units
        return found

    @cached_property
    def paid(self) -> dict[Item, int]:
        """What Amazon reimbursed for units that never came back."""
        found: dict[Item, int] = defaultdict(int)
        asins = {
            (line.order_id, line.sku): line.product.asin
            for facts in self.known.world.facts.values()
            for line in facts.lines
        }
        for store in self.known.world.stores:
            for at, what in self.known.posted(store):
                if (
                    isinstance(what, Charge) and what.description == "REVERSAL_REIMBURSEMENT"
                    and self.known.world.day(store, what.marketplace, at) <= self.as_of
                ):  # fmt: skip
                    found[store, what.order_id, asins[what.order_id, what.sku]] += what.amount
        return {item: max(found.get(item, 0), self.reported.get(item, 0)) for item in {*found, *self.reported}}

    def fba_refunds(self) -> Cases:
        """FBA refunds of more units than came back, less what was reimbursed."""
        for item, refund in self.refunded.items():
            if refund.channel != "FBA" or refund.marketplace != "US" or not refund.is_full:
                continue
            missing = refund.units - self.units_back.get(item, 0)
            if missing > 0 and refund.amount * missing > self.paid.get(item, 0) * refund.units:
                due = _later(refund.days[0], _FBA_TO)
                open_amount = _money(refund.amount * missing / refund.units - self.paid.get(item, 0))
                yield item, refund.marketplace, min(_later(refund.days[-1], _FBA_FROM), due), due, "open", open_amount

    def fbm_refunds(self) -> Cases:
        """Seller-fulfilled refunds for which no parcel came and no request says that none was to come."""
        settled = set()
        for row, state in self.requests:
            assert isinstance(row.unit, MfnReturn)  # noqa: S101
            is_returnless = row.unit.resolution in ("ReturnlessRefund", "Replacement") or state.status == "Rejected"
            if state.delivered_on is not None or is_returnless or state.safet_state:
                settled.add((row.store, row.order_id, row.asin))
        for item, refund in self.refunded.items():
            if (
                refund.channel == "FBM" and not refund.is_reported_only and not refund.a_to_z_days and refund.is_full
                and item not in settled and _later(refund.days[0], _PROCESSING_DAYS) <= self.as_of
            ):  # fmt: skip
                due = _safet_due(refund.marketplace, refund.days[0])
                if due is not None:
                    yield item, refund.marketplace, refund.days[0], due, "open", _money(refund.amount)

    def unrefunded(self) -> Cases:
        """FBA units back within 90 days whose refund the settlements would show by now."""
        reach: dict[str, tuple[date, date]] = {}
        for store in self.known.world.stores:
            days = [
                self.known.world.day(store, place, at)
                for at, place in (
                    (at, what.marketplace if isinstance(what, OrderLine | Charge) else what.line.marketplace)
                    for at, what in self.known.posted(store)
                )
            ]
            days = [day for day in days if day <= self.as_of]
            if days:
                reach[store] = min(days), max(days)
        seen = set()
        for row in self.known.returns:
            item = row.store, row.order_id, row.asin
            if (
                row.channel != "FBA" or row.order is None or row.is_multi_channel or row.is_replacement
                or row.store not in reach or item in self.refunded
            ):  # fmt: skip
                continue
            first, last = reach[row.store]
            is_shown = row.order.day >= first and _later(row.day, 30) <= last
            if is_shown and _later(row.day, 90) > self.as_of and item not in seen:
                seen.add(item)
                units = [
                    other
                    for other in self.known.returns
                    if (other.store, other.order_id, other.asin) == item
                    and _later(other.day, 30) <= last
                    and _later(other.day, 90) > self.as_of
                ]
                amount = sum((price for unit in units if (price := _price(unit)) is not None), Decimal(0))
                yield item, row.marketplace, min(unit.day for unit in units), None, "open", amount
