"""Tables that a run hands to the warehouse beside bronze: what was delivered, with which settings, as of when.

Belongs here: their columns, types and meaning, once; the warehouse is filled and the dbt sources are generated from it.
Does not belong: filling them (`orchestration/warehouse.py`), the rows of feeds (`feeds/`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ControlColumn:
    """One column: DuckDB type and meaning."""

    name: str
    type: str
    description: str


@dataclass(frozen=True)
class ControlTable:
    """One table or view of schema `control`."""

    name: str
    description: str
    columns: tuple[ControlColumn, ...]

    def types(self) -> dict[str, str]:
        """Column name to DuckDB type, in order."""
        return {column.name: column.type for column in self.columns}


def _table(name: str, description: str, *columns: tuple[str, str, str]) -> ControlTable:
    return ControlTable(name, description, tuple(ControlColumn(*column) for column in columns))


_TABLES = (
    _table(
        "run",
        "Exactly one row: what this run is asked to compute.",
        ("as_of_date", "date", "Day on which all windows end, itself included."),
        ("known_by", "timestamp with time zone", "Only deliveries up to this moment count; NULL: all."),
        ("reporting_currency", "varchar", "Currency of the extra `_reporting` columns; NULL: none."),
        ("critical_review_threshold", "decimal(9,6)", "Share of 1-3 star reviews above which an ASIN alerts."),
        ("return_window_days", "integer", "Standard return window in days from delivery."),
        ("processing_days", "integer", "Days from the end of the window until a return is in the books."),
        ("category_prior_units", "integer", "Weight, in units, of the category's rate when one ASIN is judged."),
        ("lookback_days", "integer", "How many days back a night asks again."),
    ),
    _table(
        "pulls",
        "The ledger: one row per pull event, whatever came of it.",
        ("pull_id", "varchar", "Number of the entry; hash of store, feed, delivery, window and stated time."),
        ("store", "varchar", "Store."),
        ("feed", "varchar", "Feed."),
        ("delivery_id", "varchar", "sha256 of the bytes as they came; NULL where no document came."),
        ("window_from", "date", "First day asked for, on the clock of the request; NULL: no window stated."),
        ("window_to", "date", "Last day asked for, itself included; NULL: no window stated."),
        ("delivered_at", "timestamp with time zone", "When the source delivered; decides which delivery is newest."),
        ("outcome", "varchar", "loaded, loaded_empty, duplicate, cancelled or failed."),
        ("restates", "boolean", "Whether this pull's window and rows count; false for a plain repetition."),
        ("source", "varchar", "cli, inbox, sp-api or simulator."),
        ("file_name", "varchar", "Name of the file as it came."),
        ("report_type", "varchar", "SP-API report type, where one was asked for."),
        ("charset", "varchar", "Charset the bytes were read in."),
        ("rows_in", "bigint", "Rows read; always rows_bronze + rows_quarantined."),
        ("rows_bronze", "bigint", "Rows that met the contract."),
        ("rows_quarantined", "bigint", "Rows that did not."),
        ("size_bytes", "bigint", "Size of the delivery as it came."),
        ("first_event_day", "date", "Earliest event day among the good rows."),
        ("last_event_day", "date", "Latest event day among the good rows."),
        ("error", "varchar", "What was wrong, where and the remedy; NULL when nothing was."),
    ),
    _table(
        "quarantine",
        "Rows that did not meet their contract, one row per line of a delivery.",
        ("store", "varchar", "Store."),
        ("feed", "varchar", "Feed."),
        ("delivery_id", "varchar", "Delivery the line came in."),
        ("line_number", "bigint", "Line of the delivery, 1-based."),
        ("reasons", "varchar", "Reason codes joined by `;`, each `check:column` or a bare code."),
        ("original_line", "varchar", "The line without personal data, cut at 4,000 characters."),
    ),
    _table(
        "stores",
        "Marketplaces that each configured store sells in.",
        ("store", "varchar", "Store."),
        ("region", "varchar", "na, eu or fe."),
        ("marketplace", "varchar", "Country code of the marketplace."),
        ("position", "integer", "1 is the store's first marketplace, whose time zone unattributed rows use."),
    ),
    _table(
        "fx_rates",
        "Rates of the user, one per day and currency.",
        ("day", "date", "Day of the rate."),
        ("currency", "varchar", "Currency of the amount."),
        ("reporting_currency", "varchar", "Currency it is turned into."),
        ("rate", "decimal(18,8)", "Units of the reporting currency for one unit of the currency."),
    ),
    _table(
        "categories",
        "Categories of the user, by SKU or by ASIN.",
        ("sku", "varchar", "Seller's SKU, or NULL."),
        ("asin", "varchar", "ASIN, or NULL."),
        ("category", "varchar", "Category."),
    ),
    _table(
        "figures",
        "Dated figures of the seller; each replaces the published series of its figure, marketplace and scope.",
        ("figure", "varchar", "What it is."),
        ("marketplace", "varchar", "Country code, or `*` for all."),
        ("scope", "varchar", "Category or used condition; NULL: all."),
        ("valid_from", "date", "First day; NULL: always."),
        ("valid_to", "date", "Last day; NULL: until further notice."),
        ("value", "decimal(18,6)", "The figure."),
        ("unit", "varchar", "What it counts."),
        ("source", "varchar", "Where the seller has it from."),
    ),
    _table(
        "return_rules",
        "Rules of the seller's settings for returns, in order; the first that fits an item holds.",
        ("position", "integer", "Order of trying, from 1."),
        ("rule", "varchar", "Its name."),
        ("price_from", "decimal(18,4)", "Lowest price."),
        ("price_to", "decimal(18,4)", "Price below which it holds; NULL: any."),
        ("currency", "varchar", "Currency of the prices."),
        ("category", "varchar", "Category; NULL: all."),
        ("reasons", "varchar", "Reason classes joined by `;`; NULL: all."),
        ("channel", "varchar", "FBM or ALL."),
        ("resolution", "varchar", "refund_only, partial_refund_without_return or standard_return."),
    ),
    _table(
        "comment_verdicts",
        "What the classifier reads in each distinct comment; may be empty.",
        ("comment", "varchar", "The masked comment, distinct."),
        ("class_by_text", "varchar", "Reason class by the words."),
        ("confidence", "double", "0 to 1."),
        ("is_sure", "boolean", "Whether the verdict may overrule the code's class."),
        ("deciding_words", "varchar", "Words that decided, as a JSON list."),
        ("language", "varchar", "Language of the comment."),
    ),
)

#: control tables by name
CONTROL_TABLES: dict[str, ControlTable] = {table.name: table for table in _TABLES}
