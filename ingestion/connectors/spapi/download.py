"""Bytes of a report document, exactly as they lie at their address, in bounded memory, whatever happens on the way.

Belongs here: one download with resume and renewal of its address. Does not belong: what the bytes mean, decoding.
"""

from __future__ import annotations

import logging
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

import httpx

from ingestion.connectors.spapi.client import check_address, pause_after
from ingestion.connectors.spapi.clock import Clock
from ingestion.failures import PermanentFailure, TransientFailure, classify_http_status

log = logging.getLogger(__name__)

_CHUNK = 1 << 18
#: Tries without a single new byte after which a download is given up.
_TRIES_WITHOUT_PROGRESS = 6
#: What S3 answers when a presigned address has expired or was damaged: a new address heals it.
_EXPIRED = {400, 401, 403, 404}
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Document:
    """A downloaded document: `charset` as its Content-Type states it (None: not stated)."""

    path: Path
    charset: str | None
    is_gzip: bool


class Download:
    """One document on its way into a file. `etag` survives between processes with the file (see `resume`)."""

    def __init__(
        self,
        http: httpx.Client,
        clock: Clock,
        path: Path,
        new_address: Callable[[], str],
        *,
        where: str,
        etag: str | None = None,
        on_etag: Callable[[str | None], None] | None = None,
    ) -> None:
        self._http = http
        self._clock = clock
        self._path = path
        self._new_address = new_address
        self._where = where
        self._etag = etag
        self._on_etag = on_etag
        self._charset: str | None = None
        if etag is None:
            path.unlink(missing_ok=True)  # without knowing of what these bytes are the beginning they are worth nothing

    def run(self) -> Document:
        """Fetch all bytes. Raises TransientFailure or PermanentFailure; what came stays for the next try."""
        address: str | None = None
        failures = renewals = 0
        while True:
            before = self._size()
            if address is None:
                address = check_address(self._new_address(), self._where)
            try:
                self._fetch(address)
                break
            except _Expired as expired:
                renewals += 1
                if renewals > 3:
                    raise PermanentFailure(
                        f"The document cannot be fetched: HTTP {expired.status} at each new address",
                        self._where,
                        "Pull again; if it stays, the report was removed: ask for it anew.",
                    ) from None
                address = None
            except (TransientFailure, httpx.HTTPError) as error:
                failures = 0 if self._size() > before else failures + 1
                told = error.what if isinstance(error, TransientFailure) else type(error).__name__
                log.info("%s: download interrupted after %d bytes: %s", self._where, self._size(), told)
                if failures >= _TRIES_WITHOUT_PROGRESS:
                    # `from None`: the cause holds the presigned address
                    raise TransientFailure(
                        f"The download broke off {failures} times without a new byte: {told}",
                        self._where,
                        "Run again: it goes on where it stopped.",
                    ) from None
                self._clock.sleep(pause_after(failures) if failures else 0.0)
        return Document(self._path, self._charset, self._check_gzip())

    def _fetch(self, address: str) -> None:
        have = self._size()
        headers = {"Accept-Encoding": "identity"}
        if have and self._etag:
            headers |= {"Range": f"bytes={have}-", "If-Range": self._etag}
        with self._http.stream("GET", address, headers=headers) as answer:
            if answer.status_code == 416:  # we have more than there is: begin again
                self._path.unlink(missing_ok=True)
                raise TransientFailure("the kept beginning does not fit", self._where, "")
            if answer.status_code in _EXPIRED:
                raise _Expired(answer.status_code)
            if answer.status_code not in (200, 206):
                failure = classify_http_status(max(answer.status_code, 300))
                raise failure(f"HTTP {answer.status_code} instead of the document", self._where, "Pull again later.")
            goes_on = answer.status_code == 206 and _starts_at(answer) == have
            if answer.status_code == 206 and not goes_on:
                self._path.unlink(missing_ok=True)
                raise TransientFailure("the answer is another part than asked for", self._where, "")
            self._remember(answer.headers.get("ETag"))
            self._charset = _charset(answer.headers.get("Content-Type"))
            length = answer.headers.get("Content-Length")
            expected = int(length) + (have if goes_on else 0) if length and length.isdigit() else None
            with self._path.open("ab" if goes_on else "wb") as file:
                self._path.chmod(0o600)  # it may hold buyers' addresses until intake has dropped them
                # as they arrive: with a size asked for, the last bytes before a break would be held back and lost
                for piece in answer.iter_raw():
                    file.write(piece)
                    file.flush()
            if expected is not None and self._size() != expected:
                raise TransientFailure(f"{self._size()} of {expected} bytes came", self._where, "")

    def _remember(self, etag: str | None) -> None:
        strong = etag if etag and not etag.startswith("W/") else None
        if strong != self._etag:
            self._etag = strong
            if self._on_etag is not None:
                self._on_etag(strong)

    def _size(self) -> int:
        return self._path.stat().st_size if self._path.exists() else 0

    def _check_gzip(self) -> bool:
        """Whether the bytes are gzip. Raises BrokenDocument when they are, but damaged."""
        with self._path.open("rb") as file:
            if file.read(2) != _GZIP:
                return False
            file.seek(0)
            unzip = zlib.decompressobj(15 + 16)
            try:
                while piece := file.read(_CHUNK):
                    while piece:
                        unzip.decompress(piece, _CHUNK)
                        piece = unzip.unconsumed_tail
                        if unzip.eof and unzip.unused_data:  # several members in one file
                            piece, unzip = unzip.unused_data, zlib.decompressobj(15 + 16)
            except zlib.error:
                raise self._broken("damaged") from None
            if not unzip.eof:
                raise self._broken("cut off")
        return True

    def _broken(self, how: str) -> BrokenDocument:
        self._path.unlink(missing_ok=True)
        return BrokenDocument(f"The document's gzip is {how}", self._where, "Pull again.")


class BrokenDocument(TransientFailure):
    """The bytes came whole but are damaged; the next download may be sound."""


class _Expired(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def _starts_at(answer: httpx.Response) -> int | None:
    found = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def _charset(content_type: str | None) -> str | None:
    if not content_type:
        return None
    message = Message()
    message["Content-Type"] = content_type
    stated = message.get_param("charset")
    return stated.strip() or None if isinstance(stated, str) else None
