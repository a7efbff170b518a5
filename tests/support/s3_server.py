"""A real S3 server process on loopback for tests: moto, started once per test process that asks for it.

Belongs here: the server and the fixtures `s3_endpoint` and `s3_lake_url`. Does not belong: faults (`fault_proxy.py`).

TEST_S3_ENDPOINT, TEST_S3_ACCESS_KEY and TEST_S3_SECRET_KEY run the same tests against any other service.

Run as a script it is that server: it prints its port and serves until its standard input ends, so that it never
outlives the tests, however they end.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from uuid import uuid4

import pytest

#: What moto takes for credentials; also what no message and no log may contain.
ACCESS_KEY, SECRET_KEY = "AKIALAKETESTSONLY000", "planted-secret-of-the-lake-tests"


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Address of a running S3 server: one of our own, or the one that TEST_S3_ENDPOINT names."""
    if elsewhere := os.environ.get("TEST_S3_ENDPOINT"):
        yield elsewhere
        return
    command = [sys.executable, __file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        assert port, "the S3 server did not start; its own messages are above"
        yield f"http://127.0.0.1:{port}"
        server.terminate()


@pytest.fixture
def s3_environment(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The AWS variables of this process set for the server, and nothing else of AWS; gives the endpoint."""
    for name in [*os.environ]:
        if name.startswith("AWS_") or name == "RETURNSCOPE_LAKE_SINGLE_WRITER":
            monkeypatch.delenv(name)
    for name, value in {
        "AWS_ENDPOINT_URL_S3": s3_endpoint,
        "AWS_ACCESS_KEY_ID": os.environ.get("TEST_S3_ACCESS_KEY", ACCESS_KEY),
        "AWS_SECRET_ACCESS_KEY": os.environ.get("TEST_S3_SECRET_KEY", SECRET_KEY),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    return s3_endpoint


@pytest.fixture
def s3_lake_url(s3_environment: str) -> str:
    """`s3://bucket/prefix` of a fresh, empty bucket on the server, which the environment points to."""
    import boto3

    bucket = f"lake-{uuid4().hex[:12]}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    return f"s3://{bucket}/some/prefix"


def _serve() -> None:
    import logging
    import threading

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = DomainDispatcherApplication(create_backend_app)
    one_at_a_time = threading.Lock()

    def atomic(environ, start_response):  # type: ignore[no-untyped-def]
        # moto checks a condition and writes the object in two steps, and adds metadata in a third. S3 does it in one.
        with one_at_a_time:
            return application(environ, start_response)

    server = make_server("127.0.0.1", 0, atomic, threaded=True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    _serve()
