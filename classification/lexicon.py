"""Lexicons: the words of one language and what they stand for, read from `lexicons/*.toml` and made quick to look up.

Belongs here: the notation of the files, their compilation, typing errors. Does not belong: what a comment means as a
whole (`evidence.py`) and any word of any language, which are data.

Notation, in lists separated by commas or line ends. For languages written in words:
`word` itself, any accents and case · `word*` beginning · `*word` end (compounds) · `a/b` either · `(a)` may be left
out · `[a b|c]` either, of more than one word · `..` up to two other words. For languages written without blanks: the
characters themselves, `[a/b]` either, `[a/]` may be left out. In both, `[name]` is the list `name` of `[macros]`.
"""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from classification.text import fold
from data_contracts.reasons import reason_classes

FOLDER = Path(__file__).parent / "lexicons"
LANGUAGES = ("en", "de", "fr", "es", "it", "ja", "zh", "pt", "nl", "sv", "pl")
_GAP = ".."
# A shorter word has too many neighbours that are words themselves (tight, right, light, night).
_TYPO_MIN = 6
# Two swapped letters make no other word as often.
_SWAP_MIN = 5
_VOWEL_MIN = 8
_CACHE_WORDS = 200_000
_VOWELS = frozenset("aeiouy")


class LexiconError(ValueError):
    """A lexicon or rule file says something that cannot be understood; names the file and the entry."""


@dataclass(frozen=True, eq=False)
class Entry:
    """What a word or phrase stands for: concepts that rules combine, and classes it speaks for by itself.

    One object for each entry of a list, so that it can be told which entries spoke.
    """

    tags: tuple[str, ...]
    scores: tuple[tuple[str, float], ...] = ()
    # Holds its negation itself ("never arrived"): another one nearby does not turn it.
    closed: bool = False

    @cache  # noqa: B019 - entries live as long as the process
    def merged(self, other: Entry) -> Entry:
        """Both at once, for a passage that two entries describe."""
        best = dict(self.scores)
        for name, weight in other.scores:
            best[name] = max(weight, best.get(name, 0.0))
        return Entry(tuple(sorted({*self.tags, *other.tags})), tuple(sorted(best.items())), self.closed or other.closed)


class Node:
    """A place in the tree of phrases: what may follow, at once or after a gap, and what the phrase stands for.

    `children` by atom (`small/big`), as the tree grows; `steps` the same by single word, to walk it.
    """

    __slots__ = ("children", "entry", "gap", "steps")

    def __init__(self) -> None:
        self.children: dict[str, Node] = {}
        self.steps: dict[str, tuple[Node, ...]] = {}
        self.gap: Node | None = None
        self.entry: Entry | None = None


@dataclass(slots=True)
class Word:
    """All a single written word can be: the keys by which it continues phrases (itself, beginnings and ends of it that
    a lexicon names), its own entry, and how the phrases that begin with it go on."""

    keys: tuple[str, ...]
    entry: Entry | None = None
    follow: dict[str, tuple[Node, ...]] = field(default_factory=dict)
    gaps: tuple[Node, ...] = ()


# What a lexicon says of a word that it does not have.
NOTHING = Word(())
_NUMBER = Word((), Entry(("number",)))


