"""Settings of one installation: environment variables and `returnscope.toml`, validated.

Belongs here: what a user may set, its default and its reason. Does not belong: facts that hold for everyone
(`reference/`), secrets (they stay in the environment).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from data_contracts import reference
from data_contracts.feed import BadRows
from data_contracts.marketplaces import Marketplace, get_marketplace
from data_contracts.reasons import reason_classes
from data_contracts.registry import all_feeds

#: environment variable → (default, meaning); the whole list that returnscope itself reads
ENVIRONMENT = {
    "RETURNSCOPE_HOME": ("./.returnscope", "state of this installation: warehouse, cache, published marts"),
    "RETURNSCOPE_LAKE": ("$RETURNSCOPE_HOME/lake", "object store: a folder or s3://bucket/prefix"),
    "RETURNSCOPE_LAKE_SINGLE_WRITER": ("", "1: trust that one process writes, where S3 lacks conditional writes"),
    "RETURNSCOPE_CONFIG": (
        "./returnscope.toml, else $RETURNSCOPE_HOME/returnscope.toml",
        "stores, settings, return rules, mappings",
    ),
    "RETURNSCOPE_SPAPI_CLIENT_ID": ("", "SP-API: client id of the application"),
    "RETURNSCOPE_SPAPI_CLIENT_SECRET": ("", "SP-API: client secret of the application"),
    "RETURNSCOPE_SPAPI_REFRESH_TOKEN_<ACCOUNT>": ("", "SP-API: consent of a seller; without _<ACCOUNT> of all"),
    "RETURNSCOPE_SPAPI_SECRETS": ("$RETURNSCOPE_HOME/secrets.toml", "SP-API: secrets file, mode 600, instead of these"),
    "RETURNSCOPE_POSTGRES": ("", "postgresql://… that every night publishes to as well; it may hold a password"),
    "RETURNSCOPE_PROXY_SECRET": ("", "what a login proxy must send to the panel, at least 16 characters"),
}


class SettingsError(ValueError):
    """The configuration is wrong; the message names file, key and remedy."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Store(_Strict):
    """One seller account in one region."""

    region: Literal["na", "eu", "fe"]
    marketplaces: tuple[str, ...] = Field(min_length=1)
    #: where pulls come from: files in the inbox, Amazon's SP-API, or the simulator
    connector: Literal["inbox", "sp-api", "simulator"] = "inbox"
    #: feeds that this store has no use for, such as "mfn_returns": neither asked for nor missed
    without_feeds: tuple[str, ...] = ()
    #: the connector's own options, e.g. the simulator's seed
    options: dict[str, Any] = Field(default_factory=dict)

    @field_validator("without_feeds")
    @classmethod
    def _feeds(cls, feeds: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := set(feeds) - set(all_feeds()):
            raise ValueError(f"no such feed: {', '.join(sorted(unknown))}; known: {', '.join(all_feeds())}")
        return feeds

    @field_validator("marketplaces")
    @classmethod
    def _known(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(get_marketplace(code).marketplace for code in codes)
        except KeyError as error:
            raise ValueError(error.args[0]) from error

    @property
    def first(self) -> Marketplace:
        """The store's first marketplace, whose time zone unattributed rows use."""
        return get_marketplace(self.marketplaces[0])


class Tuning(_Strict):
    """Numbers a seller may change. Each default says where it comes from."""

    reporting_currency: str | None = Field(None, pattern=r"^[A-Z]{3}$")
    #: the panel's alert: above 3 % of reviews with 1–3 stars
    critical_review_threshold: Decimal = Decimal("0.03")
    #: standard return window in days from delivery (Amazon help; most items)
    return_window_days: int = Field(30, ge=1)
    #: days a parcel takes to the buyer and back into the books, so that a cohort is mature when both are over
    processing_days: int = Field(15, ge=0)
    #: weight, in units, of the category's rate when a single ASIN's rate is judged
    category_prior_units: int = Field(20, ge=0)
    #: how far back a night asks again for what can still be restated; longer in January and February, after the season
    lookback_days: int = Field(35, ge=1)
    lookback_days_after_season: int = Field(90, ge=1)


class Limits(_Strict):
    """Where a file stops being a report. A seller with larger ones may raise them; each protects disk or memory."""

    #: zlib packs at most 1,032 : 1; reports pack 5 to 60 : 1, and a report of equal lines still stays below this
    max_unpack_ratio: int = Field(500, ge=10)
    #: the ratio counts from here on, so that a small file of equal lines is never refused
    ratio_counts_from_bytes: int = Field(256 << 20, ge=1)
    max_unpacked_bytes: int = Field(64 << 30, ge=1)
    #: the longest review is some 40 kB; a line of megabytes is a file without line ends or a quote never closed
    max_line_bytes: int = Field(8 << 20, ge=1024)
    #: text decoded at a time; peak memory is about ten times this
    block_bytes: int = Field(16 << 20, ge=1)


class Schedule(_Strict):
    """When Dagster runs the night."""

    #: UTC, the clock that request windows are cut by. Amazon has a day's reports some hours after it is over; four
    #: o'clock is after that and before a seller's morning
    nightly_at: time = time(4)


class Retention(_Strict):
    """What stays of what can be made again. The current and the previous release and compared ones always stay."""

    #: a restatement reaches back some 35 days: who asks why a figure of this month has changed finds both releases
    nights: int = Field(35, ge=1)
    #: ends of months whose releases stay: this year's and last year's
    month_ends: int = Field(24, ge=0)
    #: records of audits and runs; longer than a holiday season
    records_days: int = Field(120, ge=1)


#: figures that only a seller knows: what a unit cost, what it costs to process, grade, ship, dispose of or liquidate a
#: returned one, Amazon's share of its sale, and the share of its price that it fetches
OWN_FIGURES = (
    "disposal_fee",
    "fba_fulfilment_fee",
    "grade_resell_fee",
    "liquidation_fee",
    "liquidation_price_share",
    "referral_fee_rate",
    "resale_share",
    "return_processing_cost",
    "unit_cost",
)


class Figure(_Strict):
    """A dated figure of the seller, or one of Amazon's that the seller corrects; it replaces the published series."""

    figure: str
    marketplace: str = "*"
    #: category or used condition, for unit_cost SKU or ASIN, where the figure does not hold for all
    scope: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    value: Decimal
    unit: str | None = None
    source: str = "returnscope.toml"

    @field_validator("figure")
    @classmethod
    def _known(cls, name: str) -> str:
        known = {*OWN_FIGURES, *(row["figure"] for row in reference.read("dated_figures"))}
        if name not in known:
            raise ValueError(f"no such figure: {name}; known: {', '.join(sorted(known))}")
        return name

    @field_validator("marketplace")
    @classmethod
    def _marketplace(cls, code: str) -> str:
        try:
            return code if code == "*" else get_marketplace(code).marketplace
        except KeyError as error:
            raise ValueError(error.args[0]) from error

    @model_validator(mode="after")
    def _dates(self) -> Figure:
        if self.valid_from and self.valid_to and self.valid_from > self.valid_to:
            raise ValueError(f"{self.figure}: valid_from {self.valid_from} is after valid_to {self.valid_to}")
        return self


class ReturnRule(_Strict):
    """What the seller does with a return in a price range; the first rule that fits an item holds."""

    name: str = Field(min_length=1)
    price_from: Decimal = Field(Decimal(0), ge=0)
    price_to: Decimal | None = None
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    category: str | None = None
    #: reason classes; none: all
    reasons: tuple[str, ...] = ()
    channel: Literal["FBM", "ALL"] = "FBM"
    resolution: Literal["refund_only", "partial_refund_without_return", "standard_return"]

    @field_validator("reasons")
    @classmethod
    def _classes(cls, reasons: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := set(reasons) - set(reason_classes()):
            known = ", ".join(reason_classes())
            raise ValueError(f"no such reason class: {', '.join(sorted(unknown))}; known: {known}")
        return reasons

    @model_validator(mode="after")
    def _prices(self) -> ReturnRule:
        if self.price_to is not None and self.price_to <= self.price_from:
            raise ValueError(f"rule {self.name!r}: price_to {self.price_to} is not above price_from {self.price_from}")
        return self


class Postgres(_Strict):
    """How releases stand in a PostgreSQL database. Its address is no setting: it may hold a password."""

    #: earlier releases kept beside the current one, as schemas `marts_<release>`
    keep: int = Field(3, ge=0)
    #: role that may read them; made, without login, where it is missing
    reader: str = Field("returnscope_reader", min_length=1, max_length=63)


class Settings(_Strict):
    """Everything a run depends on besides the lake and the as-of date."""

    home: Path
    lake: str
    config: Path
    stores: dict[str, Store] = Field(default_factory=dict)
    settings: Tuning = Field(default_factory=Tuning)
    thresholds: dict[str, BadRows] = Field(default_factory=dict)
    limits: Limits = Field(default_factory=Limits)
    retention: Retention = Field(default_factory=Retention)
    schedule: Schedule = Field(default_factory=Schedule)
    #: named mapping files for sellers' own exports, name → path
    mappings: dict[str, Path] = Field(default_factory=dict)
    #: CSV with day, currency, reporting_currency, rate
    fx_rates: Path | None = None
    #: CSV with sku, asin, category (any of the first two) for feeds that carry no category
    categories: Path | None = None
    #: where alerts go, as Apprise URLs
    alerts: tuple[str, ...] = ()
    return_rules: tuple[ReturnRule, ...] = ()
    figures: tuple[Figure, ...] = ()
    postgres: Postgres = Field(default_factory=Postgres)
    #: who may enter the panel and which stores they see; the panel reads and checks it itself
    panel: dict[str, Any] = Field(default_factory=dict)

    @field_validator("thresholds")
    @classmethod
    def _feeds_exist(cls, thresholds: dict[str, BadRows]) -> dict[str, BadRows]:
        if unknown := set(thresholds) - set(all_feeds()):
            raise ValueError(f"no such feed: {', '.join(sorted(unknown))}; known: {', '.join(all_feeds())}")
        return thresholds

    def bad_rows(self, feed: str) -> BadRows:
        """Threshold of a feed: the user's, else the feed's own."""
        return self.thresholds.get(feed, all_feeds()[feed].bad_rows)

    def store(self, store_id: str) -> Store | None:
        """A declared store; None when no store at all is declared.

        Raises SettingsError when others are declared but not this one: a mistyped name must not open a new store.
        """
        if store_id in self.stores:
            return self.stores[store_id]
        if self.stores:
            raise SettingsError(
                f"store {store_id!r} is not in {self.config}; it has {', '.join(self.stores)}. "
                f"Add [stores.{store_id}] with region and marketplaces, or correct the name."
            )
        return None


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment and the configuration file, which may be absent.

    Raises SettingsError naming the file and the key.
    """
    env = os.environ if environ is None else environ
    home = Path(env.get("RETURNSCOPE_HOME") or "./.returnscope").absolute()
    lake = env.get("RETURNSCOPE_LAKE") or str(home / "lake")
    config = Path(env.get("RETURNSCOPE_CONFIG") or "./returnscope.toml").absolute()
    if not env.get("RETURNSCOPE_CONFIG") and not config.is_file() and (home / config.name).is_file():
        config = home / config.name
    values: dict[str, Any] = {}
    if config.is_file():
        try:
            values = tomllib.loads(config.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{config}: not valid TOML: {error}") from error
    elif env.get("RETURNSCOPE_CONFIG"):
        raise SettingsError(f"{config}: RETURNSCOPE_CONFIG names a file that does not exist; correct or unset it")
    base = config.parent
    for key in ("fx_rates", "categories"):
        if isinstance(values.get(key), str):
            values[key] = base / values[key]
    if isinstance(values.get("mappings"), dict):
        values["mappings"] = {name: base / str(path) for name, path in values["mappings"].items()}
    try:
        return Settings(**{**values, "home": home, "lake": lake, "config": config})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{config}: [{where}] {first['msg']}") from error
    except TypeError as error:
        raise SettingsError(f"{config}: {error}") from error


def is_late_season(day: date) -> bool:
    """January and February, when the holiday season's returns are still being restated."""
    return day.month in (1, 2)
