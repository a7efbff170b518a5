"""Every mart once more, in plain pandas: from the facts that are published, by the definitions in docs/metrics.md.

Belongs here: the slow, obvious way (filter the rows of one cell, count them) with no window rings, no rollups and no
SQL. Does not belong: the facts (their truth is the simulator's, see tests/golden), comparing (test_marts.py).

Tables are DataFrames of Python objects: Decimal, date, int, str, None. Each function gives one dict per row of its
mart, with the columns that it can vouch for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import wraps
from math import floor, sqrt
from statistics import NormalDist
from typing import Any

import pandas as pd

from data_contracts.reasons import canonical_code

Row = dict[str, Any]

WINDOWS = (7, 30, 90, 365)
CHANNELS = ("FBA", "FBM", "ALL")
SAYS_NOTHING = ("unclear", "unmapped")
PROCESSING_DAYS_OF_STOCK = 30
_Z = NormalDist().inv_cdf(0.95)


class Tables(dict[str, pd.DataFrame]):
    """Tables by name, and the marts that were computed from them already."""

    def __init__(self, tables: Mapping[str, pd.DataFrame]) -> None:
        super().__init__(tables)
        self.computed: dict[str, list[Row]] = {}


def once(formula: Callable[[Tables], list[Row]]) -> Callable[[Tables], list[Row]]:
    """Marts that others start from are computed once per world."""

    @wraps(formula)
    def compute(tables: Tables) -> list[Row]:
        if formula.__name__ not in tables.computed:
            tables.computed[formula.__name__] = formula(tables)
        return [dict(row) for row in tables.computed[formula.__name__]]

    return compute


# --- arithmetic ------------------------------------------------------------------------------------------------------


def rate(above: Any, below: Any) -> float | None:
    """A quotient; None without a denominator."""
    return float(above) / float(below) if below else None


def wilson(successes: float, trials: float) -> tuple[float | None, float | None]:
    """The 90 % Wilson interval of the textbook, to nine decimals; share at most 1, high end at least the rate."""
    if not trials:
        return None, None
    p = min(successes / trials, 1.0)
    middle = p + _Z**2 / (2 * trials)
    spread = _Z * sqrt(p * (1 - p) / trials + _Z**2 / (4 * trials**2))
    below = 1 + _Z**2 / trials
    low, high = round((middle - spread) / below, 9), round((middle + spread) / below, 9)
    return max(low, 0.0), max(min(high, 1.0), successes / trials)


def shrunk_low(successes: float, trials: float, category_rate: float | None, prior: float) -> float | None:
    """Low end once `prior` units at the category's rate have joined."""
    if category_rate is None:
        return None
    return wilson(successes + prior * category_rate, trials + prior)[0]


