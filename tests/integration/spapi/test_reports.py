"""Reports from request to bytes against a server process: nothing lost, nothing doubled, every window accounted for."""

from __future__ import annotations

import gzip
from datetime import timedelta
from pathlib import Path

import pytest

from data_contracts.registry import all_feeds, get_feed
from ingestion.connectors import Answer, Request
from ingestion.connectors.spapi.connector import SpApiConnector
from ingestion.connectors.spapi.reports import REPORT_TYPES
from ingestion.failures import PermanentFailure, TransientFailure
from tests.integration.spapi.conftest import (
    FBA,
    MFN,
    NOON,
    ORDERS,
    SETTLEMENTS,
    Rig,
    SharedClock,
    asks,
    days_back,
    fba_rows,
)


def text(answer: Answer) -> str:
    assert isinstance(answer.content, Path)
    data = answer.content.read_bytes()
    return (gzip.decompress(data) if str(answer.file_name).endswith(".gz") else data).decode()


def lines(answers: list[Answer]) -> list[str]:
    return sorted(line for answer in answers for line in text(answer).split("\r\n")[1:] if line)


def expected(back: int) -> list[str]:
    return sorted(line for _, line in fba_rows(back)["rows"])


def outcomes(answers: list[Answer]) -> list[str]:
    return [answer.outcome for answer in answers]


def test_a_window_becomes_one_document_as_it_came(rig: Rig) -> None:
    (answer,) = rig.pull(asks("fba_returns", days_back(35)))
    assert answer.outcome == "document"
    assert answer.request == asks("fba_returns", days_back(35))
    assert lines([answer]) == expected(35)
    assert (answer.charset, answer.report_type) == ("UTF-8", FBA)
    # the moment at which Amazon finished it, by Amazon's clock, so that fetching it again is the same delivery
    assert NOON < answer.delivered_at < NOON + timedelta(minutes=5)
    assert answer.delivered_at.microsecond == 0
    counts = rig.server.counts
    assert (counts["createReport"], counts["getReportDocument"], counts["document"], counts["429"]) == (1, 1, 1, 0)
    assert not list((rig.home / "connectors" / "spapi" / "documents").iterdir())


def test_bytes_and_charset_pass_untouched(rig: Rig) -> None:
    kind = fba_rows(3, gzip=False, encoding="cp932", content_type="text/plain; charset=Shift_JIS", header="返品日\tSKU")
    rig.server.control(types={FBA: kind})
    (answer,) = rig.pull(asks("fba_returns", days_back(3)))
    assert answer.charset == "Shift_JIS"
    assert isinstance(answer.content, Path)
    assert answer.content.read_bytes().startswith("返品日\tSKU\r\n".encode("cp932"))
    assert not str(answer.file_name).endswith(".gz")


def test_many_windows_keep_the_budget(rig: Rig) -> None:
    """Forty requests against a burst of fifteen: the server never has to refuse one."""
    requests = [asks("orders", days_back(back, back)) for back in range(40, 0, -1)]
    rows = [[str(request.window.first), str(request.window)] for request in requests if request.window]
    rig.server.control(types={ORDERS: {"header": "order-id", "rows": rows}})
    answers = rig.pull(*requests)
    assert sorted(str(answer.request.window) for answer in answers) == sorted(lines(answers))
    assert len(answers) == 40
    assert rig.server.counts["429"] == 0
    # 25 beyond the burst at one a minute, for createReport and getReportDocument alike
    assert 25 * 55 < rig.clock.slept < 40 * 60


def test_stores_of_one_account_share_the_budget_across_restarts(rig: Rig) -> None:
    rig.server.control(types={ORDERS: {"header": "order-id", "rows": []}})
    rig.pull(*[asks("orders", days_back(back, back)) for back in range(12, 0, -1)])
    before = rig.clock.slept
    rig.pull(*[asks("orders", days_back(back, back), "acme_ca") for back in range(12, 0, -1)], store="acme_ca")
    assert rig.server.counts["429"] == 0
    assert rig.clock.slept - before > 8 * 55


