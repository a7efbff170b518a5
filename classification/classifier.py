"""From a comment and a code to a verdict that names the words it rests on.

Belongs here: the choice of class, confidence, and what happens where words and code disagree; many comments at once.
Does not belong: how words are found and weighed (`evidence.py`), files (`files.py`).
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from classification.evidence import Evidence, rules, weigh
from classification.language import detect
from classification.lexicon import lexicon, presets
from classification.text import parts, readable
from data_contracts.reasons import UNCLEAR, UNMAPPED, class_of_code

if TYPE_CHECKING:
    import pyarrow as pa

# Starting a worker costs about 0.3 s; below this number of comments one process is done sooner.
PARALLEL_FROM = 20_000
_CHUNK = 5_000
# A whole short comment may be a survey answer without its bar.
_PRESET_CHARS = 80

Key = tuple[str, str | None, str | None]


class Reading(NamedTuple):
    """What the words alone say; fields as in `Verdict`."""

    reason_class: str
    confidence: float
    deciding_words: tuple[str, ...]
    secondary: str | None
    is_sure: bool
    language: str


class Verdict(NamedTuple):
    """The class of a return, and why.

    `class_by_text` and `class_by_code` are the classes of words and code alone (None where there is no text or no
    code), `confidence` lies between 0 and 1, `deciding_words` are the passages of the comment that decided, in their
    order (none where the code did), `secondary` is the next class the words speak for, `is_sure` marks verdicts meant
    to hold nine times in ten (measured in `docs/reason_classification.md`), `conflict` says that words and code name
    different reasons.
    """

    reason_class: str
    confidence: float
    deciding_words: tuple[str, ...]
    class_by_text: str | None
    class_by_code: str | None
    secondary: str | None
    is_sure: bool
    conflict: bool
    language: str


class Classifier:
    """Reads comments; each distinct one is read once, as long as no more than `remember` are met in between."""

    def __init__(self, remember: int = 100_000) -> None:
        self._remember = remember
        self._readings: dict[Key, Reading] = {}

    def read(self, text: str | None, language: str | None = None, product: str | None = None) -> Reading:
        """What the words say. `language` (`de`, `de-DE`…) is told from the text where it is not named or not known."""
        key = (text or "", language or None, product or None)
        found = self._readings.get(key)
        if found is None:
            found = read_text(*key)
            if len(self._readings) >= self._remember:
                self._readings.clear()
            self._readings[key] = found
        return found

    def classify(
        self, text: str | None, code: str | None = None, language: str | None = None, product: str | None = None
    ) -> Verdict:
        """Words and code together; see `combine`."""
        return combine(self.read(text, language, product), class_of_code(code), bool(text and text.strip()))


def combine(reading: Reading, by_code: str | None, has_text: bool = True) -> Verdict:
    """The final class from what words and code say apart.

    Sure words decide: they say more than one of Amazon's coarse codes, which buyers pick for free shipping. Then the
    code, then words that are not sure, as in the warehouse (macro `final_reason_class`). A code that is in no table
    stays visible as `unmapped` where there are no words; words that say nothing are `unclear` whatever it was.
    """
    code_confidence = rules().figures["code_confidence"]
    code_speaks = by_code not in (None, UNCLEAR, UNMAPPED)
    words_speak = reading.reason_class != UNCLEAR
    conflict = code_speaks and words_speak and by_code != reading.reason_class
    final, confidence, words, sure = reading.reason_class, reading.confidence, reading.deciding_words, reading.is_sure
    if by_code == UNMAPPED and not has_text:
        final, confidence, words, sure = UNMAPPED, code_confidence, (), False
    elif code_speaks and by_code is not None:
        if not words_speak or (conflict and not sure):
            final, confidence, words, sure = by_code, code_confidence, (), False
        elif not conflict:
            confidence = round(1 - (1 - reading.confidence) * (1 - code_confidence), 4)
    return Verdict(
        final,
        confidence,
        words,
        reading.reason_class if has_text else None,
        by_code,
        reading.secondary,
        sure,
        conflict,
        reading.language,
    )


def read_text(text: str, language: str | None = None, product: str | None = None) -> Reading:
    """Class of the words alone, without memory of earlier comments."""
    clean = readable(text)
    pieces = parts(clean)
    preset: tuple[str, float] | None = None
    if pieces and (len(pieces) > 1 or len(clean) <= _PRESET_CHARS):
        preset = presets().get(pieces[0].casefold().rstrip(".! "))
    # Free text beside a survey answer is read alone; a survey answer that stands alone is read too, for its words.
    body = " . ".join(pieces[1:] if preset and len(pieces) > 1 else pieces)
    known = detect(body, language)
    if not any(map(str.isalnum, body)):
        return Reading(UNCLEAR, 1.0, (), None, True, known)
    evidence = weigh(body, lexicon(known), _kinds(product))
    if preset is None:
        return _decide(evidence, body, known)
    name, weight = preset
    evidence.scores[name] = evidence.scores.get(name, 0.0) + weight
    return _decide(evidence, body, known, pieces[0], name)


@cache
def _kinds(product: str | None) -> tuple[str, ...]:
    """Kinds of product that the product field names (`Casual Shoes` → wear); nothing for an empty field."""
    if not product or product.strip().upper() in ("", "NULL", "NONE", "N/A"):
        return ()
    named = weigh(readable(product)[:200], lexicon("en")).tags
    return tuple(name for name, tags in sorted(rules().contexts.items()) if not tags.isdisjoint(named))


def _decide(
    evidence: Evidence, text: str, language: str, preset_words: str | None = None, preset_class: str | None = None
) -> Reading:
    """The class with most weight, if it has weight enough; its share of all weight is the confidence."""
    figures = rules().figures
    ranked = sorted(evidence.scores.items(), key=lambda item: (-item[1], item[0]))
    if not ranked or ranked[0][1] < figures["least_score"]:
        return _without_reason(evidence, text, language)
    name, score = ranked[0]
    power = figures["exponent"]
    total = sum(value**power for value in evidence.scores.values()) + figures["unexplained"] ** power
    confidence = score**power / total
    words = [text[m.start : m.end] for m in sorted(evidence.words.get(name, ()), key=lambda m: m.start)]
    if preset_words and preset_class == name:
        words = [preset_words, *(word for word in words if word not in preset_words)]
    others = [other for other, value in ranked[1:] if value >= figures["least_score"] and other != UNCLEAR]
    # A long comment says many things; one passage is little ground for a verdict on all of it.
    units = _units(evidence, language)
    passages = len(evidence.support.get(name, ())) + (preset_class == name)
    enough = 1 if units <= figures["sure_units"] else 2 if units <= 2.2 * figures["sure_units"] else 3
    is_sure = name != UNCLEAR and confidence >= figures["sure_confidence"] and passages >= enough
    return Reading(
        name, round(confidence, 4), tuple(dict.fromkeys(words)), others[0] if others else None, is_sure, language
    )


def _without_reason(evidence: Evidence, text: str, language: str) -> Reading:
    """No known reason: a complaint of some length is most often about quality, anything else says nothing."""
    book = rules()
    figures = book.figures
    blamed = [match for tag in book.negative for match in evidence.tags.get(tag, ())]
    praised = not book.positive.isdisjoint(evidence.tags)
    words = tuple(dict.fromkeys(text[m.start : m.end] for m in sorted(blamed, key=lambda m: (m.start, m.end))))
    is_long = _units(evidence, language) >= figures["complaint_units"]
    if blamed and is_long:
        return Reading("quality", figures["complaint_confidence"], words, None, False, language)
    if "story" in evidence.tags or "media" in evidence.tags:
        return Reading(UNCLEAR, figures["nothing_confidence"], words, None, False, language)
    # "Nice bag, but ...": what follows is a complaint, even where its words are unknown.
    if is_long and (not praised or "contrast" in evidence.tags):
        return Reading("quality", figures["guess"], words, None, False, language)
    return Reading(UNCLEAR, figures["nothing_confidence"], words, None, False, language)


def _units(evidence: Evidence, language: str) -> float:
    """Length in words; two characters of Chinese or Japanese make about one."""
    return evidence.units / (2 if lexicon(language).by_characters else 1)


def classify_many(
    texts: Iterable[str | None],
    languages: Sequence[str | None] | None = None,
    products: Sequence[str | None] | None = None,
    workers: int | None = None,
) -> list[Reading]:
    """The readings of many comments, in their order; each distinct (text, language, product) is read once.

    From `PARALLEL_FROM` distinct comments on, processes share the work: as many as there are processors, or `workers`.
    """
    keys: list[Key] = [
        (text or "", language or None, product or None)
        for text, language, product in zip(texts, languages or _nothings(), products or _nothings(), strict=False)
    ]
    distinct = list(dict.fromkeys(keys))
    workers = workers or _processors()
    if len(distinct) < PARALLEL_FROM or workers == 1:
        readings = _read_chunk(distinct)
    else:
        chunks = [distinct[i : i + _CHUNK] for i in range(0, len(distinct), _CHUNK)]
        # Spawned, not forked: the caller may run threads (Dagster does), and a fork copies their locks.
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            readings = [reading for part in pool.map(_read_chunk, chunks) for reading in part]
    by_key = dict(zip(distinct, readings, strict=True))
    return [by_key[key] for key in keys]


def _processors() -> int:
    """Processors this process may use; fewer than the machine has, in a container."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _nothings() -> Iterator[None]:
    while True:
        yield None


