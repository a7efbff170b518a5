"""The simulated source as a connector: asks a world for windows as one would ask Amazon.

Belongs here: the store's options and the answers. Does not belong: the world and its reports (`ingestion.simulator`).
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data_contracts.settings import Settings, SettingsError, Store
from ingestion.connectors import Answer, Request

if TYPE_CHECKING:
    from ingestion.connectors.planner import Plan
    from ingestion.simulator.world import World


class Options(BaseModel):
    """Options of a simulated store; stores with equal ones share a world.

    end: the last day that is over (default: yesterday). days: how many days up to it the source still knows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 1
    asins: int = Field(50, ge=1)
    days: int = Field(120, ge=1)
    end: date | None = None
    scale: float = Field(1.0, gt=0)


class SimulatorConnector:
    """A source that always answers, at four in the morning (UTC) after the world's last day."""

    name = "simulator"
    asks_by_update = False  # whatever is asked for is told as it is at that moment

    def __init__(self, settings: Settings, store_id: str, store: Store) -> None:
        try:
            options = Options.model_validate(store.options)
        except ValidationError as error:
            first = error.errors()[0]
            raise SettingsError(
                f"{settings.config}: [stores.{store_id}.options] {'.'.join(map(str, first['loc']))}: {first['msg']}"
            ) from error
        self._end = options.end or datetime.now(UTC).date() - timedelta(days=1)
        self._store = store_id
        self._options = options
        self._neighbours = tuple(
            (name, own.region, own.marketplaces)
            for name, own in settings.stores.items()
            if own.connector == "simulator" and own.options == store.options
        )

    def now(self) -> datetime:
        """The morning after the world's last day."""
        return datetime.combine(self._end + timedelta(days=1), time(4), tzinfo=UTC)

    def feeds(self) -> frozenset[str]:
        """Every feed that the simulator writes."""
        from ingestion.simulator.reports import FEEDS

        return frozenset(FEEDS)

    def plan(self, requests: Iterable[Request], *, after: Plan | None = None) -> Plan:
        """All requests, at once."""
        from ingestion.connectors.planner import Plan, Step

        ends = after.duration if after else timedelta()
        steps = tuple(Step(request, self.now()) for request in requests)
        return Plan(steps, ends, "the simulator waits for nobody", begins=ends)

    def pull(self, requests: Iterable[Request]) -> Iterator[Answer]:
        """Answer at once, with every document of each request."""
        from ingestion.simulator.reports import BY_ORDER_DATE, FEEDS, documents

        world = _world(self._options, self._end, self._neighbours)
        for request in requests:
            report_type = BY_ORDER_DATE if request.feed == "orders" else next(iter(FEEDS[request.feed]), None)
            found = documents(world, request.feed, request.store, request.window, self.now(), report_type)
            if not found:
                yield Answer(request, "cancelled", self.now(), report_type=report_type)
            for document in found:
                yield Answer(
                    request,
                    "document",
                    self.now(),
                    content=io.BytesIO(document.content),
                    file_name=document.file_name,
                    report_type=document.report_type,
                    charset=document.charset,
                )


@lru_cache(maxsize=2)
def _world(options: Options, end: date, stores: tuple[Any, ...]) -> World:
    from ingestion.simulator.world import SimStore, World

    return World(
        options.seed,
        1,
        end,
        options.asins,
        {name: SimStore(region, marketplaces) for name, region, marketplaces in stores},
        scale=options.scale,
        history_days=options.days - 1,
    )
