"""When Dagster runs the night. Belongs here: jobs and schedules. Does not belong: what they run (`assets.py`)."""

from __future__ import annotations

from datetime import time
from typing import Any

import dagster as dg

NIGHTLY = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.all(),
    description="Take what is due, build, audit, publish.",
)


def nightly_schedule(at: time) -> Any:
    """The night, every day at this time (UTC), for the day before."""
    return dg.build_schedule_from_partitioned_job(
        NIGHTLY,
        name="nightly_schedule",
        hour_of_day=at.hour,
        minute_of_hour=at.minute,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
