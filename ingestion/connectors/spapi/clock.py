"""The one clock of the connector, so that waiting can be tested without waiting.

Belongs here: reading the local clock and sleeping. Does not belong: the source's clock (`state.State.skew`).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait; nothing for zero or less."""
        if seconds > 0:
            time.sleep(seconds)
