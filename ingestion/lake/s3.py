"""A lake in an S3 bucket, through boto3: AWS itself or any service that speaks its protocol.

Belongs here: what makes S3 keep the promises of `Lake` (first writer wins, lost answers, broken downloads, checksums)
and how its errors read. Does not belong: retries of single requests, signing and multipart transfer, which boto3 does
well. Why it is done this way: docs/decisions/lake.md.
"""

from __future__ import annotations

import base64
import glob
import hashlib
import io
import logging
import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import uuid4

import boto3
import botocore.session
from boto3.s3.transfer import TransferConfig
from botocore import exceptions as boto
from botocore.config import Config
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from ingestion.failures import PermanentFailure, ReturnscopeError, TransientFailure, classify_http_status
from ingestion.lake.interface import (
    CHUNK,
    MAX_PREFIX_BYTES,
    Lake,
    ObjectInfo,
    ObjectMissing,
    Source,
    check_key,
    chunks,
    is_key,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

log = logging.getLogger(__name__)

#: Attempts for one request (boto3's standard mode: exponential back-off with jitter, about 10 seconds in all) and for
#: our own loops: conflicting conditional writes and downloads that break without progress.
ATTEMPTS = 6
#: Objects from this size on go up in parts, so that a broken connection costs one part and not the whole.
MULTIPART_BYTES = 64 * CHUNK
#: The most that S3 takes in one request.
_SINGLE_PUT_BYTES = 5 << 30

#: Bytes of a download read at a time: what a broken connection costs at most.
_READ = 1 << 16

#: Written with every object. The writer's token tells our own write, whose answer was lost, from somebody else's; the
#: checksum lets every reader check the whole content, whatever the service itself can check.
_WRITER, _SHA256 = "returnscope-writer", "returnscope-sha256"
#: The object that probes write; its name cannot be a key.
_PROBE = ".lake/conditional-writes"

#: What boto3 raises; not all of it has a common base.
_ERRORS = (boto.ClientError, boto.BotoCoreError, ResponseParserError, HTTPError)
#: Those of them that tell of the way rather than of the request.
_TRANSPORT = (boto.ConnectionError, boto.HTTPClientError, boto.IncompleteReadError, ResponseParserError, HTTPError)
_CREDENTIALS = (
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.CredentialRetrievalError,
    boto.ProfileNotFound,
    boto.SSOError,
    boto.TokenRetrievalError,
    boto.NoAuthTokenError,
)
_CREDENTIAL_CODES = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired"}
    | {"InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure"}
)
_REGION_CODES = frozenset(
    {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301"}
)
#: Answers with a status of 4xx that pass by themselves: throttling, slow or altered request bodies, lost uploads.
_TRANSIENT_CODES = frozenset(
    {"RequestTimeout", "BadDigest", "XAmzContentSHA256Mismatch", "Throttling", "ThrottlingException", "SlowDown"}
    | {"RequestLimitExceeded", "RequestThrottled", "OperationAborted", "ConditionalRequestConflict", "NoSuchUpload"}
)


class S3Lake(Lake):
    """Objects in a bucket, below a prefix. See `Lake` for the promises.

    `cache`: folder for `local_path`. `single_writer`: trust that nobody else writes, instead of demanding conditional
    writes from the service. `multipart_bytes`: size from which objects go up in parts. `timeout`: seconds without an
    answer after which a request is tried again. `attempts`: for one request, and for what we repeat ourselves.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        *,
        cache: Path,
        single_writer: bool = False,
        multipart_bytes: int = MULTIPART_BYTES,
        timeout: float = 60,
        attempts: int = ATTEMPTS,
    ) -> None:
        if prefix:
            check_key(prefix)
        if len(prefix.encode()) > MAX_PREFIX_BYTES:
            raise PermanentFailure(
                f"The lake's prefix is longer than {MAX_PREFIX_BYTES} bytes", prefix, "Let RETURNSCOPE_LAKE be shorter."
            )
        self.url = f"s3://{bucket}/{prefix}".rstrip("/")
        self._bucket = bucket
        self._base = f"{prefix}/" if prefix else ""
        self._cache = cache
        self._single_writer = single_writer
        self._multipart_bytes = multipart_bytes
        self._timeout = timeout
        self.attempts = attempts
        self._probed: dict[str, bool] = {}
        self._probing = threading.Lock()

    @cached_property
    def _client(self) -> S3Client:
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        options: dict[str, Any] = {
            "retries": {"mode": "standard", "total_max_attempts": self.attempts},
            "connect_timeout": min(10, self._timeout),
            "read_timeout": self._timeout,
            "max_pool_connections": 20,
            # We send and check SHA-256 ourselves. The default adds CRC32 as a trailer, which many services reject.
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
        }
        try:
            session = botocore.session.get_session()
            # Services of one's own rarely have a host name per bucket. Who needs one says so in the AWS config file.
            if endpoint and "addressing_style" not in session.get_scoped_config().get("s3", {}):
                options["s3"] = {"addressing_style": "path"}
            client = boto3.session.Session(botocore_session=session).client("s3", config=Config(**options))
        except boto.BotoCoreError as error:
            raise self._failure(error, "") from error
        except ValueError as error:
            raise PermanentFailure(
                "The S3 endpoint or region is not a valid one",
                "AWS_ENDPOINT_URL, AWS_DEFAULT_REGION",
                "Write the endpoint as https://host:port and the region as in us-east-1.",
            ) from error
        if "@" in client.meta.endpoint_url:
            raise PermanentFailure(
                "The S3 endpoint carries a user name or password",
                "AWS_ENDPOINT_URL",
                "Take them out: credentials go into AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
            )
        if not self._single_writer:
            # boto3's transfer manager cannot be told a condition, so every completion on this client gets it.
            client.meta.events.register("provide-client-params.s3.CompleteMultipartUpload", _complete_if_new)
        return client

    def local_path(self, key: str, version: str | None = None) -> Path:
        """A checked copy in the cache. One request if the copy is there (none if `version` is given), else two."""
        check_key(key)
        if version is None:
            info = self._stat(key)
            if info is None:
                raise self._missing(key)
            version = info.version
        name, folder = PurePosixPath(key).name, self._copies(key) / version.replace("/", "_")
        if (copy := _whole_copy(folder, name)) is not None:
            return copy
        stream, found = self._open(key)
        if found != version:
            stream.close()
            return self.local_path(key)
        with stream, _local_disk(self._cache):
            folder.mkdir(parents=True, exist_ok=True)
            temporary = folder / f".{uuid4().hex}"
            digest = hashlib.sha256()
            try:
                with temporary.open("xb") as file:
                    for chunk in iter(lambda: stream.read(CHUNK), b""):
                        digest.update(chunk)
                        file.write(chunk)
                    file.flush()
                    os.fsync(file.fileno())  # or a power cut could leave an empty file under the final name
                path = folder / digest.hexdigest() / name
                path.parent.mkdir(exist_ok=True)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
        return path

    def _copies(self, key: str) -> Path:
        """The folder in the cache that has a folder for each version of an object, and in it one for its SHA-256."""
        lake = hashlib.sha256(f"{self._client.meta.endpoint_url} {self.url}".encode()).hexdigest()[:16]
        return self._cache / lake / PurePosixPath(key).parent

    def _write(self, key: str, source: Source, expected: str | None) -> str | None:
        with _local_disk(Path(tempfile.gettempdir())), _rereadable(source) as content:
            size, digest = _measure(content)
            large = size > self._multipart_bytes
            # Without conditions there is only looking; before a long upload it saves the upload.
            if (self._single_writer or large) and self._version_of(key) != expected:
                return None
            condition = {} if self._single_writer else self._condition(expected)
            multipart = large and expected is None
            if multipart and not self._single_writer:
                multipart = self._honours("If-None-Match at multipart completion")
            if size > _SINGLE_PUT_BYTES and not multipart:
                raise PermanentFailure(
                    "The object is larger than 5 GiB, and this S3 service ignores conditions on multipart uploads",
                    self.where(key),
                    "Split the file, use a service that honours them, or see RETURNSCOPE_LAKE_SINGLE_WRITER.",
                )
            metadata = {_WRITER: uuid4().hex, _SHA256: digest.hex()}
            for attempt in range(self.attempts):
                try:
                    if multipart:
                        return self._put_in_parts(key, content, size, metadata)
                    return self._put(key, content, digest, metadata, condition)
                except _ERRORS as error:
                    status, code = _status(error)
                    # The write may have happened although we see an error: its answer was lost on the way, and the
                    # retry then met the condition that the first attempt had made untrue. Who wrote it tells.
                    if status in (None, 404, 412) or status >= 500:
                        version, writer = self._last_write(key, error)
                        if writer == metadata[_WRITER]:
                            return version
                    if status == 412 or code == "NoSuchKey":  # If-Match answers 404 where there is nothing to match
                        return None
                    if status != 409:
                        raise self._failure(error, key) from error
                    conflict = error  # two conditional writes at the same moment: AWS asks to try again
                _pause(attempt)
            raise self._failure(conflict, key) from conflict

    def _put(
        self, key: str, content: bytes | Path, digest: bytes, metadata: dict[str, str], condition: dict[str, str]
    ) -> str:
        checksum = base64.b64encode(digest).decode()
        with _stream(content) as body:
            options: dict[str, Any] = {"ChecksumSHA256": checksum, "Metadata": metadata, **condition}
            return _version(self._client.put_object(**self._at(key), Body=body, **options)["ETag"])

    def _put_in_parts(self, key: str, content: bytes | Path, size: int, metadata: dict[str, str]) -> str:
        at = self._at(key)
        # Four parts of 8 MiB are in memory at most; parts get longer only where 10,000 of them would not do.
        config = TransferConfig(multipart_threshold=1, multipart_chunksize=8 * CHUNK, max_concurrency=4)
        config.max_in_memory_upload_chunks = 4
        options = {"ChecksumAlgorithm": "SHA256", "Metadata": metadata}
        with _stream(content) as body:
            self._client.upload_fileobj(body, at["Bucket"], at["Key"], ExtraArgs=options, Config=config)
        found = self._client.head_object(**at)
        if found["ContentLength"] != size:
            raise PermanentFailure(
                f"The service stored {found['ContentLength']} of {size} bytes",
                self.where(key),
                "The service is broken: delete this object, and use another service.",
            )
        return _version(found["ETag"])

    def _condition(self, expected: str | None) -> dict[str, str]:
        """The condition of a write, after making sure that the service honours it."""
        self._demand("If-None-Match")
        if expected is None:
            return {"IfNoneMatch": "*"}
        self._demand("If-Match")
        return {"IfMatch": f'"{expected}"'}

    def _version_of(self, key: str) -> str | None:
        found = self._stat(key)
        return found.version if found else None

    def _last_write(self, key: str, error: Exception) -> tuple[str | None, str | None]:
        """Version and writer's token of what is there after a write ended in an error; (None, None): nothing is."""
        try:
            found = self._client.head_object(**self._at(key))
        except _ERRORS as second:
            if _status(second)[0] == 404:
                return None, None
            raise self._failure(error, key) from second
        return _version(found["ETag"]), found["Metadata"].get(_WRITER)

    def _open(self, key: str) -> tuple[BinaryIO, str]:
        stream = _Download(self, key, self._get(key))
        return io.BufferedReader(stream, CHUNK // 4), stream.version

    def _get(self, key: str, **more: Any) -> GetObjectOutputTypeDef:
        with self._failures(key):
            return self._client.get_object(**self._at(key), **more)

    def _stat(self, key: str) -> ObjectInfo | None:
        try:
            with self._failures(key):
                found = self._client.head_object(**self._at(key))
        except ObjectMissing:
            self._demand_bucket()
            return None
        return ObjectInfo(key, found["ContentLength"], _version(found["ETag"]))

    def _list(self, prefix: str) -> Iterator[ObjectInfo]:
        with self._failures(prefix):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._base + prefix):
                for found in page.get("Contents", ()):
                    key = found["Key"].removeprefix(self._base)
                    if is_key(key):
                        yield ObjectInfo(key, found["Size"], _version(found["ETag"]))

    def _delete(self, key: str) -> None:
        with self._failures(key):
            self._client.delete_object(**self._at(key))
        with _local_disk(self._cache):  # nobody would ever look for its copies again
            for copy in self._copies(key).glob(f"*/*/{glob.escape(PurePosixPath(key).name)}"):
                copy.unlink(missing_ok=True)

    def _at(self, key: str) -> dict[str, Any]:
        return {"Bucket": self._bucket, "Key": self._base + key}

    def _demand_bucket(self) -> None:
        """Tell a missing bucket from a missing object, which look the same when one asks for the object's head."""
        if not self._probed.get("bucket"):
            with self._failures(""):
                self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._base, MaxKeys=1)
            self._probed["bucket"] = True

    def _demand(self, condition: str) -> None:
        if not self._honours(condition):
            raise PermanentFailure(
                f"This S3 service ignores {condition}: two writers could both win, and one would overwrite the other",
                f"{self.url} at {self._client.meta.endpoint_url}",
                "Use a service with conditional writes. If you make sure that never two processes write to this lake "
                "at once, set RETURNSCOPE_LAKE_SINGLE_WRITER=1.",
            )

    def _honours(self, condition: str) -> bool:
        """Whether the service refuses a write whose condition does not hold. Found out by trying, once per lake."""
        with self._probing:
            if condition not in self._probed:
                self._probed[condition] = self._probe(condition)
                log.debug("%s honours %s: %s", self.url, condition, self._probed[condition])
            return self._probed[condition]

    def _probe(self, condition: str) -> bool:
        at = self._at(_PROBE)
        upload: dict[str, Any] = {}
        try:
            with self._failures(_PROBE):
                if condition == "If-Match":
                    self._client.put_object(**at, Body=b"probe", IfMatch=f'"{"0" * 32}"')
                elif condition == "If-None-Match":
                    self._client.put_object(**at, Body=b"probe", IfNoneMatch="*")  # the first one ever may create it
                    self._client.put_object(**at, Body=b"probe", IfNoneMatch="*")
                else:
                    upload = {**at, "UploadId": self._client.create_multipart_upload(**at)["UploadId"]}
                    part = self._client.upload_part(**upload, PartNumber=1, Body=b"probe")
                    upload["MultipartUpload"] = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
                    self._client.complete_multipart_upload(**upload)
                    upload = {}
            return False
        except ReturnscopeError as failure:
            status, code = _status(failure.__cause__)
            if status in (409, 412) or code == "NoSuchKey":
                return True
            if status == 501 or code in ("InvalidArgument", "InvalidRequest"):  # it does not know such conditions
                return False
            raise
        finally:
            if upload:
                with suppress(*_ERRORS):  # some services have dropped it already
                    self._client.abort_multipart_upload(**at, UploadId=upload["UploadId"])

    @contextmanager
    def _failures(self, key: str) -> Iterator[None]:
        try:
            yield
        except _ERRORS as error:
            raise self._failure(error, key) from error

    def _failure(self, error: Exception, key: str) -> ReturnscopeError:
        """What an error of boto3 means. Its own text is left out: it can carry addresses and ids."""
        where = self.where(key) if key else self.url
        status, code = _status(error)
        told = f"{code}, HTTP {status}" if status else type(error).__name__
        if code == "NoSuchBucket":
            return PermanentFailure(
                "The bucket does not exist", where, "Create it, or correct RETURNSCOPE_LAKE and AWS_ENDPOINT_URL."
            )
        if code in ("404", "NoSuchKey"):
            return self._missing(key)
        if isinstance(error, _CREDENTIALS) or code in _CREDENTIAL_CODES or status == 401:
            return PermanentFailure(
                f"S3 credentials are missing, expired or not accepted ({told})",
                where,
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), or AWS_PROFILE.",
            )
        if code == "RequestTimeTooSkewed":
            return PermanentFailure(
                f"This machine's clock is wrong ({told})", where, "Set the clock (NTP), then run again."
            )
        if code in _REGION_CODES:
            return PermanentFailure(
                f"The bucket is in another region ({told})", where, "Set AWS_DEFAULT_REGION to the bucket's region."
            )
        if status == 403:
            return PermanentFailure(
                f"S3 refuses access ({told})",
                where,
                "Grant s3:ListBucket on the bucket and s3:GetObject, s3:PutObject, s3:DeleteObject and "
                "s3:AbortMultipartUpload below the prefix; deploy/s3_policy.json is the policy.",
            )
        if isinstance(error, boto.SSLError):
            return PermanentFailure(
                "The S3 endpoint's TLS certificate is not accepted",
                where,
                "Let AWS_CA_BUNDLE name the certificate authority's file, or correct AWS_ENDPOINT_URL.",
            )
        if status is None or code in _TRANSIENT_CODES or classify_http_status(status) is TransientFailure:
            if status is None and not isinstance(error, _TRANSPORT):
                return PermanentFailure(f"boto3 refuses the request ({told})", where, "Check the AWS variables.")
            return TransientFailure(
                f"S3 did not answer well, asked up to {self.attempts} times ({told})",
                where,
                "Run again later. If it stays so, check AWS_ENDPOINT_URL, the network and the service.",
            )
        return PermanentFailure(f"S3 refuses the request ({told})", where, "Look the code up in the service's manual.")


