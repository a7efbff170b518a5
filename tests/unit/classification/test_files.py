"""The file command: what is added to each line, and what happens to bad ones."""

import json
from pathlib import Path

import pytest

from classification.files import BadInputError, NoSuchFieldError, classify_file


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_every_line_keeps_its_fields_and_gains_a_verdict(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows = [
        {"id": 1, "text": "too small", "code": "CR-DEFECTIVE", "language": "en", "product": "Shoes"},
        {"id": 2, "text": ""},
        {"id": 3, "code": "APPAREL_TOO_LARGE"},
        {"id": 4, "text": None, "language": None},
        {"id": 5, "text": 42},
        {"id": 6, "text": "质量太差"},
    ]
    source.write_text("\ufeff" + "\n".join(json.dumps(row) for row in rows) + "\n\n", "utf-8")
    summary = classify_file(source, out)
    found = lines(out)
    assert [row["id"] for row in found] == [1, 2, 3, 4, 5, 6]
    assert [row["reason_class"] for row in found] == [
        "size_fit", "unclear", "size_fit", "unclear", "unclear", "quality",
    ]  # fmt: skip
    first = found[0]
    assert first["product"] == "Shoes"
    assert first["deciding_words"] == ["too small"]
    assert (first["class_by_text"], first["class_by_code"], first["reason_conflict"]) == ("size_fit", "defective", True)
    assert isinstance(first["confidence"], float)
    assert isinstance(first["is_sure"], bool)
    assert "质量" in out.read_text("utf-8")
    assert (summary.comments, summary.conflicts, summary.blank_lines) == (6, 1, 1)
    assert summary.by_class["size_fit"] == 2


def test_fields_may_have_other_names(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"comment": "defekt", "grund": "X", "sprache": "de"}\n', "utf-8")
    classify_file(source, out, text_field="comment", code_field="grund", language_field="sprache")
    (row,) = lines(out)
    assert (row["reason_class"], row["class_by_code"]) == ("defective", "unmapped")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"text": "ok"}\n{"text": \n', r"in\.jsonl, line 2: not JSON"),
        (b'["a"]\n', r"line 1: a list, not an object"),
        (b'{"text": ["a"]}\n', r"line 1: field 'text' holds a list"),
        (b'{"text": "ok"}\n\xff\xfe\n', r"line 2: not UTF-8"),
        (b"[" * 100_000, r"line 1: not JSON"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_written(tmp_path: Path, content: bytes, message: str) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes(content)
    with pytest.raises(BadInputError, match=message) as caught:
        classify_file(source, out)
    assert caught.value.remedy
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize(
    ("content", "fields", "message"),
    [
        ('{"text": "ok"}\n', {"text_field": "nosuchfield"}, r"in\.jsonl: no line has a field 'nosuchfield'.*'text'"),
        ('{"text": "ok"}\n', {"code_field": "grund"}, r"no line has a field 'grund'"),
        ('{"text": "ok"}\n', {"language_field": "a", "product_field": "b"}, r"no line has a field 'a' or 'b'"),
        ('{"comment": "ok"}\n', {}, r"no line has a field 'text' or 'code'.*'comment'.*--text"),
        ("{}\n", {}, r"that the file has \(none\)"),
    ],
)
def test_a_field_that_no_line_has_is_named_and_nothing_is_written(
    tmp_path: Path, content: str, fields: dict[str, str], message: str
) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(content, "utf-8")
    with pytest.raises(NoSuchFieldError, match=message):
        classify_file(source, out, **fields)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == [source]


def test_a_field_may_be_absent_from_some_lines_and_a_file_empty(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"code": "DEFECTIVE"}\n{"comment": "too small"}\n', "utf-8")
    assert classify_file(source, out, text_field="comment").comments == 2
    source.write_text('{"code": "DEFECTIVE"}\n', "utf-8")
    assert classify_file(source, out).by_class == {"defective": 1}
    source.write_text("\n", "utf-8")
    assert classify_file(source, out, text_field="comment").comments == 0


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"nowhere\.jsonl"):
        classify_file(tmp_path / "nowhere.jsonl", tmp_path / "out.jsonl")


def test_half_a_surrogate_pair_survives(tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"text": "broken \\ud83d"}\n', "utf-8")
    classify_file(source, out)
    assert lines(out)[0]["text"] == "broken \ud83d"


def test_a_file_may_be_classified_in_place(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "too small"}\n', "utf-8")
    classify_file(path, path)
    classify_file(path, path)
    (row,) = lines(path)
    assert row["reason_class"] == "size_fit"
