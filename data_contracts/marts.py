"""What must hold of every published mart, as Pandera schemas: not negative, rates within bounds, known values.

Belongs here: the rules, by column name, and the schema of one mart made from them and from its dbt contract. Does not
belong: the columns themselves (dbt's enforced contracts say them), rules over several rows or tables (dbt tests), when
the rules are checked and what follows (`orchestration/audit.py`).

A rule belongs to a column name wherever it appears, so a new mart is covered by its names alone. The schema is also
compiled to one DuckDB expression per check (`violation`): a night over ten million rows is checked in one pass of the
file (5 M rows with 12 columns: 2.3 s against 10 s and more in pandas), and a test proves both to agree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from data_contracts import reference
from data_contracts.marketplaces import UNATTRIBUTED, all_marketplaces
from data_contracts.reasons import reason_classes

if TYPE_CHECKING:
    import pandera.pandas as pa


@dataclass(frozen=True)
class Rule:
    """A Pandera check for every column whose whole name matches; `code` names it in reports.

    except_in: marts where the name means something else.
    """

    code: str
    columns: re.Pattern[str]
    check: Callable[[], pa.Check]
    except_in: frozenset[str] = frozenset()

    def holds_for(self, mart: str, column: str) -> bool:
        """Whether the rule is one of this column."""
        return mart not in self.except_in and self.columns.fullmatch(column) is not None


def _rule(code: str, pattern: str, check: str, *arguments: Any, except_in: Collection[str] = ()) -> Rule:
    def make() -> pa.Check:
        import pandera.pandas as pa

        made: pa.Check = getattr(pa.Check, check)(*arguments)
        return made

    return Rule(code, re.compile(pattern), make, frozenset(except_in))


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule, most general first; all that match a column hold for it. NULL meets every rule."""
    faults = sorted({row["fault"] for row in reference.read("reason_classes")})
    return (
        _rule(
            "not_negative",
            r"units|units_\w+|\w+_units(_\w+)?|requests(_\w+)?|orders(_\w+)?|reviews|critical_reviews"
            r"|fulfillable|unsellable|reserved|inbound|returned_(un)?sellable_30d|helpful_votes|size_bytes|rows_\w+"
            r"|line_number|gross_sales|return_freight|processing_cost|write_off",
            "ge",
            0,
        ),
        # A rate may exceed 1 where returns of earlier sales meet few sales; its interval's low end never does.
        _rule("rate_not_negative", r"(\w+_)?return_rate(_high)?|critical_review_rate|rate_high|threshold", "ge", 0),
        _rule(
            "between_0_and_1",
            r"(?!break_even_)(\w+_)?share|\w+_maturity|(reason_)?confidence|(return_)?rate_low|critical_review_rate"
            r"|(approved_24h|declined|a_to_z|order_defect)_rate(_low|_high)?",
            "in_range",
            0,
            1,
        ),
        _rule("rating_1_to_5", r"rating", "in_range", 1, 5),
        _rule("known_channel", r"channel", "isin", ["FBA", "FBM", "ALL"]),
        _rule("known_window", r"window_days", "isin", [7, 30, 90, 365]),
        # a figure may hold for all marketplaces: `*`
        _rule(
            "known_marketplace",
            r"marketplace",
            "isin",
            [*all_marketplaces(), UNATTRIBUTED],
            except_in={"dim_figure"},
        ),
        _rule("known_reason_class", r"(top_)?reason_class(_code|_text)?|class_by_text", "isin", list(reason_classes())),
        _rule("known_fault", r"fault", "isin", faults),
        _rule("known_basis", r"returned_basis", "isin", ["processed", "requested"]),
        _rule("known_attribution", r"attribution", "isin", ["order_sku", "order_asin", "outside_amazon", "no_order"]),
        _rule("currency_code", r"(reporting_)?currency", "str_matches", r"^[A-Z]{3}$"),
        _rule("asin_shape", r"asin", "str_matches", r"^\S+$"),
    )


def mart_schema(
    mart: str, columns: Collection[str], *, required: Collection[str] = (), as_of: date | None = None
) -> pa.DataFrameSchema:
    """The schema of one mart.

    columns: its columns. required: those that are never NULL (dbt's `not_null` constraints). as_of: the day that every
    row must carry; None where it is not known.
    """
    import pandera.pandas as pa

    made = {}
    for name in columns:
        checks = [_named(rule) for rule in rules() if rule.holds_for(mart, name)]
        if name == "as_of_date" and as_of is not None:
            checks.append(pa.Check.eq(as_of, error="as_of_of_the_run"))
        made[name] = pa.Column(None, checks, nullable=name not in required and name != "as_of_date")
    return pa.DataFrameSchema(made, name=mart, strict=True)


def _named(rule: Rule) -> pa.Check:
    check = rule.check()
    check.error = rule.code
    return check


def violations(schema: pa.DataFrameSchema) -> Iterator[tuple[str, str, str]]:
    """Column, code of the check, and the DuckDB expression that is true in rows that break it."""
    for name, column in schema.columns.items():
        if not column.nullable:
            yield name, "not_null", f'"{name}" is null'
        for check in column.checks:
            yield name, str(check.error), f'"{name}" is not null and not ({_expression(name, check)})'


def _expression(column: str, check: pa.Check) -> str:
    """A Pandera check as a DuckDB expression. Raises NotImplementedError for one that `rules` does not use."""
    known = check.statistics or {}
    if check.name == "greater_than_or_equal_to":
        return f'"{column}" >= {_literal(known["min_value"])}'
    if check.name == "in_range":
        return f'"{column}" between {_literal(known["min_value"])} and {_literal(known["max_value"])}'
    if check.name == "equal_to":
        return f'"{column}" = {_literal(known["value"])}'
    if check.name == "isin":
        return f'"{column}" in ({", ".join(_literal(value) for value in known["allowed_values"])})'
    if check.name == "str_matches":
        return f'regexp_matches("{column}", {_literal(known["pattern"])})'
    raise NotImplementedError(f"check {check.name} of column {column} has no DuckDB form")


def _literal(value: Any) -> str:
    if isinstance(value, re.Pattern):
        value = value.pattern
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)
