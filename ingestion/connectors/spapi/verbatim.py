"""Pieces of a JSON text as they were written, to keep what a source said to the letter.

Belongs here: finding the text of a value inside a text. Does not belong: what the values mean.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")


def elements(text: str, *keys: str) -> Iterator[str]:
    """The elements of the list under these keys, each as it is written, on one line.

    None where there is no such list. Raises ValueError for what is no JSON.
    """
    at = _after_space(text, 0)
    for key in keys:
        found = _member(text, at, key)
        if found is None:
            return
        at = found
    if text[at] != "[":
        return
    at = _after_space(text, at + 1)
    while text[at] != "]":
        _, end = _DECODER.raw_decode(text, at)
        yield on_one_line(text[at:end])
        at = _after_space(text, end)
        if text[at] == ",":
            at = _after_space(text, at + 1)


def on_one_line(text: str) -> str:
    """The same JSON without line breaks; inside of strings there are none, they are written as escapes."""
    return text.replace("\r", " ").replace("\n", " ").strip()


def _member(text: str, at: int, key: str) -> int | None:
    """Where the value of a key of the object at this place begins."""
    if text[at] != "{":
        return None
    at = _after_space(text, at + 1)
    while text[at] != "}":
        name, end = _DECODER.raw_decode(text, at)
        at = _after_space(text, _after_space(text, end) + 1)  # behind the colon
        if name == key:
            return at
        _, end = _DECODER.raw_decode(text, at)
        at = _after_space(text, end)
        if text[at] == ",":
            at = _after_space(text, at + 1)
    return None


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
