"""How failures look to Dagster: transient ones are tried again, permanent ones never.

Belongs here: that one translation, and the retry policy. Does not belong: the types (`ingestion.failures`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from data_contracts.settings import SettingsError
from ingestion.failures import ReturnscopeError, TransientFailure

#: metadata key that tells a permanent failure from a transient one
KIND = "returnscope/failure"

#: three tries over some ten minutes: longer outages are for the next night
RETRIES = dg.RetryPolicy(max_retries=3, delay=60, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)


@contextmanager
def told_apart() -> Iterator[None]:
    """Failures of the body as Dagster failures; all but transient ones forbid a retry."""
    try:
        yield
    except dg.Failure:
        raise
    except ReturnscopeError as failure:
        is_transient = isinstance(failure, TransientFailure)
        raise dg.Failure(
            str(failure),
            metadata={
                KIND: "transient" if is_transient else "permanent",
                "where": failure.where,
                "next": failure.remedy,
            },
            allow_retries=is_transient,
        ) from failure
    except SettingsError as error:
        raise dg.Failure(f"Configuration: {error}", metadata={KIND: "permanent"}, allow_retries=False) from error
    except Exception as error:
        metadata = {KIND: "permanent", "next": "This is a fault of the program: please report it with the log."}
        raise dg.Failure(f"{type(error).__name__}: {error}", metadata=metadata, allow_retries=False) from error
