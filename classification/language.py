"""Which language a comment is written in.

Belongs here: scripts and everyday words. Does not belong: what the words mean (`lexicons/`).
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from classification.lexicon import LANGUAGES, lexicon, stop_words
from classification.text import fold

_KANA = re.compile("[\u3041-\u30ff\uff66-\uff9f]")
_HAN = re.compile("[\u4e00-\u9fff\u3400-\u4dbf]")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_ALIASES = {
    "jp": "ja", "cn": "zh", "english": "en", "german": "de", "french": "fr", "spanish": "es", "italian": "it",
    "japanese": "ja", "chinese": "zh", "portuguese": "pt", "dutch": "nl", "swedish": "sv", "polish": "pl",
}  # fmt: skip
# So many more everyday words must speak for another language before the one named is overruled.
_OVERRULE = 3
# So much of a comment shows its language.
_SAMPLE = 300
# So many words of it are looked up in lexicons where everyday words do not tell.
_FEW = 12


@cache
def known(language: str | None) -> str | None:
    """`de-DE`, `DE`, `zh_CN`, `german` → a language of `LANGUAGES`; None for what is not one of them."""
    if not language:
        return None
    name = re.split(r"[-_]", language.strip().lower())[0]
    name = _ALIASES.get(name, name)
    return name if name in LANGUAGES else None


@cache
def _by_word() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for name, words in stop_words().items():
        for word in words:
            found.setdefault(word, []).append(name)
    return {word: tuple(names) for word, names in found.items()}


@lru_cache(100_000)
def _languages_of(word: str) -> tuple[str, ...]:
    """The languages in which the word is an everyday one, with its accents or, failing that, without."""
    by_word = _by_word()
    return by_word.get(word) or by_word.get(fold(word), ())


def detect(text: str, named: str | None = None) -> str:
    """The language to read the text in: by script, then the one named, then by everyday words; English if all fails.

    A named language is overruled only by script or by clear evidence: a buyer in Germany may write English.
    """
    language = known(named)
    if not text.isascii():
        if _KANA.search(text):
            # Some Chinese writers decorate with の.
            return "zh" if language == "zh" and len(_KANA.findall(text)) < 3 else "ja"
        han = len(_HAN.findall(text))
        if han and han * 3 >= sum(map(str.isalpha, text)):
            return language if language == "ja" else "zh"
    if language is not None and lexicon(language).by_characters and not any(map(str.isalpha, text)):
        return language
    votes: dict[str, int] = {}
    words = _WORD.findall(text[:_SAMPLE].lower())
    for word in words:
        for name in _languages_of(word):
            votes[name] = votes.get(name, 0) + 1
    best = max(votes.values(), default=0)
    if language is not None and not lexicon(language).by_characters and best < votes.get(language, 0) + _OVERRULE:
        return language
    leading = [name for name in LANGUAGES if votes.get(name, 0) == best]
    if best and len(leading) == 1:
        return leading[0]
    return _by_vocabulary(words[:_FEW], leading)


def _by_vocabulary(words: list[str], leading: list[str]) -> str:
    """Of the languages that lead (all, where no everyday word was met) the one whose lexicon knows most of the words.

    English first: its lexicon is loaded anyway, and words that it knows all need no other (each takes some 50 ms once).
    """
    spelled = [fold(word) for word in words]
    if "en" in leading and all(map(lexicon("en").knows, spelled)):
        return "en"
    known = {name: sum(map(lexicon(name).knows, spelled)) for name in leading if not lexicon(name).by_characters}
    return max(known, key=lambda name: known[name], default="en")
