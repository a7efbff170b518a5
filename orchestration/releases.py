"""Releases as they lie in the lake: the manifest of one, and the pointer to the current one.

Belongs here: finding and reading what is published. Does not belong: making a release (`publish.py`), comparing two
(`diff.py`).

`releases/<release_id>/<mart>.parquet` and, written last, `manifest.json`; `releases/current.json` names the current
one. A release never changes: its id is made of everything that decides its content.
`comparisons/<before>__<after>.json` keeps two of them from being removed (`retention.py`),
`published/<moment>__<release_id>` says when one became current.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from ingestion.failures import PermanentFailure

if TYPE_CHECKING:
    from pathlib import Path

    from ingestion.lake import Lake

PREFIX = "releases"
CURRENT = f"{PREFIX}/current.json"
COMPARISONS = "comparisons"
HISTORY = "published"
_RELEASE_ID = re.compile(r"\d{4}-\d{2}-\d{2}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Mart:
    """One published table: rows, checksum and size of its parquet file, its key, its columns (name to DuckDB type)."""

    rows: int
    sha256: str
    bytes: int
    key: tuple[str, ...]
    columns: dict[str, str]
    description: str = ""
    column_descriptions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """What a release holds and what it was made from; the same inputs give the same manifest, byte for byte.

    pulls: every ledger entry the warehouse saw. change_id: equal for two nights whose marts cannot differ, see
    `plan.py`. settings: the values that decide the content. versions: of the code and of what it stands on.
    """

    release_id: str
    as_of: date
    known_by: datetime | None
    change_id: str
    pulls: tuple[str, ...]
    deliveries: tuple[str, ...]
    settings: dict[str, Any]
    versions: dict[str, str]
    marts: dict[str, Mart]

    def to_json(self) -> bytes:
        """Canonical bytes."""
        values = asdict(self)
        values["as_of"] = self.as_of.isoformat()
        values["known_by"] = self.known_by.isoformat() if self.known_by else None
        return json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """The manifest in these bytes."""
        values = json.loads(data)
        values["as_of"] = date.fromisoformat(values["as_of"])
        values["known_by"] = datetime.fromisoformat(values["known_by"]) if values["known_by"] else None
        values["pulls"] = tuple(values["pulls"])
        values["deliveries"] = tuple(values["deliveries"])
        values["marts"] = {
            name: Mart(**{**mart, "key": tuple(mart["key"])}) for name, mart in sorted(values["marts"].items())
        }
        return cls(**values)


@dataclass(frozen=True)
class Pointer:
    """The content of `current.json` and the version to swap it by."""

    release_id: str
    previous: str | None
    published_at: datetime
    version: str


def manifest_key(release_id: str) -> str:
    """Key of a release's manifest."""
    return f"{PREFIX}/{release_id}/manifest.json"


def mart_key(release_id: str, mart: str) -> str:
    """Key of one mart of a release."""
    return f"{PREFIX}/{release_id}/{mart}.parquet"


def current(lake: Lake) -> Pointer | None:
    """The pointer to the current release; None when nothing was ever published.

    Raises PermanentFailure when it is there and is none.
    """
    if not lake.exists(CURRENT):
        return None
    data, version = lake.get_versioned(CURRENT)
    try:
        values = json.loads(data)
        at = datetime.fromisoformat(values["published_at"])
        return Pointer(values["release_id"], values["previous"], at, version)
    except (ValueError, KeyError, TypeError) as error:
        raise PermanentFailure(
            "The pointer to the current release is damaged",
            lake.where(CURRENT),
            "Delete it and run again: the newest night is then made current.",
        ) from error


def load(lake: Lake, release_id: str) -> Manifest | None:
    """The manifest of a complete release; None when there is no such release (or one that was never finished).

    Raises PermanentFailure when it is there and is none.
    """
    key = manifest_key(release_id)
    if not lake.exists(key):
        return None
    try:
        return Manifest.from_json(lake.get(key))
    except (ValueError, KeyError, TypeError) as error:
        raise PermanentFailure(
            "The manifest of a release is damaged",
            lake.where(key),
            "Delete it and run again: the release is then made again from what came in.",
        ) from error


def get(lake: Lake, name: str) -> Manifest:
    """The release of that id, of an unmistakable beginning of one, or `current` or `previous`.

    Raises PermanentFailure naming the releases there are.
    """
    pointer = current(lake)
    if name in ("current", "previous") and pointer is not None:
        wanted = pointer.release_id if name == "current" else pointer.previous
        if wanted is not None and (manifest := load(lake, wanted)) is not None:
            return manifest
    known = list(ids(lake))
    found = [release for release in known if release.startswith(name)]
    if len(found) == 1 and (manifest := load(lake, found[0])) is not None:
        return manifest
    raise PermanentFailure(
        f"{'No release' if not found else 'More than one release'} is called {name!r}",
        lake.where(PREFIX),
        f"Name one of: {', '.join(found or known) or 'none yet; run `returnscope run` first'}.",
    )


def ids(lake: Lake) -> Iterator[str]:
    """Ids of the complete releases, oldest as-of day first."""
    for info in lake.list(f"{PREFIX}/"):
        folder, _, name = info.key.removeprefix(f"{PREFIX}/").partition("/")
        if name == "manifest.json" and _RELEASE_ID.fullmatch(folder):
            yield folder


def mart_path(lake: Lake, manifest: Manifest, mart: str) -> Path:
    """A local, read-only parquet file of one mart."""
    return lake.local_path(mart_key(manifest.release_id, mart))


def keep_comparison(lake: Lake, before: str, after: str) -> None:
    """Keep two releases for whoever wants to compare them, until the object made here is deleted."""
    lake.put_new(f"{COMPARISONS}/{before}__{after}.json", json.dumps({"before": before, "after": after}).encode())


def compared(lake: Lake) -> set[str]:
    """Ids of the releases that are kept for comparisons."""
    names = (info.key.removeprefix(f"{COMPARISONS}/").removesuffix(".json") for info in lake.list(f"{COMPARISONS}/"))
    return {release for name in names for release in name.split("__")}


def note_published(lake: Lake, release_id: str, at: datetime) -> None:
    """Note that a release becomes current at this moment (UTC)."""
    lake.put_new(f"{HISTORY}/{at:%Y-%m-%dT%H%M%SZ}__{release_id}", b"")


def last_published(lake: Lake) -> dict[str, date]:
    """The day (UTC) on which each release became current for the last time, for those of which that is known."""
    notes = sorted(info.key.removeprefix(f"{HISTORY}/") for info in lake.list(f"{HISTORY}/"))
    return {note.partition("__")[2]: date.fromisoformat(note[:10]) for note in notes}
