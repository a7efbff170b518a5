"""A small seller between two nights: the first is published, the second has arrived and waits to be run.

Belongs here: the installation that every fault is tried on, going back to its beginning, and what must be true at the
end. Does not belong: the faults.

The home always lies at the same path, for dbt parses everything anew in another one; going back restores a copy of it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from tests.faults.command import Accident, Ended, Nursery, Running
from tests.support.deliveries import MFN_RETURN, fba, order, tsv
from tests.support.installation import Installation

NO_ACCIDENT = Accident()
_ONE_AT_A_TIME = threading.Lock()
ORDERS = [
    order(amazon_order_id=f"111-0000000-000000{n}", purchase_date=f"2026-01-0{n}T20:00:00+00:00") for n in range(1, 8)
]
MOVED = fba(
    order_id="111-0000000-0000001", return_date="2026-01-07T09:30:00+00:00", license_plate_number="LPNRR0000001"
)
FIRST = {
    "orders__2026-01-01..2026-01-08__2026-01-09T060000Z.txt": tsv(ORDERS),
    "fba_returns__2026-01-01..2026-01-08__2026-01-09T060000Z.txt": tsv(
        [MOVED, fba(order_id="111-0000000-0000002", return_date="2026-01-08T09:30:00+00:00")]
    ),
}
#: the second night restates the first: a unit moved to another day, one more came, one order was cancelled
SECOND = {
    "orders__2026-01-01..2026-01-09__2026-01-10T060000Z.txt": tsv(
        [*ORDERS[:-1], ORDERS[-1] | {"order-status": "Cancelled"}]
    ),
    "fba_returns__2026-01-01..2026-01-09__2026-01-10T060000Z.txt": tsv(
        [
            MOVED | {"return-date": "2026-01-09T09:30:00+00:00"},
            fba(order_id="111-0000000-0000002", return_date="2026-01-08T09:30:00+00:00"),
            fba(
                order_id="111-0000000-0000003",
                return_date="2026-01-09T10:00:00+00:00",
                license_plate_number="LPNRR0000003",
                customer_comments="much too small",
            ),
            fba(order_id="111-0000000-0000004", quantity="lots"),  # one for the quarantine
        ]
    ),
    "mfn_returns__2026-01-01..2026-01-09__2026-01-10T060000Z.txt": tsv(
        [
            MFN_RETURN
            | {
                "Order ID": "111-0000000-0000005",
                "Order date": "05-Jan-2026",
                "Return request date": "08-Jan-2026",
            }
        ]
    ),
}
_BAD_ROWS = "[thresholds.fba_returns]\nrows = 5\nshare = 0.5\n"


@dataclass(frozen=True)
class Published:
    """A release as readers know it: its id and the checksum of every mart."""

    release_id: str
    sums: dict[str, str]


@dataclass
class Reads:
    """What a reader saw who asked all the time. seen: release ids in the order of their first sight."""

    count: int = 0
    seen: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


@dataclass
class Scene:
    """The installation, the copy to go back to, and what the two nights give when nothing goes wrong.

    `environment` and `lake` are changed by faults that put the lake elsewhere; `rewind` puts them back.
    """

    installation: Installation
    nursery: Nursery
    copies: Path
    first: Published
    second: Published

    @property
    def home(self) -> Path:
        """RETURNSCOPE_HOME."""
        return self.installation.home

    @property
    def lake(self) -> Path:
        """The lake's folder."""
        return self.home / "lake"

    @property
    def scratch(self) -> Path:
        """A folder for notes, outside of the installation."""
        return self.copies

    def start(self, *arguments: str, accident: Accident = NO_ACCIDENT, **environment: str) -> Running:
        """Start the command."""
        return start(self.nursery, self.installation, *arguments, accident=accident, **environment)

    def run(self, *arguments: str, accident: Accident = NO_ACCIDENT, **environment: str) -> Ended:
        """Run the command to its end. Whatever happens, no user sees a traceback."""
        ended = self.start(*arguments, accident=accident, **environment).wait()
        assert "Traceback" not in ended.said, ended.said
        return ended

    def rewind(self, copy: str = "evening") -> Scene:
        """Go back: to `evening` (the second night's files lie in the inbox), `midnight` (its release is complete and
        not yet current) or `morning` (it is published)."""
        restore(self.copies / copy, self.installation.folder)
        return self

    def published(self) -> Published:
        """What the lake says is published."""
        return published(self.installation)

    def objects(self, lake: Path | None = None) -> dict[str, bytes]:
        """The lake's objects that were taken in or derived, without the time of taking."""
        root = lake or self.lake
        return {
            str(path.relative_to(root)): b"".join(
                line for line in path.read_bytes().splitlines(keepends=True) if b'"taken_at"' not in line
            )
            for part in ("landing", "bronze", "quarantine", "ledger", "mappings")
            for path in sorted((root / part).rglob("*"))
            if path.is_file()
        }

    @contextmanager
    def reader(self) -> Iterator[Reads]:
        """A reader who asks the published file all the time, and the files of the lake by the manifest."""
        reads, stop = Reads(), threading.Event()
        known = {one.release_id: self.told(one) for one in (self.first, self.second)}
        thread = threading.Thread(target=self._read_on, args=(reads, known, stop))
        thread.start()
        try:
            yield reads
        finally:
            stop.set()
            thread.join()
        assert not reads.wrong, reads.wrong

    def _read_on(self, reads: Reads, known: dict[str, tuple[int, int, int]], stop: threading.Event) -> None:
        is_last = False
        while not is_last:
            is_last = stop.is_set()  # a last time behind the end, so that what was published last is seen
            try:
                release, told = read_published(self.installation.marts)
            except duckdb.Error as error:
                reads.wrong.append(str(error))
            else:
                reads.count += 1
                if release not in reads.seen:
                    reads.seen.append(release)
                if told != known.get(release):
                    reads.wrong.append(f"release {release} is read as {told}, not as {known.get(release)}")
            stop.wait(0.1)

    def told(self, one: Published) -> tuple[int, int, int]:
        """Units returned (as facts and by day) and units shipped of a release, from the copy of its morning."""
        name = "morning" if one == self.second else "evening"
        return read_published(self.copies / name / ".returnscope" / "published" / "marts.duckdb")[1]

    def heals(self) -> Ended:
        """`returnscope run` makes everything good: the second night is published as if nothing had happened."""
        ended = self.run("run")
        assert ended.code == 0, ended.said
        self.is_whole()
        return ended

    def is_whole(self) -> None:
        """The second night is published byte for byte; nothing is left in the inbox, nothing lies about."""
        now = self.published()
        assert now.sums == self.second.sums or taken_otherwise(self.installation), _differences(now, self.second)
        plain = {name: digest for name, digest in now.sums.items() if name != "ops_deliveries"}
        assert plain == {name: digest for name, digest in self.second.sums.items() if name in plain}, _differences(
            now, self.second
        )
        assert read_published(self.installation.marts) == (now.release_id, self.told(self.second))
        assert [path.name for path in (self.home / "inbox" / "acme").glob("*.txt")] == []
        # one that was killed before it could mark its folder is removed a minute later
        left = [path.name for path in (self.home / "scratch").glob("*/*")]
        assert left == [], left