def total(amounts: pd.Series) -> Decimal | None:
    """Sum of what is known; None when nothing is."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


def cents(amount: Decimal | None, places: str = "0.01") -> Decimal | None:
    """Rounded half away from zero."""
    return None if amount is None else amount.quantize(Decimal(places), ROUND_HALF_UP)


def in_window(days: pd.Series, as_of: date, length: int, ended: int = 0) -> pd.Series:
    """Which days lie in the window of `length` days that ended `ended` days before the as-of day."""
    last = as_of - timedelta(days=ended)
    first = last - timedelta(days=length - 1)
    return days.map(lambda day: day is not None and first <= day <= last).astype(bool)


def flag(values: pd.Series) -> pd.Series:
    """Truth values, unknown as no."""
    return values.map(lambda value: value is True or value == 1).astype(bool)


def of_channel(rows: pd.DataFrame, channel: str) -> pd.DataFrame:
    """Rows of a channel; all of them for ALL."""
    return rows if channel == "ALL" else rows[rows["channel"] == channel]


def groups(rows: pd.DataFrame, *keys: str) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """Rows by key."""
    if len(rows):
        yield from rows.groupby(list(keys), sort=False, dropna=False)


# --- what counts -----------------------------------------------------------------------------------------------------


def counting_returns(tables: Tables) -> pd.DataFrame:
    """Returns of new items; without a marketplace those of multi-channel orders too."""
    rows = tables["fct_returns"]
    lost = (rows["marketplace"] == "unattributed") & flag(rows["is_multi_channel"])
    lost &= ~flag(rows["is_used"]) & ~flag(rows["is_replacement"])
    return rows[flag(rows["is_new_item"]) | lost]


def cohort_returns(tables: Tables) -> pd.DataFrame:
    """Those of which the purchase is known."""
    rows = counting_returns(tables)
    return rows[(rows["attribution"] != "no_order") & rows["purchase_date"].notna()]


def categories(tables: Tables) -> dict[tuple[Any, ...], str]:
    """Category of an ASIN, `uncategorised` where none is known."""
    found = {(r.store, r.marketplace, r.asin): r.category for r in tables["dim_asin"].itertuples()}
    return {key: category or "uncategorised" for key, category in found.items()}


def positions(tables: Tables) -> dict[str, Any]:
    """Each class as it stands in the taxonomy."""
    return {row["reason_class"]: row for row in tables["dim_reason_class"].to_dict("records")}


def settings(tables: Tables) -> Row:
    """The one row of dim_run."""
    return tables["dim_run"].to_dict("records")[0]


# --- marts -----------------------------------------------------------------------------------------------------------


def settled_days(tables: Tables) -> dict[str, tuple[date, date]]:
    """First and last day that the settlements of a store tell of."""
    lines = tables["fct_settlement_lines"]
    return {store: (min(part["posted_date"]), max(part["posted_date"])) for (store,), part in groups(lines, "store")}


@once
def asin_daily(tables: Tables) -> list[Row]:
    """Units and money of one ASIN, channel and day."""
    orders, refunds = tables["fct_order_lines"], tables["fct_refunds"]
    returns, counted = tables["fct_returns"], counting_returns(tables)
    refunds = refunds.assign(asin=refunds["asin"].map(lambda asin: asin or "unattributed"))
    reporting = set(refunds[refunds["channel"] == "FBM"]["store"])
    reach = settled_days(tables)
    home = {row.marketplace: row.currency for row in tables["dim_marketplace"].itertuples()}
    parts = {
        "orders": orders.assign(date=orders["purchase_date"]),
        "returns": returns.assign(date=returns["return_date"]),
        "refunds": refunds.assign(date=refunds["refund_date"]),
    }
    keys = ("store", "marketplace", "asin", "date")
    sold_by: dict[tuple[Any, ...], set[str]] = {}
    for rows in parts.values():
        for row in rows.itertuples():
            sold_by.setdefault((row.store, row.marketplace, row.asin), set()).add(row.channel)
    cells: dict[tuple[Any, ...], dict[str, pd.DataFrame]] = {}
    for name, rows in parts.items():
        for key, part in groups(rows, *keys):
            cells.setdefault(key, {})[name] = part
    found = []
    for key, cell in cells.items():
        for channel in CHANNELS:
            here = {name: of_channel(cell.get(name, parts[name].iloc[:0]), channel) for name in parts}
            if not any(len(part) for part in here.values()):
                continue
            lines, back, paid = here["orders"], here["returns"], here["refunds"]
            new = lines[flag(lines["is_new_item"])]
            in_rate = back[back.index.isin(counted.index)]
            money = [(row.sales_amount, row.currency) for row in lines.itertuples() if row.sales_amount is not None]
            money += [(row.refund_amount, row.currency) for row in paid.itertuples() if row.refund_amount is not None]
            currencies = {currency for _, currency in money}
            is_mixed = len(currencies) > 1
            refund = total(paid["refund_amount"])
            first, last = reach.get(key[0], (date.max, date.min))
            is_own = (sold_by[key[:3]] if channel == "ALL" else {channel}) == {"FBM"}
            if not len(paid) and (first <= key[3] <= last or (is_own and key[0] in reporting)):
                refund = Decimal(0)
            sales = total(lines["sales_amount"])
            if sales is None and not lines["units_shipped"].sum():
                sales = Decimal(0)
            found.append(
                {
                    **dict(zip(keys, key, strict=True)),
                    "channel": channel,
                    "units_ordered": int(new["units_ordered"].sum()),
                    "units_shipped": int(new["units_shipped"].sum()),
                    "units_cancelled": int(new[flag(new["is_cancelled"])]["units_ordered"].sum()),
                    "units_returned": int(in_rate["units"].sum()),
                    "units_returned_excluded": int(back["units"].sum() - in_rate["units"].sum()),
                    "units_rejected": int(in_rate[flag(in_rate["is_rejected"])]["units"].sum()),
                    "refunds": len(paid),
                    "refund_amount": None if is_mixed else refund,
                    "sales_amount": None if is_mixed else sales,
                    "currency": None if is_mixed else next(iter(currencies), home.get(key[1])),
                    "is_mixed_currency": is_mixed,
                }
            )
    return found


@once
def asin_insights(tables: Tables) -> list[Row]:
    """Rates of one ASIN, channel and window, and whether it stands out of its category."""
    run = settings(tables)
    as_of, prior = run["as_of_date"], float(run["category_prior_units"])
    daily = pd.DataFrame(asin_daily(tables))
    reach = settled_days(tables)
    cohort = cohort_returns(tables)
    over = {(row.marketplace, row.purchase_date): row.is_over for row in tables["dim_return_deadline"].itertuples()}
    category = categories(tables)
    reasons = return_reasons(tables)
    classes = positions(tables)
    tops: dict[tuple[Any, ...], list[Row]] = {}
    for reason in reasons:
        if reason["units"]:
            tops.setdefault(
                tuple(reason[k] for k in ("store", "marketplace", "asin", "channel", "window_days")), []
            ).append(reason)
    found = []
    for key, rows in groups(daily, "store", "marketplace", "asin", "channel"):
        if not in_window(rows["date"], as_of, max(WINDOWS)).any():
            continue
        store, marketplace, asin, channel = key
        bought = of_channel(cohort, channel)
        bought = bought[(bought["store"] == store) & (bought["marketplace"] == marketplace) & (bought["asin"] == asin)]
        for days in WINDOWS:
            now = rows[in_window(rows["date"], as_of, days)]
            before = rows[in_window(rows["date"], as_of, days, ended=days)]
            shipped, returned = int(now["units_shipped"].sum()), int(now["units_returned"].sum())
            came_back = int(bought[in_window(bought["purchase_date"], as_of, days)]["units"].sum())
            matured = sum(
                row.units_shipped for row in now.itertuples() if over.get((marketplace, row.date), False) is True
            )
            spent = now[flag(now["refund_amount"].map(bool)) | flag(now["sales_amount"].map(bool))]
            currencies = set(spent["currency"])
            is_mixed = bool(flag(now["is_mixed_currency"]).any()) or len(currencies) > 1
            refund = total(now["refund_amount"])
            if refund is None and store in reach and reach[store][1] > as_of - timedelta(days=days):
                refund = Decimal(0)
            low, high = wilson(returned, shipped)
            best = min(
                tops.get((*key, days), []),
                key=lambda row: (
                    row["reason_class"] in SAYS_NOTHING,
                    -row["units"],
                    classes[row["reason_class"]]["position"],
                ),
                default=None,
            )
            found.append(
                {
                    **dict(zip(("store", "marketplace", "asin", "channel"), key, strict=True)),
                    "window_days": days,
                    "units_ordered": int(now["units_ordered"].sum()),
                    "units_shipped": shipped,
                    "units_returned": returned,
                    "units_returned_excluded": int(now["units_returned_excluded"].sum()),
                    "units_rejected": int(now["units_rejected"].sum()),
                    "return_rate": rate(returned, shipped),
                    "return_rate_low": low,
                    "return_rate_high": high,
                    "previous_return_rate": rate(before["units_returned"].sum(), before["units_shipped"].sum()),
                    "cohort_units_returned": came_back,
                    "cohort_return_rate": rate(came_back, shipped),
                    "cohort_maturity": rate(matured, shipped),
                    "refund_amount": None if is_mixed else refund,
                    "sales_amount": None if is_mixed else total(now["sales_amount"]) if len(now) else Decimal(0),
                    "top_reason_class": best and best["reason_class"],
                    "top_reason_share": best and best["share"],
                    "advice_code": best and classes[best["reason_class"]]["advice_code"],
                    "category": category.get((store, marketplace, asin), "uncategorised"),
                }
            )
    table = pd.DataFrame(found)
    sums = table.groupby(["store", "marketplace", "channel", "window_days", "category"])[
        ["units_returned", "units_shipped"]
    ].sum()
    for row in found:
        peers = sums.loc[tuple(row[k] for k in ("store", "marketplace", "channel", "window_days", "category"))]
        row["category_return_rate"] = base = rate(peers["units_returned"], peers["units_shipped"])
        low = shrunk_low(row["units_returned"], row["units_shipped"], base, prior)
        row["is_high_return_rate"] = bool(row["units_shipped"] and low is not None and base is not None and low > base)
    return found


@once
def return_reasons(tables: Tables) -> list[Row]:
    """Units of one reason class: by the final verdict, by code and by words; and the buyers' words."""
    as_of = settings(tables)["as_of_date"]
    faults = {name: row["fault"] for name, row in positions(tables).items()}
    found = []
    for (store, marketplace, asin), rows in groups(counting_returns(tables), "store", "marketplace", "asin"):
        for channel in CHANNELS:
            here = of_channel(rows, channel)
            year = here[in_window(here["return_date"], as_of, max(WINDOWS))]
            named = {name for column in _CLASS_COLUMNS for name in year[column] if name is not None}
            for days in WINDOWS:
                now = here[in_window(here["return_date"], as_of, days)]
                before = here[in_window(here["return_date"], as_of, days, ended=days)]
                for name in named:
                    units, earlier = (int(part[part["reason_class"] == name]["units"].sum()) for part in (now, before))
                    found.append(
                        {
                            "store": store,
                            "marketplace": marketplace,
                            "asin": asin,
                            "channel": channel,
                            "window_days": days,
                            "reason_class": name,
                            "units": units,
                            "share": rate(units, now["units"].sum()),
                            "previous_units": earlier,
                            "previous_share": rate(earlier, before["units"].sum()),
                            "units_by_code": int(now[now["reason_class_code"] == name]["units"].sum()),
                            "units_by_text": int(now[now["reason_class_text"] == name]["units"].sum()),
                            "fault": faults.get(name, "unknown"),
                            "sample_comments": _samples(now[now["reason_class"] == name]),
                        }
                    )
    return found


