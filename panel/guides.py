"""Guides, questions and cases as Markdown files, by language. Belongs here: finding and reading them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "resources"
KINDS = ("guides", "faq", "cases")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True)
class Guide:
    """One text; `topic` is its kind and name, as in `guides/damaged`."""

    topic: str
    title: str
    path: Path


def all_of(kind: str, language: str, folder: Path = FOLDER) -> list[Guide]:
    """The texts of a kind in a language, English where there is no translation, by title."""
    found = {}
    for tongue in ("en", language):
        for path in sorted((folder / tongue / kind).glob("*.md")):
            found[path.stem] = Guide(f"{kind}/{path.stem}", _title(path), path)
    return sorted(found.values(), key=lambda guide: guide.title)


def find(topic: str, language: str, folder: Path = FOLDER) -> Guide | None:
    """The text of a topic; None where there is none. Nothing outside the folder is ever read."""
    kind, _, name = topic.partition("/")
    if kind not in KINDS or not _NAME.fullmatch(name):
        return None
    return next((guide for guide in all_of(kind, language, folder) if guide.topic == topic), None)


def body(guide: Guide) -> str:
    """Its Markdown without the title line."""
    text = guide.path.read_text(encoding="utf-8")
    return re.sub(r"\A\s*#[^\n]*\n", "", text).strip()


def _title(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        first = next((line for line in file if line.startswith("# ")), f"# {path.stem}")
    return first[2:].strip()
