"""Alerts: sent to every address, known not to have arrived where a service says so in a 200 answer, never an error."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.feishu import NotifyFeishu

from orchestration.alerts import send


class Service:
    """An HTTP service on loopback that answers 200 with a body of the test's choice."""

    def __init__(self) -> None:
        self.answer: object = {}
        self.seen: list[bytes] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                service.seen.append(self.rfile.read(int(self.headers["Content-Length"])))
                body = json.dumps(service.answer).encode()
                self.send_response(200)
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
    monkeypatch.setattr(plugin, "notify_url", f"http://127.0.0.1:{service.port}/?t={{token}}")
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
