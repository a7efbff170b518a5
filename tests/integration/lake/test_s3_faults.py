"""A lake on S3 under what networks and services do: overload, lost answers, broken and altered downloads, refusals.

Every fault is made on the wire, between boto3 and a real S3 server.
"""

from __future__ import annotations

import itertools
import logging
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest

from ingestion.failures import PermanentFailure, TransientFailure
from ingestion.lake import ObjectMissing, VersionConflict, open_lake
from ingestion.lake.s3 import S3Lake
from tests.support.fault_proxy import FaultProxy, fault_proxy
from tests.support.s3_server import ACCESS_KEY, SECRET_KEY

pytestmark = pytest.mark.s3

MIB = 1 << 20
MakeLake = Callable[..., S3Lake]


@pytest.fixture
def direct(s3_lake_url: str, tmp_path: Path) -> S3Lake:
    """The lake without faults in the way: another writer."""
    lake = open_lake(s3_lake_url, cache=tmp_path / "other-cache")
    assert isinstance(lake, S3Lake)
    assert lake.put_new("warm", b"") is True  # its client is made before the environment points to the proxy
    lake.delete("warm")
    return lake


@pytest.fixture
def proxy(direct: S3Lake, s3_environment: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    with fault_proxy(s3_environment) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", running.url)
        yield running


@pytest.fixture
def make(proxy: FaultProxy, s3_lake_url: str, tmp_path: Path) -> MakeLake:
    """Makes the same lake, with faults in the way and not much patience."""
    bucket, _, prefix = s3_lake_url.removeprefix("s3://").partition("/")

    def make_lake(**options: object) -> S3Lake:
        return S3Lake(bucket, prefix, **{"cache": tmp_path / "cache", "attempts": 3, **options})  # type: ignore[arg-type]

    return make_lake


def _puts(proxy: FaultProxy, key: str) -> int:
    return sum(method == "PUT" and key in address for method, address, _ in proxy.seen)


@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (500, "InternalError")])
def test_overload_passes(make: MakeLake, proxy: FaultProxy, status: int, code: str) -> None:
    lake = make()
    for method in ("PUT", "HEAD", "GET"):
        proxy.answer(status, code, method=method)
    assert lake.put_new("a", b"x") is True
    assert lake.exists("a")
    assert lake.get("a") == b"x"
    proxy.answer(status, code, method="GET", containing="list-type=2")
    assert [info.key for info in lake.list()] == ["a"]


def test_overload_that_stays_is_transient_and_leaves_nothing(make: MakeLake, proxy: FaultProxy, direct: S3Lake) -> None:
    lake = make(attempts=2)
    proxy.answer(503, "SlowDown", method="PUT", containing="/a", times=2)
    with pytest.raises(TransientFailure, match=r"up to 2 times \(SlowDown, HTTP 503\)"):
        lake.put_new("a", b"x")
    assert not direct.exists("a")
    assert lake.put_new("a", b"x") is True


def test_an_answer_that_comes_too_late_is_asked_for_again(make: MakeLake, proxy: FaultProxy) -> None:
    lake = make(timeout=0.3)
    assert lake.put_new("a", b"x") is True
    proxy.stall(1, method="GET")
    assert lake.get("a") == b"x"


def test_a_write_whose_answer_was_lost_is_ours(make: MakeLake, proxy: FaultProxy, direct: S3Lake) -> None:
    lake = make()
    lake.put_new("first", b"")
    proxy.lose_answer(method="PUT", containing="/a")
    assert lake.put_new("a", b"x") is True
    assert _puts(proxy, "/a") == 2, "boto3 tried again and met the object that it had itself written"
    assert direct.get("a") == b"x"
    assert direct.put_new("a", b"x") is False


def test_a_write_of_which_no_answer_ever_arrives_is_ours(make: MakeLake, proxy: FaultProxy, direct: S3Lake) -> None:
    lake = make(attempts=2)
    lake.put_new("first", b"")
    proxy.lose_answer(method="PUT", containing="/a", times=2)
    assert lake.put_new("a", b"x") is True
    assert direct.get("a") == b"x"


def test_somebody_elses_equal_object_is_not_ours(make: MakeLake, proxy: FaultProxy, direct: S3Lake) -> None:
    lake = make(attempts=2)
    lake.put_new("first", b"")
    direct.put_new("a", b"x")
    proxy.lose_answer(method="PUT", containing="/a", times=2)
    with pytest.raises(TransientFailure, match="up to 2 times"):
        lake.put_new("a", b"x")
    proxy.lose_answer(method="PUT", containing="/a")
    assert lake.put_new("a", b"x") is False