@pytest.mark.parametrize(
    "headers",
    [{}, {"Retry-After": "7"}, {"Retry-After": "-5"}, {"Retry-After": "soon"}, {"Retry-After": "1e12"}],
    ids=["bare", "seconds", "negative", "words", "absurd"],
)
@pytest.mark.parametrize("operation", ["createReport", "getReport", "getReportDocument"])
def test_too_many_requests(rig: Rig, operation: str, headers: dict[str, str]) -> None:
    rig.server.fault(operation, status=429, headers=headers, times=2)
    answers = rig.pull(asks("fba_returns", days_back(5)))
    assert outcomes(answers) == ["document"]
    assert lines(answers) == expected(5)
    counts = rig.server.counts
    assert counts["429"] == 0  # none but the injected ones
    assert counts[operation] <= 5


@pytest.mark.parametrize("stated", ["59.88", "garbage", "0", "-1", "nan", "inf", "1e-9"])
def test_a_limit_that_cannot_be_is_ignored(rig: Rig, stated: str) -> None:
    rig.server.control(types={ORDERS: {"header": "order-id", "rows": []}})
    rig.server.fault("createReport", headers={"x-amzn-RateLimit-Limit": stated}, times=99)
    answers = rig.pull(*[asks("orders", days_back(back, back)) for back in range(20, 0, -1)])
    assert outcomes(answers) == ["document"] * 20
    assert rig.server.counts["429"] == 0
    assert rig.clock.slept < 900


@pytest.mark.parametrize("operation", ["token", "createReport", "getReport", "getReportDocument", "document"])
@pytest.mark.parametrize("status", [500, 503])
def test_server_errors_pass(rig: Rig, operation: str, status: int) -> None:
    rig.server.fault(operation, status=status, times=3)
    answers = rig.pull(asks("fba_returns", days_back(5)))
    assert outcomes(answers) == ["document"]
    assert lines(answers) == expected(5)


def test_a_lost_answer_to_create_asks_for_nothing_twice(rig: Rig) -> None:
    rig.server.fault("createReport", after="lose")
    answers = rig.pull(asks("fba_returns", days_back(5)))
    assert outcomes(answers) == ["document"]
    assert rig.server.counts["createReport"] == 1


def test_a_token_that_ends_midway_is_renewed_once(rig: Rig) -> None:
    rig.server.control(looks=5)
    rig.server.fault("getReport", status=403, message="expired", skip=2)
    assert outcomes(rig.pull(asks("fba_returns", days_back(5)))) == ["document"]
    assert rig.server.counts["token"] == 2


def test_a_token_lives_an_hour(rig: Rig) -> None:
    rig.server.control(looks=75)
    (answer,) = rig.pull(asks("fba_returns", days_back(5)))
    assert answer.outcome == "document"
    assert rig.server.counts["token"] == 2


def test_a_missing_role_fails_its_feed_alone(rig: Rig) -> None:
    rig.server.control(types={ORDERS: {"header": "order-id", "rows": []}})
    rig.server.fault("createReport", status=403, message="Access to requested resource is denied.", times=2)
    answers = rig.pull(asks("fba_returns", days_back(5)), asks("orders", days_back(5)))
    assert sorted((answer.request.feed, answer.outcome) for answer in answers) == [
        ("fba_returns", "failed"),
        ("orders", "document"),
    ]
    assert "role" in str(answers[0].error)


