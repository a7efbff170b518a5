"""A validating proxy made from one of Amazon's published models: wrong requests and wrong answers become errors.

Belongs here: installing and starting Prism. Does not belong: what is sent through it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

VERSION = "5.14.2"
MODELS = Path(__file__).resolve().parents[3] / "shared" / "data" / "spapi_models"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "returnscope" / f"prism-{VERSION}"


def prism_program() -> Path:
    """Prism, installed once below the user's cache (7 s, 90 MB); skips the test where that cannot be."""
    if not MODELS.is_dir():
        pytest.skip(f"Amazon's models are not at {MODELS}")
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not on this machine")
    program = _CACHE / "node_modules" / ".bin" / "prism"
    if not program.exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--prefix", str(_CACHE), "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(
            [*install, f"@stoplight/prism-cli@{VERSION}"], capture_output=True, text=True, timeout=180, check=False
        )
        if done.returncode:
            pytest.skip(f"prism could not be installed: {done.stderr.strip()[-300:]}")
    return program


@contextmanager
def prism_proxies(models: list[str], upstream: str) -> Iterator[dict[str, str]]:
    """Model to the address of a proxy that checks everything between us and the upstream against that model."""
    program = prism_program()
    running: dict[str, subprocess.Popen[str]] = {}
    ports: dict[str, int] = {}
    try:
        for model in models:  # all at once: each takes seconds to start
            ports[model] = _free_port()
            arguments = ["--errors", "--port", str(ports[model]), str(MODELS / f"{model}.json"), upstream]
            running[model] = subprocess.Popen(
                [str(program), "proxy", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        deadline = time.monotonic() + 90
        for model in models:
            while not _listens(ports[model]):
                assert running[model].poll() is None, running[model].communicate()[0]
                assert time.monotonic() < deadline, f"prism did not start for {model}"
                time.sleep(0.1)
        yield {model: f"http://127.0.0.1:{port}" for model, port in ports.items()}
    finally:
        for process in running.values():
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
