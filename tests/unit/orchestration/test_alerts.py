"""Alerts: told to every address once, known not to have arrived where a 200 answer says so, never an error.

Against real servers on loopback: HTTP, and SMTP as far as a mailer speaks it.
"""

from __future__ import annotations

import email
import json
import socketserver
import threading
from collections.abc import Iterator
from email.policy import default
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import duckdb
import pytest
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.feishu import NotifyFeishu
from apprise.plugins.telegram import NotifyTelegram
from apprise.plugins.wecombot import NotifyWeComBot

from orchestration.alerts import SPELLED_OUT, Alert, send, standing, tell


class Service:
    """An HTTP service on loopback that answers 200 with a body of the test's choice."""

    def __init__(self) -> None:
        self.answer: object = {}
        self.status = 200
        self.seen: list[bytes] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                service.seen.append(self.rfile.read(int(self.headers["Content-Length"])))
                body = json.dumps(service.answer).encode()
                self.send_response(service.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_a_message_arrives_with_title_and_body(service: Service) -> None:
    (told,) = send([f"json://127.0.0.1:{service.port}/hook"], "the night", "was good")
    assert told.arrived
    assert json.loads(service.seen[0])["title"] == "the night"
    assert json.loads(service.seen[0])["message"] == "was good"


@pytest.mark.parametrize(
    ("plugin", "address", "good", "bad", "why"),
    [
        (NotifyFeishu, "feishu://planted-secret", {"code": 0}, {"code": 19001, "msg": "param invalid"}, "code 19001"),
        (
            NotifyDingTalk,
            "dingtalk://abcdefabcdef",
            {"errcode": 0, "errmsg": "ok"},
            {"errcode": 310000, "errmsg": "keywords not in content"},
            "errcode 310000: keywords not in content",
        ),
        (
            NotifyWeComBot,
            "wecombot://botkey-planted-secret",
            {"errcode": 0, "errmsg": "ok"},
            {"errcode": 45009, "errmsg": "api freq out of limit"},
            "errcode 45009: api freq out of limit",
        ),
        (
            NotifyTelegram,
            "tgram://123456789:abcdefghij_planted-secret_ABCDEFGHI/987654321/",
            {"ok": True, "result": {}},
            {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked"},
            "refused: Forbidden: bot was blocked",
        ),
    ],
)
def test_a_refusal_in_the_body_of_a_200_answer_is_seen(
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    plugin: type,
    address: str,
    good: object,
    bad: object,
    why: str,
) -> None:
    monkeypatch.setattr(plugin, "notify_url", f"http://127.0.0.1:{service.port}/bot")
    service.answer = good
    assert [told.arrived for told in send([address], "t", "b")] == [True]
    service.answer = bad
    (told,) = send([address], "t", "b")
    assert not told.arrived
    assert why in str(told.error)
    assert len(service.seen) == 2


def test_what_cannot_be_sent_is_told_without_the_secret_and_stops_nothing(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    told = send(["nonsense", "json://user:planted-secret@127.0.0.1:9/x", f"json://127.0.0.1:{service.port}/"], "t", "b")
    assert [one.arrived for one in told] == [False, False, True]
    assert "not an address that Apprise knows" in str(told[0].error)
    assert "planted-secret" not in f"{told} {caplog.text}"


class Mailbox(socketserver.BaseRequestHandler):
    """Speaks the part of SMTP that delivers a mail; `refuses` answers the recipient with 550."""

    mails: list[str]
    refuses: bool

    def handle(self) -> None:
        lines = self.request.makefile("rb")
        self.say("220 loopback ESMTP")
        while command := lines.readline().strip().upper():
            if command.startswith(b"DATA"):
                self.say("354 go on")
                body = b"".join(iter(lines.readline, b".\r\n"))
                self.server.mails.append(body.decode())  # type: ignore[attr-defined]
                self.say("250 kept")
            elif command.startswith(b"RCPT") and self.server.refuses:  # type: ignore[attr-defined]
                self.say("550 no such user")
            elif command.startswith(b"QUIT"):
                self.say("221 bye")
                return
            else:
                self.say("250 loopback")

    def say(self, text: str) -> None:
        self.request.sendall(f"{text}\r\n".encode())


@pytest.fixture
def mail() -> Iterator[socketserver.ThreadingTCPServer]:
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mailbox)
    server.mails, server.refuses = [], False  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_mail_arrives_over_smtp_and_a_refused_one_is_known(mail: socketserver.ThreadingTCPServer) -> None:
    port = mail.server_address[1]
    address = f"mailto://127.0.0.1:{port}?mode=insecure&from=night@shop.example&to=ops@shop.example"
    (told,) = send([address], "the night", "退货率明显高于类目水平")
    assert told.arrived, told
    (text,) = mail.mails  # type: ignore[attr-defined]
    message = email.message_from_string(text, policy=default)
    assert message["Subject"] == "the night"
    body = message.get_body(("plain", "html"))
    assert body is not None
    assert "退货率明显高于类目水平" in body.get_content()
    mail.refuses = True  # type: ignore[attr-defined]
    (told,) = send([address], "the night", "was good")
    assert not told.arrived
    assert len(mail.mails) == 1  # type: ignore[attr-defined]


def alerts(*ids: str, severity: str = "warning") -> list[Alert]:
    return [Alert(name, severity, f"message {name}", f"消息 {name}") for name in ids]


class Nights:
    """Nights that tell one HTTP address; `night` gives what was sent, None for nothing."""

    def __init__(self, service: Service, folder: Path) -> None:
        self.service, self.state = service, folder / "alerts.json"
        self.address = f"json://user:planted-secret@127.0.0.1:{service.port}/hook"

    def night(self, *ids: str, is_news: bool = False, refused: bool = False) -> str | None:
        before = len(self.service.seen)
        told = tell(
            [self.address],
            self.state,
            "title",
            "summary",
            is_news=is_news,
            alerts=None if refused else alerts(*ids),
        )
        self.told = [one.arrived for one in told]
        assert len(self.service.seen) - before == len(told)
        return str(json.loads(self.service.seen[-1])["message"]) if told else None


@pytest.fixture
def nights(service: Service, tmp_path: Path) -> Nights:
    return Nights(service, tmp_path)


def test_each_alert_is_told_once_in_one_digest_a_night(nights: Nights) -> None:
    first = nights.night("a", "b")
    assert first == "warning: message a\n消息 a\n\nwarning: message b\n消息 b\n\nsummary"
    assert nights.night("a", "b") is None
    assert nights.night("a", "b", "c") == "warning: message c\n消息 c\n\nsummary"
    assert nights.night("a", "b", "c", is_news=True) == "summary"


def test_an_alert_that_ended_is_told_again_when_it_begins_again(nights: Nights) -> None:
    nights.night("a", "b")
    assert nights.night("b") is None
    assert "message a" in (nights.night("a", "b") or "")
    # a refused night cannot say which alerts stand: nothing is forgotten
    assert nights.night(refused=True, is_news=True) == "summary"
    assert nights.night("a", "b") is None


def test_what_did_not_arrive_is_told_the_next_night(nights: Nights, service: Service) -> None:
    service.status = 500
    nights.night("a", is_news=True)
    assert nights.told == [False]
    assert "planted-secret" not in nights.state.read_text()
    service.status = 200
    body = nights.night("a", "b")
    assert nights.told == [True]
    assert body is not None
    assert "message a" in body
    assert body.endswith("Not delivered before: title\nsummary")
    assert nights.night("a", "b") is None


def test_addresses_are_apart_and_a_new_one_hears_all_that_stands(
    nights: Nights, service: Service, tmp_path: Path
) -> None:
    nights.night("a")
    both = [nights.address, f"json://127.0.0.1:{service.port}/other", "json://127.0.0.1:9/down"]
    told = tell(both, nights.state, "t", "s", is_news=False, alerts=alerts("a"))
    assert [one.arrived for one in told] == [True, False]  # the first has heard it
    assert [one.arrived for one in tell(both, nights.state, "t", "s", is_news=False, alerts=alerts("a"))] == [False]


def test_a_long_list_is_counted_and_a_spoilt_file_sends_again(nights: Nights, caplog: pytest.LogCaptureFixture) -> None:
    names = [f"n{number:03d}" for number in range(SPELLED_OUT + 5)]
    body = nights.night(*names)
    assert body is not None
    assert body.count("message n") == SPELLED_OUT
    assert "5 more alerts are in the panel" in body
    assert nights.night(*names) is None
    nights.state.write_text('{"half')
    assert nights.night("n001") is not None
    assert "cannot be read" in caplog.text


def test_standing_alerts_are_those_of_the_published_marts_gravest_first(tmp_path: Path) -> None:
    path = tmp_path / "marts.duckdb"
    assert standing(path) == []
    with duckdb.connect(str(path)) as con:
        con.execute("create schema marts")
    assert standing(path) == []
    with duckdb.connect(str(path)) as con:
        con.execute(
            "create table marts.marts.mart_alerts as select * from (values "
            "('a', 'info', date '2026-01-03', 'i', '信'), ('b', 'warning', date '2026-01-01', 'w', '警'), "
            "('c', 'critical', date '2026-01-01', 'x', '急'), ('d', 'warning', date '2026-01-02', 'y', '警')) "
            "as alerts (alert_id, severity, first_seen, message_en, message_zh)"
        )
    assert [alert.alert_id for alert in standing(path)] == ["c", "d", "b", "a"]
    assert standing(path)[0] == Alert("c", "critical", "x", "急")
