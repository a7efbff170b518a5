"""The bundle in a real Superset: installed, started, imported into, and every chart asked for its data.

Belongs here: that trial. Too heavy for CI (876 MB to install, some minutes); `tests/unit/test_superset_bundle.py` holds
what can be held without it.

    python bi/superset/try_import.py [--venv DIR] [--home DIR] [--screenshot FILE.png]

Needs PostgreSQL's server programs, and a package index that pip knows of. `--home` names a home of returnscope with
something published; without it a demo is made. Everything runs on loopback and is gone at the end, but for `--venv`.
Ends with 1 where anything fails, naming the chart and what Superset said.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bi.superset import bundle  # noqa: E402
from tests.support import postgres_server  # noqa: E402

log = logging.getLogger("try_import")

#: not in our lock: Superset pins libraries that the pipeline needs newer. The last four are missing from its own list,
#: or break with the newest (flask-caching above 2.3.1)
REQUIREMENTS = ("apache-superset==6.1.0", "rich", "cachetools", "flask-caching==2.3.1", "psycopg2-binary")
USER = "trial"
CONFIG = """
SECRET_KEY = {secret!r}
SQLALCHEMY_DATABASE_URI = "sqlite:///{folder}/superset.db"
TALISMAN_ENABLED = False
WTF_CSRF_ENABLED = False
RATELIMIT_ENABLED = False
LOG_LEVEL = "WARNING"
"""


class TrialFailed(Exception):
    """What did not work, and what was said."""


@dataclass(frozen=True)
class Superset:
    """An installation of Superset with a folder of its own."""

    programs: Path
    folder: Path
    password: str

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SUPERSET_", "PYTHONPATH"))}
        return {
            **kept,
            "SUPERSET_CONFIG_PATH": str(self.folder / "superset_config.py"),
            "SUPERSET_HOME": str(self.folder),
            "FLASK_APP": "superset.app:create_app()",
        }

    def run(self, *arguments: str) -> str:
        """One of Superset's commands, to its end."""
        return _run([str(self.programs / "superset"), *arguments], env=self.environment())


