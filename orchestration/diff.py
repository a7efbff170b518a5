"""What differs between two releases: inputs, rows and units per mart, rows that changed and the deliveries behind them.

Belongs here: comparing parquet with parquet. Does not belong: making releases.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingestion.lake import open_lake
from ingestion.ledger import Ledger
from orchestration import releases
from orchestration.console import say, table

if TYPE_CHECKING:
    import duckdb

    from data_contracts.settings import Settings
    from ingestion.lake import Lake
    from ingestion.ledger import Pull
    from orchestration.releases import Manifest

#: columns that say how much a mart holds, the first that it has
_UNITS = ("units", "units_returned", "units_ordered", "units_shipped", "units_graded", "reviews", "rows_in")
#: numerator and denominator of the rate that a mart is about, the first pair that it has
_RATES = (("units_returned", "units_shipped"), ("critical_reviews", "reviews"))
#: differs in every row of two nights, and is said once
_NOT_COMPARED = "as_of_date"


@dataclass(frozen=True)
class Change:
    """One mart in two releases: rows, units and rate before and after, and rows by what became of them."""

    mart: str
    rows: tuple[int, int]
    units: tuple[int | None, int | None]
    rates: tuple[float | None, float | None]
    added: int = 0
    removed: int = 0
    changed: int = 0

    @property
    def is_same(self) -> bool:
        """Whether every row is the same, the as-of day aside."""
        return not (self.added or self.removed or self.changed)


Side = tuple["Lake", "Manifest"]


class Comparison:
    """Two releases, each in its lake, side by side in DuckDB."""

    def __init__(self, one: Side, other: Side, con: duckdb.DuckDBPyConnection) -> None:
        self._one, self._other, self._con = one[1], other[1], con
        self._lakes = {id(manifest): lake for lake, manifest in (one, other)}
        con.execute("set TimeZone = 'UTC'")

    def changes(self) -> list[Change]:
        """Every mart that either has, by name."""
        return [self._change(name) for name in sorted({*self._one.marts, *self._other.marts})]

    def _change(self, name: str) -> Change:
        before, after = self._one.marts.get(name), self._other.marts.get(name)
        rows = (before.rows if before else 0, after.rows if after else 0)
        units = (self._units(self._one, name), self._units(self._other, name))
        rates = (self._rate(self._one, name), self._rate(self._other, name))
        if before is None or after is None:
            return Change(name, rows, units, rates, added=rows[1], removed=rows[0])
        if before.sha256 == after.sha256:
            return Change(name, rows, units, rates)
        counts = self._con.execute(
            "select count(*) filter (where was is null), count(*) filter (where now is null), "
            f"count(*) filter (where was is not null and now is not null) from ({self._differing(name)})"
        ).fetchone()
        return Change(name, rows, units, rates, *(counts or (0, 0, 0)))

    def _units(self, manifest: Manifest, name: str) -> int | None:
        mart = manifest.marts.get(name)
        column = next((unit for unit in _UNITS if mart and unit in mart.columns), None)
        if mart is None or column is None:
            return None
        (value,) = self._con.execute(f"select sum({column})::bigint {self._whole(manifest, name)}").fetchone() or (
            None,
        )
        return value

    def _rate(self, manifest: Manifest, name: str) -> float | None:
        """The rate over the whole mart: sum over sum; None where it is about none, or nothing can be divided by."""
        mart = manifest.marts.get(name)
        pair = next((pair for pair in _RATES if mart and {*pair} <= {*mart.columns}), None)
        if pair is None:
            return None
        query = f"select sum({pair[0]})::double / nullif(sum({pair[1]}), 0) {self._whole(manifest, name)}"
        (value,) = self._con.execute(query).fetchone() or (None,)
        return value

    def _whole(self, manifest: Manifest, name: str) -> str:
        """From and where of a mart's rows, less those that others hold already."""
        whole = {"channel": "'ALL'", "window_days": "365"}
        parts = [f"{key} = {value}" for key, value in whole.items() if key in manifest.marts[name].key] or ["true"]
        return f"from {self._rows(manifest, name)} where {' and '.join(parts)}"

    def _rows(self, manifest: Manifest, name: str) -> str:
        path = str(releases.mart_path(self._lakes[id(manifest)], manifest, name)).replace("'", "''")
        return f"read_parquet('{path}')"

    def _differing(self, name: str) -> str:
        """A query with `was` and `now`, structs of the columns both releases have, for rows that differ.

        Rows are matched by key and, among rows of one key, by their order of content.
        """
        before, after = self._one.marts[name], self._other.marts[name]
        shared = [column for column in after.columns if column in before.columns and column != _NOT_COMPARED]
        key = [column for column in after.key if column in shared] or shared
        packed = "struct_pack(" + ", ".join(f'"{column}" := "{column}"' for column in shared) + ")"
        by = ", ".join(f'"{column}"' for column in key)

        order = ", ".join(f'"{column}"' for column in shared)

        def side(manifest: Manifest) -> str:
            return (
                f"select {packed} as whole, row({by}) as key, row_number() over (partition by {by} order by {order}) "
                f"as nth from {self._rows(manifest, name)}"
            )

        return (
            f"select one.whole as was, other.whole as now from ({side(self._one)}) as one "
            f"full join ({side(self._other)}) as other on one.key = other.key and one.nth = other.nth "
            f"where one.whole is distinct from other.whole"
        )

    def sample(self, name: str, limit: int) -> Iterator[str]:
        """Some rows that differ, each as its key and what changed."""
        before, after = self._one.marts.get(name), self._other.marts.get(name)
        if before is None or after is None:
            return
        shared = [column for column in after.columns if column in before.columns and column != _NOT_COMPARED]
        key = [column for column in after.key if column in shared] or shared
        for was, now in self._con.execute(f"{self._differing(name)} order by now, was limit {limit}").fetchall():
            row: dict[str, Any] = now or was
            name_of_row = ", ".join(f"{column}={row[column]}" for column in key)
            if was is None or now is None:
                yield f"{'added' if was is None else 'removed'}: {name_of_row}"
                continue
            parts = [f"{c}: {was[c]} -> {now[c]}" for c in row if was[c] != now[c]]
            yield f"{name_of_row}: {', '.join(parts)}"

    def by_delivery(self, name: str) -> list[tuple[str, int]]:
        """Deliveries that brought rows which are new or changed, with how many; empty where rows carry no delivery."""
        before, after = self._one.marts.get(name), self._other.marts.get(name)
        if before is None or after is None or "delivery_id" not in {*before.columns} & {*after.columns}:
            return []
        return self._con.execute(
            f"select now.delivery_id, count(*) as n from ({self._differing(name)}) "
            "where now is not null and now.delivery_id is not null group by 1 order by n desc, 1"
        ).fetchall()


