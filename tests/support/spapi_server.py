"""SP-API on loopback: Login with Amazon, the Reports API, documents behind presigned addresses, Finances, Feedback.

Belongs here: the protocol as Amazon describes it, as strict as the real one (tokens, budgets, one-parameter paging, the
throttle by content, addresses that live five minutes), and faults by script. Does not belong: our own connector's view
of it; this file imports nothing of the product.

Run as a process of its own: `python spapi_server.py` prints its port. Tests steer it by `/_control`: its clock (so that
an hour costs nothing), what reports hold, how they end, which calls fail and how.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN = "planted-client-id", "planted-client-secret", "Atzr|planted-refresh-token"
ACCESS_TOKEN_PREFIX = "Atza|planted-access-token-"
SIGNATURE = "planted-signature"
LIMITS = {
    "createReport": (0.0167, 15),
    "getReports": (0.0222, 10),
    "getReport": (2.0, 15),
    "getReportDocument": (0.0167, 15),
    "listTransactions": (0.5, 10),
    "customerFeedback": (0.2, 1),
}
STATUSES = ("CANCELLED", "DONE", "FATAL", "IN_PROGRESS", "IN_QUEUE")


class World:
    """Everything the server knows."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.shift = 0.0
        #: report type → {"header", "rows": [[day or None, line]], "cool_down": s, "encoding", "content_type", "gzip"}
        self.types: dict[str, dict] = {}
        #: report type → outcomes of the next reports, such as "CANCELLED" or {"status": "FATAL", "reason": "…"}
        self.outcomes: dict[str, list] = {}
        self.faults: list[dict] = []
        self.reports: list[dict] = []
        self.documents: dict[str, dict] = {}
        self.tokens: dict[str, float] = {}
        self.buckets: dict[str, tuple[float, float]] = {}
        self.counts: Counter[str] = Counter()
        self.addresses: list[str] = []
        self.looks = 1
        self.page_size = 100
        self.duplicate_pages = False
        self.pages: dict[str, list] = {}
        self.transactions: list[dict] = []
        self.feedback: dict[str, dict] = {}

    def now(self) -> float:
        return time.time() + self.shift

    def moment(self, at: float | None = None) -> datetime:
        return datetime.fromtimestamp(self.now() if at is None else at, UTC)

    def spend(self, operation: str) -> bool:
        rate, burst = LIMITS[operation]
        now = self.now()
        left, at = self.buckets.get(operation, (float(burst), now))
        left = min(burst, left + max(0.0, now - at) * rate)
        # a hair of tolerance: both sides count the same seconds by different clocks
        if left < 0.98:
            self.buckets[operation] = (left, now)
            return False
        self.buckets[operation] = (left - 1, now)
        return True

    def make(self, spec: dict) -> dict:
        """Accept a report, decide at once how it will end."""
        name, now = spec["reportType"], self.now()
        planned = self.outcomes.get(name) or []
        outcome = planned.pop(0) if planned else "DONE"
        outcome = {"status": outcome} if isinstance(outcome, str) else dict(outcome)
        cool_down = self.types.get(name, {}).get("cool_down", 0)
        asked = (name, tuple(spec["marketplaceIds"]), spec.get("dataStartTime"), spec.get("dataEndTime"))
        for other in self.reports:
            if other["asked"] == asked and now - other["made"] < cool_down - 1:
                outcome = {"status": "CANCELLED"}
                self.counts["too early"] += 1
        report = {
            "reportId": str(50_000 + len(self.reports)),
            "reportType": outcome.get("type", name),
            "marketplaceIds": list(spec["marketplaceIds"]),
            "dataStartTime": outcome.get("start", spec.get("dataStartTime", iso(self.moment()))),
            "dataEndTime": outcome.get("end", spec.get("dataEndTime", iso(self.moment()))),
            "asked": asked,
            "made": now,
            "looks": outcome.get("looks", self.looks),
            "outcome": outcome,
        }
        self.reports.append(report)
        return report

    def finish(self, report: dict) -> None:
        outcome = report["outcome"]
        report["finished"] = self.now()
        report["status"] = outcome["status"]
        if outcome["status"] == "DONE" and outcome.get("document", True):
            kind = self.types.get(report["reportType"], {"header": "nothing", "rows": []})
            first, last = report["dataStartTime"][:10], report["dataEndTime"]
            rows = [line for day, line in kind["rows"] if day is None or (first <= day and f"{day}T00:00:00Z" < last)]
            text = "\r\n".join([kind["header"], *rows]) + "\r\n"
            data = text.encode(kind.get("encoding", "utf-8"), errors="replace")
            report["reportDocumentId"] = self.publish(report["reportId"], data, kind)
        elif outcome.get("reason") is not None:
            report["reportDocumentId"] = self.publish(report["reportId"], outcome["reason"].encode(), {"gzip": False})

    def publish(self, name: str, data: bytes, kind: dict) -> str:
        is_gzip = kind.get("gzip", True)
        document_id = f"amzn1.spdoc.1.4.na.{name}"
        self.documents[document_id] = {
            "data": gzip.compress(data, mtime=0) if is_gzip else data,
            "gzip": is_gzip,
            "type": kind.get("content_type", "text/plain;charset=UTF-8"),
        }
        return document_id


