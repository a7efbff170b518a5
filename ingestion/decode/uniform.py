"""The common case of delimited text: a block without quotes in which every line has as many fields as the header.

Belongs here: telling that case from all others, and reading it by Arrow's CSV reader and by cutting byte ranges out.
Does not belong: every other case (`delimited.py`), which gives the same for these blocks at three times the CPU time.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv


def read_columns(
    body: bytes, delimiter: str, line_end: str, width: int, positions: Mapping[str, int]
) -> dict[str, pa.StringArray] | None:
    """Columns by name, untrimmed, from their positions among `width` fields. None: the block is another case.

    body: whole lines of UTF-8. Every line must end as `line_end` says and have exactly `width` fields.
    """
    if width < 2 or not body.endswith(line_end.encode()) or body.startswith(codecs.BOM_UTF8):
        return None
    text = np.frombuffer(body, np.uint8)
    lines = np.count_nonzero(text == 10)
    returns = np.count_nonzero(text == 13)
    pairs = np.count_nonzero((text[:-1] == 13) & (text[1:] == 10)) if returns else 0
    if {"\n": (0, 0), "\r\n": (lines, lines)}.get(line_end) != (returns, pairs):
        return None
    if np.count_nonzero(text == ord(delimiter)) != lines * (width - 1):  # a line of nothing is a row of blanks to Arrow
        return None
    names = [str(position) for position in range(width)]
    wanted = list(dict.fromkeys(str(position) for position in positions.values()))
    try:
        table = csv.read_csv(
            pa.BufferReader(body),
            read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=len(body) + 1),
            parse_options=csv.ParseOptions(delimiter=delimiter, quote_char=False, ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                check_utf8=False, include_columns=wanted, column_types=dict.fromkeys(names, pa.string())
            ),
        )
    except pa.ArrowInvalid:  # some line has more or fewer fields
        return None
    if table.num_rows != lines:
        return None
    return {name: table.column(str(position)).combine_chunks() for name, position in positions.items()}


def without_columns(body: bytes, delimiter: str, line_end: str, width: int, dropped: np.ndarray) -> bytes:
    """A block that `read_columns` takes, without the fields at some positions and their delimiters.

    One column at least must stay. The bytes between the cuts are copied as they are, in one pass.
    """
    text = np.frombuffer(body, np.uint8)
    ends = np.flatnonzero((text == ord(delimiter)) | (text == 10)).astype(np.int32).reshape(-1, width)
    begins = np.concatenate(([0], ends[:-1, -1] + 1)).astype(np.int32)
    ends[:, -1] -= len(line_end) - 1
    cuts: list[np.ndarray] = []
    for run in np.split(dropped, np.flatnonzero(np.diff(dropped) > 1) + 1):
        if run[0] == 0:
            cuts += [begins, ends[:, run[-1]] + 1]
        else:
            cuts += [ends[:, run[0] - 1], ends[:, run[-1]]]
    bounds = np.concatenate(([0], np.stack(cuts, axis=1).reshape(-1), [len(body)])).astype(np.int32)
    pieces = pa.Array.from_buffers(pa.binary(), len(bounds) - 1, [None, pa.py_buffer(bounds), pa.py_buffer(body)])
    kept = pieces.take(pa.array(np.arange(0, len(pieces), 2, dtype=np.int32)))
    size = int(np.frombuffer(kept.buffers()[1], np.int32)[len(kept)])
    return kept.buffers()[2].slice(0, size).to_pybytes()


def lines_of(body: bytes) -> pa.StringArray:
    """The lines of whole lines of text, without their ends."""
    ends = np.flatnonzero(np.frombuffer(body, np.uint8) == 10) + 1
    bounds = np.concatenate(([0], ends)).astype(np.int32)
    return pc.ascii_rtrim(
        pa.StringArray.from_buffers(len(ends), pa.py_buffer(bounds), pa.py_buffer(body)), characters="\r\n"
    )