def _differences(one: Published, other: Published) -> list[str]:
    return [name for name in other.sums if one.sums.get(name) != other.sums[name]]


def taken_otherwise(installation: Installation) -> bool:
    """Whether a file was found twice, or taken by hand: both show in the list of deliveries, and nowhere else."""
    entries = [json.loads(path.read_text()) for path in (installation.home / "lake" / "ledger").rglob("*.json")]
    return any(entry["outcome"] == "duplicate" or entry["source"] == "cli" for entry in entries)


def published(installation: Installation) -> Published:
    """What the lake (a folder in the home) says is published, each file checked against its manifest."""
    from orchestration.publish import checksum

    folder = installation.home / "lake" / "releases" / installation.current()
    marts = json.loads((folder / "manifest.json").read_text())["marts"]
    sums = {name: mart["sha256"] for name, mart in marts.items()}
    assert {name: checksum(folder / f"{name}.parquet") for name in sums} == sums
    return Published(folder.name, sums)


def read_published(marts: Path) -> tuple[str, tuple[int, int, int]]:
    """Release id and some sums from different tables of the published file."""
    # one at a time: within a process DuckDB gives whoever opens a path what another thread still holds open under it
    with _ONE_AT_A_TIME, duckdb.connect(str(marts), read_only=True) as con:
        con.execute("use marts.marts")
        row = con.execute(
            "select (select release_id from release_info), (select sum(units)::bigint from fct_returns), "
            "(select sum(units_returned)::bigint from mart_asin_daily where channel = 'ALL'), "
            "(select sum(units_shipped)::bigint from fct_order_lines)"
        ).fetchone()
    assert row is not None
    return row[0], row[1:]


def start(
    nursery: Nursery, installation: Installation, *arguments: str, accident: Accident = NO_ACCIDENT, **environment: str
) -> Running:
    """Start the command in an installation."""
    return nursery.start(
        installation.folder, {**installation.variables, **environment}, tuple(map(str, arguments)), accident
    )


def restore(copy: Path, folder: Path) -> None:
    """Make a folder what its copy is, hard links and times included; the folder itself stays."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    subprocess.run(["cp", "-a", f"{copy}/.", str(folder)], check=True)


def arrive(installation: Installation, files: dict[str, str]) -> None:
    """Files that were dropped into the inbox a while ago."""
    import os

    folder = installation.home / "inbox" / "acme"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content)
        os.utime(folder / name, (1_700_000_000, 1_700_000_000))


def make_scene(folder: Path, nursery: Nursery, **environment: str) -> Scene:
    """Live through both nights undisturbed, and keep a copy of the evening between them and of the morning after."""
    from tests.support.installation import ONE_STORE

    installation = Installation(folder / "seller", config=ONE_STORE + _BAD_ROWS, environment=environment)
    releases = []
    for files, copy in ((FIRST, "evening"), (SECOND, "morning")):
        arrive(installation, files)
        ended = start(nursery, installation, "run").wait()
        assert ended.code == 0, ended.said
        releases.append(published(installation))
        if copy == "evening":
            arrive(installation, SECOND)
        subprocess.run(["cp", "-a", str(installation.folder), str(folder / copy)], check=True)
    _make_midnight(folder)
    return Scene(installation, nursery, folder, *releases)


def _make_midnight(folder: Path) -> None:
    """The morning with the evening's pointer and published file: what a kill behind the manifest leaves."""
    subprocess.run(["cp", "-a", str(folder / "morning"), str(folder / "midnight")], check=True)
    for part in ("lake/releases/current.json", "published"):
        source, target = (folder / name / ".returnscope" / part for name in ("evening", "midnight"))
        shutil.rmtree(target) if target.is_dir() else target.unlink()
        subprocess.run(["cp", "-a", str(source), str(target)], check=True)
