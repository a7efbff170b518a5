"""A small published file for tests of the panel: tables as the dbt contracts declare them, with invented rows.

Belongs here: making that file. Does not belong: what the panel makes of it. Columns and types come from the models'
YAML, so a column that a model loses is missed by the panel's tests too.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import yaml

ROOT = Path(__file__).resolve().parents[2]
AS_OF = date(2026, 1, 28)
DAYS = 120
PLACES = {("north", "US"): "USD", ("north", "CA"): "CAD", ("isles", "UK"): "GBP"}
ITEMS = {
    "B000TEST01": ("Walking boots, brown", "Shoes", Decimal("79.90")),
    "B000TEST02": ("Desk lamp <b>bright</b>", "Home", Decimal("24.50")),
    "0123456789": ("Paper notebook", "Office", Decimal("9.99")),
}
REASONS = ("size_fit", "defective", "changed_mind")
#: a comment that a spreadsheet would run and a browser would draw, were it not made harmless
HOSTILE = '=HYPERLINK("http://127.0.0.1/x","<img src=x onerror=alert(1)>") too small for me'
DELIVERY = "d" * 64


@cache
def contracts() -> dict[str, dict[str, str]]:
    """Published models: name to column to type."""
    found = {}
    for path in sorted((ROOT / "dbt_project" / "models").rglob("*.yml")):
        for model in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("models") or []:
            if "published" in (model.get("config") or {}).get("tags", []):
                found[model["name"]] = {
                    column["name"]: column.get("data_type", "varchar") for column in model["columns"]
                }
    return found


def write_marts(path: Path, *, release: str = "2026-01-28-000000000001", extra_returns: int = 0) -> Path:
    """Write the file at its place, replacing what is there in one step as a publication does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name("fresh.duckdb")
    fresh.unlink(missing_ok=True)
    rows = _rows(extra_returns)
    with duckdb.connect(str(fresh)) as con:
        con.execute("create schema marts")
        con.execute("set TimeZone = 'UTC'")
        for name, columns in contracts().items():
            declared = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            con.execute(f"create table marts.{name} ({declared})")
            con.execute(f"comment on table marts.{name} is 'What {name} holds.'")
            _insert(con, name, columns, rows.get(name, ()))
        con.execute("create table marts.release_info (release_id varchar, as_of_date date)")
        con.execute("insert into marts.release_info values (?, ?)", [release, AS_OF])
    fresh.replace(path)
    return path


def _insert(
    con: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, str], rows: Iterable[Mapping[str, Any]]
) -> None:
    made = [{**row, "as_of_date": AS_OF} for row in rows]
    if not made:
        return
    names = list(made[0])
    if unknown := set(names) - set(columns):
        raise AssertionError(f"{name} has no column {sorted(unknown)}")
    table = pa.Table.from_pylist([{column: row[column] for column in names} for row in made])
    con.register("made", table)
    listed = ", ".join(names)
    con.execute(f"insert into marts.{name} ({listed}) select {listed} from made")
    con.unregister("made")


def _rows(extra_returns: int) -> dict[str, list[dict[str, Any]]]:
    dice = random.Random(7)
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in contracts()}
    returns, daily = tables["fct_returns"], tables["mart_asin_daily"]
    for (store, marketplace), currency in PLACES.items():
        for asin, (title, category, price) in ITEMS.items():
            about = {"store": store, "marketplace": marketplace, "asin": asin}
            tables["dim_asin"].append(
                {**about, "title": title, "category": category, "currency": currency, "price": price,
                 "first_seen": AS_OF - timedelta(days=DAYS), "last_seen": AS_OF}
            )  # fmt: skip
            for back in range(DAYS):
                day = AS_OF - timedelta(days=back)
                shipped, returned = dice.randint(0, 9), dice.randint(0, 2)
                if back == 0 and (marketplace, asin) == ("US", "B000TEST01"):
                    returned += extra_returns
                for channel in ("FBA", "ALL"):
                    daily.append(
                        {**about, "channel": channel, "date": day, "units_ordered": shipped, "units_shipped": shipped,
                         "units_returned": returned, "refund_amount": price * returned, "currency": currency}
                    )  # fmt: skip
                for number in range(returned):
                    own = random.Random(
                        f"{store} {marketplace} {asin} {back} {number}"
                    )  # so that more returns change no others
                    returns.append(_return(own, about, currency, price, day, number))
            _marts_of(tables, dice, about, category, title, currency, price)
    for (store, marketplace), above in zip(PLACES, (True, False, None), strict=True):
        for window in (7, 30, 90, 365):
            tables["mart_account_health"].append(_health(store, marketplace, window, above))
    _shared(tables)
    return tables