def _run(command: Sequence[str], **options: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise TrialFailed(
            f"{' '.join(command[:3])} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}"
        )
    return done.stdout + done.stderr


def install(venv: Path) -> Path:
    """Superset in an environment of its own; where its programs are."""
    programs = venv / "bin"
    if not (programs / "superset").exists():
        log.info("installing %s into %s (some minutes)", REQUIREMENTS[0], venv)
        _run([sys.executable, "-m", "venv", str(venv)])
        _run([str(programs / "python"), "-m", "pip", "install", "--quiet", *REQUIREMENTS])
    return programs


@contextmanager
def database(home: Path) -> Iterator[str]:
    """A PostgreSQL server with the release of a home in schema `marts`; its address."""
    command = [sys.executable, postgres_server.__file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        port = server.stdout.readline().strip() if server.stdout else ""
        if not port or server.stdin is None:
            raise TrialFailed("PostgreSQL did not start: are its server programs installed?")
        url = f"postgresql://{postgres_server.USER}:{postgres_server.PASSWORD}@127.0.0.1:{port}/postgres"
        environment = {**os.environ, "RETURNSCOPE_HOME": str(home), "RETURNSCOPE_POSTGRES": url}
        log.info("%s", _run([sys.executable, "-m", "orchestration.cli", "publish"], env=environment, cwd=ROOT).strip())
        yield url
        server.stdin.close()


def prepare(programs: Path, folder: Path, uri: str) -> Superset:
    """An empty Superset with a user, and the bundle imported."""
    superset = Superset(programs, folder, secrets.token_urlsafe(16))
    config = CONFIG.format(secret=secrets.token_urlsafe(32), folder=folder)
    (folder / "superset_config.py").write_text(config, encoding="utf-8")
    log.info("making Superset's own database")
    superset.run("db", "upgrade")
    superset.run(
        "fab", "create-admin", "--username", USER, "--firstname", "T", "--lastname", "T", "--email", "t@example.com",
        "--password", superset.password,
    )  # fmt: skip
    superset.run("init")
    zipped = folder / "returnscope.zip"
    bundle.write_zip(zipped, uri)
    log.info("importing %s", zipped.name)
    superset.run("import-dashboards", "--path", str(zipped), "--username", USER)
    return superset


@contextmanager
def serving(superset: Superset) -> Iterator[str]:
    """Superset on a free port of loopback; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = (superset.folder / "server.log").open("w")
    command = [str(superset.programs / "superset"), "run", "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(command, env=superset.environment(), stdout=said, stderr=said)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 180
        while True:
            try:
                httpx.get(f"{address}/health", timeout=5).raise_for_status()
                break
            except httpx.HTTPError as error:
                if server.poll() is not None or time.monotonic() > deadline:
                    text = (superset.folder / "server.log").read_text(errors="replace")[-3000:]
                    raise TrialFailed(f"Superset did not start:\n{text}") from error
                time.sleep(1)
        yield address
    finally:
        server.terminate()
        server.wait(30)
        said.close()


def call(address: str, path: str, token: str = "", body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """An answer of Superset's API. Raises TrialFailed with what it said."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    method = "GET" if body is None else "POST"
    answer = httpx.request(method, address + path, json=body, headers=headers, timeout=120)
    if answer.is_error:
        raise TrialFailed(f"{path}: HTTP {answer.status_code}: {answer.text[:1500]}")
    values: dict[str, Any] = answer.json()
    return values


def ask_charts(address: str, password: str) -> list[str]:
    """Ask every chart of the dashboard for its data; what went wrong."""
    login = {"username": USER, "password": password, "provider": "db", "refresh": False}
    token = call(address, "/api/v1/security/login", body=login)["access_token"]
    charts = call(address, "/api/v1/dashboard/returnscope/charts", token)["result"]
    expected = {chart.name for chart in bundle.CHARTS}
    wrong = [f"{name}: not on the dashboard" for name in expected - {chart["slice_name"] for chart in charts}]
    for chart in sorted(charts, key=lambda one: one["slice_name"]):
        name = chart["slice_name"]
        try:
            start = time.monotonic()
            (result,) = call(address, f"/api/v1/chart/{chart['id']}/data/", token)["result"]
        except TrialFailed as error:
            wrong.append(f"{name}: {error}")
            continue
        if result.get("error") or result["status"] != "success":
            wrong.append(f"{name}: {result.get('error') or result['status']}")
        else:
            first = json.dumps(result["data"][0], ensure_ascii=False, default=str) if result["rowcount"] else "EMPTY"
            log.info("%-45s %5d rows, %.2f s  %s", name, result["rowcount"], time.monotonic() - start, first[:110])
    return wrong


def screenshot(address: str, password: str, target: Path) -> None:
    """A picture of the dashboard as a browser draws it. Needs chromium and chromedriver."""
    if not (driver := shutil.which("chromedriver")) or not (browser_path := shutil.which("chromium")):
        raise TrialFailed("a picture needs chromium and chromedriver; the charts have answered")
    from selenium import webdriver
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    options = webdriver.ChromeOptions()
    for argument in ("--headless", "--no-sandbox", "--disable-gpu", "--window-size=1500,2100", "--disable-quic",
                     "--no-first-run", "--disable-background-networking", "--disable-component-update"):  # fmt: skip
        options.add_argument(argument)
    service = webdriver.ChromeService(executable_path=driver)
    options.binary_location = browser_path
    browser = webdriver.Chrome(options=options, service=service)
    try:
        browser.get(f"{address}/login/")
        wait = WebDriverWait(browser, 60)
        wait.until(lambda b: b.find_elements(By.CSS_SELECTOR, "input#username, input[name=username]"))
        browser.find_element(By.CSS_SELECTOR, "input#username, input[name=username]").send_keys(USER)
        browser.find_element(By.CSS_SELECTOR, "input#password, input[name=password]").send_keys(password + "\n")
        time.sleep(5)
        browser.get(f"{address}/superset/dashboard/returnscope/?standalone=1")
        wait.until(lambda b: len(b.find_elements(By.CSS_SELECTOR, ".slice_container, .chart-slice")) >= 4)
        time.sleep(20)
        browser.save_screenshot(str(target))
    finally:
        browser.quit()


def main(given: Sequence[str]) -> int:
    """The trial; the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    parser = argparse.ArgumentParser(description="Import the Superset bundle into a real Superset, ask every chart.")
    parser.add_argument("--venv", type=Path, default=ROOT / "build" / "superset-venv", help="default: %(default)s")
    parser.add_argument("--home", type=Path, help="a home of returnscope with a release; a demo when not named")
    parser.add_argument("--screenshot", type=Path, help="keep a picture of the dashboard")
    chosen = parser.parse_args(given)
    with tempfile.TemporaryDirectory(prefix="superset-trial-") as name:
        folder = Path(name)
        try:
            home = chosen.home or folder / "home"
            if chosen.home is None:
                log.info("making a demo")
                environment = {**os.environ, "RETURNSCOPE_HOME": str(home)}
                _run(
                    [sys.executable, "-m", "orchestration.cli", "demo", "--days", "60", "--asins", "60"],
                    env=environment,
                    cwd=ROOT,
                )
            programs = install(chosen.venv.absolute())
            with database(home.absolute()) as url:
                superset = prepare(programs, folder, url.replace("postgresql://", "postgresql+psycopg2://"))
                with serving(superset) as address:
                    wrong = ask_charts(address, superset.password)
                    if chosen.screenshot:
                        screenshot(address, superset.password, chosen.screenshot)
        except TrialFailed as error:
            log.info("FAILED: %s", error)
            return 1
    for line in wrong:
        log.info("FAILED: %s", line)
    log.info("%d of %d charts answered", len(bundle.CHARTS) - len(wrong), len(bundle.CHARTS))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