_CLASS_COLUMNS = ("reason_class", "reason_class_code", "reason_class_text")


def _samples(rows: pd.DataFrame) -> list[str]:
    """Three comments: words that agree with the class, then the surest, then the newest; each once."""
    best: dict[str, tuple[int, float, date]] = {}
    for row in rows.itertuples():
        if row.comment is not None and row.comment.strip(" "):
            agrees = int(row.reason_class_text == row.reason_class)
            seen = best.get(row.comment, (0, 0.0, date.min))
            mark = (agrees, float(row.reason_confidence or 0), row.return_date)
            best[row.comment] = (max(seen[0], mark[0]), max(seen[1], mark[1]), max(seen[2], mark[2]))
    order = sorted(best.items(), key=lambda item: item[0])
    order.sort(key=lambda item: item[1], reverse=True)
    return [comment for comment, _ in order[:3]]


def performance(tables: Tables) -> list[Row]:
    """Critical reviews of one ASIN and window, since when they alert, and how far they exceed the category."""
    run = settings(tables)
    as_of, threshold = run["as_of_date"], Decimal(str(run["critical_review_threshold"]))
    prior = float(run["category_prior_units"])
    reviews = tables["fct_reviews"]
    reviews = reviews[reviews["review_date"].notna()]
    category, classes = categories(tables), positions(tables)
    found = []
    for key, rows in groups(reviews, "store", "marketplace", "asin"):
        if not in_window(rows["review_date"], as_of, max(WINDOWS)).any():
            continue
        for days in WINDOWS:
            now = rows[in_window(rows["review_date"], as_of, days)]
            critical = now[flag(now["is_critical"])]
            low, high = wilson(len(critical), len(now))
            is_alert = bool(len(now)) and Decimal(len(critical)) > threshold * len(now)
            named = critical["class_by_text"].map(lambda name: name or "unclear").value_counts()
            best = min(
                named.items(),
                key=lambda item: (item[0] in SAYS_NOTHING, -item[1], classes[item[0]]["position"]),
                default=(None, 0),
            )[0]
            found.append(
                {
                    **dict(zip(("store", "marketplace", "asin"), key, strict=True)),
                    "window_days": days,
                    "reviews": len(now),
                    "critical_reviews": len(critical),
                    "critical_review_rate": rate(len(critical), len(now)),
                    "rate_low": low,
                    "rate_high": high,
                    "threshold": threshold,
                    "is_alert": is_alert,
                    "first_alert_date": _alert_start(rows, as_of, days, threshold) if is_alert else None,
                    "category": category.get(key, "uncategorised"),
                    "top_reason_class": best,
                }
            )
    for cell in groups(pd.DataFrame(found, dtype=object), "store", "marketplace", "window_days", "category"):
        base = rate(cell[1]["critical_reviews"].sum(), cell[1]["reviews"].sum())
        for position in cell[1].index:
            row = found[position]
            low = shrunk_low(row["critical_reviews"], row["reviews"], base, prior) if row["reviews"] else None
            row["category_critical_rate"] = base
            row["credible_excess"] = None if low is None or base is None else low - base
            row["is_credibly_above_category"] = bool(row["credible_excess"] and row["credible_excess"] > 0)
    return found


