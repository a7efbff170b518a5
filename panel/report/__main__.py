"""`python -m panel.report --month 2026-01`: writes the page of a month as HTML and PDF.

Belongs here: arguments, messages, exit codes (0 written, 1 nothing to write from, 2 wrong use).
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from panel import data
from panel.report import as_html, as_pdf
from panel.report.figures import NothingToReport, gather
from panel.report.page import write
from panel.text import LANGUAGES, Words

DONE, FAILED, WRONG_USE = 0, 1, 2


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """The command's options; ends the process with 2 where they are wrong."""
    parser = argparse.ArgumentParser(
        prog="returnscope report", description="One page for a manager about one month, as HTML and PDF."
    )
    parser.add_argument("--month", required=True, metavar="YYYY-MM", help="The month.")
    parser.add_argument("--store", default="", help="Only this store; all when not named.")
    parser.add_argument("--lang", choices=list(LANGUAGES), default="en", help="en (default) or zh.")
    parser.add_argument("--out", type=Path, default=Path(), help="Folder of the files; this one when not named.")
    return parser.parse_args(given)


def main(given: Sequence[str]) -> int:
    """Write both files; the exit code."""
    chosen = arguments(given)
    say = Words(chosen.lang)
    month = _month(chosen.month)
    if month is None:
        return _fail(say("report.bad_month", month=chosen.month), WRONG_USE)
    name = say.month(month)
    try:
        release = data.current()
        stores = sorted({row["store"] for row in data.scopes(release)})
        if chosen.store and chosen.store not in stores:
            return _fail(say("report.no_store", store=chosen.store, stores=", ".join(stores)), WRONG_USE)
        page = write(gather(release, month, chosen.store), say)
    except data.NoRelease as error:
        return _fail(say("report.no_release", path=error.path) + (f" {error.broken}" if error.broken else ""), FAILED)
    except data.NotInRelease as error:
        return _fail(say("report.no_table", table=error), FAILED)
    except NothingToReport as error:
        days = str(error)
        return _fail(
            say("report.no_month", month=name, days=days) if days else say("report.no_data", month=name), FAILED
        )
    store = "_" + re.sub(r"[^\w.-]+", "_", chosen.store) if chosen.store else ""
    stem = f"returns_{month:%Y-%m}{store}_{chosen.lang}"
    for suffix, content in ((".html", as_html.render(page).encode()), (".pdf", as_pdf.render(page))):
        path = chosen.out / f"{stem}{suffix}"
        try:
            _put(path, content)
        except OSError as error:
            return _fail(say("report.cannot_write", path=path, why=error.strerror), FAILED)
        sys.stdout.write(say("report.written", path=path) + "\n")
    return DONE


def _month(text: str) -> date | None:
    match = re.fullmatch(r"(\d{4})-(\d{2})", text)
    if not match or not 1 <= int(match[2]) <= 12 or int(match[1]) < 1:
        return None
    return date(int(match[1]), int(match[2]), 1)


def _put(path: Path, content: bytes) -> None:
    """Write a file in one step, so that nobody opens half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"Error: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
