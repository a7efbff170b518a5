"""What the page says: the figures of a month as texts and drawings in one language, the same for HTML and PDF.

Belongs here: wording, order, what is left out where nothing is known. Does not belong: figures, layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from panel.data import Row
from panel.report import drawing
from panel.report.drawing import Drawing
from panel.report.figures import TREND, Five, Item, Month, change, months_before
from panel.text import NONE, Words

Tone = Literal["", "good", "bad"]

#: reasons drawn, the rest summed
_REASONS = 7
#: currencies that there is room for
_CURRENCIES = 3
_TABLES = (
    "mart_asin_daily, fct_returns, fct_refunds, fct_reviews, mart_recovery, mart_high_return_fee, "
    "mart_holiday_returns, ops_windows"
)


@dataclass(frozen=True)
class Change:
    """How a figure stands against another month's."""

    text: str
    against: str
    tone: Tone = ""


@dataclass(frozen=True)
class Tile:
    """One of the five figures."""

    label: str
    values: tuple[str, ...]
    note: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Line:
    """A row of the table of items, each text by column."""

    asin: str
    title: str
    place: str
    units: str
    rate: str
    interval: str
    category: str
    reason: str
    advice: str


@dataclass(frozen=True)
class Panel:
    """A box: rows of a name and its values, then notes. heads: what the values of each column are about."""

    title: str
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """The whole page."""

    language: str
    title: str
    scope: str
    stamp: str
    release: str
    summary: str
    tiles: tuple[Tile, ...]
    trend_title: str
    trend: Drawing
    reasons_title: str
    reasons: Drawing
    worst_title: str
    worst_lead: str
    worst_none: str
    heads: tuple[str, ...]
    worst: tuple[Line, ...]
    panels: tuple[Panel, ...]
    caveats_title: str
    caveats: tuple[str, ...]
    sources_title: str
    sources: str
    made: str


def write(month: Month, say: Words) -> Page:
    """The page of a month in the language of the words."""
    period = month.now.period
    name = say.month_in_full(period.first)
    title = say("report.title", month=name)
    if not month.is_whole:
        title = say("report.title_part", month=name, day=period.last.day)
    return Page(
        language=say.language,
        title=title,
        scope=say(
            "report.scope",
            stores=_join(month.stores, say),
            marketplaces=_join((say.code("marketplace", code) for code in month.marketplaces), say),
        ),
        stamp=say("report.stamp", day=say.day(month.as_of)),
        release=say("report.release", id=month.release_id),
        summary=("" if say.language == "zh" else " ").join(_summary(month, say)),
        tiles=tuple(_tiles(month, say)),
        trend_title=say("report.trend"),
        trend=_trend(month, say),
        reasons_title=say("report.reasons", month=say.month(month.before.period.first))
        if month.before
        else say("report.reasons_alone"),
        reasons=_reasons(month, say),
        worst_title=say("report.worst"),
        worst_lead=say("report.worst_lead"),
        worst_none=say("report.worst_none"),
        heads=tuple(
            say(f"report.{key}") for key in ("item", "returned_of", "rate", "category_rate", "top_reason", "advice")
        ),
        worst=tuple(_line(item, say) for item in month.worst),
        panels=tuple(
            panel
            for panel in (_money(month, say), _fee(month, say), _season(month, say), _complete(month, say))
            if panel is not None
        ),
        caveats_title=say("report.caveats"),
        caveats=tuple(_caveats(month, say)),
        sources_title=say("report.sources"),
        sources=say(
            "report.sources_text",
            reports=say.count(month.deliveries["reports"]),
            feeds=_join((say.code("feed", feed) for feed in month.deliveries["feeds"] or ()), say),
            tables=_TABLES,
            id=month.release_id,
        ),
        made=say("report.made"),
    )


def _join(texts: Iterable[str], say: Words) -> str:
    """Texts of a list."""
    return ("、" if say.language == "zh" else ", ").join(texts) or NONE


def _summary(month: Month, say: Words) -> Iterator[str]:
    now = month.now.totals
    if now.rate.value is None:
        yield say("report.summary_none", returned=say.count(now.returned))
    else:
        yield say("report.summary", returned=say.count(now.returned), rate=say.share(now.rate.value))
        compared = [
            {"points": say.points(now.rate.value - other.totals.rate.value), "month": say.month(other.period.first)}
            for other in (month.before, month.year_ago)
            if other is not None and other.totals.rate.value is not None
        ]
        if len(compared) == 2:
            year = {f"{key}_year": value for key, value in compared[1].items()}
            yield say("report.summary_both", **compared[0], **year)
        elif compared:
            yield say("report.summary_before", **compared[0])
    if not month.is_whole:
        yield say("report.part")


