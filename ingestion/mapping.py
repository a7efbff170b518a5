"""Mapping files: how a seller's own export translates to one of our feeds, as a small TOML file.

Belongs here: reading, validating and recognising mappings. Does not belong: the mappings themselves
(`data_contracts/mappings`, or the seller's own files), applying them to rows (`ingestion/decode`).

    feed = "orders"
    match = ["Order No", "Qty", "Total"]      # headers by which the file is recognised without naming the mapping
    ignore = ["Remarks"]                      # headers that are known to be of no use
    timezone = "Europe/Berlin"                # of times that are written without a zone
    day_first = true                          # how 03/04/2026 reads
    encoding = "cp1252"
    delimiter = ";"

    [columns]                                 # column of the feed = header of the file; others are found by alias
    order_id = "Order No"

    [formats]                                 # strptime format of a date column
    purchase_date = "%d.%m.%y %H:%M"

    [constants]                               # column of the feed = value that every row gets
    sales_channel = "Amazon.de"
"""

from __future__ import annotations

import codecs
import hashlib
import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator, model_validator

from data_contracts import mappings as shipped_folder
from data_contracts.feed import Kind, normalise_header
from data_contracts.registry import all_feeds
from data_contracts.settings import Settings
from ingestion.failures import PermanentFailure


class FieldMapping(BaseModel):
    """A validated mapping. `name` is the file's name, `raw` its bytes, `id` their sha256."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    feed: str
    match: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    columns: dict[str, str] = Field(default_factory=dict)
    formats: dict[str, str] = Field(default_factory=dict)
    constants: dict[str, str] = Field(default_factory=dict)
    delimiter: str | None = Field(None, min_length=1, max_length=1)
    encoding: str | None = None
    timezone: str | None = None
    day_first: bool | None = None

    _name: str = PrivateAttr("mapping")
    _raw: bytes = PrivateAttr(b"")

    @property
    def name(self) -> str:
        """Name for messages."""
        return self._name

    @property
    def raw(self) -> bytes:
        """The file's bytes, which the lake keeps so that it can rebuild by itself."""
        return self._raw

    @property
    def id(self) -> str:
        """sha256 of the file's bytes."""
        return hashlib.sha256(self._raw).hexdigest()

    def matches(self, headers: Iterable[str]) -> bool:
        """Whether a header has everything that `match` lists."""
        present = {normalise_header(header) for header in headers}
        return bool(self.match) and all(normalise_header(header) in present for header in self.match)

    @field_validator("feed")
    @classmethod
    def _feed_exists(cls, feed: str) -> str:
        if feed not in all_feeds():
            raise ValueError(f"there is no feed {feed!r}; there are {', '.join(all_feeds())}")
        return feed

    @field_validator("encoding")
    @classmethod
    def _encoding_exists(cls, encoding: str | None) -> str | None:
        if encoding is not None:
            try:
                codecs.lookup(encoding)
            except LookupError:
                raise ValueError(f"there is no encoding {encoding!r}") from None
        return encoding

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, zone: str | None) -> str | None:
        if zone is not None and zone not in available_timezones():
            raise ValueError(f"there is no time zone {zone!r}; write an IANA name such as Europe/Berlin")
        return zone

    @model_validator(mode="after")
    def _fits_the_feed(self) -> Self:
        feed = all_feeds()[self.feed]
        columns = {column.name: column for column in feed.columns}
        for part in ("columns", "formats", "constants"):
            if unknown := getattr(self, part).keys() - columns.keys():
                raise ValueError(
                    f"[{part}] names {', '.join(sorted(unknown))}, which feed {self.feed} has not; "
                    f"its columns are {', '.join(columns)}"
                )
        if twice := self.columns.keys() & self.constants.keys():
            raise ValueError(f"{', '.join(sorted(twice))} is in [columns] and in [constants]; keep one")
        for name, form in self.formats.items():
            if columns[name].kind is not Kind.MOMENT:
                raise ValueError(f"[formats] {name} is no date column; only dates have formats")
            sample = datetime(2026, 11, 22, 13, 14, 15, tzinfo=UTC)
            try:
                datetime.strptime(sample.strftime(form), form).astimezone(ZoneInfo("UTC"))
            except ValueError as error:
                raise ValueError(f"[formats] {name}: {form!r} is no strptime format: {error}") from error
            if not all(any(sign in form for sign in signs) for signs in (("%Y", "%y", "%x", "%c", "%s"), ("%d", "%j"))):
                raise ValueError(f"[formats] {name}: {form!r} does not give a day; it needs year and day")
        return self


def parse_mapping(raw: bytes, name: str) -> FieldMapping:
    """A mapping from the bytes of its file. Raises PermanentFailure naming file, key and remedy."""
    try:
        mapping = FieldMapping(**tomllib.loads(raw.decode("utf-8-sig")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PermanentFailure(f"The mapping is not valid TOML: {error}", name, "Correct the file.") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        what = first["msg"].removeprefix("Value error, ")
        raise PermanentFailure(
            f"The mapping is wrong{f' at {key}' if key else ''}: {what}", name, "Correct the mapping file."
        ) from error
    mapping._name, mapping._raw = name, raw
    return mapping


def load_mapping(path: Path) -> FieldMapping:
    """The mapping file at a path. Raises PermanentFailure when it is absent or wrong."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise PermanentFailure(
            f"The mapping cannot be read: {error.strerror}", str(path), "Name an existing mapping file."
        ) from error
    return parse_mapping(raw, path.name)


@cache
def shipped_mappings() -> tuple[FieldMapping, ...]:
    """The mappings that come with the product, by file name."""
    found = [p for p in files(shipped_folder).iterdir() if p.name.endswith(".toml")]
    return tuple(parse_mapping(file.read_bytes(), file.name) for file in sorted(found, key=lambda file: file.name))


def known_mappings(settings: Settings) -> tuple[FieldMapping, ...]:
    """Mappings that may be recognised by header: the seller's own first, then the shipped ones."""
    return (*(load_mapping(path) for path in settings.mappings.values()), *shipped_mappings())
