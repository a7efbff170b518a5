"""The audit between building and publishing: may readers see this night, and if not, which rows stand in the way.

Belongs here: every check that decides over a release, and what a failed one tells. Does not belong: the rules of single
columns (`data_contracts/marts.py`), rules over rows (dbt tests), what is done with the verdict (`pipeline.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_contracts.registry import all_feeds
from ingestion.failures import PermanentFailure
from ingestion.ledger import COMPLETE

if TYPE_CHECKING:
    import duckdb

    from data_contracts.settings import Settings
    from ingestion.ledger import Pull
    from orchestration.models import NodeResult, PublishedModel
    from orchestration.plan import Plan

#: rows shown per failed check
SAMPLE = 5


@dataclass(frozen=True)
class Finding:
    """One check that found something: what, in how many rows, some of them, and what to do next."""

    check: str
    blocks: bool
    what: str
    count: int
    remedy: str
    sample: tuple[dict[str, Any], ...] = ()

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"{'REFUSED' if self.blocks else 'warning'} {self.check}: {self.what}"
        for row in self.sample:
            yield "    " + ", ".join(f"{name}={value}" for name, value in row.items() if value is not None)
        if self.remedy:
            yield f"  next: {self.remedy}"


@dataclass(frozen=True)
class Audit:
    """All findings of a night, blocking ones first, and how many checks were made."""

    checks: int
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether the night may be published."""
        return not any(finding.blocks for finding in self.findings)

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """What stands in the way."""
        return tuple(finding for finding in self.findings if finding.blocks)

    def record(self, folder: Path, plan: Plan) -> Path:
        """Keep the audit as JSON in a folder; its path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{plan.release_id}.json"
        values = {"release_id": plan.release_id, "as_of": plan.as_of, "passed": self.passed, **asdict(self)}
        path.write_text(json.dumps(values, indent=1, default=str, ensure_ascii=False), encoding="utf-8")
        return path


def audit(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    plan: Plan,
    models: Sequence[PublishedModel],
    results: Sequence[NodeResult],
) -> Audit:
    """Check a built warehouse.

    Raises PermanentFailure when a model could not be built at all: that is a fault, not a finding.
    """
    if broken := [r for r in results if r.kind == "model" and r.status == "error" and not r.is_constraint]:
        raise PermanentFailure(
            f"{len(broken)} models could not be built: {broken[0].message.strip()}",
            ", ".join(result.name for result in broken),
            "Yesterday's release stands. Run again with `returnscope run`, which makes damaged files again; if it "
            "comes again, the models' SQL is at fault: please report it with this message.",
        )
    found: list[Finding] = []
    checks = 0
    for part in (
        _dbt(con, results),
        _contracts(con, plan, models),
        _reconciliation(con),
        _bad_rows(con, settings, plan.pulls),
        _freshness(plan),
    ):
        for finding in part:
            checks += 1
            if finding is not None:
                found.append(finding)
    return Audit(checks, tuple(sorted(found, key=lambda finding: not finding.blocks)))


def _dbt(con: duckdb.DuckDBPyConnection, results: Iterable[NodeResult]) -> Iterator[Finding | None]:
    for result in results:
        if result.kind == "test" and result.status in ("fail", "warn", "error"):
            of = f" of {result.tested}" if result.tested else ""
            yield Finding(
                check=f"test {result.name}",
                blocks=result.status != "warn",
                what=f"{result.failures:,} rows{of} do not meet it" if result.failures else result.message.strip(),
                count=result.failures,
                remedy="See which deliveries the rows come from (delivery_id); correct and take them in again.",
                sample=_rows(con, result.sql) if result.sql and result.status != "error" else (),
            )
        elif result.is_constraint:
            yield Finding(
                check=f"contract of {result.name}",
                blocks=True,
                what=result.message.strip().splitlines()[-1].strip(),
                count=1,
                remedy="The model gave a row that its contract forbids: please report it. Yesterday's release stands.",
            )
        elif result.kind in ("test", "model"):
            yield None


def _contracts(
    con: duckdb.DuckDBPyConnection, plan: Plan, models: Iterable[PublishedModel]
) -> Iterator[Finding | None]:
    from data_contracts.marts import mart_schema, violations

    for model in models:
        if not _exists(con, model.relation):
            yield Finding(
                check=f"built {model.name}",
                blocks=True,
                what="it was not built, since something before it failed",
                count=1,
                remedy="See the other findings.",
            )
            continue
        described = dict(con.execute(f"select column_name, column_type from (describe {model.relation})").fetchall())
        schema = mart_schema(model.name, described, required=model.required & set(described), as_of=plan.as_of)
        rules = list(violations(schema))
        counts = con.execute(
            "select " + ", ".join(f"count(*) filter (where {rule})" for *_, rule in rules) + f" from {model.relation}"
        ).fetchone()
        for (column, code, rule), count in zip(rules, counts or (), strict=True):
            yield (
                Finding(
                    check=f"contract {model.name}.{column} {code}",
                    blocks=True,
                    what=f"{count:,} rows do not meet it",
                    count=count,
                    remedy="A mart never holds such a value: correct the deliveries the rows come from, or report it.",
                    sample=_rows(con, f"select * from {model.relation} where {rule}"),
                )
                if count
                else None
            )


def _reconciliation(con: duckdb.DuckDBPyConnection) -> Iterator[Finding | None]:
    """What `ops_reconciliation` counts: `error` refuses the release, `warning` is told, `info` is only kept."""
    if not _exists(con, "published.marts.ops_reconciliation"):
        return  # not built: the audit then has an error of that model, or of one before it
    rows = con.execute(
        "select check_name, severity, detail, count(*), count(*) filter (where not is_ok) "
        "from published.marts.ops_reconciliation group by all order by all"
    ).fetchall()
    for name, severity, detail, checks, wrong in rows:
        if not wrong or severity == "info":
            yield from [None] * checks
            continue
        yield Finding(
            check=f"reconciliation {name}",
            blocks=severity == "error",
            what=f"{detail}: not so in {wrong:,} of {checks:,} cases",
            count=wrong,
            remedy="Rows or units were lost or doubled on the way: please report it." if severity == "error" else "",
            sample=_rows(
                con,
                "select store, feed, subject, expected, actual, difference from published.marts.ops_reconciliation "
                "where check_name = ? and severity = ? and not is_ok order by abs(difference) desc, 1, 2, 3",
                [name, severity],
            ),
        )


def _exists(con: duckdb.DuckDBPyConnection, relation: str) -> bool:
    found = con.execute(
        "select 1 from information_schema.tables where table_catalog = ? and table_schema = ? and table_name = ?",
        relation.replace('"', "").split("."),
    )
    return found.fetchone() is not None


def _bad_rows(con: duckdb.DuckDBPyConnection, settings: Settings, pulls: Sequence[Pull]) -> Iterator[Finding | None]:
    for pull in standing(pulls):
        bad, rows_in = pull.rows_quarantined or 0, pull.rows_in or 0
        allowed = settings.bad_rows(str(pull.feed))
        if not allowed.blocks(bad, rows_in):
            yield None
            continue
        yield Finding(
            check=f"bad rows in {pull.store}/{pull.feed}",
            blocks=True,
            what=f"{bad:,} of {rows_in:,} rows of {pull.file_name or pull.delivery_id} break their contract "
            f"(allowed: {allowed.rows} rows or {allowed.share:.1%}, and fewer than half)",
            count=bad,
            remedy=f"Correct the file and take it in again under the same name, or allow more: "
            f"[thresholds.{pull.feed}] rows, share in {settings.config}.",
            sample=_rows(
                con,
                "select line_number, reasons, original_line[:200] as original_line from control.quarantine "
                "where store = ? and feed = ? and delivery_id = ? order by line_number",
                [pull.store, pull.feed, pull.delivery_id],
            ),
        )


def standing(pulls: Sequence[Pull]) -> Iterator[Pull]:
    """Pulls with rows that no newer pull replaces as a whole.

    A newer complete pull of the same store and feed replaces one whose window lies within its own, and a newer one
    without a window replaces one of the same file name: so a corrected file lifts the refusal of a bad one.
    """
    by_feed: dict[tuple[str, str], list[Pull]] = {}
    for pull in pulls:
        if pull.restates and pull.outcome in COMPLETE and pull.feed is not None:
            by_feed.setdefault((pull.store, pull.feed), []).append(pull)
    for own in by_feed.values():
        newest_first = sorted(own, key=lambda pull: (pull.delivered_at, pull.pull_id), reverse=True)
        for position, pull in enumerate(newest_first):
            if not any(_replaces(newer, pull) for newer in newest_first[:position]):
                yield pull


def _replaces(newer: Pull, older: Pull) -> bool:
    if newer.window_from is None or newer.window_to is None:
        return newer.file_name is not None and newer.file_name == older.file_name
    if older.window_from is None or older.window_to is None:
        return False
    return newer.window_from <= older.window_from and older.window_to <= newer.window_to


def _freshness(plan: Plan) -> Iterator[Finding | None]:
    """By the day of the newest event, not of the newest delivery: loading old days again makes nothing fresh."""
    newest: dict[tuple[str, str], Any] = {}
    for pull in plan.pulls:
        if pull.restates and pull.last_event_day is not None and pull.feed is not None:
            key = (pull.store, pull.feed)
            newest[key] = max(pull.last_event_day, newest.get(key, pull.last_event_day))
    for (store, feed), day in sorted(newest.items()):
        allowed = all_feeds()[feed].fresh_days
        if allowed is None:
            continue
        yield (
            Finding(
                check=f"freshness of {store}/{feed}",
                blocks=False,
                what=f"the newest event is of {day}, {(plan.as_of - day).days} days before {plan.as_of}",
                count=1,
                remedy="Check that the report still arrives: `returnscope status`.",
            )
            if plan.as_of - day > timedelta(days=allowed)
            else None
        )


def _rows(
    con: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[Any] | None = None
) -> tuple[dict[str, Any], ...]:
    cursor = con.execute(f"select * from ({query}) limit {SAMPLE}", parameters)
    names = [column[0] for column in cursor.description or ()]
    return tuple(dict(zip(names, row, strict=True)) for row in cursor.fetchall())
