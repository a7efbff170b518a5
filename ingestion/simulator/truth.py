"""What the marts must say about a simulated world, computed from its facts in plain Python.

Belongs here: the rules of counting, once more and independently of the pipeline. Does not belong: reading reports back
(nothing here looks at a rendered row). A fact counts as the last pull that covers it showed it: what became visible
only after that is not in the truth.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from data_contracts.marketplaces import UNATTRIBUTED, get_marketplace
from ingestion.simulator.catalogue import HUNDREDTHS, class_of_code
from ingestion.simulator.claims import Claims
from ingestion.simulator.facts import FbaReturn, Graded, MfnReturn, MfnState, OrderLine, Refund, Review, at_instant
from ingestion.simulator.reports import (
    BY_UPDATE,
    SettlementKey,
    _in_settlements,
    as_written,
    charset_of,
    grade_days,
    orders_window_states,
    refund_fees,
    reviews_window,
    sale_fees,
    settlement_id,
    shown_quantity,
    shows_price,
    stock,
    writes_days_only,
)
from ingestion.simulator.schedule import PlannedPull, SimDelivery, nightly_deliveries, schedule
from ingestion.simulator.world import World

WINDOWS = (7, 30, 90, 365)
_GRADES = {
    "Used – Like New": "like_new", "Used – Very Good": "very_good", "Used – Good": "good",
    "Used – Acceptable": "acceptable",
}  # fmt: skip


def amount(hundredths: int | None) -> Decimal | None:
    """Hundredths as a decimal amount."""
    return None if hundredths is None else Decimal(hundredths) / HUNDREDTHS


@dataclass(frozen=True, slots=True)
class KnownLine:
    """An order line as the newest pull that shows it says."""

    line: OrderLine
    status: str
    marketplace: str
    day: date

    @property
    def is_shipped(self) -> bool:
        return self.status.startswith("Shipped")

    @property
    def ordered(self) -> int:
        return shown_quantity(self.line, self.status) or 0

    @property
    def shipped(self) -> int:
        return self.ordered if self.is_shipped else 0

    @property
    def sales(self) -> int | None:
        return self.line.price if self.is_shipped and shows_price(self.line, self.status) else None

    @property
    def is_used(self) -> bool:
        return self.line.used_condition != ""

    @property
    def is_new(self) -> bool:
        return not (self.is_used or self.line.is_replacement or self.line.marketplace is None)


@dataclass(frozen=True, slots=True)
class KnownReturn:
    """A row of a return as the newest pull that shows it says, with the order line that it belongs to, if known."""

    store: str
    channel: str
    order_id: str
    sku: str
    asin: str
    units: int
    day: date
    code: str
    status: str
    attribution: str
    order: KnownLine | None
    reported_refund: int | None
    unit: FbaReturn | MfnReturn

    @property
    def marketplace(self) -> str:
        return self.order.marketplace if self.order else UNATTRIBUTED

    @property
    def order_sku(self) -> str:
        """SKU under which the order knows the item."""
        return self.order.line.sku if self.order else self.sku

    @property
    def is_multi_channel(self) -> bool:
        return self.attribution == "outside_amazon"

    @property
    def is_used(self) -> bool:
        return self.sku.lower().startswith("amzn.gr.")

    @property
    def is_replacement(self) -> bool:
        return self.order is not None and self.order.line.is_replacement

    @property
    def is_new(self) -> bool:
        return not (self.is_used or self.is_replacement or self.is_multi_channel)

    @property
    def counts(self) -> bool:
        """Whether it is among units_returned; else it stands in units_returned_excluded."""
        return self.is_new or (self.is_multi_channel and not self.is_used and not self.is_replacement)


@dataclass(frozen=True, slots=True)
class KnownRefund:
    """A refund that a settlement shows, or that only the seller-fulfilled report knows."""

    store: str
    marketplace: str
    asin: str
    channel: str
    order_id: str
    sku: str
    day: date
    amount: int
    source: str
    currency: str


class Knowledge:
    """What a list of pulls knows of a world, by the rules of deliveries and windows. Only facts up to `as_of`."""

    def __init__(self, world: World, pulls: Sequence[PlannedPull], as_of: date) -> None:
        self.world, self.as_of = world, as_of
        self.pulls = sorted(
            (p for p in pulls if p.settlement is not None or not world.is_cancelled(p.feed, p.store, p.at)),
            key=lambda p: p.at,
            reverse=True,
        )
        #: units without a plate that two pulls show on two days: no reader can tell that they are one
        self.ambiguous_units = 0

    def _of(self, feed: str, store: str) -> list[PlannedPull]:
        """Complete pulls of a feed, newest first."""
        return [pull for pull in self.pulls if pull.feed == feed and pull.store == store]

    @cached_property
    def lines(self) -> dict[str, dict[tuple[str, str], list[KnownLine]]]:
        """Known order lines by store, then order and SKU."""
        found: dict[str, dict[tuple[str, str], list[KnownLine]]] = {}
        for store in self.world.stores:
            seen: dict[int, tuple[OrderLine, str]] = {}
            for pull in self._of("orders", store):
                assert pull.window is not None  # noqa: S101
                for line, _, status in orders_window_states(
                    self.world, store, pull.window, pull.at, pull.report_type or BY_UPDATE
                ):
                    seen.setdefault(id(line), (line, status))
            known: dict[tuple[str, str], list[KnownLine]] = defaultdict(list)
            for line, status in seen.values():
                day = self.world.day(store, line.marketplace, line.purchase_at)
                if day <= self.as_of:
                    known[line.order_id, line.sku].append(
                        KnownLine(line, status, line.marketplace or UNATTRIBUTED, day)
                    )
            found[store] = dict(known)
        return found

    @cached_property
    def _by_asin(self) -> dict[str, dict[tuple[str, str], KnownLine]]:
        return {
            store: {(k.line.order_id, k.line.product.asin): k for group in known.values() for k in group}
            for store, known in self.lines.items()
        }

    def attribute(self, store: str, order_id: str, sku: str, asin: str) -> tuple[str, KnownLine | None]:
        """How a return finds its order line, and the line."""
        group = self.lines[store].get((order_id, sku)) if order_id else None
        found, how = (group[0], "order_sku") if group else (self._by_asin[store].get((order_id, asin)), "order_asin")
        if found is None or not order_id:
            return "no_order", None
        return ("outside_amazon" if found.line.marketplace is None else how), found

    def fba_sightings(self, store: str) -> list[tuple[FbaReturn, datetime, datetime]]:
        """FBA rows that count: the unit, its return-date, and the instant of the pull that says so."""
        owners: dict[date, PlannedPull] = {}
        for pull in self._of("fba_returns", store):
            assert pull.window is not None  # noqa: S101
            for day in pull.window.days():
                owners.setdefault(day, pull)
        found: list[tuple[FbaReturn, datetime, datetime]] = []
        plated: dict[tuple[str, str], list[tuple[FbaReturn, datetime, datetime]]] = defaultdict(list)
        for unit in self.world.facts[store].fba_returns:
            seen = []
            for _, dated in dict.fromkeys(unit.dates):
                owner = owners.get(dated.date())
                if owner is not None and at_instant(unit.dates, owner.at) == dated:
                    seen.append((unit, dated, owner.at))
            if unit.plate:
                plated[unit.order_id, unit.plate] += seen
            else:
                self.ambiguous_units += unit.quantity if len(seen) > 1 else 0
                found += seen
        for seen in plated.values():
            if seen:
                newest = max(at for _, _, at in seen)
                latest = max(dated for _, dated, at in seen if at == newest)
                found += [row for row in seen if row[2] == newest and row[1] == latest]
        return found

    @cached_property
    def returns(self) -> list[KnownReturn]:
        """Returns of both channels up to the as-of day."""
        found = []
        for store in self.world.stores:
            only_days = writes_days_only(self.world, store)
            for unit, dated, at in self.fba_sightings(store):
                attribution, order = self.attribute(store, unit.order_id, unit.sku, unit.product.asin)
                place = order.line.marketplace if order else None
                day = dated.date() if only_days else self.world.day(store, place, dated)
                found.append(
                    KnownReturn(store, "FBA", unit.order_id, unit.sku, unit.product.asin, unit.quantity, day, unit.code,
                                at_instant(unit.statuses, at) or "", attribution, order, None, unit)
                )  # fmt: skip
            for request, state in self._mfn_states(store):
                line = request.line
                attribution, order = self.attribute(store, line.order_id, line.sku, line.product.asin)
                day = self.world.day(store, line.marketplace, request.request_at)
                found.append(
                    KnownReturn(store, "FBM", line.order_id, line.sku, line.product.asin, request.quantity, day,
                                request.code, state.status, attribution, order, state.refunded, request)
                )  # fmt: skip
        return [known for known in found if known.day <= self.as_of]

    def _mfn_states(self, store: str) -> list[tuple[MfnReturn, MfnState]]:
        pulls = self._of("mfn_returns", store)
        found = []
        for request in self.world.facts[store].mfn_returns:
            day = request.request_at.date()
            for pull in pulls:
                if pull.window is not None and pull.window.first <= day <= pull.window.last:
                    state = at_instant(request.states, pull.at)
                    if state is not None:
                        found.append((request, state))
                        break
        return found

    @cached_property
    def settlements(self) -> dict[str, set[SettlementKey]]:
        """Settlements whose document was delivered."""
        found: dict[str, set[SettlementKey]] = {store: set() for store in self.world.stores}
        for pull in self.pulls:
            if pull.settlement is not None:
                found[pull.store].add(pull.settlement)
        return found

    def posted(self, store: str) -> Iterable[tuple[datetime, Any]]:
        """What the known settlements of a store show."""
        listed = _in_settlements(self.world, store)
        for key in sorted(self.settlements[store]):
            yield from listed.get(key, ())

    @cached_property
    def refunds(self) -> list[KnownRefund]:
        """Refunds of settlements, and those that only the seller-fulfilled report knows."""
        found = []
        settled = set()
        for store in self.world.stores:
            for at, what in self.posted(store):
                if not isinstance(what, Refund):
                    continue
                line = what.line
                assert line.marketplace is not None  # noqa: S101
                day = self.world.day(store, line.marketplace, at)
                if day > self.as_of:
                    continue
                settled.add((store, line.order_id, line.sku))
                found.append(
                    KnownRefund(store, line.marketplace, line.product.asin, line.channel, line.order_id, line.sku,
                                day, what.amount, "settlement", line.currency)
                )  # fmt: skip
        for known in self.returns:
            if known.reported_refund is not None and (known.store, known.order_id, known.order_sku) not in settled:
                assert isinstance(known.unit, MfnReturn)  # noqa: S101
                found.append(
                    KnownRefund(known.store, known.marketplace, known.asin, "FBM", known.order_id, known.sku, known.day,
                                known.reported_refund, "mfn_report", known.unit.line.currency)
                )  # fmt: skip
        return found

    @cached_property
    def reviews(self) -> list[tuple[Review, date]]:
        """Known reviews, copies once, with their day."""
        found = []
        for store in self.world.stores:
            pulls = [(*reviews_window(self.world, p.window, p.at), p.at) for p in self._of("reviews", store)]
            for review in self.world.facts[store].reviews:
                written = review.written_at.date()
                if any(f <= written <= t and at_instant(review.votes, at) is not None for f, t, at in pulls):
                    day = self.world.day(store, review.marketplace, review.written_at)
                    if day <= self.as_of:
                        found.append((review, day))
        return found

    @cached_property
    def graded(self) -> list[tuple[Graded, str, str, str]]:
        """Known graded units with marketplace, grade (empty for a failed one) and used SKU."""
        found = []
        for store in self.world.stores:
            pulls = [(grade_days(p.window, p.at), p.at) for p in self._of("grade_resell", store)]
            for graded in self.world.facts[store].graded:
                if graded.event_day > self.as_of:
                    continue
                for window, at in pulls:
                    state = at_instant(graded.conditions, at)
                    if window.first <= graded.event_day <= window.last and state is not None:
                        _, order = self.attribute(
                            store, graded.unit.order_id, graded.unit.sku, graded.unit.product.asin
                        )
                        found.append(
                            (graded, order.marketplace if order else UNATTRIBUTED, _GRADES.get(state[0], ""), state[1])
                        )
                        break
        return found


Tables = dict[str, Any]


def truth(
    world: World,
    as_of: date | None = None,
    pulls: Sequence[PlannedPull] | None = None,
    deliveries: Iterable[SimDelivery] | None = None,
) -> Tables:
    """All tables of the truth, as lists of plain dicts; amounts are Decimal, days are dates.

    as_of: last day that counts (default: the world's last). pulls: what was asked for (default: the nightly schedule).
    deliveries: what was delivered, to count bad rows (default: the nightly ones; they are rendered for it).
    """
    as_of = as_of or world.end
    known = Knowledge(world, schedule(world) if pulls is None else pulls, as_of)
    returns = [_return_row(known, row) for row in known.returns]
    tables: Tables = {
        "as_of": as_of,
        "seed": world.seed,
        "daily": _daily(known),
        "windows": _windows(known),
        "reasons": _reasons(known),
        "returns": returns,
        "return_refunds": _return_refunds(known),
        "refunds": [_refund_row(refund) for refund in known.refunds],
        "order_lines": _order_lines(known),
        "performance": _performance(known),
        "recovery": _recovery(known),
        "recovery_fees": _recovery_fees(known),
        "costs": _costs(known),
        "stock": _stock(known),
        "settlements": _settlement_rows(known),
        "cases": sorted(Claims(known).all(), key=str),
        "deliveries": _deliveries(nightly_deliveries(world) if deliveries is None else deliveries),
    }
    tables["totals"] = {
        "units_returned": sum(row["units"] for row in returns),
        "units_unattributed": sum(row["units"] for row in returns if row["marketplace"] == UNATTRIBUTED),
        "units_fba": sum(row["units"] for row in returns if row["channel"] == "FBA"),
        "units_fbm": sum(row["units"] for row in returns if row["channel"] == "FBM"),
        "units_shipped": sum(row["units_shipped"] for row in tables["order_lines"]),
        "quarantined": sum(row["bad_rows"] for row in tables["deliveries"]),
        "ambiguous_units": known.ambiguous_units,
    }
    return tables


def _rows(cells: Mapping[tuple[Any, ...], dict[str, Any]], keys: Sequence[str]) -> list[dict[str, Any]]:
    return [{**dict(zip(keys, key, strict=True)), **cells[key]} for key in sorted(cells, key=str)]


@dataclass
class _Cell:
    """Units and hundredths of a cell of a mart; amounts in more than one currency are no sum."""

    units_ordered: int = 0
    units_shipped: int = 0
    units_returned: int = 0
    units_returned_excluded: int = 0
    units_rejected: int = 0
    cohort_units_returned: int = 0
    sales: int = 0
    refunds: int = 0
    currencies: set[str] = field(default_factory=set)

    def add(self, other: _Cell) -> None:
        for name in fields(self):
            if name.name != "currencies":
                setattr(self, name.name, getattr(self, name.name) + getattr(other, name.name))
        self.currencies |= other.currencies

    def row(self) -> dict[str, Any]:
        is_mixed = len(self.currencies) > 1
        return {
            "units_ordered": self.units_ordered,
            "units_shipped": self.units_shipped,
            "units_returned": self.units_returned,
            "units_returned_excluded": self.units_returned_excluded,
            "units_rejected": self.units_rejected,
            "cohort_units_returned": self.cohort_units_returned,
            "sales_amount": None if is_mixed else amount(self.sales),
            "refund_amount": None if is_mixed else amount(self.refunds),
            "currency": next(iter(self.currencies)) if len(self.currencies) == 1 else None,
        }


def _cells(known: Knowledge) -> dict[tuple[str, str, str, str, date], _Cell]:
    """What happened by store, marketplace, ASIN, channel (FBA, FBM) and day."""
    cells: dict[tuple[str, str, str, str, date], _Cell] = defaultdict(_Cell)
    for store, groups in known.lines.items():
        for group in groups.values():
            for order in group:
                cell = cells[store, order.marketplace, order.line.product.asin, order.line.channel, order.day]
                if order.is_new:
                    cell.units_ordered += order.ordered
                    cell.units_shipped += order.shipped
                if order.sales is not None:
                    cell.sales += order.sales
                    cell.currencies.add(order.line.currency)
    for row in known.returns:
        cell = cells[row.store, row.marketplace, row.asin, row.channel, row.day]
        if row.counts:
            cell.units_returned += row.units
            cell.units_rejected += row.units if row.status == "Rejected" else 0
        else:
            cell.units_returned_excluded += row.units
    for refund in known.refunds:
        cell = cells[refund.store, refund.marketplace, refund.asin, refund.channel, refund.day]
        cell.refunds += refund.amount
        cell.currencies.add(refund.currency)
    return cells


def _daily(known: Knowledge) -> list[dict[str, Any]]:
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for key, cell in _cells(known).items():
        found[key] = cell.row()
        del found[key]["cohort_units_returned"]
    return _rows(found, ("store", "marketplace", "asin", "channel", "date"))


def _windows(known: Knowledge) -> list[dict[str, Any]]:
    """Same-period and cohort counts by window, for both channels and ALL."""
    cells: dict[tuple[str, str, str, str, int], _Cell] = defaultdict(_Cell)
    for (store, marketplace, asin, channel, day), cell in _cells(known).items():
        for days in _windows_of(known.as_of, day):
            for shown in (channel, "ALL"):
                cells[store, marketplace, asin, shown, days].add(cell)
    for row in known.returns:
        if row.counts and row.order is not None:
            for days in _windows_of(known.as_of, row.order.day):
                for shown in (row.channel, "ALL"):
                    cells[row.store, row.marketplace, row.asin, shown, days].cohort_units_returned += row.units
    found: dict[tuple[Any, ...], dict[str, Any]] = {key: cell.row() for key, cell in cells.items()}
    return _rows(found, ("store", "marketplace", "asin", "channel", "window_days"))


def _windows_of(as_of: date, day: date) -> Iterable[int]:
    return (days for days in WINDOWS if as_of - timedelta(days=days) < day <= as_of)


def _reasons(known: Knowledge) -> list[dict[str, Any]]:
    cells: dict[tuple[Any, ...], dict[str, Any]] = defaultdict(lambda: {"units_by_code": 0})
    for row in known.returns:
        if row.counts:
            for days in _windows_of(known.as_of, row.day):
                for shown in (row.channel, "ALL"):
                    key = (row.store, row.marketplace, row.asin, shown, days, class_of_code()[row.code])
                    cells[key]["units_by_code"] += row.units
    return _rows(cells, ("store", "marketplace", "asin", "channel", "window_days", "reason_class"))


def _return_row(known: Knowledge, row: KnownReturn) -> dict[str, Any]:
    unit = row.unit
    purchase: date | None = row.order.day if row.order else None
    comment = disposition = plate = rma = ""
    is_personal = False
    if isinstance(unit, FbaReturn):
        disposition, plate = unit.disposition, unit.plate
        if unit.comment:
            comment = as_written(unit.comment.text, charset_of(known.world, row.store, "fba_returns"))
            is_personal = bool(unit.comment.personal)
    else:
        rma = unit.rma
        if purchase is None:
            purchase = known.world.day(row.store, unit.line.marketplace, unit.line.purchase_at)
    return {
        "store": row.store, "marketplace": row.marketplace, "channel": row.channel, "order_id": row.order_id,
        "sku": row.sku, "asin": row.asin, "units": row.units, "return_date": row.day, "purchase_date": purchase,
        "reason_code": row.code, "reason_class_code": class_of_code()[row.code], "why": unit.reason,
        "status": "" if writes_days_only(known.world, row.store) and row.channel == "FBA" else row.status,
        "disposition": disposition, "license_plate_number": plate, "rma_id": rma, "comment": comment,
        "has_personal_data": is_personal, "attribution": row.attribution, "is_new_item": row.is_new,
        "is_used": row.is_used, "is_replacement": row.is_replacement, "is_multi_channel": row.is_multi_channel,
        "counts": row.counts, "reported_refund": amount(row.reported_refund),
    }  # fmt: skip


def _return_refunds(known: Knowledge) -> list[dict[str, Any]]:
    """What was refunded for the returns of an order and SKU (that of the order line where it is known).

    What seller-fulfilled requests report of themselves; for the other returns the settlement refunds less that.
    """
    settled: dict[tuple[str, str, str], int] = defaultdict(int)
    for refund in known.refunds:
        if refund.source == "settlement":
            settled[refund.store, refund.order_id, refund.sku] += refund.amount
    cells: dict[tuple[str, str, str], list[KnownReturn]] = defaultdict(list)
    for row in known.returns:
        if row.order_id:
            cells[row.store, row.order_id, row.order_sku].append(row)
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for key, rows in cells.items():
        reported = [row.reported_refund for row in rows if row.reported_refund is not None]
        total = sum(reported) if reported else None
        if len(reported) < len(rows) and key in settled:
            total = sum(reported) + max(settled[key] - sum(reported), 0)
        found[key] = {"asin": rows[0].asin, "refund_amount": amount(total)}
    return _rows(found, ("store", "order_id", "order_sku"))


def _refund_row(refund: KnownRefund) -> dict[str, Any]:
    return {
        "store": refund.store, "marketplace": refund.marketplace, "asin": refund.asin, "channel": refund.channel,
        "order_id": refund.order_id, "sku": refund.sku, "refund_date": refund.day,
        "refund_amount": amount(refund.amount),
        "source": refund.source, "currency": refund.currency,
    }  # fmt: skip


def _order_lines(known: Knowledge) -> list[dict[str, Any]]:
    """Order lines by store, marketplace, channel and status."""
    cells: dict[tuple[Any, ...], dict[str, Any]] = defaultdict(
        lambda: {"lines": 0, "units_ordered": 0, "units_shipped": 0, "sales_amount": 0}
    )
    for store, groups in known.lines.items():
        for group in groups.values():
            for order in group:
                cell = cells[store, order.marketplace, order.line.channel, order.status]
                cell["lines"] += 1
                cell["units_ordered"] += order.ordered
                cell["units_shipped"] += order.shipped
                cell["sales_amount"] += order.sales or 0
    for cell in cells.values():
        cell["sales_amount"] = amount(cell["sales_amount"])
    return _rows(cells, ("store", "marketplace", "channel", "order_status"))


def _performance(known: Knowledge) -> list[dict[str, Any]]:
    cells: dict[tuple[Any, ...], dict[str, Any]] = defaultdict(lambda: {"reviews": 0, "critical_reviews": 0})
    for review, day in known.reviews:
        for days in _windows_of(known.as_of, day):
            cell = cells[review.store, review.marketplace, review.product.asin, days]
            cell["reviews"] += 1
            cell["critical_reviews"] += review.stars <= 3
    return _rows(cells, ("store", "marketplace", "asin", "window_days"))


def _recovery(known: Knowledge) -> list[dict[str, Any]]:
    """Units graded in their month of grading, units of used SKUs sold and their sales in the month of the sale."""
    cells: dict[tuple[Any, ...], dict[str, Any]] = defaultdict(
        lambda: {"units_graded": 0, "units_sold": 0, "gross_sales": 0}
    )
    for graded, marketplace, grade, _ in known.graded:
        if graded.status == "Succeeded":
            key = (graded.store, marketplace, graded.unit.product.asin, grade, graded.event_day.replace(day=1))
            cells[key]["units_graded"] += 1
    for store, groups in known.lines.items():
        for group in groups.values():
            for order in group:
                if order.is_used and order.is_shipped:
                    grade = _GRADES[order.line.used_condition]
                    cell = cells[store, order.marketplace, order.line.product.asin, grade, order.day.replace(day=1)]
                    cell["units_sold"] += order.shipped
                    cell["gross_sales"] += order.sales or 0
    for cell in cells.values():
        cell["gross_sales"] = amount(cell["gross_sales"])
    return _rows(cells, ("store", "marketplace", "asin", "used_condition", "month"))


def _titles(known: Knowledge) -> dict[tuple[str, str], str]:
    """Item by store and title: what a grading charge names."""
    return {
        (store, product.title(get_marketplace(code).language[:2])): product.asin
        for store, found in known.world.stores.items()
        for code in found.marketplaces
        for product in known.world.products
    }


def _recovery_fees(known: Knowledge) -> list[dict[str, Any]]:
    """What Grade and Resell cost an ASIN in all: charges for grading, and the settled fees of its used SKUs.

    A fee given back with a refund is negative.
    """
    titles = _titles(known)
    cells: dict[tuple[Any, ...], dict[str, Any]] = defaultdict(lambda: {"fees": 0})
    for store in known.world.stores:
        for at, what in known.posted(store):
            line = what if isinstance(what, OrderLine) else what.line if isinstance(what, Refund) else None
            if line is None:
                if (
                    what.kind == "Grade and Resell Charge"
                    and known.world.day(store, what.marketplace, at) <= known.as_of
                ):
                    cells[store, titles[store, what.description]]["fees"] -= what.amount
                continue
            if not line.used_condition or known.world.day(store, line.marketplace, at) > known.as_of:
                continue
            cell = cells[store, line.product.asin]
            if isinstance(what, OrderLine):
                cell["fees"] += sum(sale_fees(what))
            else:
                back, kept = refund_fees(what)
                cell["fees"] += kept - back
    for cell in cells.values():
        cell["fees"] = amount(cell["fees"])
    return _rows(cells, ("store", "asin"))


def _costs(known: Knowledge) -> list[dict[str, Any]]:
    """What returns cost an ASIN up to the as-of day, in the parts that reports alone tell."""
    cells: dict[tuple[Any, ...], dict[str, Any]] = defaultdict(
        lambda: dict.fromkeys(
            ("refund_amount", "tax_returned", "fees_returned", "fees_kept", "return_freight", "return_fees",
             "resale_fees", "resale_sales"), 0
        )
    )  # fmt: skip
    titles = _titles(known)
    for refund in known.refunds:
        cells[refund.store, refund.marketplace, refund.asin, refund.channel]["refund_amount"] += refund.amount
    for row in known.returns:
        if isinstance(row.unit, MfnReturn) and row.unit.label_payer == "Seller":
            cells[row.store, row.marketplace, row.asin, "FBM"]["return_freight"] += row.unit.label_cost or 0
    for store, groups in known.lines.items():
        for order in (order for group in groups.values() for order in group if order.is_used and order.is_shipped):
            key = (store, order.marketplace, order.line.product.asin, order.line.channel)
            cells[key]["resale_sales"] += order.sales or 0
    for store in known.world.stores:
        items = {(line.order_id, line.sku): line.product.asin for line in known.world.facts[store].lines}
        for at, what in known.posted(store):
            line = what if isinstance(what, OrderLine) else what.line if isinstance(what, Refund) else what
            if known.world.day(store, line.marketplace, at) > known.as_of:
                continue
            if isinstance(what, Refund):
                back, kept = refund_fees(what)
                cell = cells[store, line.marketplace, line.product.asin, line.channel]
                cell["tax_returned"] += what.tax
                cell["fees_returned"] += back
                cell["fees_kept"] += kept
            elif isinstance(what, OrderLine):
                if line.used_condition:
                    cells[store, line.marketplace, line.product.asin, "FBA"]["resale_fees"] += sum(sale_fees(what))
            elif what.kind == "Grade and Resell Charge":
                cells[store, what.marketplace, titles[store, what.description], "FBA"]["resale_fees"] -= what.amount
            elif what.description.startswith("FBACustomerReturn"):
                asin = items[what.order_id, what.sku]
                cells[store, what.marketplace, asin, "FBA"]["return_fees"] -= what.amount
    for cell in cells.values():
        cell.update({name: amount(value) for name, value in cell.items()})
    return _rows(cells, ("store", "marketplace", "asin", "channel"))


def _stock(known: Knowledge) -> list[dict[str, Any]]:
    """Stock in the newest snapshot of each store up to the end of the as-of day (UTC)."""
    end = datetime(known.as_of.year, known.as_of.month, known.as_of.day, tzinfo=UTC) + timedelta(days=1)
    found = []
    for store in known.world.stores:
        newest = next((pull for pull in known._of("inventory", store) if pull.at < end), None)
        if newest is None:
            continue
        for product in known.world.products:
            if "FBA" in product.channels:
                units = stock(known.world, store, product.sku("FBA"), newest.at)
                found.append({
                    "store": store, "asin": product.asin, "sku": product.sku("FBA"),
                    "fulfillable": units["fulfillable"], "unsellable": units["unsellable"],
                    "reserved": units["reserved"],
                    "inbound": units["inbound_working"] + units["inbound_shipped"] + units["inbound_receiving"],
                    "snapshot_date": newest.at.date(),
                })  # fmt: skip
    return found


def _settlement_rows(known: Knowledge) -> list[dict[str, Any]]:
    return [
        {"store": store, "marketplace": key[0], "settlement_id": settlement_id(known.world, store, key)}
        for store, keys in known.settlements.items()
        for key in sorted(keys)
    ]


def _deliveries(deliveries: Iterable[SimDelivery]) -> list[dict[str, Any]]:
    """Each distinct document once, with its rows and those that no contract can accept."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for delivery in deliveries:
        if delivery.delivery_id is not None:
            found[delivery.feed, delivery.store, delivery.delivery_id] = {
                "rows": delivery.rows, "bad_rows": delivery.bad_rows, "file_name": delivery.file_name,
            }  # fmt: skip
    return _rows(found, ("feed", "store", "delivery_id"))
