"""How often the comment classifier agrees with a labelled file, and how fast it reads.

Run by hand: `python -m benchmarks.classification --gold FILE.jsonl` prints accuracy, macro-F1, per language, per class,
and precision and coverage of the sure verdicts; without a file on the project's own comments
(tests/unit/classification/comments). `--lonely` tells how much of the accuracy hangs on entries of the lexicons that
speak in one labelled comment only, which is where a lexicon fitted to its test set shows. `--speed N` reads N distinct
comments put together from the project's own, and says how much processor time that took.

Belongs here: measuring. Does not belong: anything the product imports.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from classification.classifier import Classifier, classify_many
from classification.evidence import Match, find
from classification.language import detect
from classification.lexicon import Lexicon, lexicon
from classification.text import readable

# Share of mistyped words in the comments of the speed measurement.
_MISTYPED = 0.04

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


def lonely(rows: Sequence[dict[str, Any]]) -> str:
    """Accuracy of the words without entries that speak in a single one of the rows and in none of the project's own.

    First without phrases that name a class by themselves, then without concepts, too. Language is full of rare words,
    so any lexicon loses something in this way; the second line does the same to comments that it was written for.
    """
    own = own_comments()
    fires: Counter[int] = Counter()
    for row in [*rows, *own]:
        clean = readable(row["text"])
        fires.update({id(match.entry) for match in find(clean, lexicon(detect(clean, row.get("language"))))[0]})

    def common(text: str, words: Lexicon, phrases: bool) -> tuple[list[Match], int]:
        found, units = find(text, words)
        return [m for m in found if fires[id(m.entry)] > 1 or (phrases and not m.entry.scores)], units

    lines = [
        "| comments | number | all entries | without lonely phrases | without any lonely entry |",
        "|---|---|---|---|---|",
    ]
    for title, some in (("these", rows), ("own", own)):
        shares = [accuracy(judge(some, with_code=False))]
        for phrases in (True, False):
            with patch("classification.evidence.find", partial(common, phrases=phrases)):
                shares.append(accuracy(judge(some, with_code=False)))
        lines.append(f"| {title} | {len(some)} | " + " | ".join(f"{share:.3f}" for share in shares) + " |")
    return "\n".join(lines)


def own_comments() -> list[dict[str, Any]]:
    """The project's own labelled comments: one `label<TAB>text` a line, a file per language."""
    return [
        {"language": path.stem, "label": label, "text": text}
        for path in sorted(COMMENTS.glob("*.tsv"))
        for label, _, text in (line.partition("\t") for line in path.read_text("utf-8").splitlines() if line)
    ]


def distinct_comments(count: int, seed: int = 7) -> Iterator[tuple[str, str | None]]:
    """`count` different comments and the language named with them: every other one names none.

    One to five sentences from the project's own comments, a third of them English, the rest spread over all languages;
    one word in 25 is mistyped, so that words never met before keep turning up as they do in life.
    """
    chance = random.Random(seed)
    pool: dict[str, list[str]] = {}
    for row in own_comments():
        pool.setdefault(row["language"], []).append(row["text"])
    names = ["en"] * 5 + sorted(pool)
    seen: set[str] = set()
    while len(seen) < count:
        name = chance.choice(names)
        text = " ".join(chance.choices(pool[name], k=chance.choice((1, 1, 2, 2, 3, 5))))
        words = [_mistyped(word, chance) if chance.random() < _MISTYPED else word for word in text.split(" ")]
        text = " ".join(words)
        if text in seen:
            text += f" {len(seen)}"
        seen.add(text)
        yield text, name if len(seen) % 2 else None


def _mistyped(word: str, chance: random.Random) -> str:
    """Two letters swapped, or one left out."""
    if len(word) < 4:
        return word
    at = chance.randrange(1, len(word) - 1)
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return swapped if chance.random() < 0.5 else word[:at] + word[at + 1 :]


def speed(count: int) -> str:
    """Reads `count` different comments as the night does, on all processors; says wall and processor time."""
    texts, languages = zip(*distinct_comments(count), strict=True)
    load = os.getloadavg()[0]
    spent = _processor_seconds()
    start = time.perf_counter()
    classify_many(texts, languages)
    seconds = time.perf_counter() - start
    spent = _processor_seconds() - spent
    mean = sum(map(len, texts)) / count
    return (
        f"{count:,} different comments of {mean:.0f} characters in {seconds:.1f} s ({count / seconds:,.0f} a second), "
        f"{spent:.1f} s of processor time ({1e6 * spent / count:.0f} s a million); {os.cpu_count()} processors, "
        f"load before: {load:.1f}"
    )


def _processor_seconds() -> float:
    """Of this process and of those it has waited for."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def main() -> None:
    """Reads the arguments and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gold", type=Path, help="labelled comments, JSON lines with text, label, language, id")
    parser.add_argument("--lonely", action="store_true", help="also: without entries that speak in one comment only")
    parser.add_argument("--without-code", action="store_true", help="judge the words alone")
    parser.add_argument("--speed", type=int, metavar="N", help="read N distinct comments")
    arguments = parser.parse_args()
    if arguments.gold:
        rows = [json.loads(line) for line in arguments.gold.read_text("utf-8").splitlines() if line.strip()]
    else:
        rows = [] if arguments.speed else own_comments()
    if rows:
        print(report(judge(rows, with_code=not arguments.without_code)))
    if rows and arguments.lonely:
        print(f"\n{lonely(rows)}")
    if arguments.speed:
        print(speed(arguments.speed))


if __name__ == "__main__":
    main()
