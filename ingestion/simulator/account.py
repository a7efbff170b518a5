"""Two more reports of a simulated world: FBA reimbursements and seller feedback, and what they must come to.

Belongs here: what Amazon paid and what buyers said of the seller, drawn from chances of their own so that no other
report changes by a byte; their formats; when they are asked for; their truth. Does not belong: which case a payment
settles (`claims.py`). Deliveries are handed in beside those of `schedule.py`, once a week.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from data_contracts.marketplaces import get_marketplace
from ingestion.connectors import Window
from ingestion.simulator.catalogue import Product, chance
from ingestion.simulator.facts import OrderLine
from ingestion.simulator.reports import charset_of, money
from ingestion.simulator.schedule import PlannedPull, SimDelivery
from ingestion.simulator.truth import Knowledge, amount
from ingestion.simulator.world import World

#: feeds with their report types and headers, as published
FEEDS = {
    "reimbursements": "GET_FBA_REIMBURSEMENTS_DATA",
    "seller_feedback": "GET_SELLER_FEEDBACK_DATA",
}
REIMBURSEMENTS_HEADER = (
    "approval-date", "reimbursement-id", "case-id", "amazon-order-id", "reason", "sku", "fnsku", "asin", "product-name",
    "condition", "currency-unit", "amount-per-unit", "amount-total", "quantity-reimbursed-cash",
    "quantity-reimbursed-inventory", "quantity-reimbursed-total", "original-reimbursement-id",
    "original-reimbursement-type",
)  # fmt: skip
FEEDBACK_HEADER = ("Date", "Rating", "Comments", "Your Response", "Order ID", "Rater Email")
#: how a date of feedback is written; everywhere else day, month and year with slashes
_FEEDBACK_DATES = {"US": "%m/%d/%y", "DE": "%d.%m.%y", "SE": "%Y-%m-%d", "JP": "%y/%m/%d"}
_ELSEWHERE = "%d/%m/%y"
#: longest request and look-back of both feeds, in days
_DAYS = 60
#: a raters' domain that nobody can have
RATERS = "rater.example"
_WORDS = ("Took three weeks.", "No answer to my messages.", "Box was open.", "It was fine, but late.", "")
_ANSWER = "We are sorry and have written to you."


@dataclass(frozen=True, slots=True)
class Reimbursement:
    """A row of the reimbursements report. amount: hundredths, negative where Amazon takes an earlier one back."""

    store: str
    marketplace: str
    approved_at: datetime
    shown_at: datetime
    reimbursement_id: str
    order_id: str
    reason: str
    sku: str
    product: Product
    amount: int
    original_id: str = ""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a buyer said of the seller. struck_at: when Amazon takes it off the report, if ever."""

    line: OrderLine
    left_at: datetime
    day: date
    rating: int
    comment: str
    answered_at: datetime | None
    struck_at: datetime | None

    def is_listed(self, at: datetime) -> bool:
        """Whether the report shows it at an instant."""
        return self.left_at <= at and (self.struck_at is None or at < self.struck_at)


