"""Floors for the comment classifier on labelled real comments, which lie beside the repository.

The figures reached are in `docs/reason_classification.md`; these floors only tell that something broke.
"""

import json
from pathlib import Path

import pytest

from benchmarks.classification import Judged, accuracy, by_language, judge, macro_f1, sure

GOLD = Path(__file__).parents[3] / "shared" / "data" / "reason_gold" / "reason_gold_dev.jsonl"

pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not GOLD.exists(), reason=f"labelled comments are not at {GOLD}"),
]


@pytest.fixture(scope="module")
def judged() -> list[Judged]:
    return judge(json.loads(line) for line in GOLD.read_text("utf-8").splitlines() if line)


def test_most_are_judged_as_the_readers_did(judged: list[Judged]) -> None:
    assert accuracy(judged) >= 0.74
    assert macro_f1(judged) >= 0.70


def test_no_language_is_left_behind(judged: list[Judged]) -> None:
    shares = [share for share, _ in by_language(judged).values()]
    assert max(shares) - min(shares) <= 0.10


def test_sure_verdicts_hold(judged: list[Judged]) -> None:
    precision, coverage = sure(judged)
    assert precision >= 0.92
    assert coverage >= 0.25
