"""Which releases stay, and that removing the others harms nobody who reads."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from data_contracts.settings import Retention, Settings
from ingestion.lake import Lake, ObjectMissing, open_lake
from orchestration import releases
from orchestration.home import Home
from orchestration.releases import Manifest, Mart
from orchestration.retention import outdated, prune

RETENTION = Retention(nights=30, month_ends=2, records_days=10)
NEWEST = date(2026, 3, 31)


def release_id(day: date, build: int = 0) -> str:
    return f"{day}-{build:012x}"


def test_nights_month_ends_and_whatever_somebody_needs_stay() -> None:
    every = [release_id(NEWEST - timedelta(days=n)) for n in range(120)]
    gone = outdated(every, [release_id(date(2026, 1, 5))], RETENTION, {}, NEWEST)
    stay = sorted(set(every) - set(gone))
    assert len([name for name in stay if name > "2026-03-01"]) == 30
    assert [name[:10] for name in stay if name < "2026-03-01"] == ["2026-01-05", "2026-01-31", "2026-02-28"]
    assert gone == sorted(gone)
    assert outdated([], [], RETENTION, {}, NEWEST) == []
    assert outdated([release_id(NEWEST)], [], Retention(nights=1, month_ends=0), {}, NEWEST) == []


def test_a_past_night_is_as_old_as_the_day_on_which_somebody_asked_for_it() -> None:
    past = release_id(date(2024, 5, 6))
    asked = {past: date(2026, 3, 1)}
    assert outdated([past], [], RETENTION, asked, date(2026, 3, 30)) == []
    assert outdated([past], [], RETENTION, asked, date(2026, 3, 31)) == [past]


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.s3)])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    url = request.getfixturevalue("s3_lake_url") if request.param == "s3" else str(tmp_path / "lake")
    return open_lake(url, cache=tmp_path / "cache")


def store(lake: Lake, day: date, build: int = 0) -> str:
    name = release_id(day, build)
    manifest = Manifest(
        name, day, None, name, (), (), {}, {}, {"m": Mart(1, "0", 1, (), {}), "n": Mart(1, "0", 1, (), {})}
    )
    for mart in manifest.marts:
        lake.put_new(releases.mart_key(name, mart), b"rows")
    lake.put_new(releases.manifest_key(name), manifest.to_json())
    return name


def point(lake: Lake, release: str, previous: str | None) -> None:
    before = releases.current(lake)
    values = {"release_id": release, "previous": previous, "published_at": "2026-03-31T04:00:00+00:00"}
    lake.replace(releases.CURRENT, json.dumps(values).encode(), before.version if before else None)


def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, lake="", config=tmp_path / "returnscope.toml", retention=RETENTION)


def test_old_releases_go_and_the_current_the_previous_and_compared_ones_stay(lake: Lake, tmp_path: Path) -> None:
    current, previous, one, other, old, older = (
        store(lake, day)
        for day in (
            date(2025, 1, 9),  # a past night was asked for and is what readers see now
            date(2025, 1, 8),
            date(2025, 11, 3),
            date(2025, 11, 4),
            date(2025, 11, 5),
            date(2025, 11, 6),
        )
    )
    newest = store(lake, NEWEST)
    for release, at in ((newest, datetime.now(UTC)), (old, datetime(2025, 11, 6, 4, tzinfo=UTC))):
        releases.note_published(lake, release, at)
    point(lake, current, previous)
    releases.keep_comparison(lake, one, other)
    reading = lake.open(releases.mart_key(old, "m"))  # somebody is in the middle of a release that goes
    first = reading.read(1)
    assert prune(settings(tmp_path), lake, Home(tmp_path)) == [old, older]
    assert first + reading.read() == b"rows"
    reading.close()
    assert sorted(releases.ids(lake)) == sorted([current, previous, one, other, newest])
    assert [info.key for info in lake.list() if old in info.key] == []
    assert prune(settings(tmp_path), lake, Home(tmp_path)) == []


def test_a_killed_removal_leaves_no_release_and_is_finished_by_the_next(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, newest = store(lake, date(2025, 11, 5)), store(lake, NEWEST)
    point(lake, newest, None)
    delete = lake.delete

    def killed(key: str) -> None:
        if key.endswith("/n.parquet"):
            raise KeyboardInterrupt
        delete(key)

    monkeypatch.setattr(lake, "delete", killed)
    with pytest.raises(KeyboardInterrupt):
        prune(settings(tmp_path), lake, Home(tmp_path))
    assert releases.load(lake, old) is None, "half of it is not a release"
    assert lake.exists(releases.mart_key(old, "n"))
    monkeypatch.undo()
    prune(settings(tmp_path), lake, Home(tmp_path))
    assert {info.key.split("/")[1] for info in lake.list("releases/")} == {newest, "current.json"}


def test_a_lake_that_refuses_to_delete_fails_no_night(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    old, newest = store(lake, date(2025, 11, 5)), store(lake, NEWEST)
    point(lake, newest, None)

    def refused(key: str) -> None:
        raise ObjectMissing("S3 refuses access", key, "Grant s3:DeleteObject.")

    monkeypatch.setattr(lake, "delete", refused)
    assert prune(settings(tmp_path), lake, Home(tmp_path)) == []
    assert "Grant s3:DeleteObject" in caplog.text
    assert releases.load(lake, old) is not None


def test_records_go_by_their_age_and_the_newest_stays(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for folder in (home.audits, home.runs):
        folder.mkdir()
        for name in ("20250101T040000-1.json", "20250102T040000-2.json"):
            (folder / name).write_text("{}")
    (home.runs / "29990101T040000-3.json").write_text("{}")
    prune(settings(tmp_path), open_lake(tmp_path / "lake"), home)
    assert [path.name for path in home.audits.iterdir()] == ["20250102T040000-2.json"]
    assert [path.name for path in home.runs.iterdir()] == ["29990101T040000-3.json"]
