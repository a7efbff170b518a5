"""An HTTP proxy on loopback that does to requests what networks and overloaded servers do.

Belongs here: faults on the wire (sockets, statuses, bytes), for any HTTP service under test. Does not belong: what a
service would answer by itself.

A fault holds for the next `times` requests whose method and address match: one request meets one of them, in the order
in which they were given. Those with endless `times` come on top. Every other request passes unchanged.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass
class Exchange:
    """One request on its way; faults change it before (`headers`) or after (`status`, `answer`) the server saw it."""

    method: str
    address: str
    headers: dict[str, str]
    body: bytes
    status: int = 0
    answer_headers: list[tuple[str, str]] = field(default_factory=list)
    answer: bytes = b""
    #: bytes of the answer's body to send before the connection is cut; None sends all, -1 not even the status
    cut_after: int | None = None


@dataclass
class _Fault:
    method: str
    containing: str
    times: float
    before: Callable[[Exchange], None] | None = None
    after: Callable[[Exchange], None] | None = None


class FaultProxy:
    """`url` stands for the server behind it; the methods below put faults in the way."""

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream).netloc
        self._faults: list[_Fault] = []
        self._lock = threading.Lock()
        #: (method, address, headers) of every request that arrived
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, status: int, code: str, *, method: str = "", containing: str = "", times: float = 1) -> None:
        """Answer with an S3 error instead of asking the server."""

        def before(exchange: Exchange) -> None:
            exchange.status = status
            exchange.answer_headers = [("Content-Type", "application/xml")]
            exchange.answer = f"<Error><Code>{code}</Code><Message>injected</Message></Error>".encode()

        self._faults.append(_Fault(method, containing, times, before=before))

    def lose_answer(self, *, method: str = "", containing: str = "", times: float = 1) -> None:
        """Let the server do it, then cut the connection without a word."""
        self._cut(-1, method, containing, times)

    def truncate(self, after: int, *, method: str = "GET", containing: str = "", times: float = 1) -> None:
        """Cut the connection after so many bytes of the answer's body, whose length was announced in full."""
        self._cut(after, method, containing, times)

    def alter(self, *, method: str = "GET", containing: str = "", times: float = 1) -> None:
        """Flip one bit in the middle of the answer's body."""

        def after(exchange: Exchange) -> None:
            middle = len(exchange.answer) // 2
            flipped = exchange.answer[middle] ^ 1
            exchange.answer = exchange.answer[:middle] + bytes([flipped]) + exchange.answer[middle + 1 :]

        self._faults.append(_Fault(method, containing, times, after=after))

    def stall(self, seconds: float, *, method: str = "", containing: str = "", times: float = 1) -> None:
        """Answer so much later."""
        self._faults.append(_Fault(method, containing, times, after=lambda exchange: time.sleep(seconds)))

    def drop_header(self, name: str, *, method: str = "", containing: str = "", times: float = float("inf")) -> None:
        """Be a server that has never heard of this request header."""

        def before(exchange: Exchange) -> None:
            exchange.headers = {key: value for key, value in exchange.headers.items() if key.lower() != name.lower()}

        self._faults.append(_Fault(method, containing, times, before=before))

    def before(
        self, change: Callable[[Exchange], None], *, method: str = "", containing: str = "", times: float = 1
    ) -> None:
        """Any other fault: change the request, or give it a status and an answer of your own."""
        self._faults.append(_Fault(method, containing, times, before=change))

    def after(
        self, change: Callable[[Exchange], None], *, method: str = "", containing: str = "", times: float = 1
    ) -> None:
        """Any other fault of the answer: change it, or cut it off."""
        self._faults.append(_Fault(method, containing, times, after=change))

    def forgive(self) -> None:
        """Put no faults in the way any more."""
        with self._lock:
            self._faults.clear()

    def _cut(self, after: int, method: str, containing: str, times: float) -> None:
        def cut(exchange: Exchange) -> None:
            exchange.cut_after = after

        self._faults.append(_Fault(method, containing, times, after=cut))

    def _due(self, exchange: Exchange) -> list[_Fault]:
        with self._lock:
            self.seen.append((exchange.method, exchange.address, exchange.headers))
            matching = [
                fault
                for fault in self._faults
                if fault.times > 0 and exchange.method.startswith(fault.method) and fault.containing in exchange.address
            ]
            standing = [fault for fault in matching if fault.times == float("inf")]
            passing = [fault for fault in matching if fault not in standing][:1]
            for fault in passing:
                fault.times -= 1
            return standing + passing

    def _pass_on(self, exchange: Exchange) -> None:
        connection = http.client.HTTPConnection(self._upstream, timeout=60)
        try:
            connection.request(exchange.method, exchange.address, exchange.body, exchange.headers)
            answer = connection.getresponse()
            exchange.status, exchange.answer_headers = answer.status, answer.getheaders()
            exchange.answer = answer.read()
        finally:
            connection.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # or each body would wait 40 ms for its head's acknowledgement

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
                exchange = Exchange(self.command, self.path, headers, body)
                due = proxy._due(exchange)
                for fault in due:
                    if fault.before:
                        fault.before(exchange)
                if not exchange.status:
                    proxy._pass_on(exchange)
                for fault in due:
                    if fault.after:
                        fault.after(exchange)
                if exchange.cut_after == -1:
                    self.close_connection = True
                    return
                self.send_response_only(exchange.status)
                length = str(len(exchange.answer))
                for name, value in exchange.answer_headers:
                    if name.lower() == "content-length":
                        length = value  # the answer to HEAD announces a body that does not come
                    elif name.lower() not in ("connection", "transfer-encoding"):
                        self.send_header(name, value)
                self.send_header("Content-Length", length)
                self.end_headers()
                self.wfile.write(exchange.answer[: exchange.cut_after])
                if exchange.cut_after is not None:
                    self.close_connection = True

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any  # noqa: N815

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                pass

        return Handler


@contextmanager
def fault_proxy(upstream: str) -> Iterator[FaultProxy]:
    """A running proxy in front of a server's address."""
    proxy = FaultProxy(upstream)
    thread = threading.Thread(target=proxy._server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy._server.shutdown()
        proxy._server.server_close()
