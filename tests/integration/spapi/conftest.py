"""A connector, the server process it talks to, and one clock for both, so that an hour of waiting costs nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from data_contracts.settings import Settings, Store
from ingestion.connectors import Answer, Request, Window
from ingestion.connectors.spapi.clock import Clock
from ingestion.connectors.spapi.connector import SpApiConnector
from tests.support import spapi_server

FBA = "GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA"
MFN = "GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE"
ORDERS = "GET_FLAT_FILE_ALL_ORDERS_DATA_BY_ORDER_DATE_GENERAL"
SETTLEMENTS = "GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2"
FBA_HEADER = (
    "return-date\torder-id\tsku\tasin\tfnsku\tproduct-name\tquantity\tfulfillment-center-id\tdetailed-disposition\t"
    "reason\tstatus\tlicense-plate-number\tcustomer-comments"
)
#: the day on which all of this happens
TODAY = date(2026, 3, 10)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


class SharedClock(Clock):
    """Sleeps by moving its own and the server's clock. `error` is by how much the local one is wrong."""

    def __init__(self, server: spapi_server.SpApiServer, error: timedelta = timedelta()) -> None:
        self._server = server
        told = server.control()["shift"]
        # a second process goes on where the first one was
        self._shift = timedelta(seconds=told) if told else NOON - datetime.now(UTC)
        self._error = error
        self.slept = 0.0
        self._tell()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._shift + self._error

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            self.slept += seconds
            self._shift += timedelta(seconds=seconds)
            self._tell()

    def _tell(self) -> None:
        self._server.control(shift=self._shift.total_seconds())


@dataclass
class Rig:
    """Everything a test needs; `take` stands for the caller that keeps each document before it asks for the next."""

    server: spapi_server.SpApiServer
    home: Path
    clock: SharedClock
    options: dict[str, Any] = field(default_factory=dict)
    kept: Path = Path()

    def settings(self) -> Settings:
        return Settings(home=self.home, lake=str(self.home / "lake"), config=self.home / "returnscope.toml")

    def connector(self, store: str = "acme", **options: Any) -> SpApiConnector:
        address = {"endpoint": self.server.url, "token_endpoint": f"{self.server.url}/auth/o2/token"}
        declared = Store(
            region="na",
            marketplaces=("US", "CA"),
            connector="sp-api",
            options=address | {"account": "acme"} | self.options | options,
        )
        return SpApiConnector(self.settings(), store, declared, clock=self.clock)

    def pull(self, *requests: Request, connector: SpApiConnector | None = None, **options: Any) -> list[Answer]:
        """All answers, each document copied before the next is asked for."""
        own = connector or self.connector(**options)
        answers = []
        for answer in own.pull(requests):
            if isinstance(answer.content, Path):
                copy = self.kept / f"{len(list(self.kept.iterdir()))}-{answer.file_name}"
                shutil.copy(answer.content, copy)
                answer = Answer(**{**answer.__dict__, "content": copy})
            answers.append(answer)
        own.close()
        return answers


@pytest.fixture(scope="session")
def spapi_process() -> Iterator[spapi_server.SpApiServer]:
    with spapi_server.spapi_server() as server:
        yield server


@pytest.fixture
def rig(spapi_process: spapi_server.SpApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    monkeypatch.setenv("RETURNSCOPE_SPAPI_CLIENT_ID", spapi_server.CLIENT_ID)
    monkeypatch.setenv("RETURNSCOPE_SPAPI_CLIENT_SECRET", spapi_server.CLIENT_SECRET)
    monkeypatch.setenv("RETURNSCOPE_SPAPI_REFRESH_TOKEN_ACME", spapi_server.REFRESH_TOKEN)
    spapi_process.control(reset=True)
    kept = tmp_path / "kept"
    kept.mkdir()
    rig = Rig(spapi_process, tmp_path / "home", SharedClock(spapi_process), kept=kept)
    rig.server.control(types={FBA: fba_rows(60)})
    return rig


def fba_rows(days: int, **how: Any) -> dict[str, Any]:
    """FBA returns: on each of the last days one unit more than the day before, up to three; identical rows included."""
    rows = []
    for back in range(days, 0, -1):
        day = (TODAY - timedelta(days=back)).isoformat()
        for unit in range(back % 3 + 1):
            order = f"111-{back:07d}-{unit // 2:07d}"  # two units of one order look alike
            row = [f"{day}T08:00:00+00:00", order, "SKU-1", "B000000001", "X0001", "Lamp", "1", "PHX7", "SELLABLE"]
            rows.append([day, "\t".join([*row, "DEFECTIVE", "", "", ""])])
    return {"header": FBA_HEADER, "rows": rows, "cool_down": 4 * 3600} | how


def days_back(first: int, last: int = 1) -> Window:
    return Window(TODAY - timedelta(days=first), TODAY - timedelta(days=last))


def asks(feed: str, window: Window | None = None, store: str = "acme") -> Request:
    return Request(feed, store, window)
