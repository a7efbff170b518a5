"""What a full disk, a forbidden folder or a damaged file looks like in DuckDB and dbt, told as failures of ours.

Belongs here: that translation, and deleting derived files that cannot be read. Does not belong: the failure types
(`ingestion.failures`), building once more after it (`pipeline.py` at once, Dagster by its retries).
"""

from __future__ import annotations

import errno
import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ingestion.failures import PermanentFailure, ReturnscopeError, TransientFailure

if TYPE_CHECKING:
    from pathlib import Path

    from ingestion.lake import Lake
    from ingestion.ledger import Pull

log = logging.getLogger(__name__)

#: how the system, DuckDB's buffer manager and DuckDB's spilling say it; dbt passes their words on
_FULL = ("No space left on device", "Disk quota exceeded", "failed to offload data block")


class DamagedFiles(TransientFailure):
    """A build failed over derived files that cannot be read. They are deleted now: the next build makes them again."""


@contextmanager
def mending(home: Path, lake: Lake, pulls: Iterable[Pull]) -> Iterator[None]:
    """A build from these pulls in the body, its failures as `told` tells them.

    Raises DamagedFiles where the build failed and derived files cannot be read: another build is all that it takes.
    """
    try:
        with told(home):
            yield
    except PermanentFailure as failure:
        if not (damaged := drop_unreadable(lake, pulls)):
            raise
        raise DamagedFiles(
            f"{len(damaged):,} derived files were damaged and are deleted: {', '.join(damaged[:3])} ...",
            lake.url,
            "Run again: they are made again from what came in.",
        ) from failure


@contextmanager
def told(home: Path) -> Iterator[None]:
    """Failures of DuckDB and of the system in the body as PermanentFailure with what, where and remedy."""
    try:
        yield
    except ReturnscopeError as failure:
        if any(words in failure.what for words in _FULL):
            raise _full(home) from failure
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _full(home) from error
        raise PermanentFailure(
            error.strerror or str(error),
            str(error.filename or home),
            "Check that it can be read and written. Readers keep what they have.",
        ) from error
    except Exception as error:
        if not is_of_a_library(error):
            raise
        if any(words in str(error) for words in _FULL):
            raise _full(home) from error
        raise PermanentFailure(
            f"A file or the warehouse cannot be read or written: {error}",
            str(home),
            "Run again; if it comes again, report it with this message. Readers keep what they have.",
        ) from error


def is_of_a_library(error: Exception) -> bool:
    """Whether DuckDB or Arrow raised it; where neither is loaded, neither did, and neither is loaded for the answer."""
    duckdb, arrow = sys.modules.get("duckdb"), sys.modules.get("pyarrow")
    return (duckdb is not None and isinstance(error, duckdb.Error)) or (
        arrow is not None and isinstance(error, arrow.ArrowException)
    )


def _full(home: Path) -> PermanentFailure:
    return PermanentFailure(
        "The disk is full",
        str(home),
        "Free some space, or set RETURNSCOPE_HOME to a larger disk, then run again. Readers keep what they have.",
    )


def drop_unreadable(lake: Lake, pulls: Iterable[Pull]) -> list[str]:
    """Delete bronze, quarantine and verdicts that cannot be read to their end; their keys. They are made again."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    keys = {key for pull in pulls for key in (pull.bronze_key, pull.quarantine_key) if key and lake.exists(key)}
    keys |= {info.key for info in lake.list("verdicts/") if info.key.endswith(".parquet")}
    dropped = []
    for key in sorted(keys):
        try:
            with pq.ParquetFile(lake.local_path(key)) as file:
                for group in range(file.num_row_groups):
                    file.read_row_group(group)
        except (pa.ArrowException, OSError) as error:
            log.warning("%s cannot be read and is made again: %s", lake.where(key), error)
            lake.delete(key)
            dropped.append(key)
    return dropped
