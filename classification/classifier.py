"""From a comment and a code to a verdict that names the words it rests on.

Belongs here: the choice of class, confidence, and what happens where words and code disagree. Does not belong: how words
are found and weighed (`evidence.py`), files (`files.py`).
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from data_contracts.reasons import UNCLEAR, UNMAPPED, class_of_code

from classification.evidence import Evidence, rules, weigh
from classification.language import detect
from classification.lexicon import lexicon, presets
from classification.text import parts, readable

_NEGATIVE = ("bad", "problem", "disappointed", "!recommend", "!good", "!praise", "!like", "!worth", "low", "!last", "!effect", "cheap", "!work")
_POSITIVE = ("good", "praise", "recommend", "like", "worth", "!bad", "!problem")


class Reading(NamedTuple):
    """What the words alone say."""

    reason_class: str
    confidence: float
    deciding_words: tuple[str, ...]
    secondary: str | None
    is_sure: bool
    language: str


class Verdict(NamedTuple):
    """The class of a return, and why.

    `class_by_text` and `class_by_code` are the classes of words and code alone (None where there is none), `confidence`
    is between 0 and 1, `deciding_words` are passages of the comment in their order, `is_sure` marks the verdicts that hold
    with a precision of at least 0.9, `conflict` says that words and code name different reasons.
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


def read_text(text: str, language: str | None = None, product: str | None = None) -> Reading:
    """Class of the words alone. `language` (a two-letter code) is detected where it is not given or not known."""
    clean = readable(text)
    pieces = parts(clean)
    preset = None
    if pieces and (len(pieces) > 1 or len(clean) < 60):
        preset = presets().get(pieces[0].casefold().rstrip("."))
    body = " . ".join(pieces[1:] if preset and len(pieces) > 1 else pieces)
    found_language = detect(body, language)
    if not body:
        return Reading(UNCLEAR, 1.0, (), None, True, found_language)
    evidence = weigh(body, lexicon(found_language), _contexts(product))
    if preset:
        name, weight = preset
        evidence.scores[name] = evidence.scores.get(name, 0.0) + weight
    return _decide(evidence, body, found_language, pieces[0] if preset else None, preset[0] if preset else None)


@cache
def _contexts(product: str | None) -> tuple[str, ...]:
    """Kinds of product that the product field names (`Casual Shoes` → wear); nothing for an empty field."""
    if not product or product.upper() in ("NULL", "NONE", "N/A"):
        return ()
    book = rules()
    named = weigh(readable(product)[:200], lexicon("en")).tags
    return tuple(name for name, tags in sorted(book.contexts.items()) if not tags.isdisjoint(named))


def _decide(
    evidence: Evidence, text: str, language: str, preset_words: str | None, preset_class: str | None
) -> Reading:
    """The class with most weight; without any, `quality` for a complaint of some length and `unclear` for the rest."""
    figures = rules().figures
    scores = evidence.scores
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    if not ranked or ranked[0][1] < figures["least_score"]:
        return _without_reason(evidence, text, language)
    name, score = ranked[0]
    power = figures["exponent"]
    total = sum(value**power for value in scores.values()) + figures["unexplained"] ** power
    confidence = score**power / total
    words = [text[m.start : m.end] for m in sorted(evidence.words.get(name, ()), key=lambda m: m.start)]
    if preset_words and preset_class == name:
        words.insert(0, preset_words)
    second = ranked[1] if len(ranked) > 1 else None
    secondary = second[0] if second and second[1] >= figures["least_score"] and second[0] != UNCLEAR else None
    is_sure = confidence >= figures["sure_confidence"] and score >= figures["sure_score"]
    return Reading(name, round(confidence, 4), tuple(dict.fromkeys(words)), secondary, is_sure, language)


def _without_reason(evidence: Evidence, text: str, language: str) -> Reading:
    figures = rules().figures
    negative = [m for tag in _NEGATIVE for m in evidence.tags.get(tag, ())]
    positive = [m for tag in _POSITIVE for m in evidence.tags.get(tag, ())]
    units = evidence.units / (2 if lexicon(language).by_characters else 1)
    words = tuple(dict.fromkeys(text[m.start : m.end] for m in sorted(negative, key=lambda m: m.start)))
    if negative and units >= figures["complaint_units"]:
        return Reading("quality", 0.45, words, None, False, language)
    if "media" in evidence.tags and not negative:
        return Reading(UNCLEAR, 0.5, words, None, False, language)
    if positive and "contrast" in evidence.tags and units >= figures["complaint_units"]:
        # "Nice bag, but ...": what follows is a complaint, even where its words are unknown.
        return Reading("quality", 0.4, words, None, False, language)
    if not positive and units >= figures["complaint_units"]:
        return Reading("quality", 0.35, words, None, False, language)
    sure = units < 3 or (bool(positive) and not negative)
    return Reading(UNCLEAR, 0.6 if sure else 0.4, words, None, False, language)


class Classifier:
    """Reads comments; keeps the reading of every distinct text it met, up to a limit."""

    def __init__(self, remember: int = 100_000) -> None:
        self._remember = remember
        self._readings: dict[tuple[str, str | None, str | None], Reading] = {}

    def read(self, text: str | None, language: str | None = None, product: str | None = None) -> Reading:
        """What the words say; each distinct text is read once."""
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
        """Words and code together: the words where they say something, else the code; a disagreement is flagged."""
        by_code = class_of_code(code)
        reading = self.read(text, language, product)
        return combine(reading, by_code, has_text=bool(text and text.strip()))


def combine(reading: Reading, by_code: str | None, has_text: bool = True) -> Verdict:
    """The final class from what words and code say apart."""
    code_speaks = by_code not in (None, UNCLEAR, UNMAPPED)
    words_speak = reading.reason_class != UNCLEAR
    conflict = bool(code_speaks and words_speak and by_code != reading.reason_class)
    final, confidence, sure = reading.reason_class, reading.confidence, reading.is_sure
    if code_speaks and by_code is not None:
        if not words_speak:
            final, confidence, sure = by_code, 0.6, False
        elif not conflict:
            confidence = round(1 - (1 - reading.confidence) * 0.4, 4)
            sure = sure or confidence >= rules().figures["sure_confidence"]
        elif not reading.is_sure and reading.confidence < 0.4:
            final, confidence, sure = by_code, 0.5, False
    return Verdict(
        final,
        confidence,
        reading.deciding_words,
        reading.reason_class if has_text else None,
        by_code,
        reading.secondary,
        sure,
        conflict,
        reading.language,
    )