WORLD = World()


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S+00:00")


def described(report: dict) -> dict:
    told = {key: report[key] for key in ("reportId", "reportType", "marketplaceIds", "dataStartTime", "dataEndTime")}
    told |= {"createdTime": iso(WORLD.moment(report["made"])), "processingStatus": report.get("status", "IN_PROGRESS")}
    if "finished" in report:
        told["processingStartTime"] = told["createdTime"]
        told["processingEndTime"] = iso(WORLD.moment(report["finished"]))
    if "reportDocumentId" in report:
        told["reportDocumentId"] = report["reportDocumentId"]
    return told


class Refusal(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status)
        self.status, self.code, self.message = status, code, message


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms between its headers and its body

    def log_message(self, *args: object) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError):  # the client was killed: that is what is tested
            self.close_connection = True

    def date_time_string(self, timestamp: float | None = None) -> str:
        return format_datetime(WORLD.moment(), usegmt=True)

    def do_GET(self) -> None:
        self.handle_any()

    def do_POST(self) -> None:
        self.handle_any()

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(address.query, keep_blank_values=True).items()}
        if address.path == "/_control":
            self.reply(200, control(json.loads(body)))
            return
        operation = operation_of(self.command, address.path)
        with WORLD.lock:
            WORLD.counts[operation] += 1
            WORLD.counts[f"{operation} {unquote(address.path)}"] += 1
            fault = next((one for one in WORLD.faults if one["operation"] == operation and one["times"] > 0), None)
            if fault:
                if fault.get("skip", 0) > 0:
                    fault["skip"] -= 1
                    fault = None
                else:
                    fault["times"] -= 1
        fault = fault or {}
        time.sleep(fault.get("delay", 0))
        if "status" in fault and not fault.get("after"):
            text = fault.get(
                "body", json.dumps({"errors": [{"code": "Injected", "message": fault.get("message", "")}]})
            )
            self.reply(fault["status"], text, fault.get("headers", {}))
            return
        try:
            if operation == "token":
                status, given = self.token(body)
            elif operation == "document":
                self.document(address.path, query, fault)
                return
            else:
                status, given = self.api(operation, address.path, query, body)
        except Refusal as refusal:
            errors = {"errors": [{"code": refusal.code, "message": refusal.message}]}
            headers = {"Retry-After": "3"} if refusal.status == 429 else {}
            self.reply(refusal.status, errors, headers)
            return
        if fault.get("after") == "lose":  # done, but nobody hears of it
            self.close_connection = True
            return
        if fault.get("after") == "stall":  # done, but it takes long until somebody hears of it
            time.sleep(fault["seconds"])
        headers = dict(fault.get("headers", {}))
        if operation in LIMITS:
            headers.setdefault("x-amzn-RateLimit-Limit", str(LIMITS[operation][0]))
        self.reply(fault.get("status", status), given, headers)

    def reply(self, status: int, given: object, headers: dict | None = None) -> None:
        data = given.encode() if isinstance(given, str) else json.dumps(given).encode()
        if status == 204:
            data = b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def token(self, body: bytes) -> tuple[int, dict]:
        form = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        if form.get("client_id") != CLIENT_ID or form.get("client_secret") != CLIENT_SECRET:
            return 401, {"error": "invalid_client", "error_description": f"Not {form.get('client_secret')}"}
        if form.get("refresh_token") != REFRESH_TOKEN or form.get("grant_type") != "refresh_token":
            return 400, {"error": "invalid_grant", "error_description": "The refresh token is not valid"}
        with WORLD.lock:
            token = f"{ACCESS_TOKEN_PREFIX}{len(WORLD.tokens)}"
            WORLD.tokens[token] = WORLD.now() + 3600
        return 200, {"access_token": token, "token_type": "bearer", "expires_in": 3600}

    def api(self, operation: str, path: str, query: dict, body: bytes) -> tuple[int, dict]:
        with WORLD.lock:
            token = self.headers.get("x-amz-access-token", "")
            if WORLD.tokens.get(token, 0) < WORLD.now():
                raise Refusal(403, "Unauthorized", f"The access token {token} has expired")
            stated = datetime.fromisoformat(self.headers.get("x-amz-date", "19700101T000000Z"))
            if abs((stated - WORLD.moment()).total_seconds()) > 300:
                raise Refusal(403, "InvalidSignature", "The request's clock differs by more than five minutes")
            if not WORLD.spend(operation):
                WORLD.counts["429"] += 1
                raise Refusal(429, "QuotaExceeded", "You exceeded your quota for the requested resource.")
            if operation == "createReport":
                return 202, {"reportId": self.create(json.loads(body))["reportId"]}
            if operation == "getReports":
                return 200, self.listed(query)
            if operation == "getReport":
                return 200, self.looked(path.rsplit("/", 1)[1])
            if operation == "getReportDocument":
                return 200, self.addressed(unquote(path.rsplit("/", 1)[1]))
            if operation == "listTransactions":
                return 200, self.money(query)
            given = WORLD.feedback.get(path)
            return (200, given) if given else (204, {})

    def create(self, spec: dict) -> dict:
        if not spec.get("marketplaceIds") or not re.fullmatch(r"[A-Z0-9_]+", spec.get("reportType", "")):
            raise Refusal(400, "InvalidInput", "reportType and marketplaceIds are required")
        if "SETTLEMENT" in spec["reportType"]:
            raise Refusal(400, "InvalidInput", "Settlement reports cannot be requested")
        for key in ("dataStartTime", "dataEndTime"):
            if key in spec and datetime.fromisoformat(spec[key]) > WORLD.moment():
                raise Refusal(400, "InvalidInput", f"{key} lies in the future")
        return WORLD.make(spec)

    def looked(self, report_id: str) -> dict:
        report = next((one for one in WORLD.reports if one["reportId"] == report_id), None)
        if report is None:
            raise Refusal(404, "NotFound", "No such report")
        if "finished" not in report:
            report["looks"] -= 1
            if report["looks"] < 0:
                WORLD.finish(report)
        return described(report)

    def listed(self, query: dict) -> dict:
        if "nextToken" in query:
            if len(query) > 1:
                raise Refusal(400, "InvalidInput", "nextToken must be the only parameter")
            rest = WORLD.pages[query["nextToken"]]
        else:
            if "reportTypes" not in query:
                raise Refusal(400, "InvalidInput", "reportTypes or nextToken is required")
            since = datetime.fromisoformat(query["createdSince"]) if "createdSince" in query else None
            if since and since < WORLD.moment() - timedelta(days=90):
                raise Refusal(400, "InvalidInput", "createdSince is more than 90 days ago")
            statuses = query.get("processingStatuses", ",".join(STATUSES)).split(",")
            rest = [
                described(one)
                for one in reversed(WORLD.reports)
                if one["reportType"] in query["reportTypes"].split(",")
                and one.get("status", "IN_PROGRESS") in statuses
                and (since is None or WORLD.moment(one["made"]) >= since)
            ]
        size = min(WORLD.page_size, int(query.get("pageSize", 10))) if "nextToken" not in query else WORLD.page_size
        page, rest = rest[:size], rest[size:]
        if not rest:
            return {"reports": page}
        if WORLD.duplicate_pages:  # a report that was made meanwhile moves the last one of a page to the next
            rest = [page[-1], *rest] if "nextToken" not in query else rest
        token = f"token{len(WORLD.pages)}=="
        WORLD.pages[token] = rest
        return {"reports": page, "nextToken": token}

    def addressed(self, document_id: str) -> dict:
        if document_id not in WORLD.documents:
            raise Refusal(404, "NotFound", "No such document")
        until = WORLD.now() + 300
        host = self.headers.get("X-Forwarded-For-Test") or f"127.0.0.1:{self.server.server_address[1]}"
        url = f"http://{host}/documents/{document_id}?X-Amz-Expires=300&until={until}&X-Amz-Signature={SIGNATURE}"
        WORLD.addresses.append(url)
        told = {"reportDocumentId": document_id, "url": url}
        return told | ({"compressionAlgorithm": "GZIP"} if WORLD.documents[document_id]["gzip"] else {})

    def document(self, path: str, query: dict, fault: dict) -> None:
        document = WORLD.documents[path.rsplit("/", 1)[1]]
        if "x-amz-access-token" in self.headers:
            raise AssertionError("the access token was sent to the document store")
        if query.get("X-Amz-Signature") != SIGNATURE or float(query["until"]) < WORLD.now():
            self.reply(403, "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
            return
        data = document["data"]
        if fault.get("broken"):
            data = data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 0xFF]) + data[len(data) // 2 + 1 :]
        etag = f'"{hashlib.md5(data).hexdigest()}"'
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked and self.headers.get("If-Range") == etag and not fault.get("no_range") else 0
        if asked and start >= len(data):
            self.reply(416, "")
            return
        WORLD.counts["ranges"] += bool(start)
        part = data[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", document["type"])
        self.send_header("ETag", etag)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if not fault.get("no_length"):
            self.send_header("Content-Length", str(len(part)))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        cut = fault.get("cut")
        step = fault.get("step", 1 << 16)
        for at in range(0, len(part), step):
            piece = part[at : at + step] if cut is None else part[at : min(at + step, cut)]
            self.wfile.write(piece)
            self.wfile.flush()
            time.sleep(fault.get("pause", 0))
            if cut is not None and at + step >= cut:
                self.close_connection = True
                return

    def money(self, query: dict) -> dict:
        if "nextToken" in query and not query["nextToken"].startswith("page"):
            raise Refusal(400, "InvalidInput", "bad nextToken")
        if "postedAfter" not in query:
            raise Refusal(400, "InvalidInput", "postedAfter is required")
        start = int(query.get("nextToken", "page0")[4:])
        after = query["postedAfter"][:19]
        before = query.get("postedBefore", "9999")[:19]
        rows = [one for one in WORLD.transactions if after <= one["postedDate"][:19] < before]
        page = rows[start : start + WORLD.page_size]
        payload: dict = {"transactions": page}
        if start + WORLD.page_size < len(rows):
            payload["nextToken"] = f"page{start + WORLD.page_size}"
        return {"payload": payload}


def operation_of(method: str, path: str) -> str:
    if path == "/auth/o2/token":
        return "token"
    if path.startswith("/documents/"):
        return "document"
    if path == "/reports/2021-06-30/reports":
        return "createReport" if method == "POST" else "getReports"
    if path.startswith("/reports/2021-06-30/reports/"):
        return "getReport"
    if path.startswith("/reports/2021-06-30/documents/"):
        return "getReportDocument"
    if path == "/finances/2024-06-19/transactions":
        return "listTransactions"
    return "customerFeedback"


def control(order: dict) -> dict:
    """Change the world, and tell what happened in it."""
    with WORLD.lock:
        if order.get("reset"):
            lock = WORLD.lock
            WORLD.__init__()  # type: ignore[misc]
            WORLD.lock = lock
        for key in ("shift", "looks", "page_size", "duplicate_pages", "transactions", "feedback"):
            if key in order:
                setattr(WORLD, key, order[key])
        WORLD.types.update(order.get("types", {}))
        WORLD.outcomes.update(order.get("outcomes", {}))
        WORLD.faults += [{"times": 1} | fault for fault in order.get("faults", [])]
        for found in order.get("found", []):  # a report that Amazon made by itself
            report = WORLD.make({"marketplaceIds": ["ATVPDKIKX0DER"], "reportType": found["type"]})
            report |= {"status": "DONE", "finished": WORLD.now()}
            same = found.get("same_as")
            report["reportDocumentId"] = same or WORLD.publish(
                report["reportId"], found["text"].encode(), {"gzip": False}
            )
        if order.get("expire_tokens"):
            WORLD.tokens = dict.fromkeys(WORLD.tokens, 0.0)
        return {
            "shift": WORLD.shift,
            "counts": dict(WORLD.counts),
            "reports": [described(one) for one in WORLD.reports],
            "addresses": WORLD.addresses,
        }


class SpApiServer:
    """Handle of the server process, for tests."""

    def __init__(self, url: str) -> None:
        self.url = url

    def control(self, **order: object) -> dict:
        request = urllib.request.Request(f"{self.url}/_control", json.dumps(order).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def fault(self, operation: str, **how: object) -> None:
        self.control(faults=[{"operation": operation} | how])

    @property
    def counts(self) -> Counter[str]:
        return Counter(self.control()["counts"])


@contextmanager
def spapi_server():
    """A server process of its own."""
    process = subprocess.Popen([sys.executable, str(Path(__file__))], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield SpApiServer(f"http://127.0.0.1:{int(process.stdout.readline())}")
    finally:
        process.kill()
        process.wait()


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
