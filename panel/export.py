"""Tables as files: CSV, Excel and Parquet.

Belongs here: bytes of a download. Does not belong: which rows (`data.py`).

A cell whose text begins with =, +, -, @, tab or carriage return is run as a formula by spreadsheet programs. Such text
gets a leading apostrophe in CSV and is written as text in Excel; numbers, negative ones too, stay numbers. Parquet is
read by programs and keeps what is there.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
#: Excel's own limits
_EXCEL_ROWS = 1_048_575
_EXCEL_CELL = 32_767

MIME = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}


def neutral(value: Any) -> Any:
    """A text that no spreadsheet program runs; other values as they are.

    Spaces before the sign do not help: programs cut them. Full-width signs are run by some of them.
    """
    if not isinstance(value, str):
        return value
    head = value.lstrip(" \u00a0\u3000")
    if value.startswith(_FORMULA) or head.startswith((*_FORMULA, "＝", "＋", "－", "＠")):
        return f"'{value}"
    return value


def to_bytes(table: Any, kind: str) -> bytes:
    """An Arrow table as `csv`, `xlsx` or `parquet`."""
    return {"csv": _csv, "xlsx": _xlsx, "parquet": _parquet}[kind](table)


def _rows(table: Any) -> Iterator[list[Any]]:
    for batch in table.to_batches(max_chunksize=10_000):
        columns = [batch.column(index).to_pylist() for index in range(batch.num_columns)]
        yield from (list(row) for row in zip(*columns, strict=True))


def _csv(table: Any) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(table.column_names)
    for row in _rows(table):
        writer.writerow(["" if value is None else neutral(value) for value in row])
    return b"\xef\xbb\xbf" + text.getvalue().encode()  # Excel takes UTF-8 for it only with the mark


def _xlsx(table: Any) -> bytes:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
    from openpyxl.styles import Font

    if table.num_rows > _EXCEL_ROWS:
        table = table.slice(0, _EXCEL_ROWS)
    book = Workbook(write_only=True)
    sheet = book.create_sheet("rows")
    sheet.freeze_panes = "A2"
    heads = []
    for name in table.column_names:
        head = WriteOnlyCell(sheet, value=name)
        head.font = Font(bold=True)
        heads.append(head)
    sheet.append(heads)
    for row in _rows(table):
        cells: list[Any] = []
        for value in row:
            if isinstance(value, str):
                cell = WriteOnlyCell(sheet, value=ILLEGAL_CHARACTERS_RE.sub("", value)[:_EXCEL_CELL])
                cell.data_type = "s"  # never a formula, whatever it begins with
                cells.append(cell)
            elif isinstance(value, datetime):
                cells.append(value.replace(tzinfo=None))
            else:
                cells.append(value)
        sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _parquet(table: Any) -> bytes:
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()
