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
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from tests.faults.command import Accident
from tests.faults.faults import WINDOW, Outcome, fault, files_of, said
from tests.faults.scene import NO_ACCIDENT, Scene
from tests.support import s3_server
from tests.support.fault_proxy import Exchange, FaultProxy, fault_proxy

BUCKET, PREFIX = "lake", "seller"
#: seconds for which the lake waits for an answer here; 60 in earnest
PATIENCE = 3.0
ALWAYS = float("inf")


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


def too_late(exchange: Exchange) -> None:
    time.sleep(PATIENCE + 1)


def unanswered_or_cut(exchange: Exchange) -> None:
    (unanswered if len(exchange.address) % 2 else cut)(exchange)


def disturbed(
    scene: Scene,
    copy: str,
    *,
    before: Callable[[Exchange], None] | None,
    after: Callable[[Exchange], None] | None,
    accident: Accident = NO_ACCIDENT,
) -> None:
    """A night through a proxy that does this; then, undisturbed, another one."""
    with on_s3(scene, copy) as remote, scene.reader():
        if before:
            remote.proxy.before(before, times=ALWAYS)
        if after:
            remote.proxy.after(after, times=ALWAYS)
        ended = scene.run("run", accident=accident, **remote.environment)
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
                remote.proxy.after(first_time, times=ALWAYS)
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
                times=ALWAYS,
            )
            words.add(said(scene.run("run", **remote.environment), "next:"))
            assert reads.seen in ([], [scene.first.release_id])
            remote.proxy.forgive()
            remote.heals()
    return Outcome(2, "; ".join(sorted(words)))


@fault(
    "S3",
    "timeouts",
    f"3 % of all requests are carried out and answered when nobody waits any more (after {PATIENCE:.0f} s; else 60)",
    needs_time=True,
)
def s3_timeouts(scene: Scene, is_long: bool) -> Outcome:
    """Asked again; a write that had been done is recognised."""
    tries = 3 if is_long else 1
    for seed in range(tries):
        late = now_and_then(0.03, seed, too_late)
        disturbed(scene, "midnight", before=None, after=late, accident=Accident(patience=PATIENCE))
    return Outcome(tries, "nothing", "the lake itself, by asking again")


def unlisted(scene: Scene, *folders: str) -> Callable[[Exchange], None]:
    """Lists do not show yet what came into the lake after the evening, below these folders."""
    evening = scene.copies / "evening" / ".returnscope" / "lake"
    old = {str(path.relative_to(evening)) for path in evening.rglob("*")}

    def keep(found: re.Match[bytes]) -> bytes:
        key = re.search(rb"<Key>([^<]*)</Key>", found[0])
        name = key[1].decode().removeprefix(f"{PREFIX}/") if key else ""
        return b"" if name.startswith(folders) and name not in old else found[0]

    def change(exchange: Exchange) -> None:
        if b"ListBucketResult" in exchange.answer:
            exchange.answer = re.sub(
                rb"<Contents>(?:(?!</Contents>).)*?</Contents>", keep, exchange.answer, flags=re.DOTALL
            )
            exchange.answer_headers = [h for h in exchange.answer_headers if h[0].lower() != "content-length"]

    return change


@fault("S3", "eventual listing", "whatever is new is missing from every list for one run")
def s3_eventual_listing(scene: Scene, is_long: bool) -> Outcome:
    """What is not listed yet is found by the next run; nothing else is published in between."""
    words = set()
    with on_s3(scene, "midnight") as remote, scene.reader() as reads:
        remote.proxy.after(unlisted(scene, ""), times=ALWAYS)
        ended = scene.run("run", **remote.environment)
        assert ended.code == 0, ended.said
        assert "Nothing has changed" in ended.said
        assert reads.seen == [scene.first.release_id]
        remote.proxy.forgive()
        remote.heals()
        remote.proxy.after(unlisted(scene, ""), times=ALWAYS)
        words.add(said(scene.run("run", **remote.environment), "Run again"))
        remote.proxy.forgive()
        remote.heals()
    return Outcome(2, "; ".join(words))


@fault(
    "S3",
    "a bad night",
    "a whole night, inbox to alerts: 4 % of all requests are answered by 503, 4 % are carried out without an answer or "
    "with half of one, 1 % are answered too late; what is new is missing from lists, in a first run all of it, in a "
    "second one all but the ledger's",
    needs_time=True,
)
def s3_bad_night(scene: Scene, is_long: bool) -> Outcome:
    """The first run takes in and finds nothing new, the second builds and publishes; then no work is left."""
    runs = (("Nothing has changed", [""]), ("Published", ["bronze/", "quarantine/", "verdicts/", "releases/"]))
    tries = 3 if is_long else 1
    for seed in range(tries):
        with on_s3(scene, "evening") as remote, scene.reader() as reads:
            for outcome, hidden in runs:
                remote.proxy.forgive()
                remote.proxy.before(now_and_then(0.04, 10 * seed, overloaded), times=ALWAYS)
                remote.proxy.after(now_and_then(0.04, 10 * seed + 1, unanswered_or_cut), times=ALWAYS)
                remote.proxy.after(now_and_then(0.01, 10 * seed + 2, too_late), times=ALWAYS)
                remote.proxy.after(unlisted(scene, *hidden), times=ALWAYS)
                ended = scene.run("run", accident=Accident(patience=PATIENCE), **remote.environment)
                assert ended.code == 0, ended.said
                assert outcome in ended.said, ended.said
            remote.proxy.forgive()
            ended = scene.run("run", **remote.environment)
            assert "Nothing has changed" in ended.said, ended.said
            remote.heals()
        assert reads.seen == [scene.first.release_id, scene.second.release_id]
    return Outcome(tries, "nothing", "the lake itself, by asking again; what was not listed: the next run")


@fault("S3", "damaged local copies", "every file in the cache of a lake in S3 is cut off", needs_time=True)
def s3_damaged_copies(scene: Scene, is_long: bool) -> Outcome:
    """Copies of the ledger and of the release when it is published again, those of bronze when a night is built."""
    with on_s3(scene, "morning") as remote:
        for command, words in ((("run",), "Current again"), (("run", "--force"), "Published")):
            scene.installation.marts.unlink()
            assert scene.run(*command, **remote.environment).code == 0
            for path in (scene.home / "cache").rglob("*"):
                if path.is_file():
                    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            scene.installation.marts.unlink()
            ended = scene.run(*command, **remote.environment)
            assert ended.code == 0, ended.said
            assert words in ended.said, ended.said
        remote.heals()
    return Outcome(2, "nothing", "the lake itself, by fetching them again")
