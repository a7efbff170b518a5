"""Text to typed values: moments, numbers, money and flags in every spelling that reports use, a column at a time.

Belongs here: how a spelling reads, and the evidence by which ambiguous ones are settled. Does not belong: which columns
there are (`feeds/`), what a value may be (`schemas.py`), files.

Nothing is guessed value by value where a file can tell: `03/04/2026` and `1,341` read by what the unambiguous values of
the same file say (`Evidence` → `Conventions`). What cannot be read is bad, never NULL, never a float on its way to
money. Work is done on whole Arrow columns; Python functions meet distinct strings only.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.feed import Column, Kind

UTC_MICROSECONDS = pa.timestamp("us", "UTC")
MONEY = pa.decimal128(18, 4)

#: Years outside are typing errors or markers for no value (0001, 9999), not days on which something was sold.
FIRST_YEAR, LAST_YEAR = 1990, 2100

_DAY_MICROSECONDS = 86_400_000_000
#: values that tell whether a column is worth casting as a whole
_FIRST_FEW = 100


@dataclass(frozen=True)
class Conventions:
    """How the ambiguous spellings of one file read.

    day_first: order of day and month by column, for numeric dates such as `03/04/2026` and `03-04-26`.
    decimal_comma: columns where `1,341` is one and a bit, and `1.341` is more than a thousand.
    """

    day_first: Mapping[str, bool] = field(default_factory=dict)
    decimal_comma: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Reading:
    """How one column is to be read.

    formats: strptime format that every value has, instead of the known forms.
    time_zone: IANA zone of times that are written without one; None leaves them days without an instant.
    year_first: `23/10/20` is a day of 2023.
    """

    day_first: bool = False
    year_first: bool = False
    decimal_comma: bool = False
    format: str | None = None
    time_zone: str | None = None


@dataclass(frozen=True)
class Typed:
    """Physical arrays by name, and where the text could not be read (`None`: nowhere). Bad values are NULL."""

    arrays: dict[str, pa.Array]
    bad: pa.BooleanArray | None


class Evidence:
    """What a file says about its own conventions, gathered block by block.

    Each distinct unambiguous value of a block is one vote: `31/12/2026` for day first, `12,50` for decimal commas. The
    majority counts; a value that cannot be read by it is bad. A number column without own votes follows the file's.
    """

    def __init__(self) -> None:
        self._day_first: Counter[str] = Counter()
        self._month_first: Counter[str] = Counter()
        self._comma: Counter[str] = Counter()
        self._dot: Counter[str] = Counter()

    def add(self, column: Column, text: pa.StringArray) -> None:
        """Count the votes of more values of a column. Values are trimmed, blanks are NULL."""
        if column.kind is Kind.MOMENT:
            first, second = _day_votes(text)
            self._day_first[column.name] += first
            self._month_first[column.name] += second
        elif column.kind in (Kind.MONEY, Kind.NUMBER, Kind.INTEGER):
            comma, dot = _decimal_votes(text)
            self._comma[column.name] += comma
            self._dot[column.name] += dot

    def conventions(self, day_first: Mapping[str, bool]) -> Conventions:
        """What the votes say; `day_first` by column is what holds without any, or with as many for as against."""
        order = {}
        for name, default in day_first.items():
            votes = self._day_first[name] - self._month_first[name]
            order[name] = default if votes == 0 else votes > 0
        file_comma = self._comma.total() > self._dot.total()
        commas = set()
        for name in self._comma.keys() | self._dot.keys():
            own = self._comma[name] - self._dot[name]
            if own > 0 or (own == 0 and file_comma):
                commas.add(name)
        return Conventions(order, frozenset(commas))


def read(column: Column, text: pa.StringArray, how: Reading) -> Typed:
    """The physical arrays of a column (see `Column.physical`) from its text, trimmed and with NULL for blank."""
    match column.kind:
        case Kind.TEXT:
            return Typed({column.name: text}, None)
        case Kind.MOMENT:
            instants, days = _moments(text, how)
            arrays = {f"{column.name}_at": instants, f"{column.name}_day": days}
            return Typed(arrays, _bad(text, days))
        case Kind.FLAG:
            values = _by_distinct(text, _read_flag, pa.bool_())
        case Kind.MONEY:
            values = _on_distinct(text, lambda texts: _money(_plain_numbers(texts, how)))
        case Kind.INTEGER:
            values = _on_distinct(text, lambda texts: _integers(_plain_numbers(texts, how)))
        case Kind.NUMBER:
            values = _on_distinct(text, lambda texts: _numbers(_plain_numbers(texts, how)))
    return Typed({column.name: values}, _bad(text, values))


def _bad(text: pa.Array, values: pa.Array) -> pa.BooleanArray | None:
    """Where there is text but no value."""
    if values.null_count == text.null_count:
        return None
    return pc.and_(pc.is_valid(text), pc.is_null(values))


def _on_distinct(text: pa.Array, function: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """A function of columns, value by value, over the distinct values only: prices take a fifth of the time."""
    encoded = text.dictionary_encode()
    return function(encoded.dictionary).take(encoded.indices)


def _by_distinct(text: pa.Array, function: Callable[[str], object], kind: pa.DataType) -> pa.Array:
    """A Python function over the distinct values only."""
    return _on_distinct(text, lambda texts: pa.array([function(value) for value in texts.to_pylist()], kind))


# --- flags -----------------------------------------------------------------------------------------------------------

_TRUE = {"y", "yes", "true", "t", "1", "1.0", "ja", "oui", "sí", "si", "sì", "sim", "はい", "是"}
_FALSE = {"n", "no", "false", "f", "0", "0.0", "nein", "non", "não", "いいえ", "否"}
#: every word that reads as yes or no
FLAG_WORDS = frozenset(_TRUE | _FALSE)


def _read_flag(text: str) -> bool | None:
    folded = text.casefold()
    return True if folded in _TRUE else False if folded in _FALSE else None


# --- numbers ---------------------------------------------------------------------------------------------------------

#: what Arrow casts as it stands
_PLAIN = r"^-?(?:\d+\.?\d*|\.\d+)$"
#: signs around a number: currency symbols and codes, and what people write for them
_MONEY_WORDS = (
    r"(?i)^([-+(]?)\s*(?:[A-Z]{3}\b|rs\b\.?|kr\b\.?|[A-Z]{0,2}\p{Sc})|(?:[A-Z]{3}|kr\.?|zł|tl|円|元|\p{Sc})([-)]?)$"
)
#: thousands written with commas, with dots (Indian lakh groups of two digits too)
_COMMA_GROUPS = r"^-?\d{1,3}(?:(?:,\d{2,3})*,\d{3}\.\d*|(?:,\d{2,3})+,\d{3})$"
_DOT_GROUPS = r"^-?\d{1,3}(?:(?:\.\d{3})+,\d*|(?:\.\d{3}){2,})$"
#: either a thousand or three decimals
_UNSURE_COMMA = r"^-?[1-9]\d{0,2},\d{3}$"
_UNSURE_DOT = r"^-?[1-9]\d{0,2}\.\d{3}$"
_DECIMAL_COMMA = r"^-?\d*,\d+$"
_DECIMAL_DOT = r"^-?\d*\.\d+$"


def _matches(text: pa.Array, pattern: str) -> pa.BooleanArray:
    """Where the text matches; NULL counts as not."""
    return pc.fill_null(pc.match_substring_regex(text, pattern), False)


def _any(mask: pa.BooleanArray) -> bool:
    return bool(pc.any(mask, min_count=0).as_py())


def _count(mask: pa.BooleanArray) -> int:
    return int(pc.sum(mask, min_count=0).as_py())


def _bare_numbers(text: pa.Array) -> pa.Array:
    """Numbers without currency, blanks inside, plus signs and accountants' brackets; minus in front."""
    bare = pc.replace_substring_regex(text, "[−–]", "-")
    bare = pc.replace_substring_regex(bare, _MONEY_WORDS, r"\1\2")
    bare = pc.replace_substring_regex(bare, r"[\s\x{00a0}\x{202f}'’]", "")
    bare = pc.replace_substring_regex(bare, r"^\((.*)\)$|^([^-].*)-$", r"-\1\2")
    return pc.replace_substring_regex(bare, r"^\+", "")


