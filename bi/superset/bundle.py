"""The Superset bundle: what the charts show, and the zip of YAML files that Superset imports.

Belongs here: charts, dashboard and the metrics they need. Does not belong: columns and their descriptions (they come
from dbt's YAML, so that the bundle never lags behind the marts), trying it in a real Superset (`try_import.py`).

    python bi/superset/bundle.py returnscope.zip [--uri postgresql+psycopg2://superset@host/database]
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import yaml

MODELS = Path(__file__).resolve().parents[2] / "dbt_project" / "models"
DATABASE = "returnscope"
SCHEMA = "marts"
#: a role that may log in and is a member of returnscope_reader; its password is typed in Superset after the import
URI = "postgresql+psycopg2://superset@localhost:5432/returnscope"
VERSION = "1.0.0"
#: for `metadata.yaml`; a bundle has no day of its own
_STAMP = "2026-01-01T00:00:00+00:00"
_TYPES = {"varchar": "TEXT", "bigint": "BIGINT", "integer": "INTEGER", "double": "DOUBLE PRECISION", "date": "DATE",
          "boolean": "BOOLEAN", "timestamp with time zone": "TIMESTAMP WITH TIME ZONE"}  # fmt: skip
#: of the panel's pages: the interval is the marts' business, Superset shows rates alone
RATE = "SUM({part}) * 1.0 / NULLIF(SUM({whole}), 0)"


@dataclass(frozen=True)
class Metric:
    """A saved metric of a dataset: an expression that PostgreSQL and DuckDB both understand."""

    name: str
    label: str
    expression: str
    format: str = ",d"


@dataclass(frozen=True)
class Chart:
    """A chart: what is drawn over which rows. equal: column to value. by: dimensions, or the x axis of a series."""

    name: str
    kind: str
    table: str
    metrics: tuple[str, ...]
    by: tuple[str, ...] = ()
    equal: tuple[tuple[str, Any], ...] = ()
    unequal: tuple[tuple[str, Any], ...] = ()
    #: columns that must have a value
    known: tuple[str, ...] = ()
    description: str = ""
    #: columns shown as they are, without adding anything up
    raw: tuple[str, ...] = ()
    order: tuple[str, bool] | None = None
    limit: int = 100
    width: int = 4
    height: int = 50


#: metrics by table; amounts are only ever summed within one currency, by a dimension of the chart
METRICS: dict[str, tuple[Metric, ...]] = {
    "mart_asin_insights": (
        Metric("units_returned_sum", "Units returned", "SUM(units_returned)"),
        Metric("units_shipped_sum", "Units shipped", "SUM(units_shipped)"),
        Metric("return_rate_all", "Return rate", RATE.format(part="units_returned", whole="units_shipped"), ".1%"),
        Metric("refund_amount_sum", "Refunds", "SUM(refund_amount)", ",.2f"),
    ),
    "mart_asin_daily": (
        Metric("units_returned_sum", "Units returned", "SUM(units_returned)"),
        Metric("units_shipped_sum", "Units shipped", "SUM(units_shipped)"),
    ),
    "mart_return_reasons": (Metric("units_sum", "Units", "SUM(units)"),),
    "mart_performance": (
        Metric(
            "critical_rate_all",
            "Critical review rate",
            RATE.format(part="critical_reviews", whole="reviews"),
            ".1%",
        ),
    ),
    "mart_recovery": (
        Metric("gross_sales_sum", "Sales", "SUM(gross_sales)", ",.2f"),
        Metric(
            "net_recovery_all",
            "Net recovery rate",
            "SUM(CASE WHEN fees IS NOT NULL THEN gross_sales - fees END) "
            "/ NULLIF(SUM(CASE WHEN fees IS NOT NULL THEN gross_sales END), 0)",
            ".1%",
        ),
    ),
    "mart_high_return_fee": (),
    "mart_holiday_returns": (
        Metric("units_returned_sum", "Came back", "SUM(units_returned)"),
        Metric("open_units_sum", "Can still come back", "SUM(open_units)"),
    ),
    "mart_dispute_desk": (
        Metric("cases", "Cases", "COUNT(*)"),
        Metric("cases_to_do", "Open cases", "SUM(CASE WHEN state IN ('open', 'overdue') THEN 1 ELSE 0 END)"),
    ),
    "mart_return_cost": (
        Metric("total_cost_sum", "Cost", "SUM(total_cost)", ",.2f"),
        Metric("items_exact", "Items known in full", "SUM(CASE WHEN total_basis = 'exact' THEN 1 ELSE 0 END)"),
        Metric("items_known", "Items with a cost", "COUNT(total_cost)"),
    ),
    "mart_alerts": (),
    "ops_windows": (
        Metric("days", "Days known", "COUNT(*)"),
        Metric(
            "days_missing",
            "Days missing",
            "SUM(CASE WHEN state IN ('loaded', 'loaded_empty') THEN 0 ELSE 1 END)",
        ),
        Metric("newest_loaded_day", "Newest day loaded", "MAX(CASE WHEN state LIKE 'loaded%' THEN day END)", ""),
    ),
}

_MONTH = (("channel", "ALL"), ("window_days", 30))
_NAMED = (("marketplace", "unattributed"),)

#: one dashboard, row by row
ROWS: tuple[tuple[Chart, ...], ...] = (
    (
        Chart("Units returned, 30 days", "big_number_total", "mart_asin_insights", ("units_returned_sum",),
              equal=_MONTH, width=3, height=22, description="All units, those without a marketplace too."),
        Chart("Return rate, 30 days", "big_number_total", "mart_asin_insights", ("return_rate_all",), equal=_MONTH,
              unequal=_NAMED, width=3, height=22, description="Same period: units returned ÷ units shipped."),
        Chart("Critical review rate, 30 days", "big_number_total", "mart_performance", ("critical_rate_all",),
              equal=(("window_days", 30),), width=3, height=22, description="Reviews with 1 to 3 stars ÷ reviews."),
        Chart("Open cases", "big_number_total", "mart_dispute_desk", ("cases_to_do",), width=3, height=22,
              description="Cases of the dispute desk that somebody has to act on: open or overdue."),
    ),
    (
        Chart("Shipped and returned by week", "echarts_timeseries_line", "mart_asin_daily",
              ("units_shipped_sum", "units_returned_sum"), by=("date",), equal=(("channel", "ALL"),), limit=10000,
              width=8, description="Shipped units stand on the purchase day, returned ones on the day of the return."),
        Chart("Why things come back, 90 days", "pie", "mart_return_reasons", ("units_sum",), by=("reason_class",),
              equal=(("channel", "ALL"), ("window_days", 90)), order=("units_sum", False),
              description="Final reason class of code and words."),
    ),
    (
        Chart("ASINs surely above their category, 90 days", "table", "mart_asin_insights", (),
              raw=("store", "marketplace", "asin", "title", "units_shipped", "units_returned", "return_rate",
                   "return_rate_low", "return_rate_high", "category_return_rate", "top_reason_class", "advice_en"),
              equal=(("channel", "ALL"), ("window_days", 90), ("is_high_return_rate", True)), unequal=_NAMED,
              order=("units_returned", False), width=12, height=50,
              description="With the 90 % interval of the rate, the reason most named, and what to change."),
    ),
    (
        Chart("Alerts", "table", "mart_alerts", (),
              raw=("severity", "kind", "store", "marketplace", "asin", "message_en", "first_seen"),
              order=("first_seen", False), width=12, height=40, description="What needs attention now, newest first."),
    ),
    (
        Chart("Refunds by currency, 30 days", "table", "mart_asin_insights", ("refund_amount_sum",), by=("currency",),
              known=("currency",), equal=_MONTH, order=("refund_amount_sum", False), width=3, height=34,
              description="Never added across currencies."),
        Chart("Cost of returns by currency, 30 days", "table", "mart_return_cost",
              ("total_cost_sum", "items_exact", "items_known"), by=("currency",), known=("currency",), equal=_MONTH,
              order=("total_cost_sum", False), width=3, height=34,
              description="Refunds, fees, freight, write-off, less what came back in. At least this, unless every item "
              "is known in full."),
        Chart("Grade and Resell by currency", "table", "mart_recovery", ("gross_sales_sum", "net_recovery_all"),
              by=("currency",), known=("currency",), order=("gross_sales_sum", False), width=3, height=34,
              description="Sales of used units, and the share that is left of them after fees, where fees are known."),
        Chart("Cases by kind and state", "table", "mart_dispute_desk", ("cases",), by=("kind", "state"),
              order=("cases", False), width=3, height=34),
    ),
    (
        Chart("Holiday season: back and still open", "echarts_timeseries_bar", "mart_holiday_returns",
              ("units_returned_sum", "open_units_sum"), by=("purchase_week",), limit=1000, width=6,
              description="By week of purchase."),
        Chart("FBA fee on high return rates", "table", "mart_high_return_fee", (),
              raw=("store", "marketplace", "asin", "ship_month", "units_shipped", "units_returned", "return_rate",
                   "threshold", "units_charged", "is_final", "charge_from"),
              unequal=(("units_charged", 0),), order=("units_charged", False), width=6,
              description="Items and months with units that the fee is charged for."),
    ),
    (
        Chart("Completeness by feed", "table", "ops_windows", ("newest_loaded_day", "days", "days_missing"),
              by=("store", "feed"), order=("days_missing", False), width=12, height=40,
              description="Which days of which feed are loaded."),
    ),
)  # fmt: skip
CHARTS = tuple(chart for row in ROWS for chart in row)


def identity(kind: str, name: str) -> str:
    """A UUID that stays the same, so that a second import finds what the first one made."""
    return str(uuid5(NAMESPACE_URL, f"returnscope/superset/{kind}/{name}"))


@cache
def models() -> dict[str, dict[str, Any]]:
    """Published models of dbt by name: description, and columns with type and description."""
    docs = dict(_docs())
    found = {}
    for path in sorted(MODELS.rglob("*.yml")):
        for model in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("models") or []:
            if "published" in (model.get("config") or {}).get("tags", []):
                found[model["name"]] = {
                    "description": _resolved(model.get("description"), docs),
                    "columns": {
                        column["name"]: (column.get("data_type", "varchar"), _resolved(column.get("description"), docs))
                        for column in model["columns"]
                    },
                }
    return found


def _docs() -> Iterator[tuple[str, str]]:
    for path in sorted(MODELS.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        yield from re.findall(r"{%\s*docs (\w+)\s*%}(.*?){%\s*enddocs\s*%}", text, re.DOTALL)


def _resolved(text: str | None, docs: Mapping[str, str]) -> str:
    """A description with dbt's `doc()` filled in, on one line."""
    filled = re.sub(r"{{\s*doc\(['\"](\w+)['\"]\)\s*}}", lambda match: docs[match[1]], text or "")
    return " ".join(filled.split())


