"""What a buyer typed, made readable: entities, tags, widths, presets, and the folding of letters.

Belongs here: everything that happens to a comment before a word of it is looked up. Does not belong: any knowledge of
what words mean (`lexicons/`) or of languages (`language.py`).
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import cache

# Longer comments are cut: Amazon's own fields end earlier, and a pasted novel must not cost a night.
MAX_CHARS = 4000

_BLOCK = re.compile(r"<\s*/?\s*(?:br|p|div|li|ul|ol|h[1-6]|tr|td)\b[^<>]{0,200}>", re.IGNORECASE)
_TAG = re.compile(r"<\s*/?\s*[a-zA-Z][^<>]{0,200}>")
_BLANK = re.compile(r"[\s\u00ad\u200b-\u200f\u2028\u2029\u202a-\u202e\u2060-\u2064\ufeff\x00-\x1f\x7f]+")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'", "ʼ": "'", "′": "'"})
# Letters that Unicode does not take apart into base and accent.
_BASES = str.maketrans({"ß": "ss", "œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ı": "i", "þ": "th", "ð": "d"})
_YES_NO = frozenset(
    ["yes", "no", "ja", "nein", "oui", "non", "si", "sí", "はい", "いいえ", "是", "否", "n/a", "na", "none"]
)


def readable(text: str) -> str:
    """The comment in NFKC, entities resolved, markup removed, blanks collapsed; at most `MAX_CHARS` characters.

    Entities are resolved twice because exports of exports carry `&amp;#39;`. The end of a line counts as a full stop.
    """
    text = text[:MAX_CHARS]
    if "&" in text:
        text = html.unescape(html.unescape(text))
    if "<" in text:
        text = _TAG.sub(" ", _BLOCK.sub(" . ", text))
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES)
    elif "`" in text:
        text = text.translate(_APOSTROPHES)
    if "\n" in text or "\r" in text:
        text = text.replace("\r", "\n").replace("\n", " . ")
    return _BLANK.sub(" ", text).strip()


def parts(text: str) -> list[str]:
    """`preset|free text|No` taken apart; the yes or no of a follow-up question is not a reason and is left out."""
    if "|" not in text:
        return [text]
    found = [part.strip() for part in text.split("|")]
    return [part for i, part in enumerate(found) if part and not (i and part.casefold() in _YES_NO)]


@cache
def _has_accents(char: str) -> bool:
    return unicodedata.combining(char) != 0


def fold(word: str) -> str:
    """A word as it is looked up: lower case, without accents and apostrophes.

    >>> fold("Größe"), fold("Doesn't"), fold("déçu")
    ('grosse', 'doesnt', 'decu')
    """
    word = word.lower()
    if "'" in word:
        word = word.replace("'", "")
    if word.isascii():
        return word
    word = unicodedata.normalize("NFD", word.translate(_BASES))
    return "".join(char for char in word if not _has_accents(char))