def _decimal_votes(text: pa.Array) -> tuple[int, int]:
    """Distinct values that show a decimal comma, and distinct values that show a decimal dot."""
    text = pc.unique(text)
    if _any(_matches(text, r",")):
        text = _bare_numbers(text)
        unsure = pc.or_(_matches(text, _UNSURE_COMMA), _matches(text, _UNSURE_DOT))
        comma = pc.or_(_matches(text, _DOT_GROUPS), pc.and_not(_matches(text, _DECIMAL_COMMA), unsure))
        dot = pc.or_(_matches(text, _COMMA_GROUPS), pc.and_not(_matches(text, _DECIMAL_DOT), unsure))
        return _count(comma), _count(dot)
    dot = pc.and_not(_matches(text, _DECIMAL_DOT), _matches(text, _UNSURE_DOT))
    return 0, _count(dot)


def _plain_numbers(text: pa.Array, how: Reading) -> pa.Array:
    """Numbers as `-1234.50`; what is no number stays as it is."""
    plain = pc.or_(_matches(text, _PLAIN), pc.is_null(text))
    if how.decimal_comma:
        plain = pc.and_not(plain, _matches(text, _UNSURE_DOT))
    if pc.all(plain, min_count=0).as_py():
        return text
    bare = _bare_numbers(text)
    commas_out = pc.replace_substring(bare, ",", "")
    dots_out = pc.replace_substring(pc.replace_substring(bare, ".", ""), ",", ".")
    to_dot = pc.or_(_matches(bare, _DOT_GROUPS), _matches(bare, _DECIMAL_COMMA))
    to_comma = _matches(bare, _COMMA_GROUPS)
    if how.decimal_comma:
        to_dot = pc.or_(to_dot, _matches(bare, _UNSURE_DOT))
    else:
        to_comma = pc.or_(to_comma, _matches(bare, _UNSURE_COMMA))
    return pc.if_else(to_comma, commas_out, pc.if_else(to_dot, dots_out, bare))