def test_a_swap_whose_answer_was_lost_is_ours(make: MakeLake, proxy: FaultProxy, direct: S3Lake) -> None:
    lake = make()
    first = lake.replace("pointer", b"1", None)
    proxy.lose_answer(method="PUT", containing="/pointer")
    second = lake.replace("pointer", b"2", first)
    assert direct.get_versioned("pointer") == (b"2", second)
    third = direct.replace("pointer", b"3", second)
    proxy.lose_answer(method="PUT", containing="/pointer")
    with pytest.raises(VersionConflict):
        lake.replace("pointer", b"x", second)
    assert direct.get_versioned("pointer") == (b"3", third)


def test_a_large_write_whose_answer_was_lost_is_ours(make: MakeLake, proxy: FaultProxy, direct: S3Lake) -> None:
    lake, content = make(multipart_bytes=5 * MIB), os.urandom(20 * MIB)
    lake.put_new("small", b"")
    assert lake._honours("If-None-Match at multipart completion")
    proxy.lose_answer(method="POST", containing="a?uploadId")
    assert lake.put_new("a", content) is True
    assert direct.get("a") == content
    assert lake.put_new("a", content) is False


def test_large_objects_go_up_in_parts_through_overload(make: MakeLake, proxy: FaultProxy, direct: S3Lake) -> None:
    lake, content = make(multipart_bytes=5 * MIB), os.urandom(20 * MIB)
    proxy.answer(503, "SlowDown", method="PUT", containing="partNumber=2")
    proxy.lose_answer(method="PUT", containing="partNumber=3")
    assert lake.put_new("a", content) is True
    assert sum("a?uploadId" in address and method == "PUT" for method, address, _ in proxy.seen) == 5
    assert direct.get("a") == content


def test_of_two_large_writers_the_first_wins(make: MakeLake, direct: S3Lake) -> None:
    lake = make(multipart_bytes=5 * MIB)
    assert direct.put_new("a", b"other") is True
    # Past the look ahead: as if the other writer had finished in the middle of our upload.
    with pytest.raises(Exception, match="PreconditionFailed"):
        lake._put_in_parts("a", b"x" * (6 * MIB), 6 * MIB, {})
    assert direct.get("a") == b"other"
    assert lake.put_new("a", b"x" * (6 * MIB)) is False


def test_two_writers_at_the_same_moment(make: MakeLake, proxy: FaultProxy) -> None:
    lake = make(attempts=2)
    lake.put_new("first", b"")
    proxy.answer(409, "ConditionalRequestConflict", method="PUT", containing="/a")
    assert lake.put_new("a", b"x") is True
    proxy.answer(409, "ConditionalRequestConflict", method="PUT", containing="/b", times=2)
    with pytest.raises(TransientFailure, match="ConditionalRequestConflict"):
        lake.put_new("b", b"x")


def test_a_broken_download_is_taken_up_again(make: MakeLake, proxy: FaultProxy, direct: S3Lake) -> None:
    content = os.urandom(3 * MIB)
    direct.put_new("a", content)
    for cut in (0, 700_000, 1_000_000):
        proxy.truncate(cut)
    lake = make()
    assert lake.get("a") == content
    ranges = [headers["Range"] for method, _, headers in proxy.seen if method == "GET" and "Range" in headers]
    assert len(ranges) == 3
    assert ranges[0] == "bytes=0-"
    starts = [int(asked.removeprefix("bytes=").removesuffix("-")) for asked in ranges]
    assert starts == sorted(starts)
    assert starts[-1] > MIB, "what had arrived was not asked for again"


def test_a_download_that_keeps_breaking_is_transient_and_caches_nothing(
    make: MakeLake, proxy: FaultProxy, direct: S3Lake, tmp_path: Path
) -> None:
    direct.put_new("a", os.urandom(MIB))
    lake = make(attempts=2)
    proxy.truncate(1000)
    proxy.truncate(0)
    proxy.truncate(0)
    with pytest.raises(TransientFailure, match=r"download broke 2 times at byte .* of 1048576"):
        lake.local_path("a")
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []
    assert lake.local_path("a").stat().st_size == MIB


def test_altered_bytes_are_noticed(make: MakeLake, proxy: FaultProxy, direct: S3Lake, tmp_path: Path) -> None:
    direct.put_new("a", os.urandom(100_000))
    lake = make()
    for read in (lake.get, lake.local_path):
        proxy.alter(method="GET")
        with pytest.raises(TransientFailure, match="SHA-256 differs"):
            read("a")
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []
    assert lake.get("a") == direct.get("a")


