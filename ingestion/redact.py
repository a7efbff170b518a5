"""Masks personal data that buyers write into free text: e-mail addresses, phone numbers, other people's order numbers.

Belongs here: what is masked and how. Does not belong: which columns are free text or personal (`data_contracts/feeds`),
cutting columns out of files (`ingestion/decode`).

Sizes, prices, dates, model and article numbers stay: a run of digits is a phone number only in the forms in which phone
numbers are written, or after a word that announces one. A number announced as a model or article is never one.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

EMAIL, PHONE, ORDER = "[email]", "[phone]", "[order]"

_EMAIL = re.compile(
    r"""
      [\w.+%'-]+ [@＠] [\w-]+ (?: \.[\w-]+ )* \.[a-z]{2,}                                  # jane@example.org
    | [\w.+%'-]+ \s? [([]at[)\]] \s? [\w-]+ (?: \s? (?:\.|[([]dot[)\]]) \s? [\w-]+ )+      # jane (at) example (dot) org
    | [\w.+%'-]+ \s? [@＠] \s? (?:gmail|yahoo|hotmail|outlook|live|icloud|aol|gmx|web|qq|163|126)
      \s? \. \s? [a-z]{2,}                                                               # jane @ gmail.com
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ORDER = re.compile(r"(?<![\w-])(?:\d{3}[-– ]\d{7}[-– ]\d{7}|[DS]\d{2}-\d{7}-\d{7})(?![\w-])")

#: forms in which people write phone numbers
_PHONE = re.compile(
    r"""
      (?<!\w) (?:\+|00)[1-9]\d{0,2} (?:[\s./\u00a0\u2011\u2013-]?\(?\d{1,4}\)?){2,5} (?!\w)    # +49 (0)151 2345678
    | (?<![\w.-]) (?:1[\s.-])? (?: \([2-9]\d\d\)\s? | [2-9]\d\d(?P<sign>[.\s-]) )
      [2-9]\d\d (?:(?P=sign)|[.-]) \d{4} (?![\w-])                             # (206) 555-0123, 1 206 555 0123
    | (?<![\w.,-]) [2-9]\d\d[2-9]\d{6} (?![\w-])                               # 2065550123
    | (?<![\w.-]) 0[1-9](?:[ .-]\d\d){4} (?![\w-])                             # 06 12 34 56 78
    | (?<![\w.,-]) \(?0[1-9]\d{0,3}\)? [ /-] \d{3,4} [ -]? \d{3,5} (?![\w-])   # 0151 23456789, 03-1234-5678
    | (?<![\w.,-]) 0[1-9]0 [ -] \d{4} [ -] \d{4} (?![\w-])                     # 090-1234-5678
    | (?<![\w.,-]) 1[3-9]\d [ -]? \d{4} [ -]? \d{4} (?![\w-])                  # 138 1234 5678
    | (?<![\w.,-]) [6-9]\d{4} [ -]? \d{5} (?![\w-])                            # 98765 43210
    """,
    re.VERBOSE,
)
#: any run of seven digits or more after a word that announces a phone number
_ANNOUNCED_PHONE = re.compile(
    r"""
    (?<! \[ )
    ( (?: call | phone | tel | telephone | mobile | cell | fax | text\ me | whats\ ?app | wechat | viber | ring
        | contact | number\ is | n[uú]mero | telefon\w* | tel[eé]fono | t[eé]l[eé]phone | handy | rufnummer | ll[aá]m\w+
        | appel\w+ | m[oó]vil | 电话 | 手机 | 微信 | 致电 | 電話 | 携帯 | 連絡先 )
      [^\w+(]{0,3}
      (?: (?:me|us|is|at|on|no|nr|number|num|am|au|al|unter) [^\w+(]{0,3} ){0,3} )
    ( \+?\(?\d (?: [\s./\u00a0\u2011\u2013-]? [()]? \d ){6,14} ) (?!\w)
    """,
    re.IGNORECASE | re.VERBOSE,
)
#: words after which digits are no phone number
_ARTICLE = re.compile(
    r"""
    (?: model\w* | modell | part | serial | item | sku | upc | ean | gtin | isbn | asin | art(?:icle|ikel)? | lot
      | batch | ref | version | serie | s/n | p/n | 型号 | 型番 | 品番 )
    (?: \s* (?:no|nr|number|num|nummer|code|is|was) )* \W{0,3} $
    """,
    re.IGNORECASE | re.VERBOSE,
)
#: what a text must have for any of the patterns to match, in the dialect of Arrow's regex engine
_SUSPECT = r"@|＠|\(at\)|\[at\]|\d(?:\D{0,2}\d){6}"


def mask_text(text: str, own_order: str | None = None) -> str:
    """The text with e-mail addresses, phone numbers and order numbers other than the row's own masked.

    What is masked stays as it is when it is masked again, so that a stored file decodes to what was first decoded.
    """
    while (masked := _mask_once(text, own_order)) != text:
        text = masked
    return text


def _mask_once(text: str, own_order: str | None) -> str:
    masked = _EMAIL.sub(EMAIL, text)
    masked = _ORDER.sub(lambda found: found[0] if found[0] == own_order else ORDER, masked)
    if own_order and own_order in masked:  # the row's own order number must not be taken for a phone number
        return own_order.join(_mask_phones(part) for part in masked.split(own_order))
    return _mask_phones(masked)


def _mask_phones(text: str) -> str:
    def unless_article(found: re.Match[str]) -> str:
        before = found.string[max(0, found.start() - 24) : found.start()]
        return found[0] if _ARTICLE.search(before) else PHONE

    masked = _ANNOUNCED_PHONE.sub(lambda found: found[1] + PHONE, text)
    return _PHONE.sub(unless_article, masked)


def mask_column(
    text: pa.StringArray, own_orders: pa.StringArray | None
) -> tuple[pa.StringArray, pa.BooleanArray | None]:
    """The masked column, and where it differs from the text (`None`: nowhere).

    `own_orders`: the rows' order numbers, which may stay. Python looks only at texts with an `@` or seven digits.
    """
    suspect = pc.fill_null(pc.match_substring_regex(text, _SUSPECT), False)
    rows = pc.indices_nonzero(suspect)
    if len(rows) == 0:
        return text, None
    before = text.take(rows).to_pylist()
    own = own_orders.take(rows).to_pylist() if own_orders is not None else [None] * len(rows)
    after = pa.array([mask_text(words, order) for words, order in zip(before, own, strict=True)], pa.string())
    masked = pc.replace_with_mask(text, suspect, after)
    changed = pc.fill_null(pc.not_equal(masked, text), False)
    return (masked, changed) if pc.any(changed).as_py() else (text, None)