class _Download(io.RawIOBase):
    """One object's content, read forwards; takes up again where a connection broke, and checks the whole at its end."""

    def __init__(self, lake: S3Lake, key: str, answer: GetObjectOutputTypeDef) -> None:
        self._lake, self._key = lake, key
        self.version = _version(answer["ETag"])
        self._body = answer["Body"]
        self._size = answer["ContentLength"]
        self._expected = answer["Metadata"].get(_SHA256)
        self._digest = hashlib.sha256()
        self._position = 0
        self._failed = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        data = b""
        while not data and self._position < self._size:
            broken: Exception | None = None
            try:
                data = self._body.read(min(len(view), _READ, self._size - self._position))
            except (*_TRANSPORT, OSError) as error:
                broken = error
            if not data:
                self._resume(broken)
        self._failed = 0
        view[: len(data)] = data
        self._position += len(data)
        self._digest.update(data)
        if self._position == self._size and self._expected not in (None, self._digest.hexdigest()):
            raise TransientFailure(
                "The bytes that arrived are not those that were written (SHA-256 differs)",
                self._lake.where(self._key),
                "Run again. If it stays so, the object is damaged in the store: restore it from a backup, or delete it "
                "and deliver the file again.",
            )
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._body.close()
        super().close()

    def _resume(self, broken: Exception | None) -> None:
        self._body.close()
        where = self._lake.where(self._key)
        self._failed += 1
        if self._failed >= self._lake.attempts:
            raise TransientFailure(
                f"The download broke {self._failed} times at byte {self._position} of {self._size}",
                where,
                "Run again later. If it stays so, check the network and the service.",
            ) from broken
        log.warning("Download of %s broke at byte %d of %d: taking it up again", where, self._position, self._size)
        _pause(self._failed - 1)
        try:
            answer = self._lake._get(self._key, Range=f"bytes={self._position}-", IfMatch=f'"{self.version}"')
        except ReturnscopeError as failure:
            if _status(failure.__cause__)[0] != 412:
                raise
            raise TransientFailure("The object was replaced while it was read", where, "Run again.") from failure
        if not answer.get("ContentRange", "").startswith(f"bytes {self._position}-"):
            raise PermanentFailure("The S3 service ignores Range", where, "Use a service that reads from a given byte.")
        self._body = answer["Body"]