def _keep(text: pa.Array, pattern: str) -> pa.Array:
    """The values that match, the others NULL."""
    found = _matches(text, pattern)
    if _count(found) == len(text) - text.null_count:
        return text
    return pc.if_else(found, text, pa.scalar(None, text.type))


def _money(text: pa.Array) -> pa.Array:
    """Exact decimals; more than four decimals or more than fourteen digits before them cannot be kept, so are bad."""
    return pc.cast(_keep(text, r"^-?(?:\d{1,14}(?:\.\d{0,4}0*)?|\.\d{1,4}0*)$"), MONEY)


def _integers(text: pa.Array) -> pa.Array:
    """Whole numbers, `1.0` and `400081.0` among them. `1.000` could be a thousand: bad rather than guessed."""
    whole = _keep(text, r"^-?\d{1,18}(?:\.0{0,2}|\.0{4,})?$")
    if _any(_matches(whole, r"\.")):
        whole = pc.replace_substring_regex(whole, r"\.0*$", "")
    return pc.cast(whole, pa.int64())


def _numbers(text: pa.Array) -> pa.Array:
    return pc.cast(_keep(text, r"^-?(?:\d{1,300}\.?\d*|\.\d+)(?:[eE][-+]?\d{1,2})?$"), pa.float64())


# --- moments ---------------------------------------------------------------------------------------------------------

#: a day, then perhaps a time, half of the day and zone
_MOMENT = (
    r"^(?P<day>.+?)(?:[T,\s]+(?P<time>\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?)"
    r"\s*(?P<half>[AaPp]\.?[Mm]\b\.?|午前|午後)?\s*(?P<zone>.*))?$"
)
_UNIX = r"^\d{9,10}(?:\.0+)?$|^\d{12,13}(?:\.0+)?$"
_NUMERIC_DAY = r"^\s*(\d{1,2})[/-](\d{1,2})[/-](?:\d{4}|\d{2})\b"

#: how month names begin, in the languages of Amazon's marketplaces that write Latin letters; accents are folded away
_MONTHS = {
    1: "jan gen ene ocak oca sty",
    2: "feb fev fevr subat sub lut",
    3: "mar marz mrz maart mrt mars mart",
    4: "apr avr abr nis kwi",
    5: "may mai mag mei maj mayis",
    6: "jun juin giu juni haz cze",
    7: "jul juil lug juli tem lip",
    8: "aug aout ago agu sie",
    9: "sep sept set eyl wrz",
    10: "oct okt ott out eki paz",
    11: "nov kas lis",
    12: "dec dez dic aral ara gru des",
}
_MONTH_BY_START = {start: month for month, starts in _MONTHS.items() for start in starts.split()}