def test_refused_credentials_stop_the_pull(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETURNSCOPE_SPAPI_REFRESH_TOKEN_ACME", "Atzr|withdrawn")
    with pytest.raises(PermanentFailure, match="refused the credentials"):
        rig.pull(asks("fba_returns", days_back(5)))


@pytest.mark.parametrize(
    "how",
    [
        {"cut": 150, "step": 100},
        {"cut": 150, "step": 100, "times": 3},
        {"cut": 150, "step": 100, "no_range": True, "times": 2},
        {"cut": 0, "step": 1, "times": 2},
        {"pause": 0.02, "step": 100},
        {"no_length": True},
        {"broken": True},
    ],
    ids=["cut", "cut often", "no ranges", "nothing came", "slow", "no length", "damaged once"],
)
def test_a_difficult_download_still_gives_the_same_bytes(rig: Rig, how: dict[str, object]) -> None:
    rig.server.fault("document", **how)
    answers = rig.pull(asks("fba_returns", days_back(59)))
    assert outcomes(answers) == ["document"]
    assert lines(answers) == expected(59)
    if how == {"cut": 150, "step": 100}:
        assert rig.server.counts["ranges"] == 1


def test_a_document_that_is_always_damaged_is_failed(rig: Rig) -> None:
    rig.server.fault("document", broken=True, times=9)
    (answer,) = rig.pull(asks("fba_returns", days_back(20)))
    assert answer.outcome == "failed"
    assert "gzip" in str(answer.error)
    assert rig.server.counts["document"] == 2


def test_an_address_that_expired_is_renewed(rig: Rig) -> None:
    rig.server.fault("document", status=403, body="<Error><Message>Request has expired</Message></Error>", times=1)
    answers = rig.pull(asks("fba_returns", days_back(5)))
    assert lines(answers) == expected(5)
    assert rig.server.counts["getReportDocument"] == 2


def test_cancelled_twice_means_empty(rig: Rig) -> None:
    """The half hour fits into one pull: the second CANCELLED, after the cool-down, tells that there is no data."""
    rig.server.control(outcomes={MFN: ["CANCELLED", "CANCELLED"]})
    answers = rig.pull(asks("mfn_returns", days_back(30)))
    assert outcomes(answers) == ["cancelled", "cancelled"]
    assert "empty or throttled" in str(answers[0].error)
    assert "no data for 2026-02-08..2026-03-09" in str(answers[1].error)
    assert rig.clock.slept >= 1800
    assert rig.server.counts["too early"] == 0


def test_cancelled_then_done_was_throttled(rig: Rig) -> None:
    kind = {"header": "Order ID", "rows": [["2026-03-01", "1"]], "cool_down": 1800}
    rig.server.control(outcomes={MFN: ["CANCELLED"]}, types={MFN: kind})
    answers = rig.pull(asks("mfn_returns", days_back(30)))
    assert outcomes(answers) == ["cancelled", "document"]
    assert lines(answers[1:]) == ["1"]


def test_a_daily_report_that_was_cancelled_is_asked_again_by_a_later_pull(rig: Rig) -> None:
    rig.server.control(outcomes={FBA: ["CANCELLED"]})
    window = days_back(35)
    assert outcomes(rig.pull(asks("fba_returns", window))) == ["cancelled"]
    # too early: not asked at all, rather than asked in vain
    assert outcomes(rig.pull(asks("fba_returns", window))) == []
    rig.clock.sleep(3 * 3600)
    assert lines(rig.pull(asks("fba_returns", window))) == expected(35)
    assert rig.server.counts["too early"] == 0


def test_fatal_with_and_without_a_reason(rig: Rig) -> None:
    reason = '{"errorDetails":"range\ttoo long"}'
    rig.server.control(outcomes={FBA: [{"status": "FATAL", "reason": reason}], ORDERS: ["FATAL"]})
    answers = rig.pull(asks("fba_returns", days_back(5)), asks("orders", days_back(5)))
    told = {answer.request.feed: (answer.outcome, str(answer.error)) for answer in answers}
    assert told["fba_returns"][0] == told["orders"][0] == "failed"
    assert '{"errorDetails":"range too long"}' in told["fba_returns"][1]
    assert "without saying why" in told["orders"][1]
    assert [answer.request.window for answer in answers] == [days_back(5)] * 2


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        ({"status": "DONE", "document": False}, "no document"),
        ({"status": "DONE", "type": "GET_FBA_REIMBURSEMENTS_DATA"}, "asked for was"),
        ({"status": "DONE", "start": "2026-03-09T20:00:00+00:00"}, "no whole day"),
    ],
)
def test_a_wrong_report_is_failed(rig: Rig, outcome: dict[str, object], told: str) -> None:
    rig.server.control(outcomes={FBA: [outcome]})
    (answer,) = rig.pull(asks("fba_returns", days_back(5)))
    assert answer.outcome == "failed"
    assert told in str(answer.error)


