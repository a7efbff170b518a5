"""Contracts: what a feed's rows must be at landing (text) and in bronze (typed), as Pandera schemas and Arrow schemas.

Belongs here: deriving them from the declarations, and splitting good rows from bad ones by the very checks of a schema.
Does not belong: rules about single feeds (`feeds/`), turning text into values (`values.py`), files.

Uniqueness is no contract of bronze: identical rows are legitimate (design 4.1) and keys are resolved in the warehouse.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache

import pandas as pd
import pandera.pandas as pa
import pyarrow
import pyarrow.compute as pc
from pandera.errors import SchemaErrorReason, SchemaErrors

from data_contracts.feed import Column, Feed, Kind

#: DuckDB type → Arrow type of a physical column
ARROW_TYPES = {
    "varchar": pyarrow.string(),
    "bigint": pyarrow.int64(),
    "double": pyarrow.float64(),
    "decimal(18,4)": pyarrow.decimal128(18, 4),
    "boolean": pyarrow.bool_(),
    "timestamp with time zone": pyarrow.timestamp("us", "UTC"),
    "date": pyarrow.date32(),
}

#: Rows validated at a time: whole frames of millions of rows need three times the memory and double the time.
BATCH_ROWS = 500_000
#: A check that fails on a million rows names this many of them: 0.06 s instead of 2 s, and nobody reads more.
FAILURE_CASES = 20

_FAULTS_OF_ROWS = {SchemaErrorReason.DATAFRAME_CHECK, SchemaErrorReason.SERIES_CONTAINS_NULLS}

#: What every quarantine file holds.
QUARANTINE_COLUMNS = {
    "_store": "varchar",
    "_delivery_id": "varchar",
    "_line_number": "bigint",
    "reasons": "varchar",
    "original_line": "varchar",
}


def arrow_schema(columns: Mapping[str, str]) -> pyarrow.Schema:
    """The Arrow schema of physical columns, name to DuckDB type."""
    return pyarrow.schema([(name, ARROW_TYPES[kind]) for name, kind in columns.items()])


@cache
def fingerprint(feed: Feed) -> str:
    """Short hash of all in a declaration that decides what decoding gives; when it changes, bronze is made again."""
    columns = [asdict(column) | {"description": ""} for column in feed.columns]
    text = json.dumps([feed.name, feed.event, columns], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def landing_schema(feed: Feed) -> pa.DataFrameSchema:
    """The contract of decoded text: every required column is there, everything is text, lines are counted from 1."""
    text = pd.ArrowDtype(pyarrow.string())
    columns = {
        column.name: pa.Column(text, nullable=True, required=column.required, description=column.description)
        for column in feed.columns
    }
    line = pa.Column(pd.ArrowDtype(pyarrow.int64()), pa.Check.ge(1, n_failure_cases=FAILURE_CASES))
    return pa.DataFrameSchema({"_line_number": line, **columns}, strict=True, name=f"{feed.name}_landing")


@cache
def bronze_schema(feed: Feed) -> pa.DataFrameSchema:
    """The contract of typed rows. The name of a check and its column are the reason code: `below_minimum:quantity`."""
    meta_types = {name: feed.physical()[name] for name in feed.physical() if name.startswith("_")}
    columns = {name: _column(kind, nullable=False) for name, kind in meta_types.items()}
    for column in feed.columns:
        for name, kind in column.physical().items():
            nullable = column.nullable or (column.kind is Kind.MOMENT and name.endswith("_at"))
            checks = [] if column.kind is Kind.MOMENT else list(_checks(column))
            columns[name] = _column(kind, nullable=nullable, checks=checks, title=column.name)
    return pa.DataFrameSchema(columns, strict=True, ordered=True, name=f"{feed.name}_bronze")


def _column(kind: str, *, nullable: bool, checks: Iterable[pa.Check] = (), title: str | None = None) -> pa.Column:
    return pa.Column(pd.ArrowDtype(ARROW_TYPES[kind]), list(checks), nullable=nullable, title=title)


def _checks(column: Column) -> Iterable[pa.Check]:
    """The checks of a logical column; blanks pass them, since whether a blank may be is the column's `nullable`."""
    if column.pattern is not None:
        yield pa.Check.str_matches(f"^(?:{column.pattern})$", name="pattern", n_failure_cases=FAILURE_CASES)
    if column.allowed is not None:
        yield pa.Check.isin(list(column.allowed), name="not_allowed", n_failure_cases=FAILURE_CASES)
    if column.minimum is not None:
        yield pa.Check.ge(column.minimum, name="below_minimum", n_failure_cases=FAILURE_CASES)
    if column.maximum is not None:
        yield pa.Check.le(column.maximum, name="above_maximum", n_failure_cases=FAILURE_CASES)


def as_frame(table: pyarrow.Table) -> pd.DataFrame:
    """The table as a pandas frame on the same Arrow memory, which is what the contracts look at."""
    return table.to_pandas(types_mapper=pd.ArrowDtype)


def violations(
    schema: pa.DataFrameSchema, table: pyarrow.Table, unread: Mapping[str, pyarrow.BooleanArray] | None = None
) -> dict[str, pyarrow.BooleanArray]:
    """Reason code → mask of the rows that break it; empty when the whole table meets the contract.

    `unread` marks values that could not be read, by logical column: such a value is NULL, but not blank.

    Valid tables take Pandera's own validation. Only where that fails the same checks run again one by one for their
    masks, so a column of a million bad values costs no more than a second look. Raises pandera's SchemaErrors for what
    no row is to blame for: a missing column or a wrong type.
    """
    unread = unread or {}
    found: dict[str, pyarrow.BooleanArray] = {}
    for start in range(0, max(table.num_rows, 1), BATCH_ROWS):
        frame = as_frame(table.slice(start, BATCH_ROWS))
        try:
            schema.validate(frame, lazy=True)
        except SchemaErrors as failure:
            if any(error.reason_code not in _FAULTS_OF_ROWS for error in failure.schema_errors):
                raise
            break
    else:
        return found
    frame = as_frame(table)
    for name, column in schema.columns.items():
        series = frame[name]
        logical = column.title or name
        if not column.nullable and series.hasnans:
            blank = pyarrow.array(series.isna().to_numpy(dtype=bool))
            if logical in unread:
                blank = pc.and_not(blank, unread[logical])
            found[f"blank:{logical}"] = blank
        for check in column.checks:
            output = check(series).check_output  # of the values that are not blank
            passed = output.reindex(series.index).fillna(True).to_numpy(dtype=bool)
            found[f"{check.name}:{logical}"] = pyarrow.array(~passed)
    return {reason: mask for reason, mask in found.items() if pc.any(mask, min_count=0).as_py()}


def join_reasons(found: Mapping[str, pyarrow.BooleanArray]) -> pyarrow.StringArray | None:
    """One text per row: the codes of all masks that are true, joined by `;`, NULL for a good row. None: no codes."""
    none = pyarrow.scalar(None, pyarrow.string())
    joined: pyarrow.StringArray | None = None
    for reason, mask in found.items():
        if joined is None:
            joined = pc.if_else(mask, reason, none)
        else:  # not by one call for all codes: Arrow 26 leaves out rows in which every part is NULL
            longer = pc.coalesce(pc.binary_join_element_wise(joined, reason, ";"), pyarrow.scalar(reason))
            joined = pc.if_else(mask, longer, joined)
    return joined
