"""The figures of the page: a month beside the month before and the same month a year ago.

Belongs here: choosing periods, asking the release, ranking. Does not belong: SQL, words, formats, layout.

A month that is not over is compared with the same days of the others. A period that begins before the first day with
data is not compared with at all.
"""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from panel import data
from panel.data import Filter, Rate, Release, Row, Totals

#: months of the trend, the month of the page included
TREND = 13
WORST = 5
#: units of the category that join an item's own before it is called worse, as in the marts' default setting
_PRIOR_UNITS = 20


@dataclass(frozen=True)
class Period:
    """Days of a month, both ends included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1


@dataclass(frozen=True)
class Five:
    """The five figures of a period. recovery: currency to net rate; a currency without sales or fees is absent."""

    period: Period
    totals: Totals
    reviews: Rate
    recovery: tuple[Row, ...]


@dataclass(frozen=True)
class Item:
    """An item that came back more than its category, and by how much surely."""

    row: Row
    rate: Rate
    category_rate: float | None
    excess: float


@dataclass(frozen=True)
class Season:
    """A holiday season: what was bought in it, came back, and can still come back."""

    name: str
    shipped: int
    returned: int
    open_units: int
    last_day: date | None
    items: tuple[Row, ...]


@dataclass(frozen=True)
class Month:
    """Everything the page says. before, year_ago: None where the data does not reach back that far.

    cost: of the 30 days to the as-of day, where the month ends on it. fee_unknown: items that may be charged the fee,
    by a threshold that is not known.
    """

    release_id: str
    as_of: date
    scope: Filter
    marketplaces: tuple[str, ...]
    stores: tuple[str, ...]
    now: Five
    before: Five | None
    year_ago: Five | None
    is_whole: bool
    trend: tuple[Row, ...]
    reasons: tuple[Row, ...]
    reasons_before: dict[str, float | None]
    worst: tuple[Item, ...]
    refunds: tuple[Row, ...]
    cost: tuple[Row, ...]
    dispositions: Row
    fee: tuple[Row, ...]
    fee_unknown: int
    season: Season | None
    feeds: tuple[Row, ...]
    gaps_before: tuple[Period, ...]
    deliveries: Row
    unattributed: int = 0


class NothingToReport(Exception):
    """The release has no day of that month; the message says which days it has."""


def months_before(month: date, count: int) -> date:
    """First day of the month that lies `count` months before this one."""
    index = month.year * 12 + month.month - 1 - count
    return date(index // 12, index % 12 + 1, 1)


def period_of(month: date, days: int) -> Period:
    """The first `days` days of a month, or all where it has fewer."""
    return Period(month, month + timedelta(days=min(days, calendar.monthrange(month.year, month.month)[1]) - 1))


def gather(release: Release, month: date, store: str = "") -> Month:
    """The figures of the month that begins on this day.

    Raises NothingToReport where the release has no day of it, and data.NotInRelease where it lacks a mart.
    """
    where = Filter(store=store)
    begins = data.first_day(release, where)
    whole = period_of(month, 31)
    if begins is None or month > release.as_of or whole.last < begins:
        raise NothingToReport(f"{begins}..{release.as_of}" if begins else "")
    is_whole = whole.last <= release.as_of
    now = whole if is_whole else Period(month, release.as_of)
    days = 31 if is_whole else now.days

    def five(period: Period) -> Five | None:
        if period.first < begins:
            return None
        return Five(
            period,
            data.totals_between(release, where, period.first, period.last),
            data.reviews_between(release, where, period.first, period.last),
            tuple(data.recovery_of_month(release, where, period.first)),
        )

    this = Five(
        now,
        data.totals_between(release, where, now.first, now.last),
        data.reviews_between(release, where, now.first, now.last),
        tuple(data.recovery_of_month(release, where, month)),
    )
    before, year_ago = five(period_of(months_before(month, 1), days)), five(period_of(months_before(month, 12), days))
    scopes = [row for row in data.scopes(release) if not store or row["store"] == store]
    return Month(
        release_id=release.release_id,
        as_of=release.as_of,
        scope=where,
        marketplaces=tuple(sorted({row["marketplace"] for row in scopes} - {"unattributed"})),
        stores=tuple(sorted({row["store"] for row in scopes})),
        now=this,
        before=before,
        year_ago=year_ago,
        is_whole=is_whole,
        trend=tuple(
            row
            for row in data.by_month(release, where, months_before(month, TREND - 1), now.last)
            if row["month"] >= begins or row["month"] == month  # a month that the data begins in says too little
        ),
        reasons=tuple(data.reasons_between(release, where, now.first, now.last)),
        reasons_before={
            row["reason_class"]: row["share"]
            for row in data.reasons_between(release, where, before.period.first, before.period.last)
        }
        if before
        else {},
        worst=worst(data.items_between(release, where, now.first, now.last)),
        refunds=tuple(data.refund_parts(release, where, now.first, now.last)),
        cost=tuple(data.cost_of_30_days(release, where)) if now.last == release.as_of else (),
        dispositions=data.dispositions_between(release, where, now.first, now.last),
        fee=tuple(data.fee_between(release, where, months_before(month, 2), month)),
        fee_unknown=data.fee_unknown(release, where, months_before(month, 2), month),
        season=season_of(release, where, now),
        feeds=tuple(data.days_in(release, where, now.first, now.last)),
        gaps_before=tuple(
            five.period for five in (before, year_ago) if five is not None and _has_gaps(release, where, five.period)
        ),
        deliveries=data.deliveries_of(release, where, now.first, now.last),
        unattributed=this.totals.returned - this.totals.rate.part,
    )


def _has_gaps(release: Release, where: Filter, period: Period) -> bool:
    return any(row["loaded"] < row["days"] for row in data.days_in(release, where, period.first, period.last))


def worst(rows: Sequence[Row], most: int = WORST) -> tuple[Item, ...]:
    """Items that are credibly worse than their category, the largest sure excess of units first."""
    found = []
    for row in rows:
        usual = None if row["category_rate"] is None else float(row["category_rate"])
        rate = Rate(int(row["returned"]), int(row["shipped"]))
        if usual is None or not rate.whole:
            continue
        joined = Rate(rate.part + round(usual * _PRIOR_UNITS), rate.whole + _PRIOR_UNITS).interval
        if joined is not None and joined[0] > usual:
            found.append(Item(row, rate, usual, (joined[0] - usual) * rate.whole))
    return tuple(sorted(found, key=lambda item: -item.excess)[:most])


def season_of(release: Release, where: Filter, period: Period) -> Season | None:
    """The holiday season whose longer return window is open in these days, if the release knows one."""
    days = data.season_days(release, period.first, period.last)
    if not days or not release.has("mart_holiday_returns"):
        return None
    year = int(days[-1]["season_year"])
    name = f"{year}-{(year + 1) % 100:02d}"
    weeks = data.season_weeks(release, where, name)
    if not weeks:
        return None
    return Season(
        name,
        sum(row["units_shipped"] for row in weeks),
        sum(row["units_returned"] for row in weeks),
        sum(row["open_units"] for row in weeks),
        max((row["last_return_date"] for row in weeks if row["last_return_date"]), default=None),
        tuple(row for row in data.season_asins(release, where, name)[:3] if row["open_units"]),
    )


def change(now: Any, before: Any) -> float | None:
    """Relative change; None where there is nothing to relate to."""
    if now is None or not before:
        return None
    return float(Decimal(now) / Decimal(before)) - 1
