"""What goes wrong between a night and a lake in S3, on a real S3 server behind a proxy that misbehaves.

Belongs here: faults of the network and the service. Does not belong: single requests of the lake under faults
(`tests/integration/lake/test_s3_faults.py`).
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from tests.faults.faults import WINDOW, Outcome, fault, files_of, said
from tests.faults.scene import Scene
from tests.support import s3_server
from tests.support.fault_proxy import Exchange, FaultProxy, fault_proxy

BUCKET, PREFIX = "lake", "seller"


class Remote:
    """The scene's lake in a bucket, seen through a proxy."""

    def __init__(self, scene: Scene, endpoint: str, proxy: FaultProxy) -> None:
        self.scene = scene
        self.proxy = proxy
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=s3_server.ACCESS_KEY,
            aws_secret_access_key=s3_server.SECRET_KEY,
            region_name="us-east-1",
        )
        self.environment = {
            "RETURNSCOPE_LAKE": f"s3://{BUCKET}/{PREFIX}",
            "AWS_ENDPOINT_URL_S3": proxy.url,
            "AWS_ACCESS_KEY_ID": s3_server.ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": s3_server.SECRET_KEY,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "NO_PROXY": "127.0.0.1",
        }

    def upload(self) -> None:
        """Put the lake of the home into a fresh bucket, and out of the home."""
        self._client.create_bucket(Bucket=BUCKET)
        for path in sorted(self.scene.lake.rglob("*")):
            key = str(path.relative_to(self.scene.lake))
            if path.is_file() and not key.startswith("."):
                self._client.upload_file(str(path), BUCKET, f"{PREFIX}/{key}")
        shutil.rmtree(self.scene.lake)

    def download(self) -> None:
        """Put what is in the bucket where the home's lake was, to look at it."""
        shutil.rmtree(self.scene.lake, ignore_errors=True)
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{PREFIX}/")
        for page in pages:
            for item in page.get("Contents", []):
                path = self.scene.lake / item["Key"].removeprefix(f"{PREFIX}/")
                path.parent.mkdir(parents=True, exist_ok=True)
                self._client.download_file(BUCKET, item["Key"], str(path))

    def heals(self) -> None:
        """The next run makes it good."""
        ended = self.scene.run("run", **self.environment)
        assert ended.code == 0, ended.said
        self.download()
        self.scene.is_whole()


