"""The one reader of published marts: opens the file, follows new releases, asks the questions that the pages show.

Belongs here: every SQL statement of the panel. Values go in as parameters, names come from this file alone, and whoever
may see only some stores reads through views that hold nothing else. Does not belong: formulas of figures (marts have
them; only sums and quotients of summed units are formed here), words, layout.

The file is replaced whole by a rename. A `Release` holds the file that it opened, so a page that is made from one
`Release` never mixes two; `current()` looks at inode, size and time of the path and opens the new file when it changed.
"""

from __future__ import annotations

import json
import math
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from panel.rules import Rule

Row = Mapping[str, Any]

#: results kept per release; a page asks for some ten
_KEPT_RESULTS = 400
#: opened releases kept: one per set of visible stores, and the one before while pages still read it
_KEPT_RELEASES = 6
#: rows a table page shows at most, and an export writes at most
PAGE_ROWS = 100
EXPORT_ROWS = 200_000
#: 95th percentile of the normal distribution: both ends of a 90 % interval, as in the marts
_Z = 1.6448536269514722
#: rows of fct_returns that count in units_returned of the marts (their macro counts_as_returned)
_COUNTED = "(is_new_item or (marketplace = 'unattributed' and is_multi_channel and not is_used and not is_replacement))"

#: tables without a store that everyone may read; any other one without a store is hidden from who sees only some
_SHARED = ("dim_", "release_info")


class NoRelease(Exception):
    """There is nothing to read: no file yet, or one that cannot be opened (`broken`)."""

    def __init__(self, path: Path, broken: str | None = None) -> None:
        super().__init__(f"{path}: {broken or 'nothing has been published yet'}")
        self.path = path
        self.broken = broken


class NotInRelease(Exception):
    """A mart that this release does not have (it was made by another version)."""


@dataclass(frozen=True)
class Filter:
    """What a page is about. An empty text means all; `channel` ALL is a row of its own in the marts."""

    store: str = ""
    marketplace: str = ""
    channel: str = "ALL"
    window: int = 30
    category: str = ""

    def where(self, *columns: str, alias: str = "") -> tuple[str, list[Any]]:
        """Condition over those of the filter's columns, and its parameters."""
        prefix = f"{alias}." if alias else ""
        parts = ["true"]
        values: list[Any] = []
        for column in columns:
            name = {"window_days": "window"}.get(column, column)
            value = getattr(self, name)
            if value != "":
                parts.append(f"{prefix}{column} = ?")
                values.append(value)
        return " and ".join(parts), values


@dataclass(frozen=True)
class Stamp:
    """Which file a path named at some moment."""

    inode: int
    size: int
    changed: int


def home() -> Path:
    """RETURNSCOPE_HOME, where the published file and the inbox lie."""
    return Path(os.environ.get("RETURNSCOPE_HOME") or "./.returnscope").absolute()


def marts_path() -> Path:
    """The published file."""
    return home() / "published" / "marts.duckdb"


def stamp(path: Path) -> Stamp | None:
    """Which file the path names now; None when there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return Stamp(found.st_ino, found.st_size, found.st_mtime_ns)


class Release:
    """One opened release, read-only, as one set of stores sees it (None: all). Safe to use from several threads."""

    def __init__(self, path: Path, stores: frozenset[str] | None = None) -> None:
        before = stamp(path)
        if before is None:
            raise NoRelease(path)
        self.path = path
        self.stamp = before
        self.visible = stores
        self._results: OrderedDict[tuple[Any, ...], list[Row]] = OrderedDict()
        self._lock = threading.Lock()
        self._con = duckdb.connect(config={"autoinstall_known_extensions": False})
        try:
            self._con.execute(f"attach '{_text(str(path))}' as published (read_only)")
            self._con.execute("set TimeZone = 'UTC'")
            self._make_views()
            # From here on nothing but the attached file can be reached, whatever a statement says.
            self._con.execute("set enable_external_access = false")
            self._con.execute("set lock_configuration = true")
        except duckdb.Error as error:
            self._con.close()
            raise NoRelease(path, str(error).splitlines()[0]) from error
        info = self.rows("select * from release_info") if self.has("release_info") else []
        self.release_id = str(info[0]["release_id"]) if info else "unknown"
        self.as_of: date = info[0]["as_of_date"] if info else date.min

    def _make_views(self) -> None:
        found = self._con.execute(
            "select table_name, column_name from duckdb_columns() "
            "where database_name = 'published' and schema_name = 'marts' order by table_name, column_index"
        ).fetchall()
        self.columns: dict[str, tuple[str, ...]] = {}
        for table, column in found:
            self.columns[table] = (*self.columns.get(table, ()), column)
        for table, columns in self.columns.items():
            self._con.execute(
                f'create view "{table}" as select * from published.marts."{table}" {self._rights(table, columns)}'
            )
        comments = self._con.execute(
            "select table_name, comment from duckdb_tables() "
            "where database_name = 'published' and schema_name = 'marts'"
        ).fetchall()
        self.descriptions: dict[str, str] = {table: comment or "" for table, comment in comments}

    def _rights(self, table: str, columns: Sequence[str]) -> str:
        if self.visible is None:
            return ""
        if "store" not in columns:
            return "" if table.startswith(_SHARED) else "where false"
        if not self.visible:
            return "where false"
        return "where store in (" + ", ".join(f"'{_text(store)}'" for store in sorted(self.visible)) + ")"

    def has(self, table: str, *columns: str) -> bool:
        """Whether the release has this table, with these columns."""
        return table in self.columns and set(columns) <= set(self.columns[table])

    def need(self, table: str) -> None:
        """Raise NotInRelease when the release lacks the table."""
        if table not in self.columns:
            raise NotInRelease(table)

    def rows(self, sql: str, values: Iterable[Any] = ()) -> list[Row]:
        """Rows of a statement of this module, as dicts; decimals stay exact. Do not change what you get: it is kept."""
        given = tuple(values)
        key = (sql, *(tuple(value) if isinstance(value, list) else value for value in given))
        with self._lock:
            if key in self._results:
                self._results.move_to_end(key)
                return self._results[key]
        cursor = self._con.cursor()
        try:
            cursor.execute(sql, list(given))
            names = [column[0] for column in cursor.description or []]
            found: list[Row] = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        finally:
            cursor.close()
        with self._lock:
            self._results[key] = found
            while len(self._results) > _KEPT_RESULTS:
                self._results.popitem(last=False)
        return found

    def arrow(self, sql: str, values: Iterable[Any] = ()) -> Any:
        """The same as an Arrow table, for exports; not kept."""
        cursor = self._con.cursor()
        try:
            return cursor.execute(sql, list(values)).to_arrow_table()
        finally:
            cursor.close()


_releases: OrderedDict[tuple[Path, Stamp, frozenset[str] | None], Release] = OrderedDict()
_releases_lock = threading.Lock()


def current(stores: frozenset[str] | None = None, path: Path | None = None) -> Release:
    """The release that is published now, as these stores see it.

    Raises NoRelease when nothing is published. A file that is replaced while it is opened is opened again.
    """
    path = path or marts_path()
    now = stamp(path)
    if now is None:
        raise NoRelease(path)
    with _releases_lock:
        key = (path, now, stores)
        if key not in _releases:
            opened = Release(path, stores)
            key = (path, opened.stamp, stores)
            _releases[key] = opened
            while len(_releases) > _KEPT_RELEASES:
                _releases.popitem(last=False)  # closed when the last page that reads it lets go
        _releases.move_to_end(key)
        return _releases[key]


def _text(value: str) -> str:
    return value.replace("'", "''")


# ---- figures formed here: quotients of sums, with the marts' own interval -----------------------------------------


@dataclass(frozen=True)
class Rate:
    """A share with its numerator, denominator and 90 % Wilson interval; all None at zero denominator."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """part / whole."""
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends. Where more came back than went out, the high end is at least the rate, as in the marts."""
        if not self.whole:
            return None
        rate = self.part / self.whole
        share, n, z2 = min(rate, 1.0), self.whole, _Z * _Z
        centre = (share + z2 / (2 * n)) / (1 + z2 / n)
        half = _Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
        return max(centre - half, 0.0), max(min(centre + half, 1.0), rate)


