"""A served panel and a real headless Chromium. Belongs here: starting and stopping both. Does not belong: any check."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
#: why a test cannot run here; None where it can
MISSING = (
    None if CHROMIUM and DRIVER else "no Chromium or no chromedriver here: on Debian, chromium and chromium-driver"
)
#: no window, no sandbox (root has none), no graphics card, and no request of the browser's own to anybody
FLAGS = (
    "headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "disable-quic", "no-first-run",
    "disable-background-networking", "disable-component-update", "disable-sync",
)  # fmt: skip


def free_port() -> int:
    """A TCP port of this machine that nobody listens at now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def served(home: Path, port: int, *arguments: str) -> Iterator[str]:
    """The address of a panel over this home, as `returnscope panel` starts it."""
    environment = {**os.environ, "RETURNSCOPE_HOME": str(home), "PYTHONPATH": str(ROOT)}
    environment.pop("RETURNSCOPE_CONFIG", None)
    log = (home / "panel.log").open("w")
    server = subprocess.Popen(
        [sys.executable, "-m", "panel", "--server.port", str(port), *arguments],
        cwd=home, env=environment, stdout=log, stderr=log,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2):
                    break
            except (urllib.error.URLError, OSError):
                assert server.poll() is None, (home / "panel.log").read_text()
                assert time.monotonic() < deadline, "the panel did not start within two minutes"
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait(timeout=20)
        log.close()


@contextmanager
def browser() -> Iterator[Any]:
    """A driver of a headless Chromium that keeps its requests and messages."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, "window-size=1440,1100"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    made = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield made
    finally:
        made.quit()
