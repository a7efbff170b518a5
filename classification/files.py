"""Comments in a JSON-lines file, classified line by line.

Belongs here: reading, checking and writing such files. Does not belong: any judgement of a comment (`classifier.py`).
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from classification.classifier import classify_many, combine
from data_contracts.reasons import class_of_code

# Lines held in memory at a time.
_BATCH = 50_000
_USUAL = ("text", "code", "language", "product")
_FIELDS_SHOWN = 12


class BadInputError(ValueError):
    """The file cannot be read as it should: `what` is wrong, `where` (file and line), and the `remedy`."""

    def __init__(self, what: str, where: str, remedy: str) -> None:
        super().__init__(f"{where}: {what}. {remedy}")
        self.what, self.where, self.remedy = what, where, remedy


class NoSuchFieldError(BadInputError):
    """A field that was asked for is in no line of the file."""


@dataclass
class Summary:
    """Comments classified, how many of them surely, how many in conflict with their code, and by class."""

    comments: int = 0
    sure: int = 0
    conflicts: int = 0
    blank_lines: int = 0
    by_class: Counter[str] = field(default_factory=Counter)


def classify_file(
    path_in: str | os.PathLike[str],
    path_out: str | os.PathLike[str],
    text_field: str = "text",
    code_field: str = "code",
    language_field: str = "language",
    product_field: str = "product",
    workers: int | None = None,
) -> Summary:
    """Write every line of `path_in` to `path_out` with `reason_class`, `confidence`, `deciding_words` (list),
    `class_by_text`, `class_by_code`, `is_sure`, `reason_conflict`, `reason_secondary` and `reason_language` added.

    Each line is a JSON object in UTF-8. Fields may be missing or null: a line without text is judged by its code. The
    output appears whole or not at all. Raises BadInputError naming file and line, and NoSuchFieldError where no line
    has anything to judge, or none has a field that goes by another name than the usual one.
    """
    source, target = Path(path_in), Path(path_out)
    names = (text_field, code_field, language_field, product_field)
    summary = Summary()
    met: set[str] = set()
    part = target.with_name(target.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as out:
            for batch in _batches(_lines(source, summary), _BATCH):
                for _, row in batch:
                    met.update(row)
                fields = [tuple(_text(row, name, source, number) for name in names) for number, row in batch]
                texts, codes, languages, products = ([row[i] for row in fields] for i in range(4))
                readings = classify_many(texts, languages, products, workers)
                for (_, row), text, code, reading in zip(batch, texts, codes, readings, strict=True):
                    verdict = combine(reading, class_of_code(code), bool(text and text.strip()))
                    summary.comments += 1
                    summary.sure += verdict.is_sure
                    summary.conflicts += verdict.conflict
                    summary.by_class[verdict.reason_class] += 1
                    row |= {
                        "reason_class": verdict.reason_class,
                        "confidence": verdict.confidence,
                        "deciding_words": list(verdict.deciding_words),
                        "class_by_text": verdict.class_by_text,
                        "class_by_code": verdict.class_by_code,
                        "is_sure": verdict.is_sure,
                        "reason_conflict": verdict.conflict,
                        "reason_secondary": verdict.secondary,
                        "reason_language": verdict.language,
                    }
                    out.write(_line(row))
        if summary.comments:
            _check_fields(source, names, met)
        part.replace(target)
    except OSError as error:
        raise BadInputError(
            error.strerror or str(error), str(error.filename or source), "Check that its folder exists and may be used"
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return summary


def _check_fields(source: Path, names: tuple[str, ...], met: set[str]) -> None:
    """The usual names may all be absent but text and code together; a name the user chose may not."""
    text, code = names[:2]
    named = [name for name, usual in zip(names, _USUAL, strict=True) if name != usual]
    absent = [name for name in named if name not in met]
    if not absent and met.isdisjoint((text, code)):
        absent = [text, code]
    if absent:
        there = ", ".join(repr(name) for name in sorted(met)[:_FIELDS_SHOWN]) or "none"
        raise NoSuchFieldError(
            f"no line has a field {' or '.join(map(repr, absent))}",
            str(source),
            f"Name the fields that the file has ({there}) with --text, --code, --language and --product",
        )


def _lines(source: Path, summary: Summary) -> Iterator[tuple[int, dict[str, Any]]]:
    with source.open("rb") as file:
        for number, raw in enumerate(file, 1):
            where = f"{source}, line {number}"
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
            except UnicodeDecodeError as error:
                raise BadInputError(f"not UTF-8 ({error.reason})", where, "Save the file as UTF-8") from error
            if not line:
                summary.blank_lines += 1
                continue
            try:
                row = json.loads(line)
            except (json.JSONDecodeError, RecursionError) as error:
                raise BadInputError(f"not JSON ({error})", where, "Write one JSON object per line") from error
            if not isinstance(row, dict):
                raise BadInputError(f"a {type(row).__name__}, not an object", where, "Write one JSON object per line")
            yield number, row


def _text(row: dict[str, Any], name: str, source: Path, number: int) -> str | None:
    value = row.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    raise BadInputError(
        f"field {name!r} holds a {type(value).__name__}, not text", f"{source}, line {number}", "Put the comment there"
    )


def _batches(rows: Iterator[tuple[int, dict[str, Any]]], size: int) -> Iterator[list[tuple[int, dict[str, Any]]]]:
    batch: list[tuple[int, dict[str, Any]]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _line(row: dict[str, Any]) -> str:
    text = json.dumps(row, ensure_ascii=False)
    # Half a surrogate pair is legal in JSON's escapes and in no encoding: it stays escaped.
    return (text if text.isascii() or _encodable(text) else json.dumps(row)) + "\n"


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