# ---- what there is -----------------------------------------------------------------------------------------------


def scopes(release: Release) -> list[Row]:
    """Store, marketplace and category combinations that have an ASIN."""
    if not release.has("dim_asin", "category"):
        return []
    return release.rows("select distinct store, marketplace, category from dim_asin order by all")


def reporting_currency(release: Release) -> str | None:
    """The reporting currency of the settings, None where none is set."""
    if not release.has("dim_run", "reporting_currency"):
        return None
    found = release.rows("select reporting_currency from dim_run")
    return found[0]["reporting_currency"] if found else None


def currencies(release: Release, where: Filter) -> list[str]:
    """Currencies that the filter's ASINs have amounts in, most ASINs first."""
    condition, values = where.where("store", "marketplace", "channel", "window_days", "category")
    return [
        row["currency"]
        for row in release.rows(
            f"select currency, count(*) from mart_asin_insights where {condition} and currency is not null "
            "group by all order by 2 desc, 1",
            values,
        )
    ]


# ---- Today --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Totals:
    """Sums of one window over all ASINs of a filter.

    returned: all units, also those without a marketplace. rate: without these, on both sides. refunds: currency to
    amount; a currency whose refunds are unknown is absent.
    """

    returned: int
    rate: Rate
    refunds: dict[str, Any]


def totals(release: Release, where: Filter, days_ago: int = 0) -> Totals:
    """Totals of the window that ends `days_ago` days before the as-of day."""
    last = release.as_of - timedelta(days=days_ago)
    return totals_between(release, where, last - timedelta(days=where.window - 1), last)


def totals_between(release: Release, where: Filter, first: date, last: date) -> Totals:
    """Totals of these days, both included."""
    condition, values = _daily(where)
    found = release.rows(
        "select coalesce(sum(units_returned), 0) as returned, "
        "coalesce(sum(units_returned) filter (where marketplace <> 'unattributed'), 0) as part, "
        "coalesce(sum(units_shipped) filter (where marketplace <> 'unattributed'), 0) as whole "
        f"from mart_asin_daily where {condition} and date between ? and ?",
        [*values, first, last],
    )[0]
    money = release.rows(
        "select currency, sum(refund_amount) as amount "
        f"from mart_asin_daily where {condition} and date between ? and ? "
        "and currency is not null and refund_amount is not null group by all order by 2 desc",
        [*values, first, last],
    )
    return Totals(
        int(found["returned"]),
        Rate(int(found["part"]), int(found["whole"])),
        {row["currency"]: row["amount"] for row in money},
    )


def _daily(where: Filter) -> tuple[str, list[Any]]:
    """Condition over mart_asin_daily, which has no category of its own."""
    condition, values = where.where("store", "marketplace", "channel")
    if where.category:
        condition += (
            " and (store, marketplace, asin) in (select (store, marketplace, asin) from dim_asin where category = ?)"
        )
        values.append(where.category)
    return condition, values


def daily(release: Release, where: Filter, days: int, asin: str = "") -> list[Row]:
    """Units and refunds per day of the last `days` days, every day present."""
    condition, values = _daily(where)
    if asin:
        condition += " and asin = ?"
        values.append(asin)
    return release.rows(
        "with days as (select cast(unnest(generate_series(?::date, ?::date, interval 1 day)) as date) as date), "
        "sums as (select date, sum(units_shipped) as units_shipped, sum(units_returned) as units_returned, "
        f"sum(units_ordered) as units_ordered from mart_asin_daily where {condition} and date >= ? group by all) "
        "select days.date, coalesce(units_shipped, 0)::bigint as units_shipped, "
        "coalesce(units_returned, 0)::bigint as units_returned, coalesce(units_ordered, 0)::bigint as units_ordered "
        "from days left join sums using (date) order by 1",
        [release.as_of - timedelta(days=days - 1), release.as_of, *values, release.as_of - timedelta(days=days - 1)],
    )


def reviews_rate(release: Release, where: Filter) -> Rate:
    """Critical reviews of all reviews in the window."""
    condition, values = where.where("store", "marketplace", "window_days", "category")
    row = release.rows(
        "select coalesce(sum(critical_reviews), 0)::bigint as part, coalesce(sum(reviews), 0)::bigint as whole "
        f"from mart_performance where {condition}",
        values,
    )[0]
    return Rate(row["part"], row["whole"])


def recovery_totals(release: Release, where: Filter) -> list[Row]:
    """Sales, fees and net rate of Grade and Resell per currency, over the months that the window touches.

    The rate is formed only over cells whose fees are known.
    """
    condition, values = _recovery(where)
    return release.rows(
        "select currency, sum(gross_sales) as gross_sales, sum(fees) as fees, "
        "sum(units_graded)::bigint as units_graded, sum(units_sold)::bigint as units_sold, "
        "cast((sum(gross_sales) filter (where fees is not null) - sum(fees)) "
        "/ nullif(sum(gross_sales) filter (where fees is not null), 0) as double) as net_recovery_rate "
        f"from mart_recovery where {condition} group by all order by 2 desc nulls last",
        values,
    )


def _recovery(where: Filter) -> tuple[str, list[Any]]:
    condition, values = where.where("store", "marketplace")
    return f"{condition} and month >= date_trunc('month', as_of_date - {int(where.window) - 1}::integer)", values


#: what a case may stand at: to do, waiting for an answer or a report, or nothing left to do
CASE_STATES = {"todo": ("open", "overdue"), "waiting": ("filed", "decided"), "done": ("done",)}