def test_a_shortened_report_only_counts_for_its_days(rig: Rig) -> None:
    rig.server.control(outcomes={FBA: [{"status": "DONE", "start": "2026-03-01T00:00:00+00:00"}]})
    (answer,) = rig.pull(asks("fba_returns", days_back(30)))
    assert str(answer.request.window) == "2026-03-01..2026-03-09"


def test_a_report_that_takes_too_long_is_gone_on_with(rig: Rig) -> None:
    rig.server.control(looks=200)
    (answer,) = rig.pull(asks("fba_returns", days_back(5)), max_wait_minutes=30)
    assert answer.outcome == "failed"
    assert "not ready" in str(answer.error)
    assert rig.clock.slept < 1900
    answers = [*rig.pull(asks("fba_returns", days_back(5))), *rig.pull(asks("fba_returns", days_back(5)))]
    assert outcomes(answers) == ["failed", "document"]
    assert lines(answers[-1:]) == expected(5)
    assert rig.server.counts["createReport"] == 1


def test_settlements_are_found_page_by_page_and_once(rig: Rig) -> None:
    found = [{"type": SETTLEMENTS, "text": f"settlement-id\n{n}\n"} for n in range(7)]
    rig.server.control(found=found, page_size=3, duplicate_pages=True)
    document = rig.server.control()["reports"][0]["reportDocumentId"]
    rig.server.control(found=[{"type": SETTLEMENTS, "text": "", "same_as": document}])
    answers = rig.pull(asks("settlements"))
    assert sorted(text(answer) for answer in answers) == [f"settlement-id\n{n}\n" for n in range(7)]
    assert rig.server.counts["createReport"] == 0
    assert rig.server.counts["getReports"] == 3
    rig.server.control(found=[{"type": SETTLEMENTS, "text": "new"}])
    assert [text(answer) for answer in rig.pull(asks("settlements"))] == ["new"]


def test_found_documents_fill_the_time_that_others_take(rig: Rig) -> None:
    rig.server.control(found=[{"type": SETTLEMENTS, "text": str(n)} for n in range(20)], looks=20)
    answers = rig.pull(asks("settlements"), asks("fba_returns", days_back(5)))
    assert outcomes(answers) == ["document"] * 21
    assert rig.server.counts["429"] == 0


@pytest.mark.parametrize("hours", [-30, 0.3, 30])
def test_a_wrong_local_clock_changes_nothing(rig: Rig, hours: float) -> None:
    rig.clock = SharedClock(rig.server, timedelta(hours=hours))
    (answer,) = rig.pull(asks("fba_returns", days_back(5)))
    assert answer.outcome == "document"
    assert NOON < answer.delivered_at < NOON + timedelta(minutes=5)
    own = rig.connector()
    assert abs(own.now() - NOON) < timedelta(minutes=5)
    own.close()


def test_a_window_in_amazons_future_is_not_asked_for(rig: Rig) -> None:
    (answer,) = rig.pull(asks("fba_returns", days_back(-2, -2)))
    assert answer.outcome == "failed"
    assert rig.server.counts["createReport"] == 0


def test_a_document_that_was_not_taken_comes_again(rig: Rig) -> None:
    """The caller failed (or was killed) while it kept the document: the next pull has the same delivery again."""
    own = rig.connector()
    stream = own.pull([asks("fba_returns", days_back(5))])
    first = next(stream)
    stream.close()
    own.close()
    (again,) = rig.pull(asks("fba_returns", days_back(5)))
    assert lines([again]) == expected(5)
    assert again.delivered_at == first.delivered_at
    assert rig.server.counts["createReport"] == 1
    # and a third pull within the cool-down asks for nothing
    assert rig.pull(asks("fba_returns", days_back(5)), max_wait_minutes=1) == []


