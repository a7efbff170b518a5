"""The rights that `deploy/s3_policy.json` grants are enough for a lake, and for nothing else in the bucket.

A server process of its own, since from the moment that it checks rights it does so for everybody.
"""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from ingestion.failures import PermanentFailure
from ingestion.lake import open_lake
from ingestion.lake.s3 import S3Lake
from tests.support import s3_server

pytestmark = pytest.mark.s3
POLICY = Path(__file__).resolve().parents[3] / "deploy" / "s3_policy.json"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket with an object outside of the lake, and the environment of a user with the policy's rights."""
    command = [sys.executable, s3_server.__file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        endpoint = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        for name, value in {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "administrator",
            "AWS_SECRET_ACCESS_KEY": "administrator",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "NO_PROXY": "127.0.0.1",
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
        s3, iam = boto3.client("s3"), boto3.client("iam")
        s3.create_bucket(Bucket="shared")
        s3.put_object(Bucket="shared", Key="payroll/secret", Body=b"x")
        iam.create_user(UserName="returnscope")
        policy = POLICY.read_text().replace("BUCKET", "shared").replace("PREFIX", "some/prefix")
        iam.put_user_policy(UserName="returnscope", PolicyName="lake", PolicyDocument=policy)
        key = iam.create_access_key(UserName="returnscope")["AccessKey"]
        check = urllib.request.Request(
            f"{endpoint}/moto-api/reset-auth", data=b"0", method="POST", headers={"Content-Type": "text/plain"}
        )
        with urllib.request.urlopen(check) as answer:
            assert answer.status == 200
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        yield "shared"
        server.terminate()


def test_a_lake_can_do_all_it_does_and_reaches_nothing_else(bucket: str, tmp_path: Path) -> None:
    lake = open_lake(f"s3://{bucket}/some/prefix", cache=tmp_path)
    assert lake.put_new("a/b", b"one")
    assert not lake.put_new("a/b", b"two")
    assert lake.get("a/b") == lake.local_path("a/b").read_bytes() == b"one"
    assert [info.key for info in lake.list("a/")] == ["a/b"]
    assert not lake.exists("nothing")
    lake.replace("pointer", b"two", lake.replace("pointer", b"one", None))
    lake.delete("a/b")
    assert [info.key for info in lake.list("a/")] == []
    large = S3Lake(bucket, "some/prefix", cache=tmp_path, multipart_bytes=1 << 20)
    assert large.put_new("large", b"x" * (6 << 20))

    other = open_lake(f"s3://{bucket}/payroll", cache=tmp_path)
    for forbidden in (
        lambda: other.get("secret"),
        lambda: other.put_new("new", b"x"),
        lambda: other.delete("secret"),
    ):
        with pytest.raises(PermanentFailure, match=r"S3 refuses access \(AccessDenied, HTTP 403\).*s3_policy.json"):
            forbidden()