@dataclass
class Lexicon:
    """One language, compiled. `word` for languages with blanks, `trie` for those without."""

    language: str
    by_characters: bool
    elision: bool
    negation_before: int
    negation_after: int
    through: re.Pattern[str] | None = None
    distinct: frozenset[str] = frozenset()
    trie: dict[str, Any] = field(default_factory=dict)
    traditional: dict[int, str] | None = None
    _literals: dict[str, Entry] = field(default_factory=dict)
    _prefixes: dict[str, Entry] = field(default_factory=dict)
    _suffixes: dict[str, Entry] = field(default_factory=dict)
    _phrases: Node = field(default_factory=Node)
    # Every word, beginning (`word*`) and end (`*word`) named in an entry, and those named after the first place.
    _members: set[str] = field(default_factory=set)
    _continuations: set[str] = field(default_factory=set)
    _prefix_lengths: tuple[int, ...] = ()
    _suffix_lengths: tuple[int, ...] = ()
    _deletions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _known: frozenset[str] = frozenset()
    _negations: frozenset[str] = frozenset()
    _negative_ends: tuple[str, ...] = ()
    # Words met so far: as written, and as folded where the lexicon has them.
    met: dict[str, Word] = field(default_factory=dict)
    _exact_met: dict[str, Word] = field(default_factory=dict)

    def word(self, written: str) -> Word:
        """The word as written (any case, accents, small misspellings) → what it can begin."""
        found = self.met.get(written)
        if found is None:
            found = self._look_up(written)
            if len(self.met) >= _CACHE_WORDS:
                self.met.clear()
                self._exact_met.clear()
            self.met[written] = found
        return found

    def knows(self, folded: str) -> bool:
        """Whether the word, folded, is one of this lexicon as it stands."""
        return self._exact(folded) is not NOTHING or folded in self._known

    def _look_up(self, written: str) -> Word:
        if written.lower() in self.distinct:
            return NOTHING
        folded = fold(written)
        found = self._exact(folded)
        if found is NOTHING and folded[:1].isdigit():
            return _NUMBER
        if found is not NOTHING or len(folded) < 3:
            return found
        if folded in self._known:
            return NOTHING
        for guess in self._respelled(folded):
            found = self._exact(guess)
            if found is not NOTHING:
                return found
        return NOTHING

    def _exact(self, folded: str) -> Word:
        found = self._exact_met.get(folded)
        if found is None:
            found = self._build(folded)
            if found is not NOTHING:
                self._exact_met[folded] = found
        return found

    def _build(self, folded: str) -> Word:
        keys = [folded] if folded in self._members else []
        entry = self._literals.get(folded)
        size = len(folded)
        for length in self._prefix_lengths:
            if length <= size:
                key = folded[:length] + "*"
                if key in self._members:
                    keys.append(key)
                    entry = entry or self._prefixes.get(key)
        for length in self._suffix_lengths:
            if length < size:
                key = "*" + folded[-length:]
                if key in self._members:
                    keys.append(key)
                    entry = entry or self._suffixes.get(key)
        if not keys:
            return NOTHING
        follow: dict[str, list[Node]] = {}
        gaps = []
        for key in keys:
            for head in self._phrases.steps.get(key, ()):
                for after, nodes in head.steps.items():
                    follow.setdefault(after, []).extend(nodes)
                if head.gap is not None:
                    gaps.append(head.gap)
        going_on = tuple(key for key in keys if key in self._continuations)
        return Word(going_on, entry, {after: tuple(nodes) for after, nodes in follow.items()}, tuple(gaps))

    def _respelled(self, folded: str) -> Iterator[str]:
        """What the writer may have meant: `sooo` → `so`, `groesse` → `grosse`, `recieved` → `received`."""
        single = re.sub(r"(.)\1+", r"\1", folded)
        double = re.sub(r"(.)\1{2,}", r"\1\1", folded)
        if double != folded:
            yield double
            yield single
        if self.language in ("de", "sv") and re.search("[aou]e", folded):
            yield re.sub("([aou])e", r"\1", folded)
        if len(folded) < _SWAP_MIN or not folded.isalpha():
            return
        yield from self._neighbours(folded)

    def _neighbours(self, folded: str) -> Iterator[str]:
        seen = set()
        for form in itertools.chain((folded,), (folded[:i] + folded[i + 1 :] for i in range(1, len(folded)))):
            for known in self._deletions.get(form, ()):
                if known not in seen and known[0] == folded[0] and _one_edit(folded, known):
                    seen.add(known)
                    yield known

    def finish(self, known: frozenset[str]) -> None:
        """Indexes that need all entries: lengths of beginnings and ends, deletions of every longer literal."""
        self._prefix_lengths = tuple(sorted({len(a) - 1 for a in self._members if a.endswith("*")}, reverse=True))
        self._suffix_lengths = tuple(sorted({len(a) - 1 for a in self._members if a.startswith("*")}, reverse=True))
        _make_steps(self._phrases)
        self._known = known
        deletions: dict[str, list[str]] = {}
        for literal in sorted(self._members):
            if len(literal) < _SWAP_MIN or "*" in literal or not literal.isalpha():
                continue
            for form in {literal, *(literal[:i] + literal[i + 1 :] for i in range(1, len(literal)))}:
                deletions.setdefault(form, []).append(literal)
        self._deletions = {form: tuple(words) for form, words in deletions.items()}

    def add(self, notation: str, entry: Entry, macros: dict[str, str]) -> None:
        """One entry of a list, in the notation of the module's docstring."""
        if self.by_characters:
            for characters in _characters(notation, macros):
                self._add_characters(characters, entry)
            return
        for words in _words(notation, self.elision, macros):
            self._add_words(words, entry)

    def _add_characters(self, form: str, entry: Entry) -> None:
        if "negation" not in entry.tags and (
            any(word in form for word in self._negations) or form.endswith(self._negative_ends)
        ):
            entry = replace(entry, closed=True)
        node = self.trie
        for char in form.lower():
            node = node.setdefault(char, {})
        node[""] = node[""].merged(entry) if "" in node else entry

    def _add_words(self, form: tuple[str, ...], entry: Entry) -> None:
        if len(form) > 1 and any(not self._negations.isdisjoint(atom.split("/")) for atom in form):
            entry = replace(entry, closed=True)
        for atom in form:
            if atom != _GAP:
                self._members.update(atom.split("/"))
        if len(form) == 1:
            for atom in form[0].split("/"):
                table = (
                    self._prefixes if atom.endswith("*") else self._suffixes if atom.startswith("*") else self._literals
                )
                table[atom] = table[atom].merged(entry) if atom in table else entry
        else:
            node = self._phrases
            self._continuations.update(member for atom in form[1:] for member in atom.split("/"))
            for atom in form:
                if atom == _GAP:
                    node.gap = node = node.gap or Node()
                else:
                    node = node.children.setdefault(atom, Node())
            node.entry = node.entry.merged(entry) if node.entry else entry