def open_cases(release: Release, where: Filter, decided: Iterable[str] = ()) -> Row:
    """How many cases are to do, overdue, due within two days, new, and what they are worth per currency; how many wait.

    `decided`: cases that somebody decided about after the release was made; they are not to do any more.
    """
    condition, values = where.where("store", "marketplace")
    condition += " and case_id not in (select unnest(?::varchar[]))"
    values.append(sorted(decided))
    todo = f"state in {CASE_STATES['todo']}"
    row = release.rows(
        f"select count(*) filter (where {todo}) as cases, "
        f"count(*) filter (where {todo} and days_left < 0) as overdue, "
        f"count(*) filter (where {todo} and days_left between 0 and 2) as soon, "
        f"count(*) filter (where {todo} and opened_on = as_of_date) as fresh, "
        f"count(*) filter (where state in {CASE_STATES['waiting']}) as waiting "
        f"from mart_dispute_desk where {condition}",
        values,
    )[0]
    worth = release.rows(
        "select currency, sum(amount) as amount from mart_dispute_desk "
        f"where {condition} and {todo} and amount is not null and currency is not null "
        "group by all order by 2 desc",
        values,
    )
    return {**row, "worth": {found["currency"]: found["amount"] for found in worth}}


def _alerts(where: Filter) -> tuple[str, list[Any]]:
    """Condition over mart_alerts. Those about a whole store stand in each of its marketplaces."""
    condition, values = where.where("store")
    if where.marketplace:
        condition += " and (marketplace = ? or marketplace is null)"
        values.append(where.marketplace)
    return condition, values


def alert_count(release: Release, where: Filter) -> int:
    """How many alerts there are."""
    condition, values = _alerts(where)
    (count,) = release.rows(f"select count(*) as n from mart_alerts where {condition}", values)
    return int(count["n"])


def alerts(release: Release, where: Filter, asin: str = "", limit: int = PAGE_ROWS) -> list[Row]:
    """Alerts, the gravest and newest first."""
    condition, values = _alerts(where)
    if asin:
        condition += " and asin = ?"
        values.append(asin)
    return release.rows(
        f"with alerts as (select * from mart_alerts where {condition}) "
        "select alerts.*, dim_asin.title from alerts left join dim_asin using (store, marketplace, asin) "
        "order by case severity when 'critical' then 0 when 'warning' then 1 else 2 end, "
        "first_seen desc nulls last, alert_id limit ?",
        [*values, limit],
    )


def movers(release: Release, where: Filter, limit: int = 8) -> list[Row]:
    """ASINs with most returns on the as-of day, beside their daily average over the window."""
    condition, values = _daily(where)
    return release.rows(
        "with sums as (select store, marketplace, asin, "
        "sum(units_returned) filter (where date = as_of_date)::bigint as today, "
        f"sum(units_returned) / {int(where.window)}.0 as usual from mart_asin_daily "
        f"where {condition} and date > as_of_date - {int(where.window)}::integer group by all) "
        "select sums.*, dim_asin.title from sums left join dim_asin using (store, marketplace, asin) "
        "where today > 0 order by today - usual desc, store, marketplace, asin limit ?",
        [*values, limit],
    )


# ---- completeness -------------------------------------------------------------------------------------------------


def complete_through(release: Release, where: Filter) -> list[Row]:
    """For each store and feed: the last day before which every known day is loaded, and how many days are not."""
    release.need("ops_windows")
    condition, values = where.where("store")
    return release.rows(
        "with days as (select store, feed, day, state in ('loaded', 'loaded_empty') as is_in, is_stale "
        f"from ops_windows where {condition}), "
        "firsts as (select store, feed, min(day) filter (where not is_in) as gap, "
        "max(day) filter (where is_in) as last, count(*) filter (where not is_in) as missing, "
        "count(*) filter (where is_stale) as stale, min(day) as first from days group by all) "
        "select store, feed, first, last, missing, stale, gap, "
        "case when gap is null then last when gap > first then gap - 1 end as complete_through "
        "from firsts order by all",
        values,
    )


def windows(release: Release, where: Filter, days: int = 45) -> list[Row]:
    """State of each feed, store and day of the last days; a loaded day that was not asked again in time is `stale`."""
    release.need("ops_windows")
    condition, values = where.where("store")
    return release.rows(
        "select store, feed, day, case when is_stale and state in ('loaded', 'loaded_empty') then 'stale' "
        f"else state end as state from ops_windows where {condition} and day > ? order by all",
        [*values, release.as_of - timedelta(days=days)],
    )


def reconciliation(release: Release) -> list[Row]:
    """Every conservation check of the release, those that do not hold first."""
    return (
        release.rows(
            "select * from ops_reconciliation order by is_ok, severity, check_name, store, feed, subject limit 200"
        )
        if release.has("ops_reconciliation")
        else []
    )


# ---- ASINs --------------------------------------------------------------------------------------------------------

#: what the list can be sorted by; the first is the default
ASIN_ORDERS = {
    "credible": "is_high_return_rate desc, (return_rate_low - coalesce(category_return_rate, 0)) desc nulls last",
    "returned": "units_returned desc",
    "rate": "return_rate desc nulls last",
    "change": "(return_rate - previous_return_rate) desc nulls last",
    "refunds": "refund_amount desc nulls last",
    "cost": "total_cost desc nulls last",
    "shipped": "units_shipped desc",
    "asin": "asin",
}


def asins(
    release: Release, where: Filter, *, order: str = "credible", find: str = "", only_high: bool = False, page: int = 0
) -> tuple[int, list[Row]]:
    """How many ASINs there are, and one page of them, each with its daily returns of the window (`spark`)."""
    condition, values = where.where("store", "marketplace", "channel", "window_days", "category")
    if find:
        condition += " and (contains(lower(asin), lower(?)) or contains(lower(coalesce(title, '')), lower(?)))"
        values += [find, find]
    if only_high:
        condition += " and is_high_return_rate"
    (count,) = release.rows(f"select count(*) as n from mart_asin_insights where {condition}", values)
    if release.has("mart_return_cost", "total_cost", "total_basis"):
        costs = (
            "select insights.*, cost.total_cost, cost.total_basis, cost.currency as cost_currency "
            "from insights left join mart_return_cost as cost using (store, marketplace, asin, channel, window_days)"
        )
    else:
        costs = "select *, null as total_cost, null as total_basis, null as cost_currency from insights"
    rows = release.rows(
        f"with insights as (select * from mart_asin_insights where {condition}), rated as ({costs}) "
        f"select * from rated order by {ASIN_ORDERS[order]}, store, marketplace, asin limit ? offset ?",
        [*values, PAGE_ROWS, page * PAGE_ROWS],
    )
    sparks = _sparks(release, where, rows)
    return count["n"], [
        {**row, "spark": sparks.get((row["store"], row["marketplace"], row["asin"]), [])} for row in rows
    ]


def _sparks(release: Release, where: Filter, rows: Sequence[Row]) -> dict[tuple[str, str, str], list[int]]:
    """Units returned in 15 equal steps over the window (7 days: 7) of each of these ASINs."""
    if not rows:
        return {}
    steps = min(where.window, 15)
    keys = [f"{row['store']}|{row['marketplace']}|{row['asin']}" for row in rows]
    found = release.rows(
        "select store, marketplace, asin, "
        f"((date - as_of_date + {int(where.window) - 1}) * {steps}) // {int(where.window)} as step, "
        "sum(units_returned)::bigint as units from mart_asin_daily "
        f"where channel = ? and date > as_of_date - {int(where.window)}::integer "
        "and asin in (select unnest(?)) and concat_ws('|', store, marketplace, asin) in (select unnest(?)) "
        "group by all",
        [where.channel, sorted({row["asin"] for row in rows}), keys],
    )
    sparks: dict[tuple[str, str, str], list[int]] = {}
    for row in found:
        sparks.setdefault((row["store"], row["marketplace"], row["asin"]), [0] * steps)[row["step"]] = row["units"]
    return sparks


