"""JSON lines are read many at a time; what comes out is what reading them one by one gives."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from data_contracts.registry import all_feeds
from data_contracts.settings import Limits
from ingestion.decode import Delivery, Request, RowBlock, UnusableFile, open_delivery

#: keys of the feed (two of them for its body), personal ones, one that nobody knows, and one that is not used
KEYS = ["asin", "rating", "text", "review_body", "title", "timestamp", "helpful_vote", "verified_purchase", "images"]
ODD_KEYS = ["user_name", "e-mail", "colour", ""]
#: values as they are spelled: Python must never see another number, nor lose a digit of it
SPELLED = ["5", "5.0", "5.00", "-0", "-0.0", "1e3", "1E-7", "0.1", "18446744073709551616", "1763246949000"]
SPELLED += ["true", "false", "null", "[]", "{}", '""', '" "', '"\\u0000x"', '"\\ud83d\\ude00"', '"caf\\u00e9 é 手机"']
SPELLED += ['[1.0, {"a": null}]', '{"user_name": "Jo"}', '[{"e-mail": "x"}, "y"]', '"a \\"b\\" \\\\u0000 {c}"']
SPELLED += ['"write to x@y.example"', '"call 206-555-0123"']
#: lines that are no object of their own
NO_OBJECTS = ["", "  ", "5", "[1]", "null", "{", "}", '{"asin": "B1"}, {"asin": "B2"}', '{"asin": "B1"}{"asin": "B2"}']
NO_OBJECTS += ['{"asin": NaN}', '{"asin": "\\ud800"}', '{"asin": [1', "2]}", '{"e-mail": "x@y.example"', "\f", "01"]

_members = st.tuples(st.sampled_from(KEYS + ODD_KEYS), st.sampled_from(SPELLED))
_objects = st.lists(_members, max_size=6).map(
    lambda members: "{" + ", ".join(f"{json.dumps(key)}: {value}" for key, value in members) + "}"
)
_alike = st.lists(st.sampled_from(SPELLED), min_size=3, max_size=3).map(
    lambda values: f'{{"asin": {values[0]}, "rating": {values[1]}, "text": {values[2]}}}'
)
_lines = st.one_of(
    st.lists(_alike, max_size=12),
    st.lists(st.one_of(_alike, _objects), max_size=12),
    st.lists(st.one_of(_alike, _objects, st.sampled_from(NO_OBJECTS)), max_size=12),
)


def _read(path: Path, lines_at_a_time: int) -> tuple[Delivery, list[RowBlock]]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("ingestion.decode.container._READ", 150)
        patched.setattr("ingestion.decode.jsonl._PART_LINES", lines_at_a_time)
        feeds = all_feeds()
        request = Request(feeds, feeds["reviews"])
        delivery = open_delivery(path, path.name, "utf-8", Limits(block_bytes=400), request)
        return delivery, list(delivery.blocks())


@settings(max_examples=200, deadline=None)
@given(lines=_lines, ends=st.sampled_from(["\n", "\r\n"]), is_ended=st.booleans(), at_a_time=st.integers(2, 20))
def test_reading_many_lines_at_a_time_is_reading_each(
    lines: list[str], ends: str, is_ended: bool, at_a_time: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("lines") / "reviews.jsonl"
    first = ['{"asin": "B000000001", "rating": 5.0, "text": ""}', '{"asin": "B000000002", "rating": 4}']
    path.write_text(ends.join([*first, *lines]) + ends * is_ended, encoding="utf-8", newline="")
    with suppress(UnusableFile):
        one_delivery, one = _read(path, 1)
        delivery, many = _read(path, at_a_time)
        assert len(many) == len(one)
        assert delivery.unknown == one_delivery.unknown
        for block, other in zip(many, one, strict=True):
            assert {name: texts.to_pylist() for name, texts in block.columns.items()} == {
                name: texts.to_pylist() for name, texts in other.columns.items()
            }
            assert block.line_numbers.equals(other.line_numbers)
            assert block.lines.to_pylist() == other.lines.to_pylist()
            assert (block.rejects, block.original, block.stored) == (other.rejects, other.original, other.stored)
        event(f"{'some' if any(block.rejects for block in one) else 'no'} lines are no objects")
        return
    with pytest.raises(UnusableFile):
        _read(path, at_a_time)


def test_numbers_keep_their_spelling_and_line_numbers_their_count(tmp_path: Path) -> None:
    path = tmp_path / "reviews.jsonl"
    numbers = ["5", "5.0", "-0.0", "1000.0", "123456789012345678", "0.1"]
    lines = [f'{{"asin": "B{i}", "rating": {number}}}' for i, number in enumerate(numbers)]
    path.write_text("\n".join([*lines[:2], "", *lines[2:4], "[]", *lines[4:]]))
    (block,) = _read(path, 2_000)[1]
    assert block.columns["rating"].to_pylist() == numbers
    assert block.line_numbers.to_pylist() == [1, 2, 4, 5, 7, 8]
    assert [(reject.line_number, reject.reason) for reject in block.rejects] == [(6, "not_an_object")]
    assert block.lines.to_pylist() == lines
