"""A simulated source: stores whose reports come in their real formats, with a truth to compare the marts with.

Belongs here: inventing what happened and writing it as reports. Does not belong: reading reports, real or copied data
(all names, numbers and texts are made up).

    world = World(seed=1, days=30, end=date(2026, 11, 15), asins=200)
    for delivery in nightly_deliveries(world): ...
    expected = truth(world)

docs/simulator.md says what is simulated and how a fact becomes visible.
"""

from ingestion.simulator.folder import write_settings, write_world
from ingestion.simulator.reports import Document, documents, planted_personal_data, report
from ingestion.simulator.schedule import PlannedPull, SimDelivery, deliver, nightly_deliveries, schedule
from ingestion.simulator.truth import truth
from ingestion.simulator.world import DEMO_STORES, SimStore, World

__all__ = [
    "DEMO_STORES",
    "Document",
    "PlannedPull",
    "SimDelivery",
    "SimStore",
    "World",
    "deliver",
    "documents",
    "nightly_deliveries",
    "planted_personal_data",
    "report",
    "schedule",
    "truth",
    "write_settings",
    "write_world",
]