def insight(release: Release, where: Filter, asin: str) -> list[Row]:
    """All windows of one ASIN in one channel, shortest first."""
    condition, values = where.where("store", "marketplace", "channel")
    return release.rows(
        f"select * from mart_asin_insights where {condition} and asin = ? order by store, marketplace, window_days",
        [*values, asin],
    )


def homes_of(release: Release, asin: str) -> list[Row]:
    """Stores and marketplaces in which an ASIN is known."""
    return release.rows("select * from dim_asin where asin = ? order by store, marketplace", [asin])


def reasons(release: Release, where: Filter, asin: str = "") -> list[Row]:
    """Units by reason class in the window; for one ASIN with comments, else summed."""
    condition, values = where.where("store", "marketplace", "channel", "window_days")
    if asin:
        return release.rows(
            f"select * from mart_return_reasons where {condition} and asin = ? and (units > 0 or previous_units > 0) "
            "order by units desc, reason_class"
            if release.has("mart_return_reasons", "previous_units")
            else f"select * from mart_return_reasons where {condition} and asin = ? order by units desc, reason_class",
            [*values, asin],
        )
    if where.category:
        condition += (
            " and (store, marketplace, asin) in (select (store, marketplace, asin) from dim_asin where category = ?)"
        )
        values.append(where.category)
    return release.rows(
        "select reason_class, any_value(fault) as fault, sum(units)::bigint as units, "
        "cast(sum(units) / nullif(sum(sum(units)) over (), 0) as double) as share "
        f"from mart_return_reasons where {condition} group by reason_class "
        "having sum(units) > 0 order by units desc, 1",
        values,
    )


def reasons_by_week(release: Release, where: Filter, asin: str, weeks: int = 26) -> list[Row]:
    """Units by week and final reason class of one ASIN, counted as in units_returned."""
    condition, values = where.where("store", "marketplace")
    if where.channel != "ALL":
        condition += " and channel = ?"
        values.append(where.channel)
    return release.rows(
        "select cast(date_trunc('week', return_date) as date) as week, reason_class, sum(units)::bigint as units "
        f"from fct_returns where {condition} and asin = ? and return_date > ? "
        f"and {_COUNTED} "
        "group by all order by all",
        [*values, asin, release.as_of - timedelta(weeks=weeks)],
    )


def season_days(release: Release, first: date, last: date) -> list[Row]:
    """Stretches of days within which the longer holiday return window is open."""
    if not release.has("dim_date", "is_season_return"):
        return []
    return release.rows(
        "select season_year, min(date) as first, max(date) as last from dim_date "
        "where is_season_return and date between ? and ? group by all order by 1",
        [first, last],
    )


def comments(release: Release, where: Filter, asin: str, reason: str = "", limit: int = 12) -> list[Row]:
    """Newest returns with a comment, with the words that decided their class."""
    condition, values = where.where("store", "marketplace")
    if reason:
        condition += " and reason_class = ?"
        values.append(reason)
    return release.rows(
        "select return_id, return_date, channel, comment, reason_code, reason_class, reason_class_code, "
        "reason_conflict, deciding_words, reason_confidence from fct_returns "
        f"where {condition} and asin = ? and comment is not null order by return_date desc, return_id limit ?",
        [*values, asin, limit],
    )


def reviews(release: Release, where: Filter, asin: str, limit: int = 10) -> list[Row]:
    """Critical reviews of an ASIN, newest first."""
    condition, values = where.where("store", "marketplace")
    return release.rows(
        f"select * from fct_reviews where {condition} and asin = ? and is_critical "
        "order by review_date desc nulls last, review_key limit ?",
        [*values, asin, limit],
    )


def of_asin(release: Release, mart: str, where: Filter, asin: str) -> list[Row]:
    """All rows of a mart about one ASIN within the filter; empty where the release has no such mart."""
    if not release.has(mart, "asin"):
        return []
    columns = [name for name in ("store", "marketplace", "window_days") if name in release.columns[mart]]
    condition, values = where.where(*columns)
    wanted = _ABOUT_ASINS.get(mart, ("store", "marketplace"))
    order = ", ".join(name for name in wanted if name in release.columns[mart])
    return release.rows(f"select * from {mart} where {condition} and asin = ? order by {order}", [*values, asin])


def return_cost(release: Release, where: Filter, asin: str) -> list[Row]:
    """What returns of an ASIN cost, each window of one channel, shortest first; empty where the release cannot say."""
    if not release.has("mart_return_cost", "total_basis", "unknown_parts"):
        return []
    condition, values = where.where("store", "marketplace", "channel")
    return release.rows(
        f"select * from mart_return_cost where {condition} and asin = ? order by window_days", [*values, asin]
    )


def cost_totals(release: Release, where: Filter) -> list[Row]:
    """What returns cost in the window, per currency: `is_exact` where no part of any ASIN is unknown, `is_open` where
    what came back with some refunds is unknown, so that the cost may be lower, too. ASINs whose amounts stand in
    several currencies have no cost and are left out.
    """
    if not release.has("mart_return_cost", "total_cost", "total_basis"):
        return []
    condition, values = where.where("store", "marketplace", "channel", "window_days")
    if where.category:
        condition += (
            " and (store, marketplace, asin) in (select (store, marketplace, asin) from dim_asin where category = ?)"
        )
        values.append(where.category)
    return release.rows(
        "select currency, sum(total_cost) as total_cost, "
        "bool_and(total_cost is not null and total_basis = 'exact') as is_exact, "
        "bool_or(total_basis = 'open') as is_open "
        f"from mart_return_cost where {condition} and currency is not null "
        "group by all having sum(total_cost) is not null order by total_cost desc, currency",
        values,
    )


_ABOUT_ASINS = {
    "mart_performance": ("store", "marketplace"),
    "mart_recovery": ("month", "used_condition"),
    "mart_high_return_fee": ("ship_month",),
    "mart_inventory": ("store", "marketplace", "sku"),
    "mart_return_rules": ("store", "marketplace"),
    "mart_holiday_returns": ("season", "purchase_week"),
}


# ---- Performance, recovery, season, inventory ---------------------------------------------------------------------


def performance_counts(release: Release, where: Filter) -> Row:
    """How many ASINs alert, and how many are credibly above their category."""
    condition, values = where.where("store", "marketplace", "window_days", "category")
    return release.rows(
        "select count(*) filter (where is_alert) as alerts, "
        f"count(*) filter (where is_credibly_above_category) as credible from mart_performance where {condition}",
        values,
    )[0]


