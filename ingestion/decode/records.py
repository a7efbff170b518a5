"""What JSON lines and XML have in common: rows as dictionaries of text, to be turned into columns.

Belongs here: columns, masking and recognition for rows that carry their own names. Does not belong: either format.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ingestion.decode.block import text_or_null
from ingestion.decode.names import Mismatch, Names, Request, recognise
from ingestion.decode.unusable import unusable
from ingestion.redact import mask_column


def recognise_keys(keys: Iterable[str], request: Request, file: str, line: int) -> Names:
    """The feed to which rows with these names belong. Raises UnusableFile."""
    names = recognise(list(dict.fromkeys(keys)), request)
    if isinstance(names, Mismatch):
        raise unusable(names.what.replace("header", "set of names"), file, line, names.remedy)
    return names


def text_columns(
    names: Names, values: Mapping[str, Sequence[str | None]]
) -> tuple[dict[str, pa.StringArray], dict[str, pa.BooleanArray]]:
    """Columns from values by canonical name, trimmed, blank as NULL and masked; and where masking changed them."""
    columns = {name: pc.utf8_trim_whitespace(pa.array(texts, pa.string())) for name, texts in values.items()}
    changes = {}
    for column in names.feed.columns:
        if column.masked and column.name in columns:
            columns[column.name], changed = mask_column(columns[column.name], columns.get("order_id"))
            if changed is not None:
                changes[column.name] = changed
    return {name: text_or_null(texts) for name, texts in columns.items()}, changes
