"""Requests in, answers out: the life of each report from createReport to its bytes, across throttling and restarts.

Belongs here: the order of steps, what is written down before each of them, and what a status means. Does not belong:
HTTP (`client.py`), bytes (`download.py`), which windows are due (`ingestion.connectors`), the ledger (the caller's).

Every report is written down (`state.py`) before it is asked for and closed only when the caller has taken its answer.
A process killed anywhere in between goes on with the same report: nothing is asked twice, nothing is forgotten. Where
it is unknown whether Amazon accepted a request (killed or cut off while asking), getReports is searched for it first.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain, count
from pathlib import Path
from typing import Any

from data_contracts.registry import all_feeds, get_feed
from data_contracts.settings import Settings, Store
from ingestion.connectors import Answer, Request, Window
from ingestion.connectors.planner import Plan, Step, call_times
from ingestion.connectors.spapi import feedback, finances, reports
from ingestion.connectors.spapi.budget import LIMITS, Budget
from ingestion.connectors.spapi.client import (
    ENDPOINTS,
    TOKEN_ENDPOINT,
    TRIES,
    Client,
    NotFound,
    Throttled,
    pause_after,
)
from ingestion.connectors.spapi.clock import Clock
from ingestion.connectors.spapi.credentials import load_credentials
from ingestion.connectors.spapi.download import BrokenDocument, Document, Download
from ingestion.connectors.spapi.state import ASKING, CANCELLED, FAILED, OPEN, TAKEN, Entry, State
from ingestion.failures import PermanentFailure, ReturnscopeError, TransientFailure

log = logging.getLogger(__name__)

#: How long one pull goes on by default. Reports take minutes, rarely more than an hour, and the half hour after which a
#: near-real-time report may be asked for again fits in; four hours for a daily one do not: the next pull does that.
MAX_WAIT = timedelta(hours=2)
#: First and longest pause between two looks at a report; getReport allows two a second for all of them together.
_FIRST_LOOK, _LONGEST_PAUSE = 15.0, 60.0
#: Amazon wants moments that are not in the future by its clock; the skew is known to a few seconds.
_CLOCK_MARGIN = timedelta(seconds=60)
#: A request whose answer was lost is searched for from this long before it was sent.
_SEARCH_MARGIN = timedelta(minutes=10)
#: How long Amazon makes a report, until enough of one's own are known (an assumption; nothing is published).
MAKING = timedelta(minutes=3)
_ENOUGH_TO_KNOW = 5
_ASIN = re.compile(r"[A-Z0-9]{10}")
#: What of a document that explains a failure goes into the ledger.
_REASON_LENGTH = 1000


@dataclass
class _Job:
    """One report on its way. `again` counts how often it was asked anew after CANCELLED within this pull."""

    entry: Entry
    next_at: datetime
    order: int
    failures: int = 0
    looks: int = 0


class SpApiConnector:
    """The Reports API as a `Connector`, for one store."""

    name = "sp-api"
    asks_by_update = True

    def __init__(
        self,
        settings: Settings,
        store_id: str,
        store: Store,
        *,
        clock: Clock | None = None,
        max_wait: timedelta | None = None,
    ) -> None:
        options = _Options.of(settings, store_id, store)
        self._home = settings.home
        self._store_id = store_id
        self._marketplaces = tuple(sorted({_marketplace_id(code) for code in store.marketplaces}))
        self._options = options
        self._clock = clock or Clock()
        self._max_wait = max_wait or options.max_wait
        folder = settings.home / "connectors" / "spapi"
        self._state = State(folder / "state.sqlite", f"{options.account}@{store.region}", self._clock.now())

    def close(self) -> None:
        """Close the state file."""
        self._state.close()

    @property
    def state(self) -> State:
        """What is remembered of this account."""
        return self._state

    def now(self) -> datetime:
        """Amazon's clock, as far as its earlier answers have shown it."""
        return self._clock.now() + timedelta(seconds=self._state.skew())

    def feeds(self) -> frozenset[str]:
        """Feeds with a report type, the transactions, and feedback where the store names items to ask about."""
        operations = {finances.OPERATION} | ({feedback.OPERATION} if self._options.feedback_asins else set())
        return frozenset(
            name for name, feed in all_feeds().items() if feed.report_types or feed.operation in operations
        )

    @contextmanager
    def client(self) -> Iterator[Client]:
        """A connected client. Raises PermanentFailure or TransientFailure when the account cannot be reached."""
        credentials = load_credentials(self._home, self._options.account)
        with Client(
            credentials,
            self._state,
            self._clock,
            endpoint=self._options.endpoint,
            token_endpoint=self._options.token_endpoint,
        ) as client:
            client.connect()
            yield client

    def pull(self, requests: Iterable[Request]) -> Iterator[Answer]:
        """Ask, and go on with what an earlier pull left under way; answers as they come.

        A document's file is only there until the next answer is asked for. A report that is not ready within
        `max_wait` is answered as failed, saying so, and the next pull goes on with it.
        """
        asked, searched, called = _sorted_out(requests)
        with self._alone(), self.client() as client:
            deadline = self.now() + self._max_wait
            found = chain(
                chain.from_iterable(self._found(client, one, deadline) for one in searched),
                chain.from_iterable(self._called(client, one, deadline) for one in called),
            )
            yield from self._asked(client, asked, found, deadline)
            yield from found

    def plan(self, requests: Iterable[Request], *, after: Plan | None = None) -> Plan:
        """What `pull` would do, without asking Amazon anything."""
        asked, searched, called = _sorted_out(requests)
        jobs = self._jobs(asked)
        budget, now = Budget(self._state, self._clock), self.now()  # now is after all that may start at once
        begins = after.duration.total_seconds() if after else 0.0
        calls = dict(after.calls) if after else {}

        def through(operation: str, ready: Iterable[float]) -> list[float]:
            """When these calls happen, sorted, after those that earlier stores of the account have made."""
            key = (self._state.account, operation)
            before = calls.get(key, ())
            rate, left, blocked = budget.level(operation)
            times = call_times(
                [*before, *(max(begins, moment) for moment in ready)],
                rate=rate,
                calls=left,
                burst=LIMITS[operation].burst,
                blocked=blocked,
            )
            calls[key] = tuple(times)
            return times[len(before) :]

        new = sorted((job for job in jobs if job.entry.state == ASKING), key=lambda job: (job.next_at, job.order))
        created = through("createReport", [(job.next_at - now).total_seconds() for job in new])
        took = sorted(
            (entry.delivered_at - entry.asked_at).total_seconds()
            for entry in self._state.entries()
            if entry.state == TAKEN and entry.delivered_at is not None
        )
        making = took[len(took) // 2] if len(took) >= _ENOUGH_TO_KNOW else MAKING.total_seconds()
        done = [moment + making for moment in created] + [0.0 for job in jobs if job.entry.state == OPEN]
        fetched = through("getReportDocument", done)
        starts = {job.order: moment for job, moment in zip(new, created, strict=True)}
        steps = [
            Step(_request(job.entry), now + timedelta(seconds=starts.get(job.order, begins)), _plan_note(job, now))
            for job in sorted(jobs, key=lambda job: (starts.get(job.order, begins), job.order))
        ]
        steps += [Step(one, now + timedelta(seconds=begins), "searched for, not asked for") for one in searched]
        ends = max(fetched, default=begins)
        for one in called:
            # one call after another, each as soon as the budget has it
            count = self._calls_of(one)
            ends = max([ends, *through(_operation(one.feed), [begins] * count)])
            steps.append(Step(one, now + timedelta(seconds=begins), f"{count} calls at least"))
        known = f"as the last {len(took)} took" if len(took) >= _ENOUGH_TO_KNOW else "assumed, none known yet"
        return Plan(
            tuple(steps),
            timedelta(seconds=ends),
            f"{making / 60:.1f} min for Amazon to make a report ({known}), one request a minute once the burst is used",
            begins=timedelta(seconds=begins),
            calls=calls,
        )

    def _calls_of(self, request: Request) -> int:
        """How many calls a request of a JSON operation takes at least: pages and browse nodes are not known before."""
        if _operation(request.feed) != feedback.OPERATION:
            return 1
        items = len(self._options.feedback_asins) * feedback.CALLS_PER_ITEM + feedback.CALLS_PER_NODE
        return len(self._marketplaces) * items

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Only one pull of a store at a time: two would fetch the same documents into the same files."""
        path = self._state.folder / f"{self._store_id}.lock"
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise TransientFailure(
                    f"Another pull of store {self._store_id} is at work", str(path), "Wait until it has ended."
                ) from None
            yield

    # -- reports that are asked for

    def _asked(
        self, client: Client, wanted: list[Request], found: Iterator[Answer], deadline: datetime
    ) -> Iterator[Answer]:
        """Answers to what is asked for; while Amazon works on it, those that are `found`."""
        jobs = self._jobs(wanted)
        while jobs:
            job = min(jobs, key=lambda one: (one.next_at, one.order))
            if job.next_at > self.now() and (ready := next(found, None)) is not None:
                yield ready
                continue
            if job.next_at > deadline:
                break
            self._clock.sleep((job.next_at - self.now()).total_seconds())
            try:
                answer = self._step(client, job, deadline)
                job.failures = 0
            except Throttled as throttled:
                job.next_at = self.now() + timedelta(seconds=throttled.seconds)
                continue
            except TransientFailure as failure:
                job.failures += 1
                job.next_at = self.now() + timedelta(seconds=pause_after(job.failures))
                if job.failures < TRIES:
                    continue
                jobs.remove(job)
                answer = self._failed(job, f"{failure} The next pull goes on with it.")
            except PermanentFailure as failure:
                jobs.remove(job)
                self._end(job, FAILED, str(failure))
                answer = self._failed(job, str(failure))
            if answer is not None:
                yield from self._hand_over(job, answer)
                if job.entry.state != ASKING and job in jobs:
                    jobs.remove(job)
        for job in jobs:
            yield from self._left(job)

    def _jobs(self, wanted: list[Request]) -> list[_Job]:
        """Reports under way, and new ones for what is wanted beyond them."""
        order = count()
        jobs = [
            _Job(entry, self.now(), next(order))
            for entry in self._state.entries()
            if entry.store == self._store_id and entry.state in (ASKING, OPEN)
        ]
        for request in dict.fromkeys(wanted):
            entry = Entry(
                store=self._store_id,
                feed=request.feed,
                report_type=_report_type(request),
                marketplaces=self._marketplaces,
                window=request.window,
                asked_at=self.now(),
            )
            if any(job.entry.is_equal_request(entry) for job in jobs):
                continue
            jobs.append(_Job(entry, self._allowed_at(entry), next(order)))
        return jobs

    def _allowed_at(self, entry: Entry) -> datetime:
        """When Amazon makes this report, as far as its throttle by content is known.

        Equal requests wait for the cool-down. So does any request of the type after a CANCELLED one: while it is open
        whether the window was empty or the type throttled, asking on would only be cancelled too.
        """
        cool_down = reports.report_type(entry.report_type).cool_down
        allowed = self.now()
        for other in self._state.entries(entry.report_type):
            is_same = other.is_equal_request(entry) and other.state in (TAKEN, CANCELLED, FAILED)
            if (is_same or other.state == CANCELLED) and other.report_id is not None:
                allowed = max(allowed, other.asked_at + cool_down)
        return allowed

    def _step(self, client: Client, job: _Job, deadline: datetime) -> Answer | None:
        """The next thing to do for a report: ask, or look and perhaps fetch. None: it goes on."""
        if job.entry.row is not None and job.entry.state == ASKING:
            self._search(client, job, deadline)
        if job.entry.state != OPEN:
            return self._create(client, job)
        try:
            report = reports.get(client, job.entry.report_id or "")
        except NotFound:
            log.warning("%s: Amazon no longer knows report %s; asking anew", job.entry.feed, job.entry.report_id)
            self._state.forget(job.entry)
            job.entry = replace(job.entry, row=None, state=ASKING, report_id=None, etag=None)
            job.next_at = self._allowed_at(job.entry)
            return None
        return self._look(client, job, report, deadline)

    def _create(self, client: Client, job: _Job) -> Answer | None:
        start, end = _moments(job.entry.window, client.now())
        if start is not None and end is not None and start >= end:
            raise PermanentFailure(
                f"The window {job.entry.window} has not begun yet by Amazon's clock",
                f"{job.entry.feed}, store {self._store_id}",
                "Check this machine's clock, or ask for days that are over.",
            )
        # the budget first: an entry that waits for it has not been sent and needs no search
        _, calls, blocked = client.budget.level("createReport")
        if calls >= 1 and not blocked:
            entry = replace(job.entry, asked_at=client.now(), data_start=start, data_end=end, state=ASKING)
            job.entry = self._state.add(entry) if entry.row is None else self._state.update(entry)
        try:
            report_id = reports.create(client, job.entry.report_type, self._marketplaces, start, end)
        except (Throttled, PermanentFailure):
            if job.entry.row is not None:  # refused for certain
                self._state.forget(job.entry)
                job.entry = replace(job.entry, row=None)
            raise
        self._opened(job, report_id)
        job.next_at = self.now() + timedelta(seconds=_FIRST_LOOK)
        return None

    def _search(self, client: Client, job: _Job, deadline: datetime) -> None:
        """Find the report of a request whose answer was lost; without one the entry is free to be asked again."""
        asked = job.entry
        known = {entry.report_id for entry in self._state.entries(asked.report_type)}
        since = asked.asked_at - _SEARCH_MARGIN
        for report in reports.find(client, asked.report_type, since=since, done_only=False, until=deadline):
            is_ours = (
                report.report_id not in known
                and report.created_at >= since
                and set(report.marketplaces) == set(asked.marketplaces)
                and (asked.data_start is None or _same(report.data_start, asked.data_start))
                and (asked.data_end is None or _same(report.data_end, asked.data_end))
            )
            if is_ours:
                log.info("%s: report %s had been accepted before", asked.feed, report.report_id)
                self._opened(job, report.report_id)
                return
        self._state.forget(asked)
        job.entry = replace(asked, row=None)

    def _opened(self, job: _Job, report_id: str) -> None:
        job.entry = self._state.update(replace(job.entry, state=OPEN, report_id=report_id))

    def _look(self, client: Client, job: _Job, report: reports.Report, deadline: datetime) -> Answer | None:
        if report.report_type != job.entry.report_type:
            raise PermanentFailure(
                f"Report {report.report_id} is a {report.report_type}, asked for was {job.entry.report_type}",
                f"{job.entry.feed}, store {self._store_id}",
                "Pull again; nothing of it was taken.",
            )
        at = min(report.finished_at or report.created_at, client.now())
        if report.status == "DONE":
            return self._document(client, job, report, at, deadline)
        if report.status == "CANCELLED":
            return self._cancelled(job, at)
        if report.status == "FATAL":
            told = self._reason(client, job, report, deadline)
            self._end(job, FAILED, told)
            return replace(self._failed(job, told), delivered_at=at)
        if report.status not in ("IN_QUEUE", "IN_PROGRESS"):
            log.warning("%s: report %s has the unknown status %.40r", job.entry.feed, report.report_id, report.status)
        job.looks += 1
        pause = min(_FIRST_LOOK * 1.3**job.looks, _LONGEST_PAUSE)
        job.next_at = self.now() + timedelta(seconds=pause)
        return None

    def _document(self, client: Client, job: _Job, report: reports.Report, at: datetime, deadline: datetime) -> Answer:
        entry = job.entry
        if report.document_id is None:
            raise PermanentFailure(
                f"Report {report.report_id} is DONE but has no document",
                f"{entry.feed}, store {self._store_id}",
                "Pull again; nothing of it was taken.",
            )
        window = _covered(entry, report)
        if entry.window is not None and window is None:
            raise PermanentFailure(
                f"Report {report.report_id} covers no whole day of {entry.window}",
                f"{entry.feed}, store {self._store_id}",
                "Pull again with a window that the report type allows; nothing of it was taken.",
            )
        if window != entry.window:
            log.warning("%s: asked for %s, the report covers %s", entry.feed, entry.window, window)
        job.entry = self._state.update(replace(entry, document_id=report.document_id, delivered_at=at))
        document = self._fetch(client, job, report.document_id, deadline)
        return Answer(
            replace(_request(entry), window=window),
            "document",
            at,
            content=document.path,
            file_name=f"{report.report_id}{'.gz' if document.is_gzip else ''}",
            report_type=report.report_type,
            charset=document.charset,
        )

    def _fetch(self, client: Client, job: _Job, document_id: str, deadline: datetime) -> Document:
        """The bytes of a document; damaged ones are fetched once more before they count as Amazon's own."""

        def remember(etag: str | None) -> None:
            if job.entry.row is not None:
                job.entry = self._state.update(replace(job.entry, etag=etag))

        download = Download(
            client.http,
            self._clock,
            self._part(document_id),
            lambda: reports.document_address(client, document_id, deadline),
            where=f"{job.entry.feed}, store {self._store_id}, report {job.entry.report_id}",
            etag=job.entry.etag,
            on_etag=remember,
        )
        try:
            return download.run()
        except BrokenDocument:
            try:
                return download.run()
            except BrokenDocument as broken:
                raise PermanentFailure(
                    f"{broken.what}, twice in a row", broken.where, "Pull again; nothing of it was taken."
                ) from None

    def _cancelled(self, job: _Job, at: datetime) -> Answer:
        """CANCELLED means empty, throttled or stopped by hand: told apart by asking again after the cool-down."""
        entry = job.entry
        cool_down = reports.report_type(entry.report_type).cool_down
        earlier = [
            other
            for other in self._state.entries(entry.report_type)
            if other.state == CANCELLED and other.store == entry.store and other.asked_at + cool_down <= entry.asked_at
        ]
        same = next((other for other in reversed(earlier) if _common(other.window, entry.window)), None)
        if same is None:
            again = entry.asked_at + cool_down
            note = f"CANCELLED: empty or throttled; is asked again after {again:%Y-%m-%d %H:%M} UTC to tell which"
        else:
            note = (
                f"CANCELLED again after the cool-down (first asked {same.asked_at:%Y-%m-%d %H:%M} UTC): "
                f"Amazon has no data for {_common(same.window, entry.window)}"
            )
        self._end(job, CANCELLED, note)
        answer = Answer(
            _request(entry),
            "cancelled",
            at,
            report_type=entry.report_type,
            error=note,
        )
        if same is None:  # ask anew within this pull, if it lasts so long
            job.entry = replace(entry, row=None, state=ASKING, report_id=None, document_id=None, etag=None)
            job.next_at = self._allowed_at(job.entry)
            job.looks = 0
        return answer

    def _reason(self, client: Client, job: _Job, report: reports.Report, deadline: datetime) -> str:
        """What a FATAL report says about itself."""
        told = f"Amazon gave report {report.report_id} up (FATAL)"
        remedy = "It is asked for again by the next pull; if it stays, ask for a shorter window."
        if report.document_id is None:
            return f"{told} without saying why. {remedy}"
        try:
            document = self._fetch(client, job, report.document_id, deadline)
            reason = client.redactor.clean(_beginning(document))
            document.path.unlink(missing_ok=True)
        except ReturnscopeError as failure:
            return f"{told}; its reason could not be fetched: {failure.what}. {remedy}"
        return f"{told}: {reason or 'its document is empty'}. {remedy}"

    def _hand_over(self, job: _Job, answer: Answer) -> Iterator[Answer]:
        """Yield an answer; only when the caller comes back for the next one has it been taken."""
        try:
            yield answer
            if answer.outcome == "document":
                self._end(job, TAKEN, None)
                if job.entry.document_id is not None:
                    self._state.take(job.entry.document_id, self.now())
        finally:
            if isinstance(answer.content, Path) and job.entry.state == TAKEN:
                answer.content.unlink(missing_ok=True)

    def _left(self, job: _Job) -> Iterator[Answer]:
        """What is left when the time is up."""
        if job.entry.state == OPEN:
            yield self._failed(
                job,
                f"Report {job.entry.report_id} was not ready when the pull ended ({self._max_wait} after its start). "
                "The next pull goes on with it.",
            )
        else:
            log.warning(
                "%s, store %s, %s: not asked for in this pull; Amazon takes it from %s on",
                job.entry.feed,
                self._store_id,
                job.entry.window or "newest",
                f"{job.next_at:%Y-%m-%d %H:%M} UTC",
            )

    def _failed(self, job: _Job, told: str) -> Answer:
        return Answer(_request(job.entry), "failed", self.now(), report_type=job.entry.report_type, error=told)

    def _end(self, job: _Job, state: str, note: str | None) -> None:
        job.entry = replace(job.entry, state=state, note=note)
        if job.entry.row is not None:
            self._state.update(job.entry)

    # -- reports that Amazon makes by itself

    def _found(self, client: Client, request: Request, deadline: datetime) -> Iterator[Answer]:
        """Documents of a type that can only be found, each once; what was taken before is passed over."""
        name = get_feed(request.feed).report_types[0]
        since = client.now() - timedelta(days=90)
        try:
            listed = list(reports.find(client, name, since=since, done_only=True, until=deadline))
        except ReturnscopeError as failure:
            yield Answer(request, "failed", self.now(), report_type=name, error=str(failure))
            return
        seen: set[str] = set()
        for report in sorted(listed, key=lambda one: (one.created_at, one.report_id)):
            document_id = report.document_id
            if document_id is None or document_id in seen or self._state.is_taken(document_id):
                continue
            seen.add(document_id)
            at = min(report.finished_at or report.created_at, client.now())
            entry = Entry(
                self._store_id, request.feed, name, self._marketplaces, None, at, state=OPEN, report_id=report.report_id
            )
            job = _Job(replace(entry, document_id=document_id), at, 0)
            try:
                if report.report_type != name:
                    raise PermanentFailure(
                        f"Report {report.report_id} is a {report.report_type}, searched for was {name}",
                        f"{request.feed}, store {self._store_id}",
                        "Pull again; nothing of it was taken.",
                    )
                document = self._fetch(client, job, document_id, deadline)
            except Throttled:
                yield self._failed(job, "Not all documents fitted into this pull. The next pull goes on with them.")
                return
            except ReturnscopeError as failure:
                yield self._failed(job, str(failure))
                continue
            answer = Answer(
                request,
                "document",
                at,
                content=document.path,
                file_name=f"{report.report_id}{'.gz' if document.is_gzip else ''}",
                report_type=name,
                charset=document.charset,
            )
            yield from self._hand_over(job, answer)

    # -- operations that answer with JSON

    def _called(self, client: Client, request: Request, deadline: datetime) -> Iterator[Answer]:
        """All answers of an operation to one request as one document: whole, or a failed answer and no document."""
        operation = _operation(request.feed)
        path = self._part(f"{operation} {self._store_id} {request.window}")
        try:
            with path.open("w", encoding="utf-8", newline="\n") as file:
                if operation == finances.OPERATION and request.window is not None:
                    finances.fetch(client, request.window, file, deadline)
                else:
                    feedback.fetch(client, self._options.feedback_asins, self._marketplaces, file, deadline)
            window = request.window
            yield Answer(
                request,
                "document",
                client.now(),
                content=path,
                file_name=f"{operation}{f' {window}' if window else ''}.jsonl",
                report_type=operation,
                charset="utf-8",
            )
        except ReturnscopeError as failure:
            yield Answer(request, "failed", self.now(), report_type=operation, error=str(failure))
        finally:
            path.unlink(missing_ok=True)

    def _part(self, document_id: str) -> Path:
        """Where a document's bytes gather; the id is Amazon's text and no file name."""
        folder = self._state.folder / "documents"
        folder.mkdir(exist_ok=True, mode=0o700)
        return folder / f"{hashlib.sha256(f'{self._state.account} {document_id}'.encode()).hexdigest()[:32]}.part"


@dataclass(frozen=True)
class _Options:
    """`options` of a store with this connector."""

    account: str
    endpoint: str
    token_endpoint: str
    max_wait: timedelta
    feedback_asins: tuple[str, ...] = ()

    @staticmethod
    def of(settings: Settings, store_id: str, store: Store) -> _Options:
        known = {"account", "endpoint", "token_endpoint", "max_wait_minutes", "feedback_asins"}
        where = f"{settings.config}, [stores.{store_id}.options]"
        if unknown := set(store.options) - known:
            raise PermanentFailure(
                f"Unknown options: {', '.join(sorted(unknown))}", where, f"Known are: {', '.join(sorted(known))}."
            )
        minutes: Any = store.options.get("max_wait_minutes", MAX_WAIT.total_seconds() / 60)
        if isinstance(minutes, bool) or not isinstance(minutes, int | float) or minutes <= 0:
            raise PermanentFailure("max_wait_minutes is no positive number", where, "Write minutes, such as 120.")
        asins: Any = store.options.get("feedback_asins", [])
        if not isinstance(asins, list | tuple) or not all(isinstance(a, str) and _ASIN.fullmatch(a) for a in asins):
            raise PermanentFailure(
                "feedback_asins is no list of ASINs", where, 'Write the items to ask about: ["B0..."].'
            )
        account = str(store.options.get("account", store_id))
        return _Options(
            account=account,
            endpoint=str(store.options.get("endpoint", ENDPOINTS[store.region])),
            token_endpoint=str(store.options.get("token_endpoint", TOKEN_ENDPOINT)),
            max_wait=timedelta(minutes=minutes),
            feedback_asins=tuple(dict.fromkeys(asins)),
        )


def _plan_note(job: _Job, now: datetime) -> str:
    if job.entry.state == OPEN:
        return "under way since an earlier pull"
    if job.entry.row is not None:
        return "asked for by an earlier pull that was cut off; searched for first"
    return "after Amazon's pause between equal requests" if job.next_at > now else ""


def _sorted_out(requests: Iterable[Request]) -> tuple[list[Request], list[Request], list[Request]]:
    """Requests for reports, for reports that can only be found, and for operations that answer with JSON."""
    asked: list[Request] = []
    searched: list[Request] = []
    called: list[Request] = []
    for one in dict.fromkeys(requests):
        if get_feed(one.feed).operation is not None:
            called.append(one)
        else:
            (asked if reports.report_type(_report_type(one)).is_requestable else searched).append(one)
    return asked, searched, called


def _report_type(request: Request) -> str:
    feed = get_feed(request.feed)
    return feed.update_types[0] if request.by_update else feed.report_types[0]


def _operation(feed: str) -> str:
    return get_feed(feed).operation or ""


def _request(entry: Entry) -> Request:
    """The request that a report answers."""
    by_update = entry.report_type in get_feed(entry.feed).update_types
    return Request(entry.feed, entry.store, entry.window, by_update=by_update)


def _marketplace_id(code: str) -> str:
    from data_contracts.marketplaces import get_marketplace

    return get_marketplace(code).marketplace_id


def _moments(window: Window | None, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Begin and end of a request for these days (UTC), the end not in the future.

    The end is the midnight after the last day: whether Amazon counts it in or out, no second of the last day is lost;
    a row of that very midnight would lie outside the window and only add.
    """
    if window is None:
        return None, None
    start = datetime(window.first.year, window.first.month, window.first.day, tzinfo=UTC)
    after = window.last + timedelta(days=1)
    end = datetime(after.year, after.month, after.day, tzinfo=UTC)
    return start, min(end, (now - _CLOCK_MARGIN).replace(microsecond=0))


def _covered(entry: Entry, report: reports.Report) -> Window | None:
    """The days of the window that the report really covers: Amazon may shorten a request without a word."""
    if entry.window is None:
        return None
    first, last = entry.window.first, entry.window.last
    if report.data_start is not None and entry.data_start is not None:
        begins = report.data_start
        if begins > entry.data_start + timedelta(seconds=1):
            first = max(first, (begins + timedelta(days=1) - timedelta(microseconds=1)).date())
    if report.data_end is not None and entry.data_end is not None:
        ends = report.data_end
        if ends < entry.data_end - timedelta(seconds=1):
            last = min(last, ends.date() - timedelta(days=1))
    return Window(first, last) if first <= last else None


def _common(one: Window | None, other: Window | None) -> str | None:
    """The days of both, in words; None when they share none."""
    if one is None or other is None:
        return "this report" if one is other else None
    first, last = max(one.first, other.first), min(one.last, other.last)
    return str(Window(first, last)) if first <= last else None


def _same(one: datetime | None, other: datetime) -> bool:
    return one is not None and abs((one - other).total_seconds()) <= 1


def _beginning(document: Document) -> str:
    """The first characters of a document, on one line."""
    with document.path.open("rb") as file:
        data = file.read(1 << 16)
    if document.is_gzip:
        data = zlib.decompressobj(15 + 16).decompress(data, 1 << 16)
    text = data.decode("utf-8", errors="replace")
    return re.sub(r"[\s\x00-\x1f\x7f]+", " ", text).strip()[:_REASON_LENGTH]
