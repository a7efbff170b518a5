"""dbt's `adapter` object for sqlfluff's jinja templater: only what the models use to reach dispatched macros.

Nothing here runs in the product; dbt has its own adapter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context


@pass_context
def dispatch(context: Context, macro_name: str, macro_namespace: str = "") -> Callable[..., Any]:  # noqa: ARG001
    """The macro that dbt would choose on DuckDB: `duckdb__<name>`, else `default__<name>`."""
    for prefix in ("duckdb__", "default__"):
        macro = context.get(prefix + macro_name)
        if macro is not None:
            return macro
    raise LookupError(f"no macro duckdb__{macro_name} or default__{macro_name} in dbt_project/macros")
