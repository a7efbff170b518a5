"""What simulated buyers write: comments on returns and reviews, by language and reason class.

Belongs here: putting phrases of `phrases.toml` together. Does not belong: judging texts (that is classification).
"""

from __future__ import annotations

import html
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from ingestion.simulator.catalogue import tables


@cache
def phrases() -> Mapping[str, Any]:
    """The whole of `phrases.toml`."""
    return tomllib.loads(resources.files(__package__).joinpath("phrases.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Text:
    """A text, its language, and the personal data in it (which nothing downstream may keep)."""

    text: str
    language: str
    personal: tuple[str, ...] = ()


@cache
def _languages(marketplace: str, only: tuple[str, ...]) -> tuple[tuple[str, ...], np.ndarray]:
    listed = tables()["languages"].get(marketplace, tables()["languages"]["other"])
    weights = {name: weight for name, weight in listed.items() if not only or name in only} or {"en": 1}
    return tuple(weights), np.cumsum(list(weights.values())) / sum(weights.values())


def language_of(marketplace: str, draw: float, only: tuple[str, ...] = ()) -> str:
    """Language of a buyer of that marketplace; `only` narrows the choice."""
    names, cumulative = _languages(marketplace, only)
    return names[int(np.searchsorted(cumulative, draw, side="right"))]


def invented_contact(rng: np.random.Generator) -> dict[str, str]:
    """Contact data of nobody: reserved domains, fictional numbers, an order number Amazon does not issue."""
    number = int(rng.integers(10**6, 10**7))
    return {
        "email": f"buyer.{number}@example.com",
        "phone": f"+1 202-555-{int(rng.integers(100, 10_000)):04d}",
        "order": f"999-{number}-{int(rng.integers(10**6, 10**7))}",
    }


def comment(rng: np.random.Generator, marketplace: str, reason: str, only: tuple[str, ...] = ()) -> Text:
    """A buyer's comment on a return: now and then an Amazon preset before a `|`, an HTML entity, personal data."""
    language = language_of(marketplace, rng.random(), only)
    listed = phrases()
    opening = listed["opening"][language]
    choices = listed[language][reason]
    text = opening[int(rng.integers(0, len(opening)))] + choices[int(rng.integers(0, len(choices)))]
    kind = rng.random()
    if kind < 0.14:
        return Text(f"{listed['preset'][reason]}|{text}", language)
    if kind < 0.17:
        return Text(html.escape(text).replace("&#x27;", "&#39;"), language)
    if kind < 0.19:
        contact = invented_contact(rng)
        return Text(text + listed["personal"][language].format(**contact), language, tuple(contact.values()))
    return Text(text, language)


def review(
    rng: np.random.Generator, marketplace: str, reason: str | None, only: tuple[str, ...] = ()
) -> tuple[str, Text]:
    """Title and text of a review; `reason` is what the writer complains about, None for praise."""
    language = language_of(marketplace, rng.random(), only)
    listed = phrases()
    choices = listed["praise"][language] if reason is None else listed[language][reason]
    first, second = rng.integers(0, len(choices), 2)
    text = choices[int(first)]
    personal: tuple[str, ...] = ()
    if rng.random() < 0.01:
        contact = invented_contact(rng)
        text += listed["personal"][language].format(**contact)
        personal = tuple(contact.values())
    return choices[int(second)].rstrip(".。"), Text(text, language, personal)