def _read_chunk(keys: list[Key]) -> list[Reading]:
    return [read_text(*key) for key in keys]


def classify_table(
    texts: pa.Array | pa.ChunkedArray,
    languages: pa.Array | pa.ChunkedArray | None = None,
    products: pa.Array | pa.ChunkedArray | None = None,
    workers: int | None = None,
) -> pa.Table:
    """Readings as a table in the order of `texts` (string arrays of one length; nulls read as no text).

    Columns: class_by_text string, confidence double, is_sure bool, deciding_words list<string>, secondary string
    (nullable), language string.
    """
    import pyarrow as pa

    readings = classify_many(
        texts.to_pylist(),
        None if languages is None else languages.to_pylist(),
        None if products is None else products.to_pylist(),
        workers,
    )
    columns: list[tuple[str, pa.DataType]] = [
        ("class_by_text", pa.string()),
        ("confidence", pa.float64()),
        ("deciding_words", pa.list_(pa.string())),
        ("secondary", pa.string()),
        ("is_sure", pa.bool_()),
        ("language", pa.string()),
    ]
    arrays = {name: pa.array([reading[i] for reading in readings], kind) for i, (name, kind) in enumerate(columns)}
    order = ("class_by_text", "confidence", "is_sure", "deciding_words", "secondary", "language")
    return pa.table({name: arrays[name] for name in order})
