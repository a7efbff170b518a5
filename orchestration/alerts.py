"""Telling people: one message per night through the Apprise addresses of the settings, each alert once.

Belongs here: what an address has not heard yet, sending, and knowing whether it arrived. Does not belong: what makes an
alert (`mart_alerts`), what else of a night is worth a message (`pipeline.py`).

What arrived is kept per address in a file of the home. A message that cannot be sent never fails a run: it is logged,
stands in the run's record, and what was in it is told the next night. An alert that ends is forgotten, so that it is
told again should it begin again. Addresses carry secrets: only the name of the service is ever shown, and the file
knows them by their digest.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestration.home import replace_durably

log = logging.getLogger(__name__)

#: seconds that all services together may take
_TIMEOUT = 30
#: alerts that a digest spells out, gravest first; the others are counted, the panel shows them
SPELLED_OUT = 20
#: notes of nights that an address has not heard; older ones are given up
_KEPT_NOTES = 7


@dataclass(frozen=True)
class Alert:
    """One row of mart_alerts."""

    alert_id: str
    severity: str
    message_en: str
    message_zh: str


@dataclass(frozen=True)
class Delivery:
    """Whether a service took the message, and if not, why."""

    service: str
    arrived: bool
    error: str | None = None


@dataclass
class _Heard:
    """What an address has heard: alerts that stood when it was last reached. `missed`: notes that did not arrive."""

    arrived: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


def standing(marts: Path) -> list[Alert]:
    """Alerts of the published marts, gravest first, then the newest; none where there is no such mart."""
    import duckdb

    if not marts.exists():
        return []
    with duckdb.connect(str(marts), read_only=True) as con:
        if not con.execute("select 1 from duckdb_tables() where table_name = 'mart_alerts'").fetchone():
            return []
        rows = con.execute(
            "select alert_id, severity, message_en, message_zh from marts.marts.mart_alerts order by "
            "case severity when 'critical' then 0 when 'warning' then 1 else 2 end, first_seen desc, alert_id"
        ).fetchall()
    return [Alert(*row) for row in rows]


def tell(
    addresses: Sequence[str], state: Path, title: str, summary: str, *, is_news: bool, alerts: Sequence[Alert] | None
) -> list[Delivery]:
    """Send each address its digest, if there is anything in it: alerts it has not heard, notes that did not arrive.

    state: JSON file of what arrived. summary: what the night did; told beside alerts, or alone when `is_news`. alerts:
    those that stand, None when the night cannot say (it was refused). Raises nothing.
    """
    heard = _read(state)
    found: list[Delivery] = []
    known: dict[str, _Heard] = {}
    for number, address in enumerate(addresses, 1):
        key = hashlib.sha256(address.encode()).hexdigest()[:16]
        mine = known[key] = known.get(key) or heard.get(key, _Heard())
        told = set(mine.arrived)
        fresh = [alert for alert in alerts or () if alert.alert_id not in told]
        if fresh or mine.missed or is_news:
            result = _send(number, address, title, _digest(fresh, summary, mine.missed))
            found.append(result)
            if result.arrived:
                told |= {alert.alert_id for alert in fresh}
                mine.missed = []
            elif is_news:
                mine.missed = [*mine.missed, f"{title}\n{summary}"][-_KEPT_NOTES:]
        if alerts is not None:
            told &= {alert.alert_id for alert in alerts}
        mine.arrived = sorted(told)
    if addresses:
        try:
            _write(state, known)
        except OSError as error:
            log.error("%s cannot be written (%s): alerts will be sent again", state, error)
    return found


def _digest(alerts: Sequence[Alert], summary: str, missed: Sequence[str]) -> str:
    """The body of a message: new alerts in both languages, the night, what did not arrive before."""
    parts = [f"{alert.severity}: {alert.message_en}\n{alert.message_zh}" for alert in alerts[:SPELLED_OUT]]
    if (more := len(alerts) - SPELLED_OUT) > 0:
        parts.append(f"{more} more alerts are in the panel. 其余 {more} 条提醒请见面板。")
    parts.append(summary)
    parts += [f"Not delivered before: {note}" for note in missed]
    return "\n\n".join(parts)


def _read(state: Path) -> dict[str, _Heard]:
    if not state.exists():
        return {}
    try:
        return {key: _Heard(**values) for key, values in json.loads(state.read_text(encoding="utf-8")).items()}
    except (ValueError, TypeError, AttributeError) as error:
        log.warning("%s cannot be read (%s): alerts that arrived before are sent again", state, error)
        return {}


def _write(state: Path, heard: dict[str, _Heard]) -> None:
    fresh = state.with_name(f".{state.name}.new")
    fresh.parent.mkdir(parents=True, exist_ok=True)
    fresh.write_text(json.dumps({key: vars(values) for key, values in heard.items()}, indent=1), encoding="utf-8")
    replace_durably(fresh, state)


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
        if plugin.overflow_mode == apprise.OverflowMode.UPSTREAM:
            plugin.overflow_mode = apprise.OverflowMode.SPLIT  # else the service refuses, or cuts, what is too long
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