def files(uri: str = URI) -> dict[str, dict[str, Any]]:
    """The files of the bundle by path."""
    made: dict[str, dict[str, Any]] = {
        "metadata.yaml": {"version": VERSION, "type": "Dashboard", "timestamp": _STAMP},
        f"databases/{DATABASE}.yaml": _database(uri),
        "dashboards/returns.yaml": _dashboard(),
    }
    for table in METRICS:
        made[f"datasets/{DATABASE}/{table}.yaml"] = _dataset(table)
    for chart in CHARTS:
        made[f"charts/{_slug(chart.name)}.yaml"] = _chart(chart)
    return made


def _database(uri: str) -> dict[str, Any]:
    return {
        "database_name": DATABASE,
        "sqlalchemy_uri": uri,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_file_upload": False,
        "extra": {"metadata_params": {}, "engine_params": {}, "metadata_cache_timeout": {}},
        "uuid": identity("database", DATABASE),
        "version": VERSION,
    }


def _dataset(table: str) -> dict[str, Any]:
    model = models()[table]
    columns = model["columns"]
    days = [name for name, (kind, _) in columns.items() if kind == "date" and name != "as_of_date"]
    return {
        "table_name": table,
        "schema": SCHEMA,
        "description": model["description"],
        "main_dttm_col": days[0] if days else None,
        "uuid": identity("dataset", table),
        "metrics": [
            {
                "metric_name": metric.name,
                "verbose_name": metric.label,
                "expression": metric.expression,
                "d3format": metric.format or None,
            }
            for metric in METRICS[table]
        ],
        "columns": [
            {
                "column_name": name,
                "verbose_name": name.replace("_", " ").capitalize().replace("asin", "ASIN").replace("Asin", "ASIN"),
                "type": _type(kind),
                "is_dttm": kind == "date" or kind.startswith("timestamp"),
                "groupby": True,
                "filterable": True,
                "description": text,
            }
            for name, (kind, text) in columns.items()
        ],
        "version": VERSION,
        "database_uuid": identity("database", DATABASE),
    }