def _health(store: str, marketplace: str, window: int, is_above: bool | None) -> dict[str, Any]:
    """Above its limit, not above it as far as known, or without any order."""
    has_orders = is_above is not None
    return {
        "store": store, "marketplace": marketplace, "window_days": window, "requests": 40,
        "requests_approved_24h": 20, "requests_not_approved_24h": 5, "requests_undetermined_24h": 15,
        "approved_24h_rate": None, "approved_24h_rate_low": 0.38, "approved_24h_rate_high": 0.95,
        "requests_declined": 3, "declined_rate": 0.075, "declined_rate_low": 0.03, "declined_rate_high": 0.17,
        "requests_a_to_z": 1, "a_to_z_rate": 0.025, "a_to_z_rate_low": 0.006, "a_to_z_rate_high": 0.1,
        "orders": 200 if has_orders else 0, "orders_a_to_z": 1, "orders_charged_back": 0,
        "orders_rated_negative": 3 if is_above else None, "orders_defective": 4 if is_above else 1,
        "order_defect_rate": (0.02 if is_above else 0.005) if has_orders else None,
        "order_defect_rate_low": 0.009 if has_orders else None, "order_defect_rate_high": 0.04 if has_orders else None,
        "order_defect_limit": Decimal("0.01"), "is_above_order_defect_limit": bool(is_above),
        "unknown_parts": "" if is_above else "seller_feedback",
    }  # fmt: skip


def _return(
    dice: random.Random, about: Mapping[str, Any], currency: str, price: Decimal, day: date, number: int
) -> dict[str, Any]:
    reason = dice.choice(REASONS)
    order = f"{dice.randint(100, 999)}-{dice.randint(1000000, 9999999)}-{dice.randint(1000000, 9999999)}"
    said = {"size_fit": HOSTILE, "defective": "It broke after a day", "changed_mind": None}[reason]
    return {
        **about, "return_id": f"{about['store']}-{about['marketplace']}-{about['asin']}-{day}-{number}",
        "channel": "FBA", "order_id": order, "sku": f"SKU-{about['asin']}", "units": 1, "return_date": day,
        "returned_basis": "processed", "purchase_date": day - timedelta(days=9), "lag_days": 9,
        "reason_code": "APPAREL_TOO_SMALL", "reason_class_code": "size_fit", "reason_class": reason,
        "reason_conflict": reason == "defective", "fault": "seller_listing", "disposition": "SELLABLE",
        "comment": said, "deciding_words": json.dumps(["too small"] if reason == "size_fit" else ["broke"]),
        "refund_amount": price, "currency": currency, "attribution": "order_sku", "delivery_id": DELIVERY,
        "line_number": number + 2, "is_new_item": True, "is_used": False, "is_multi_channel": False,
    }  # fmt: skip