def test_two_pulls_of_a_store_at_once_are_refused(rig: Rig) -> None:
    own = rig.connector()
    stream = own.pull([asks("fba_returns", days_back(5))])
    next(stream)
    with pytest.raises(TransientFailure, match="at work"):
        rig.pull(asks("fba_returns", days_back(5)))
    stream.close()
    own.close()


def test_the_plan_says_what_happens_then(rig: Rig) -> None:
    rig.server.control(types={ORDERS: {"header": "order-id", "rows": []}})
    requests = [asks("orders", days_back(back, back)) for back in range(40, 0, -1)]
    own = rig.connector()
    plan = own.plan([*requests, asks("settlements")])
    assert len(plan.lines()) == 42
    assert {step.note for step in plan.steps} == {"", "searched for, not asked for"}
    assert rig.server.counts["createReport"] == 0
    rig.pull(*requests, connector=own)
    assert plan.duration.total_seconds() == pytest.approx(rig.clock.slept, rel=0.2)


def test_two_stores_of_one_account_share_the_plan_as_they_share_the_budget(rig: Rig) -> None:
    first, second = rig.connector("acme"), rig.connector("outlet", account="acme")
    requests = [asks("fba_returns", days_back(n, n)) for n in range(1, 13)]
    others = [asks("fba_returns", days_back(n, n), "outlet") for n in range(21, 33)]
    alone = second.plan(others)
    before = first.plan(requests)
    after = second.plan(others, after=before)
    assert after.begins == before.duration
    # of the burst of 15 the first store leaves three, and what comes back meanwhile
    assert after.duration - after.begins > alone.duration + timedelta(minutes=3)
    assert min(step.starts_at for step in after.steps) - first.now() >= after.begins - timedelta(seconds=2)
    rig.pull(*requests, connector=first)
    rig.pull(*others, connector=second)
    # the plan assumes three minutes for making a report, once for each store; this server takes half a minute
    assert after.duration.total_seconds() == pytest.approx(rig.clock.slept + 2 * 150, rel=0.3)


def test_orders_are_asked_for_by_order_date_and_by_last_update(rig: Rig) -> None:
    window = days_back(5)
    by_update = get_feed("orders").update_types[0]
    rig.server.control(types={name: {"header": "amazon-order-id", "rows": []} for name in (ORDERS, by_update)})
    answers = rig.pull(asks("orders", window), Request("orders", "acme", window, by_update=True))
    told = {(answer.report_type, answer.request.by_update, answer.request.window) for answer in answers}
    assert told == {(ORDERS, False, window), (by_update, True, window)}


def test_every_report_of_the_registry_can_be_asked_for(rig: Rig) -> None:
    own = rig.connector()
    names = own.feeds()
    own.close()
    assert names == {feed.name for feed in all_feeds().values() if feed.report_types or feed.operation} - {
        "customer_feedback"
    }
    known = {name for feed in all_feeds().values() for name in (*feed.report_types, *feed.update_types)}
    assert known <= set(REPORT_TYPES)
    answers = rig.pull(*(asks(name, days_back(3) if all_feeds()[name].max_days else None) for name in sorted(names)))
    assert {answer.request.feed for answer in answers if answer.outcome == "document"} == names - {"settlements"}


def test_the_plan_knows_the_pause_between_equal_requests(rig: Rig) -> None:
    rig.pull(asks("fba_returns", days_back(5)))
    own = rig.connector()
    (step,) = own.plan([asks("fba_returns", days_back(5))]).steps
    assert "pause" in step.note
    assert timedelta(hours=3.9) < step.starts_at - own.now() < timedelta(hours=4)
    own.close()


def test_an_option_that_is_not_known_is_refused(rig: Rig) -> None:
    with pytest.raises(PermanentFailure, match="acount"):
        rig.connector(acount="x")


def test_secrets_are_not_sent_in_the_clear(rig: Rig) -> None:
    own: SpApiConnector = rig.connector(endpoint="http://sellingpartnerapi.example")
    with pytest.raises(PermanentFailure, match="https"):
        list(own.pull([asks("fba_returns", days_back(5))]))
    own.close()
