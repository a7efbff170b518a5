"""Wrong use of the command, and what can be asked of it without a warehouse. No dbt runs here."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.deliveries import fba, tsv
from tests.support.installation import Installation


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    made = Installation(tmp_path_factory.mktemp("acme"))
    made.file("returns.txt", tsv([fba()]))
    return made


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ingest"], "Missing argument"),
        (["ingest", "nowhere.txt", "--store", "acme"], "does not exist"),
        (["ingest", "files", "--store", "amce"], "store 'amce' is not in"),
        (["ingest", "files", "--store", "acme", "--feed", "retruns"], "known feeds: "),
        (["ingest", "files", "--store", "acme", "--window", "2026-01-01"], "write it as 2026-01-01..2026-01-31"),
        (["ingest", "files", "--store", "acme", "--window", "2026-02-01..2026-01-01"], "before it begins"),
        (["ingest", "files", "--store", "acme", "--delivered-at", "yesterday"], "write it as 2026-01-31T04:00:00Z"),
        (
            ["ingest", "files", "--store", "acme", "--delivered-at", "2999-01-01"],
            "2999-01-01T00:00:00Z lies in the future",
        ),
        (["ingest", "files", "--store", "acme", "--mapping", "mine"], "no mapping file mine"),
        (["run", "--as-of", "31.01.2026"], "write it as 2026-01-31"),
        (["run", "--as-of", "2999-01-01"], "--as-of 2999-01-01 lies in the future"),
        (["backfill"], "either --season YEAR or both --from and --to"),
        (["backfill", "--season", "2025", "--from", "2025-11-01"], "either --season YEAR or both"),
        (["backfill", "--from", "2026-02-01", "--to", "2026-01-01"], "lies before"),
        (["pull", "--store", "other"], "store 'other' is not in"),
        (["pull", "--store", "acme"], "store 'acme' gets its files through the inbox"),
        (["pull"], "no store has a connector"),
        (["frobnicate"], "No such command"),
    ],
)
def test_wrong_use_ends_with_2_and_says_what_is_right(acme: Installation, arguments: list[str], says: str) -> None:
    assert says in " ".join(acme.run(*arguments, code=2).split())
    assert not (acme.home / "lake" / "ledger").exists(), "nothing is taken in by a wrong call"


def test_a_wrong_configuration_is_wrong_use_and_names_file_and_key(tmp_path: Path) -> None:
    broken = Installation(tmp_path, config='[stores.acme]\nregion = "mars"\nmarketplaces = ["US"]\n')
    said = broken.run("status", code=2)
    assert "returnscope.toml: [stores.acme.region]" in said


def test_what_cannot_be_done_ends_with_1_and_says_what_to_do(tmp_path: Path) -> None:
    empty = Installation(tmp_path)
    said = empty.run("run", code=1)
    assert "no delivery has been taken in" in said
    assert "returnscope ingest" in said
    said = empty.run("verify", code=1)
    assert "returnscope run" in said
    assert "No deliveries yet" in empty.run("status")


def test_files_of_no_declared_store_stay_and_are_told_of(tmp_path: Path) -> None:
    acme = Installation(tmp_path)
    dropped = acme.home / "inbox" / "amce" / "returns.txt"
    dropped.parent.mkdir(parents=True)
    dropped.write_text(tsv([fba()]))
    line = "inbox/amce: 1 file is not taken: store 'amce' is not in"
    said = acme.run("status")
    assert line in said
    assert "Add [stores.amce]" in said
    assert dropped.is_file()


def test_the_same_file_again_takes_nothing_and_says_so(tmp_path: Path) -> None:
    acme = Installation(tmp_path)
    path = acme.file("returns.txt", tsv([fba()]))
    assert "1 files: 1 rows taken, 0 quarantined, 0 files failed\nNext: returnscope run" in acme.run(
        "ingest", path, "--store", "acme"
    )
    said = acme.run("ingest", path, "--store", "acme")
    assert "returns.txt: fba_returns: duplicate: these bytes were taken before; nothing changes" in said
    assert "1 files: 0 rows taken, 0 quarantined, 0 files failed, 1 files known already" in said
    assert "Next:" not in said
    said = acme.run("ingest", path, "--store", "acme", "--window", "2026-01-01..2026-01-31")
    assert "these bytes were taken before; its 1 rows count again, 2026-01-01..2026-01-31" in said
    assert "Next: returnscope run" in said


def test_help_answers_at_once() -> None:
    start = time.monotonic()
    found = subprocess.run([sys.executable, "-m", "orchestration.cli", "--help"], capture_output=True, text=True)
    assert found.returncode == 0
    assert time.monotonic() - start < 2  # 0.13 s on an idle machine
    lazy = (
        "import sys, orchestration.cli; print([m for m in ('duckdb', 'pandas', 'dbt', 'dagster') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", lazy], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_comments_are_classified_from_file_to_file(tmp_path: Path) -> None:
    acme = Installation(tmp_path)
    lines = [{"text": "way too small, could not zip it", "code": "APPAREL_TOO_SMALL"}, {"text": ""}]
    source = acme.file("in.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    out = acme.folder / "out.jsonl"
    assert "2 lines" in acme.run("classify", source, "--out", out)
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert found[0]["reason_class"] == "size_fit"


@pytest.mark.parametrize(
    ("content", "out", "says"),
    [
        ('{"text": "too small"}\n{oops\n', "out.jsonl", "in.jsonl, line 2"),
        ('{"text": ["too small"]}\n', "out.jsonl", "not text"),
        ('{"text": "too small"}\n', "nowhere/out.jsonl", "nowhere/out.jsonl"),
    ],
)
def test_comments_that_cannot_be_classified_end_with_1_and_name_the_place(
    acme: Installation, content: str, out: str, says: str
) -> None:
    said = acme.run("classify", acme.file("in.jsonl", content), "--out", acme.folder / out, code=1)
    assert says in said
    assert "next:" in said
    assert "Traceback" not in said


def test_a_field_that_no_comment_has_is_wrong_use(acme: Installation) -> None:
    source = acme.file("in.jsonl", '{"text": "too small"}\n')
    said = acme.run("classify", source, "--text", "nosuchfield", "--out", acme.folder / "out.jsonl", code=2)
    assert "no line has a field 'nosuchfield'" in said
    assert "'text'" in said
    assert not (acme.folder / "out.jsonl").exists()


def test_a_refusal_of_the_system_is_a_message(tmp_path: Path) -> None:
    blocked = Installation(tmp_path)
    shutil.rmtree(blocked.home, ignore_errors=True)
    blocked.home.write_text("a file where the folder should be")
    said = blocked.run("run", code=1)
    assert str(blocked.home) in said
    assert "next:" in said
    assert "Traceback" not in said


def test_what_would_be_pulled_can_be_looked_at_first(tmp_path: Path) -> None:
    config = (
        '[stores.sim]\nregion = "na"\nmarketplaces = ["US"]\nconnector = "simulator"\n'
        "options = {asins = 3, days = 10, end = 2026-01-31}\n"
    )
    said = Installation(tmp_path, config=config).run("backfill", "--season", "2025", "--plan")
    assert "2025-12-31..2026-01-31" in said
    assert "settlements" in said
