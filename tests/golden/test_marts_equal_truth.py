"""Marts of simulated worlds, through the whole pipeline, equal the truth to the unit and to the cent.

Does not belong here: the simulator itself (test_simulator.py), the order of deliveries (test_delivery_order.py).
"""

from __future__ import annotations

import gzip
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from data_contracts.marketplaces import get_marketplace
from data_contracts.metrics import registry
from ingestion.simulator import nightly_deliveries, planted_personal_data, truth
from tests.crosscheck.formulas import wilson
from tests.golden.nights import Night, build
from tests.golden.worlds import world

NAMES = ("america", "abroad", "season")
Row = dict[str, Any]
ZERO = Decimal(0)


@pytest.fixture(scope="module")
def dbt_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dbt")


@pytest.fixture(scope="module", params=NAMES)
def golden(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, dbt_folder: Path
) -> tuple[Night, Row]:
    """A built night and the truth of its world."""
    found = world(request.param)
    deliveries = list(nightly_deliveries(found))
    night = build(found, tmp_path_factory.mktemp(request.param), dbt_folder, deliveries)
    return night, truth(found, deliveries=deliveries)


def cells(rows: Iterable[Row], keys: Sequence[str], values: Sequence[str]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Rows as key to values, NULL as 0, cells of nothing but zeros left out; a key that occurs twice is an error."""
    found: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for row in rows:
        key = tuple(row[name] for name in keys)
        assert key not in found, key
        found[key] = tuple(row[name] or 0 for name in values)
    return {key: value for key, value in found.items() if any(value)}


def assert_same(mart: dict[Any, Any], true: dict[Any, Any]) -> None:
    """Equal, or the first few differences as (key, mart, truth)."""
    wrong = [(key, mart.get(key), true.get(key)) for key in {**mart, **true} if mart.get(key) != true.get(key)]
    assert not wrong, f"{len(wrong)} of {len(true)} differ: {sorted(wrong, key=str)[:5]}"


DAY = ("store", "marketplace", "asin", "channel", "date")
COUNTS = ("units_ordered", "units_shipped", "units_returned", "units_returned_excluded", "units_rejected")


def test_every_day_of_every_asin(golden: tuple[Night, Row]) -> None:
    night, true = golden
    values = (*COUNTS, "sales_amount", "refund_amount")
    rows = night.rows("select * from marts.mart_asin_daily where channel <> 'ALL'")
    assert_same(cells(rows, DAY, values), cells(true["daily"], DAY, values))
    currency = {tuple(row[name] for name in DAY): row["currency"] for row in true["daily"] if row["currency"]}
    shown = {tuple(row[name] for name in DAY): row["currency"] for row in rows}
    assert_same({key: shown[key] for key in currency}, currency)
    unmixed = {
        row["marketplace"]: get_marketplace(row["marketplace"]).currency
        for row in rows
        if row["currency"] and row["marketplace"] != "unattributed"
    }
    assert all(row["currency"] in (None, unmixed.get(row["marketplace"], row["currency"])) for row in rows)


def test_both_channels_are_all(golden: tuple[Night, Row]) -> None:
    night, _ = golden
    parts: dict[tuple[Any, ...], Counter[str]] = {"ALL": defaultdict(Counter), "parts": defaultdict(Counter)}  # type: ignore[dict-item]
    for row in night.rows("select * from marts.mart_asin_daily"):
        key = tuple(row[name] for name in DAY if name != "channel")
        for count in COUNTS:
            parts["ALL" if row["channel"] == "ALL" else "parts"][key][count] += row[count]  # type: ignore[index]
    assert parts["ALL"] == parts["parts"]  # type: ignore[index]


def test_windows_and_rates(golden: tuple[Night, Row]) -> None:
    night, true = golden
    keys = ("store", "marketplace", "asin", "channel", "window_days")
    values = (*COUNTS, "sales_amount", "refund_amount", "cohort_units_returned")
    rows = night.rows("select * from marts.mart_asin_insights")
    assert_same(cells(rows, keys, values), cells(true["windows"], keys, values))
    for row in rows:
        if not row["units_shipped"]:
            assert row["return_rate"] is row["return_rate_low"] is row["return_rate_high"] is None
            assert row["cohort_return_rate"] is None
            assert not row["is_high_return_rate"]
            continue
        assert row["return_rate"] == pytest.approx(row["units_returned"] / row["units_shipped"], abs=1e-9)
        assert row["cohort_return_rate"] == pytest.approx(row["cohort_units_returned"] / row["units_shipped"], abs=1e-9)
        low, high = wilson(row["units_returned"], row["units_shipped"])
        assert (row["return_rate_low"], row["return_rate_high"]) == pytest.approx((low, high), abs=1e-9)


def test_reasons_by_code(golden: tuple[Night, Row]) -> None:
    night, true = golden
    keys = ("store", "marketplace", "asin", "channel", "window_days", "reason_class")
    rows = night.rows("select * from marts.mart_return_reasons")
    assert_same(cells(rows, keys, ["units_by_code"]), cells(true["reasons"], keys, ["units_by_code"]))
    final: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        final[tuple(row[name] for name in keys[:5])] += row["units"]
    returned = cells(true["windows"], keys[:5], ["units_returned"])
    assert_same({key: (units,) for key, units in final.items() if units}, returned)


def test_every_return_row(golden: tuple[Night, Row]) -> None:
    night, true = golden
    names = (
        "store", "marketplace", "channel", "order_id", "sku", "asin", "units", "return_date", "purchase_date",
        "reason_code", "reason_class_code", "status", "disposition", "license_plate_number", "rma_id", "attribution",
        "is_new_item", "is_used", "is_replacement", "is_multi_channel",
    )  # fmt: skip

    def counted(rows: Iterable[Row]) -> Counter[tuple[Any, ...]]:
        return Counter(tuple("" if row[name] is None else row[name] for name in names) for row in rows)

    rows = night.rows("select * from marts.fct_returns")
    assert_same(counted(rows), counted(true["returns"]))
    assert sum(row["units"] for row in rows) == true["totals"]["units_returned"]
    assert (
        sum(row["units"] for row in rows if row["marketplace"] == "unattributed")
        == true["totals"]["units_unattributed"]
    )
    assert len({row["return_id"] for row in rows}) == len(rows)


def test_comments_are_kept_as_written(golden: tuple[Night, Row]) -> None:
    night, true = golden
    rows = night.rows("select * from marts.fct_returns where comment is not null")
    shown = Counter((row["store"], row["order_id"] or "", row["comment"]) for row in rows)
    written = [row for row in true["returns"] if row["comment"]]
    assert len(rows) == len(written)
    plain = Counter((row["store"], row["order_id"], row["comment"]) for row in written if not row["has_personal_data"])
    assert plain <= shown


def test_what_was_refunded_for_returns(golden: tuple[Night, Row]) -> None:
    night, true = golden

    def summed(rows: Iterable[Row]) -> dict[tuple[str, str, str], Decimal | None]:
        found: dict[tuple[str, str, str], Decimal | None] = {}
        for row in rows:
            key = (row["store"], row["order_id"], row["asin"])
            if row["refund_amount"] is not None:
                found[key] = (found.get(key) or ZERO) + row["refund_amount"]
            else:
                found.setdefault(key, None)
        return found

    rows = night.rows("select * from marts.fct_returns where coalesce(order_id, '') <> ''")
    assert_same(summed(rows), summed(true["return_refunds"]))
    assert all(row["refund_amount"] is None or row["refund_amount"] == round(row["refund_amount"], 2) for row in rows)


def test_every_refund(golden: tuple[Night, Row]) -> None:
    night, true = golden
    names = ("store", "marketplace", "channel", "order_id", "sku", "asin", "refund_date", "source", "currency")

    def summed(rows: Iterable[Row]) -> dict[tuple[Any, ...], Decimal]:
        found: dict[tuple[Any, ...], Decimal] = defaultdict(lambda: ZERO)
        for row in rows:
            found[tuple(row[name] for name in names)] += row["refund_amount"]
        return dict(found)

    assert_same(summed(night.rows("select * from marts.fct_refunds")), summed(true["refunds"]))


def test_order_lines_by_status(golden: tuple[Night, Row]) -> None:
    night, true = golden
    keys, values = (
        ("store", "marketplace", "channel", "order_status"),
        ("lines", "units_ordered", "units_shipped", "sales_amount"),
    )
    rows = night.rows(
        "select store, marketplace, channel, order_status, count(*) as lines, sum(units_ordered) as units_ordered, "
        "sum(units_shipped) as units_shipped, sum(sales_amount) as sales_amount from marts.fct_order_lines group by all"
    )
    assert_same(cells(rows, keys, values), cells(true["order_lines"], keys, values))


def test_reviews(golden: tuple[Night, Row]) -> None:
    night, true = golden
    keys, values = ("store", "marketplace", "asin", "window_days"), ("reviews", "critical_reviews")
    rows = night.rows("select * from marts.mart_performance")
    assert_same(cells(rows, keys, values), cells(true["performance"], keys, values))
    for row in rows:
        assert row["is_alert"] == (row["critical_reviews"] * 100 > 3 * row["reviews"])


def test_recovery(golden: tuple[Night, Row]) -> None:
    night, true = golden
    keys = ("store", "marketplace", "asin", "used_condition", "month")
    values = ("units_graded", "units_sold", "gross_sales")
    rows = night.rows("select * from marts.mart_recovery")
    assert_same(cells(rows, keys, values), cells(true["recovery"], keys, values))
    fees: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    mixed = set()
    settled = {
        row["store"]: row["month"]
        for row in night.rows(
            "select store, date_trunc('month', max(posted_date))::date as month "
            "from marts.fct_settlement_lines group by store"
        )
    }
    for row in rows:
        if row["month"] > settled[row["store"]]:  # no settlement reaches this month yet
            assert row["fees"] is row["net_recovery_rate"] is None
            continue
        if row["fees"] is None:  # charges in euro and pounds fell into one cell: no sum
            assert row["net_recovery_rate"] is None
            assert len({get_marketplace(code).currency for code in night.world.stores[row["store"]].marketplaces}) > 1
            mixed.add((row["store"], row["asin"]))
            continue
        fees[row["store"], row["asin"]] += row["fees"]
        if row["gross_sales"]:
            net = (row["gross_sales"] - row["fees"]) / row["gross_sales"]
            assert row["net_recovery_rate"] == pytest.approx(float(net), abs=1e-9)
        else:
            assert row["net_recovery_rate"] is None
    assert_same(
        {key: value for key, value in fees.items() if value and key not in mixed},
        {
            key: row["fees"]
            for row in true["recovery_fees"]
            if row["fees"] and (key := (row["store"], row["asin"])) not in mixed
        },
    )


def test_what_returns_cost(golden: tuple[Night, Row]) -> None:
    night, true = golden
    keys = ("store", "marketplace", "asin", "channel")
    values = (
        "refund_amount", "tax_returned", "fees_returned", "fees_kept", "return_freight", "return_fees", "resale_fees",
        "resale_sales",
    )  # fmt: skip
    rows = night.rows("select * from marts.mart_return_cost where channel <> 'ALL' and window_days = 365")
    mixed = {tuple(row[name] for name in keys) for row in rows if row["is_mixed_currency"]}
    assert len(mixed) < len(rows) / 10
    wanted = cells(true["costs"], keys, values)
    assert_same(
        cells([row for row in rows if tuple(row[name] for name in keys) not in mixed], keys, values),
        {key: value for key, value in wanted.items() if key not in mixed},
    )


def test_stock(golden: tuple[Night, Row]) -> None:
    night, true = golden
    keys, values = ("store", "asin", "sku"), ("fulfillable", "unsellable", "reserved", "inbound", "snapshot_date")
    rows = night.rows("select * from marts.fct_inventory")
    assert_same(cells(rows, keys, values), cells(true["stock"], keys, values))


def test_rows_are_conserved_and_the_spoilt_ones_quarantined(golden: tuple[Night, Row]) -> None:
    night, true = golden
    assert not [(pull.file_name, pull.error) for pull in night.pulls if pull.outcome == "failed"]
    taken = {
        (pull.feed, pull.store, pull.delivery_id): (pull.rows_in, pull.rows_quarantined)
        for pull in night.pulls
        if pull.delivery_id is not None
    }
    assert_same(
        taken,
        {(row["feed"], row["store"], row["delivery_id"]): (row["rows"], row["bad_rows"]) for row in true["deliveries"]},
    )
    assert all(
        pull.rows_in == (pull.rows_bronze or 0) + (pull.rows_quarantined or 0)
        for pull in night.pulls
        if pull.delivery_id
    )
    (counted,) = night.rows("select count(*) as rows from marts.ops_quarantine")
    assert counted["rows"] == true["totals"]["quarantined"]


def test_every_settlement(golden: tuple[Night, Row]) -> None:
    night, true = golden
    rows = night.rows("select distinct store, marketplace, settlement_id from marts.fct_settlement_lines")
    assert {(r["store"], r["settlement_id"]) for r in rows} == {
        (r["store"], r["settlement_id"]) for r in true["settlements"]
    }


def test_no_personal_data_is_stored(golden: tuple[Night, Row]) -> None:
    night, _ = golden
    planted = [word.encode() for word in planted_personal_data(night.world)]
    root = night.folder / "home" / "lake"
    files = [path for path in root.rglob("*") if path.is_file()]
    assert len(files) > 50
    found: set[bytes] = set()
    with duckdb.connect() as con:
        for path in files:
            if path.suffix == ".parquet":
                rows = con.execute(f"select * from read_parquet('{path}')").fetchall()
                content = "\n".join(str(value) for row in rows for value in row).encode()
            else:
                content = path.read_bytes()
                content = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
            found |= {word for word in planted if word in content}
    assert not found


def test_measures_of_the_semantic_layer_give_the_numbers_of_the_marts(golden: tuple[Night, Row]) -> None:
    """As MetricFlow would compile them: the expression's sum over the model's rows; a ratio of two such sums."""
    night, _ = golden
    metrics = {metric.name: metric for metric in registry().metrics if metric.measure}

    def asked(name: str, days: int, *by: str) -> dict[Any, Any]:
        metric = metrics[name]
        model, above = registry().measures[metric.measure]
        sums = [f"cast({above.agg}({above.expr}) as double)"]
        if metric.per:
            _, below = registry().measures[metric.per]
            sums.append(f"nullif(cast({below.agg}({below.expr}) as double), 0)")
        rows = night.rows(
            f"select {', '.join(by)}, {' / '.join(sums)} as value from marts.{model.model} "
            f"where {model.time} > as_of_date - {days} and {model.time} <= as_of_date group by all"
        )
        return {tuple(row[name] for name in by): row["value"] for row in rows}

    def shown(select: str) -> dict[Any, Any]:
        return {tuple(row.values())[:-1]: tuple(row.values())[-1] for row in night.rows(select)}

    item = "store, marketplace, asin"
    marts = {
        "units_returned": "units_returned from marts.mart_asin_insights where channel = 'ALL' and window_days = 30",
        "units_shipped": "units_shipped from marts.mart_asin_insights where channel = 'ALL' and window_days = 30",
        "return_rate": "return_rate from marts.mart_asin_insights where channel = 'ALL' and window_days = 30",
        "refunds_issued": "refund_amount from marts.mart_asin_insights where channel = 'ALL' and window_days = 30 "
        "and currency is not null",
        "critical_review_rate": "critical_review_rate from marts.mart_performance where window_days = 30",
    }
    for name, source in marts.items():
        found, wanted = asked(name, 30, "store", "marketplace", "asin"), shown(f"select {item}, {source}")
        compared = [
            (key, value, found[key])
            for key, value in wanted.items()
            if value is not None and (value or found.get(key)) and float(value) != pytest.approx(found[key], abs=1e-9)
        ]
        assert compared == [], name
        assert any(wanted.values()), name
    recovery = shown(
        "select store, sum(gross_sales - fees) / nullif(sum(case when fees is not null then gross_sales end), 0) "
        "from marts.mart_recovery group by store"
    )
    assert asked("net_recovery_rate", 3650, "store") == pytest.approx(recovery, nan_ok=True)
    cases = shown("select store, count(*) from marts.mart_dispute_desk where state <> 'done' group by store")
    assert asked("open_cases", 3650, "store") == cases
    assert set(metrics) == {*marts, "net_recovery_rate", "open_cases"}
