"""The fast reading of blocks whose lines are all alike gives what the general one gives, or leaves the block to it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from data_contracts.registry import all_feeds
from data_contracts.settings import Limits
from ingestion.decode import Request, RowBlock, UnusableFile, WrongCharset
from ingestion.decode.delimited import DelimitedFile, open_delimited
from tests.support.deliveries import fba, order, tsv

#: pieces of which fields are made: blanks of every kind, digits, other alphabets
PLAIN = ["a", "Z9", " ", "\u00a0", "\u3000", "é", "手机", "\ufeff", "\v", "-1,50", "|"]
#: what leaves a block to the general way: quotes, stray line ends, what must be masked
ODD = ['"', "\r", "x@y.example", "206-555-0123"]


def _lines(pieces: list[str], fields: int) -> st.SearchStrategy[list[list[str]]]:
    texts = st.lists(st.sampled_from(pieces), max_size=4).map("".join)
    return st.lists(st.lists(texts, min_size=min(fields, 2), max_size=fields), min_size=1, max_size=12)


def _compared(path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[RowBlock], list[RowBlock], int]:
    """The blocks of a file read both ways, and how many the fast way took."""
    limits = Limits(block_bytes=400)
    taken = 0
    original = DelimitedFile._uniform_block

    def counted(self: DelimitedFile, *args: object) -> RowBlock | None:
        nonlocal taken
        block = original(self, *args)  # type: ignore[arg-type]
        taken += block is not None
        return block

    def read() -> list[RowBlock]:
        return list(open_delimited(path, path.name, "utf-8", limits, Request(all_feeds())).blocks())

    with monkeypatch.context() as patched:
        patched.setattr("ingestion.decode.container._READ", 300)
        patched.setattr("ingestion.decode.uniform._TILE", 2)
        patched.setattr(DelimitedFile, "_uniform_block", counted)
        fast = read()
        patched.setattr(DelimitedFile, "_uniform_block", lambda *_: None)
        return fast, read(), taken


def _same(fast: list[RowBlock], general: list[RowBlock]) -> None:
    assert len(fast) == len(general)
    for one, other in zip(fast, general, strict=True):
        assert {name: texts.to_pylist() for name, texts in one.columns.items()} == {
            name: texts.to_pylist() for name, texts in other.columns.items()
        }
        assert one.line_numbers.equals(other.line_numbers)
        assert one.lines.to_pylist() == other.lines.to_pylist()
        assert (one.rejects, one.original, one.stored) == (other.rejects, other.original, other.stored)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("make", [order, fba])
def test_clean_files_are_read_the_fast_way(
    make: object, line_end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.txt"
    rows = [make(sku=f"S{i}") for i in range(30)]  # type: ignore[operator]
    path.write_bytes(tsv(rows).replace("\r\n", "\n").replace("\n", line_end).encode())
    fast, general, taken = _compared(path, monkeypatch)
    assert taken == len(fast) > 3
    _same(fast, general)


@settings(max_examples=150, deadline=None)
@given(
    lines=st.one_of(_lines(PLAIN, 2), _lines(PLAIN, 4), _lines(PLAIN + ODD, 2), _lines(PLAIN + ODD, 4)),
    ends=st.sampled_from(["\n", "\r\n"]),
    is_ended=st.booleans(),
    personal=st.sampled_from([(), (0,), (5,), (0, 5), (4, 5)]),
    delimiter=st.sampled_from(["\t", ","]),
)
def test_both_ways_agree(
    lines: list[list[str]],
    ends: str,
    is_ended: bool,
    personal: tuple[int, ...],
    delimiter: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    header = ["asin", "rating", "review text", "review title"]
    rows = [["B000000001", "5", *fields[:2]] if len(fields) < 4 else fields for fields in lines]
    for at in personal:
        header.insert(at, f"buyer-name-{at}" if at else "buyer-email")
        for row in rows:
            row.insert(at, "Jo")
    text = ends.join(delimiter.join(row) for row in [header, *rows]) + ends * is_ended
    path = tmp_path_factory.mktemp("uniform") / "reviews.txt"
    path.write_bytes(text.encode())
    # a file may be refused as a whole, whichever way it would be read
    with pytest.MonkeyPatch.context() as monkeypatch, suppress(UnusableFile, WrongCharset):
        fast, general, taken = _compared(path, monkeypatch)
        event(f"{'some' if taken else 'no'} blocks were read the fast way")
        _same(fast, general)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_line_of_nothing_is_no_row(line_end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.txt"
    lines = tsv([order(sku=f"S{i}") for i in range(3)]).replace("\r\n", "\n").splitlines()
    lines.insert(2, "")
    path.write_bytes("".join(line + line_end for line in lines).encode())
    fast, general, taken = _compared(path, monkeypatch)
    assert taken < len(fast)
    assert sum(len(block.line_numbers) for block in fast) == 3
    _same(fast, general)
