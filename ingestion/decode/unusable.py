"""The failure of a file that is not what it should be.

Belongs here: the failure type and how it names file and line. Does not belong: deciding when a file is unusable.
"""

from __future__ import annotations

from ingestion.failures import PermanentFailure


class UnusableFile(PermanentFailure):
    """The file as a whole cannot be taken in. Nothing of it is kept; it stays where it was."""


def unusable(what: str, file: str, line: int | None, remedy: str) -> UnusableFile:
    """The failure for a file and a line of it (1-based; None where no line is to blame)."""
    return UnusableFile(what, file if line is None else f"{file}, line {line}", remedy)


class WrongCharset(Exception):
    """The bytes are not text in the charset that was tried: a signal to try the next one, never shown."""

    def __init__(self, charset: str, line: int) -> None:
        super().__init__(charset, line)
        self.charset = charset
        self.line = line
