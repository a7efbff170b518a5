"""The seller's return rules: reading them from a form, checking them, seeing what they touch, saving them.

Belongs here: the form of a rule (that of `[[return_rules]]` in returnscope.toml; a test proves that both say the same),
what they add up to, writing the file. Does not belong: which returns
a rule fits (`data.py` asks it), which rule pays (a mart), widgets.

The first rule that fits an item holds. Only the rules' own lines of the file are replaced; the new text is parsed again
before it is written, and everything else in it must be unchanged.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

RESOLUTIONS = ("standard_return", "partial_refund_without_return", "refund_only")
CHANNELS = ("FBM", "ALL")
_KEYS = ("name", "price_from", "price_to", "currency", "category", "reasons", "channel", "resolution")
_HEADER = re.compile(r"^\s*\[")
_OURS = re.compile(r"^\s*\[\[\s*return_rules\s*\]\]\s*(#.*)?$")


class CannotSave(Exception):
    """The file was not changed; `reason` is a key of the texts under `rules.cannot`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Rule:
    """One rule. It fits prices from `price_from` up to below `price_to` (None: any) in `currency`."""

    name: str
    currency: str
    resolution: str
    price_from: Decimal = Decimal(0)
    price_to: Decimal | None = None
    category: str | None = None
    reasons: tuple[str, ...] = ()
    channel: str = "FBM"

    @property
    def keeps(self) -> bool:
        """Whether the buyer keeps the unit."""
        return self.resolution != "standard_return"


@dataclass(frozen=True)
class Wrong:
    """What is wrong with a rule: its position from 1, its name, and a key of the texts under `rules.wrong`."""

    position: int
    name: str
    reason: str
    value: str = ""


@dataclass(frozen=True)
class Touched:
    """What a rule would have decided in the last 90 days; refunds and saved by currency.

    saved: low and high end of what is saved where the buyer keeps the units. unknown: units of which it is not known.
    """

    rule: str | None
    asins: int = 0
    units: int = 0
    refunds: dict[str, Decimal] = field(default_factory=dict)
    saved: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    unknown: int = 0


def read(values: Iterable[Mapping[str, Any]]) -> list[Rule]:
    """Rules as the configuration file has them; a number that is none becomes NaN, which `check` reports."""
    return [
        Rule(
            str(value.get("name", "")),
            str(value.get("currency", "")),
            str(value.get("resolution", "")),
            _number(value.get("price_from", 0)) or Decimal(0),
            _number(value.get("price_to")),
            value.get("category") or None,
            tuple(str(reason) for reason in value.get("reasons", ())),
            str(value.get("channel", "FBM")),
        )
        for value in values
    ]


def _number(value: Any) -> Decimal | None:
    if value is None or value == "":
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return Decimal("NaN")


def check(rules: Sequence[Rule], reason_classes: Collection[str]) -> list[Wrong]:
    """Everything that is wrong, in order; empty: the rules can be saved."""
    found = []
    names: set[str] = set()
    for position, rule in enumerate(rules, 1):

        def add(reason: str, value: object = "", at: int = position, name: str = rule.name) -> None:
            found.append(Wrong(at, name, reason, str(value)))

        if not rule.name.strip():
            add("name")
        elif rule.name in names:
            add("twice")
        names.add(rule.name)
        if not re.fullmatch(r"[A-Z]{3}", rule.currency):
            add("currency", rule.currency)
        if rule.resolution not in RESOLUTIONS:
            add("resolution", rule.resolution)
        if rule.channel not in CHANNELS:
            add("channel", rule.channel)
        if not rule.price_from.is_finite() or rule.price_from < 0:
            add("price_from", rule.price_from)
        elif rule.price_to is not None and (not rule.price_to.is_finite() or rule.price_to <= rule.price_from):
            add("price_to", rule.price_to)
        if unknown := sorted(set(rule.reasons) - set(reason_classes)):
            add("reasons", ", ".join(unknown))
        if earlier := next((other for other in rules[: position - 1] if _covers(other, rule)), None):
            add("never", earlier.name)
    return found