def _alert_start(rows: pd.DataFrame, as_of: date, days: int, threshold: Decimal) -> date:
    """Day by day backwards: how long has the window that ends on the day alerted without a break?"""
    reviewed = [(row.review_date, bool(row.is_critical)) for row in rows.itertuples()]
    start = day = as_of
    while True:
        inside = [critical for at, critical in reviewed if day - timedelta(days=days) < at <= day]
        if not inside or Decimal(sum(inside)) <= threshold * len(inside):
            return start
        start, day = day, day - timedelta(days=1)


def high_return_fee(tables: Tables) -> list[Row]:
    """Units of one month of shipment, what came back of them in three months, what is charged."""
    as_of = settings(tables)["as_of_date"]
    daily = pd.DataFrame(asin_daily(tables))
    cohort, category = cohort_returns(tables), categories(tables)
    figure = _figures(tables)
    found = []
    for key, rows in groups(daily, "store", "marketplace", "asin"):
        bought = cohort[(cohort["store"] == key[0]) & (cohort["marketplace"] == key[1]) & (cohort["asin"] == key[2])]
        for month in sorted({day.replace(day=1) for day in rows["date"]}):
            fba = int(_bought_in(rows[rows["channel"] == "FBA"], "date", month, 1)["units_shipped"].sum())
            if not fba:
                continue
            ends = _later(month, 3)
            back = _bought_in(bought[bought["channel"] == "FBA"], "purchase_date", month, 1)
            returned = int(back[back["return_date"].map(lambda day, ends=ends: day < ends).astype(bool)]["units"].sum())
            kind = category.get(key, "uncategorised")
            minimum = figure("high_return_fee_min_units", key[1], month, None)
            charges_all = figure("high_return_fee_every_unit", key[1], month, kind)
            threshold = figure("high_return_fee_threshold", key[1], month, kind) if charges_all is None else None
            is_exempt = None if minimum is None and charges_all != 1 else charges_all != 1 and fba < minimum
            charged: int | None = None
            if charges_all == 1:
                charged = returned
            elif is_exempt:
                charged = 0
            elif threshold is not None:
                charged = max(returned - floor(threshold * fba), 0)
            low, high = wilson(returned, fba)
            row = {
                **dict(zip(("store", "marketplace", "asin"), key, strict=True)),
                "ship_month": month,
                "category": kind,
                "units_shipped": fba,
                "units_returned": returned,
                "return_rate": rate(returned, fba),
                "return_rate_low": low,
                "return_rate_high": high,
                "threshold": threshold,
                "units_charged": charged,
                "is_exempt": is_exempt,
                "is_final": as_of >= ends - timedelta(days=1),
                "charge_from": ends.replace(day=7),
                "charge_to": ends.replace(day=15),
            }
            for months in (3, 12):
                first = _later(month, 1 - months)
                shipped = int(_bought_in(rows[rows["channel"] == "ALL"], "date", first, months)["units_shipped"].sum())
                came = int(_came_back(bought, rows, first, months))
                row |= {f"units_shipped_{months}m": shipped, f"units_returned_{months}m": came}
                row[f"return_rate_{months}m"] = rate(came, shipped)
            found.append(row)
    return found