def performance(release: Release, where: Filter, page: int = 0) -> tuple[int, list[Row]]:
    """ASINs with reviews in the window, by credible excess over their category."""
    condition, values = where.where("store", "marketplace", "window_days", "category")
    (count,) = release.rows(f"select count(*) as n from mart_performance where {condition} and reviews > 0", values)
    return count["n"], release.rows(
        "select mart_performance.*, dim_asin.title from mart_performance "
        "left join dim_asin using (store, marketplace, asin) where "
        + where.where("store", "marketplace", "window_days", "category", alias="mart_performance")[0]
        + " and reviews > 0 order by is_credibly_above_category desc, is_alert desc, credible_excess desc nulls last, "
        "mart_performance.asin limit ? offset ?",
        [*values, PAGE_ROWS, page * PAGE_ROWS],
    )


def account_health(release: Release, where: Filter) -> list[Row]:
    """What Amazon judges seller-fulfilled orders by, per store and marketplace in the window; most orders first."""
    release.need("mart_account_health")
    condition, values = where.where("store", "marketplace", "window_days")
    return release.rows(
        f"select * from mart_account_health where {condition} and (orders > 0 or requests > 0) "
        "order by coalesce(is_above_order_defect_limit, false) desc, orders desc nulls last, store, marketplace",
        values,
    )


def stars_by_month(release: Release, where: Filter) -> list[Row]:
    """Reviews by month and stars over the last two years."""
    condition, values = where.where("store", "marketplace", "category")
    return release.rows(
        "select cast(date_trunc('month', review_date) as date) as month, round(rating)::integer as stars, "
        f"count(*) as reviews from fct_reviews where {condition} and review_date > ? group by all order by all",
        [*values, release.as_of - timedelta(days=730)],
    )


def recovery(release: Release, where: Filter) -> list[Row]:
    """Grade and Resell by month and grade, per currency. is_final: all fees are posted; older releases do not say."""
    condition, values = where.where("store", "marketplace")
    final = "bool_and(is_final)" if release.has("mart_recovery", "is_final") else "null"
    return release.rows(
        f"select month, used_condition, currency, {final} as is_final, sum(units_graded)::bigint as units_graded, "
        "sum(units_sold)::bigint as units_sold, sum(gross_sales) as gross_sales, sum(fees) as fees, "
        "cast((sum(gross_sales) filter (where fees is not null) - sum(fees)) "
        "/ nullif(sum(gross_sales) filter (where fees is not null), 0) as double) as net_recovery_rate "
        f"from mart_recovery where {condition} group by all order by month desc, used_condition, currency",
        values,
    )


def recovery_by_asin(release: Release, where: Filter) -> list[Row]:
    """Grade and Resell by ASIN over the months that the window touches."""
    condition, values = _recovery(where)
    return release.rows(
        "with sums as (select store, marketplace, asin, currency, sum(units_graded)::bigint as units_graded, "
        "sum(units_sold)::bigint as units_sold, sum(gross_sales) as gross_sales, sum(fees) as fees, "
        "cast((sum(gross_sales) filter (where fees is not null) - sum(fees)) "
        "/ nullif(sum(gross_sales) filter (where fees is not null), 0) as double) as net_recovery_rate "
        f"from mart_recovery where {condition} group by all) "
        "select sums.*, dim_asin.title from sums left join dim_asin using (store, marketplace, asin) "
        "order by gross_sales desc nulls last, units_graded desc, asin limit ?",
        [*values, PAGE_ROWS],
    )


def seasons(release: Release) -> list[str]:
    """Holiday seasons with rows, newest first."""
    return [
        str(row["season"])
        for row in release.rows("select distinct season from mart_holiday_returns order by season desc")
    ]


def season_weeks(release: Release, where: Filter, season: str) -> list[Row]:
    """What was shipped, came back, and can still come back, per purchase week."""
    condition, values = where.where("store", "marketplace")
    return release.rows(
        "select purchase_week, sum(units_shipped)::bigint as units_shipped, "
        "sum(units_returned)::bigint as units_returned, sum(open_units)::bigint as open_units, "
        "max(last_return_date) as last_return_date "
        f"from mart_holiday_returns where {condition} and cast(season as varchar) = ? group by all order by 1",
        [*values, season],
    )


def season_asins(release: Release, where: Filter, season: str) -> list[Row]:
    """The same per ASIN, most open units first."""
    condition, values = where.where("store", "marketplace")
    return release.rows(
        "with sums as (select store, marketplace, asin, sum(units_shipped)::bigint as units_shipped, "
        "sum(units_returned)::bigint as units_returned, sum(open_units)::bigint as open_units, "
        "max(last_return_date) as last_return_date "
        f"from mart_holiday_returns where {condition} and cast(season as varchar) = ? group by all) "
        "select sums.*, dim_asin.title from sums left join dim_asin using (store, marketplace, asin) "
        "order by open_units desc, units_returned desc, asin limit ?",
        [*values, season, PAGE_ROWS],
    )


def inventory(release: Release, where: Filter, page: int = 0) -> tuple[int, list[Row]]:
    """Stock by SKU beside what returns put back or wrote off."""
    condition, values = where.where("store", "marketplace")
    (count,) = release.rows(f"select count(*) as n from mart_inventory where {condition}", values)
    condition, values = where.where("store", "marketplace", alias="mart_inventory")
    return count["n"], release.rows(
        "select mart_inventory.*, dim_asin.title from mart_inventory "
        f"left join dim_asin using (store, marketplace, asin) where {condition} "
        "order by unsellable desc nulls last, returned_unsellable_30d desc nulls last, "
        "mart_inventory.asin, mart_inventory.sku limit ? offset ?",
        [*values, PAGE_ROWS, page * PAGE_ROWS],
    )


def inventory_totals(release: Release, where: Filter) -> Row:
    """Sums over all SKUs of the filter."""
    condition, values = where.where("store", "marketplace")
    return release.rows(
        "select sum(fulfillable)::bigint as fulfillable, sum(unsellable)::bigint as unsellable, "
        "sum(reserved)::bigint as reserved, sum(inbound)::bigint as inbound, "
        "sum(returned_sellable_30d)::bigint as returned_sellable_30d, "
        "sum(returned_unsellable_30d)::bigint as returned_unsellable_30d, max(snapshot_date) as snapshot_date "
        f"from mart_inventory where {condition}",
        values,
    )[0]


# ---- Desk and rules -----------------------------------------------------------------------------------------------


#: cases that one page lists
CASE_ROWS = 500


def cases(release: Release, where: Filter, kind: str = "") -> list[Row]:
    """Cases by due day, whatever they stand at."""
    condition, values = where.where("store", "marketplace")
    if kind:
        condition += " and kind = ?"
        values.append(kind)
    return release.rows(
        f"select * from mart_dispute_desk where {condition} "
        "order by state = 'done', due_on nulls last, amount desc nulls last, case_id",
        values,
    )


def case(release: Release, case_id: str) -> Row | None:
    """One case."""
    found = release.rows("select * from mart_dispute_desk where case_id = ?", [case_id])
    return found[0] if found else None


def decisions(release: Release) -> list[Row]:
    """Decisions that runs have taken in."""
    if not release.has("fct_decisions"):
        return []
    return release.rows("select * from fct_decisions where decided_at is not null order by decided_at, decision_id")


