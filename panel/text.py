"""Every word that the panel shows, and how it writes numbers, money and days, in English and Simplified Chinese.

Belongs here: looking a text up in `i18n/<language>.toml`, formats of a locale. Does not belong: texts that the marts
carry in both languages themselves (advice, messages), HTML.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = {"en": "English", "zh": "简体中文"}
#: shown where a value is unknown; never 0
NONE = "–"

_FOLDER = Path(__file__).parent / "i18n"
#: currencies with a sign that readers of that language know without doubt; all others are written by their code
_SIGNS = {
    "en": {"USD": "$", "CAD": "CA$", "MXN": "MX$", "AUD": "A$", "BRL": "R$", "GBP": "£", "EUR": "€", "JPY": "¥",
           "INR": "₹"},
    "zh": {"USD": "US$", "CAD": "CA$", "MXN": "MX$", "AUD": "AU$", "BRL": "R$", "GBP": "£", "EUR": "€", "JPY": "JP¥",
           "INR": "₹", "CNY": "¥"},
}  # fmt: skip
#: currencies that have no smaller unit
_WHOLE = frozenset({"JPY", "KRW"})
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS_IN_FULL = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


@cache
def texts(language: str) -> dict[str, str]:
    """All texts of a language, nested tables joined by dots. A test proves that both languages have the same keys."""
    with (_FOLDER / f"{language}.toml").open("rb") as file:
        return dict(_flat(tomllib.load(file)))


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in values.items():
        found += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", str(value))]
    return found


@dataclass(frozen=True)
class Words:
    """Texts and formats of one language."""

    language: str

    def __call__(self, key: str, **values: Any) -> str:
        """The text of a key with its placeholders filled; KeyError for an unknown key."""
        text = texts(self.language)[key]
        return text.format(**values) if values else text

    def code(self, family: str, value: Any) -> str:
        """The name of a code of the marts (`reason`, `fault`, …); an unknown code is shown as it is."""
        if value is None or value == "":
            return NONE
        return texts(self.language).get(f"{family}.{str(value).lower()}", str(value).replace("_", " "))

    def known(self, family: str, value: Any) -> str:
        """The text of a code of the marts; empty for an unknown one."""
        return texts(self.language).get(f"{family}.{str(value).lower()}", "")

    def set_aside(self, reasons: str) -> str:
        """Why a row was set aside: its codes (`blank:day;pattern:asin`) in words, each with the column it is about."""
        said = []
        for reason in reasons.split(";"):
            code, _, column = reason.partition(":")
            what = self.known("set_aside", "bad" if code.startswith("bad_") else code) or code
            said.append(self("set_aside.in_column", what=what, column=column) if column else what)
        return "; ".join(said)

    def pick(self, row: Mapping[str, Any], stem: str) -> str:
        """A text that a mart carries in both languages (`advice_en` or `next_step`, and `…_zh`); empty where none."""
        return str(row.get(f"{stem}_{self.language}") or row.get(f"{stem}_en") or row.get(stem) or "")

    def count(self, value: Any) -> str:
        """A whole number."""
        return NONE if value is None else f"{int(value):,}"

    def signed(self, value: Any) -> str:
        """A whole number with its sign."""
        return NONE if value is None else f"{int(value):+,}".replace("-", "−") if int(value) else "0"

    def share(self, value: float | Decimal | None, digits: int = 1) -> str:
        """A share of 1 as a percentage."""
        return NONE if value is None else f"{float(value) * 100:,.{digits}f}%".replace("-", "−")

    def points(self, value: float | None) -> str:
        """A difference of two shares, in percentage points."""
        if value is None:
            return NONE
        points = f"{value * 100:+.1f}".replace("-", "−")
        return ("0.0" if points[1:] == "0.0" else points) + self("unit.points")

    def money(self, amount: Decimal | float | None, currency: str | None, *, rounded: bool = False) -> str:
        """An amount in its currency; rounded to whole units where there is little room."""
        if amount is None:
            return NONE
        digits = 0 if rounded or currency in _WHOLE else 2
        number = f"{abs(amount):,.{digits}f}"
        minus = "−" if amount < 0 and number.strip("0.,") else ""
        sign = _SIGNS[self.language].get(currency or "")
        return f"{minus}{sign}{number}" if sign else f"{minus}{number} {currency or ''}".strip()

    def cost_sign(self, row: Mapping[str, Any]) -> str:
        """What stands before a sum of costs (`data.cost_totals`): nothing, ≥ at least, ≈ open both ways."""
        return "" if row["is_exact"] else "≈" if row.get("is_open") else "≥"

    def monies(self, amounts: Mapping[str, Decimal], *, rounded: bool = False, most: int = 3) -> str:
        """Amounts of several currencies side by side; they are never added."""
        parts = [self.money(amount, currency, rounded=rounded) for currency, amount in list(amounts.items())[:most]]
        more = len(amounts) - most
        return " · ".join(parts + ([f"+{more}"] if more > 0 else [])) or NONE

    def day(self, value: date | None) -> str:
        """A day."""
        if value is None:
            return NONE
        if self.language == "zh":
            return f"{value.year}年{value.month}月{value.day}日"
        return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"

    def month(self, value: date | None) -> str:
        """A month."""
        if value is None:
            return NONE
        return f"{value.year}年{value.month}月" if self.language == "zh" else f"{_MONTHS[value.month - 1]} {value.year}"

    def month_in_full(self, value: date) -> str:
        """A month with its whole name, for titles."""
        return self.month(value) if self.language == "zh" else f"{_MONTHS_IN_FULL[value.month - 1]} {value.year}"

    def moment(self, value: datetime | None) -> str:
        """A moment, in UTC."""
        return NONE if value is None else f"{self.day(value.date())} {value:%H:%M} UTC"

    def value(self, value: Any, column: str = "", currency: str | None = None) -> str:
        """Any value of a mart's row, by its type and the name of its column."""
        if value is None or value == "":
            return NONE
        if column == "reasons":
            return self.set_aside(str(value))
        if isinstance(value, bool):
            return self("yes") if value else self("no")
        if isinstance(value, datetime):
            return self.moment(value)
        if isinstance(value, date):
            return self.day(value)
        if isinstance(value, Decimal):
            return self.money(value, currency) if column != "threshold" else self.share(value)
        if isinstance(value, float):
            return self.share(value) if "rate" in column or "share" in column else f"{value:,.2f}"
        if isinstance(value, int):
            return self.count(value) if "year" not in column and "line_number" not in column else str(value)
        family = _FAMILIES.get(column)
        return self.code(family, value) if family else str(value)


#: columns whose values are codes, and the family of texts that names them
_FAMILIES = {
    "reason_class": "reason",
    "reason_class_code": "reason",
    "reason_class_text": "reason",
    "class_by_text": "reason",
    "top_reason_class": "reason",
    "category": "category",
    "fault": "fault",
    "channel": "channel",
    "marketplace": "marketplace",
    "used_condition": "condition",
    "attribution": "attribution",
    "returned_basis": "basis",
    "feed": "feed",
    "outcome": "outcome",
    "source": "refund_source",
}


def language_of(locale: str | None) -> str:
    """The language for a browser's locale: Chinese for any `zh`, else English."""
    return "zh" if (locale or "").lower().startswith("zh") else "en"
