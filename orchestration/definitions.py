"""What Dagster loads. Belongs here: putting the parts together. Does not belong: any part.

Loading needs dbt's manifest: `returnscope dagster` prepares it; where it is missing it is parsed once, under a lock.
"""

from __future__ import annotations

import dagster as dg

from data_contracts.settings import load_settings
from orchestration.assets import all_feed_assets, dbt_resource, inbox, published_asset, warehouse_assets
from orchestration.dagster_home import prepared_manifest
from orchestration.home import Home
from orchestration.resources import Installation
from orchestration.schedules import NIGHTLY, nightly_schedule
from orchestration.sensors import failure_sensor, inbox_sensor


def _definitions() -> dg.Definitions:
    settings = load_settings()
    warehouse = warehouse_assets(prepared_manifest(Home(settings.home)))
    return dg.Definitions(
        assets=[inbox, *all_feed_assets(), warehouse, published_asset(sorted(warehouse.keys))],
        jobs=[NIGHTLY],
        schedules=[nightly_schedule(settings.schedule.nightly_at)],
        sensors=[inbox_sensor, failure_sensor],
        resources={"installation": Installation(), "dbt": dbt_resource()},
        # A step in a process of its own imports Dagster, dbt and pandas anew: 47 CPU s in process, 121 in processes.
        executor=dg.in_process_executor,
    )


defs = _definitions()