def test_content_replaced_while_it_is_read_is_not_mixed(make: MakeLake, proxy: FaultProxy, direct: S3Lake) -> None:
    version = direct.replace("a", b"old" * 500_000, None)
    proxy.truncate(700_000)
    with make().open("a") as stream:
        assert stream.read(3) == b"old"
        direct.replace("a", b"new" * 500_000, version)
        with pytest.raises(TransientFailure, match="replaced while it was read"):
            stream.read()


def test_the_cache_saves_requests_and_follows_versions(make: MakeLake, proxy: FaultProxy, direct: S3Lake) -> None:
    version = direct.replace("a/b.parquet", b"1", None)
    lake = make()
    path = lake.local_path("a/b.parquet")
    assert path.name == "b.parquet"
    asked = len(proxy.seen)
    assert lake.local_path("a/b.parquet", version) == path
    assert len(proxy.seen) == asked
    direct.replace("a/b.parquet", b"2", version)
    assert lake.local_path("a/b.parquet").read_bytes() == b"2"
    assert path.read_bytes() == b"1", "who still reads the old copy keeps it"


def test_a_damaged_copy_is_fetched_again(make: MakeLake, direct: S3Lake) -> None:
    direct.put_new("a/b [1].parquet", b"whole")
    path = make().local_path("a/b [1].parquet")
    for damage in (b"whol", b"", b"while"):
        path.write_bytes(damage)
        assert make().local_path("a/b [1].parquet").read_bytes() == b"whole"


def test_deleting_deletes_the_copies(make: MakeLake, direct: S3Lake) -> None:
    direct.put_new("a/b [1].parquet", b"one")
    direct.put_new("a/other.parquet", b"other")
    lake = make()
    path, other = lake.local_path("a/b [1].parquet"), lake.local_path("a/other.parquet")
    lake.delete("a/b [1].parquet")
    assert not path.exists()
    assert other.exists()


def test_a_service_that_ignores_if_none_match_is_refused(make: MakeLake, proxy: FaultProxy, direct: S3Lake) -> None:
    proxy.drop_header("If-None-Match")
    with pytest.raises(PermanentFailure, match="ignores If-None-Match") as refused:
        make().put_new("a", b"x")
    assert "RETURNSCOPE_LAKE_SINGLE_WRITER=1" in refused.value.remedy
    assert not direct.exists("a")

    alone = make(single_writer=True, multipart_bytes=5 * MIB)
    assert alone.put_new("a", b"x") is True
    assert alone.put_new("a", b"y") is False
    assert alone.put_new("b", bytes(6 * MIB)) is True
    version = alone.replace("pointer", b"1", None)
    alone.replace("pointer", b"2", version)
    with pytest.raises(VersionConflict):
        alone.replace("pointer", b"3", version)
    assert alone.get("pointer") == b"2"


def test_a_service_that_does_not_know_conditions_is_refused(make: MakeLake, proxy: FaultProxy) -> None:
    proxy.answer(501, "NotImplemented", method="PUT", times=float("inf"))
    with pytest.raises(PermanentFailure, match="ignores If-None-Match"):
        make().put_new("a", b"x")


