"""The facts of a simulated world: what was ordered, returned, refunded, reviewed and graded, and since when.

Belongs here: plain records. Does not belong: drawing them (`world.py`), writing them as reports (`reports.py`).
Instants are aware UTC datetimes of whole seconds; amounts are whole hundredths of the currency unit; a `…_states` tuple
holds (since, state) in order, and the state that counts at an instant is the last one that began by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeVar

from ingestion.simulator.catalogue import Product
from ingestion.simulator.words import Text

State = TypeVar("State")


def at_instant(states: Sequence[tuple[datetime, State]], at: datetime) -> State | None:
    """The state that counts at an instant; None before the first."""
    found = None
    for since, state in states:
        if since > at:
            break
        found = state
    return found


@dataclass(slots=True, eq=False)
class OrderLine:
    """One line of an order. `marketplace` is None for an order sold outside Amazon (multi-channel).

    cancelled_quantity: what the report shows once the line is cancelled (None: a blank).
    """

    store: str
    marketplace: str | None
    product: Product
    channel: str
    sku: str
    order_id: str
    purchase_at: datetime
    local_day: date
    quantity: int
    price: int
    tax: int
    promotion: int
    currency: str
    states: tuple[tuple[datetime, str], ...]
    cancelled_quantity: int | None
    place: int
    is_replacement: bool = False
    original_order_id: str = ""
    used_condition: str = ""
    is_business: bool = False

    @property
    def shipped_at(self) -> datetime | None:
        """When it was shipped, if it ever is."""
        return next((since for since, status in self.states if status.startswith("Shipped")), None)


@dataclass(slots=True, eq=False)
class FbaReturn:
    """One row of the FBA returns report: a unit (rarely two) that a fulfilment centre has processed.

    dates: (since, return-date): the first since is when the row shows up at all, later ones move it to another date.
    """

    store: str
    line: OrderLine | None
    order_id: str
    product: Product
    sku: str
    quantity: int
    centre: str
    disposition: str
    code: str
    reason: str
    statuses: tuple[tuple[datetime, str], ...]
    plate: str
    comment: Text | None
    dates: tuple[tuple[datetime, datetime], ...]


@dataclass(frozen=True, slots=True)
class MfnState:
    """What changes in a seller-fulfilled request: status, refund filled in later, day the parcel arrived."""

    status: str
    refunded: int | None = None
    delivered_on: date | None = None
    safet_state: str = ""
    safet_paid: int | None = None


@dataclass(slots=True, eq=False)
class MfnReturn:
    """One row of the seller-fulfilled returns report: a request for one item of an order."""

    store: str
    line: OrderLine
    request_at: datetime
    rma: str
    quantity: int
    code: str
    reason: str
    resolution: str
    label_cost: int | None
    label_payer: str
    tracking: str
    carrier: str
    in_policy: bool
    a_to_z: bool
    safet_id: str
    safet_at: datetime | None
    states: tuple[tuple[datetime, MfnState], ...]


@dataclass(slots=True, eq=False)
class Refund:
    """Money given back to a buyer, as it is posted in a settlement. Amounts are positive here.

    goods, tax: given back; promotion: part of the price the buyer never paid; restocking: kept by the seller.
    """

    line: OrderLine
    posted_at: datetime
    kind: str
    units: int
    goods: int
    tax: int
    promotion: int
    restocking: int
    adjustment_id: str
    is_returned: bool
    writes_units: bool

    @property
    def amount(self) -> int:
        """What the buyer got."""
        return self.goods + self.tax - self.promotion - self.restocking


@dataclass(slots=True, eq=False)
class Graded:
    """One row of the Grade and Resell report; `conditions` are (since, condition, used SKU)."""

    store: str
    marketplace: str
    unit: FbaReturn
    event_day: date
    status: str
    reason: str
    conditions: tuple[tuple[datetime, tuple[str, str]], ...]
    charge: int
    charged_at: datetime


@dataclass(slots=True, eq=False)
class Review:
    """One review. `votes` are (since, helpful votes); a copy is the same review twice in the export."""

    store: str
    marketplace: str
    product: Product
    written_at: datetime
    stars: int
    title: str
    body: Text
    reviewer_id: str
    is_verified: bool
    votes: tuple[tuple[datetime, int], ...]
    is_copied: bool


@dataclass(slots=True, eq=False)
class Charge:
    """Another row of a settlement: a fee or a reimbursement. Positive amounts go to the seller."""

    store: str
    marketplace: str
    posted_at: datetime
    transaction: str
    kind: str
    description: str
    amount: int
    order_id: str = ""
    sku: str = ""


@dataclass(slots=True)
class Facts:
    """All facts that follow from the purchases of one marketplace and day, in the order they were drawn."""

    lines: list[OrderLine] = field(default_factory=list)
    fba_returns: list[FbaReturn] = field(default_factory=list)
    mfn_returns: list[MfnReturn] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    graded: list[Graded] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)

    def add(self, other: Facts) -> None:
        """Take in the facts of another day."""
        for name in self.__slots__:
            getattr(self, name).extend(getattr(other, name))
