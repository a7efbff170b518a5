"""How often an operation may be called: token buckets that survive restarts and are shared by an account's stores.

Belongs here: SP-API's published limits and the arithmetic of buckets. Does not belong: waiting (whoever calls decides).
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from ingestion.connectors.spapi.clock import Clock
from ingestion.connectors.spapi.state import State

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limit:
    """Calls a second in the long run, and calls at once after a pause."""

    rate: float
    burst: int


#: Amazon's published defaults (models reports_2021-06-30 and finances_2024-06-19, "Usage Plan")
LIMITS = {
    "createReport": Limit(0.0167, 15),
    "getReports": Limit(0.0222, 10),
    "getReport": Limit(2.0, 15),
    "getReportDocument": Limit(0.0167, 15),
    "listTransactions": Limit(0.5, 10),
    # Amazon publishes no figure for Customer Feedback: begin slowly, its answers then state the limit
    "customerFeedback": Limit(0.2, 1),
}
#: A stated limit further than this from the published one is no limit but garbage: for createReport the inverted value
#: (seconds a call instead of calls a second) would be 3,600 times too fast.
_PLAUSIBLE = 50.0
#: The longest pause that one answer can impose: every published bucket has a call again within a minute, so a longer
#: one is garbage; and where it is not, the next 429 renews it.
MAX_PAUSE_SECONDS = 900.0


class Budget:
    """Buckets of one account. Safe between processes: they meet in the state file."""

    def __init__(self, state: State, clock: Clock) -> None:
        self._state = state
        self._clock = clock

    def take(self, operation: str) -> float:
        """Take one call if there is one and return 0; else seconds until there may be one, nothing taken."""
        with self._state.at_once():
            now = self._clock.now().timestamp()
            rate, tokens, blocked_until = self._level(operation, now)
            known = self._state.bucket(operation)
            if known is not None and known[2] > now:  # our clock was set back: count on from here
                self._state.set_bucket(operation, rate, tokens, now, blocked_until)
            if blocked_until > now:
                return blocked_until - now
            if tokens < 1:
                return (1 - tokens) / rate
            self._state.set_bucket(operation, rate, tokens - 1, now, blocked_until)
            return 0.0

    def level(self, operation: str) -> tuple[float, float, float]:
        """Rate (calls/s), calls left now, and seconds for which the operation is blocked."""
        now = self._clock.now().timestamp()
        rate, tokens, blocked_until = self._level(operation, now)
        return rate, tokens, max(0.0, blocked_until - now)

    def learn(self, operation: str, stated: str | None) -> None:
        """Adopt the limit that an answer states in `x-amzn-RateLimit-Limit`, if it can be one."""
        if stated is None:
            return
        rate = _number(stated)
        published = LIMITS[operation].rate
        if rate is None or not published / _PLAUSIBLE <= rate <= published * _PLAUSIBLE:
            log.warning(
                "%s: stated limit %.40r cannot be right (published: %s/s); ignored", operation, stated, published
            )
            return
        with self._state.at_once():
            now = self._clock.now().timestamp()
            known, tokens, blocked_until = self._level(operation, now)
            if not math.isclose(known, rate):
                self._state.set_bucket(operation, rate, tokens, now, blocked_until)

    def refused(self, operation: str, retry_after: str | None) -> float:
        """The source said 429: the bucket is empty, whatever we thought. Seconds until the next try."""
        with self._state.at_once():
            now = self._clock.now().timestamp()
            rate, _, _ = self._level(operation, now)
            pause = _pause(retry_after, self._clock.now() + timedelta(seconds=self._state.skew()))
            if pause is None:
                pause = 1 / rate
            pause = min(max(pause, 1.0), MAX_PAUSE_SECONDS)
            # one call after the pause: it must not wait for the bucket again
            self._state.set_bucket(operation, rate, 1 - min(pause * rate, 1.0), now, now + pause)
            return pause

    def _level(self, operation: str, now: float) -> tuple[float, float, float]:
        limit = LIMITS[operation]
        known = self._state.bucket(operation)
        if known is None:
            return limit.rate, float(limit.burst), 0.0
        rate, tokens, at, blocked_until = known
        # a clock that was set back must not freeze the bucket: time never counts backwards, no block lasts for ever
        tokens = min(float(limit.burst), tokens + max(0.0, now - at) * rate)
        return rate, tokens, min(blocked_until, now + MAX_PAUSE_SECONDS)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _pause(retry_after: str | None, now: datetime) -> float | None:
    """Seconds that `Retry-After` asks for (a number or a date, RFC 9110); None when it says nothing usable."""
    if retry_after is None:
        return None
    seconds = _number(retry_after)
    if seconds is None:
        try:
            moment = parsedate_to_datetime(retry_after)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - now).total_seconds()
    return seconds if seconds >= 0 else None