def test_single_writer_mode_comes_from_the_environment(
    proxy: FaultProxy, s3_lake_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy.drop_header("If-None-Match")
    monkeypatch.setenv("RETURNSCOPE_LAKE_SINGLE_WRITER", "1")
    assert open_lake(s3_lake_url, cache=tmp_path).put_new("a", b"x") is True


def test_a_service_without_if_match_still_takes_new_objects(make: MakeLake, proxy: FaultProxy) -> None:
    proxy.drop_header("If-Match", method="PUT")
    lake = make()
    assert lake.put_new("a", b"x") is True
    version = lake.replace("pointer", b"1", None)
    with pytest.raises(PermanentFailure, match="ignores If-Match"):
        lake.replace("pointer", b"2", version)
    assert lake.get("pointer") == b"1"


def test_without_conditions_at_completion_large_objects_go_up_in_one(
    make: MakeLake, proxy: FaultProxy, direct: S3Lake
) -> None:
    proxy.drop_header("If-None-Match", method="POST")
    lake, content = make(multipart_bytes=5 * MIB), os.urandom(6 * MIB)
    assert lake.put_new("a", content) is True
    assert lake.put_new("a", content) is False
    assert not any("/a?upload" in address for _, address, _ in proxy.seen)
    assert direct.get("a") == content


def test_probes_cost_one_request_once_the_lake_is_in_use(make: MakeLake, proxy: FaultProxy) -> None:
    lake = make()
    for number in range(5):
        lake.put_new(f"n{number}", b"")
    assert _puts(proxy, ".lake/conditional-writes") == 1
    assert [info.key for info in lake.list()] == [f"n{number}" for number in range(5)]


REFUSALS = [
    (403, "InvalidAccessKeyId", "credentials", "AWS_ACCESS_KEY_ID"),
    (403, "SignatureDoesNotMatch", "credentials", "AWS_SECRET_ACCESS_KEY"),
    (400, "ExpiredToken", "credentials", "AWS_SESSION_TOKEN"),
    (403, "AccessDenied", "refuses access", "s3:PutObject"),
    (403, "RequestTimeTooSkewed", "clock", "NTP"),
    (400, "AuthorizationHeaderMalformed", "another region", "AWS_DEFAULT_REGION"),
    (404, "NoSuchBucket", "bucket does not exist", "RETURNSCOPE_LAKE"),
    (400, "InvalidArgument", "refuses the request", "manual"),
]


def test_refusals_say_what_where_and_what_to_do_without_secrets(
    make: MakeLake, proxy: FaultProxy, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    lake = make()
    lake.put_new("first", b"")
    calls: list[Callable[[], object]] = [
        lambda: lake.put_new("a", b"x"),
        lambda: lake.get("a"),
        lambda: list(lake.list()),
    ]
    for (status, code, what, remedy), call in itertools.product(REFUSALS, calls):
        proxy.answer(status, code)
        with pytest.raises(PermanentFailure, match=what) as refused:
            call()
        assert not isinstance(refused.value, ObjectMissing)
        assert refused.value.where.startswith(lake.url)
        assert remedy in refused.value.remedy
        assert SECRET_KEY not in str(refused.value) + caplog.text
        assert ACCESS_KEY not in str(refused.value) + caplog.text


def test_a_refusal_is_not_taken_for_a_missing_feature(make: MakeLake, proxy: FaultProxy) -> None:
    proxy.answer(400, "ExpiredToken", method="PUT")
    with pytest.raises(PermanentFailure, match="credentials"):
        make().put_new("a", b"x")
    proxy.answer(503, "SlowDown", method="PUT", times=3)
    lake = make()
    with pytest.raises(TransientFailure):
        lake.put_new("a", b"x")
    assert lake.put_new("a", b"x") is True


def test_a_missing_bucket_is_not_a_missing_object(s3_environment: str, tmp_path: Path) -> None:
    lake = open_lake("s3://no-such-bucket/lake", cache=tmp_path)
    calls: list[Callable[[], object]] = [
        lambda: lake.exists("a"),
        lambda: lake.get("a"),
        lambda: lake.put_new("a", b""),
        lambda: lake.local_path("a"),
        lambda: list(lake.list()),
    ]
    for call in calls:
        with pytest.raises(PermanentFailure, match="bucket does not exist") as missing:
            call()
        assert not isinstance(missing.value, ObjectMissing)


def test_no_credentials_at_all(s3_lake_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(PermanentFailure, match="credentials are missing") as missing:
        open_lake(s3_lake_url, cache=tmp_path).get("a")
    assert "AWS_ACCESS_KEY_ID" in missing.value.remedy


def test_nobody_listens(make: MakeLake, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_at_once:
        port = closed_at_once.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{port}")
    with pytest.raises(TransientFailure, match="EndpointConnectionError") as away:
        make(attempts=2).put_new("a", b"")
    assert "AWS_ENDPOINT_URL" in away.value.remedy


@pytest.mark.parametrize("endpoint", ["http://somebody:planted-secret@127.0.0.1:9", "127.0.0.1:9000"])
def test_an_endpoint_that_cannot_be_one(make: MakeLake, monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    with pytest.raises(PermanentFailure) as refused:
        make().get("a")
    assert "AWS_ENDPOINT_URL" in refused.value.where
    assert "planted-secret" not in str(refused.value)


def test_a_web_page_instead_of_s3_is_transient(make: MakeLake, proxy: FaultProxy) -> None:
    def page(exchange: object) -> None:
        exchange.status, exchange.answer = 200, b"<!DOCTYPE html><p>Please log in<br>"  # type: ignore[attr-defined]

    proxy.before(page, method="GET", times=float("inf"))
    with pytest.raises(TransientFailure, match="did not answer well, asked up to 2 times"):
        list(make(attempts=2).list())


def test_objects_from_elsewhere_can_be_read(direct: S3Lake, s3_lake_url: str) -> None:
    bucket, _, prefix = s3_lake_url.removeprefix("s3://").partition("/")
    client = boto3.client("s3")
    for name, content in (("copied", b"by another tool"), ("folder/", b""), (".hidden", b"")):
        client.put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=content)
    assert direct.get("copied") == b"by another tool"
    assert [info.key for info in direct.list()] == ["copied"]
