"""The reason taxonomy: classes with names, fault and advice, and the class of every known reason code.

Belongs here: canonical codes and look-ups. Does not belong: judging a buyer's words (`classification/`) and the tables
themselves (`reference/reason_classes.csv`, `reference/reason_codes.csv`).
"""

from __future__ import annotations

import re
from functools import cache

from data_contracts import reference

UNCLEAR = "unclear"
UNMAPPED = "unmapped"


@cache
def reason_classes() -> tuple[str, ...]:
    """All classes in their order of display, `unclear` and `unmapped` last."""
    return tuple(row["reason_class"] for row in reference.read("reason_classes"))


def name_of(reason_class: str, language: str) -> str:
    """The class in words (`en` or `zh`); an unknown class as it is."""
    return _names(language).get(reason_class, reason_class)


@cache
def _names(language: str) -> dict[str, str]:
    return {row["reason_class"]: row[f"name_{language}"] for row in reference.read("reason_classes")}


@cache
def _class_by_code() -> dict[str, str]:
    return {row["code"]: row["reason_class"] for row in reference.read("reason_codes")}


def canonical_code(code: str) -> str:
    """One spelling for the codes of both channels: `CR-DEFECTIVE`, `AMZ-PG-APP-TOO-SMALL` → `APPAREL_TOO_SMALL`."""
    text = re.sub(r"[^A-Z0-9]+", "_", code.strip().upper()).strip("_")
    text = re.sub(r"^(AMZ_PG_|CR_)+", "", text)
    return re.sub(r"^APP_", "APPAREL_", text)


def class_of_code(code: str | None) -> str | None:
    """Class of a reason code; `unmapped` for an unknown one, None where there is no code."""
    if code is None or not code.strip():
        return None
    return _class_by_code().get(canonical_code(code), UNMAPPED)
