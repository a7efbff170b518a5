"""The table of faults and outcomes in `docs/reliability.md`, written from what the faults really led to.

Belongs here: running faults and writing their rows. Does not belong: the faults (`faults.py`, `remote.py`).

`python -m tests.faults.table` tries the short half (minutes), with `--long` every moment of every fault (an hour); with
words only the faults whose names hold one of them. Rows of faults that were not tried stay as they are.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable
from pathlib import Path

from tests.faults import remote  # noqa: F401 - puts its faults into the list
from tests.faults.command import nursery
from tests.faults.faults import FAULTS, Fault, Outcome
from tests.faults.scene import make_scene

NOT_TRIED = Outcome(0, "not tried yet", "-")
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"
_HEAD = (
    "| fault | brought about by | tries | what people are told | made good by |",
    "|---|---|--:|---|---|",
)


def full_name(fault: Fault) -> str:
    """Name of a fault in the table."""
    return f"{fault.group}: {fault.name}"


def rows(document: str) -> dict[str, str]:
    """The table's rows by the name of their fault."""
    table = document.partition(BEGIN)[2].partition(END)[0]
    found = [line for line in table.splitlines() if line.startswith("| ")]
    return {line.split(" | ")[0].removeprefix("| ").strip(): line for line in found[1:]}


def row(fault: Fault, outcome: Outcome) -> str:
    """One row; ids and paths that differ from run to run are left out."""
    told = re.sub(r"\d{4}-\d{2}-\d{2}-[0-9a-f]{12}", "the release", outcome.says)
    told = re.sub(r", [0-9a-f]{16}-[0-9a-f]{24} among them", "", told)
    told = re.sub(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2} UTC", "…", told)
    cells = (full_name(fault), fault.how, str(outcome.tries), told, outcome.healed_by)
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def written(document: str, found: dict[str, str]) -> str:
    """The document with these rows, in the order of the faults; one that was never tried says so."""
    begin, _, rest = document.partition(BEGIN)
    table = [found.get(full_name(fault)) or row(fault, NOT_TRIED) for fault in FAULTS]
    return begin + "\n".join([BEGIN, *_HEAD, *table, END]) + rest.partition(END)[2]


def chosen(words: Iterable[str], is_long: bool) -> list[Fault]:
    """The faults to try."""
    words = list(words)
    if words:
        return [fault for fault in FAULTS if any(word in full_name(fault) for word in words)]
    return [fault for fault in FAULTS if is_long or not fault.needs_time]


def main() -> int:
    """Try and write; how many faults did not heal. Their rows stay as they are."""
    is_long = "--long" in sys.argv
    failed = 0
    with tempfile.TemporaryDirectory() as folder, nursery(Path(folder, "commands")) as found:
        scene = make_scene(Path(folder), found)
        for fault in chosen((word for word in sys.argv[1:] if not word.startswith("-")), is_long):
            begin = time.monotonic()
            try:
                outcome = fault.work(scene, is_long)
            except AssertionError:
                failed += 1
                print(f"{full_name(fault)}: FAILED\n{traceback.format_exc()}", flush=True)
                continue
            document = DOCUMENT.read_text(encoding="utf-8")
            DOCUMENT.write_text(
                written(document, rows(document) | {full_name(fault): row(fault, outcome)}), encoding="utf-8"
            )
            print(f"{full_name(fault)}: {outcome.tries} tries, {time.monotonic() - begin:.0f} s", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
