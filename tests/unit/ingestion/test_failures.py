"""The failure types: what they say, how HTTP answers are sorted, and that they survive a process boundary."""

from __future__ import annotations

import pickle

import pytest

from ingestion.failures import PermanentFailure, ReturnscopeError, TransientFailure, classify_http_status


def test_a_failure_says_what_where_and_what_to_do() -> None:
    failure = PermanentFailure("The file is not a report", "orders.txt, line 1", "Download it again.")
    assert str(failure) == "The file is not a report (orders.txt, line 1). Download it again."
    assert (failure.what, failure.where, failure.remedy) == (
        "The file is not a report",
        "orders.txt, line 1",
        "Download it again.",
    )


def test_permanent_and_transient_are_told_apart_by_type() -> None:
    assert issubclass(PermanentFailure, ReturnscopeError)
    assert issubclass(TransientFailure, ReturnscopeError)
    assert not issubclass(PermanentFailure, TransientFailure)
    assert not issubclass(TransientFailure, PermanentFailure)


@pytest.mark.parametrize("kind", [PermanentFailure, TransientFailure])
def test_failures_travel_between_processes(kind: type[ReturnscopeError]) -> None:
    failure = kind("what", "where", "Remedy.")
    copy = pickle.loads(pickle.dumps(failure))
    assert type(copy) is kind
    assert (copy.what, copy.where, copy.remedy, str(copy)) == ("what", "where", "Remedy.", str(failure))


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_overload_and_time_outs_are_transient(status: int) -> None:
    assert classify_http_status(status) is TransientFailure


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410, 412, 422, 501, 505, 507, 511])
def test_refusals_are_permanent(status: int) -> None:
    assert classify_http_status(status) is PermanentFailure


def test_success_is_no_failure() -> None:
    with pytest.raises(ValueError, match="204"):
        classify_http_status(204)