def _marts_of(
    tables: dict[str, list[dict[str, Any]]], dice: random.Random, about: Mapping[str, Any], category: str, title: str,
    currency: str, price: Decimal,
) -> None:  # fmt: skip
    mine = [row for row in tables["mart_asin_daily"] if all(row[key] == about[key] for key in about)]
    advice = {"advice_code": "x", "advice_en": "Complete the size chart.", "advice_zh": "完善尺码表。"}
    for window in (7, 30, 90, 365):
        first = AS_OF - timedelta(days=window - 1)
        for channel in ("FBA", "ALL"):
            rows = [row for row in mine if row["channel"] == channel and row["date"] >= first]
            shipped, returned = (sum(row[name] for row in rows) for name in ("units_shipped", "units_returned"))
            rate = returned / shipped if shipped else None
            tables["mart_asin_insights"].append(
                {**about, "channel": channel, "window_days": window, "title": title, "units_shipped": shipped,
                 "units_returned": returned, "units_returned_excluded": 1, "return_rate": rate,
                 "return_rate_low": rate and rate * 0.8, "return_rate_high": rate and rate * 1.2,
                 "previous_return_rate": 0.1, "cohort_return_rate": rate, "cohort_maturity": 0.4,
                 "refund_amount": price * returned, "currency": currency, "top_reason_class": "size_fit",
                 "top_reason_share": 0.4, "category": category, "category_return_rate": 0.12,
                 "is_high_return_rate": about["asin"] == "B000TEST01", **advice}
            )  # fmt: skip
            for place, reason in enumerate(REASONS):
                units = returned // 3 + (returned % 3 if place == 0 else 0)
                tables["mart_return_reasons"].append(
                    {**about, "channel": channel, "window_days": window, "reason_class": reason, "units": units,
                     "share": units / returned if returned else None, "previous_share": 0.3, "previous_units": 2,
                     "units_by_code": units, "units_by_text": units, "fault": "buyer", "sample_comments": "[]"}
                )  # fmt: skip
        tables["mart_performance"].append(
            {**about, "window_days": window, "reviews": 20, "critical_reviews": 3, "critical_review_rate": 0.15,
             "rate_low": 0.06, "rate_high": 0.31, "threshold": Decimal("0.03"), "is_alert": True,
             "first_alert_date": AS_OF - timedelta(days=9), "category": category, "category_critical_rate": 0.1,
             "credible_excess": 0.01, "is_credibly_above_category": True, "excess_rank": 1,
             "top_reason_class": "defective", **advice}
        )  # fmt: skip
        for channel, basis, unknown in (
            ("ALL", "lower_bound", "unsettled_days, write_off"), ("FBA", "open", "fees_returned, write_off"),
            ("FBM", "exact", ""),
        ):  # fmt: skip
            tables["mart_return_cost"].append(
                {**about, "channel": channel, "window_days": window, "units_returned": 10, "units_returned_excluded": 2,
                 "refund_amount": Decimal(100), "tax_returned": Decimal(8), "fees_returned": Decimal(15),
                 "fees_kept": Decimal(3), "return_freight": Decimal(4), "return_fees": Decimal(window),
                 "processing_cost": Decimal(6), "write_off": Decimal(7) if basis == "exact" else None,
                 "resale_fees": Decimal(2), "resale_sales": Decimal(9), "reimbursed": Decimal(1),
                 "resale_value": Decimal(7), "cost_beyond_refunds": Decimal(5 + window),
                 "total_cost": Decimal(82 + window + (7 if basis == "exact" else 0)),
                 "cost_per_returned_unit": Decimal(10), "sales_amount": Decimal(1000), "cost_share_of_sales": 0.12,
                 "currency": currency, "is_mixed_currency": False, "unknown_parts": unknown, "total_basis": basis,
                 "settled_through": AS_OF - timedelta(days=9)}
            )  # fmt: skip
    for month in (date(2025, 12, 1), date(2026, 1, 1)):
        tables["mart_recovery"].append(
            {**about, "used_condition": "like_new", "month": month, "units_graded": 4, "units_sold": 3,
             "gross_sales": Decimal(60), "fees": Decimal(15), "net_recovery_rate": 0.75, "currency": currency,
             "is_final": month < date(2026, 1, 1)}
        )  # fmt: skip
    tables["mart_high_return_fee"].append(
        {**about, "ship_month": date(2025, 12, 1), "units_shipped": 100, "units_returned": 12, "return_rate": 0.12,
         "threshold": Decimal("0.1"), "units_charged": 2, "is_exempt": False, "is_final": False,
         "charge_from": date(2026, 3, 7), "charge_to": date(2026, 3, 15), "units_shipped_3m": 300,
         "units_returned_3m": 30, "return_rate_3m": 0.1, "units_shipped_12m": 900, "units_returned_12m": 90,
         "return_rate_12m": 0.1}
    )  # fmt: skip
    for week in (date(2025, 12, 15), date(2025, 12, 22)):
        tables["mart_holiday_returns"].append(
            {**about, "season": "2025-26", "purchase_week": week, "units_shipped": 50, "units_returned": 5,
             "open_units": 30, "last_return_date": date(2026, 1, 31)}
        )  # fmt: skip
    tables["mart_inventory"].append(
        {**about, "sku": f"SKU-{about['asin']}", "fulfillable": 40, "unsellable": 3, "reserved": 1, "inbound": 10,
         "returned_sellable_30d": 5, "returned_unsellable_30d": 2, "snapshot_date": AS_OF}
    )  # fmt: skip
    tables["fct_inventory"].append(
        {**about, "sku": f"SKU-{about['asin']}", "condition": "New", "fulfillable": 40, "unsellable": 3, "reserved": 1,
         "inbound": 10, "snapshot_date": AS_OF, "delivery_id": DELIVERY, "line_number": 2}
    )  # fmt: skip
    tables["mart_return_rules"].append(
        {**about, "category": category, "suggested_rule": "refund_only", "why": "Freight costs more.",
         "why_zh": "运费更高。", "units_returned": 9, "price": price, "break_even_price": Decimal(11),
         "expected_saving": Decimal(25), "expected_saving_low": Decimal(20),
         "expected_saving_high": Decimal(30), "currency": currency}
    )  # fmt: skip
    mine_back = [row for row in tables["fct_returns"] if all(row[key] == about[key] for key in about)]
    if mine_back:
        one = mine_back[0]
        tables["mart_dispute_desk"].append(
            {**about, "case_id": f"case-{about['store']}-{about['marketplace']}-{about['asin']}", "kind": "refund_due",
             "order_id": one["order_id"], "opened_on": AS_OF - timedelta(days=3), "due_on": AS_OF + timedelta(days=1),
             "days_left": 1, "amount": price, "currency": currency, "state": "open",
             "next_step": "Refund the buyer.", "next_step_zh": "请退款。",
             "evidence": json.dumps([f"return {one['return_id']}"]),
             "evidence_zh": json.dumps([f"退货 {one['return_id']}"])}
        )  # fmt: skip
        tables["fct_refunds"].append(
            {**about, "refund_id": f"refund-{one['return_id']}", "channel": "FBA", "order_id": one["order_id"],
             "sku": one["sku"], "refund_date": AS_OF, "refund_amount": price, "currency": currency,
             "source": "settlement", "transaction_type": "Refund", "has_return": True}
        )  # fmt: skip
    for stars in (1, 5):
        tables["fct_reviews"].append(
            {**about, "review_key": f"{about['store']}-{about['marketplace']}-{about['asin']}-{stars}",
             "review_date": AS_OF - timedelta(days=20), "rating": float(stars), "is_critical": stars <= 3,
             "title": "Well", "body": "It is as it is", "category": category, "class_by_text": None,
             "delivery_id": DELIVERY, "line_number": 2}
        )  # fmt: skip
    tables["mart_alerts"].append(
        {"alert_id": f"alert-{about['store']}-{about['marketplace']}-{about['asin']}", "kind": "high_return_rate",
         "severity": "warning", **about, "metric": "return_rate", "value": 0.3, "threshold": 0.1,
         "first_seen": AS_OF - timedelta(days=2), "message_en": f"{about['asin']} comes back often.",
         "message_zh": f"{about['asin']} 退货偏高。"}
    )  # fmt: skip