def case_kinds(release: Release) -> list[str]:
    """Kinds of cases in the release."""
    return [row["kind"] for row in release.rows("select distinct kind from mart_dispute_desk order by 1")]


def return_rules(release: Release, where: Filter, page: int = 0) -> tuple[int, list[Row]]:
    """How many items there are, and one page: the rule of each today, the suggested one and why, most saved first."""
    condition, values = where.where("store", "marketplace")
    (count,) = release.rows(f"select count(*) as n from mart_return_rules where {condition}", values)
    condition, values = where.where("store", "marketplace", alias="mart_return_rules")
    return count["n"], release.rows(
        "select mart_return_rules.*, dim_asin.title from mart_return_rules "
        f"left join dim_asin using (store, marketplace, asin) where {condition} "
        "order by suggested_rule is null, expected_saving desc nulls last, expected_saving_high desc nulls last, "
        "units_returned desc, mart_return_rules.asin limit ? offset ?",
        [*values, PAGE_ROWS, page * PAGE_ROWS],
    )


#: categories are compared as the night compares them
_CATEGORY_KEY = "trim(regexp_replace(replace(lower({}), '&', ' and '), '[^a-z0-9]+', ' ', 'g'))"


def rule_effects(release: Release, where: Filter, rules: Sequence[Rule]) -> list[Row]:
    """Returns of the last 90 days by the first rule that fits them and by currency.

    place: of the rule in `rules`, NULL where none fits. saved_low, saved_high: what letting the buyer keep the units
    would have saved against sending them back, at the year's freight and resale value (mart_return_rules), over those
    of the `units` for which these are known (`units_known`); negative: it would have cost.
    """
    condition, values = where.where("store", "marketplace")
    cases: list[str] = []
    for place, rule in enumerate(rules):
        parts = ["currency = ?", "price >= ?"]
        given: list[Any] = [rule.currency, rule.price_from]
        if rule.price_to is not None:
            parts.append("price < ?")
            given.append(rule.price_to)
        if rule.category is not None:
            parts.append(f"{_CATEGORY_KEY.format('category')} = {_CATEGORY_KEY.format('?')}")
            given.append(rule.category)
        if rule.reasons:
            parts.append("reason_class in (select unnest(?))")
            given.append(list(rule.reasons))
        if rule.channel != "ALL":
            parts.append("channel = ?")
            given.append(rule.channel)
        cases.append(f"when {' and '.join(parts)} then {place}")
        values += given
    place_of = f"case {' '.join(cases)} end" if cases else "null"
    savings = release.has("mart_return_rules", "expected_saving_low", "units_returned")
    known = (
        "left join (select store, marketplace, asin, 'FBM' as channel, "
        "expected_saving_low / nullif(units_returned, 0) as unit_low, "
        "expected_saving_high / nullif(units_returned, 0) as unit_high from mart_return_rules) "
        "using (store, marketplace, asin, channel) "
        if savings
        else "cross join (select null::decimal as unit_low, null::decimal as unit_high) "
    )
    return release.rows(
        "with sums as (select store, marketplace, asin, channel, reason_class, sum(units) as units, "
        f"sum(refund_amount) as refunds from fct_returns where {condition} and return_date > as_of_date - 90 "
        "group by all), "
        "items as (select sums.*, a.category, a.price, a.currency, unit_low, unit_high "
        f"from sums left join dim_asin as a using (store, marketplace, asin) {known}), "
        f"placed as (select *, {place_of} as place from items) "
        "select place, currency, count(distinct (store, marketplace, asin)) as asins, sum(units)::bigint as units, "
        "sum(refunds) as refunds, "
        "coalesce(sum(units) filter (where unit_low is not null), 0)::bigint as units_known, "
        "cast(sum(units * unit_low) as decimal(18, 2)) as saved_low, "
        "cast(sum(units * unit_high) as decimal(18, 2)) as saved_high "
        "from placed group by all order by all",
        values,
    )


# ---- rows behind a number -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """A table whose rows can be opened: its key, its day, and the columns that a list shows first."""

    key: tuple[str, ...]
    day: str | None
    shown: tuple[str, ...]


def _table(key: str, day: str | None, shown: str) -> Table:
    return Table(tuple(key.split()), day, tuple(shown.split()))


TABLES = {
    "fct_returns": _table(
        "return_id",
        "return_date",
        "return_date store marketplace channel asin order_id units reason_class "
        "reason_code comment disposition status refund_amount",
    ),
    "fct_refunds": _table(
        "refund_id",
        "refund_date",
        "refund_date store marketplace channel asin order_id refund_amount "
        "transaction_type source has_return settlement_id",
    ),
    "fct_order_lines": _table(
        "order_line_id",
        "purchase_date",
        "purchase_date store marketplace channel asin order_id sku "
        "order_status units_ordered units_shipped item_price is_new_item",
    ),
    "fct_reviews": _table(
        "review_key",
        "review_date",
        "review_date store marketplace asin rating title body class_by_text verified_purchase",
    ),
    "fct_graded_units": _table(
        "graded_unit_id",
        "event_date",
        "event_date store marketplace asin sku used_sku units used_condition unit_status lpn",
    ),
    "fct_settlement_lines": _table(
        "settlement_line_id",
        "posted_date",
        "posted_date store marketplace asin order_id transaction_type "
        "amount_type amount_description amount settlement_id",
    ),
    "fct_inventory": _table(
        "store sku line_number",
        "snapshot_date",
        "snapshot_date store marketplace asin sku condition fulfillable unsellable reserved inbound",
    ),
    "ops_quarantine": _table(
        "store feed delivery_id line_number",
        None,
        "store feed delivery_id line_number reasons original_line",
    ),
    "ops_deliveries": _table(
        "pull_id",
        "delivered_at",
        "delivered_at store feed outcome rows_in rows_bronze rows_quarantined file_name",
    ),
}

#: columns by which a list of rows may be narrowed, from the address of the page
NARROW = (
    "store", "marketplace", "asin", "sku", "order_id", "reason_class", "reason_code", "disposition", "delivery_id",
    "used_condition", "return_id", "refund_id", "return_date", "attribution", "is_critical", "feed", "line_number",
    "settlement_id", "is_new_item", "license_plate_number",
)  # fmt: skip


@dataclass(frozen=True)
class Question:
    """Which rows of which table: values by column (equal, or unlike), days, and days of purchase."""

    table: str
    equal: tuple[tuple[str, str], ...] = ()
    channel: str = "ALL"
    first: date | None = None
    last: date | None = None
    unlike: tuple[tuple[str, str], ...] = ()
    bought_first: date | None = None
    bought_last: date | None = None

    def without(self, column: str) -> Question:
        """The same without one condition."""
        return replace(self, equal=tuple(pair for pair in self.equal if pair[0] != column))