def _make_steps(root: Node) -> None:
    """Fills `steps` in the whole tree."""
    todo, seen = [root], {id(root)}
    while todo:
        node = todo.pop()
        steps: dict[str, list[Node]] = {}
        for atom, child in node.children.items():
            for member in atom.split("/"):
                steps.setdefault(member, []).append(child)
        node.steps = {member: tuple(children) for member, children in steps.items()}
        for child in (*node.children.values(), *([node.gap] if node.gap is not None else [])):
            if id(child) not in seen:
                seen.add(id(child))
                todo.append(child)
        node.children = {}


def _one_edit(a: str, b: str) -> bool:
    """One slip of a typist, for words that already share a deletion: a letter too many or too few, two swapped, or a
    wrong vowel. Another consonant makes another word too often (`extensive`, `expensive`)."""
    if abs(len(a) - len(b)) > 1:
        return False
    if len(a) != len(b):
        if min(len(a), len(b)) < _TYPO_MIN - 1 or max(len(a), len(b)) < _TYPO_MIN:
            return False
        short, long = sorted((a, b), key=len)
        return any(long[:i] + long[i + 1 :] == short for i in range(len(long)))
    differing = [i for i in range(len(a)) if a[i] != b[i]]
    if len(differing) == 1:
        i = differing[0]
        return len(a) >= _VOWEL_MIN and a[i] in _VOWELS and b[i] in _VOWELS
    if len(differing) != 2:
        return False
    i, j = differing
    return j == i + 1 and a[i] == b[j] and a[j] == b[i]


def _words(notation: str, elision: bool, macros: dict[str, str]) -> Iterator[tuple[str, ...]]:
    """`[not] (even) work/works` → the ways of writing it, as atoms; `a/b` stays one atom that both words answer to."""
    choices: list[list[tuple[str, ...]]] = []
    for token in _split(notation, " "):
        if token.startswith("["):
            ways = _split(macros.get(token[1:-1], token[1:-1]), "|")
            choices.append([form for way in ways for form in _words(way, elision, macros)])
            continue
        optional = token.startswith("(") and token.endswith(")")
        pieces = [piece for piece in token.strip("()").split("/") if piece]
        split = [tuple(_atom(part) for part in (piece.split("'") if elision else [piece]) if part) for piece in pieces]
        single = sorted({way[0] for way in split if len(way) == 1})
        forms = [way for way in split if len(way) > 1]
        if token == _GAP:
            forms = [(_GAP,)]
        elif single:
            forms.append(("/".join(single),))
        choices.append([*forms, ()] if optional else forms)
    for combination in itertools.product(*choices):
        form = tuple(itertools.chain.from_iterable(combination))
        if form:
            yield form


def _split(notation: str, separator: str) -> list[str]:
    """Cut at a separator that stands outside square brackets."""
    pieces, depth, piece = [], 0, ""
    for char in notation:
        depth += (char == "[") - (char == "]")
        if char == separator and not depth:
            pieces.append(piece)
            piece = ""
        else:
            piece += char
    return [piece for piece in (*pieces, piece) if piece]


def _atom(piece: str) -> str:
    return ("*" if piece.startswith("*") else "") + fold(piece.strip("*")) + ("*" if piece.endswith("*") else "")


