"""One call to SP-API: token, budget, headers, and each answer sorted into result, throttled, transient or permanent.

Belongs here: HTTP with Login with Amazon, for any operation. Does not belong: what a report is (`reports.py`), when to
try again (the callers), downloading documents (`download.py`).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from ingestion.connectors.spapi.budget import Budget
from ingestion.connectors.spapi.clock import Clock
from ingestion.connectors.spapi.credentials import Credentials, Redactor, hide_queries_in_logs
from ingestion.connectors.spapi.state import State
from ingestion.failures import PermanentFailure, ReturnscopeError, TransientFailure, classify_http_status

log = logging.getLogger(__name__)

#: SP-API's host of each region
ENDPOINTS = {
    "na": "https://sellingpartnerapi-na.amazon.com",
    "eu": "https://sellingpartnerapi-eu.amazon.com",
    "fe": "https://sellingpartnerapi-fe.amazon.com",
}
TOKEN_ENDPOINT = "https://api.amazon.com/auth/o2/token"  # noqa: S105 an address, no token
#: Reads longer than this hang: SP-API answers within seconds, a document's next piece within one.
TIMEOUT = httpx.Timeout(60.0, connect=15.0)
#: A token is renewed so long before it ends, so that none ends on the way (tokens live an hour).
_TOKEN_MARGIN_SECONDS = 60.0
#: The clocks are taken as equal below this: the Date header has whole seconds and the way takes time.
_SKEW_SECONDS = 5.0
#: Pauses between tries of a call that failed by itself: 2, 4, 8, … at most a minute.
_FIRST_PAUSE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 60.0
#: Failures in a row after which a call is given up; with the pauses above that is more than three minutes.
TRIES = 8
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class Throttled(TransientFailure):
    """The budget or the source says: not yet. `seconds` until the next try."""

    seconds: float = 60.0


class NotFound(PermanentFailure):
    """The source does not know the thing (any more)."""


def pause_after(failures: int) -> float:
    """Seconds to wait after so many failures in a row."""
    return min(_FIRST_PAUSE_SECONDS * 2 ** max(0, failures - 1), _LONGEST_PAUSE_SECONDS)


def check_address(address: str, where: str) -> str:
    """The address, if secrets may be sent to it: https, or plain http to this machine. Raises PermanentFailure."""
    parts = urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        return address.rstrip("/")
    raise PermanentFailure(
        f"Secrets are only sent by https, not to {parts.scheme}://{parts.hostname}",
        where,
        "Use an https address (plain http is accepted for this machine only).",
    )


class Client:
    """Calls for one account. Use as a context manager; not for several threads."""

    def __init__(
        self,
        credentials: Credentials,
        state: State,
        clock: Clock,
        *,
        endpoint: str,
        token_endpoint: str = TOKEN_ENDPOINT,
    ) -> None:
        hide_queries_in_logs()
        self._credentials = credentials
        self._state = state
        self._clock = clock
        self.budget = Budget(state, clock)
        self.redactor = Redactor(credentials)
        self._endpoint = check_address(endpoint, "endpoint of SP-API")
        self._token_endpoint = check_address(token_endpoint, "token endpoint of SP-API")
        # no redirects: they would carry the token to wherever they point
        self.http = httpx.Client(timeout=TIMEOUT, follow_redirects=False, headers={"User-Agent": _USER_AGENT})
        self._token: str | None = None
        self._token_until = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()

    def now(self) -> datetime:
        """The source's clock (UTC), as far as its answers have shown it."""
        return self._clock.now() + timedelta(seconds=self._state.skew())

    def connect(self) -> None:
        """Fetch a token, unless there is one; from then on the source's clock is known. Raises as `call`."""
        failures = 0
        while self._token is None:
            try:
                self._access_token()
            except TransientFailure:
                failures += 1
                if failures >= TRIES:
                    raise
                self._clock.sleep(pause_after(failures))

    def exchange(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> tuple[dict[str, Any], str]:
        """One call: the JSON object of its answer and its text as it came; `{}` and no text for an empty one (204).

        Raises Throttled when budget or source say not yet, TransientFailure for what may pass by itself,
        NotFound (404) and PermanentFailure for what may not.
        """
        where = f"{operation}, account {self._credentials.account}"
        if wait := self.budget.take(operation):
            raise _throttled(f"{operation}: the budget is used up", where, wait)
        answer = self._send(method, path, params, body, where)
        if answer.status_code in (401, 403):
            # an access token may end before its time: once more with a new one, then it is a matter of permission
            self._token = None
            answer = self._send(method, path, params, body, where)
        self.budget.learn(operation, answer.headers.get("x-amzn-RateLimit-Limit"))
        if answer.status_code == 429:
            pause = self.budget.refused(operation, answer.headers.get("Retry-After"))
            raise _throttled(f"{operation}: SP-API says too many requests", where, pause)
        if answer.status_code >= 300:
            raise self._refusal(answer, where)
        if answer.status_code == 204 or not answer.content:
            return {}, ""
        return _object(answer, where), answer.content.decode()

    def exchange_patiently(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        until: datetime,
    ) -> tuple[dict[str, Any], str]:
        """As `exchange`, waiting and trying again until it succeeds, or `until` (source's clock), or TRIES failures."""
        failures = 0
        while True:
            try:
                return self.exchange(operation, method, path, params=params, body=body)
            except Throttled as throttled:
                pause = throttled.seconds
                if self.now() + timedelta(seconds=pause) > until:
                    raise
            except TransientFailure:
                failures += 1
                pause = pause_after(failures)
                if failures >= TRIES or self.now() + timedelta(seconds=pause) > until:
                    raise
            self._clock.sleep(pause)

    def _send(
        self, method: str, path: str, params: Mapping[str, str] | None, body: Mapping[str, Any] | None, where: str
    ) -> httpx.Response:
        headers = {
            "x-amz-access-token": self._access_token(),
            "x-amz-date": self.now().strftime("%Y%m%dT%H%M%SZ"),
            "Accept": "application/json",
        }
        try:
            answer = self.http.request(method, self._endpoint + path, params=params, json=body, headers=headers)
        except httpx.HTTPError as error:
            # `from None`: the cause holds the request, and with it the token
            raise TransientFailure(
                f"No answer from SP-API: {type(error).__name__}", where, "Check the network; the pull tries again."
            ) from None
        self._learn_time(answer)
        return answer

    def _access_token(self) -> str:
        if self._token is not None and self._clock.now().timestamp() < self._token_until - _TOKEN_MARGIN_SECONDS:
            return self._token
        where = f"Login with Amazon, account {self._credentials.account}"
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self._credentials.refresh_token,
            "client_id": self._credentials.client_id,
            "client_secret": self._credentials.client_secret,
        }
        try:
            answer = self.http.post(self._token_endpoint, data=form)
        except httpx.HTTPError as error:
            raise TransientFailure(
                f"No answer from Login with Amazon: {type(error).__name__}", where, "Check the network, then run again."
            ) from None
        self._learn_time(answer)
        if answer.status_code >= 300:
            failure = classify_http_status(answer.status_code)
            raise failure(
                f"Login with Amazon refused the credentials: HTTP {answer.status_code} {self._said(answer)}".rstrip(),
                where,
                "Check client id and secret, and whether the seller's consent still stands (it ends after a year)."
                if failure is PermanentFailure
                else "Run again later.",
            )
        given = _object(answer, where)
        token = given.get("access_token")
        if not isinstance(token, str) or not token:
            raise TransientFailure("Login with Amazon gave no access token", where, "Run again later.")
        self.redactor.learn(token)
        lives = given.get("expires_in")
        self._token = token
        self._token_until = self._clock.now().timestamp() + (float(lives) if isinstance(lives, int | float) else 3600.0)
        return token

    def _learn_time(self, answer: httpx.Response) -> None:
        try:
            theirs = parsedate_to_datetime(answer.headers["Date"])
        except (KeyError, ValueError):
            return
        theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
        skew = (theirs - self._clock.now()).total_seconds()
        skew = 0.0 if abs(skew) < _SKEW_SECONDS else skew
        if abs(skew - self._state.skew()) >= _SKEW_SECONDS or (skew == 0.0) != (self._state.skew() == 0.0):
            if skew:
                log.warning("this machine's clock differs from Amazon's by %.0f s; Amazon's counts", skew)
            self._state.set_skew(skew)

    def _refusal(self, answer: httpx.Response, where: str) -> ReturnscopeError:
        said = f"SP-API answered HTTP {answer.status_code} {self._said(answer)}".rstrip()
        if answer.status_code == 404:
            return NotFound(said, where, "The report was removed, or belongs to another account.")
        if answer.status_code in (401, 403):
            return PermanentFailure(
                said, where, "Grant the application the role that this operation needs, and renew the seller's consent."
            )
        if classify_http_status(answer.status_code) is TransientFailure:
            return TransientFailure(said, where, "The pull tries again by itself.")
        return PermanentFailure(said, where, "Correct the request; the answer above says what is wrong with it.")

    def _said(self, answer: httpx.Response) -> str:
        """Code and message of an error answer, free of secrets, at most 300 characters."""
        try:
            given = json.loads(answer.content)
        except ValueError:
            return ""
        if not isinstance(given, dict):
            return ""
        errors = given.get("errors")
        first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else given
        parts = [first.get("code") or first.get("error"), first.get("message") or first.get("error_description")]
        return self.redactor.clean(": ".join(str(part) for part in parts if part))[:300]


_USER_AGENT = "returnscope/0.1 (Language=Python)"


def _throttled(what: str, where: str, seconds: float) -> Throttled:
    failure = Throttled(what, where, f"The pull asks again in {seconds:,.0f} s by itself.")
    failure.seconds = seconds
    return failure


def _object(answer: httpx.Response, where: str) -> dict[str, Any]:
    try:
        given = json.loads(answer.content)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise TransientFailure("The answer is no JSON object", where, "The pull tries again by itself.")
    return given