def _question(release: Release, question: Question) -> tuple[str, list[Any]]:
    if question.table not in TABLES:
        raise NotInRelease(question.table)
    release.need(question.table)
    columns = release.columns[question.table]
    parts = ["true"]
    values: list[Any] = []
    for pairs, sign in ((question.equal, "="), (question.unlike, "<>")):
        for column, value in pairs:
            if column not in NARROW or column not in columns:
                raise NotInRelease(f"{question.table}.{column}")
            parts.append(f"cast({column} as varchar) {sign} ?")
            values.append(value)
    if question.channel != "ALL" and "channel" in columns:
        parts.append("channel = ?")
        values.append(question.channel)
    bounds = [(TABLES[question.table].day, question.first, question.last)]
    if "purchase_date" in columns:
        bounds.append(("purchase_date", question.bought_first, question.bought_last))
    for day, first, last in bounds:
        for bound, sign in ((first, ">="), (last, "<=")):
            if day and bound is not None:
                parts.append(f"{day} {sign} ?")
                values.append(bound)
    return " and ".join(parts), values


def facts(release: Release, question: Question, page: int = 0) -> tuple[int, list[Row]]:
    """How many rows answer, and one page of them, newest first."""
    condition, values = _question(release, question)
    table = TABLES[question.table]
    (count,) = release.rows(f"select count(*) as n from {question.table} where {condition}", values)
    order = ", ".join([f"{table.day} desc nulls last"] * bool(table.day) + list(table.key))
    return count["n"], release.rows(
        f"select * from {question.table} where {condition} order by {order} limit ? offset ?",
        [*values, PAGE_ROWS, page * PAGE_ROWS],
    )


#: what rows of a table add up to: units that count in the figures of the marts, and the others
_UNITS = {
    "fct_returns": ("units", _COUNTED),
    "fct_order_lines": ("units_shipped", "is_new_item"),
}
_AMOUNTS = {"fct_refunds": "refund_amount", "fct_settlement_lines": "amount"}


def facts_units(release: Release, question: Question) -> tuple[int, int] | None:
    """Units of these rows that count in the marts' figures, and those that do not; None for other tables."""
    if question.table not in _UNITS:
        return None
    condition, values = _question(release, question)
    units, counts = _UNITS[question.table]
    (row,) = release.rows(
        f"select coalesce(sum({units}) filter (where {counts}), 0)::bigint as counted, "
        f"coalesce(sum({units}), 0)::bigint as units from {question.table} where {condition}",
        values,
    )
    return row["counted"], row["units"] - row["counted"]


def facts_amounts(release: Release, question: Question) -> dict[str, Any]:
    """What these rows add up to by currency, largest first; empty for other tables."""
    if question.table not in _AMOUNTS:
        return {}
    condition, values = _question(release, question)
    found = release.rows(
        f"select currency, sum({_AMOUNTS[question.table]}) as amount from {question.table} "
        f"where {condition} and currency is not null group by all order by 2 desc, 1",
        values,
    )
    return {row["currency"]: row["amount"] for row in found if row["amount"] is not None}


def season_purchase_days(release: Release, season: str) -> tuple[date, date] | None:
    """First and last day of purchase of a season, as in `2025-26`; None where the release does not say."""
    if not release.has("dim_date", "is_season_purchase"):
        return None
    (row,) = release.rows(
        "select min(date) as first, max(date) as last from dim_date where is_season_purchase "
        "and cast(season_year as varchar) = ?",
        [season[:4]],
    )
    return None if row["first"] is None else (row["first"], row["last"])


def facts_arrow(release: Release, question: Question) -> Any:
    """All these rows (up to EXPORT_ROWS) as an Arrow table."""
    condition, values = _question(release, question)
    order = ", ".join(TABLES[question.table].key)
    return release.arrow(
        f"select * from {question.table} where {condition} order by {order} limit {EXPORT_ROWS}", values
    )


def record(release: Release, table: str, key: Sequence[str]) -> Row | None:
    """One row by its key."""
    if table not in TABLES:
        raise NotInRelease(table)
    release.need(table)
    condition = " and ".join(f"cast({name} as varchar) = ?" for name in TABLES[table].key)
    found = release.rows(f"select * from {table} where {condition} limit 1", list(key))
    return found[0] if found else None


def delivery(release: Release, delivery_id: str, store: str) -> Row | None:
    """The delivery that a row came from: the pull that brought it first."""
    if not release.has("ops_deliveries", "delivery_id"):
        return None
    order = "delivered_at" if release.has("ops_deliveries", "delivered_at") else "delivery_id"
    found = release.rows(
        f"select * from ops_deliveries where delivery_id = ? and store = ? order by {order} limit 1",
        [delivery_id, store],
    )
    return found[0] if found else None


# ---- one month, for the report ------------------------------------------------------------------------------------


def first_day(release: Release, where: Filter) -> date | None:
    """The first day on which anything was ordered or returned; None where nothing ever was."""
    condition, values = where.where("store", "marketplace")
    found = release.rows(f"select min(date) as day from mart_asin_daily where {condition}", values)
    day: date | None = found[0]["day"]
    return day


def by_month(release: Release, where: Filter, first: date, last: date) -> list[Row]:
    """Units returned, and both sides of the rate, per month between these days; months without rows are absent."""
    condition, values = _daily(where)
    return release.rows(
        "select cast(date_trunc('month', date) as date) as month, sum(units_returned)::bigint as returned, "
        "coalesce(sum(units_returned) filter (where marketplace <> 'unattributed'), 0)::bigint as part, "
        "coalesce(sum(units_shipped) filter (where marketplace <> 'unattributed'), 0)::bigint as whole "
        f"from mart_asin_daily where {condition} and date between ? and ? group by all order by 1",
        [*values, first, last],
    )


def reviews_between(release: Release, where: Filter, first: date, last: date) -> Rate:
    """Critical reviews of all reviews with a day within these."""
    condition, values = where.where("store", "marketplace", "category")
    row = release.rows(
        "select count(*) filter (where is_critical)::bigint as part, count(*)::bigint as whole "
        f"from fct_reviews where {condition} and review_date between ? and ?",
        [*values, first, last],
    )[0]
    return Rate(row["part"], row["whole"])


def recovery_of_month(release: Release, where: Filter, month: date) -> list[Row]:
    """Grade and Resell of a month per currency; the rate is formed only over cells whose fees are known."""
    condition, values = where.where("store", "marketplace")
    return release.rows(
        "select currency, sum(gross_sales) as gross_sales, "
        "sum(units_graded)::bigint as units_graded, sum(units_sold)::bigint as units_sold, "
        "sum(gross_sales) filter (where fees is not null) - sum(fees) as net_sales, "
        "cast((sum(gross_sales) filter (where fees is not null) - sum(fees)) "
        "/ nullif(sum(gross_sales) filter (where fees is not null), 0) as double) as net_recovery_rate "
        f"from mart_recovery where {condition} and month = ? group by all order by 2 desc nulls last",
        [*values, month],
    )


def reasons_between(release: Release, where: Filter, first: date, last: date) -> list[Row]:
    """Units by final reason class of these days, counted as in units_returned, most first."""
    condition, values = where.where("store", "marketplace")
    return release.rows(
        "select reason_class, sum(units)::bigint as units, "
        "cast(sum(units) / nullif(sum(sum(units)) over (), 0) as double) as share "
        f"from fct_returns where {condition} and {_COUNTED} and return_date between ? and ? "
        "group by reason_class having sum(units) > 0 order by units desc, 1",
        [*values, first, last],
    )


