"""A simulated world of stores: everything that happened, and since when each report knows it.

Belongs here: drawing the facts. Does not belong: what reports look like (`reports.py`), who asks for them and when
(`schedule.py`), what the marts should say (`truth.py`).

All facts follow from the purchases of one store, marketplace and day, and these depend on nothing but the seed and that
day. So a world that ends later, or has more days before it, holds the very same facts on the days they share.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

import numpy as np

from data_contracts.marketplaces import Marketplace, all_marketplaces, get_marketplace
from ingestion.simulator.catalogue import (
    CURRENCIES_WITHOUT_DECIMALS,
    HUNDREDTHS,
    Product,
    chance,
    draw_products,
    generator,
    letters,
    tables,
)
from ingestion.simulator.facts import (
    Charge,
    Facts,
    FbaReturn,
    Graded,
    MfnReturn,
    MfnState,
    OrderLine,
    Refund,
    Review,
)
from ingestion.simulator.words import comment, review

#: purchases are drawn this long before the first order that any pull asks for, so that some returns have no known order
WARM_UP_DAYS = 30
#: order lines of an average offer on an average day in the first marketplace
LINES_A_DAY = 1.5
#: share of the day's orders by local hour; evenings in America are the next day in UTC
_HOURS = np.array([2, 1, 1, 1, 1, 2, 3, 4, 5, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7, 8, 8, 7, 5, 3], dtype=float)
_BY_MONTH = (0.8, 0.85, 0.9, 0.92, 0.95, 0.95, 1.0, 0.97, 0.95, 1.0, 1.25, 1.3)
_BY_WEEKDAY = (1.05, 1.02, 1.0, 0.98, 0.95, 0.97, 1.05)
_PREFIXES = {"na": ("111", "112", "113", "114"), "eu": ("202", "205", "302", "305", "404"), "fe": ("249", "250", "503")}
#: odd and coprime to 10^14, so that order numbers look random and never repeat
_SCRAMBLE = 61_803_398_874_989
_CONDITIONS = (
    ("Used – Like New", "LN", 0.95),
    ("Used – Very Good", "VG", 0.85),
    ("Used – Good", "G", 0.80),
    ("Used – Acceptable", "A", 0.75),
)
#: marketplaces in which the simulated Grade and Resell exists
_GRADED_IN = frozenset({"US", "UK", "DE"})
_CENTRES = {"na": ("PHX7", "SDF8", "ONT8"), "eu": ("LGB8", "FRA3", "WRO1"), "fe": ("NRT5", "KIX2", "SYD1")}
_CARRIERS = {"na": "USPS", "eu": "Evri", "fe": "Yamato"}


class StoreLike(Protocol):
    """What the simulator needs to know of a store; `data_contracts.settings.Store` is one."""

    @property
    def region(self) -> str:
        """na, eu or fe."""

    @property
    def marketplaces(self) -> tuple[str, ...]:
        """Country codes, the first one is the store's home."""


@dataclass(frozen=True)
class SimStore:
    """A store by region and marketplaces."""

    region: str
    marketplaces: tuple[str, ...]


DEMO_STORES: Mapping[str, StoreLike] = {
    "acme-na": SimStore("na", ("US", "CA")),
    "acme-uk": SimStore("eu", ("UK",)),
}


def season(day: date) -> float:
    """Demand on a day next to an average one: months, weekdays, and the sales of July, November and December."""
    factor = _BY_MONTH[day.month - 1] * _BY_WEEKDAY[day.weekday()]
    if (day.month == 11 and day.day >= 24) or (day.month == 7 and 8 <= day.day <= 11):
        return factor * 1.6
    if day.month == 12 and day.day <= 18:
        return factor * 1.3
    if day.month == 12 and day.day >= 24:
        return factor * 0.6
    return factor


def share(total: int, parts: int, part: int) -> int:
    """What one of several equal parts gets of a whole amount; the parts sum to it exactly."""
    return total * (part + 1) // parts - total * part // parts