def _came_back(bought: pd.DataFrame, daily: pd.DataFrame, first: date, months: int) -> int:
    """Units bought in some months that came back; months in which nothing was shipped have none to come back."""
    units = 0
    for month in (_later(first, step) for step in range(months)):
        if _bought_in(daily, "date", month, 1)["units_shipped"].sum():
            units += int(_bought_in(bought, "purchase_date", month, 1)["units"].sum())
    return units


def _later(month: date, months: int) -> date:
    years, index = divmod(month.month - 1 + months, 12)
    return date(month.year + years, index + 1, 1)


def _bought_in(rows: pd.DataFrame, column: str, first: date, months: int) -> pd.DataFrame:
    return rows[rows[column].map(lambda day: first <= day < _later(first, months)).astype(bool)]


def _figures(tables: Tables) -> Callable[[str, str, date, str | None], Decimal | None]:
    """Look up a dated figure."""
    rows = tables["dim_figure"].to_dict("records")

    def key_of(category: str | None) -> str:
        return re.sub("[^a-z0-9]+", " ", (category or "").lower().replace("&", " and ")).strip()

    def find(figure: str, marketplace: str, day: date, scope: str | None) -> Decimal | None:
        fitting = [
            row["value"]
            for row in rows
            if row["figure"] == figure
            and row["marketplace"] in (marketplace, "*")
            and row["scope"] == key_of(scope)
            and row["valid_from"] <= day <= row["valid_to"]
        ]
        assert len(fitting) <= 1, (figure, marketplace, day, scope)
        return fitting[0] if fitting else None

    return find


def holiday_returns(tables: Tables) -> list[Row]:
    """One purchase week of a season: what came back, what still can and until when."""
    as_of = settings(tables)["as_of_date"]
    daily = pd.DataFrame(asin_daily(tables))
    daily = daily[(daily["channel"] == "ALL") & (daily["units_shipped"] > 0)]
    cohort = cohort_returns(tables)
    deadline = {(r.marketplace, r.purchase_date): r for r in tables["dim_return_deadline"].itertuples()}
    weeks: dict[tuple[Any, ...], Row] = {}
    for day in daily.itertuples():
        until = deadline[day.marketplace, day.date]
        if until.season is None:
            continue
        same = (cohort["store"] == day.store) & (cohort["marketplace"] == day.marketplace)
        same &= (cohort["asin"] == day.asin) & (cohort["purchase_date"] == day.date)
        back = int(cohort[same]["units"].sum())
        week = day.date - timedelta(days=day.date.weekday())
        row = weeks.setdefault(
            (day.store, day.marketplace, day.asin, until.season, week),
            {"units_shipped": 0, "units_returned": 0, "open_units": 0, "last_return_date": date.min},
        )
        row["units_shipped"] += day.units_shipped
        row["units_returned"] += back
        row["last_return_date"] = max(row["last_return_date"], until.last_return_date)
        if until.last_return_date >= as_of:
            row["open_units"] += max(day.units_shipped - back, 0)
    names = ("store", "marketplace", "asin", "season", "purchase_week")
    return [{**dict(zip(names, key, strict=True)), **row} for key, row in weeks.items()]