def _type(kind: str) -> str:
    return f"NUMERIC{kind.removeprefix('decimal')}" if kind.startswith("decimal") else _TYPES[kind]


def _slug(name: str) -> str:
    return re.sub(r"\W+", "_", name.lower()).strip("_")


def _chart(chart: Chart) -> dict[str, Any]:
    params = _params(chart)
    context = {
        "datasource": {"id": 0, "type": "table"},
        "force": False,
        "queries": [_query(chart)],
        "form_data": params,
        "result_format": "json",
        "result_type": "full",
    }
    return {
        "slice_name": chart.name,
        "description": chart.description or None,
        "viz_type": chart.kind,
        "params": params,
        "query_context": json.dumps(context, ensure_ascii=False),
        "uuid": identity("chart", chart.name),
        "version": VERSION,
        "dataset_uuid": identity("dataset", chart.table),
    }


def _params(chart: Chart) -> dict[str, Any]:
    """What Superset's editor keeps of a chart."""
    common: dict[str, Any] = {
        "viz_type": chart.kind,
        "adhoc_filters": [
            {"clause": "WHERE", "expressionType": "SIMPLE", "subject": column, "operator": sign, "operatorId": name,
             "comparator": value}
            for sign, name, pairs in (("==", "EQUALS", chart.equal), ("!=", "NOT_EQUALS", chart.unequal))
            for column, value in pairs
        ]
        + [
            {"clause": "WHERE", "expressionType": "SIMPLE", "subject": column, "operator": "IS NOT NULL",
             "operatorId": "IS_NOT_NULL", "comparator": None}
            for column in chart.known
        ],
        "row_limit": chart.limit,
    }  # fmt: skip
    formats = {metric.name: metric.format for metric in METRICS[chart.table]}
    if chart.kind == "big_number_total":
        return {**common, "metric": chart.metrics[0], "y_axis_format": formats[chart.metrics[0]], "subheader": ""}
    if chart.kind == "pie":
        return {**common, "metric": chart.metrics[0], "groupby": list(chart.by), "sort_by_metric": True,
                "show_legend": True, "legendOrientation": "right", "label_type": "percent", "number_format": ",d",
                "donut": True,
                "innerRadius": 45, "color_scheme": "supersetColors"}  # fmt: skip
    if chart.kind == "table":
        common |= {"table_timestamp_format": "%Y-%m-%d", "show_cell_bars": False}
        shares = [name for name in chart.raw if "rate" in name]
        config = {name: {"d3NumberFormat": ".1%"} for name in shares}
        config |= {name: {"d3NumberFormat": formats[name]} for name in chart.metrics if formats[name]}
        common["column_config"] = config
        if chart.raw:
            column, ascending = chart.order or (chart.raw[0], True)
            return {**common, "query_mode": "raw", "all_columns": list(chart.raw),
                    "order_by_cols": [json.dumps([column, ascending])]}  # fmt: skip
        return {**common, "query_mode": "aggregate", "groupby": list(chart.by), "metrics": list(chart.metrics),
                "timeseries_limit_metric": chart.order[0] if chart.order else None,
                "order_desc": not chart.order[1] if chart.order else True}  # fmt: skip
    return {**common, "x_axis": chart.by[0], "time_grain_sqla": "P1W", "metrics": list(chart.metrics), "groupby": [],
            "x_axis_time_format": "smart_date", "y_axis_format": ",d", "rich_tooltip": True, "show_legend": True,
            "stack": "Stack" if chart.kind == "echarts_timeseries_bar" else None, "truncate_metric": True,
            "color_scheme": "supersetColors"}  # fmt: skip