class World:
    """Stores, products and facts.

    seed: everything is a function of it and the other arguments. days: nights of pulls, the last one for `end`.
    asins: products of the seller, sold by every store. stores: id to region and marketplaces. scale: demand, 1 is about
    1.5 order lines a day for an average offer in the United States. oddities: factor on how often strange cases occur.
    languages: which languages buyers write in (empty: those of their marketplace). history_days: how many days of
    orders and returns before the first night its first pulls ask for.
    """

    def __init__(
        self,
        seed: int,
        days: int,
        end: date,
        asins: int = 200,
        stores: Mapping[str, StoreLike] | None = None,
        *,
        scale: float = 1.0,
        oddities: float = 1.0,
        languages: Sequence[str] = (),
        history_days: int = 30,
    ) -> None:
        if days < 1 or asins < 1 or history_days < 0:
            raise ValueError("a world needs at least one day and one ASIN, and no negative history")
        self.seed = seed
        self.days = days
        self.end = end
        self.stores: dict[str, StoreLike] = dict(DEMO_STORES if stores is None else stores)
        self.scale = scale
        self.oddities = oddities
        self.languages = tuple(languages)
        self.history_days = history_days
        self.first_night = end - timedelta(days=days - 1)
        self.first_known = self.first_night - timedelta(days=history_days)
        self.products = draw_products(seed, asins)
        self._slots = {name: number for number, name in enumerate(all_marketplaces())}
        self.facts: dict[str, Facts] = {}
        for position, (store_id, store) in enumerate(self.stores.items()):
            facts = Facts()
            for code in store.marketplaces:
                street = _Street(self, store_id, store, position, get_marketplace(code))
                for back in range((end - self.first_known).days + WARM_UP_DAYS, -1, -1):
                    facts.add(street.draw(end - timedelta(days=back)))
            self.facts[store_id] = facts

    def home(self, store_id: str) -> Marketplace:
        """The store's first marketplace."""
        return get_marketplace(self.stores[store_id].marketplaces[0])

    def day(self, store_id: str, marketplace: str | None, at: datetime) -> date:
        """Day of an instant in its marketplace, or in the store's first one where it has none."""
        found = self.home(store_id) if marketplace is None else get_marketplace(marketplace)
        return at.astimezone(ZoneInfo(found.time_zone)).date()

    @cached_property
    def personal_data(self) -> frozenset[str]:
        """Invented personal data that buyers left in their words; none of it may be stored anywhere."""
        return frozenset(
            word
            for facts in self.facts.values()
            for text in (*(r.comment for r in facts.fba_returns), *(r.body for r in facts.reviews))
            if text is not None
            for word in text.personal
        )

    @cached_property
    def lines_by_purchase(self) -> dict[str, dict[date, list[OrderLine]]]:
        """Order lines by store and UTC day of purchase."""
        return {s: _bucket((line.purchase_at.date(), line) for line in f.lines) for s, f in self.facts.items()}

    @cached_property
    def lines_by_update(self) -> dict[str, dict[date, list[OrderLine]]]:
        """Order lines by store and each UTC day on which they changed."""
        return {
            s: _bucket((since.date(), line) for line in f.lines for since, _ in line.states)
            for s, f in self.facts.items()
        }

    @cached_property
    def fba_by_day(self) -> dict[str, dict[date, list[FbaReturn]]]:
        """FBA returns by store and each UTC day they are ever dated on."""
        return {
            s: _bucket((dated.date(), r) for r in f.fba_returns for _, dated in r.dates) for s, f in self.facts.items()
        }

    @cached_property
    def mfn_by_day(self) -> dict[str, dict[date, list[MfnReturn]]]:
        """Seller-fulfilled returns by store and UTC day of the request."""
        return {s: _bucket((r.request_at.date(), r) for r in f.mfn_returns) for s, f in self.facts.items()}

    def is_cancelled(self, feed: str, store_id: str, at: datetime) -> bool:
        """Whether a request of that minute is throttled away. The pulls of the last night never are."""
        if at.date() > self.end or feed not in _CANCELLED_SHARE:
            return False
        return chance(self.seed, "cancelled", feed, store_id, at.isoformat("T", "minutes")) < _CANCELLED_SHARE[feed]


_Fact = TypeVar("_Fact")
_CANCELLED_SHARE = {"fba_returns": 0.05, "mfn_returns": 0.05, "orders": 0.03}


def _bucket(pairs: Iterable[tuple[date, _Fact]]) -> dict[date, list[_Fact]]:
    """Values by day, each once a day, in the order they came."""
    found: dict[date, dict[int, _Fact]] = defaultdict(dict)
    for day, value in pairs:
        found[day][id(value)] = value
    return {day: list(values.values()) for day, values in found.items()}


