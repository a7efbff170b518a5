"""The common case of delimited text: a block without quotes in which every line has as many fields as the header.

Belongs here: telling that case from all others, and reading it by byte ranges: fields and lines are pieces of the block
between positions that numpy finds. Does not belong: every other case (`delimited.py`), which gives the same for these
blocks at several times the CPU time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

#: lines turned at a time: they stay in the CPU's cache, which takes a fifth of the time
_TILE = 2_048


@dataclass(frozen=True)
class UniformLines:
    """Lines with the same number of fields each, all ending alike.

    ends: where fields end in the body, one row for all fields of a position. line_end: how long what ends a line is.
    """

    body: bytes
    ends: np.ndarray
    line_end: int

    @property
    def count(self) -> int:
        """How many lines there are."""
        return self.ends.shape[1]

    def column(self, position: int) -> pa.StringArray:
        """The fields at a position, untrimmed."""
        return _pieces(self.body, pa.string(), self._begins(position), self.ends[position])

    def without(self, dropped: np.ndarray) -> bytes:
        """The body without the fields at some positions, in their order, and their delimiters; one must stay."""
        width = len(self.ends)
        kept = np.setdiff1d(np.arange(width), dropped)
        runs = np.split(kept, np.flatnonzero(np.diff(kept) > 1) + 1)
        bounds = []
        for run in runs:  # with the delimiter behind it where another run follows
            bounds += [self._begins(run[0]), self.ends[run[-1]] + (run is not runs[-1])]
        if kept[-1] == width - 1:
            bounds[-1] = self.ends[-1] + self.line_end
        else:
            bounds += [self.ends[-1], self.ends[-1] + self.line_end]
        stored = _pieces(self.body, pa.binary(), *bounds)
        size = int(np.frombuffer(stored.buffers()[1], np.int32)[len(stored)])
        return stored.buffers()[2].slice(0, size).to_pybytes()

    def _begins(self, position: int) -> np.ndarray:
        if position:
            return self.ends[position - 1] + 1
        return np.concatenate(([0], self.ends[-1, :-1] + self.line_end))


def uniform_lines(body: bytes, delimiter: str, line_end: str, width: int) -> UniformLines | None:
    """The lines of a body, whole lines of UTF-8. None: the block is another case.

    Every line must end as `line_end` says and have exactly `width` fields, two at least.
    """
    if width < 2 or line_end not in ("\n", "\r\n") or not body.endswith(line_end.encode()):
        return None
    text = np.frombuffer(body, np.uint8)
    is_feed = text == 10
    lines = np.count_nonzero(is_feed)
    returns = np.count_nonzero(text == 13) if b"\r" in body else 0
    if returns != (lines if line_end == "\r\n" else 0):
        return None
    found = np.flatnonzero(is_feed | (text == ord(delimiter)))
    if len(found) != lines * width:
        return None
    ends = np.empty((width, lines), np.int32)
    by_line = found.reshape(lines, width)
    for tile in range(0, lines, _TILE):
        ends[:, tile : tile + _TILE] = by_line[tile : tile + _TILE].T
    if not is_feed[ends[-1]].all():  # as many fields as there should be, but not in each line
        return None
    if returns:
        ends[-1] -= 1
        if not (text[ends[-1]] == 13).all():
            return None
    return UniformLines(body, ends, len(line_end))


def _pieces(body: bytes, kind: pa.DataType, *bounds: np.ndarray) -> pa.Array:
    """The parts of a body between the first and the second bound, the third and the fourth, …, of every line.

    Bounds are of every line and ascend. Between them lies what is left out.
    """
    offsets = np.stack(bounds, axis=1, dtype=np.int32, casting="same_kind").reshape(-1)
    pieces = pa.Array.from_buffers(kind, len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(body)])
    return pieces.take(pa.array(np.arange(0, len(pieces), 2, dtype=np.int32)))


def lines_of(body: bytes) -> pa.StringArray:
    """The lines of whole lines of text, without their ends."""
    ends = np.flatnonzero(np.frombuffer(body, np.uint8) == 10) + 1
    bounds = np.concatenate(([0], ends)).astype(np.int32)
    return pc.ascii_rtrim(
        pa.StringArray.from_buffers(len(ends), pa.py_buffer(bounds), pa.py_buffer(body)), characters="\r\n"
    )