#: hours east of UTC of the abbreviations that Amazon's reports use, each in its meaning in a marketplace
_ZONES = {
    "": None,
    "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "UCT": 0,
    "WEST": 1, "BST": 1, "CET": 1, "MET": 1, "MEZ": 1,
    "CEST": 2, "MEST": 2, "MESZ": 2, "EET": 2, "SAST": 2,
    "EEST": 3, "TRT": 3, "GST": 4, "IST": 5.5, "SGT": 8, "AWST": 8, "JST": 9, "ACST": 9.5, "AEST": 10, "ACDT": 10.5,
    "AEDT": 11,
    "BRST": -2, "BRT": -3, "EDT": -4, "EST": -5, "CDT": -5, "CST": -6, "MDT": -6, "MST": -7, "PDT": -7, "PST": -8,
    "AKDT": -8, "AKST": -9, "HST": -10,
}  # fmt: skip

_YEAR_FIRST = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_DOTTED = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4}|\d{2})\.?")
_NUMERIC = re.compile(r"(\d{1,2})([/-])(\d{1,2})\2(\d{4}|\d{2})")
_MONTH_NUMBER_FIRST = re.compile(r"(\d{1,2})\s+(\d{1,2}),\s*(\d{4})")
_DAY_THEN_NAME = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th|er|º)?[-\s./]*(?:de\s+)?([a-z]{3,})\.?[-\s./,]*(?:de\s+)?(\d{4}|\d{2})"
)
_NAME_THEN_DAY = re.compile(r"([a-z]{3,})\.?[-\s./]*(\d{1,2})(?:st|nd|rd|th)?[-\s./,]+(\d{4})")
_YEAR_THEN_NAME = re.compile(r"(\d{4})[-\s./]*([a-z]{3,})\.?[-\s./]*(\d{1,2})")


def _day_votes(text: pa.Array) -> tuple[int, int]:
    """Distinct values that can only be day first, and distinct values that can only be month first."""
    if _cast(text, UTC_MICROSECONDS) is not None:  # year first: a third of the time that the pattern takes
        return 0, 0
    numeric = pc.unique(_keep(text, _NUMERIC_DAY))
    if numeric.null_count == len(numeric):
        return 0, 0
    # a pattern on the text beats parsing it: the first two numbers are at most two digits each
    first = _count(_matches(numeric, r"^\s*(?:1[3-9]|[23]\d)[/-](?:0?\d|1[0-2])[/-]"))
    second = _count(_matches(numeric, r"^\s*(?:0?\d|1[0-2])[/-](?:1[3-9]|[23]\d)[/-]"))
    return first, second


def _moments(text: pa.Array, how: Reading) -> tuple[pa.Array, pa.Array]:
    """Instants in UTC (NULL where only a day is known) and days; both NULL where the text cannot be read."""
    if how.format is not None:
        return _formatted_moments(text, how.format, how.time_zone)
    instants = _cast(text, UTC_MICROSECONDS)  # ISO 8601 with an offset: what the API writes, 60 M values a second
    if instants is not None:
        return _sane(instants, _utc_days(instants))
    days = _cast(text, pa.date32())
    if days is not None:
        return _sane(pa.nulls(len(text), UTC_MICROSECONDS), days)
    return _sane(*_spelled_moments(text, how))


