"""Mart contracts: the DuckDB form of each check finds exactly the rows that Pandera finds."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import duckdb
import pandas as pd
import pandera.errors
import pytest

from data_contracts.marts import mart_schema, rules, violations

DAY = date(2026, 1, 31)
#: a column of each rule with good and bad values, None among the good ones
CASES: dict[str, tuple[list[object], list[object]]] = {
    "units_returned": ([0, 5, None], [-1]),
    "return_rate": ([0.0, 1.7, None], [-0.01]),
    "return_rate_low": ([0.0, 1.0, None], [-0.1, 1.01]),
    "cohort_maturity": ([0.0, 0.5, 1.0], [1.1]),
    "rating": ([1.0, 5.0, None], [0.0, 6.0]),
    "channel": (["FBA", "FBM", "ALL", None], ["fba", ""]),
    "window_days": ([7, 365], [8]),
    "marketplace": (["US", "unattributed", None], ["USA"]),
    "top_reason_class": (["size_fit", "unmapped", None], ["sizes"]),
    "fault": (["buyer", None], ["nobody"]),
    "returned_basis": (["processed", "requested"], ["guessed"]),
    "attribution": (["no_order", None], ["?"]),
    "currency": (["EUR", None], ["eur", "EU", "EURO"]),
    "asin": (["0123456789", "unattributed"], ["", "B0 1"]),
}


@pytest.mark.parametrize("column", CASES)
def test_both_forms_of_a_contract_agree_row_by_row(column: str) -> None:
    good, bad = CASES[column]
    values = [*good, *bad]
    schema = mart_schema("some_mart", [column])
    frame = pd.DataFrame({column: pd.Series(values)})
    with pytest.raises(pandera.errors.SchemaErrors) as caught:
        schema.validate(frame, lazy=True)
    by_pandera = set(caught.value.failure_cases["index"])
    con = duckdb.connect()
    con.register("frame", frame.reset_index())
    by_duckdb = {
        row
        for name, _, rule in violations(schema)
        if name == column
        for (row,) in con.execute(f"select index from frame where {rule}").fetchall()
    }
    assert by_duckdb == by_pandera == set(range(len(good), len(values)))


def test_every_rule_is_tested_above() -> None:
    covered = {rule.code for rule in rules() for column in CASES if rule.columns.fullmatch(column)}
    covered |= {rule.code for rule in rules() if rule.columns.fullmatch("units_shipped")}
    assert {rule.code for rule in rules()} == covered


def test_required_columns_and_the_as_of_day_are_part_of_the_contract() -> None:
    schema = mart_schema("m", ["store", "as_of_date"], required={"store"}, as_of=DAY)
    frame = pd.DataFrame({"store": ["a", None, "b"], "as_of_date": [DAY, DAY, date(2026, 1, 30)]})
    con = duckdb.connect()
    con.register("frame", frame)
    found = {
        (name, code): con.execute(f"select count(*) from frame where {rule}").fetchone()[0]
        for name, code, rule in violations(schema)
    }
    assert found == {("store", "not_null"): 1, ("as_of_date", "not_null"): 0, ("as_of_date", "as_of_of_the_run"): 1}
    with pytest.raises(pandera.errors.SchemaErrors):
        schema.validate(frame, lazy=True)


def test_decimals_are_judged_like_floats() -> None:
    schema = mart_schema("m", ["share"])
    con = duckdb.connect()
    con.execute("create table t as select unnest([0.2::decimal(9,6), 1.000001::decimal(9,6)]) as share")
    ((_, _, rule),) = violations(schema)
    assert con.execute(f"select share from t where {rule}").fetchall() == [(Decimal("1.000001"),)]
