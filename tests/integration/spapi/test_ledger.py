"""From answers to the ledger and to bronze: every window accounted for, every unit once, no secret anywhere."""

from __future__ import annotations

import logging
import traceback
from collections import Counter
from pathlib import Path

import duckdb
import pytest

from data_contracts.registry import get_feed
from ingestion.connectors import Request
from ingestion.failures import PermanentFailure, ReturnscopeError
from ingestion.lake import open_lake
from ingestion.ledger import Ledger, Pull
from orchestration.due import take_answer
from tests.integration.spapi.conftest import FBA, MFN, ORDERS, SETTLEMENTS, Rig, asks, days_back, fba_rows
from tests.support import spapi_server


def night(rig: Rig, *requests: Request, **options: object) -> list[Pull]:
    """A pull whose answers all go into the lake, as a night does it."""
    settings, own = rig.settings(), rig.connector(**options)
    lake = open_lake(settings.lake)
    taken = [take_answer(lake, settings, answer, own.name) for answer in own.pull(requests)]
    own.close()
    return taken


def bronze(rig: Rig, feed: str) -> Counter[tuple[str, ...]]:
    """Order and day of each bronze row of a feed."""
    files = str(rig.home / "lake" / "bronze" / feed / "*" / "*.parquet")
    return Counter(duckdb.sql(f"select order_id, return_date_day::varchar from read_parquet('{files}')").fetchall())


def test_every_window_is_accounted_for(rig: Rig) -> None:
    orders = "\t".join(column.name for column in get_feed("orders").required)
    another = fba_rows(1)["header"]  # the content of another report than the one asked for
    rig.server.control(
        types={ORDERS: {"header": orders, "rows": []}, MFN: {"header": another, "rows": []}},
        outcomes={FBA: ["CANCELLED", "FATAL", "DONE", "DONE"]},
    )
    windows = [days_back(15 * n, 15 * n - 14) for n in range(4, 0, -1)]
    requests = [asks("fba_returns", one) for one in windows]
    requests += [asks("orders", windows[0]), asks("mfn_returns", windows[0])]
    first = night(rig, *requests)
    told = {(pull.feed, pull.window_from): pull.outcome for pull in first}
    assert told == {
        ("fba_returns", windows[0].first): "cancelled",
        ("fba_returns", windows[1].first): "failed",
        ("fba_returns", windows[2].first): "loaded",
        ("fba_returns", windows[3].first): "loaded",
        ("orders", windows[0].first): "loaded_empty",
        ("mfn_returns", windows[0].first): "failed",
    }
    rig.clock.sleep(5 * 3600)
    second = night(rig, *requests[:2])
    assert [pull.outcome for pull in second] == ["loaded", "loaded"]
    everything = Counter(
        (line.split("\t")[1], str(day)) for day, line in fba_rows(60)["rows"]
    )  # identical units included
    assert bronze(rig, "fba_returns") == everything
    ledger = Ledger(open_lake(rig.settings().lake)).pulls()
    assert len(ledger) == len(first) + len(second)
    assert {pull.source for pull in ledger} == {"sp-api"}
    assert all(pull.error for pull in ledger if pull.outcome in ("cancelled", "failed"))
    assert rig.server.counts["too early"] == 0


def test_the_same_document_again_changes_nothing(rig: Rig) -> None:
    """Killed after the ledger had its entry and before the journal knew: the document comes a second time."""
    settings, own = rig.settings(), rig.connector()
    lake = open_lake(settings.lake)
    stream = own.pull([asks("fba_returns", days_back(30))])
    first = take_answer(lake, settings, next(stream), own.name)
    stream.close()
    own.close()
    (again,) = night(rig, asks("fba_returns", days_back(30)))
    assert (first.outcome, again.outcome, again.restates) == ("loaded", "duplicate", False)
    assert again.delivered_at == first.delivered_at


def test_secrets_show_nowhere(rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Amazon's answers repeat them, the HTTP library logs addresses, documents quote addresses: none comes through."""
    caplog.set_level(logging.DEBUG)
    signed = f"https://documents.example/x?X-Amz-Credential=planted&X-Amz-Signature={spapi_server.SIGNATURE}"
    reason = f"token {spapi_server.ACCESS_TOKEN_PREFIX}0 refused at {signed}"
    settlement = "settlement-id\ttransaction-type\tamount-type\tamount-description\tamount\n"
    told = f"{spapi_server.ACCESS_TOKEN_PREFIX}0 {spapi_server.REFRESH_TOKEN}"
    rig.server.control(
        outcomes={FBA: [{"status": "FATAL", "reason": reason}]},
        types={ORDERS: {"header": "nothing\tof\tthis", "rows": []}},
        found=[{"type": SETTLEMENTS, "text": settlement}],
    )
    rig.server.fault("getReport", status=403, message=told)
    rig.server.fault("createReport", status=400, message=f"{spapi_server.CLIENT_SECRET} {signed}", times=1, skip=1)
    rig.server.fault("document", cut=1, step=1, times=2)
    pulls = night(rig, asks("fba_returns", days_back(5)), asks("orders", days_back(5)), asks("settlements"))
    monkeypatch.setenv("RETURNSCOPE_SPAPI_CLIENT_SECRET", "planted-other-secret")
    shown: list[str] = [repr(pulls), caplog.text]
    try:
        night(rig, asks("orders", days_back(9)))
    except ReturnscopeError as failure:
        shown += [repr(failure), traceback.format_exc()]
    assert len(shown) == 4
    files = [path for path in rig.home.rglob("*") if path.is_file()]
    assert any("ledger" in path.parts for path in files)
    shown += [path.read_bytes().decode("latin-1") for path in files]
    planted = (
        spapi_server.CLIENT_SECRET,
        "planted-other-secret",
        "planted-refresh-token",
        "planted-access-token",
        spapi_server.SIGNATURE,
        "X-Amz-Credential=planted",
    )
    for text in shown:
        for secret in planted:
            assert secret not in text
    assert "[hidden]" in repr(pulls)
    assert "HTTP Request" in caplog.text  # the library's own lines are there, without what was in the query


def test_the_secrets_file_must_be_private(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN_ACME"):
        monkeypatch.delenv(f"RETURNSCOPE_SPAPI_{name}")
    with pytest.raises(PermanentFailure, match="no client id, no client secret, no refresh token of account acme"):
        night(rig, asks("fba_returns", days_back(5)))
    path = rig.home / "secrets.toml"
    path.write_text(
        f'client_id = "{spapi_server.CLIENT_ID}"\nclient_secret = "{spapi_server.CLIENT_SECRET}"\n'
        f'[accounts.acme]\nrefresh_token = "{spapi_server.REFRESH_TOKEN}"\n'
    )
    path.chmod(0o640)
    with pytest.raises(PermanentFailure, match="chmod 600"):
        night(rig, asks("fba_returns", days_back(5)))
    path.chmod(0o600)
    assert [pull.outcome for pull in night(rig, asks("fba_returns", days_back(5)))] == ["loaded"]
    for kept in (rig.home / "connectors" / "spapi").iterdir():
        assert kept.stat().st_mode & 0o077 == 0 or kept.suffix == ".lock"
    path.write_text(f"client_secret = {spapi_server.CLIENT_SECRET}\n")
    with pytest.raises(PermanentFailure) as caught:
        night(rig, asks("fba_returns", days_back(5)))
    assert spapi_server.CLIENT_SECRET not in "".join(traceback.format_exception(caught.value))
    assert Path(caught.value.where) == path
