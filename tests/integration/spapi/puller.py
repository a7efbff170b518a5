"""A pull in a process of its own, made to be killed: `python -m …puller URL HOME KEPT [HESITATE]`.

Keeps each document under a name of its window and time, as the ledger would: the same delivery twice is one file. With
HESITATE it waits that many seconds between getting a document and keeping it.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from tests.integration.spapi.conftest import Rig, SharedClock, asks, days_back
from tests.support.spapi_server import SpApiServer


def main(url: str, home: str, kept: str, hesitate: str = "0") -> None:
    server = SpApiServer(url)
    rig = Rig(server, Path(home), SharedClock(server), kept=Path(kept))
    own = rig.connector()
    for answer in own.pull([asks("fba_returns", days_back(59))]):
        time.sleep(float(hesitate))
        if isinstance(answer.content, Path):
            name = f"{answer.request.window} {answer.delivered_at:%H%M%S} {answer.file_name}"
            shutil.copy(answer.content, rig.kept / f".{name}")
            (rig.kept / f".{name}").rename(rig.kept / name)
    own.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
