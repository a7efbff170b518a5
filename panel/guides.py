"""Guides, questions and cases as Markdown files, by language. Belongs here: finding and reading them.

Guides and questions come with the program (`docs/resources/<language>/<kind>/`). Cases are written by the night, one
for each alert that ended, into `published/cases/<language>/` of the home. A case names its store at the end of its
title, in brackets; who may see only some stores is shown cases of these alone, and none whose title names no store.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from panel import data

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "resources"
KINDS = ("guides", "faq", "cases")
_NAME = re.compile(r"[A-Za-z0-9][\w-]*", re.ASCII)
_STORE = re.compile(r"\((?:[^()]*, )?([A-Za-z0-9][\w.-]*)\)$", re.ASCII)
_TO_TOPIC = re.compile(r"\]\(((?:guides|faq|cases)/[\w-]+)\)", re.ASCII)


@dataclass(frozen=True)
class Guide:
    """One text; `topic` is its kind and name, as in `guides/damaged`. `store`: whose case it is, where it is one."""

    topic: str
    title: str
    path: Path
    store: str | None = None


def all_of(kind: str, language: str, stores: frozenset[str] | None = None) -> list[Guide]:
    """The texts of a kind in a language, English where there is no translation: by title, cases newest first.

    stores: those whose cases may be seen, None for all.
    """
    found = {}
    for tongue in ("en", language):
        folder = data.home() / "published" / "cases" / tongue if kind == "cases" else FOLDER / tongue / kind
        for path in sorted(folder.glob("*.md")):
            if _NAME.fullmatch(path.stem):
                title = _title(path)
                store = _STORE.search(title) if kind == "cases" else None
                found[path.stem] = Guide(f"{kind}/{path.stem}", title, path, store.group(1) if store else None)
    if kind == "cases":  # their names begin with the day
        newest = sorted(found.values(), key=lambda guide: guide.topic, reverse=True)
        return [guide for guide in newest if stores is None or guide.store in stores]
    return sorted(found.values(), key=lambda guide: guide.title)


def find(topic: str, language: str, stores: frozenset[str] | None = None) -> Guide | None:
    """The text of a topic; None where there is none. Nothing outside the folders is ever read."""
    kind, _, name = topic.partition("/")
    if kind not in KINDS or not _NAME.fullmatch(name):
        return None
    return next((guide for guide in all_of(kind, language, stores) if guide.topic == topic), None)


def body(guide: Guide, address: Callable[[str], str]) -> str:
    """Its Markdown without the title line; links to topics lead to their `address`, and no picture is fetched."""
    text = re.sub(r"\A\s*#[^\n]*\n", "", guide.path.read_text(encoding="utf-8")).strip()
    return _TO_TOPIC.sub(lambda found: f"]({address(found.group(1))})", text.replace("![", "!\\["))


def _title(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        first = next((line for line in file if line.startswith("# ")), f"# {path.stem}")
    return first[2:].strip()