def _covers(earlier: Rule, later: Rule) -> bool:
    """Whether whatever the later rule fits, the earlier one already does: then the later one never holds."""
    return (
        earlier.currency == later.currency
        and earlier.price_from <= later.price_from
        and (earlier.price_to is None or (later.price_to is not None and later.price_to <= earlier.price_to))
        and earlier.category in (None, later.category)
        and (not earlier.reasons or (bool(later.reasons) and set(later.reasons) <= set(earlier.reasons)))
        and earlier.channel in ("ALL", later.channel)
    )


def touched(rules: Sequence[Rule], effects: Iterable[Mapping[str, Any]]) -> list[Touched]:
    """What each rule, and last no rule at all, would have decided: the sums of `data.rule_effects`."""
    made: dict[int | None, Touched] = {place: Touched(rule.name) for place, rule in enumerate(rules)}
    made[None] = Touched(None)
    for row in effects:
        old, currency = made[row["place"]], row["currency"]
        refunds, saved, unknown = dict(old.refunds), dict(old.saved), old.unknown
        if row["refunds"] is not None and currency:
            refunds[currency] = row["refunds"]
        if row["place"] is not None and rules[row["place"]].keeps:
            unknown += row["units"] - row["units_known"]
            if row["saved_low"] is not None and currency:
                saved[currency] = (row["saved_low"], row["saved_high"])
        made[row["place"]] = Touched(
            old.rule, old.asins + row["asins"], old.units + row["units"], refunds, saved, unknown
        )
    return [replace(one, refunds=_largest_first(one.refunds)) for one in made.values()]


def _largest_first(amounts: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return dict(sorted(amounts.items(), key=lambda pair: (-pair[1], pair[0])))


def saved_more(now: Iterable[Touched], before: Iterable[Touched]) -> dict[str, tuple[Decimal, Decimal]]:
    """By currency, what one set of rules saves more than another: low and high end; negative: less."""
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for sign, found in ((1, now), (-1, before)):
        for one in found:
            for currency, (low, high) in one.saved.items():
                old = sums.get(currency, (Decimal(0), Decimal(0)))
                sums[currency] = (old[0] + sign * low, old[1] + sign * high)
    return {currency: (min(ends), max(ends)) for currency, ends in sums.items() if any(ends)}


def save(rules: Sequence[Rule], path: Path, seen: str | None) -> None:
    """Put the rules into the configuration file, in one step.

    seen: the file's text as it was when the editing began (None: there was none). Raises CannotSave when it has changed
    since, when the rules do not stand in blocks of their own, or when the file cannot be written.
    """
    now = text_of(path)
    if now != seen:
        raise CannotSave("changed")
    new = _with_rules(now or "", rules)
    before, after = tomllib.loads(now or ""), tomllib.loads(new)
    wanted = [_values(rule) for rule in rules]
    if after.pop("return_rules", []) != wanted or {**before, "return_rules": None} != {**after, "return_rules": None}:
        raise CannotSave("shape")
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(new)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            part.chmod(path.stat().st_mode & 0o777)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise CannotSave("write") from error


def text_of(path: Path) -> str | None:
    """The file's text; None when there is no file."""
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _with_rules(text: str, rules: Sequence[Rule]) -> str:
    """The text with its blocks of rules replaced by these, at the end."""
    kept, is_ours = [], False
    for line in text.splitlines():
        if _HEADER.match(line):
            is_ours = bool(_OURS.match(line))
        if not is_ours:
            kept.append(line)
    while kept and not kept[-1].strip():
        kept.pop()
    for rule in rules:
        kept += ["", "[[return_rules]]", *(f"{key} = {_toml(value)}" for key, value in _values(rule).items())]
    return "\n".join(kept).lstrip("\n") + "\n"


def _values(rule: Rule) -> dict[str, Any]:
    """A rule as the file has it: amounts as text, so that they stay exact; what does not restrict is left out."""
    values: dict[str, Any] = {"name": rule.name, "price_from": str(rule.price_from)}
    if rule.price_to is not None:
        values["price_to"] = str(rule.price_to)
    values["currency"] = rule.currency
    if rule.category:
        values["category"] = rule.category
    if rule.reasons:
        values["reasons"] = list(rule.reasons)
    return {**values, "channel": rule.channel, "resolution": rule.resolution}


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_toml(entry) for entry in value) + "]"
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in escaped) + '"'
