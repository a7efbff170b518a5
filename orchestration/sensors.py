"""What Dagster reacts to: files in the inbox, and failed runs.

Belongs here: sensors. Does not belong: taking files (`due.py`), sending messages (`alerts.py`).
"""

import hashlib
from datetime import UTC, datetime, timedelta

import dagster as dg

from ingestion.inbox import inbox_files
from orchestration.failures import KIND
from orchestration.pipeline import alert
from orchestration.resources import Installation
from orchestration.schedules import NIGHTLY

#: a file that changed within this time may still be being copied
_SETTLED_SECONDS = 30


@dg.sensor(
    job=NIGHTLY,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Runs the night when files lie in the inbox.",
)
def inbox_sensor(installation: Installation) -> dg.RunRequest | dg.SkipReason:
    """Ask for one run per state of the inbox."""
    files = [(path, path.stat()) for path in inbox_files(installation.settings)]
    if not files:
        return dg.SkipReason("The inbox is empty")
    now = datetime.now(UTC)
    if any(now.timestamp() - stat.st_mtime < _SETTLED_SECONDS for _, stat in files):
        return dg.SkipReason("A file in the inbox has only just changed")
    state = "\n".join(f"{path} {stat.st_size} {stat.st_mtime_ns}" for path, stat in files)
    return dg.RunRequest(
        run_key=hashlib.sha256(state.encode()).hexdigest(),
        partition_key=(now.date() - timedelta(days=1)).isoformat(),
    )


@dg.run_failure_sensor(
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells people that a run failed, and whether somebody has to act.",
)
def failure_sensor(context: dg.RunFailureSensorContext, installation: Installation) -> None:
    """Send a message about a failed run."""
    alert(installation.settings, *message(context))


def message(context: dg.RunFailureSensorContext) -> tuple[str, str]:
    """Title and body: which steps failed, why, and whether a retry can help."""
    parts = []
    kinds = set()
    for event in context.get_step_failure_events():
        data = event.step_failure_data
        metadata = data.user_failure_data.metadata if data.user_failure_data else {}
        kind = str(metadata[KIND].value) if KIND in metadata else "permanent"
        kinds.add(kind)
        said = data.user_failure_data.description if data.user_failure_data else data.error_display_string
        parts.append(f"{event.step_key}: {kind}: {said}")
    title = f"returnscope: run {context.dagster_run.run_id[:8]} failed"
    if kinds == {"transient"}:
        title += " for now (tried again without success; the next night tries again)"
    elif kinds:
        title += " and needs somebody to act"
    return title, "\n".join(parts) or context.failure_event.message or "no step failed: the run's process ended early"
