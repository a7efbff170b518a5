"""Real reports that nobody here wrote: their published counts hold in bronze, and every known header is recognised.

The files are not part of the repository; they lie in a folder beside it. No expectation here looks at a single row.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from data_contracts.registry import all_feeds
from ingestion.decode.names import Names, Request, recognise
from ingestion.ledger import Pull
from ingestion.mapping import shipped_mappings
from tests.support.deliveries import Bench, make_bench

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not DATA.is_dir(), reason="the real reports are not beside the repository"),
]


@pytest.fixture(scope="module")
def india(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return make_bench(tmp_path_factory.mktemp("real"), region="eu", marketplaces=("IN",))


def rows_of(bench: Bench, path: str) -> tuple[Pull, list[dict[str, Any]]]:
    pull = bench.take((DATA / path).read_bytes(), Path(path).name)
    assert pull.outcome == "loaded", pull.error
    assert pull.rows_in == (pull.rows_bronze or 0) + (pull.rows_quarantined or 0)
    return pull, bench.bronze(pull)


def test_order_lines_of_an_indian_apparel_seller(india: Bench) -> None:
    pull, rows = rows_of(india, "orders/amazon_in_orders_24col_dev.csv")
    assert (pull.feed, len(rows), pull.rows_quarantined, pull.unknown_columns) == ("orders", 2829, 0, ())
    assert len({row["order_id"] for row in rows}) == 2665
    assert len({row["asin"] for row in rows}) == 1458
    assert sum(row["quantity"] for row in rows) == 2552
    assert sum("returned to seller" in row["order_status"].casefold() for row in rows) == 52
    assert sum(row["item_price"] is None for row in rows) == 192
    assert {(row["purchase_date_at"], row["purchase_date_day"].isoformat()) for row in rows} == {
        (None, f"2022-04-{day}") for day in range(27, 31)
    }
    assert b"ship-postal-code" not in india.landing(pull)


def test_magazine_ratings(india: Bench) -> None:
    pull, rows = rows_of(india, "reviews/magazine_ratings_dev.csv.gz")
    assert (pull.feed, len(rows), pull.rows_quarantined) == ("reviews", 48023, 0)
    assert len({row["asin"] for row in rows}) == 1225
    copies = Counter((row["asin"], row["reviewer_id"], row["rating"], row["review_date_day"]) for row in rows)
    assert sum(copies.values()) - len(copies) == 789
    assert round(100 * sum(row["rating"] <= 3 for row in rows) / len(rows), 1) == 25.2
    assert (min(r["review_date_day"] for r in rows).year, max(r["review_date_day"] for r in rows).year) == (2001, 2018)
    by_asin: dict[str, list[float]] = {}
    for row in rows:
        by_asin.setdefault(row["asin"], []).append(row["rating"])
    rated = [ratings for ratings in by_asin.values() if len(ratings) >= 20]
    assert (len(rated), sum(sum(r <= 3 for r in ratings) / len(ratings) > 0.03 for ratings in rated)) == (330, 324)
    assert india.landing(pull) == (DATA / "reviews/magazine_ratings_dev.csv.gz").read_bytes()


def test_beauty_reviews_in_the_older_json_schema(india: Bench) -> None:
    pull, rows = rows_of(india, "reviews/all_beauty_5core_dev.jsonl.gz")
    assert (pull.feed, len(rows), pull.rows_quarantined, pull.unknown_columns) == ("reviews", 2835, 0, ())
    source = [json.loads(line) for line in _text("reviews/all_beauty_5core_dev.jsonl.gz").splitlines()]
    votes = [int(str(row.get("vote", "0")).replace(",", "")) for row in source]
    assert sum(row["helpful_votes"] or 0 for row in rows) == sum(votes)
    assert sum(row["verified_purchase"] for row in rows) == sum(row["verified"] for row in source)


def test_clothing_reviews_with_line_breaks(india: Bench) -> None:
    pull, rows = rows_of(india, "reviews/womens_clothing_reviews_dev.csv.gz")
    assert (pull.feed, len(rows), pull.rows_quarantined, pull.unknown_columns) == ("reviews", 11687, 0, ())
    assert any("\n" in (row["body"] or "") for row in rows)
    assert all(1 <= row["rating"] <= 5 for row in rows)
    assert sum(row["body"] is None for row in rows) > 0
    assert all(row["asin"].isdigit() for row in rows)


def test_amazons_own_samples_are_taken_where_a_feed_is_made_of_them(india: Bench) -> None:
    folder = DATA / "report_samples" / "amazon_local_sandbox_reports"
    outcomes = {path.stem: india.take(path.read_bytes(), path.name) for path in sorted(folder.glob("*.tsv"))}
    assert len(outcomes) == 14
    assert {name: pull.rows_bronze for name, pull in outcomes.items() if pull.outcome == "loaded"} == {
        "GET_FBA_MYI_ALL_INVENTORY_DATA": 4,
        "GET_FBA_MYI_UNSUPPRESSED_INVENTORY_DATA": 3,
        "GET_LEDGER_DETAIL_VIEW_DATA": len((folder / "GET_LEDGER_DETAIL_VIEW_DATA.tsv").read_text().splitlines()) - 1,
    }
    assert not [pull for pull in outcomes.values() if pull.rows_quarantined or pull.unknown_columns]
    refused = [pull for pull in outcomes.values() if pull.outcome == "failed"]
    assert len(refused) == 11
    assert all("No feed is recognised by the header" in str(pull.error) for pull in refused)


def test_every_known_header_of_our_feeds_is_recognised() -> None:
    known = json.loads((DATA / "report_headers" / "report_headers.json").read_text())
    feeds = {report: feed.name for feed in all_feeds().values() for report in feed.report_types}
    seen = set()
    for report, entry in known.items():
        for columns in [entry["columns"], *(v["columns"] for v in entry.get("variants", []) if "columns" in v)]:
            found = recognise(columns, Request(all_feeds(), shipped=shipped_mappings()))
            if report in feeds:
                assert isinstance(found, Names), (report, found)
                assert found.feed.name == feeds[report]
                assert not [header for header in columns if found.is_unknown(header)]
                seen.add(report)
            elif report == "GET_FLAT_FILE_ARCHIVED_ORDERS_DATA_BY_ORDER_DATE":  # the same columns for older orders
                assert isinstance(found, Names)
                assert found.feed.name == "orders"
            else:
                assert not isinstance(found, Names), (report, found)
    assert seen == {
        "GET_AMAZON_FULFILLED_SHIPMENTS_DATA_GENERAL",
        "GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA",
        "GET_FBA_FULFILLMENT_REMOVAL_ORDER_DETAIL_DATA",
        "GET_FBA_REIMBURSEMENTS_DATA",
        "GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE",
        "GET_LEDGER_DETAIL_VIEW_DATA",
        "GET_SELLER_FEEDBACK_DATA",
    }


def _text(path: str) -> str:
    import gzip

    return gzip.decompress((DATA / path).read_bytes()).decode()
