"""The two ways in which work can fail, and what every failure must say.

Belongs here: the failure types and the rule that sorts HTTP answers into them. Does not belong: retrying, logging, exit
codes (whoever runs the work decides those), or failures of one part only (they subclass these beside that part).

A failure is *transient* when the same call may succeed later without anybody doing anything; it is worth a retry. It is
*permanent* when somebody has to act first; a retry only hides it. Each says what happened, where, and what to do next.
"""

from __future__ import annotations


class ReturnscopeError(Exception):
    """What went wrong, where (file and line, key, URL, report id), and the remedy: what the reader is to do next.

    Write `what` and `where` without a full stop and `remedy` as sentences. Never put a secret in any of them.
    """

    def __init__(self, what: str, where: str, remedy: str) -> None:
        super().__init__(what, where, remedy)  # positional, so that failures survive pickling between processes
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what} ({self.where}). {self.remedy}"


class PermanentFailure(ReturnscopeError):
    """Somebody must act first: wrong input, wrong setting, refused permission, full disk. Not to be retried."""


class TransientFailure(ReturnscopeError):
    """May pass by itself: throttling, time-outs, broken connections, overloaded servers. Worth a retry later."""


#: Client errors that pass by themselves: request time-out, too early, too many requests.
_TRANSIENT_CLIENT_ERRORS = frozenset({408, 425, 429})
#: Server errors that no retry heals: not implemented, HTTP version, storage full, captive network log-in.
_PERMANENT_SERVER_ERRORS = frozenset({501, 505, 507, 511})


def classify_http_status(status: int) -> type[PermanentFailure] | type[TransientFailure]:
    """The failure type that an HTTP error status (RFC 9110, RFC 6585) stands for.

    Raises ValueError for a status below 300, which is no failure.
    """
    if status < 300:
        raise ValueError(f"HTTP {status} is not a failure")
    if status in _TRANSIENT_CLIENT_ERRORS or (status >= 500 and status not in _PERMANENT_SERVER_ERRORS):
        return TransientFailure
    return PermanentFailure