def inventory(tables: Tables) -> list[Row]:
    """Stock of one SKU beside what returns put back or wrote off in 30 days."""
    as_of = settings(tables)["as_of_date"]
    returns = tables["fct_returns"]
    returns = returns[
        (returns["channel"] == "FBA") & in_window(returns["return_date"], as_of, PROCESSING_DAYS_OF_STOCK)
    ]
    found = []
    for key, rows in groups(tables["fct_inventory"], "store", "marketplace", "asin", "sku"):
        back = returns[(returns["store"] == key[0]) & (returns["sku"] == key[3])]
        fit = back["disposition"].map(lambda text: (text or "").strip(" ").upper() == "SELLABLE").astype(bool)
        put_back = (
            back["status"]
            .map(lambda text: (text or "").strip(" ").lower() in ("", "unit returned to inventory"))
            .astype(bool)
        )
        found.append(
            {
                **dict(zip(("store", "marketplace", "asin", "sku"), key, strict=True)),
                **{n: total(rows[n]) for n in ("fulfillable", "unsellable", "reserved", "inbound")},
                "returned_sellable_30d": int(back[fit & put_back]["units"].sum()),
                "returned_unsellable_30d": int(back[~fit]["units"].sum()),
                "returned_not_put_back_30d": int(back[fit & ~put_back]["units"].sum()),
                "snapshot_date": max(rows["snapshot_date"]),
            }
        )
    return found


def return_rules(tables: Tables) -> list[Row]:
    """What keeping or sending back one seller-fulfilled unit costs, and what that suggests."""
    run = settings(tables)
    as_of = run["as_of_date"]
    returns, figure = tables["fct_returns"], _figures(tables)
    year = returns[in_window(returns["return_date"], as_of, max(WINDOWS))]
    labels = year[(year["channel"] == "FBM") & year["label_cost"].map(lambda c: c is not None and c > 0).astype(bool)]
    prices = {(r.store, r.marketplace, r.asin, r.currency): r.price for r in tables["dim_asin"].itertuples()}
    currency_of = {
        (r["store"], r["marketplace"], r["asin"]): r["currency"]
        for r in tables["mart_asin_insights"].to_dict("records")
        if r["channel"] == "FBM" and r["window_days"] == max(WINDOWS)
    }
    found = []
    for item in asin_insights(tables):
        key = tuple(item[name] for name in ("store", "marketplace", "asin"))
        if item["channel"] != "FBM" or item["window_days"] != max(WINDOWS) or key[1] == "unattributed":
            continue
        currency = currency_of[key]
        price = prices.get((*key, currency))
        if price is None and item["sales_amount"] is not None and item["units_shipped"]:
            price = item["sales_amount"] / item["units_shipped"]
        price = cents(price)
        paid = labels[
            (labels["store"] == key[0]) & (labels["marketplace"] == key[1]) & (labels["currency"] == currency)
        ]
        own = paid[paid["asin"] == key[2]]
        freight = _mean_cost(own if len(own) else paid)
        graded = year[(year["store"] == key[0]) & (year["asin"] == key[2]) & (year["channel"] == "FBA")]
        graded = graded[flag(graded["is_new_item"]) & graded["disposition"].notna()]
        fit = graded[graded["disposition"].map(lambda text: text.strip(" ").upper() == "SELLABLE").astype(bool)]
        low, high = wilson(int(fit["units"].sum()), int(graded["units"].sum()))
        stated = figure("resale_share", key[1], as_of, item["category"])
        share = float(stated) if stated is not None else rate(fit["units"].sum(), graded["units"].sum())
        low, high = (float(stated), float(stated)) if stated is not None else (low, high)
        cost = figure("return_processing_cost", key[1], as_of, None)
        row: Row = {
            **dict(zip(("store", "marketplace", "asin"), key, strict=True)),
            "price": price,
            "return_freight": cents(freight),
            "units_returned": item["units_returned"],
            "resale_share_low": low,
            "resale_share_high": high,
            "suggested_rule": None,
            "current_rule": _current_rule(tables, price, currency, item["category"]),
        }
        if price is not None and freight is not None:
            spared = float(freight) + float(cost or 0)
            least = spared - float(price) * (1.0 if high is None else high)
            most = spared - float(price) * (low or 0.0)
            if least > 0:
                row["suggested_rule"] = "refund_only"
            elif most < 0:
                row["suggested_rule"] = "standard_return"
            elif share is not None:
                row["suggested_rule"] = "partial_refund_without_return"
        found.append(row)
    return found


def _mean_cost(labels: pd.DataFrame) -> Decimal | None:
    return total(labels["label_cost"]) / int(labels["units"].sum()) if len(labels) else None  # type: ignore[operator]


def _current_rule(tables: Tables, price: Decimal | None, currency: str | None, category: str) -> str | None:
    """The first of the seller's rules that fits."""

    def folded(text: str) -> str:
        return re.sub("[^a-z0-9]+", " ", text.lower().replace("&", " and ")).strip()

    for rule in sorted(tables["dim_return_rule"].to_dict("records"), key=lambda rule: rule["position"]):
        if price is None or rule["currency"] != currency or rule["channel"] not in ("FBM", "ALL"):
            continue
        if price < rule["price_from"] or (rule["price_to"] is not None and price >= rule["price_to"]):
            continue
        if rule["category"] is None or folded(rule["category"]) == folded(category):
            return rule["rule"]
    return None