def _shared(tables: dict[str, list[dict[str, Any]]]) -> None:
    for place, reason in enumerate((*REASONS, "unclear")):
        tables["dim_reason_class"].append({"reason_class": reason, "position": place, "fault": "buyer"})
    tables["dim_run"].append({"reporting_currency": None})
    for back in range(400):
        day = AS_OF - timedelta(days=back)
        is_season = day.month in (11, 12, 1)
        tables["dim_date"].append(
            {"date": day, "is_season_return": is_season, "is_season_purchase": day.month in (11, 12),
             "season_year": (day.year - (day.month == 1)) if is_season else None}
        )  # fmt: skip
    for store in ("north", "isles"):
        for feed in ("fba_returns", "orders"):
            for back in range(40):
                state = "cancelled" if (store, feed, back) == ("north", "orders", 3) else "loaded"
                tables["ops_windows"].append(
                    {
                        "store": store,
                        "feed": feed,
                        "day": AS_OF - timedelta(days=back),
                        "state": state,
                        "is_stale": False,
                    }
                )
        tables["ops_deliveries"].append(
            {"pull_id": f"pull-{store}", "store": store, "feed": "fba_returns", "delivery_id": DELIVERY,
             "delivered_at": datetime(2026, 1, 28, 4, tzinfo=UTC), "outcome": "loaded", "rows_in": 100,
             "rows_bronze": 99, "rows_quarantined": 1, "file_name": "returns.tsv"}
        )  # fmt: skip
        tables["ops_quarantine"].append(
            {"store": store, "feed": "fba_returns", "delivery_id": DELIVERY, "line_number": 7,
             "reasons": "blank:asin", "original_line": "<script>alert(1)</script>"}
        )  # fmt: skip
    tables["ops_reconciliation"].append(
        {"check_name": "bronze_accounted", "store": "north", "feed": "orders", "subject": "", "expected": Decimal(9),
         "actual": Decimal(9), "difference": Decimal(0), "is_ok": True, "severity": "error", "detail": "rows"}
    )  # fmt: skip
