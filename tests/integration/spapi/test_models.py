"""Our requests and what we take for Amazon's answers, judged by Amazon's own models in a validating proxy."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from data_contracts.registry import get_feed
from ingestion.connectors.spapi.client import Client
from tests.integration.spapi.conftest import FBA, MFN, ORDERS, SETTLEMENTS, Rig, asks, days_back
from tests.integration.spapi.test_finances import TRANSACTIONS, land
from tests.support.prism import MODELS, prism_proxies
from tests.support.spapi_server import SpApiServer

pytestmark = pytest.mark.node


REPORTS, FINANCES, FEEDBACK = "reports_2021-06-30", "finances_2024-06-19", "customerFeedback_2024-06-01"


@pytest.fixture(scope="module")
def proxies(spapi_process: SpApiServer) -> Iterator[dict[str, str]]:
    with prism_proxies([REPORTS, FINANCES, FEEDBACK], spapi_process.url) as running:
        yield running


@pytest.fixture(autouse=True)
def the_proxy_does_not_tell_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """It puts its own clock into `Date` where the server's, which the tests move, was; everything else is passed on."""
    monkeypatch.setattr(Client, "_learn_time", lambda self, answer: None)


def test_the_proxy_does_judge(rig: Rig, proxies: dict[str, str]) -> None:
    answer = httpx.post(f"{proxies[REPORTS]}/reports/2021-06-30/reports", json={"reportType": FBA})
    assert answer.status_code == 422
    assert "marketplaceIds" in answer.text


def test_reports_speak_as_the_model_says(rig: Rig, proxies: dict[str, str]) -> None:
    """Every operation and every status once, with paging, a refusal, a token's end and a lost answer."""
    orders = {"header": "amazon-order-id", "rows": []}
    rig.server.control(
        types={ORDERS: orders, MFN: orders},
        outcomes={MFN: ["CANCELLED", {"status": "FATAL", "reason": "why"}], ORDERS: ["FATAL"]},
        found=[{"type": SETTLEMENTS, "text": str(n)} for n in range(3)],
        page_size=2,
    )
    rig.server.fault("createReport", after="lose", skip=2)
    rig.server.fault("getReport", status=429, skip=2)
    rig.server.fault("getReport", status=403, skip=3)
    requests = [asks("fba_returns", days_back(20)), asks("orders", days_back(9)), asks("mfn_returns", days_back(9))]
    answers = rig.pull(*requests, asks("settlements"), asks("inventory"), endpoint=proxies[REPORTS])
    told = sorted((answer.request.feed, answer.outcome) for answer in answers)
    assert told == [
        ("fba_returns", "document"),
        ("inventory", "document"),
        ("mfn_returns", "cancelled"),
        ("mfn_returns", "failed"),
        ("orders", "failed"),
        *[("settlements", "document")] * 3,
    ]
    assert rig.server.counts["createReport"] == 5  # the cancelled one twice, none for the settlements


def test_finances_speak_as_the_model_says(rig: Rig, proxies: dict[str, str]) -> None:
    rig.server.control(transactions=TRANSACTIONS, page_size=2)
    (answer,) = rig.pull(asks("finance_transactions", days_back(29)), endpoint=proxies[FINANCES])
    assert len(land(rig, [answer])) == len(TRANSACTIONS)


def test_feedback_speaks_as_the_model_says(rig: Rig, proxies: dict[str, str]) -> None:
    # Amazon's own examples are the answers; their thirtieth of February is no moment even to Amazon's model
    model = json.loads((MODELS / f"{FEEDBACK}.json").read_text().replace("2024-02-30", "2024-02-29"))
    node = "/customerFeedback/2024-06-01/items/B000000001/browseNode"
    answers = {}
    for path, operations in model["paths"].items():
        given = operations["get"]["responses"]["200"]["x-amzn-api-sandbox"]["static"][0]["response"]
        answers[path.format(asin="B000000001", browseNodeId="42")] = given
    answers[node] = answers[node] | {"browseNodeId": "42"}
    rig.server.control(feedback=answers)
    (answer,) = rig.pull(
        asks("customer_feedback"), endpoint=proxies[FEEDBACK], feedback_asins=["B000000001", "B000000002"]
    )
    rows = land(rig, [answer])
    assert {row["resource"] for row in rows} == set(get_feed("customer_feedback").column("resource").allowed or ())
    assert all(row["topic"] == row["topic"].strip() for row in rows)
    assert {row["asin"] for row in rows} == {"B000000001", None}  # of the second item Amazon has nothing to say
