"""From wanted days to the fewest requests, and how long they will take before anything is asked.

Belongs here: cutting days into windows, and the arithmetic of an expected duration. Does not belong: which days are due
(`ingestion.connectors`), what a source allows (`spapi/budget.py`, `spapi/reports.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from ingestion.connectors import Request, Window


def fewest_windows(days: Iterable[date], max_days: int) -> list[Window]:
    """The fewest windows of at most `max_days` that cover all these days, oldest first.

    Days in between that nobody wants are asked for along the way where that saves a request: a request costs a minute
    of budget, a day in it nothing. Each window begins and ends on a wanted day.
    """
    if max_days < 1:
        raise ValueError(f"a window has at least one day, not {max_days}")
    windows: list[Window] = []
    for day in sorted(set(days)):
        if windows and (day - windows[-1].first).days < max_days:
            windows[-1] = Window(windows[-1].first, day)
        else:
            windows.append(Window(day, day))
    return windows


def call_times(ready: Sequence[float], *, rate: float, calls: float, burst: float, blocked: float = 0.0) -> list[float]:
    """When calls happen (seconds from now) that are ready at the given times, through one token bucket.

    rate: calls a second; calls: those left now; blocked: seconds until the first may happen.
    """
    times: list[float] = []
    at, left = 0.0, calls
    for moment in sorted(ready):
        now = max(moment, blocked, at)
        left = min(burst, left + (now - at) * rate)
        if left < 1:
            now += (1 - left) / rate
            left = 1.0
        at, left = now, left - 1
        times.append(now)
    return times


@dataclass(frozen=True)
class Step:
    """One request of a plan; `note` says what is special about it."""

    request: Request
    starts_at: datetime
    note: str = ""


@dataclass(frozen=True)
class Plan:
    """What will be asked, in order, and how long it should take; `assumption` says what that rests on.

    begins, duration: from now to the first thing to do and to the end of the last. calls: moments (seconds from now) of
    the calls of each operation of an account, those of earlier plans with them.
    """

    steps: tuple[Step, ...]
    duration: timedelta
    assumption: str
    begins: timedelta = timedelta()
    calls: Mapping[tuple[str, str], tuple[float, ...]] = field(default_factory=dict)

    @property
    def minutes(self) -> int:
        """From now to its end."""
        return max(1, round(self.duration.total_seconds() / 60))

    def lines(self) -> list[str]:
        """For people, one line per request and one for the whole."""
        told = []
        for step in self.steps:
            one = step.request
            what = f"{one.window or 'newest'}{' by last update' if one.by_update else ''}"
            note = f" ({step.note})" if step.note else ""
            told.append(f"{one.store} {one.feed} {what} at {step.starts_at:%H:%M} UTC{note}")
        minutes = max(1, round((self.duration - self.begins).total_seconds() / 60)) if self.steps else 0
        return [*told, f"{len(self.steps)} requests, about {minutes} min: {self.assumption}"]