# ---- the five figures -----------------------------------------------------------------------------------------------


def _tiles(month: Month, say: Words) -> Iterator[Tile]:
    now = month.now
    others = ((month.before, 1), (month.year_ago, 12))

    def changes(one: Any) -> tuple[Change, ...]:
        made = []
        for other, back in others:
            name = say.month(months_before(now.period.first, back))
            if other is None:
                made.append(Change("", say("report.no_before", month=name)))
            else:
                text, tone = one(other)
                key = "against" if text else "not_comparable"
                made.append(Change(text, say(f"report.{key}", month=name), tone))
        return tuple(made)

    rate = now.totals.rate
    without = say("report.unattributed", units=say.count(month.unattributed)) if month.unattributed else ""
    yield Tile(
        say("report.returns"),
        (say.count(now.totals.returned),),
        without,
        changes(lambda other: _relative(say, now.totals.returned, other.totals.returned, worse_up=True)),
    )
    interval = rate.interval
    yield Tile(
        say("report.rate"),
        (say.share(rate.value),),
        say("report.rate_interval", low=say.share(interval[0]), high=say.share(interval[1])) if interval else "",
        changes(lambda other: _points(say, rate.value, other.totals.rate.value, worse_up=True)),
    )
    refunds = now.totals.refunds
    several = say("report.by_currency")
    yield Tile(
        say("report.refunds"),
        tuple(say.money(amount, currency, rounded=True) for currency, amount in _first(refunds)) or (NONE,),
        say("report.refunds_none") if not refunds else say("report.refunds_note") if len(refunds) == 1 else several,
        changes(lambda other: _amount(say, refunds, other.totals.refunds)) if len(refunds) == 1 else (),
    )
    yield Tile(
        say("report.critical"),
        (say.share(now.reviews.value),),
        say("report.critical_note", part=say.count(now.reviews.part), whole=say.count(now.reviews.whole))
        if now.reviews.whole
        else say("report.critical_none"),
        changes(lambda other: _points(say, now.reviews.value, other.reviews.value, worse_up=True)),
    )
    rates = _recovery(now)
    sold = say("report.recovery_note", sold=say.count(sum(row["units_sold"] for row in now.recovery)))
    yield Tile(
        say("report.recovery"),
        tuple(say.share(value) + (f" {currency}" if len(rates) > 1 else "") for currency, value in _first(rates))
        or (NONE,),
        say("report.recovery_none") if not rates else sold if len(rates) == 1 else several,
        changes(lambda other: _recovered(say, rates, _recovery(other))) if len(rates) == 1 else (),
    )


