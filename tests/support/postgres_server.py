"""A real PostgreSQL server process on loopback for tests, started once per test process that asks for it.

Belongs here: finding the server's programs, the server, and the fixtures `postgres_server` and `postgres_url`. Tests
that use them carry the marker `postgres`; where the programs are absent they are skipped and say so.

Run as a script it is that server: it prints its port and serves until its standard input ends, so that it never
outlives the tests, however they end. PostgreSQL refuses to run as root: root runs it as `nobody`.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

#: The server's owner; also what no message and no log may contain.
USER, PASSWORD = "returnscope_tests", "planted-secret-of-the-postgres-tests"

#: nothing of value is in it: no waiting for disks
_SETTINGS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=100",
    "shared_buffers=32MB",
)


def programs() -> Path | None:
    """The folder with `initdb` and `postgres`, newest version first; None where there is none."""
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda path: [int(part) for part in path.parent.name.split(".") if part.isdigit()],
        reverse=True,
    )
    found = [Path(path).resolve().parent for path in [shutil.which("initdb")] if path]
    return next(
        (path for path in (*debian, *found) if (path / "initdb").exists() and (path / "postgres").exists()), None
    )


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """`postgresql://user:password@host:port` of a running server; a database's name is to be added."""
    if programs() is None:
        pytest.skip("no PostgreSQL server programs (initdb, postgres) here: on Debian, install postgresql")
    command = [sys.executable, __file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        port = server.stdout.readline().strip()
        assert port, "the PostgreSQL server did not start; its own messages are above"
        yield f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}"
        server.stdin.close()


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """`postgresql://…/database` of a fresh, empty database on the server, whose user is its superuser."""
    import psycopg

    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as connection:
        connection.execute(f'create database "{name}"')
    return f"{postgres_server}/{name}"


def _serve() -> None:
    binaries = programs()
    assert binaries is not None
    # not pytest's folder: only root may enter that one
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        identity = _identity(folder)
        data, password_file = folder / "data", folder / "password"
        password_file.write_text(PASSWORD)
        password_file.chmod(0o644)
        made = subprocess.run(
            [binaries / "initdb", "-D", data, "-U", USER, "-A", "scram-sha-256", f"--pwfile={password_file}",
             "-E", "UTF8", "--locale=C", "--no-sync"],
            **identity, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        server, port = _started(binaries, data, folder, identity)
        try:
            print(port, flush=True)
            sys.stdin.read()
        finally:
            server.send_signal(signal.SIGINT)  # ends open connections, then stops
            server.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _identity(folder: Path) -> dict[str, Any]:
    """What makes a program run as somebody who may own the folder, and may be a PostgreSQL server."""
    if os.geteuid() != 0:
        return {"cwd": folder}
    import pwd

    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"cwd": folder, "user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _started(
    binaries: Path, data: Path, folder: Path, identity: dict[str, Any], tries: int = 5
) -> tuple[subprocess.Popen[bytes], int]:
    """A server that takes connections, and its port; another port where somebody else was faster with this one."""
    for _ in range(tries):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
        options = [part for setting in _SETTINGS for part in ("-c", setting)]
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", folder, *options],
            **identity, stdin=subprocess.DEVNULL, stdout=sys.stderr, stderr=(folder / "log").open("wb"),
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and server.poll() is None:
            ready = subprocess.run([binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)], check=False)
            if ready.returncode == 0:
                return server, port
            time.sleep(0.05)
        if server.poll() is None:
            server.kill()
            server.wait()
    raise AssertionError((folder / "log").read_text(errors="replace"))


if __name__ == "__main__":
    _serve()