class _Street:
    """The buyers of one store in one marketplace: draws the facts of a day."""

    def __init__(self, world: World, store_id: str, store: StoreLike, position: int, place: Marketplace) -> None:
        self.world, self.store_id, self.store, self.place = world, store_id, store, place
        self.zone = ZoneInfo(place.time_zone)
        self.is_home = place.marketplace == store.marketplaces[0]
        self.slot = position * 25 + world._slots[place.marketplace]
        self.offers: list[tuple[Product, str]] = []
        weights = []
        for product in world.products:
            if not self.is_home and chance(world.seed, "offer", store_id, place.marketplace, product.index) > 0.85:
                continue
            for channel in product.channels:
                self.offers.append((product, channel))
                weights.append(product.weight * (1.0 if len(product.channels) == 1 else 0.6))
        self.weights = np.array(weights) * LINES_A_DAY * tables()["demand"].get(place.marketplace, 0.25) * world.scale
        self.hours = np.cumsum(_HOURS) / _HOURS.sum()
        self.yen = place.currency in CURRENCIES_WITHOUT_DECIMALS
        self.tax_share = 0.08 if store.region == "na" else 0.0

    def odd(self, share_of_cases: float) -> bool:
        """Whether a strange case happens, of which this share is usual."""
        return bool(self.rng.random() < min(0.5, share_of_cases * self.world.oddities))

    def between(self, low: float, high: float) -> timedelta:
        """A stretch of days, in whole seconds."""
        return timedelta(seconds=int(self.rng.uniform(low, high) * 86_400))

    def spread(self, median: float, sigma: float, low: float, high: float) -> timedelta:
        """A stretch of days with a long tail."""
        return timedelta(seconds=int(np.clip(self.rng.lognormal(math.log(median), sigma), low, high) * 86_400))

    def money(self, amount: float) -> int:
        """An amount that the currency can be paid in."""
        return round(amount / HUNDREDTHS) * HUNDREDTHS if self.yen else round(amount)

    def part(self, total: int, parts: int, part: int) -> int:
        """Like `share`, in amounts that the currency can be paid in."""
        return share(total // HUNDREDTHS, parts, part) * HUNDREDTHS if self.yen else share(total, parts, part)

    def order_id(self, kind: str = "") -> str:
        """The next order number of the day."""
        self.issued += 1
        number = ((self.today.toordinal() - 730_000) * 1_000 + self.slot) * 20_000 + self.issued
        scrambled = number * _SCRAMBLE % 10**14
        prefixes = _PREFIXES[self.store.region]
        return f"{kind or prefixes[scrambled % len(prefixes)]}-{scrambled // 10**7:07d}-{scrambled % 10**7:07d}"

    def draw(self, day: date) -> Facts:
        """All facts that follow from the purchases of one local day."""
        self.rng = generator(self.world.seed, "day", self.store_id, self.place.marketplace, day.toordinal())
        self.today, self.issued, self.facts = day, 0, Facts()
        self.plates: list[tuple[str, str]] = []
        if day.day == 7:
            self._charge(
                datetime(day.year, day.month, 7, 12, tzinfo=UTC),
                "other-transaction",
                "other-transaction",
                "Storage Fee",
                -self.money(180 * len(self.offers)),
            )
        counts = self.rng.poisson(self.weights * season(day))
        which = np.repeat(np.arange(len(self.offers)), counts)
        self.rng.shuffle(which)
        hours = np.searchsorted(self.hours, self.rng.random(len(which)), side="right")
        seconds = (hours * 3_600 + self.rng.integers(0, 3_600, len(which))).tolist()
        draws = self.rng.random((len(which), 10)).tolist()
        midnight = datetime(day.year, day.month, day.day, tzinfo=self.zone)
        previous: OrderLine | None = None
        for offer, second, draw in zip(which.tolist(), seconds, draws, strict=True):
            product, channel = self.offers[offer]
            joined = None
            if previous is not None and previous.marketplace is not None and draw[0] < 0.06:
                joined = previous
                if draw[0] < 0.012:  # the same item once more in the same order, on a line of its own
                    product, channel = previous.product, previous.channel
            purchase_at = (
                joined.purchase_at
                if joined
                else (
                    midnight.replace(hour=second // 3_600, minute=second // 60 % 60, second=second % 60).astimezone(UTC)
                )
            )
            previous = self._sell(product, channel, purchase_at, draw, joined)
        return self.facts

    # -- orders ---------------------------------------------------------------------------------------------------

    def _sell(
        self, product: Product, channel: str, purchase_at: datetime, draw: list[float], joined: OrderLine | None
    ) -> OrderLine:
        quantity = 1 if draw[1] < 0.88 else 2 if draw[1] < 0.97 else 3
        is_outside = (
            joined is None and self.is_home and channel == "FBA" and draw[2] < min(0.2, 0.025 * self.world.oddities)
        )
        price = 0 if is_outside else product.price(self.place.currency) * quantity
        if draw[3] < 0.15:
            price = self.money(price * 0.85)
        line = OrderLine(
            store=self.store_id,
            marketplace=None if is_outside else self.place.marketplace,
            product=product,
            channel=channel,
            sku=product.sku(channel),
            order_id=joined.order_id if joined else self.order_id("S02" if is_outside else ""),
            purchase_at=purchase_at,
            local_day=self.today,
            quantity=quantity,
            price=price,
            tax=self.money(price * self.tax_share),
            promotion=self.money(price * 0.1) if draw[4] < 0.08 else 0,
            currency=self.place.currency,
            states=joined.states if joined and joined.channel == channel else self._states(purchase_at, channel, draw),
            cancelled_quantity=(0, None, quantity)[int(draw[5] * 3)],
            place=int(draw[6] * 1_000),
            is_business=draw[7] < 0.06,
        )
        self.facts.lines.append(line)
        shipped_at = line.shipped_at
        if shipped_at is None:
            return line
        back = (
            sum(self.rng.random() < product.rate for _ in range(quantity)) if quantity > 1 else draw[8] < product.rate
        )
        if back:
            if channel == "FBA":
                self._fba_return(line, int(back))
            else:
                self._mfn_return(line, int(back))
        elif not is_outside and draw[9] < 0.012:
            # no unit comes back, but money does: returnless (all of one unit) or a part of the price
            part = 1.0 if draw[9] < 0.008 else 0.3
            refund = self._refund(line, shipped_at + self.between(3, 20), [0], part=part, is_returned=False)
            if refund and channel == "FBA" and part == 1.0:
                self._reimburse(refund)
        if not is_outside and self.rng.random() < 0.06:
            self._review(line, bool(back))
        return line

    def _states(self, purchase_at: datetime, channel: str, draw: list[float]) -> tuple[tuple[datetime, str], ...]:
        pending = (purchase_at, "Pending")
        if draw[9] > 0.996:
            return (pending,)
        if draw[9] > 0.971:
            return (pending, (purchase_at + self.between(0.05, 0.9), "Cancelled"))
        paid_at = purchase_at + self.between(0.015, 0.06)
        paid = (paid_at, "Unshipped")
        if draw[9] > 0.961:
            return (pending, paid, (paid_at + self.between(0.1, 1.5), "Cancelled"))
        shipped_at = paid_at + self.between(0.2, 1.7 if channel == "FBA" else 2.4)
        shipped = (shipped_at, "Shipped")
        if channel == "FBM" and draw[9] < 0.3:
            return (pending, paid, shipped, (shipped_at + self.between(2, 5), "Shipped - Delivered to Buyer"))
        return (pending, paid, shipped)

    def _replace(self, line: OrderLine, asked_at: datetime) -> None:
        """A free replacement; a few of them come back as well."""
        at = asked_at + self.between(0.05, 1.0)
        paid, shipped = at + timedelta(minutes=30), at + self.between(0.3, 1.5)
        copy = OrderLine(
            store=self.store_id,
            marketplace=line.marketplace,
            product=line.product,
            channel=line.channel,
            sku=line.sku,
            order_id=self.order_id(),
            purchase_at=at,
            local_day=at.astimezone(self.zone).date(),
            quantity=1,
            price=0,
            tax=0,
            promotion=0,
            currency=line.currency,
            states=((at, "Pending"), (paid, "Unshipped"), (shipped, "Shipped")),
            cancelled_quantity=0,
            place=line.place,
            is_replacement=True,
            original_order_id=line.order_id,
        )
        self.facts.lines.append(copy)
        if copy.channel == "FBA" and self.odd(0.1):
            self._fba_return(copy, 1)

    # -- returns --------------------------------------------------------------------------------------------------

    def _asked_at(self, line: OrderLine) -> datetime:
        """When the buyer asks to return: mostly within two weeks, some after months; gifts wait for January."""
        if self.rng.random() < 0.03:
            return line.purchase_at + self.between(35, 110)
        at = line.purchase_at + self.spread(6.2, 0.55, 2.2, 38)
        bought = line.local_day
        if bought.month >= 11 and self.rng.random() < 0.5:
            after = datetime(bought.year, 12, 26, 9, tzinfo=UTC) + timedelta(
                seconds=int(self.rng.beta(1.3, 2.2) * 36 * 86_400)
            )
            at = max(at, after)
        shipped_at = line.shipped_at
        return at if shipped_at is None else max(at, shipped_at + timedelta(hours=14))

    def _reason(self, product: Product, channel: str) -> tuple[str, str]:
        """The reason behind a return, and the code under which the buyer files it."""
        reason = product.why[int(np.searchsorted(product.why_cumulative[:-1], self.rng.random(), side="right"))]
        codes = tables()["codes"][channel]
        filed = reason if reason in codes else tables()["codes"]["stand_in"][reason]
        if filed not in codes:
            filed = "unclear"
        if self.rng.random() < 0.08:
            filed = "changed_mind"
        if self.odd(0.002):
            filed = "unmapped"
        return reason, codes[filed][int(self.rng.integers(0, len(codes[filed])))]

    def _fba_return(self, line: OrderLine, units: int) -> None:
        asked_at = self._asked_at(line)
        product = line.product
        if units > 1 and self.rng.random() < 0.5:
            # one parcel, processed together: rows without plates that differ in nothing, or one row for both
            processed_at = asked_at + self.spread(3.6, 0.45, 1, 25)
            reason, code = self._reason(product, "FBA")
            in_one_row = self.odd(0.15)
            first = self._unit(line, processed_at, reason, code, quantity=units if in_one_row else 1, is_alike=True)
            if not in_one_row:
                self.facts.fba_returns += [replace(first) for _ in range(units - 1)]
            self._refund(line, processed_at - self.between(0, 1), list(range(units)))
            return
        for unit in range(units):
            processed_at = asked_at + self.spread(3.6, 0.45, 1, 25)
            reason, code = self._reason(product, "FBA")
            self._unit(line, processed_at, reason, code)
            if self.rng.random() < 0.97:
                early = self.between(0, 5) if self.rng.random() < 0.8 else -self.between(0, 2)
                part = 0.5 if self.rng.random() < 0.02 else 1.0
                self._refund(line, max(asked_at + timedelta(hours=6), processed_at - early), [unit], part=part)
        if line.marketplace and not line.is_replacement and not line.used_condition and self.odd(0.02):
            self._replace(line, asked_at)

    def _unit(
        self, line: OrderLine, processed_at: datetime, reason: str, code: str, quantity: int = 1, is_alike: bool = False
    ) -> FbaReturn:
        """A unit at the fulfilment centre, with all that the report will say of it and when."""
        rng = self.rng
        disposition = self._disposition(reason)
        shown_at = processed_at + self._delay()
        plate = "" if is_alike or rng.random() > 0.82 else f"LPNRR{letters(rng, 10)}"
        others = [known for owner, known in self.plates if owner != line.order_id]
        if plate and others and self.odd(0.01):
            plate = others[-1]  # resold as new and returned again, by somebody else
        elif plate:
            self.plates.append((line.order_id, plate))
        statuses: list[tuple[datetime, str]] = [(shown_at, "Unit returned to inventory")]
        if disposition in ("DAMAGED", "CARRIER_DAMAGED") and line.marketplace:
            paid_at = processed_at + self.between(4, 20)
            statuses.append((max(paid_at, shown_at + timedelta(hours=1)), "Reimbursed"))
            self._charge(
                paid_at,
                "other-transaction",
                "FBA Inventory Reimbursement",
                "WAREHOUSE_DAMAGE",
                share(line.price, line.quantity, 0) // 2 // HUNDREDTHS * HUNDREDTHS,
                line,
            )
        dates = [(shown_at, processed_at)]
        moves = 0.05 if plate else 0.02
        if not is_alike and shown_at - processed_at < timedelta(days=5) and self.odd(moves):
            moved_at = shown_at + self.between(0.7, 12)
            to = processed_at + timedelta(
                days=int(rng.choice([-4, -3, -2, -1, 1, 2, 3, 5])), hours=int(rng.integers(0, 9))
            )
            dates.append((moved_at, min(to, moved_at - timedelta(hours=1))))
        order_id, sku = line.order_id, line.sku
        known: OrderLine | None = line
        strange = rng.random() / self.world.oddities
        if line.marketplace and not line.used_condition and not is_alike:
            if strange < 0.006:
                order_id, known = "", None
            elif strange < 0.010:
                order_id, known = self.order_id("RE402"), None
            elif strange < 0.018:
                sku = f"{line.sku}-OLD"  # the listing was renamed: only order and ASIN still match
        text = (
            None
            if is_alike or rng.random() < 0.5
            else comment(rng, self.place.marketplace, reason, self.world.languages)
        )
        unit = FbaReturn(
            store=self.store_id,
            line=known,
            order_id=order_id,
            product=line.product,
            sku=sku,
            quantity=quantity,
            centre=_CENTRES[self.store.region][int(rng.integers(0, 3))],
            disposition=disposition,
            code=code,
            reason=reason,
            statuses=tuple(statuses),
            plate=plate,
            comment=text,
            dates=tuple(dates),
        )
        self.facts.fba_returns.append(unit)
        if line.product.category in ("Apparel", "Shoes") and line.marketplace:
            fee = self.money(240 * tables()["price_level"][line.currency])
            self._charge(
                processed_at, "other-transaction", "ItemFees", "FBACustomerReturnPerUnitFee", -fee * quantity, line
            )
        if known is not None and plate and disposition in ("CUSTOMER_DAMAGED", "DEFECTIVE"):
            self._grade(line, unit, processed_at)
        return unit

    def _delay(self) -> timedelta:
        """How long after its processing a row shows up: hours, now and then weeks, rarely too late for a look-back."""
        kind = self.rng.random() / self.world.oddities
        if kind < 0.004:
            return self.between(37, 60)
        if kind < 0.04:
            return self.between(5, 28)
        if kind < 0.2:
            return self.between(1, 4)
        return self.between(0.05, 0.8)

    def _disposition(self, reason: str) -> str:
        kind = self.rng.random()
        if reason == "defective":
            return "DEFECTIVE" if kind < 0.8 else "SELLABLE"
        if reason == "damaged":
            return "CARRIER_DAMAGED" if kind < 0.5 else "DAMAGED" if kind < 0.7 else "CUSTOMER_DAMAGED"
        if reason == "used_or_counterfeit":
            return "CUSTOMER_DAMAGED"
        return "SELLABLE" if kind < 0.7 else "CUSTOMER_DAMAGED" if kind < 0.92 else "DEFECTIVE"

    def _mfn_return(self, line: OrderLine, units: int) -> None:
        asked_at = self._asked_at(line)
        if units > 1 and self.rng.random() < 0.6:
            # each unit has its own request, both on one day
            for unit in range(units):
                self._request(line, asked_at + timedelta(minutes=5 * unit), [unit])
        else:
            self._request(line, asked_at, list(range(units)))

    def _request(self, line: OrderLine, asked_at: datetime, units: list[int]) -> None:
        rng = self.rng
        reason, code = self._reason(line.product, "FBM")
        draw = rng.random()
        resolution = (
            "StandardRefund"
            if draw < 0.78
            else "RefundAtFirstScan"
            if draw < 0.88
            else "ReturnlessRefund"
            if draw < 0.94
            else "Replacement"
        )

        # asked of the request, not of the generator: whatever else is drawn stays as it is
        def happens(what: str, usual: float) -> bool:
            return chance(self.world.seed, what, line.order_id, units) < min(0.4, usual * self.world.oddities)

        shown_at = asked_at + (self.between(0.03, 0.4) if rng.random() < 0.97 else self.between(1, 6))
        states = [(shown_at, MfnState("Approved"))]
        is_lost = resolution == "RefundAtFirstScan" and happens("parcel lost", 0.04)
        fate = rng.random()
        a_to_z = bool(fate < 0.03)
        safet_at = None
        if 0.03 <= fate < 0.08:
            states.append((shown_at + self.between(0.3, 2), MfnState("Rejected")))
        elif fate < 0.9:
            arrived = asked_at + self.between(2, 7)
            is_awaited = resolution != "ReturnlessRefund" and not is_lost
            arrived_on = arrived.astimezone(self.zone).date() if is_awaited else None
            done_at = max(arrived, shown_at) + self.between(0.2, 4)
            refund = None
            if resolution == "Replacement":
                self._replace(line, asked_at)
            else:
                kind = "A-to-z Guarantee Refund" if a_to_z else "Chargeback Refund" if rng.random() < 0.01 else "Refund"
                restocked = 0.2 if rng.random() < 0.05 else 0.0
                refund = self._refund(line, done_at, units, kind=kind, restocked=restocked)
            if arrived_on and arrived + timedelta(hours=2) < done_at:
                states.append((max(arrived, shown_at), MfnState("Approved", None, arrived_on)))
            filled = rng.random()
            amount = refund.amount if refund and filled < 0.55 else None
            states.append((done_at, MfnState("Completed", amount, arrived_on)))
            if refund and 0.55 <= filled < 0.8:
                states.append((done_at + self.between(1, 9), MfnState("Completed", refund.amount, arrived_on)))
            if refund and rng.random() < 0.06:
                safet_at = done_at + self.between(0.5, 5)
                last = states[-1][1]
                amount = refund.amount if last.refunded is not None else None
                states.append(
                    (
                        max(safet_at, states[-1][0] + timedelta(hours=1)),
                        MfnState("Completed", amount, arrived_on, "Awaiting Seller Response"),
                    )
                )
                states.append(
                    (
                        states[-1][0] + self.between(5, 15),
                        MfnState("Completed", amount, arrived_on, "Granted", self.money(refund.amount / 2)),
                    )
                )
        if happens("waits for an answer", 0.03):
            answered_at = shown_at + timedelta(hours=6 + int(chance("answer", line.order_id, units) * 150))
            states[0] = (shown_at, MfnState("Pending"))
            if len(states) == 1 or answered_at < states[1][0]:
                states.insert(1, (answered_at, MfnState("Approved")))
        is_prepaid = rng.random() < 0.7
        self.facts.mfn_returns.append(
            MfnReturn(
                store=self.store_id,
                line=line,
                request_at=asked_at,
                rma="" if self.odd(0.01) and len(units) == line.quantity else f"D{letters(rng, 8)}RMA",
                quantity=len(units),
                code=code,
                reason=reason,
                resolution=resolution,
                label_cost=self.money(rng.uniform(300, 900) * tables()["price_level"][line.currency])
                if is_prepaid
                else None,
                label_payer="Seller" if is_prepaid else "Customer",
                tracking=f"9202{rng.integers(10**15, 10**16)}",
                carrier=_CARRIERS[self.store.region],
                in_policy=bool(rng.random() < 0.93),
                a_to_z=a_to_z,
                safet_id=f"{rng.integers(10**9, 10**10)}" if safet_at else "",
                safet_at=safet_at,
                states=tuple(states),
            )
        )

    def _refund(
        self,
        line: OrderLine,
        at: datetime,
        units: list[int],
        *,
        part: float = 1.0,
        kind: str = "Refund",
        restocked: float = 0.0,
        is_returned: bool = True,
    ) -> Refund | None:
        """Money back for some units of a line; nothing for a line that cost nothing."""
        goods = sum(self.part(line.price, line.quantity, unit) for unit in units)
        if goods == 0 or line.marketplace is None:
            return None
        tax = sum(self.part(line.tax, line.quantity, unit) for unit in units)
        promotion = sum(self.part(line.promotion, line.quantity, unit) for unit in units)
        if part < 1.0:
            goods, tax, promotion = (self.money(amount * part) for amount in (goods, tax, promotion))
        refund = Refund(
            line=line,
            posted_at=at,
            kind=kind,
            units=len(units),
            goods=goods,
            tax=tax,
            promotion=promotion,
            restocking=self.money(goods * restocked),
            adjustment_id="" if self.rng.random() < 0.2 else f"adj-{letters(self.rng, 12).lower()}",
            is_returned=is_returned,
            writes_units=bool(self.rng.random() < 0.6),
        )
        self.facts.refunds.append(refund)
        return refund

    def _reimburse(self, refund: Refund) -> None:
        """What Amazon pays for a unit that never came back: nothing, half of it, or all of it in two instalments."""
        draw = chance(self.world.seed, "reimbursed", refund.line.order_id, refund.line.sku)
        first = refund.posted_at + timedelta(days=61, hours=int(draw * 200))
        for instalment in range(0 if draw < 0.4 else 1 if draw < 0.7 else 2):
            self._charge(
                first + timedelta(days=9 * instalment),
                "other-transaction",
                "FBA Inventory Reimbursement",
                "REVERSAL_REIMBURSEMENT",
                self.part(refund.amount, 2, instalment),
                refund.line,
            )

    # -- what follows ---------------------------------------------------------------------------------------------

    def _grade(self, line: OrderLine, unit: FbaReturn, processed_at: datetime) -> None:
        """Evaluate a returned unit for resale as used, and perhaps sell it."""
        rng = self.rng
        is_new = not line.is_replacement and not line.used_condition
        if self.place.marketplace not in _GRADED_IN or line.marketplace is None or not is_new or rng.random() > 0.55:
            return
        graded_at = processed_at + self.between(3, 20)
        listed_at = graded_at + self.between(0.3, 2)
        event_day = graded_at.astimezone(self.zone).date()
        charge = 150 if line.product.price_usd < 25 else 180
        if rng.random() < 0.18:
            states = ((listed_at, ("", "")),)
            self.facts.graded.append(
                Graded(
                    self.store_id,
                    self.place.marketplace,
                    unit,
                    event_day,
                    "Failed",
                    "Not eligible for resale",
                    states,
                    0,
                    listed_at,
                )
            )
            return
        grade = int(rng.choice(4, p=[0.25, 0.4, 0.25, 0.1]))
        token = letters(rng, 13)
        named = [(_CONDITIONS[grade][0], f"amzn.gr.{line.sku}-{token}-{_CONDITIONS[grade][1]}")]
        conditions = [(listed_at, named[0])]
        if grade < 3 and self.odd(0.05):  # looked at again, and found a grade lower
            grade += 1
            listed_at += self.between(1, 3)
            named.append((_CONDITIONS[grade][0], f"amzn.gr.{line.sku}-{token}-{_CONDITIONS[grade][1]}"))
            conditions.append((listed_at, named[-1]))
        self.facts.graded.append(
            Graded(
                self.store_id,
                self.place.marketplace,
                unit,
                event_day,
                "Succeeded",
                "",
                tuple(conditions),
                charge,
                listed_at,
            )
        )
        self._charge(
            listed_at,
            "Grade and Resell Fees",
            "Grade and Resell Charge",
            line.product.title(self.place.language[:2]),
            -charge,
        )
        if rng.random() > 0.7:
            return
        bought_at = listed_at + self.spread(9, 0.8, 0.5, 45)
        shipped_at = bought_at + self.between(0.3, 1.5)
        used_sku = named[-1][1]
        sale = OrderLine(
            store=self.store_id,
            marketplace=line.marketplace,
            product=line.product,
            channel="FBA",
            sku=used_sku.upper() if chance(token) < 0.1 else used_sku,
            order_id=self.order_id(),
            purchase_at=bought_at,
            local_day=bought_at.astimezone(self.zone).date(),
            quantity=1,
            price=self.money(line.product.price(line.currency) * _CONDITIONS[grade][2]),
            tax=0,
            promotion=0,
            currency=line.currency,
            states=((bought_at, "Pending"), (bought_at + timedelta(minutes=40), "Unshipped"), (shipped_at, "Shipped")),
            cancelled_quantity=0,
            place=line.place,
            used_condition=named[-1][0],
        )
        self.facts.lines.append(sale)
        if self.rng.random() < 0.15:
            self._fba_return(sale, 1)

    def _review(self, line: OrderLine, is_returned: bool) -> None:
        rng = self.rng
        written_at = line.purchase_at + self.spread(14, 0.6, 3, 60)
        is_critical = rng.random() < (0.7 if is_returned else (5.0 - line.product.stars) * 0.17)
        stars = (
            int(rng.choice([1, 2, 3], p=[0.5, 0.2, 0.3])) if is_critical else int(rng.choice([4, 5], p=[0.25, 0.75]))
        )
        reason = self._reason(line.product, "FBA")[0] if is_critical else None
        title, body = review(rng, self.place.marketplace, reason, self.world.languages)
        votes = [(written_at + timedelta(hours=6), 0)]
        if rng.random() < 0.2:
            votes.append((written_at + self.between(1, 25), int(rng.integers(1, 40)) if rng.random() < 0.95 else 1_341))
        self.facts.reviews.append(
            Review(
                self.store_id,
                self.place.marketplace,
                line.product,
                written_at,
                stars,
                title,
                body,
                f"A{letters(rng, 12)}",
                bool(rng.random() < 0.9),
                tuple(votes),
                self.odd(0.015),
            )
        )

    def _charge(
        self, at: datetime, transaction: str, kind: str, description: str, amount: int, line: OrderLine | None = None
    ) -> None:
        self.facts.charges.append(
            Charge(
                self.store_id,
                self.place.marketplace,
                at,
                transaction,
                kind,
                description,
                amount,
                line.order_id if line else "",
                line.sku if line else "",
            )
        )