@contextmanager
def _local_disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PermanentFailure(
            f"This machine's disk refused: {error.strerror or type(error).__name__}",
            str(error.filename or folder),
            "Free some space or correct the rights, then run again. Copies in the cache may be deleted at any time.",
        ) from error


def _whole_copy(folder: Path, name: str) -> Path | None:
    """The copy of this version, unless the disk has altered it: then it is removed, or a night would count less."""
    with _local_disk(folder):
        for own in folder.iterdir() if folder.is_dir() else ():
            path = own / name
            if not path.is_file():  # a download that was killed
                continue
            if _measure(path)[1].hex() == own.name:
                return path
            log.warning("%s is damaged and is fetched again", path)
            path.unlink(missing_ok=True)
    return None


@contextmanager
def _rereadable(source: Source) -> Iterator[bytes | Path]:
    """The source in a form that can be read more than once: a stream goes through a temporary file."""
    if isinstance(source, bytes | Path):
        yield source
        return
    with tempfile.NamedTemporaryFile(prefix="returnscope-") as spool:
        for chunk in chunks(source):
            spool.write(chunk)
        spool.flush()
        yield Path(spool.name)


def _measure(content: bytes | Path) -> tuple[int, bytes]:
    size, digest = 0, hashlib.sha256()
    for chunk in chunks(content):
        size += len(chunk)
        digest.update(chunk)
    return size, digest.digest()


def _stream(content: bytes | Path) -> BinaryIO:
    return io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")


def _complete_if_new(params: dict[str, Any], **_: Any) -> None:
    params["IfNoneMatch"] = "*"


def _version(etag: str) -> str:
    return etag.strip('"')


def _status(error: BaseException | None) -> tuple[int | None, str]:
    """HTTP status and code of an answer from S3; None where there was none."""
    if not isinstance(error, boto.ClientError):
        return None, ""
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode"), error.response["Error"].get("Code", "")


def _pause(attempt: int) -> None:
    """Wait before attempt + 1: twice as long each time, and never in step with other writers."""
    time.sleep(random.uniform(0, min(20, 0.5 * 2**attempt)))  # noqa: S311