def reimbursements(world: World, store: str) -> list[Reimbursement]:
    """Payments for units that buyers kept, those of settlements but approved up to two days before, and for lost stock.

    One in five is two rows of one reimbursement; one in three payments for stock is taken back.
    """
    facts = world.facts[store]
    sold = {(line.order_id, line.sku): line.product for line in facts.lines}
    found = []
    for charge in facts.charges:
        if charge.description != "REVERSAL_REIMBURSEMENT":
            continue
        key = (world.seed, store, charge.order_id, charge.sku, charge.posted_at.isoformat())
        approved = charge.posted_at - timedelta(hours=int(chance("approved", *key) * 48))
        shown = approved + timedelta(hours=int(chance("shown", *key) * 115))
        number = f"{int(chance('reimbursement', *key) * 10**11):011d}"
        parts = [charge.amount]
        if chance("rows", *key) < 0.2:
            parts = [charge.amount // 2, charge.amount - charge.amount // 2]
        found += [
            Reimbursement(store, charge.marketplace, approved, shown, number, charge.order_id, "CustomerReturn",
                          charge.sku, sold[charge.order_id, charge.sku], part)
            for part in parts
        ]  # fmt: skip
    stocked = [product for product in world.products if "FBA" in product.channels]
    home = world.home(store)
    day = world.first_known
    while stocked and day <= world.end:
        drawn = (world.seed, store, day.toordinal())
        if chance("lost", *drawn) < min(0.5, 0.02 * world.oddities):
            product = stocked[int(chance("lost item", *drawn) * len(stocked))]
            approved = datetime.combine(day, time(int(chance("lost hour", *drawn) * 24)), tzinfo=UTC)
            number = f"{int(chance('lost number', *drawn) * 10**11):011d}"
            shown = approved + timedelta(hours=20)
            paid = Reimbursement(store, home.marketplace, approved, shown, number, "", "Lost_Warehouse",
                                 product.sku("FBA"), product, product.price(home.currency))  # fmt: skip
            found.append(paid)
            if chance("found again", *drawn) < 0.33:
                later = approved + timedelta(days=6)
                found.append(
                    Reimbursement(store, home.marketplace, later, later + timedelta(hours=20), f"{number}1", "",
                                  "Reimbursement_Reversal", paid.sku, product, -paid.amount, number)
                )  # fmt: skip
        day += timedelta(days=1)
    return found


def feedback(world: World, store: str) -> list[Feedback]:
    """One to three stars of some orders, left 3 to 60 days after the purchase; some are answered, some struck out."""
    found = []
    seen = set()
    for line in world.facts[store].lines:
        if line.order_id in seen or line.marketplace is None or line.shipped_at is None or line.is_replacement:
            continue
        seen.add(line.order_id)
        key = (world.seed, store, line.order_id)
        if chance("feedback", *key) >= min(0.5, 0.01 * world.oddities):
            continue
        left_at = line.purchase_at + timedelta(days=3, minutes=int(chance("left", *key) * 57 * 24 * 60))
        answered = left_at + timedelta(days=2) if chance("answered", *key) < 0.3 else None
        struck = left_at + timedelta(days=1 + int(chance("struck on", *key) * 30))
        found.append(
            Feedback(
                line,
                left_at,
                world.day(store, line.marketplace, left_at),
                1 + int(chance("stars", *key) * 3),
                _WORDS[int(chance("words", *key) * len(_WORDS))],
                answered,
                struck if chance("struck", *key) < 0.2 else None,
            )
        )
    return found


def account_schedule(world: World) -> list[PlannedPull]:
    """Requests for both feeds, oldest first: all of the past at first, 60 days each Tuesday and at the end."""
    found = []
    for number in range(world.days):
        night = world.first_night + timedelta(days=number)
        if number and night.weekday() != 1 and night != world.end:
            continue
        at = datetime.combine(night + timedelta(days=1), time(6, 30), tzinfo=UTC)
        first = world.first_known if not number else night - timedelta(days=_DAYS - 1)
        while first <= night:
            window = Window(first, min(night, first + timedelta(days=_DAYS - 1)))
            for store in world.stores:
                for feed, report_type in FEEDS.items():
                    found.append(PlannedPull(feed, store, window, at, report_type))
                    at += timedelta(minutes=1)
            first = window.last + timedelta(days=1)
    return found


def account_deliveries(world: World) -> Iterator[SimDelivery]:
    """What those requests bring."""
    for pull in account_schedule(world):
        assert pull.window is not None  # noqa: S101
        header, rows = _report(world, pull.feed, pull.store, pull.window, pull.at)
        text = "".join("\t".join(row) + "\r\n" for row in (header, *rows))
        name = (
            f"{pull.feed}_{pull.store}_{pull.window.first:%Y%m%d}-{pull.window.last:%Y%m%d}_{pull.at:%Y%m%dT%H%M}.tsv"
        )
        content = text.encode(charset_of(world, pull.store, pull.feed), "replace")
        yield SimDelivery(
            pull.feed, pull.store, pull.window, pull.at, "document", content, name, pull.report_type, None, len(rows)
        )


def _report(
    world: World, feed: str, store: str, window: Window, at: datetime
) -> tuple[Sequence[str], list[Sequence[str]]]:
    """Header and rows that the source shows at an instant, by the days of the request's clock (UTC)."""
    if feed == "reimbursements":
        return REIMBURSEMENTS_HEADER, [
            _reimbursement_row(world, store, row) for row in _shown(world, store, window, at)
        ]
    style = _FEEDBACK_DATES.get(world.home(store).marketplace, _ELSEWHERE)
    return FEEDBACK_HEADER, [
        (
            f"{said.day:{style}}", str(said.rating), said.comment,
            _ANSWER if said.answered_at and said.answered_at <= at else "", said.line.order_id,
            f"{said.line.order_id}@{RATERS}",
        )
        for said in feedback(world, store)
        if window.first <= said.left_at.date() <= window.last and said.is_listed(at)
    ]  # fmt: skip


def _shown(world: World, store: str, window: Window, at: datetime) -> list[Reimbursement]:
    return [
        row
        for row in reimbursements(world, store)
        if row.shown_at <= at and window.first <= row.approved_at.date() <= window.last
    ]


def _reimbursement_row(world: World, store: str, row: Reimbursement) -> Sequence[str]:
    currency = get_marketplace(row.marketplace).currency
    paid = money(row.amount, currency)
    units = "-1" if row.amount < 0 else "1"
    return (
        row.approved_at.isoformat(timespec="seconds"), row.reimbursement_id, "", row.order_id, row.reason, row.sku,
        row.product.fnsku, row.product.asin, row.product.title(world.home(store).language[:2]), "NewItem", currency,
        paid, paid, units, "0", units, row.original_id, "Lost_Warehouse" if row.original_id else "",
    )  # fmt: skip


# -- the truth -------------------------------------------------------------------------------------------------------


def known_reimbursements(known: Knowledge, pulls: Sequence[PlannedPull]) -> list[dict[str, Any]]:
    """Rows that the pulls showed, up to the as-of day."""
    found = []
    for store in known.world.stores:
        own = [pull for pull in pulls if pull.feed == "reimbursements" and pull.store == store]
        for row in reimbursements(known.world, store):
            day = known.world.day(store, row.marketplace, row.approved_at)
            if day <= known.as_of and any(
                pull.window is not None
                and pull.window.first <= row.approved_at.date() <= pull.window.last
                and row.shown_at <= pull.at
                for pull in own
            ):
                found.append({
                    "store": store, "order_id": row.order_id, "asin": row.product.asin, "sku": row.sku,
                    "reimbursement_id": row.reimbursement_id, "reason": row.reason, "approval_date": day,
                    "amount": amount(row.amount), "currency": get_marketplace(row.marketplace).currency,
                    "is_reversal": row.amount < 0,
                })  # fmt: skip
    return found


def known_feedback(known: Knowledge, pulls: Sequence[PlannedPull]) -> list[dict[str, Any]]:
    """Feedback that a pull listed, up to the as-of day, and whether a newer report that must list it still does.

    One that covers the day with a day on either side must: it has local days and is asked for in UTC.
    """
    found = []
    for store in known.world.stores:
        own = [pull for pull in pulls if pull.feed == "seller_feedback" and pull.store == store]
        for said in feedback(known.world, store):
            asked = [
                pull.at
                for pull in own
                if pull.window is not None and pull.window.first <= said.left_at.date() <= pull.window.last
            ]
            listed = [at for at in asked if said.is_listed(at)]
            if said.day > known.as_of or not listed:
                continue
            sure = [
                pull.at for pull in own if pull.window is not None and pull.window.first < said.day < pull.window.last
            ]
            found.append({
                "store": store, "order_id": said.line.order_id, "feedback_date": said.day, "rating": said.rating,
                "is_listed": max(sure, default=max(listed)) <= max(listed),
            })  # fmt: skip
    return found


def known_account_health(known: Knowledge, said: Sequence[dict[str, Any]], days: int) -> dict[tuple[str, str], Any]:
    """Seller-fulfilled orders of a window and those with a defect, by store and marketplace."""
    against: dict[tuple[str, str], set[str]] = {}
    for rated in said:
        if rated["rating"] <= 2 and rated["is_listed"]:
            against.setdefault((rated["store"], rated["order_id"]), set()).add("rated")
    for row in known.returns:
        if row.channel == "FBM" and getattr(row.unit, "a_to_z", False):
            against.setdefault((row.store, row.order_id), set()).add("a_to_z")
    for store in known.world.stores:
        for at, what in known.posted(store):
            kind = getattr(what, "kind", "")
            line = getattr(what, "line", None)
            if line is None or known.world.day(store, line.marketplace, at) > known.as_of:
                continue
            if kind.startswith(("A-to-z", "Chargeback")):
                against.setdefault((store, line.order_id), set()).add(kind)
    orders: dict[tuple[str, str], set[str]] = {}
    for store, groups in known.lines.items():
        for order in (order for group in groups.values() for order in group):
            line = order.line
            if line.channel != "FBM" or not order.is_shipped or line.is_replacement or line.marketplace is None:
                continue
            if known.as_of - timedelta(days=days) < order.day <= known.as_of:
                orders.setdefault((store, order.marketplace), set()).add(line.order_id)
    return {
        (store, marketplace): {
            "orders": len(found),
            "orders_rated_negative": sum("rated" in against.get((store, order), ()) for order in found),
            "orders_defective": sum((store, order) in against for order in found),
        }
        for (store, marketplace), found in orders.items()
    }