@contextmanager
def on_s3(scene: Scene, copy: str) -> Iterator[Remote]:
    """The scene, gone back, with its lake in S3."""
    scene.rewind(copy)
    command = [sys.executable, str(Path(s3_server.__file__))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        endpoint = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        with fault_proxy(endpoint) as proxy:
            remote = Remote(scene, endpoint, proxy)
            remote.upload()
            yield remote
        server.terminate()


def now_and_then(share: float, seed: int, change: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
    """A change that happens to a share of the requests."""
    dice = random.Random(seed)

    def maybe(exchange: Exchange) -> None:
        if dice.random() < share:
            change(exchange)

    return maybe


def overloaded(exchange: Exchange) -> None:
    exchange.status = 503
    exchange.answer_headers = [("Content-Type", "application/xml")]
    exchange.answer = b"<Error><Code>SlowDown</Code><Message>injected</Message></Error>"


def unanswered(exchange: Exchange) -> None:
    exchange.cut_after = -1


def cut(exchange: Exchange) -> None:
    if exchange.method == "GET" and len(exchange.answer) > 50:
        exchange.cut_after = len(exchange.answer) // 2


def unanswered_or_cut(exchange: Exchange) -> None:
    (unanswered if len(exchange.address) % 2 else cut)(exchange)


def disturbed(
    scene: Scene, copy: str, *, before: Callable[[Exchange], None] | None, after: Callable[[Exchange], None] | None
) -> None:
    """A night through a proxy that does this; then, undisturbed, another one."""
    with on_s3(scene, copy) as remote, scene.reader():
        if before:
            remote.proxy.before(before, times=float("inf"))
        if after:
            remote.proxy.after(after, times=float("inf"))
        ended = scene.run("run", **remote.environment)
        assert ended.code == 0, ended.said
        remote.proxy.forgive()
        remote.heals()


@fault("S3", "5xx now and then", "every eighth request of a publishing run is answered by 503 SlowDown")
def s3_overload(scene: Scene, is_long: bool) -> Outcome:
    """Asked again, unseen."""
    tries = 3 if is_long else 1
    for seed in range(tries):
        disturbed(scene, "midnight", before=now_and_then(0.12, seed, overloaded), after=None)
    return Outcome(tries, "nothing", "the lake itself, by asking again")


@fault(
    "S3", "lost answers and partial reads", "a tenth of all requests is carried out, and no or half an answer arrives"
)
def s3_lost_answers(scene: Scene, is_long: bool) -> Outcome:
    """A write whose answer was lost is recognised as one's own, a read is taken up where it broke."""
    tries = 3 if is_long else 1
    for seed in range(tries):
        disturbed(scene, "midnight", before=None, after=now_and_then(0.12, seed, unanswered_or_cut))
    return Outcome(tries, "nothing", "the lake itself, by asking again")


@fault(
    "S3", "every write unanswered once", "each PUT of `ingest` and `run` is carried out and its first answer is lost"
)
def s3_unanswered_writes(scene: Scene, is_long: bool) -> Outcome:
    """Nothing is written twice."""
    seen: set[str] = set()

    def first_time(exchange: Exchange) -> None:
        if exchange.method == "PUT" and exchange.address not in seen:
            seen.add(exchange.address)
            exchange.cut_after = -1

    expected = None
    with on_s3(scene, "evening") as remote:
        files = files_of(scene)
        for lose in (False, True):
            if lose:
                remote.proxy.after(first_time, times=float("inf"))
            ended = scene.run("ingest", str(files), "--store", "acme", *WINDOW, **remote.environment)
            assert ended.code == 0, ended.said
            remote.download()
            if lose:
                assert {k: v for k, v in scene.objects().items() if b'"duplicate"' not in v} == expected
            expected = scene.objects()
    seen.clear()
    disturbed(scene, "midnight", before=None, after=first_time)
    return Outcome(2, "nothing", "the lake itself, by looking what is there")


@fault("S3", "outage", "the service is gone when a run begins, and when it is about to write the pointer")
def s3_outage(scene: Scene, is_long: bool) -> Outcome:
    """Readers keep the release before."""
    words = set()
    for address in ("", "current.json"):
        with on_s3(scene, "midnight") as remote, scene.reader() as reads:
            remote.proxy.answer(
                403 if address == "" else 503,
                "AccessDenied" if address == "" else "SlowDown",
                method="PUT" if address else "",
                containing=address,
                times=float("inf"),
            )
            words.add(said(scene.run("run", **remote.environment), "next:"))
            assert reads.seen in ([], [scene.first.release_id])
            remote.proxy.forgive()
            remote.heals()
    return Outcome(2, "; ".join(sorted(words)))


@fault("S3", "eventual listing", "new ledger entries are missing from every list for one run")
def s3_eventual_listing(scene: Scene, is_long: bool) -> Outcome:
    """What is not listed yet is found by the next run; nothing else is published in between."""
    words = set()
    with on_s3(scene, "midnight") as remote, scene.reader() as reads:
        old = {path.name for path in (scene.copies / "evening" / ".returnscope" / "lake" / "ledger").rglob("*.json")}

        def forget_new(exchange: Exchange) -> None:
            if b"ListBucketResult" in exchange.answer:
                exchange.answer = re.sub(
                    rb"<Contents>(?:(?!</Contents>).)*?</Contents>",
                    lambda found: b"" if _is_new(found[0], old) else found[0],
                    exchange.answer,
                    flags=re.DOTALL,
                )
                exchange.answer_headers = [h for h in exchange.answer_headers if h[0].lower() != "content-length"]

        remote.proxy.after(forget_new, times=float("inf"))
        ended = scene.run("run", **remote.environment)
        assert ended.code == 0, ended.said
        assert "Nothing has changed" in ended.said
        assert reads.seen == [scene.first.release_id]
        remote.proxy.forgive()
        remote.heals()
        remote.proxy.after(forget_new, times=float("inf"))
        words.add(said(scene.run("run", **remote.environment), "Run again"))
        remote.proxy.forgive()
        remote.heals()
    return Outcome(2, "; ".join(words))


def _is_new(entry: bytes, old: set[str]) -> bool:
    key = re.search(rb"<Key>([^<]*)</Key>", entry)
    return key is not None and b"/ledger/" in key[1] and key[1].decode().rpartition("/")[2] not in old


@fault("S3", "a bad night", "5xx, lost answers and partial reads at random through a whole night", needs_time=True)
def s3_bad_night(scene: Scene, is_long: bool) -> Outcome:
    """From the inbox to the published file."""
    after = now_and_then(0.05, 5, unanswered_or_cut)
    disturbed(scene, "evening", before=now_and_then(0.05, 6, overloaded), after=after)
    return Outcome(1, "nothing", "the lake itself, by asking again")