def _cast(text: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """The texts as Arrow casts them; None when one cannot be cast. A column that begins in another form is not tried
    to its end: a refusal costs a microsecond a value.
    """
    try:
        pc.cast(text.slice(0, _FIRST_FEW), kind)
        return pc.cast(text, kind)
    except pa.ArrowInvalid:
        return None


def _utc_days(instants: pa.Array) -> pa.Array:
    return pc.cast(pc.cast(instants, pa.timestamp("us")), pa.date32(), safe=False)


def _sane(instants: pa.Array, days: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Both without the moments outside of the years in which something can have happened."""
    low, high = pa.scalar(date(FIRST_YEAR, 1, 1)), pa.scalar(date(LAST_YEAR, 12, 31))
    inside = pc.and_(pc.greater_equal(days, low), pc.less_equal(days, high))
    if pc.all(inside, min_count=0).as_py():
        return instants, days
    return (
        pc.if_else(inside, instants, pa.scalar(None, instants.type)),
        pc.if_else(inside, days, pa.scalar(None, days.type)),
    )


def _spelled_moments(text: pa.Array, how: Reading) -> tuple[pa.Array, pa.Array]:
    """Every other form: unix time, or words and figures taken apart by one pattern."""
    unix = _matches(text, _UNIX)
    if _any(unix):
        numbers, words = _split(text, unix)
        unix_instants, unix_days = _unix_moments(numbers)
        if words.null_count == len(words):
            return unix_instants, unix_days
        instants, days = _worded_moments(words, how)
        return pc.coalesce(unix_instants, instants), pc.coalesce(unix_days, days)
    return _worded_moments(text, how)


def _split(text: pa.Array, mask: pa.BooleanArray) -> tuple[pa.Array, pa.Array]:
    """The texts under the mask, and the others; NULL elsewhere."""
    none = pa.scalar(None, text.type)
    return pc.if_else(mask, text, none), pc.if_else(mask, none, text)


def _worded_moments(text: pa.Array, how: Reading) -> tuple[pa.Array, pa.Array]:
    """Moments whose days are written out: each part is read by its distinct spellings."""
    parts = pc.extract_regex(text, _MOMENT)
    days = _by_distinct(parts.field("day"), lambda t: _read_day(t, how.day_first, how.year_first), pa.date32())
    clock = _by_distinct(
        pc.binary_join_element_wise(parts.field("time"), parts.field("half"), " "), _read_time, pa.int64()
    )
    zones = parts.field("zone")
    offset = _by_distinct(zones, _read_offset, pa.int64())
    has_time = pc.fill_null(pc.not_equal(parts.field("time"), ""), False)
    readable = pc.or_(
        pc.invert(has_time), pc.and_(pc.is_valid(clock), pc.or_(pc.equal(zones, ""), pc.is_valid(offset)))
    )
    days = pc.if_else(pc.fill_null(readable, False), days, pa.scalar(None, pa.date32()))
    local = pc.add(pc.multiply(pc.cast(pc.cast(days, pa.int32()), pa.int64()), _DAY_MICROSECONDS), clock)
    instants = pc.cast(pc.subtract(local, offset), UTC_MICROSECONDS)
    if how.time_zone is not None:
        zoneless = pc.and_(has_time, pc.equal(zones, ""))
        walls = pc.cast(pc.if_else(zoneless, local, pa.scalar(None, pa.int64())), pa.timestamp("us"))
        instants = pc.coalesce(instants, _in_zone(walls, how.time_zone))
    return instants, pc.coalesce(_utc_days(instants), days)


def _in_zone(walls: pa.Array, time_zone: str) -> pa.Array:
    """Instants of wall-clock times; the hour that happens twice is its first, one that never happens is the next."""
    zoned = pc.assume_timezone(walls, time_zone, ambiguous="earliest", nonexistent="latest")
    return pc.cast(zoned, UTC_MICROSECONDS)


def _unix_moments(text: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Seconds or milliseconds since 1970. A whole day, to the second, is a day: nobody writes at midnight UTC sharp.

    Public review exports state days this way; read as instants they would fall on the day before in America.
    """
    number = pc.cast(pc.replace_substring_regex(text, r"\.0+$", ""), pa.int64())
    micros = pc.multiply(number, pc.if_else(pc.less(number, 100_000_000_000), 1_000_000, 1_000))
    days = _utc_days(pc.cast(micros, UTC_MICROSECONDS))
    at_midnight = pc.equal(micros, pc.multiply(pc.cast(pc.cast(days, pa.int32()), pa.int64()), _DAY_MICROSECONDS))
    instants = pc.if_else(at_midnight, pa.scalar(None, pa.int64()), micros)
    return pc.cast(instants, UTC_MICROSECONDS), days


def _formatted_moments(text: pa.Array, form: str, time_zone: str | None) -> tuple[pa.Array, pa.Array]:
    """By a strptime format. A format without an hour gives days; with one, an instant if a zone is known."""
    has_time = bool(re.search(r"%[HIXcTsf]", form))
    has_zone = "%z" in form or "%Z" in form

    def parse(value: str) -> datetime | None:
        try:
            return datetime.strptime(value, form)  # noqa: DTZ007 - the zone is settled below
        except ValueError:
            return None

    encoded = text.dictionary_encode()
    parsed = [parse(value) for value in encoded.dictionary.to_pylist()]
    instants: list[datetime | None] = []
    days: list[date | None] = []
    for moment in parsed:
        if moment is not None and moment.tzinfo is None and has_time and not has_zone and time_zone is not None:
            moment = moment.replace(tzinfo=ZoneInfo(time_zone))
        instant = moment.astimezone(ZoneInfo("UTC")) if moment is not None and moment.tzinfo is not None else None
        instants.append(instant)
        days.append((instant or moment).date() if moment is not None else None)
    return _sane(
        pa.array(instants, UTC_MICROSECONDS).take(encoded.indices), pa.array(days, pa.date32()).take(encoded.indices)
    )


def _read_offset(zone: str) -> int | None:
    """Microseconds east of UTC, or None for no zone or one we do not know."""
    compact = re.sub(r"\s+|[()]", "", zone).upper()
    if match := re.fullmatch(r"(?:UTC|GMT)?([-+])(\d{1,2}):?(\d{2})?(?::?\d{2})?", compact):
        sign, hours, minutes = match.groups()
        if int(hours) > 14:
            return None
        return (-1 if sign == "-" else 1) * (int(hours) * 60 + int(minutes or 0)) * 60_000_000
    hours_east = _ZONES.get(compact)
    return None if hours_east is None else int(hours_east * 3_600_000_000)


def _read_time(text: str) -> int | None:
    """Microseconds since midnight of `18:21:50`, `5:48:32.5 PM`; None for no time or an impossible one."""
    match = re.fullmatch(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?(?: (\S*))?", text)
    if match is None:
        return None
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    half = (match[5] or "").replace(".", "").upper()
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half in ("PM", "午後") else 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    micros = int(((match[4] or "") + "000000")[:6])
    return ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros


def _read_day(text: str, day_first: bool, year_first: bool = False) -> date | None:
    """A day in any known form, or None. A month without a day is no day."""
    folded = unicodedata.normalize("NFKC", text).strip().strip(",").strip()
    if match := _YEAR_FIRST.fullmatch(folded) or _COMPACT.fullmatch(folded):
        return _date(match[1], int(match[2]), match[3])
    if match := _DOTTED.fullmatch(folded):
        return _date(match[3], int(match[2]), match[1])
    if match := _NUMERIC.fullmatch(folded):
        if year_first and len(match[4]) == 2:
            return _date(match[1].zfill(2), int(match[3]), match[4])
        day, month = (match[1], match[3]) if day_first else (match[3], match[1])
        return _date(match[4], int(month), day)
    if match := _MONTH_NUMBER_FIRST.fullmatch(folded):
        return _date(match[3], int(match[1]), match[2])
    letters = "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))
    letters = letters.casefold().replace("ı", "i").replace("ş", "s")
    if match := _DAY_THEN_NAME.fullmatch(letters):
        return _date(match[3], _month(match[2]), match[1])
    if match := _NAME_THEN_DAY.fullmatch(letters):
        return _date(match[3], _month(match[1]), match[2])
    if match := _YEAR_THEN_NAME.fullmatch(letters):
        return _date(match[1], _month(match[2]), match[3])
    return None


def _month(name: str) -> int | None:
    """Number of a month by the longest known beginning of its name; `mayis` is May, `mart` is March."""
    for length in range(min(len(name), 5), 2, -1):
        if found := _MONTH_BY_START.get(name[:length]):
            return found
    return None


def _date(year: str, month: int | None, day: str) -> date | None:
    """A date; two-digit years as POSIX reads them, 69–99 in the last century."""
    number = int(year)
    if len(year) == 2:
        number += 1900 if number >= 69 else 2000
    try:
        return date(number, month or 0, int(day))
    except ValueError:
        return None