def _characters(notation: str, macros: dict[str, str]) -> Iterator[str]:
    """`使え[neg]` → each way of writing it."""
    pieces = re.split(r"\[([^\]]*)\]", notation)
    choices = [macros.get(piece, piece).split("/") if i % 2 else [piece] for i, piece in enumerate(pieces)]
    for combination in itertools.product(*choices):
        form = "".join(combination)
        if form:
            yield form


def entries(listing: str) -> list[str]:
    """A list of a file taken apart at commas and line ends; `#` begins a remark."""
    lines = (line.split("#", 1)[0] for line in listing.splitlines())
    return [entry for line in lines for entry in (piece.strip() for piece in line.split(",")) if entry]


@cache
def rules_file() -> dict[str, Any]:
    """`rules.toml` as read."""
    return _read(FOLDER / "rules.toml")


@cache
def stop_words() -> dict[str, tuple[str, ...]]:
    """Everyday words of each language, by which an unnamed language is told."""
    return {
        name: tuple(fold(word) for word in entries(listing))
        for name, listing in _read(FOLDER / "languages.toml").items()
    }


@cache
def presets() -> dict[str, tuple[str, float]]:
    """Amazon's own survey answers in lower case → class and weight."""
    levels = rules_file()["levels"]
    found: dict[str, tuple[str, float]] = {}
    for name, by_level in _read(FOLDER / "presets.toml").items():
        for level, listing in by_level.items():
            found.update({entry.casefold(): (name, levels[level]) for entry in listing.splitlines() if entry.strip()})
    return found


@cache
def lexicon(language: str) -> Lexicon:
    """The compiled lexicon of a language of `LANGUAGES`; read once per process (10 to 30 ms)."""
    path = FOLDER / f"{language}.toml"
    data = _read(path)
    negation = data.get("negation", {})
    built = Lexicon(
        language=language,
        by_characters=data.get("written_in", "words") == "characters",
        elision=data.get("elision", False),
        negation_before=negation.get("before", 0),
        negation_after=negation.get("after", 0),
        through=re.compile(negation["through"]) if "through" in negation else None,
        distinct=frozenset(entries(data.get("distinct", ""))),
    )
    if "traditional" in data:
        pairs = data["traditional"].split()
        built.traditional = {ord(pair[0]): pair[1] for pair in pairs}
    macros = data.get("macros", {})
    turned = tuple(entries(negation.get("turned_ends", "")))

    def name_is_closed(notation: str) -> bool:
        # Where the negation follows (Japanese), a phrase is mostly a stem that waits for it; only finished forms turn.
        return bool(turned) and not notation.endswith(turned)

    concepts, levels, classes = set(rules_file()["concepts"]), rules_file()["levels"], set(reason_classes())
    negations = entries(negation.get("words", "")) + entries(negation.get("next", ""))
    built._negations = frozenset(negations if built.by_characters else map(fold, negations))
    built._negative_ends = tuple(entries(negation.get("ends", "")))
    for word in entries(negation.get("words", "")):
        built.add(word, Entry(("negation",)), macros)
    for word in entries(negation.get("next", "")):
        built.add(word, Entry(("negation", "next")), macros)
    for name, listing in data.get("markers", {}).items():
        for notation in entries(listing):
            built.add(notation, Entry((name,) if name != "neutral" else ()), macros)
    for name, listing in data.get("concepts", {}).items():
        if name.lstrip("!") not in concepts:
            raise LexiconError(f"{path.name}: concept {name!r} is not declared in rules.toml")
        for notation in entries(listing):
            built.add(notation, Entry((name,), closed=name.startswith("!")), macros)
    for name, by_level in data.get("classes", {}).items():
        if name not in classes:
            raise LexiconError(f"{path.name}: {name!r} is not a reason class")
        for level, listing in by_level.items():
            if level not in levels:
                raise LexiconError(f"{path.name}: level {level!r} of {name} is not declared in rules.toml")
            for notation in entries(listing):
                built.add(notation, Entry((), ((name, levels[level]),), closed=name_is_closed(notation)), macros)
    if not built.by_characters:
        known = set(stop_words().get(language, ())) | {fold(word) for word in entries(data.get("known", ""))}
        built.finish(frozenset(known))
    return built


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise LexiconError(f"{path.name}: {error}") from error


@cache
def model_version() -> str:
    """Fingerprint of everything a verdict depends on: lexicons, rules and the code of this package."""
    digest = sha256()
    for path in sorted([*FOLDER.glob("*.toml"), *FOLDER.parent.glob("*.py")]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()[:16]
