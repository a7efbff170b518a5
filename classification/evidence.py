"""What the words of a comment speak for: finding lexicon entries, negation, contrast, and weighing them into classes.

Belongs here: the reading of one piece of text in one language. Does not belong: words (`lexicons/`), the choice of the
final class and codes (`classifier.py`).

The reading, in order: find the longest entries from left to right; cut the text into sentences and clauses; turn the
concepts that stand under a negation into their opposite (`work` → `!work`); let the rules of `rules.toml` combine
concepts of one clause or sentence; let every word count fully for one class only; sum up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from classification.lexicon import NOTHING, Entry, Lexicon, LexiconError, Node, Word, rules_file

_UNIT = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)*|[.!?;…。！？]+|[,:()\[\]\"“”«»–—、，：（）]|-(?=\s)")
_UNIT_ELISION = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|[.!?;…。！？]+|[,:()\[\]\"“”«»–—、，：（）]|-(?=\s)")
_HARD = frozenset(".!?;…。！？\n")
_SOFT = frozenset(',:()[]"“”«»–—-、，：（） ')


class Match(NamedTuple):
    """One entry found. `start` and `end` are characters of the text, `first` and `last` units (words or characters)."""

    start: int
    end: int
    first: int
    last: int
    clause: int
    sentence: int
    entry: Entry


class Hit(NamedTuple):
    """One voice for a class, with the entries that gave it."""

    reason_class: str
    weight: float
    matches: tuple[Match, ...]


@dataclass(slots=True)
class Evidence:
    """All that a text says: score and deciding matches per class, tags present, number of units (words or characters).

    `support` are those of the deciding matches that speak clearly.
    """

    scores: dict[str, float] = field(default_factory=dict)
    words: dict[str, list[Match]] = field(default_factory=dict)
    support: dict[str, set[tuple[int, int]]] = field(default_factory=dict)
    tags: dict[str, list[Match]] = field(default_factory=dict)
    units: int = 0


class Rule(NamedTuple):
    """A weight for a class where all `tags` stand in one clause (or sentence) and none of `without` does.

    `within`: at most so many units apart; `ordered`: in the order given; `context`: only for this kind of product;
    `least_units`, `most_units`: only in comments of such length in words.
    """

    reason_class: str
    weight: float
    tags: tuple[str, ...]
    without: frozenset[str]
    within: int
    ordered: bool
    context: str
    least_units: float
    most_units: float


@dataclass(frozen=True)
class Rules:
    """`rules.toml`, compiled: rules by the tag that wakes them, and the figures of the weighing."""

    by_clause: dict[str, tuple[Rule, ...]]
    by_sentence: dict[str, tuple[Rule, ...]]
    figures: dict[str, float]
    contexts: dict[str, frozenset[str]]
    polar: frozenset[str]
    topics: dict[str, str]
    positive: frozenset[str]
    negative: frozenset[str]


@cache
def rules() -> Rules:
    """The rules that all languages share."""
    data = rules_file()
    concepts = set(data["concepts"]) | {"negation", "contrast", "cause", "and"}
    by_clause: dict[str, list[Rule]] = {}
    by_sentence: dict[str, list[Rule]] = {}
    for raw in data["rule"]:
        unknown = {tag.lstrip("!") for tag in [*raw["tags"], *raw.get("without", [])]} - concepts
        if unknown:
            raise LexiconError(f"rules.toml: undeclared concepts {sorted(unknown)} in {raw}")
        rule = Rule(
            raw["class"],
            float(raw["weight"]),
            tuple(raw["tags"]),
            frozenset(raw.get("without", ())),
            int(raw.get("within", 0)),
            bool(raw.get("ordered", False)),
            raw.get("context", ""),
            float(raw.get("least_units", 0)),
            float(raw.get("most_units", 1_000_000)),
        )
        table = by_sentence if raw.get("scope") == "sentence" else by_clause
        table.setdefault(rule.tags[0], []).append(rule)
    return Rules(
        {tag: tuple(found) for tag, found in by_clause.items()},
        {tag: tuple(found) for tag, found in by_sentence.items()},
        {name: float(value) for name, value in data["figures"].items()},
        {name: frozenset(tags) for name, tags in data["contexts"].items()},
        frozenset(name for name, kind in data["concepts"].items() if kind == "polar"),
        dict(data["topics"]),
        frozenset(data["mood"]["positive"]),
        frozenset(data["mood"]["negative"]),
    )


def find(text: str, lexicon: Lexicon) -> tuple[list[Match], int]:
    """Entries of the lexicon in the text, longest first from left to right, and the number of units."""
    if lexicon.by_characters:
        return _find_characters(text, lexicon)
    return _find_words(text, lexicon)


def _find_words(text: str, lexicon: Lexicon) -> tuple[list[Match], int]:
    words: list[Word] = []
    spans: list[tuple[int, int]] = []
    clauses: list[int] = []
    sentences: list[int] = []
    clause = sentence = 0
    look_up, met = lexicon.word, lexicon.met
    for found in (_UNIT_ELISION if lexicon.elision else _UNIT).finditer(text):
        written = found.group()
        word = met.get(written)
        if word is None:
            char = written[0]
            if char in _HARD:
                sentence += 1
                clause += 1
                continue
            if char in _SOFT:
                clause += 1
                continue
            word = look_up(written)
        words.append(word)
        spans.append(found.span())
        clauses.append(clause)
        sentences.append(sentence)
    matches: list[Match] = []
    count = len(words)
    ends = _sentence_ends(sentences)
    i = 0
    shift = 0
    while i < count:
        word = words[i]
        if word is NOTHING:
            i += 1
            continue
        end, entry = i + 1, word.entry
        if (word.follow or word.gaps) and end < ends[i]:
            reached, phrase = _longest(words, i, ends[i])
            if phrase is not None:
                end, entry = reached, phrase
        if entry is not None:
            if "contrast" in entry.tags or "cause" in entry.tags:
                shift += 1
            matches.append(Match(spans[i][0], spans[end - 1][1], i, end - 1, clauses[i] + shift, sentences[i], entry))
        i = end
    return matches, count


def _sentence_ends(sentences: list[int]) -> list[int]:
    """For each word the position after the last word of its sentence."""
    ends = [len(sentences)] * len(sentences)
    for i in range(len(sentences) - 2, -1, -1):
        ends[i] = ends[i + 1] if sentences[i] == sentences[i + 1] else i + 1
    return ends


def _longest(words: list[Word], at: int, stop: int) -> tuple[int, Entry | None]:
    """The longest phrase that begins with the word and where it ends; phrases of one length speak together."""
    best, entry = at + 1, None
    todo: list[tuple[Node, int]] = []
    word = words[at]
    follow = word.follow
    for key in words[at + 1].keys:
        if key in follow:
            todo += [(node, at + 2) for node in follow[key]]
    for gap in word.gaps:
        _after_gap(gap, words, at + 1, stop, todo)
    while todo:
        node, here = todo.pop()
        if node.entry is not None:
            if here > best:
                best, entry = here, node.entry
            elif here == best and entry is not None and node.entry is not entry:
                entry = entry.merged(node.entry)
        if here < stop:
            steps = node.steps
            if steps:
                for key in words[here].keys:
                    if key in steps:
                        todo += [(after, here + 1) for after in steps[key]]
            if node.gap is not None:
                _after_gap(node.gap, words, here, stop, todo)
    return best, entry


def _after_gap(gap: Node, words: list[Word], at: int, stop: int, todo: list[tuple[Node, int]]) -> None:
    """What can follow a gap: the next word or one of the two after it."""
    steps = gap.steps
    for here in range(at, min(at + 3, stop)):
        for key in words[here].keys:
            if key in steps:
                todo += [(after, here + 1) for after in steps[key]]


def _find_characters(text: str, lexicon: Lexicon) -> tuple[list[Match], int]:
    lower = text.lower()
    if len(lower) != len(text):
        lower = text
    if lexicon.traditional:
        lower = lower.translate(lexicon.traditional)
    trie = lexicon.trie
    matches: list[Match] = []
    clause = sentence = shift = units = 0
    i, count = 0, len(lower)
    while i < count:
        char = lower[i]
        node = trie.get(char)
        if node is None:
            if char in _HARD:
                sentence += 1
                clause += 1
            elif char in _SOFT:
                clause += 1
            else:
                units += 1
            i += 1
            continue
        entry = node.get("")
        end = i + 1
        j = i + 1
        while j < count:
            node = node.get(lower[j])
            if node is None:
                break
            j += 1
            found = node.get("")
            if found is not None:
                entry, end = found, j
        if entry is not None:
            if "contrast" in entry.tags or "cause" in entry.tags:
                # The conjunction stands at the end of its clause in Japanese, at the beginning of the next in Chinese.
                shift += 1
            matches.append(Match(i, end, i, end - 1, clause + shift, sentence, entry))
            if text[end - 1] in "、，,":
                clause += 1
        units += end - i
        i = end
    return matches, units


def weigh(text: str, lexicon: Lexicon, context: Iterable[str] = ()) -> Evidence:
    """Everything the text says about the reason, in one language.

    `context` names kinds of product known beforehand (`wear`, `device`, `media`, …; see `[contexts]` in rules.toml).
    """
    book = rules()
    matches, units = find(text, lexicon)
    evidence = Evidence(units=units)
    if not matches:
        return evidence
    tagged = _with_polarity(text, matches, lexicon, book.polar)
    words = units / (2 if lexicon.by_characters else 1)
    present: dict[str, list[Match]] = {}
    for match, tags, _ in tagged:
        for tag in tags:
            present.setdefault(tag, []).append(match)
    evidence.tags = present
    contexts = set(context)
    for name, tags_of in book.contexts.items():
        if not tags_of.isdisjoint(present):
            contexts.add(name)
    factors = _clause_factors(matches, units, book.figures)
    hits = _own_scores(tagged, factors, _praised(tagged, book), book.figures)
    in_praise = not book.positive.isdisjoint(present) and book.negative.isdisjoint(present)
    if not in_praise:
        hits += _bare_topics(tagged, words, book)
    _apply(book.by_clause, tagged, "clause", factors, contexts, words, hits)
    _apply(book.by_sentence, tagged, "sentence", factors, contexts, words, hits)
    if in_praise:
        hits = [hit._replace(weight=hit.weight * book.figures["only_praise"]) for hit in hits]
    _sum_up(hits, book.figures, evidence)
    return evidence


Tagged = tuple[Match, tuple[str, ...], bool]


def _with_polarity(text: str, matches: list[Match], lexicon: Lexicon, polar: frozenset[str]) -> list[Tagged]:
    """Each match with its tags, those under a negation turned into `!tag`, and whether it is negated."""
    negations = [match for match in matches if "negation" in match.entry.tags]
    joints = [match.first for match in matches if "and" in match.entry.tags] if negations else []
    tagged: list[Tagged] = []
    for match in matches:
        tags = match.entry.tags
        negated = False
        entry = match.entry
        if negations and not entry.closed and "negation" not in tags and (entry.scores or not polar.isdisjoint(tags)):
            negated = any(_governs(text, negation, match, lexicon, joints) for negation in negations)
        if negated:
            tags = tuple("!" + tag if tag in polar else tag for tag in tags)
            if entry.scores:
                tags = (*tags, "denied")
        tagged.append((match, tags, negated))
    return tagged


def _governs(text: str, negation: Match, match: Match, lexicon: Lexicon, joints: list[int]) -> bool:
    """Whether the negation reaches the match: same clause, near enough, nothing between that stops it."""
    if negation.clause != match.clause:
        return False
    if "next" in negation.entry.tags:
        return match.first - negation.last == 1
    if 0 < match.first - negation.last <= lexicon.negation_before:
        return not any(negation.last < joint < match.first for joint in joints)
    if 0 < negation.first - match.last <= lexicon.negation_after:
        if any(match.last < joint < negation.first for joint in joints):
            return False
        return lexicon.through is None or lexicon.through.fullmatch(text[match.end : negation.start]) is not None
    return False


def _clause_factors(matches: list[Match], units: int, figures: dict[str, float]) -> dict[int, float]:
    """How much each clause counts: more where it comes first, and where it follows `but` or `because`."""
    factors: dict[int, float] = {}
    turned: dict[int, int] = {}
    causes: set[int] = set()
    for match in matches:
        if match.clause not in factors:
            place = match.first / max(units, figures["place_units"])
            factors[match.clause] = figures["place_first"] - (figures["place_first"] - figures["place_last"]) * place
        if "contrast" in match.entry.tags:
            turned.setdefault(match.sentence, match.clause)
        elif "cause" in match.entry.tags:
            causes.add(match.clause)
    for sentence, turn in turned.items():
        for clause in {match.clause for match in matches if match.sentence == sentence}:
            factors[clause] *= figures["after_contrast"] if clause >= turn else figures["before_contrast"]
    for clause in causes:
        factors[clause] *= figures["after_cause"]
    return factors


def _praised(tagged: list[Tagged], book: Rules) -> set[int]:
    """Clauses in which something is praised and nothing blamed."""
    praised: set[int] = set()
    blamed: set[int] = set()
    for match, tags, _ in tagged:
        if not book.positive.isdisjoint(tags):
            praised.add(match.clause)
        if not book.negative.isdisjoint(tags):
            blamed.add(match.clause)
    return praised - blamed


def _own_scores(
    tagged: list[Tagged], factors: dict[int, float], praised: set[int], figures: dict[str, float]
) -> list[Hit]:
    """Phrases that speak for a class by themselves; in a clause of praise only the certain ones count in full."""
    hits = []
    for match, _, negated in tagged:
        if match.entry.scores and not negated:
            factor = factors[match.clause]
            for name, weight in match.entry.scores:
                if match.clause in praised and weight < figures["holds_in_praise"]:
                    weight *= figures["praised"]
                hits.append(Hit(name, weight * factor, (match,)))
    return hits


def _bare_topics(tagged: list[Tagged], units: float, book: Rules) -> list[Hit]:
    """Where a comment is hardly longer than the name of a thing (`Size`, `Battery`), the thing named is the reason."""
    weight = book.figures["topic"] * min(1.0, book.figures["topic_units"] / max(units, 1.0))
    if weight < book.figures["topic_least"]:
        return []
    return [Hit(book.topics[tag], weight, (match,)) for match, tags, _ in tagged for tag in tags if tag in book.topics]


def _apply(
    by_tag: dict[str, tuple[Rule, ...]],
    tagged: list[Tagged],
    scope: str,
    factors: dict[int, float],
    contexts: set[str],
    units: float,
    hits: list[Hit],
) -> None:
    if by_tag.keys().isdisjoint(tag for _, tags, _ in tagged for tag in tags):
        return
    groups: dict[int, dict[str, list[Match]]] = {}
    for match, tags, _ in tagged:
        if tags:
            group = groups.setdefault(match.clause if scope == "clause" else match.sentence, {})
            for tag in tags:
                group.setdefault(tag, []).append(match)
    for group in groups.values():
        for tag in group:
            for rule in by_tag.get(tag, ()):
                if not rule.least_units <= units <= rule.most_units or (rule.context and rule.context not in contexts):
                    continue
                if rule.without and not rule.without.isdisjoint(group):
                    continue
                found = _combination(rule, group)
                if found:
                    hits.append(Hit(rule.reason_class, rule.weight * max(factors[m.clause] for m in found), found))


def _combination(rule: Rule, group: dict[str, list[Match]]) -> tuple[Match, ...]:
    """The nearest matches that carry the tags of the rule, () where one is missing or they stand too far apart."""
    tags = rule.tags
    if len(tags) == 1:
        return (group[tags[0]][0],)
    for tag in tags:
        if tag not in group:
            return ()
    best: tuple[Match, ...] = ()
    best_span = rule.within or 1_000_000
    for anchor in group[tags[0]]:
        chosen = [anchor]
        for tag in tags[1:]:
            options = [m for m in group[tag] if m not in chosen and (not rule.ordered or m.first > chosen[-1].last)]
            if not options:
                break
            chosen.append(min(options, key=lambda m: abs(m.first - anchor.first)))
        if len(chosen) < len(tags):
            continue
        span = max(m.first for m in chosen) - min(m.last for m in chosen)
        if span <= best_span:
            best_span, best = span, tuple(chosen)
    return best


def _sum_up(hits: list[Hit], figures: dict[str, float], evidence: Evidence) -> None:
    """Heaviest voices first; a word already spent on another class counts little, a repeated voice less each time."""
    hits.sort(key=lambda hit: (-hit.weight, hit.matches[0].start, hit.reason_class, len(hit.matches)))
    spent: dict[tuple[int, int], str] = {}
    voices: dict[str, int] = {}
    for hit in hits:
        weight = hit.weight
        owners = {spent.get((m.start, m.end)) for m in hit.matches} - {None}
        if owners:
            if hit.reason_class in owners:
                weight *= figures["same_word_again"]
            else:
                weight *= figures["spent_word"]
        number = voices.get(hit.reason_class, 0)
        voices[hit.reason_class] = number + 1
        evidence.scores[hit.reason_class] = (
            evidence.scores.get(hit.reason_class, 0.0) + weight * figures["repetition"] ** number
        )
        words = evidence.words.setdefault(hit.reason_class, [])
        support = evidence.support.setdefault(hit.reason_class, set())
        for match in hit.matches:
            if hit.weight >= figures["clear_voice"]:
                support.add((match.start, match.end))
            spent.setdefault((match.start, match.end), hit.reason_class)
            if match not in words:
                words.append(match)
