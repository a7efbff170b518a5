"""Anything at all as a value, a cell or a file: parsers say a value or `bad`, decoders account for each row.

The normal run tries some hundred examples, `make soak` many thousands.
"""

from __future__ import annotations

import gzip
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_contracts.feed import Column, Kind
from data_contracts.registry import all_feeds
from data_contracts.settings import Limits
from data_contracts.values import Evidence, Reading, read
from ingestion import bronze
from ingestion.decode import Request, UnusableFile
from ingestion.mapping import shipped_mappings
from tests.corpus.sound import Sound, sound_reports

#: what numbers, dates and flags are made of, so that half-right values are tried more often than noise
_SIGNS = "0123456789.,-+()eE:/TZ \u00a0'’−$€¥%kr年月日AMPuaf"
VALUES = st.one_of(st.text(max_size=40), st.text(_SIGNS, max_size=30), st.none())
READINGS = st.builds(
    Reading,
    day_first=st.booleans(),
    decimal_comma=st.booleans(),
    time_zone=st.sampled_from([None, "America/Los_Angeles", "Asia/Tokyo"]),
)
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=25)
REPORTS = sound_reports()


def long_and_short(examples: int, long: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A test that hypothesis runs with few examples, and in the soak run with many."""

    def decorate(work: Callable[..., None]) -> Callable[..., None]:
        quiet = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]

        @pytest.mark.parametrize(
            "count", [pytest.param(examples, id="short"), pytest.param(long, id="long", marks=pytest.mark.soak)]
        )
        def test(count: int) -> None:
            settings(max_examples=count, deadline=None, suppress_health_check=quiet, derandomize=count == examples)(
                work
            )()

        test.__doc__ = work.__doc__
        return test

    return decorate


@long_and_short(200, 50_000)
@given(kind=st.sampled_from(list(Kind)), values=st.lists(VALUES, max_size=12), how=READINGS)
def test_any_text_is_read_or_bad(kind: Kind, values: list[str | None], how: Reading) -> None:
    """Never an exception, never a bad value without its mark, and each value reads as it would alone."""
    column = Column("x", kind)
    text = pa.array([value.strip() or None if value is not None else None for value in values], pa.string())
    typed = read(column, text, how)
    bad = typed.bad.to_pylist() if typed.bad is not None else [False] * len(text)
    for array in typed.arrays.values():
        assert len(array) == len(text)
    found = list(typed.arrays.values())[-1].to_pylist()
    for given_text, value, is_bad in zip(text.to_pylist(), found, bad, strict=True):
        assert is_bad == (given_text is not None and value is None)
    for index in range(len(text)):
        alone = read(column, text.slice(index, 1), how)
        for name, array in typed.arrays.items():
            assert (
                alone.arrays[name][0].equals(array[index]) or str(array[index]) == str(alone.arrays[name][0]) == "nan"
            )


@long_and_short(60, 20_000)
@given(kind=st.sampled_from(list(Kind)), values=st.lists(VALUES.filter(bool), max_size=12))
def test_the_order_of_values_is_no_evidence(kind: Kind, values: list[str]) -> None:
    """What a file says about its conventions does not depend on the order of its rows."""
    column = Column("x", kind)
    found = []
    for order in (values, values[::-1]):
        evidence = Evidence()
        evidence.add(column, pa.array(order, pa.string()))
        found.append(evidence.conventions({"x": True}))
    assert found[0] == found[1]


def check_told(failure: UnusableFile) -> None:
    """A refusal says what, where and what to do."""
    assert failure.what
    assert failure.where
    assert failure.remedy.endswith(".")


def decoded(content: bytes, feed: str | None, block_bytes: int = 1 << 20) -> bronze.Counts | None:
    """What becomes of a file; None where it is refused. Whatever it is, no row is lost."""
    folder = Path(tempfile.mkdtemp())
    try:
        path = folder / "came"
        path.write_bytes(content)
        request = Request(all_feeds(), all_feeds()[feed] if feed else None, None, shipped_mappings())
        limits = Limits(block_bytes=block_bytes, ratio_counts_from_bytes=1 << 20, max_unpacked_bytes=8 << 20)
        try:
            made = bronze.decode(path, bronze.Options("acme", "d", request, "came", limits=limits), folder)
        except UnusableFile as failure:
            return check_told(failure)
        counts = made.counts
        assert counts.rows_in == counts.rows_bronze + counts.rows_quarantined
        assert pq.read_metadata(made.bronze).num_rows == counts.rows_bronze
        bad = pq.read_metadata(made.quarantine).num_rows if made.quarantine else 0
        assert bad == counts.rows_quarantined
        return counts
    finally:
        shutil.rmtree(folder)


@long_and_short(60, 10_000)
@given(
    report=st.sampled_from(REPORTS),
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=14), max_size=6),
    separator=st.sampled_from("\t\t\t,;|"),
    end=st.sampled_from(["\r\n", "\n", "\r"]),
    charset=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    block_bytes=st.sampled_from([1, 60, 1 << 20]),
)
def test_any_cells_below_a_header(
    report: Sound, rows: list[list[str]], separator: str, end: str, charset: str, block_bytes: int
) -> None:
    """Rows of anything: each line is a row of bronze or quarantine, wherever the blocks are cut."""
    lines = [separator.join(report.headers), *(separator.join(row) for row in rows), ""]
    content = end.join(lines).encode(charset)
    assert decoded(content, report.feed.name, block_bytes) == decoded(content, report.feed.name)


@long_and_short(60, 10_000)
@given(content=st.one_of(st.binary(max_size=2_000), st.text(max_size=500).map(str.encode)), packed=st.booleans())
def test_any_bytes(content: bytes, packed: bool) -> None:
    """Noise is refused, with what, where and remedy."""
    decoded(gzip.compress(content) if packed else content, None)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), CELLS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(CELLS, inner, max_size=3)),
    max_leaves=8,
)


@long_and_short(60, 10_000)
@given(report=st.sampled_from(REPORTS), data=st.data())
def test_any_json_lines(report: Sound, data: st.DataObject) -> None:
    """Objects with the right keys and any values, among them lines that are no objects."""
    import json

    values = st.fixed_dictionaries({}, optional=dict.fromkeys(report.headers, JSON))
    lines = data.draw(st.lists(st.one_of(values, values, JSON), min_size=1, max_size=5))
    first = dict(zip(report.headers, report.rows[0], strict=True))
    content = "".join(json.dumps(line) + "\n" for line in [first, *lines]).encode()
    counts = decoded(content, report.feed.name)
    assert counts is None or counts.rows_in == 1 + len(lines)
