"""The simulator itself: determinism, formats, restatements, and a truth that agrees with a naive reading of the files.

Does not belong here: the pipeline (test_marts_equal_truth.py).
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from data_contracts.feed import normalise_header
from data_contracts.reasons import class_of_code
from data_contracts.registry import all_feeds
from ingestion.connectors import Window
from ingestion.simulator import (
    SimDelivery,
    World,
    documents,
    nightly_deliveries,
    planted_personal_data,
    report,
    schedule,
    truth,
    write_world,
)
from ingestion.simulator.bulk import bulk
from ingestion.simulator.catalogue import class_of_code as simulated_class_of_code
from ingestion.simulator.catalogue import draw_products
from ingestion.simulator.facts import FbaReturn, at_instant
from ingestion.simulator.reports import FEEDS, charset_of
from tests.golden.worlds import AMERICA, world

NOON = datetime(2026, 11, 9, 12, tzinfo=UTC)


def text_of(found: World, delivery: SimDelivery) -> str:
    """The text of a delivery, decoded as its store writes it."""
    assert delivery.content is not None
    content = gzip.decompress(delivery.content) if str(delivery.file_name).endswith(".gz") else delivery.content
    if content.startswith(b"\xef\xbb\xbf"):
        return content.decode("utf-8-sig")
    return content.decode(charset_of(found, delivery.store, delivery.feed))


def rows_of(found: World, delivery: SimDelivery) -> list[dict[str, str]]:
    """Rows of a TSV or CSV delivery by canonical column name; short rows are padded, a blank is empty."""
    text = text_of(found, delivery)
    dialect: dict[str, Any] = (
        {} if delivery.feed == "grade_resell" else {"delimiter": "\t", "quoting": csv.QUOTE_NONE, "quotechar": None}
    )
    reader = csv.reader(io.StringIO(text, newline=""), **dialect)
    feed = all_feeds()[delivery.feed]
    names = [feed.by_header.get(normalise_header(name)) for name in next(reader)]
    found_rows = []
    for row in reader:
        cells = row + [""] * (len(names) - len(row))
        found_rows.append({c.name: cell.strip() for c, cell in zip(names, cells, strict=True) if c is not None})
    return found_rows


def is_spoilt(row: dict[str, str]) -> bool:
    return "SPOILT" in "".join(row.values()) or row.get("order_id", "").startswith("900-")


# -- determinism -----------------------------------------------------------------------------------------------------


def test_the_same_arguments_give_the_same_bytes_and_truth() -> None:
    def made(seed: int) -> tuple[list[tuple[str | None, datetime]], Any]:
        found = World(seed, 3, date(2026, 5, 4), asins=5, stores=AMERICA, history_days=12)
        return [(d.delivery_id, d.delivered_at) for d in nightly_deliveries(found)], truth(found, deliveries=())

    assert made(4) == made(4)
    assert made(4)[0] != made(5)[0]


def test_a_world_that_ends_later_has_the_same_past() -> None:
    short = World(8, 4, date(2026, 5, 4), asins=6, stores=AMERICA, history_days=30)
    long = World(8, 9, date(2026, 5, 9), asins=6, stores=AMERICA, history_days=30)
    at = datetime(2026, 5, 5, 6, tzinfo=UTC)
    window = Window(date(2026, 4, 20), date(2026, 5, 4))
    for feed in ("fba_returns", "mfn_returns", "orders"):
        assert report(short, feed, "us", window, at) == report(long, feed, "us", window, at) is not None
    for feed in ("inventory", "listings", "grade_resell", "settlements"):
        assert report(short, feed, "us", None, at) == report(long, feed, "us", None, at) is not None


def test_more_products_begin_with_the_same_ones() -> None:
    products = draw_products(3, 60)
    assert products[:20] == draw_products(3, 20)
    assert len({product.asin for product in products}) == 60
    assert any(product.asin.startswith("0") and product.asin.isdigit() for product in products)


# -- formats ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("store", world("everywhere").stores)
def test_every_report_has_the_columns_of_its_feed(store: str) -> None:
    found = world("everywhere")
    seen = set()
    for delivery in nightly_deliveries(found):
        if delivery.store != store or delivery.content is None:
            continue
        seen.add(delivery.feed)
        feed = all_feeds()[delivery.feed]
        text = text_of(found, delivery)
        if delivery.feed == "reviews":
            lines = [json.loads(line) for line in text.splitlines()]
            headers = {normalise_header(name) for line in lines for name in line}
            assert len(lines) == delivery.rows
        else:
            first = text.partition("\r\n")[0]
            headers = {normalise_header(name) for name in first.split("," if delivery.feed == "grade_resell" else "\t")}
            assert "\n" not in text.replace("\r\n", "")
            assert text.count("\r\n") == delivery.rows + 1
        known = {feed.by_header[header].name for header in headers if header in feed.by_header}
        if lines_or_rows := delivery.rows:
            assert {column.name for column in feed.required} <= known, (delivery.feed, lines_or_rows)
    assert seen >= {"fba_returns", "mfn_returns", "orders", "settlements", "inventory", "listings", "reviews"}


def test_deliveries_come_in_all_packings_and_outcomes() -> None:
    found = [d for name in ("everywhere", "america") for d in nightly_deliveries(world(name))]
    assert {d.outcome for d in found} == {"document", "cancelled"}
    contents = [d.content for d in found if d.content]
    assert any(content.startswith(b"\x1f\x8b") for content in contents)
    assert any(content.startswith(b"\xef\xbb\xbf") for content in contents)
    assert {d.charset for d in found} >= {None, "UTF-8", "Cp1252", "windows-31j"}
    assert max(Counter((d.delivery_id, d.delivered_at) for d in found if d.content).values()) == 2
    texts = b"".join(contents)
    assert "商品名".encode("cp932") in texts
    assert "Händler-SKU".encode("cp1252") in texts
    assert "卖家 SKU".encode() in texts


def test_a_request_without_seller_fulfilled_returns_is_cancelled_and_one_of_fba_is_empty() -> None:
    found = World(1, 2, date(2026, 5, 4), asins=3, stores=AMERICA, scale=0.0, history_days=3)
    window = Window(date(2026, 5, 3), date(2026, 5, 3))
    at = datetime(2026, 5, 5, 6, tzinfo=UTC)
    assert report(found, "mfn_returns", "us", window, at) is None
    (document,) = documents(found, "fba_returns", "us", window, at)
    assert document.rows == 0
    assert document.content.count(b"\r\n") == 1


def test_seller_fulfilled_rows_are_ragged_and_blank_as_the_real_ones() -> None:
    found = world("america")
    content = report(found, "mfn_returns", "us", Window(date(2026, 10, 20), date(2026, 11, 8)), NOON)
    assert content is not None
    header, *lines = content.decode().rstrip("\r\n").split("\r\n")
    lengths = {len(line.split("\t")) for line in lines}
    assert len(header.split("\t")) == 32
    assert {27, 32} <= lengths
    assert all(line.split("\t")[5] == " " for line in lines)


def test_a_settlement_sums_to_its_total_in_every_region() -> None:
    found = world("everywhere")
    commas = 0
    for delivery in nightly_deliveries(found):
        if delivery.feed != "settlements":
            continue
        summary, *rows = rows_of(found, delivery)
        commas += "," in summary["total_amount"]
        amounts = [Decimal(row["amount"].replace(",", ".")) for row in rows]
        assert sum(amounts) == Decimal(summary["total_amount"].replace(",", "."))
        assert not summary["transaction_type"]
        assert all(row["currency"] == "" for row in rows)
    assert commas


def test_identical_settlement_rows_occur() -> None:
    found = world("america")
    texts = [text_of(found, d) for d in nightly_deliveries(found) if d.feed == "settlements"]
    lines = [line for text in texts for line in text.splitlines() if "\tPrincipal\t" in line]
    assert max(Counter(lines).values()) >= 2


# -- what happens in a world -----------------------------------------------------------------------------------------


def test_every_strange_case_occurs() -> None:
    names = ("america", "abroad", "season", "everywhere")
    returns = [r for name in names for f in world(name).facts.values() for r in f.fba_returns]
    requests = [r for name in names for f in world(name).facts.values() for r in f.mfn_returns]
    lines = [line for name in names for f in world(name).facts.values() for line in f.lines]
    orders_by_plate = defaultdict(set)
    for unit in returns:
        if unit.plate:
            orders_by_plate[unit.plate].add(unit.order_id)
    requests_by_line = Counter((r.line.order_id, r.line.sku, r.request_at.date()) for r in requests)
    alike = Counter((r.order_id, r.sku, r.dates, r.code, r.statuses) for r in returns if not r.plate and r.order_id)
    cases = {
        "moved with a plate": any(len(r.dates) > 1 and r.plate for r in returns),
        "moved without a plate": any(len(r.dates) > 1 and not r.plate for r in returns),
        "plate on two orders": any(len(orders) > 1 for orders in orders_by_plate.values()),
        "two units that differ in nothing": max(alike.values()) > 1,
        "two units in one row": any(r.quantity > 1 for r in returns),
        "no order id": any(r.order_id == "" for r in returns),
        "RE402 order id": any(r.order_id.startswith("RE402-") for r in returns),
        "renamed SKU": any(r.sku.endswith("-OLD") for r in returns),
        "multi-channel order": any(r.order_id.startswith("S02-") for r in returns),
        "replacement returned": any(r.line and r.line.is_replacement for r in returns),
        "used unit sold": any(line.used_condition for line in lines),
        "used unit returned": any(r.line and r.line.used_condition for r in returns),
        "shown weeks later": any(r.dates[0][0] - r.dates[0][1] > timedelta(days=5) for r in returns),
        "shown too late": any(r.dates[0][0] - r.dates[0][1] > timedelta(days=36) for r in returns),
        "reimbursed": any(r.statuses[-1][1] == "Reimbursed" for r in returns),
        "unknown code": any(class_of_code(r.code) == "unmapped" for r in (*returns, *requests)),
        "two requests for one line and day": max(requests_by_line.values()) > 1,
        "request without a number": any(r.rma == "" for r in requests),
        "rejected": any(r.states[-1][1].status == "Rejected" for r in requests),
        "refund filled in later": any(
            r.states[-1][1].refunded is not None and r.states[-2][1].status == "Completed" for r in requests[1:]
        ),
        "pending for good": any(len(line.states) == 1 for line in lines),
        "cancelled": any(line.states[-1][1] == "Cancelled" for line in lines),
        "the same item twice in an order": max(Counter((x.order_id, x.sku) for x in lines).values()) > 1,
        "personal data in a comment": any(r.comment and r.comment.personal for r in returns),
        "preset before the words": any(r.comment and "|" in r.comment.text for r in returns),
        "HTML entities": any(r.comment and "&#" in r.comment.text for r in returns),
        "all-digit ASIN": any(r.product.asin.isdigit() for r in returns),
    }
    languages = {r.comment.language for r in returns if r.comment}
    assert [case for case, occurs in cases.items() if not occurs] == []
    assert languages >= {"en", "de", "fr", "ja", "zh", "es"}


def test_codes_mean_to_the_simulator_what_they_mean_to_the_taxonomy() -> None:
    assert {code: class_of_code(code) for code in simulated_class_of_code()} == simulated_class_of_code()


def test_returns_lag_and_rates_are_as_in_life() -> None:
    found = World(1, 30, date(2026, 9, 30), asins=60, stores=AMERICA)
    units = found.facts["us"].fba_returns
    lags = sorted((u.dates[0][1] - u.line.purchase_at).days for u in units if u.line)
    assert 8 <= lags[len(lags) // 2] <= 13
    assert lags[-1] > 60
    tables = truth(found, deliveries=())
    shares = Counter[str]()
    shipped = Counter[str]()
    category = {product.asin: product.category for product in found.products}
    for row in tables["windows"]:
        if row["window_days"] == 30 and row["channel"] == "ALL":
            shares[category[row["asin"]]] += row["units_returned"]
            shipped[category[row["asin"]]] += row["units_shipped"]
    rates = {name: shares[name] / shipped[name] for name in shipped}
    assert min(rates.values()) < 0.06 < 0.13 < max(rates.values()) < 0.4


def test_gifts_bought_in_the_season_come_back_in_january() -> None:
    found = World(2, 30, date(2026, 2, 8), asins=30, stores=AMERICA, history_days=90)
    lags: dict[bool, list[int]] = {True: [], False: []}
    for unit in (unit for unit in found.facts["us"].fba_returns if unit.line):
        assert unit.line is not None
        bought = unit.line.purchase_at.date()
        if date(2025, 10, 1) <= bought < date(2025, 12, 15):
            lags[bought >= date(2025, 11, 1)].append((unit.dates[0][1].date() - bought).days)
    before, within = (sorted(lags[key])[len(lags[key]) // 2] for key in (False, True))
    assert within > before + 8


# -- visibility and restatement --------------------------------------------------------------------------------------


def shown_in(found: World, store: str, unit: FbaReturn, first: date, last: date, at: datetime) -> list[str]:
    content = report(found, "fba_returns", store, Window(first, last), at)
    assert content is not None
    rows = content.decode("utf-8").split("\r\n")[1:-1]
    return [row.split("\t")[0] for row in rows if unit.plate in row.split("\t")]


def test_a_moved_unit_is_shown_under_one_date_at_a_time() -> None:
    found = world("america")
    moved = [u for u in found.facts["us"].fba_returns if len(u.dates) > 1 and u.plate]
    plates = Counter(u.plate for u in found.facts["us"].fba_returns)
    checked = 0
    for unit in moved:
        if plates[unit.plate] > 1 or unit.dates[1][0].date() > found.end + timedelta(days=30):
            continue
        (shown_at, before), (moved_at, after) = unit.dates
        days = before.date() - timedelta(days=9), before.date() + timedelta(days=9)
        late = datetime(2027, 3, 1, tzinfo=UTC)  # later than any random cancellation
        assert at_instant(unit.dates, shown_at - timedelta(seconds=1)) is None
        assert at_instant(unit.dates, moved_at - timedelta(seconds=1)) == before
        assert shown_in(found, "us", unit, *days, late) == [after.isoformat()]
        checked += 1
    assert checked


def test_the_status_of_a_request_is_restated() -> None:
    found = world("america")
    request = next(
        r for r in found.facts["us"].mfn_returns if len(r.states) > 1 and r.rma and r.request_at.date() < found.end
    )
    day = request.request_at.date()
    seen = []
    for at in (request.states[0][0] - timedelta(seconds=1), *(since for since, _ in request.states)):
        assert (state := at_instant(request.states, at)) is None or state.status
        late = max(at, datetime(2026, 11, 9, tzinfo=UTC)) if at == request.states[-1][0] else at
        content = report(found, "mfn_returns", "us", Window(day, day), late) or b""
        seen.append([line for line in content.decode().split("\r\n") if request.rma in line])
    assert seen[0] == []
    assert len(seen[-1]) == 1
    assert request.states[-1][1].status in seen[-1][0].split("\t")


# -- the truth -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["america", "abroad", "season", "everywhere"])
def test_the_truth_agrees_with_itself(name: str) -> None:
    found = world(name)
    tables = truth(found, deliveries=())
    units = sum(row["units"] for row in tables["returns"])
    assert sum(row["units_returned"] + row["units_returned_excluded"] for row in tables["daily"]) == units
    assert tables["totals"]["units_returned"] == units > 50
    assert tables["totals"]["units_unattributed"] > 0
    assert tables["totals"]["ambiguous_units"] == 0
    refunded = sum(row["refund_amount"] for row in tables["refunds"] if row["marketplace"] != "unattributed")
    shown = [row["refund_amount"] for row in tables["daily"] if row["marketplace"] != "unattributed"]
    assert sum(shown) == refunded  # and none is None: one marketplace has one currency
    windows = {
        tuple(row[k] for k in ("store", "marketplace", "asin", "channel", "window_days")): row
        for row in tables["windows"]
    }
    for key, row in windows.items():
        if key[3] == "ALL":
            parts = [
                windows[(*key[:3], channel, key[4])]
                for channel in ("FBA", "FBM")
                if (*key[:3], channel, key[4]) in windows
            ]
            for count in ("units_shipped", "units_returned", "cohort_units_returned"):
                assert row[count] == sum(part[count] for part in parts)
    by_code = sum(
        row["units_by_code"] for row in tables["reasons"] if (row["channel"], row["window_days"]) == ("ALL", 365)
    )
    assert by_code == sum(row["units"] for row in tables["returns"] if row["counts"])
    assert all(row["return_date"] <= found.end for row in tables["returns"])


def test_what_no_pull_has_shown_is_not_in_the_truth() -> None:
    found = world("america")
    pulls = schedule(found)
    everything = truth(found, pulls=pulls, deliveries=())
    half = truth(found, pulls=pulls[: len(pulls) // 2], deliveries=())
    nothing = truth(found, pulls=[], deliveries=())
    assert nothing["returns"] == nothing["daily"] == []
    assert 0 < len(half["returns"]) < len(everything["returns"])
    units = [u for u in found.facts["us"].fba_returns if u.plate]
    too_late = {(u.order_id, u.plate) for u in units if u.dates[0][0] > pulls[-1].at}
    assert too_late
    assert not too_late & {(row["order_id"], row["license_plate_number"]) for row in everything["returns"]}


@pytest.mark.parametrize("name", ["america", "abroad", "season"])
def test_a_naive_reading_of_the_files_gives_the_same_units(name: str) -> None:
    """Ownership of days, plates and keys, applied to the delivered text in the plainest way."""
    found = world(name)
    owner: dict[tuple[str, date], str] = {}
    content: dict[str, list[dict[str, str]]] = {}
    newest: dict[str, dict[tuple[str, ...], list[dict[str, str]]]] = {"mfn_returns": {}, "orders": {}}
    for delivery in sorted(nightly_deliveries(found), key=lambda d: d.delivered_at):
        if delivery.content is None or delivery.feed not in ("fba_returns", "mfn_returns", "orders"):
            continue
        rows = [row for row in rows_of(found, delivery) if not is_spoilt(row)]
        key = f"{delivery.delivered_at.isoformat()} {delivery.delivery_id}"
        if delivery.feed == "fba_returns":
            assert delivery.window is not None
            content[key] = rows
            owner |= {(delivery.store, day): key for day in delivery.window.days()}
            continue
        names = (
            ("amazon_rma_id", "order_id", "asin", "merchant_sku")
            if delivery.feed == "mfn_returns"
            else ("order_id", "sku")
        )
        groups = defaultdict(list)
        for row in rows:
            blank = (row["return_request_date"],) if row.get("amazon_rma_id") == "" else ()
            groups[(delivery.store, *(row[n] for n in names), *blank)].append(row)
        newest[delivery.feed] |= groups
    units: Counter[str] = Counter()
    plated: dict[tuple[str, str, str], tuple[str, str, int]] = {}
    for (store, day), key in owner.items():
        for row in content[key]:
            written = row["return_date"]
            iso = "-".join(reversed(written.split("-"))) if written[2] == "-" else written[:10]
            if date.fromisoformat(iso) != day:
                continue
            if plate := row["license_plate_number"]:
                place = store, row["order_id"], plate
                plated[place] = max(plated.get(place, ("", "", 0)), (key, written, int(row["quantity"])))
            else:
                units["FBA"] += int(row["quantity"])
    units["FBA"] += sum(quantity for _, _, quantity in plated.values())
    units["FBM"] = sum(int(row["return_quantity"]) for group in newest["mfn_returns"].values() for row in group)
    shipped = sum(
        int(row["quantity"] or 0) for group in newest["orders"].values() for row in group
        if row["order_status"].startswith("Shipped")
    )  # fmt: skip
    tables = truth(found, as_of=found.end + timedelta(days=2), deliveries=())
    assert units == {"FBA": tables["totals"]["units_fba"], "FBM": tables["totals"]["units_fbm"]}
    assert shipped == tables["totals"]["units_shipped"]


def test_bad_rows_are_few_and_counted() -> None:
    found = world("everywhere")
    bad = Counter[str]()
    for delivery in nightly_deliveries(found):
        assert not all_feeds()[delivery.feed].bad_rows.blocks(delivery.bad_rows, delivery.rows)
        bad[delivery.feed] += delivery.bad_rows
        if delivery.content and delivery.feed in ("fba_returns", "mfn_returns", "orders", "grade_resell"):
            assert sum(is_spoilt(row) for row in rows_of(found, delivery)) == delivery.bad_rows
    assert set(bad) == set(FEEDS)
    assert all(bad[feed] for feed in ("fba_returns", "mfn_returns", "orders", "grade_resell", "reviews"))


def test_personal_data_is_planted_in_columns_and_comments() -> None:
    found = world("everywhere")
    text = "".join(text_of(found, d) for d in nightly_deliveries(found) if d.content)
    planted = planted_personal_data(found)
    occurring = {word for word in planted if word in text}
    assert {"Vexborough", "@marketplace.example.com"} <= occurring
    assert any(word.startswith("999-") for word in occurring)
    assert any("555" in word for word in occurring)
    assert any(word.startswith("buyer.") for word in occurring)


# -- folders and bulk ------------------------------------------------------------------------------------------------


def test_a_world_is_written_as_a_folder(tmp_path: Path) -> None:
    found = World(4, 2, date(2026, 5, 4), asins=5, stores=AMERICA, history_days=12)
    path = write_world(found, tmp_path / "world", nights=1)
    tables = json.loads(path.read_text(encoding="utf-8"))
    lines = [json.loads(line) for line in (tmp_path / "world/deliveries.jsonl").read_text().splitlines()]
    assert tables["totals"]["units_returned"] == sum(row["units"] for row in tables["returns"]) > 0
    assert sum(line["bad_rows"] for line in lines) >= tables["totals"]["quarantined"]
    for line in lines:
        assert (line["path"] is None) == (line["outcome"] == "cancelled")
        if line["path"]:
            assert (tmp_path / "world" / line["path"]).stat().st_size
    assert '[stores."us"]' in (tmp_path / "world/returnscope.toml").read_text()
    with pytest.raises(FileExistsError, match="not empty"):
        write_world(found, tmp_path / "world")


def test_bulk_files_are_reproducible_and_have_real_columns(tmp_path: Path) -> None:
    first = bulk(tmp_path / "a", 30_000, asins=200)
    second = bulk(tmp_path / "b", 30_000, asins=200)
    assert first.rows == second.rows
    assert [p.read_bytes() for p in first.files] == [p.read_bytes() for p in second.files]
    assert first.rows["orders"] == 30_000
    assert 0.08 < (first.rows["fba_returns"] + first.rows["mfn_returns"]) / 30_000 < 0.12
    assert 0.18 < first.rows["reviews"] / 30_000 < 0.22
    for path in first.files:
        feed = next(feed for feed in all_feeds().values() if path.name.startswith(f"{feed.name}_"))
        lines = path.read_text(encoding="utf-8").splitlines()
        if feed.name == "reviews":
            assert all(json.loads(line)["rating"] for line in lines)
            continue
        header, *rows = (line.split("\t") for line in lines)
        assert {
            feed.by_header[normalise_header(name)].name for name in header if normalise_header(name) in feed.by_header
        } >= {column.name for column in feed.required}
        assert {len(row) for row in rows} <= {len(header), len(header) - 5}
        assert len(rows) == first.rows[feed.name]
        if feed.name == "orders":
            assert 0.02 < 1 - len({row[0] for row in rows}) / len(rows) < 0.08
