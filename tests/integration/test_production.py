"""What `deploy/` says, held against the code, and the same parts run here as processes instead of containers.

PostgreSQL and the S3 service are real servers on loopback; code location, daemon and webserver are started with the
very commands of the compose file. No image is built: that needs a Docker engine.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import dagster as dg
import pytest
import yaml
from dagster._core.definitions.run_request import InstigatorType

from data_contracts.settings import ENVIRONMENT, load_settings
from tests.support.installation import Installation

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OWN = {name: service for name, service in SERVICES.items() if service["image"] == "returnscope"}
SIMULATED = (
    '[stores.na]\nregion = "na"\nmarketplaces = ["US"]\nconnector = "simulator"\n'
    "options = {asins = 3, days = 5, end = 2026-01-31, seed = 3}\n"
)


def variables() -> dict[str, str]:
    """Names and values of the example environment file."""
    lines = (DEPLOY / "example.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_every_variable_is_known_to_the_code_and_stands_in_the_example_without_a_secret() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    example = variables()
    used = set(re.findall(r"\$\{(\w+)", text)) - {"S3_IMAGE"}
    assert used <= set(example)
    assert set(example) - used == {"COMPOSE_PROFILES"}
    assert {name for name, value in example.items() if value} == {
        "COMPOSE_PROFILES", "RETURNSCOPE_LAKE", "AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION",
    }  # fmt: skip
    said = {name for service in OWN.values() for name in service.get("environment", {})}
    code_address = {"RETURNSCOPE_CODE_HOST", "RETURNSCOPE_CODE_PORT"}
    known = {*ENVIRONMENT, "RETURNSCOPE_SPAPI_REFRESH_TOKEN"}
    assert {name for name in said if name.startswith("RETURNSCOPE_")} - code_address <= known
    files = (DEPLOY / "dagster.yaml").read_text() + (DEPLOY / "workspace.yaml").read_text()
    assert set(re.findall(r"env: (\w+)", files)) <= set(SERVICES["code"]["environment"])
    for name in ("DAGSTER_POSTGRES_PASSWORD", "AWS_SECRET_ACCESS_KEY", "RETURNSCOPE_PROXY_SECRET"):
        assert f"${{{name}:?" in text, "a missing secret stops the start"


def test_ports_are_this_machines_own_and_every_part_says_whether_it_is_well() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)
    image = (DEPLOY / "Dockerfile").read_text()
    assert "\nUSER returnscope" in image
    assert "--require-hashes" in image
    for name, service in OWN.items():
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["cap_drop"] == ["ALL"], name
        assert "healthcheck" in service or (name == "code" and "HEALTHCHECK" in image), name


def test_the_image_is_made_from_what_there_is_and_its_commands_exist() -> None:
    image = (DEPLOY / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (?!--from)(.+)$", image, re.MULTILINE)
    sources = {source for line in copied for source in line.split()[:-1]}
    assert [source for source in sources if not (ROOT / source).exists()] == []
    let_in = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"}
    assert sources == let_in
    packages = re.search(r"^packages = (\[.+\])$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert packages is not None
    assert set(json.loads(packages[1])) <= sources
    for command in [json.loads(re.findall(r"^CMD (\[.+\])$", image, re.MULTILINE)[-1]), *commands().values()]:
        assert Path(sys.executable).with_name(command[0]).exists(), command


def commands() -> dict[str, list[str]]:
    return {name: service["command"] for name, service in OWN.items() if "command" in service}


def test_the_instance_is_that_of_the_repository_but_for_its_storage() -> None:
    own, server = (yaml.safe_load((folder / "dagster.yaml").read_text()) for folder in (ROOT, DEPLOY))
    del own["event_log_storage"], server["storage"], server["compute_logs"]
    assert own == server


def test_rights_on_the_bucket_are_those_that_the_lake_uses() -> None:
    policy = json.loads((DEPLOY / "s3_policy.json").read_text())
    granted = {action for statement in policy["Statement"] for action in as_list(statement["Action"])}
    # each is in `ingestion/lake/s3.py`: list, get and head, put and uploads in parts, delete, abort
    assert granted == {
        "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload",
    }  # fmt: skip
    assert all(
        "*" not in resource.removesuffix("/*") for s in policy["Statement"] for resource in as_list(s["Resource"])
    )


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_the_example_configuration_is_valid_and_its_panel_asks_for_a_login(tmp_path: Path) -> None:
    config = DEPLOY / "returnscope.example.toml"
    settings = load_settings({"RETURNSCOPE_HOME": str(tmp_path), "RETURNSCOPE_CONFIG": str(config)})
    assert (settings.schedule.nightly_at.hour, settings.retention.nights) == (4, 35)
    assert settings.panel["login"]["kind"] == "proxy"


@pytest.mark.s3
def test_the_bucket_is_made_once(s3_environment: str) -> None:
    for _ in range(2):
        made = subprocess.run(
            [sys.executable, "deploy/make_bucket.py"],
            cwd=ROOT,
            env={**os.environ, "RETURNSCOPE_LAKE": "s3://made/lake"},
        )
        assert made.returncode == 0
    assert "made" in [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class Server:
    """The compose file's services as processes: its commands, its environment, with addresses of this machine."""

    def __init__(self, folder: Path, postgres_url: str, lake: str, config: str) -> None:
        self.installation = Installation(folder, config=config)
        self.postgres = urlsplit(postgres_url)
        self.instance_folder = folder / "etc-dagster"
        self.instance_folder.mkdir()
        for name in ("dagster.yaml", "workspace.yaml"):
            shutil.copyfile(DEPLOY / name, self.instance_folder / name)
        self.code_port, self.web_port = free_port(), free_port()
        self.lake = lake

    def environment(self) -> dict[str, str]:
        kept = self.installation.variables
        home = self.installation.home
        return {
            **kept,
            "DAGSTER_HOME": str(self.instance_folder),
            "DAGSTER_POSTGRES_HOST": str(self.postgres.hostname),
            "DAGSTER_POSTGRES_PORT": str(self.postgres.port),
            "DAGSTER_POSTGRES_USER": str(self.postgres.username),
            "DAGSTER_POSTGRES_PASSWORD": str(self.postgres.password),
            "DAGSTER_POSTGRES_DB": self.postgres.path[1:],
            "DAGSTER_LOGS": str(home / "dagster" / "logs"),
            "RETURNSCOPE_CODE_HOST": "127.0.0.1",
            "RETURNSCOPE_CODE_PORT": str(self.code_port),
            "RETURNSCOPE_HOME": str(home),
            "RETURNSCOPE_CONFIG": str(self.installation.folder / "returnscope.toml"),
            "RETURNSCOPE_LAKE": self.lake,
            "PYTHONPATH": str(ROOT),
        }

    @contextmanager
    def started(self, command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
        replaced = {
            "0.0.0.0": "127.0.0.1",
            "4000": str(self.code_port),
            "3000": str(self.web_port),
            "/opt/returnscope": str(ROOT),
            "/etc/dagster/workspace.yaml": str(self.instance_folder / "workspace.yaml"),
        }
        program, *arguments = (replaced.get(part, part) for part in command)
        log = self.instance_folder / f"{program}.log"
        with log.open("ab") as out:
            process = subprocess.Popen(
                [Path(sys.executable).with_name(program), *arguments],
                cwd=ROOT, env=self.environment(), stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip
            try:
                yield process
            except BaseException as error:
                error.add_note(f"{shlex.join(command)}:\n{log.read_text(errors='replace')[-3000:]}")
                raise
            finally:
                process.terminate()
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()

    def instance(self, monkeypatch: pytest.MonkeyPatch) -> dg.DagsterInstance:
        for name, value in self.environment().items():
            monkeypatch.setenv(name, value)
        return dg.DagsterInstance.get()


def wait_for(what: str, seconds: float, is_so: Any, *processes: subprocess.Popen[bytes]) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := is_so():
            return found
        for process in processes:
            assert process.poll() is None, f"{process.args} ended with {process.returncode} before {what}"
        time.sleep(0.5)
    raise AssertionError(f"{what}: not within {seconds:.0f} s")


@pytest.mark.postgres
def test_dagster_keeps_its_runs_in_postgresql(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The storage of the server's dagster.yaml, against a real server, without any of our definitions."""
    server = Server(tmp_path, postgres_url, str(tmp_path / "lake"), SIMULATED)

    @dg.op
    def work() -> None: ...

    @dg.job
    def night() -> None:
        work()

    with server.instance(monkeypatch) as instance:
        assert type(instance.run_storage).__name__ == "PostgresRunStorage"
        assert type(instance.event_log_storage).__name__ == "PostgresEventLogStorage"
        assert type(instance.schedule_storage).__name__ == "PostgresScheduleStorage"
        result = night.execute_in_process(instance=instance)
        assert [run.run_id for run in instance.get_runs()] == [result.run_id]
    import psycopg

    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("select run_id, status from runs").fetchall() == [(result.run_id, "SUCCESS")]


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.s3
def test_the_schedule_runs_the_night_on_s3_and_publishes(
    tmp_path: Path, postgres_url: str, s3_lake_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code location, daemon and webserver of the compose file; the clock is the machine's, the hour is a setting.

    The code location is started twice, as by an upgrade: the schedule must have been seen before its minute comes.
    """
    server = Server(tmp_path, postgres_url, s3_lake_url, SIMULATED)
    image = (DEPLOY / "Dockerfile").read_text()
    code = json.loads(re.findall(r"^CMD (\[.+\])$", image, re.MULTILINE)[-1])
    with ExitStack() as stack:

        def is_well() -> bool:
            check = [Path(sys.executable).with_name("dagster"), "api", "grpc-health-check", "-p", str(server.code_port)]
            return subprocess.run(check, capture_output=True, env=server.environment()).returncode == 0

        instance = stack.enter_context(server.instance(monkeypatch))
        start = time.monotonic()
        with server.started(code) as location:
            wait_for("the code location answers", 600, is_well, location)
            takes = timedelta(seconds=time.monotonic() - start)
            daemon = stack.enter_context(server.started(SERVICES["daemon"]["command"]))
            web = stack.enter_context(server.started(SERVICES["webserver"]["command"]))

            def seen() -> bool:
                return bool(instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE))

            wait_for("the daemon has seen the schedule", 300, seen, location, daemon)
        soon = datetime.now(UTC) + takes + timedelta(seconds=90)
        (tmp_path / "returnscope.toml").write_text(f'{SIMULATED}[schedule]\nnightly_at = "{soon:%H:%M}"\n')
        location = stack.enter_context(server.started(code))
        wait_for("the code location answers again", 600, is_well, location)

        def runs() -> list[dg.DagsterRun]:
            return list(instance.get_runs())

        (run,) = wait_for("the schedule's run", 900, runs, location, daemon)
        assert run.tags["dagster/schedule_name"] == "nightly_schedule"
        yesterday = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()
        assert run.tags["dagster/partition"] == yesterday
        page = f"http://127.0.0.1:{server.web_port}/server_info"
        with urllib.request.urlopen(page, timeout=30) as answer:
            assert json.load(answer)["dagster_version"] == dg.__version__
        wait_for("the end of the run", 1200, lambda: runs()[0].is_finished, location, daemon, web)
        assert runs()[0].status == dg.DagsterRunStatus.SUCCESS
        assert subprocess.run(
            [Path(sys.executable).with_name("dagster-daemon"), "liveness-check"], env=server.environment(), cwd=ROOT
        ).returncode == 0  # fmt: skip
    assert server.installation.query("select count(*) > 0 from fct_order_lines") == [(True,)]
    ((release, as_of),) = server.installation.query("select release_id, as_of_date::varchar from release_info")
    assert as_of == "2026-01-31"
    bucket, _, prefix = s3_lake_url.removeprefix("s3://").partition("/")
    pointer = boto3.client("s3").get_object(Bucket=bucket, Key=f"{prefix}/releases/current.json")["Body"].read()
    assert json.loads(pointer)["release_id"] == release
    assert not (server.installation.home / "lake").exists()
