"""A simulated seller with a connector: nights that pull, and a season loaded again through the command line."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pytest

from tests.support.deliveries import fba, order, tsv
from tests.support.installation import Installation

CONFIG = """
[stores.sim]
region = "na"
marketplaces = ["US"]
connector = "simulator"
options = {asins = 20, days = 92, end = 2026-01-31, seed = 4}
"""


@pytest.fixture(scope="module")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("sim"), config=CONFIG)


def test_a_night_asks_for_what_can_still_be_restated(sim: Installation) -> None:
    said = sim.run("run")
    assert re.search(r"Asking for \d+ windows", said)
    assert sim.current().startswith("2026-01-31-")
    # in February a night looks 90 days back
    assert sim.query("select min(purchase_date)::varchar from fct_order_lines")[0][0] >= "2025-11-02"
    assert "Nothing has changed" in sim.run("run")


def test_a_season_is_completed_with_one_build_and_an_account_of_what_changed(sim: Installation) -> None:
    first = sim.current()
    plan = sim.run("backfill", "--season", "2025", "--plan")
    assert re.findall(r"sim (\w+) 2025-11-01\.\.2025-11-02", plan) == ["fba_returns", "mfn_returns", "orders"]
    assert "3 requests, about 1 min" in plan
    sim.run("pull", "--store", "sim", "--feed", "orders", "--from", "2025-11-01", "--to", "2025-11-02")
    said = sim.run("backfill", "--season", "2025")  # goes on with what is left, as after a kill
    assert "2 windows to ask for within 2025-11-01..2026-01-31" in said
    assert "Missing" not in said
    second = sim.current()
    assert f"{first} -> {second}" in said
    before, after = (int(n.replace(",", "")) for n in re.search(r"fct_order_lines +([\d,]+) +([\d,]+)", said).groups())  # type: ignore[union-attr]
    assert after > before
    assert {path.name for path in (sim.home / "lake" / "releases").iterdir()} == {first, second, "current.json"}

    said = sim.run("backfill", "--season", "2025")
    assert "0 windows to ask for" in said
    assert f"Nothing has changed; published is still {second}" in said


def test_a_killed_backfill_goes_on_where_it_was_and_nothing_is_twice(tmp_path: Path) -> None:
    """Killed while it takes windows in; no build in between. The ledger ends as without the kill."""
    config = CONFIG.replace("asins = 20", "asins = 120")
    whole, killed = (Installation(tmp_path / name, config=config) for name in ("whole", "killed"))

    def entries(installation: Installation) -> set[str]:
        return {path.name for path in (installation.home / "lake" / "ledger").rglob("*.json")}

    days = ("--from", "2025-11-01", "--to", "2026-01-31")
    whole.run("pull", *days)
    process = killed.start("backfill", "--season", "2025")
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and len(entries(killed)) < 2:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = entries(killed)
    assert 2 <= len(before) < len(entries(whole)), "it was killed in the middle"
    assert not (killed.home / "lake" / "releases").exists()
    left = killed.run("backfill", "--season", "2025", "--plan")
    asked = int(re.search(r"(\d+) requests", left).group(1))  # type: ignore[union-attr]
    everything = whole_plan(tmp_path, config)
    assert 0 < asked < everything
    killed.run("pull", *days)
    assert entries(killed) == entries(whole)
    assert before < entries(killed)


@pytest.mark.slow
def test_an_inbox_store_is_led_to_a_whole_season(tmp_path: Path) -> None:
    """What is missing is said with the name to drop it under; dropped so, the same command ends with a comparison."""
    acme = Installation(tmp_path)
    days = ("--from", "2025-12-01", "--to", "2025-12-20")
    bought = [order(amazon_order_id=f"111-0000000-000000{n}", purchase_date=f"2025-12-0{n}T20:00:00Z") for n in (1, 2)]
    for name, text in (("orders.txt", tsv(bought)), ("returns.txt", tsv([fba(return_date="2025-12-05T09:30:00Z")]))):
        acme.run("ingest", acme.file(name, text), "--store", "acme", "--window", "2025-12-01..2025-12-10",
                 "--delivered-at", "2026-01-01T06:00:00Z")  # fmt: skip
    said = acme.run("backfill", *days, code=1)
    assert "Missing acme/fba_returns: 10 days" in said
    assert "NOT complete: 20 days of 2 reports are missing" in said
    first = acme.current()
    more = tsv([order(amazon_order_id="111-0000000-0000009", purchase_date="2025-12-15T20:00:00Z")])
    returned = tsv([fba(order_id="111-0000000-0000009", return_date="2025-12-18T09:30:00Z")])
    for feed, text in (("orders", more), ("fba_returns", returned)):
        (named,) = re.findall(rf"drop it as (\S+/{feed}__\S+)", said)
        Path(named).parent.mkdir(parents=True, exist_ok=True)
        Path(named).write_text(text)
    stray = acme.home / "inbox" / "amce" / "returns.txt"
    stray.parent.mkdir()
    stray.write_text(returned)
    said = acme.run("backfill", *days, code=1)
    assert "NOT complete" not in said
    assert "NOT TAKEN" in said
    assert f"{first} -> {acme.current()}" in said
    (line,) = [line.split() for line in said.splitlines() if line.split()[:1] == ["fct_order_lines"]]
    assert line[1:5] == ["2", "3", "2", "3"]
    stray.unlink()
    said = acme.run("backfill", *days)
    assert "Nothing has changed" in said


def whole_plan(folder: Path, config: str) -> int:
    """How many requests the season takes from nothing."""
    said = Installation(folder / "fresh", config=config).run("backfill", "--season", "2025", "--plan")
    return int(re.search(r"(\d+) requests", said).group(1))  # type: ignore[union-attr]


@pytest.mark.s3
def test_a_lake_in_a_bucket_serves_like_a_folder(tmp_path: Path, s3_lake_url: str) -> None:
    """The same seller on a real S3 server. Only the lake is elsewhere."""
    config = CONFIG.replace("days = 92", "days = 5")
    remote = Installation(tmp_path, config=config, environment={"RETURNSCOPE_LAKE": s3_lake_url})
    assert "Published 2026-01-31-" in remote.run("run")
    assert not (remote.home / "lake").exists()
    assert "Nothing has changed" in remote.run("run")
    remote.marts.unlink()
    assert "Current again, without building" in remote.run("run")
    assert remote.query("select count(*) > 0 from fct_order_lines") == [(True,)]


@pytest.mark.slow
def test_the_demo_is_the_same_each_time_and_ends_with_what_to_do(tmp_path: Path) -> None:
    arguments = ("demo", "--days", "3", "--seed", "7", "--asins", "30")
    one, other = (Installation(tmp_path / name, config="") for name in ("one", "other"))
    for demo in (one, other):
        (demo.folder / "returnscope.toml").unlink()
        said = demo.run(*arguments)
        assert "The 10 worst ASINs" in said or "worst ASINs" in said
        assert "What to type next" in said
    assert one.current() == other.current()
    manifests = [
        (demo.home / "lake" / "releases" / demo.current() / "manifest.json").read_bytes() for demo in (one, other)
    ]
    assert manifests[0] == manifests[1]
    assert "Nothing has changed" in one.run("run")
    assert "Missing" not in one.run("backfill", "--season", "2025"), "the demo holds its whole season"
    (one.folder / "mine.txt").write_text("x")
    one.run("ingest", one.folder / "mine.txt", "--store", "acme-na", code=1)
    assert "deliveries of your own" in one.run(*arguments, code=2)
