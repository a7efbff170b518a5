"""When Dagster runs the night. Belongs here: jobs and schedules. Does not belong: what they run (`assets.py`)."""

from __future__ import annotations

import dagster as dg

NIGHTLY = dg.define_asset_job(
    "nightly",
    selection=dg.AssetSelection.all(),
    description="Take what is due, build, audit, publish.",
)

#: Amazon has a day's reports some hours after it is over; 04:00 UTC is after that and before a seller's morning.
NIGHTLY_SCHEDULE = dg.build_schedule_from_partitioned_job(
    NIGHTLY,
    name="nightly_at_04_utc",
    hour_of_day=4,
    minute_of_hour=0,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