def _query(chart: Chart) -> dict[str, Any]:
    """What Superset's API is asked for the chart's data."""
    columns: list[Any] = list(chart.raw or chart.by)
    if chart.kind.startswith("echarts_timeseries"):
        columns = [{"timeGrain": "P1W", "columnType": "BASE_AXIS", "sqlExpression": chart.by[0], "label": chart.by[0],
                    "expressionType": "SQL"}]  # fmt: skip
    query: dict[str, Any] = {
        "columns": columns,
        "filters": [
            {"col": column, "op": sign, "val": value}
            for sign, pairs in (("==", chart.equal), ("!=", chart.unequal))
            for column, value in pairs
        ]
        + [{"col": column, "op": "IS NOT NULL"} for column in chart.known],
        "orderby": [list(chart.order)] if chart.order else [],
        "row_limit": chart.limit,
        "extras": {"having": "", "where": ""},
        "annotation_layers": [],
        "applied_time_extras": {},
        "url_params": {},
        "custom_params": {},
        "custom_form_data": {},
    }
    if not chart.raw:
        query["metrics"] = list(chart.metrics)
    return query


def _dashboard() -> dict[str, Any]:
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": "Returns"}},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "parents": ["ROOT_ID"], "children": []},
    }
    for number, row in enumerate(ROWS):
        row_id = f"ROW-{number}"
        position["GRID_ID"]["children"].append(row_id)
        position[row_id] = {
            "type": "ROW",
            "id": row_id,
            "parents": ["ROOT_ID", "GRID_ID"],
            "children": [f"CHART-{_slug(chart.name)}" for chart in row],
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        for chart in row:
            chart_id = f"CHART-{_slug(chart.name)}"
            position[chart_id] = {
                "type": "CHART",
                "id": chart_id,
                "parents": ["ROOT_ID", "GRID_ID", row_id],
                "children": [],
                "meta": {
                    "uuid": identity("chart", chart.name),
                    "chartId": 0,
                    "sliceName": chart.name,
                    "width": chart.width,
                    "height": chart.height,
                },
            }
    return {
        "dashboard_title": "Returns",
        "description": "What comes back, why, what it costs and what is due, over the published marts of returnscope.",
        "slug": "returnscope",
        "uuid": identity("dashboard", "returns"),
        "position": position,
        "metadata": {
            "native_filter_configuration": [_filter("store", "Store"), _filter("marketplace", "Marketplace")],
            "color_scheme": "supersetColors",
            "cross_filters_enabled": True,
            "refresh_frequency": 0,
        },
        "published": True,
        "version": VERSION,
    }


def _filter(column: str, label: str) -> dict[str, Any]:
    return {
        "id": f"NATIVE_FILTER-{column}",
        "name": label,
        "filterType": "filter_select",
        "type": "NATIVE_FILTER",
        "targets": [{"column": {"name": column}, "datasetUuid": identity("dataset", "mart_asin_insights")}],
        "controlValues": {"multiSelect": True, "enableEmptyFilter": False, "searchAllOptions": False},
        "defaultDataMask": {"extraFormData": {}, "filterState": {}, "ownState": {}},
        "cascadeParentIds": [],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": []},
        "description": "",
    }


def text_of(content: Mapping[str, Any]) -> str:
    """A file as YAML."""
    return yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=118)


def write_zip(target: Path, uri: str = URI) -> None:
    """The bundle as Superset imports it."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in files(uri).items():
            bundle.writestr(f"returnscope/{name}", text_of(content))


def main(given: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Write the Superset bundle over the published marts.")
    parser.add_argument("target", type=Path, help="the zip file")
    parser.add_argument("--uri", default=URI, help="SQLAlchemy address of the database (default: %(default)s)")
    chosen = parser.parse_args(given)
    write_zip(chosen.target, chosen.uri)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
