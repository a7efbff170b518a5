"""How often the comment classifier agrees with a labelled file, and how fast it reads.

Run by hand: `python -m benchmarks.classification --gold FILE.jsonl` prints accuracy, macro-F1, per language, per class,
and precision and coverage of the sure verdicts; with `--half a` or `--half b` on one half of the file (split by a hash
of the row's id: one half to develop on, one to report). `--speed N` reads N distinct comments put together from the
project's own (tests/unit/classification/comments).

Belongs here: measuring. Does not belong: anything the product imports.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classification.classifier import Classifier, classify_many

COMMENTS = Path(__file__).parents[1] / "tests" / "unit" / "classification" / "comments"


@dataclass(frozen=True)
class Judged:
    """One labelled comment and what the classifier said of it."""

    language: str
    label: str
    said: str
    is_sure: bool


def judge(rows: Iterable[dict[str, Any]], with_code: bool = True) -> list[Judged]:
    """Every row (fields text, label, and where known code, language, product, id) classified."""
    classifier = Classifier()
    judged = []
    for row in rows:
        code = row.get("code") if with_code else None
        verdict = classifier.classify(row["text"], code, row.get("language"), row.get("product"))
        judged.append(
            Judged(row.get("language") or verdict.language, row["label"], verdict.reason_class, verdict.is_sure)
        )
    return judged


def accuracy(judged: Sequence[Judged]) -> float:
    """Share of rows where the verdict is the label."""
    return sum(row.said == row.label for row in judged) / len(judged)


def by_class(judged: Sequence[Judged]) -> dict[str, tuple[float, float, float, int]]:
    """Precision, recall, F1 and number of labels of every class that is labelled."""
    said, labelled = Counter(row.said for row in judged), Counter(row.label for row in judged)
    right = Counter(row.label for row in judged if row.said == row.label)
    found = {}
    for name, count in sorted(labelled.items(), key=lambda item: (-item[1], item[0])):
        precision = right[name] / said[name] if said[name] else 0.0
        recall = right[name] / count
        f1 = 2 * precision * recall / (precision + recall) if right[name] else 0.0
        found[name] = (precision, recall, f1, count)
    return found


def macro_f1(judged: Sequence[Judged]) -> float:
    """Mean F1 over the classes that are labelled."""
    scores = [f1 for _, _, f1, _ in by_class(judged).values()]
    return sum(scores) / len(scores)


def by_language(judged: Sequence[Judged]) -> dict[str, tuple[float, int]]:
    """Accuracy and number of rows per language."""
    names = sorted({row.language for row in judged})
    groups = {name: [row for row in judged if row.language == name] for name in names}
    return {name: (accuracy(rows), len(rows)) for name, rows in groups.items()}


def sure(judged: Sequence[Judged]) -> tuple[float, float]:
    """Precision of the sure verdicts, and their share of all rows."""
    certain = [row for row in judged if row.is_sure]
    return (accuracy(certain) if certain else 0.0), len(certain) / len(judged)


def half(rows: Iterable[dict[str, Any]], which: str) -> list[dict[str, Any]]:
    """The rows of half `a` or `b`, by a hash of their id."""
    wanted = 0 if which == "a" else 1
    return [row for row in rows if hashlib.sha256(str(row["id"]).encode()).digest()[0] & 1 == wanted]


def report(judged: Sequence[Judged]) -> str:
    """All figures as Markdown tables."""
    precision, coverage = sure(judged)
    languages = by_language(judged)
    spread = max(share for share, _ in languages.values()) - min(share for share, _ in languages.values())
    lines = [
        (
            f"{len(judged)} comments: accuracy {accuracy(judged):.3f}, macro-F1 {macro_f1(judged):.3f}, "
            f"sure {precision:.3f} precise on {coverage:.2f} of them, languages {spread:.2f} apart"
        ),
        "",
        "| language | accuracy | comments |",
        "|---|---|---|",
        *(f"| {name} | {share:.2f} | {count} |" for name, (share, count) in languages.items()),
        "",
        "| class | precision | recall | F1 | comments |",
        "|---|---|---|---|---|",
        *(f"| {name} | {p:.2f} | {r:.2f} | {f:.2f} | {n} |" for name, (p, r, f, n) in by_class(judged).items()),
    ]
    return "\n".join(lines)


def own_comments() -> list[dict[str, Any]]:
    """The project's own labelled comments: one `label<TAB>text` a line, a file per language."""
    return [
        {"language": path.stem, "label": label, "text": text}
        for path in sorted(COMMENTS.glob("*.tsv"))
        for label, _, text in (line.partition("\t") for line in path.read_text("utf-8").splitlines() if line)
    ]


def speed(count: int, seed: int = 7) -> str:
    """Reads `count` distinct comments of one to three sentences, every other one without a named language."""
    chance = random.Random(seed)
    pool: dict[str, list[str]] = {}
    for row in own_comments():
        pool.setdefault(row["language"], []).append(row["text"])
    names = ["en"] * 5 + sorted(pool)
    texts, languages = [], []
    for i in range(count):
        name = chance.choice(names)
        texts.append(" ".join(chance.choices(pool[name], k=chance.choice((1, 1, 2, 3)))) + f" {i}")
        languages.append(name if i % 2 else None)
    start = time.perf_counter()
    classify_many(texts, languages)
    seconds = time.perf_counter() - start
    mean = sum(map(len, texts)) / count
    return f"{count:,} distinct comments of {mean:.0f} characters in {seconds:.1f} s: {count / seconds:,.0f} a second"


def main() -> None:
    """Reads the arguments and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gold", type=Path, help="labelled comments, JSON lines with text, label, language, id")
    parser.add_argument("--half", choices=("a", "b"), help="only one half of the labelled comments")
    parser.add_argument("--without-code", action="store_true", help="judge the words alone")
    parser.add_argument("--speed", type=int, metavar="N", help="read N distinct comments")
    arguments = parser.parse_args()
    if arguments.gold:
        rows = [json.loads(line) for line in arguments.gold.read_text("utf-8").splitlines() if line.strip()]
        rows = half(rows, arguments.half) if arguments.half else rows
        print(report(judge(rows, with_code=not arguments.without_code)))
    elif not arguments.speed:
        print(report(judge(own_comments())))
    if arguments.speed:
        print(speed(arguments.speed))


if __name__ == "__main__":
    main()
