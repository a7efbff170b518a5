"""Asset checks: what each feed must be like after a night, by the ledger, with the counts behind each verdict.

Belongs here: the verdicts on one feed, and on reconciliation. Does not belong: what stops a release (`audit.py`, whose
verdict the publish asset carries).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from data_contracts.feed import Feed
from orchestration.audit import standing
from orchestration.status import feed_statuses

if TYPE_CHECKING:
    from data_contracts.settings import Settings
    from ingestion.ledger import Pull
    from orchestration.audit import Audit

BAD_ROWS, FRESH, COMPLETE = "bad_rows", "fresh_by_event_date", "windows_complete"
AUDIT, RECONCILED = "audit", "reconciliation"


def feed_check_specs(feed: Feed, key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The checks of a feed's asset; those that cannot apply to it are left out."""
    specs = [dg.AssetCheckSpec(BAD_ROWS, asset=key, description="No delivery has more bad rows than allowed.")]
    if feed.event is not None and feed.fresh_days is not None:
        text = f"The newest event is at most {feed.fresh_days} days old. Old days that are loaded again do not count."
        specs.append(dg.AssetCheckSpec(FRESH, asset=key, description=text))
    if feed.max_days is not None:
        text = "Every day since the first one asked for is covered by a complete pull."
        specs.append(dg.AssetCheckSpec(COMPLETE, asset=key, description=text))
    return specs


def feed_checks(feed: Feed, settings: Settings, pulls: Sequence[Pull], today: date) -> list[dg.AssetCheckResult]:
    """Verdicts on a feed over all stores."""
    own = [pull for pull in pulls if pull.feed == feed.name]
    results = [_bad_rows(feed, settings, own)]
    statuses = feed_statuses(own)
    if feed.event is not None and feed.fresh_days is not None:
        late = [s for s in statuses if s.newest_event and today - s.newest_event > timedelta(days=feed.fresh_days)]
        results.append(
            dg.AssetCheckResult(
                passed=not late,
                check_name=FRESH,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={
                    "stores_checked": len(statuses),
                    "stores_late": len(late),
                    "newest_event": ", ".join(f"{s.store}: {s.newest_event}" for s in statuses) or "none",
                },
            )
        )
    if feed.max_days is not None:
        missing = sum(len(window) for s in statuses for window in s.missing)
        gaps = [f"{s.store}: {window}" for s in statuses for window in s.missing]
        results.append(
            dg.AssetCheckResult(
                passed=not missing,
                check_name=COMPLETE,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={
                    "days_missing": missing,
                    "missing": "; ".join(gaps[:50]) or "none",
                    "cancelled": sum(s.cancelled for s in statuses),
                    "failed": sum(s.failed for s in statuses),
                },
            )
        )
    return results


def _bad_rows(feed: Feed, settings: Settings, pulls: Sequence[Pull]) -> dg.AssetCheckResult:
    current = list(standing(pulls))
    allowed = settings.bad_rows(feed.name)
    blocking = [pull for pull in current if allowed.blocks(pull.rows_quarantined or 0, pull.rows_in or 0)]
    return dg.AssetCheckResult(
        passed=not blocking,
        check_name=BAD_ROWS,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "total_count": sum(pull.rows_in or 0 for pull in current),
            "failed_count": sum(pull.rows_quarantined or 0 for pull in current),
            "deliveries_refused": ", ".join(pull.file_name or str(pull.delivery_id) for pull in blocking) or "none",
        },
    )


def publish_check_specs(key: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The checks of the publish asset."""
    return [
        dg.AssetCheckSpec(AUDIT, asset=key, description="Nothing stands in the way of publishing."),
        dg.AssetCheckSpec(RECONCILED, asset=key, description="Rows and units are conserved from file to mart."),
    ]


def publish_checks(verdict: Audit) -> list[dg.AssetCheckResult]:
    """The audit's verdict as asset checks."""
    lost = [finding for finding in verdict.findings if finding.check.startswith(RECONCILED)]
    return [
        dg.AssetCheckResult(
            passed=verdict.passed,
            check_name=AUDIT,
            severity=dg.AssetCheckSeverity.ERROR,
            metadata={
                "checks": verdict.checks,
                "blocking": len(verdict.blocking),
                "findings": "\n".join(line for finding in verdict.findings for line in finding.lines()) or "none",
            },
        ),
        dg.AssetCheckResult(
            passed=not any(finding.blocks for finding in lost),
            check_name=RECONCILED,
            severity=dg.AssetCheckSeverity.ERROR,
            metadata={"failed_count": sum(finding.count for finding in lost)},
        ),
    ]
