"""Reference data as CSV files, each with its source, and the one way to read them.

Belongs here: facts that are tables (marketplaces, reason codes and classes, dated policies). Does not belong: settings
of one user (`data_contracts/settings.py`), facts about feeds (`data_contracts/feeds/`).
"""

from __future__ import annotations

import csv
import io
from functools import cache
from importlib.resources import files


def tables() -> tuple[str, ...]:
    """Names of the reference tables, which are the CSV files of this folder."""
    return tuple(sorted(p.name.removesuffix(".csv") for p in files(__name__).iterdir() if p.name.endswith(".csv")))


@cache
def read(name: str) -> tuple[dict[str, str], ...]:
    """Rows of `<name>.csv` as text; FileNotFoundError names the folder's tables when there is none."""
    path = files(__name__) / f"{name}.csv"
    if not path.is_file():
        raise FileNotFoundError(f"no reference table {name!r}; there are {', '.join(tables())}")
    return tuple(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
