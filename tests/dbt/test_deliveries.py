"""Any order, overlap or repetition of deliveries gives the same truth: SQL against loops, on random deliveries.

The loops below say the rule as the design does, one pull and one row at a time; the models say it in sets. Every store
is one random history of pulls, and all of them are built at once.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.support.warehouse import Delivery, Row, Warehouse, build, fba_return, mfn_return, settings

SEEDS = range(150)
#: for the long run; a history has three or four pulls
BATCHES, BATCH = 5, 1_000
DAYS = [f"2025-01-0{day}" for day in range(1, 6)]
TIMES = [f"2025-02-0{day}T01:00:00" for day in range(1, 5)]
Line = tuple[str, int]
Returns = tuple[dict[str, list[Line]], dict[str, list[Line]]]


def random_history(seed: int) -> list[Delivery]:
    """Up to six pulls of both return feeds over five days, with few values, so that they collide."""
    draw = random.Random(seed)
    found: list[Delivery] = []
    for _ in range(draw.randint(1, 6)):
        first, last = sorted(draw.choices(DAYS, k=2))
        window = (first, last) if draw.random() < 0.7 else None
        if found and draw.random() < 0.25:
            again = draw.choice([d for d in found if d.outcome != "cancelled"] or found)
            at, restates = draw.choice(TIMES), draw.random() < 0.5
            found.append(replace(again, at=at, window=window, restates=restates, outcome=again.outcome or "duplicate"))
        elif draw.random() < 0.1:
            found.append(Delivery("fba_returns", [], draw.choice(TIMES), window, outcome="cancelled"))
        else:
            feed = draw.choice(["fba_returns", "fba_returns", "mfn_returns"])
            rows = [random_row(draw, feed) for _ in range(draw.randint(0, 5))]
            found.append(Delivery(feed, rows, draw.choice(TIMES), window))
    return [replace(delivery, store=f"s{seed}") for delivery in found]


def random_row(draw: random.Random, feed: str) -> Row:
    order, day = draw.choice("AB"), draw.choice(DAYS)
    if feed == "mfn_returns":
        return mfn_return(order, amazon_rma_id=draw.choice(["R", "S", None, " "]), return_request_date=day)
    plate = draw.choice([None, None, "P", "Q", ""])
    return fba_return(order, return_date=day, license_plate_number=plate, status=draw.choice(["x", "y"]))


def statements(history: Iterable[Delivery], feed: str) -> list[Delivery]:
    return [d for d in history if d.feed == feed and d.restates and d.delivery_id]


def newness(delivery: Delivery) -> tuple[str, str]:
    return delivery.at, delivery.delivery_id or ""


def windowed_truth(history: Iterable[Delivery]) -> list[Line]:
    """Lines of FBA returns that hold."""
    said = statements(history, "fba_returns")

    def covers(pull: Delivery, day: str) -> bool:
        return pull.window is not None and pull.window[0] <= day <= pull.window[1]

    # the newest time at which each line was said by a pull that may say it
    held: dict[Line, tuple[tuple[str, str], Row]] = {}
    for pull in said:
        for line, row in enumerate(pull.rows, start=2):
            covering = [other for other in said if covers(other, row["return_date"])]
            owner = max(covering, key=newness, default=None)
            if covers(pull, row["return_date"]):
                holds = owner is not None and owner.delivery_id == pull.delivery_id
                said_at = owner.at if owner else pull.at
            else:
                holds = owner is None or owner.at <= pull.at
                said_at = pull.at
            key = (pull.delivery_id or "", line)
            if holds and (key not in held or held[key][0][0] < said_at):
                held[key] = ((said_at, key[0]), row)

    # the n-th of equal rows restates the n-th
    nth: dict[tuple[str, str], int] = defaultdict(int)
    standing: dict[tuple[str, int], tuple[tuple[str, str], Line, Row]] = {}
    for (delivery, line), (newer, row) in sorted(held.items()):
        identity = repr([row["return_date"], row["order_id"], row["license_plate_number"] or ""])
        nth[delivery, identity] += 1
        place = (identity, nth[delivery, identity])
        if place not in standing or standing[place][0] < newer:
            standing[place] = (newer, (delivery, line), row)

    # a plate of one order is one unit
    truth = [line for _, line, row in standing.values() if not row["license_plate_number"]]
    plates: dict[tuple[str, str], list[tuple[tuple[str, str], str, Line]]] = defaultdict(list)
    for newer, line, row in standing.values():
        if row["license_plate_number"]:
            plates[row["order_id"], row["license_plate_number"]].append((newer, row["return_date"], line))
    for rows in plates.values():
        newest = max(newer for newer, _, _ in rows)
        last_day = max(day for newer, day, _ in rows if newer == newest)
        truth += [line for newer, day, line in rows if newer == newest and day == last_day]
    return sorted(truth)


def keyed_truth(history: Iterable[Delivery]) -> list[Line]:
    """Lines of seller-fulfilled returns that hold."""
    newest: dict[str, tuple[str, str]] = {}
    lines: list[tuple[str, tuple[str, str], Line]] = []
    for pull in statements(history, "mfn_returns"):
        for line, row in enumerate(pull.rows, start=2):
            rma = (row["amazon_rma_id"] or "").strip()
            key = repr([rma, row["order_id"]]) if rma else repr([row["order_id"], row["return_request_date"]])
            newest[key] = max(newest.get(key, newness(pull)), newness(pull))
            lines.append((key, newness(pull), (pull.delivery_id or "", line)))
    return sorted({line for key, newer, line in lines if newer == newest[key]})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("warehouse")


def histories(seeds: range) -> list[Delivery]:
    """All deliveries of these histories."""
    return [delivery for seed in seeds for delivery in random_history(seed)]


def built(home: Path, seeds: range, history: list[Delivery], shuffle: int | None = None) -> Warehouse:
    stores = {f"s{seed}": ["US"] for seed in seeds}
    made = build(
        home,
        history,
        settings(stores, home),
        as_of=date(2025, 3, 1),
        command="run",
        select=["+int_returns"],
        shuffle=shuffle,
    )
    assert made.run.succeeded
    return made


def truth(made: Warehouse, seeds: range, channel: str) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {f"s{seed}": [] for seed in seeds}
    for store, delivery, line in made.rows(
        f"select store, delivery_id, line_number from intermediate.int_returns where channel = '{channel}' order by all"
    ):
        found[store].append((delivery, line))
    return found


def both(made: Warehouse, seeds: range) -> Returns:
    """What holds of FBA and of seller-fulfilled returns."""
    return truth(made, seeds, "FBA"), truth(made, seeds, "FBM")


def agree(returns: Returns, seeds: range) -> None:
    """Sets and loops say the same of every history."""
    windowed = {f"s{seed}": windowed_truth(random_history(seed)) for seed in seeds}
    assert {store: lines for store, lines in returns[0].items() if lines != windowed[store]} == {}
    assert sum(map(len, windowed.values())) > len(seeds)
    keyed = {f"s{seed}": keyed_truth(random_history(seed)) for seed in seeds}
    assert {store: lines for store, lines in returns[1].items() if lines != keyed[store]} == {}
    assert sum(map(len, keyed.values())) > len(seeds) / 2


def repeated(history: list[Delivery]) -> list[Delivery]:
    """Every delivery again, once as a plain repetition and once in the very same pull."""
    return [*history, *(replace(delivery, restates=False) for delivery in history), *history]


@pytest.fixture(scope="module")
def returns(home: Path) -> Returns:
    return both(built(home, SEEDS, histories(SEEDS)), SEEDS)


def test_sets_and_loops_agree(returns: Returns) -> None:
    agree(returns, SEEDS)


def test_repetition_and_order_change_nothing(home: Path, returns: Returns) -> None:
    again = built(home, SEEDS, repeated(histories(SEEDS)), shuffle=3)
    assert both(again, SEEDS) == returns


@pytest.mark.soak
@pytest.mark.parametrize("batch", range(1, 1 + BATCHES))
def test_thousands_of_histories(home: Path, batch: int) -> None:
    """As above, a thousand histories in one build, then all of it repeated in another order."""
    seeds = range(batch * BATCH, (batch + 1) * BATCH)
    found = both(built(home, seeds, histories(seeds)), seeds)
    agree(found, seeds)
    assert both(built(home, seeds, repeated(histories(seeds)), shuffle=batch), seeds) == found