def recovery(tables: Tables) -> list[Row]:
    """Units graded and used units sold, by grade and month, with their sales; fees: what cannot be known is None."""
    run = settings(tables)
    graded, orders = tables["fct_graded_units"], tables["fct_order_lines"]
    stated: dict[tuple[str, str], tuple[Any, str]] = {}
    for unit in graded.itertuples():
        if unit.used_sku is not None and unit.used_condition is not None:
            key, mark = (unit.store, unit.used_sku.lower()), (unit.event_date, unit.graded_unit_id)
            if key not in stated or mark > stated[key][0]:
                stated[key] = (mark, unit.used_condition)

    def grade(store: str, sku: str | None) -> str:
        names = {"LN": "like_new", "VG": "very_good", "G": "good", "A": "acceptable"}
        found = stated.get((store, (sku or "").lower()))
        return found[1] if found else names.get((sku or "").rsplit("-", 1)[-1].upper(), "unknown")

    cells: dict[tuple[Any, ...], Row] = {}

    def cell(row: Any, condition: str, day: date) -> Row:
        key = (row.store, row.marketplace, row.asin, condition, day.replace(day=1))
        return cells.setdefault(key, {"units_graded": 0, "units_sold": 0, "sales": []})

    for unit in graded[flag(graded["is_graded"])].itertuples():
        own = unit.used_condition or grade(unit.store, unit.used_sku)
        cell(unit, own, unit.event_date)["units_graded"] += unit.units
    for line in orders[flag(orders["is_used"]) & flag(orders["is_shipped"])].itertuples():
        found = cell(line, grade(line.store, line.sku), line.purchase_date)
        found["units_sold"] += line.units_shipped
        found["sales"].append((line.sales_amount, line.currency))
    through = {store: last for store, (_, last) in settled_days(tables).items()}
    names = ("store", "marketplace", "asin", "used_condition", "month")
    figure = _figures(tables)
    rows = []
    for key, found in cells.items():
        currencies = {currency for amount, currency in found["sales"] if amount is not None}
        row = dict(zip(names, key, strict=True)) | {n: found[n] for n in ("units_graded", "units_sold")}
        if len(currencies) == 1:
            row["gross_sales"] = total(pd.Series([amount for amount, _ in found["sales"]], dtype=object))
        store, month = key[0], key[4]
        settled = through.get(store, date.min)
        if month > settled:
            row |= {"fees": None, "net_recovery_rate": None}
        last_of_month = (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        row["is_final"] = (settled - last_of_month).days >= run["processing_days"]
        disposal = figure("disposal_fee", key[1], run["as_of_date"], None)
        row["disposal_unit_value"] = None if disposal is None else -disposal
        rows.append(row)
    return rows


def alerts(tables: Tables) -> list[Row]:
    """What fires, with its figure, and since when: for rates by looking at each past day by itself."""
    as_of = settings(tables)["as_of_date"]
    found = [*_rate_alerts(tables), *_surge_alerts(tables), *_fee_alerts(tables)]
    for row in performance(tables):
        if row["window_days"] == 30 and row["is_alert"]:
            alert = _alert("critical_reviews", row, "", row["critical_review_rate"], float(row["threshold"]))
            alert["first_seen"] = row["first_alert_date"]
            found.append(alert)
    for case in tables["mart_dispute_desk"].to_dict("records"):
        if case["days_left"] is not None and case["days_left"] <= 7:
            since = max(case["opened_on"], case["due_on"] - timedelta(days=7))
            found.append(
                _alert("dispute_due", case, case["case_id"], float(case["days_left"]), 7.0) | {"first_seen": since}
            )
    returns = tables["fct_returns"]
    unknown = returns[(returns["reason_class_code"] == "unmapped") & in_window(returns["return_date"], as_of, 365)]
    codes = unknown.assign(code=unknown["reason_code"].map(canonical_code))
    for (store, code), rows in groups(codes, "store", "code"):
        nobody = {"store": store, "marketplace": None, "asin": None}
        since = min(rows["return_date"])
        found.append(_alert("unmapped_codes", nobody, code, float(rows["units"].sum()), 0.0) | {"first_seen": since})
    for row in tables["dim_feed_completeness"].to_dict("records"):
        if row["incomplete_days"] or not row["is_delivered"]:
            nobody = {"store": row["store"], "marketplace": None, "asin": None}
            alert = _alert("incomplete_data", nobody, row["feed"], float(row["incomplete_days"]), 0.0)
            found.append(alert | {"first_seen": row["first_incomplete_day"]})
    return found


def _alert(kind: str, row: Row, subject: str, value: float | None, threshold: float | None) -> Row:
    place = {name: row[name] for name in ("store", "marketplace", "asin")}
    return {"kind": kind, **place, "subject": subject or None, "value": value, "threshold": threshold}


def _stretch(as_of: date, fires: Callable[[date], bool]) -> date:
    """First day of the unbroken stretch of firing days that ends today, looked for within a year."""
    day = as_of
    while day > as_of - timedelta(days=364) and fires(day - timedelta(days=1)):
        day -= timedelta(days=1)
    return day


def _rate_alerts(tables: Tables) -> Iterator[Row]:
    run = settings(tables)
    prior = float(run["category_prior_units"])
    daily = pd.DataFrame(asin_daily(tables))
    daily = daily[daily["channel"] == "ALL"]
    category = categories(tables)
    kinds = daily.apply(
        lambda row: category.get((row["store"], row["marketplace"], row["asin"]), "uncategorised"), axis=1
    )
    for row in asin_insights(tables):
        if row["channel"] != "ALL" or row["window_days"] != 30 or not row["is_high_return_rate"]:
            continue
        place = (daily["store"] == row["store"]) & (daily["marketplace"] == row["marketplace"])
        peers = daily[place & (kinds == row["category"])]
        own = daily[place & (daily["asin"] == row["asin"])]

        def fires(day: date, peers: pd.DataFrame = peers, own: pd.DataFrame = own) -> bool:
            mine, theirs = (part[in_window(part["date"], day, 30)] for part in (own, peers))
            base = rate(theirs["units_returned"].sum(), theirs["units_shipped"].sum())
            shipped = int(mine["units_shipped"].sum())
            low = shrunk_low(int(mine["units_returned"].sum()), shipped, base, prior)
            return bool(shipped and low is not None and base is not None and low > base)

        alert = _alert("high_return_rate", row, "", row["return_rate"], row["category_return_rate"])
        yield alert | {"first_seen": _stretch(run["as_of_date"], fires)}


def _surge_alerts(tables: Tables) -> Iterator[Row]:
    as_of = settings(tables)["as_of_date"]
    returns = counting_returns(tables)
    for row in return_reasons(tables):
        if row["channel"] != "ALL" or row["window_days"] != 30 or row["reason_class"] in SAYS_NOTHING:
            continue
        own = returns[(returns["store"] == row["store"]) & (returns["marketplace"] == row["marketplace"])]
        own = own[own["asin"] == row["asin"]]

        def fires(day: date, own: pd.DataFrame = own, name: str = row["reason_class"]) -> bool:
            parts = [own[in_window(own["return_date"], day, 30, ended=ended)] for ended in (0, 30)]
            now, before = (
                wilson(int(part[part["reason_class"] == name]["units"].sum()), int(part["units"].sum()))
                for part in parts
            )
            return now[0] is not None and before[1] is not None and now[0] > before[1]

        if fires(as_of):
            alert = _alert("reason_surge", row, row["reason_class"], row["share"], row["previous_share"])
            yield alert | {"first_seen": _stretch(as_of, fires)}


def _fee_alerts(tables: Tables) -> Iterator[Row]:
    as_of = settings(tables)["as_of_date"]
    cohort = cohort_returns(tables)
    for row in high_return_fee(tables):
        if not row["units_charged"] or row["charge_to"] < as_of:
            continue
        own = cohort[(cohort["store"] == row["store"]) & (cohort["marketplace"] == row["marketplace"])]
        own = _bought_in(
            own[(own["asin"] == row["asin"]) & (own["channel"] == "FBA")], "purchase_date", row["ship_month"], 1
        )
        ends = _later(row["ship_month"], 3)
        own = own[own["return_date"].map(lambda day, ends=ends: day < ends).astype(bool)]
        free = row["units_returned"] - row["units_charged"]
        days = sorted(day for day, units in zip(own["return_date"], own["units"], strict=True) for _ in range(units))
        alert = _alert("fee_threshold", row, str(row["ship_month"]), row["return_rate"], float(row["threshold"] or 0))
        yield alert | {"first_seen": days[free]}


#: mart → its grain, and how it is computed here
MARTS: dict[str, tuple[tuple[str, ...], Callable[[Tables], list[Row]]]] = {
    "mart_asin_daily": (("store", "marketplace", "asin", "channel", "date"), asin_daily),
    "mart_asin_insights": (("store", "marketplace", "asin", "channel", "window_days"), asin_insights),
    "mart_return_reasons": (
        ("store", "marketplace", "asin", "channel", "window_days", "reason_class"),
        return_reasons,
    ),
    "mart_performance": (("store", "marketplace", "asin", "window_days"), performance),
    "mart_high_return_fee": (("store", "marketplace", "asin", "ship_month"), high_return_fee),
    "mart_holiday_returns": (("store", "marketplace", "asin", "season", "purchase_week"), holiday_returns),
    "mart_recovery": (("store", "marketplace", "asin", "used_condition", "month"), recovery),
    "mart_alerts": (("kind", "store", "marketplace", "asin", "subject"), alerts),
    "mart_inventory": (("store", "marketplace", "asin", "sku"), inventory),
    "mart_return_rules": (("store", "marketplace", "asin"), return_rules),
}

#: marts that may have rows beyond those that are computed here: fees of units that were neither graded nor sold
OPEN = ("mart_recovery",)

#: columns that hold JSON text
JSON_COLUMNS = {"sample_comments": json.loads}