def items_between(release: Release, where: Filter, first: date, last: date) -> list[Row]:
    """Items with a return in these days: units, their category's rate, the reason most named, and the advice for it.

    The reason follows the rule of the marts: unclear and unmapped only where no other was given.
    """
    condition, values = _daily(where)
    named, named_values = where.where("store", "marketplace")
    return release.rows(
        "with units as (select store, marketplace, asin, sum(units_shipped)::bigint as shipped, "
        "sum(units_returned)::bigint as returned from mart_asin_daily "
        f"where {condition} and marketplace <> 'unattributed' and date between ? and ? group by all), "
        "items as (select units.*, dim_asin.title, dim_asin.category from units "
        "left join dim_asin using (store, marketplace, asin)), "
        "rated as (select *, sum(returned) over same / nullif(sum(shipped) over same, 0) as category_rate from items "
        "window same as (partition by store, marketplace, category)), "
        "named as (select store, marketplace, asin, reason_class, sum(units)::bigint as reason_units from fct_returns "
        f"where {named} and {_COUNTED} and return_date between ? and ? group by all), "
        "top as (select * from named qualify row_number() over (partition by store, marketplace, asin "
        "order by reason_class in ('unclear', 'unmapped'), reason_units desc, reason_class) = 1) "
        "select rated.*, top.reason_class, top.reason_units, dim_reason_class.advice_en, dim_reason_class.advice_zh "
        "from rated left join top using (store, marketplace, asin) left join dim_reason_class using (reason_class) "
        "where returned > 0 order by returned desc, store, marketplace, asin",
        [*values, first, last, *named_values, first, last],
    )


def refund_parts(release: Release, where: Filter, first: date, last: date) -> list[Row]:
    """Refunds posted in these days per currency: all, those without a unit back, and the fee kept by Amazon."""
    condition, values = where.where("store", "marketplace")
    return release.rows(
        "select currency, count(*) as refunds, sum(refund_amount) as amount, "
        "coalesce(sum(refund_amount) filter (where not has_return), 0) as without_return, sum(fee_kept) as fee_kept "
        f"from fct_refunds where {condition} and refund_date between ? and ? and currency is not null "
        "group by all order by amount desc nulls last, currency",
        [*values, first, last],
    )


def cost_of_30_days(release: Release, where: Filter) -> list[Row]:
    """What returns cost in the 30 days to the as-of day, per currency; `is_exact` where no part of it is unknown."""
    rows = cost_totals(release, replace(where, channel="ALL", window=30, category=""))
    return sorted(rows, key=lambda row: row["currency"])


def dispositions_between(release: Release, where: Filter, first: date, last: date) -> Row:
    """Units that Amazon took back in these days with a disposition, and those of them that can be sold as new."""
    condition, values = where.where("store", "marketplace")
    return release.rows(
        "select coalesce(sum(units) filter (where disposition is not null), 0)::bigint as units, "
        "coalesce(sum(units) filter (where upper(disposition) = 'SELLABLE'), 0)::bigint as sellable "
        f"from fct_returns where {condition} and return_date between ? and ?",
        [*values, first, last],
    )[0]


def fee_between(release: Release, where: Filter, first_month: date, last_month: date) -> list[Row]:
    """Items that the fee on high return rates is, or will be, charged for, by month of shipping; most units first."""
    condition, values = where.where("store", "marketplace", alias="f")
    return release.rows(
        "select f.*, dim_asin.title from mart_high_return_fee as f left join dim_asin using (store, marketplace, asin) "
        f"where {condition} and ship_month between ? and ? and units_charged > 0 "
        "order by units_charged desc, ship_month, f.store, f.marketplace, f.asin",
        [*values, first_month, last_month],
    )


def days_in(release: Release, where: Filter, first: date, last: date) -> list[Row]:
    """For each feed: how many of these days of the stores are loaded, missing or stale, of how many that are known."""
    release.need("ops_windows")
    condition, values = where.where("store")
    return release.rows(
        "select feed, count(*) as days, count(*) filter (where state in ('loaded', 'loaded_empty')) as loaded, "
        "count(*) filter (where is_stale and state in ('loaded', 'loaded_empty')) as stale "
        f"from ops_windows where {condition} and day between ? and ? group by all order by feed",
        [*values, first, last],
    )


def fee_unknown(release: Release, where: Filter, first_month: date, last_month: date) -> int:
    """Items shipped in these months that may be charged the fee, whose threshold is not known."""
    condition, values = where.where("store", "marketplace")
    (row,) = release.rows(
        "select count(distinct (store, marketplace, asin)) as items from mart_high_return_fee "
        f"where {condition} and ship_month between ? and ? "
        "and units_charged is null and not coalesce(is_exempt, false)",
        [*values, first_month, last_month],
    )
    return int(row["items"])


def deliveries_of(release: Release, where: Filter, first: date, last: date) -> Row:
    """Reports whose window, or else whose events, touch these days; their feeds, and their rows that were set aside."""
    condition, values = where.where("store")
    return release.rows(
        "select count(*) filter (where outcome in ('loaded', 'loaded_empty')) as reports, "
        "list(distinct feed order by feed) filter (where outcome = 'loaded') as feeds, "
        "coalesce(sum(rows_quarantined) filter (where restates), 0)::bigint as quarantined "
        f"from ops_deliveries where {condition} and coalesce(window_from, first_event_day) <= ? "
        "and coalesce(window_to, last_event_day) >= ?",
        [*values, last, first],
    )[0]


# ---- reports for download -----------------------------------------------------------------------------------------


def tables(release: Release) -> list[Row]:
    """Every published table with what it is and how many rows it has for this reader."""
    found: list[Row] = []
    for name in sorted(release.columns):
        (count,) = release.rows(f'select count(*) as n from "{name}"')
        found.append({"name": name, "rows": count["n"], "description": release.descriptions.get(name, "")})
    return found


def table_arrow(release: Release, name: str, where: Filter) -> Any:
    """A whole table, as far as the filter's store and marketplace reach (up to EXPORT_ROWS rows), as an Arrow table."""
    release.need(name)
    condition, values = where.where(*(c for c in ("store", "marketplace") if c in release.columns[name]))
    return release.arrow(f'select * from "{name}" where {condition} limit {EXPORT_ROWS}', values)


def as_list(text: Any) -> list[str]:
    """A JSON list as the marts keep it; empty where there is none."""
    if not text:
        return []
    try:
        found = json.loads(text) if isinstance(text, str) else list(text)
    except ValueError:
        return []
    return [str(entry) for entry in found] if isinstance(found, list) else []


def reason_classes(release: Release) -> list[str]:
    """Reason classes in their order of display."""
    if release.has("dim_reason_class", "position"):
        return [row["reason_class"] for row in release.rows("select * from dim_reason_class order by position")]
    return [row["reason_class"] for row in release.rows("select distinct reason_class from fct_returns order by 1")]