def _first(by_currency: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """As many currencies as there is room for."""
    return list(by_currency.items())[:_CURRENCIES]


def _recovery(five: Five) -> dict[str, float]:
    return {
        row["currency"]: row["net_recovery_rate"]
        for row in five.recovery
        if row["currency"] and row["net_recovery_rate"] is not None
    }


def _tone(difference: float, *, worse_up: bool) -> Tone:
    if abs(difference) < 0.0005:
        return ""
    return "bad" if (difference > 0) == worse_up else "good"


def _relative(say: Words, now: Any, before: Any, *, worse_up: bool) -> tuple[str, Tone]:
    found = change(now, before)
    return ("", "") if found is None else (_signed(say, found), _tone(found, worse_up=worse_up))


def _signed(say: Words, share: float) -> str:
    return ("+" if share > 0 else "") + say.share(share)


def _points(say: Words, now: float | None, before: float | None, *, worse_up: bool) -> tuple[str, Tone]:
    if now is None or before is None:
        return "", ""
    return say.points(now - before), _tone(now - before, worse_up=worse_up)


def _amount(say: Words, now: Mapping[str, Decimal], before: Mapping[str, Decimal]) -> tuple[str, Tone]:
    """The change of the one currency there is."""
    ((currency, amount),) = now.items()
    return _relative(say, amount, before.get(currency), worse_up=True)


def _recovered(say: Words, now: Mapping[str, float], before: Mapping[str, float]) -> tuple[str, Tone]:
    ((currency, rate),) = now.items()
    return _points(say, rate, before.get(currency), worse_up=False)


# ---- charts ---------------------------------------------------------------------------------------------------------


def _trend(month: Month, say: Words) -> Drawing:
    rows = {row["month"]: row for row in month.trend}
    last = month.now.period.first
    points = []
    for back in range(TREND - 1, -1, -1):
        day = months_before(last, back)
        row = rows.get(day)
        share = row["part"] / row["whole"] if row and row["whole"] else None
        points.append(
            drawing.Point(_short(say, day, first=back == TREND - 1), row["returned"] if row else None, share, back == 0)
        )
    steps = 4
    most = drawing.top_of([point.value or 0 for point in points], steps)
    most_share = drawing.top_of([point.share or 0 for point in points], steps)
    digits = 0 if most_share * 100 / steps == round(most_share * 100 / steps) else 1
    return drawing.trend(
        points,
        say(
            "report.trend_say",
            first=say.month(months_before(last, TREND - 1)),
            last=say.month(last),
            returned=say.count(month.now.totals.returned),
            rate=say.share(month.now.totals.rate.value),
        ),
        [say.count(most * step / steps) for step in range(steps + 1)],
        [say.share(most_share * step / steps, digits) for step in range(steps + 1)],
        width=300,
        height=128,
    )


def _short(say: Words, day: date, *, first: bool) -> str:
    """A month on an axis; the year stands at the first one and at each January."""
    if say.language == "zh":
        return f"{day:%y}年{day.month}月" if first else f"{day.month}月"
    name = say.month(day)[:3]
    return f"{name} {day:%y}" if first or day.month == 1 else name


def _reasons(month: Month, say: Words) -> Drawing:
    shown: list[Row] = list(month.reasons[:_REASONS])
    rest = month.reasons[_REASONS:]
    rows = [
        drawing.Bar(
            say.code("reason", row["reason_class"]),
            float(row["share"] or 0),
            say.share(row["share"]),
            _against(say, row["share"], month.reasons_before.get(row["reason_class"], 0.0) if month.before else None),
            float(month.reasons_before.get(row["reason_class"]) or 0) if month.before else None,
        )
        for row in shown
    ]
    if rest:
        share = float(sum(row["share"] or 0 for row in rest))
        rows.append(drawing.Bar(say("other"), share, say.share(share), "", None, is_rest=True))
    listed = "; ".join(f"{bar.name} {bar.text}" for bar in rows)
    return drawing.bars(rows, say("report.reasons_say", list=listed or NONE), width=226, height=128)


def _against(say: Words, now: float | None, before: float | None) -> str:
    return "" if now is None or before is None else say.points(float(now) - float(before))


# ---- tables and boxes -----------------------------------------------------------------------------------------------


def _line(item: Item, say: Words) -> Line:
    row, interval = item.row, item.rate.interval
    share = row["reason_units"] / row["returned"] if row["reason_units"] else None
    reason = say.code("reason", row["reason_class"])
    return Line(
        asin=row["asin"],
        title=_cut(row["title"] or "", 46 if say.language == "en" else 40),
        place=row["marketplace"],
        units=f"{say.count(row['returned'])} / {say.count(row['shipped'])}",
        rate=say.share(item.rate.value),
        interval=f"{say.share(interval[0])}–{say.share(interval[1])}" if interval else "",
        category=say.share(item.category_rate),
        reason=say("report.reason_share", reason=reason, share=say.share(share, 0)) if share is not None else reason,
        advice=say.pick(row, "advice") or NONE,
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _money(month: Month, say: Words) -> Panel:
    """One column per currency."""
    refunds = {row["currency"]: row for row in month.refunds}
    recovered = {row["currency"]: row for row in month.now.recovery if row["currency"]}
    now = month.now.totals.refunds
    currencies = list(dict.fromkeys([*now, *refunds, *recovered, *(row["currency"] for row in month.cost)]))[
        :_CURRENCIES
    ]
    others = [other for other in (month.before, month.year_ago) if other is not None]
    rates = _recovery(month.now)

    def amount(rows: Mapping[str, Row], column: str, currency: str) -> str:
        return say.money(rows[currency][column], currency) if currency in rows else NONE

    rows: list[tuple[str, list[str]]] = [
        (say("report.money_total"), [say.money(now.get(currency), currency) for currency in currencies])
    ]
    for other in others:
        name = say("report.money_change", month=say.month(other.period.first))
        earlier = other.totals.refunds
        changes = [_relative(say, now.get(c), earlier.get(c), worse_up=True)[0] or NONE for c in currencies]
        rows.append((name, changes))
    rows += [
        (
            say("report.money_count"),
            [say.count(refunds[currency]["refunds"]) if currency in refunds else NONE for currency in currencies],
        ),
        (say("report.money_without"), [amount(refunds, "without_return", currency) for currency in currencies]),
        (say("report.money_kept"), [amount(refunds, "fee_kept", currency) for currency in currencies]),
        (say("report.money_used"), [amount(recovered, "net_sales", currency) for currency in currencies]),
    ]
    cost = {row["currency"]: row for row in month.cost}
    rows.append(
        (
            say("report.money_cost", day=say.day(month.as_of)),
            [say.cost_sign(cost[c]) + say.money(cost[c]["total_cost"], c) if c in cost else NONE for c in currencies],
        )
    )
    for other in others if len(currencies) > 1 else ():
        name = say("report.money_change", month=say.month(other.period.first))
        earlier_rates = _recovery(other)
        points = [_points(say, rates.get(c), earlier_rates.get(c), worse_up=False)[0] or NONE for c in currencies]
        rows.append((f"{say('report.money_rate')}, {name}", points))
    known = tuple((name, *texts) for name, texts in rows if any(text != NONE for text in texts))
    notes = [] if known else [say("report.nothing_posted")]
    signs = {say.cost_sign(cost[currency]) for currency in currencies if currency in cost}
    if signs - {""}:
        notes.append(say("cost.line_open" if "≈" in signs else "cost.line_least"))
    back = month.dispositions
    if back["units"]:
        units = say.count(back["units"] - back["sellable"])
        value = say("report.unsellable_value", units=units, whole=say.count(back["units"]))
        notes.append(f"{say('report.unsellable')}: {value}")
    return Panel(say("report.money"), known, tuple(notes), ("", *currencies) if len(currencies) > 1 else ())


def _fee(month: Month, say: Words) -> Panel:
    first, last = months_before(month.now.period.first, 2), month.now.period.first
    unknown = [say("report.fee_unknown", items=say.count(month.fee_unknown))] if month.fee_unknown else []
    if not month.fee:
        return Panel(say("report.fee"), (), tuple(unknown) or (say("report.fee_none"),))
    pairs = [
        (
            say("report.fee_units", first=say.month(first), last=say.month(last)),
            say.count(sum(row["units_charged"] for row in month.fee)),
        ),
        (say("report.fee_items"), say.count(len({(r["store"], r["marketplace"], r["asin"]) for r in month.fee}))),
    ]
    for row in month.fee[:3]:
        name = say(
            "report.fee_row", asin=row["asin"], marketplace=row["marketplace"], month=say.month(row["ship_month"])
        )
        key = "report.fee_value" if row["threshold"] is not None else "report.fee_value_all"
        value = say(
            key,
            units=say.count(row["units_charged"]),
            rate=say.share(row["return_rate"]),
            threshold=say.share(row["threshold"]),
        )
        pairs.append((name, value))
    return Panel(say("report.fee"), tuple(pairs), (say("report.fee_note"), *unknown))


def _season(month: Month, say: Words) -> Panel | None:
    season = month.season
    if season is None:
        return None
    notes = []
    if season.items:
        listed = _join(
            (f"{row['asin']} {row['marketplace']} ({say.count(row['open_units'])})" for row in season.items), say
        )
        notes.append(say("report.season_item", list=listed))
    return Panel(
        say("report.season", name=season.name),
        (
            (say("report.season_shipped"), say.count(season.shipped)),
            (say("report.season_returned"), say.count(season.returned)),
            (say("report.season_open"), say.count(season.open_units)),
            (say("report.season_last"), say.day(season.last_day)),
        ),
        tuple(notes),
    )


def _complete(month: Month, say: Words) -> Panel:
    def days(row: Row) -> str:
        if row["loaded"] == row["days"]:
            return say("report.complete_all")
        key = "report.complete_days" if len(month.stores) < 2 else "report.complete_store_days"
        return say(
            key, loaded=say.count(row["loaded"]), days=say.count(row["days"]), stores=say.count(len(month.stores))
        )

    pairs = tuple((say.code("feed", row["feed"]), days(row)) for row in month.feeds)
    return Panel(say("report.complete"), pairs, () if pairs else (say("report.complete_none"),))


def _caveats(month: Month, say: Words) -> Iterator[str]:
    yield say("report.caveat_basis")
    if (month.as_of - month.now.period.last).days < 45:
        yield say("report.caveat_part")
    if month.unattributed:
        yield say("report.caveat_unattributed", units=say.count(month.unattributed))
    for period in month.gaps_before:
        yield say("report.caveat_gaps", month=say.month(period.first))
    if month.deliveries["quarantined"]:
        yield say(
            "report.caveat_quarantined",
            rows=say.count(month.deliveries["quarantined"]),
            reports=say.count(month.deliveries["reports"]),
        )
    if len(_currencies(month)) > 1:
        yield say("report.caveat_currencies")


def _currencies(month: Month) -> Sequence[str]:
    return sorted({row["currency"] for row in (*month.refunds, *month.now.recovery) if row["currency"]})