def show_diff(settings: Settings, name_a: str, name_b: str, *, sample: int) -> None:
    """Say what differs between two releases.

    Raises PermanentFailure when there is no such release.
    """
    import duckdb

    lake = open_lake(settings.lake)
    one, other = releases.get(lake, name_a), releases.get(lake, name_b)
    say(f"{one.release_id} -> {other.release_id}")
    pulls = {pull.pull_id: pull for pull in Ledger(lake).pulls()}
    _show_inputs(one, other, pulls)
    with duckdb.connect() as con:
        comparison = Comparison((lake, one), (lake, other), con)
        changes = comparison.changes()
        say(change_table(changes))
        # of bytes that came more than once the pull that made them count, not a plain repetition
        by_id = {pull.delivery_id: pull for pull in pulls.values() if pull.delivery_id and pull.restates}
        for change in changes:
            if change.is_same:
                continue
            lines = list(comparison.sample(change.mart, sample))
            deliveries = comparison.by_delivery(change.mart)
            if lines or deliveries:
                say(f"\n{change.mart}")
            for line in lines:
                say(f"  {line}")
            for delivery_id, rows in deliveries[:10]:
                say(f"  {rows:,} rows by {describe(by_id.get(delivery_id), delivery_id)}")


def change_table(changes: Sequence[Change]) -> str:
    """Marts with rows, units and rate before and after."""
    rows = [
        (
            change.mart,
            *change.rows,
            *change.units,
            *(None if rate is None else f"{rate:.2%}" for rate in change.rates),
            change.added,
            change.removed,
            change.changed,
        )
        for change in changes
    ]
    return table(
        ("mart", "rows", "-> rows", "units", "-> units", "rate", "-> rate", "added", "removed", "changed"), rows
    )


def describe(pull: Pull | None, delivery_id: str) -> str:
    """A delivery for people."""
    if pull is None:
        return f"delivery {delivery_id[:12]}"
    window = f", {pull.window_from}..{pull.window_to}" if pull.window_from else ""
    name = pull.file_name or delivery_id[:12]
    return f"{pull.store}/{pull.feed} {name}{window}, delivered {pull.delivered_at:%Y-%m-%d %H:%M}"


def _show_inputs(one: Manifest, other: Manifest, pulls: dict[str, Pull]) -> None:
    say(f"  as of {one.as_of} -> {other.as_of}")
    for title, ids in (
        ("deliveries only in the second", set(other.pulls) - set(one.pulls)),
        ("deliveries only in the first", set(one.pulls) - set(other.pulls)),
    ):
        found = sorted(
            (pulls[name] for name in ids if name in pulls), key=lambda pull: (pull.delivered_at, pull.pull_id)
        )
        say(f"  {title}: {len(ids):,}")
        for pull in found[:20]:
            say(f"    {describe(pull, pull.delivery_id or 'no document')}: {pull.outcome}")
        if len(found) > 20:
            say(f"    and {len(found) - 20:,} more")
    for what in ("settings", "versions"):
        was, now = getattr(one, what), getattr(other, what)
        for key in sorted({*was, *now}):
            if was.get(key) != now.get(key):
                say(f"  {what}: {key}: {was.get(key)} -> {now.get(key)}")
    say()
