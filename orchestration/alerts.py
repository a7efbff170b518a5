"""Telling people: one message per night through the Apprise addresses of the settings.

Belongs here: sending, and knowing whether it arrived. Does not belong: what is worth a message (`pipeline.py`).

A message that cannot be sent never fails a run; it is logged and stands in the run's record. Addresses carry secrets:
only the name of the service is ever shown.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

log = logging.getLogger(__name__)

#: seconds that all services together may take
_TIMEOUT = 30


@dataclass(frozen=True)
class Delivery:
    """Whether a service took the message, and if not, why."""

    service: str
    arrived: bool
    error: str | None = None


def send(addresses: Sequence[str], title: str, body: str) -> list[Delivery]:
    """Send to every address; one result each. Raises nothing."""
    return [_send(number, address, title, body) for number, address in enumerate(addresses, 1)]


def _send(number: int, address: str, title: str, body: str) -> Delivery:
    import apprise

    service = f"alert {number}"
    try:
        plugin = apprise.Apprise.instantiate(address)
        if plugin is None:
            return _failed(service, "not an address that Apprise knows")
        service = f"{service} ({plugin.service_name})"
        carrier = apprise.Apprise()
        carrier.add(plugin)
        with _bodies(plugin) as bodies:
            result = carrier.notify(body=body, title=title, timeout=_TIMEOUT)
    except Exception as error:  # noqa: BLE001  whatever a service's plugin does, the night stands
        return _failed(service, type(error).__name__)
    if not result:
        return _failed(service, "the service did not take it")
    if refusal := next((text for text in map(_refusal, bodies) if text), None):
        return _failed(service, refusal)
    return Delivery(service, True)


def _failed(service: str, error: str) -> Delivery:
    log.error("%s: %s", service, error)
    return Delivery(service, False, error)


def _refusal(body: bytes) -> str | None:
    """What the JSON body of a 200 answer says went wrong; None when it says nothing of the kind.

    Feishu and Lark answer `code`, DingTalk and WeCom `errcode`, Telegram and Slack `ok`: Apprise looks at the status
    alone and reports success.
    """
    try:
        told = json.loads(body)
    except ValueError:
        return None
    if not isinstance(told, dict):
        return None
    for key in ("errcode", "code", "StatusCode"):
        if told.get(key) not in (None, 0, "0", 200, "200"):
            why = told.get("errmsg") or told.get("msg") or told.get("StatusMessage") or "no reason given"
            return f"{key} {told[key]}: {why}"
    if told.get("ok") is False:
        return f"refused: {told.get('description') or told.get('error') or ''}".strip()
    return None


class _Recorder:
    """Stands for the `requests` module inside one plugin's module and keeps the bodies of the answers."""

    def __init__(self, requests: Any, bodies: list[bytes]) -> None:
        self._requests = requests
        self._bodies = bodies

    def __getattr__(self, name: str) -> Any:
        return getattr(self._requests, name)

    def post(self, *arguments: Any, **options: Any) -> Any:
        answer = self._requests.post(*arguments, **options)
        self._bodies.append(answer.content[:10_000])
        return answer


@contextmanager
def _bodies(plugin: Any) -> Iterator[list[bytes]]:
    """Bodies of what the plugin's service answers while this is open."""
    bodies: list[bytes] = []
    module = sys.modules[type(plugin).__module__]
    requests = getattr(module, "requests", None)
    if requests is None:
        yield bodies
        return
    module.requests = _Recorder(requests, bodies)  # type: ignore[attr-defined]
    try:
        yield bodies
    finally:
        module.requests = requests  # type: ignore[attr-defined]
