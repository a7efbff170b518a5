"""What every lake promises, whatever it is built on: keys, objects, and the operations on them.

Belongs here: the interface, the rules for keys, and what both backends share. Does not belong: anything that knows of
folders or of S3.
"""

from __future__ import annotations

import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ingestion.failures import PermanentFailure, TransientFailure

#: What can be stored: bytes, the file at a path, or a binary stream from where it stands to its end.
Source = bytes | Path | BinaryIO

#: Bytes read or written at a time: memory stays this small whatever an object's size.
CHUNK = 1 << 20
#: S3 allows a key of 1,024 bytes (UTF-8); a lake's prefix may take up to 200 of them.
MAX_KEY_BYTES = 800
MAX_PREFIX_BYTES = 200
#: The longest file name that common file systems take.
MAX_SEGMENT_BYTES = 255


class ObjectMissing(PermanentFailure):
    """No object has this key."""


class VersionConflict(TransientFailure):
    """The object changed after it was read: read it again, decide again, and only then write again."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object's key, its size in bytes, and a token that changes whenever its content is replaced."""

    key: str
    size: int
    version: str


class Lake(ABC):
    """Whole, immutable objects under posix-like keys such as `landing/fba_returns/acme/delivered=2026-01-31/4f….tsv`.

    An object becomes visible whole or not at all, and once a write has returned it survives a power cut. Every method
    raises PermanentFailure or TransientFailure and nothing else; a key against the rules of `check_key` is permanent,
    and so is ObjectMissing. One instance may be used by several threads.

    A key must not at the same time be the folder of another (`a` and `a/b`): a local lake refuses it.
    """

    #: The lake's own address, for people: a path or `s3://bucket/prefix`.
    url: str

    def put_new(self, key: str, source: Source) -> bool:
        """Store an object under a key that nobody has used. True: this call created it; False: it was there before.

        Of any number of writers exactly one gets True. False leaves the object as it is, whether or not the contents
        are equal, and may leave the source unread.
        """
        return self._write(check_key(key), source, expected=None) is not None

    def put_own(self, key: str, path: Path) -> bool:
        """As `put_new`, for a file that the caller has made for it: the lake may keep this very file, uncopied.

        Nobody may write to the file any more, whatever the outcome; removing it is as well as leaving it.
        """
        return self.put_new(key, path)

    def replace(self, key: str, data: bytes, expected: str | None) -> str:
        """Swap a small mutable object (such as a release pointer) if it still has the expected version.

        `expected` is the version that `get_versioned` or `stat` gave, or None when the object must not exist yet.
        Returns the new version. Raises VersionConflict, and changes nothing, when somebody else was faster.
        """
        version = self._write(check_key(key), data, expected)
        if version is None:
            raise VersionConflict(
                "The object was changed by another writer",
                self.where(key),
                "Run again: the work is then done on top of the other writer's.",
            )
        return version

    def get(self, key: str) -> bytes:
        """The whole content. Raises ObjectMissing."""
        return self.get_versioned(key)[0]

    def get_versioned(self, key: str) -> tuple[bytes, str]:
        """The whole content and the version it belongs to, for `replace`. Raises ObjectMissing."""
        stream, version = self._open(check_key(key))
        with stream:
            return b"".join(iter(lambda: stream.read(CHUNK), b"")), version

    def open(self, key: str) -> BinaryIO:
        """The content as a stream in bounded memory, read forwards (seekable only in a local lake).

        Broken connections are mended unseen. Reading raises TransientFailure when content was lost or altered on the
        way, at the latest with the last byte, so act on nothing before the end is reached. (A local disk that cannot
        be read raises OSError, as any file.) Raises ObjectMissing.
        """
        return self._open(check_key(key))[0]

    @abstractmethod
    def local_path(self, key: str, version: str | None = None) -> Path:
        """A local file with the content, to be read only: the object's own file, or a checked copy in the cache.

        `version`, where known from `list` or `stat`, saves a request when the copy is there already. Raises
        ObjectMissing.
        """

    def exists(self, key: str) -> bool:
        """Whether the key has an object."""
        return self.stat(key) is not None

    def stat(self, key: str) -> ObjectInfo | None:
        """Size and version, or None when the key has no object."""
        return self._stat(check_key(key))

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """All objects whose key begins with this text, in the order of their keys (by code point).

        Names that cannot be keys, such as an editor's hidden files, are passed over.
        """
        if prefix:
            check_key(prefix.removesuffix("/"))
        return self._list(prefix)

    def delete(self, key: str) -> None:
        """Remove an object that can be made again (a cache, never a delivery). A missing one is no failure."""
        self._delete(check_key(key))

    def where(self, key: str) -> str:
        """A key's full address, for messages."""
        return f"{self.url}/{key}"

    @abstractmethod
    def _write(self, key: str, source: Source, expected: str | None) -> str | None:
        """Write if the object's version is the expected one (None: it has none). The new version; None: it was not."""

    @abstractmethod
    def _open(self, key: str) -> tuple[BinaryIO, str]: ...

    @abstractmethod
    def _stat(self, key: str) -> ObjectInfo | None: ...

    @abstractmethod
    def _list(self, prefix: str) -> Iterator[ObjectInfo]: ...

    @abstractmethod
    def _delete(self, key: str) -> None: ...

    def _missing(self, key: str) -> ObjectMissing:
        return ObjectMissing(
            "The lake has no such object",
            self.where(key),
            "Check that RETURNSCOPE_LAKE names the right lake. If it does, the object was removed from outside: "
            "restore it from a backup.",
        )


def check_key(key: str) -> str:
    """The key itself, if it follows the rules that hold on every backend.

    Relative segments joined by `/`, in composed Unicode (NFC): none empty, none beginning with a dot (which rules out
    `..` and leaves hidden names to the backends), no backslash, no control characters, at most 255 bytes a segment and
    800 bytes in all. Raises PermanentFailure that names the broken rule.
    """
    if fault := _key_fault(key):
        shown = ascii(key)
        raise PermanentFailure(
            f"Not a key: {fault}",
            shown if len(shown) <= 120 else f"{shown[:117]}...",
            "Build keys from ids, dates and plain names only.",
        )
    return key


def is_key(key: str) -> bool:
    """Whether a name found in the store follows the rules of `check_key`."""
    return _key_fault(key) is None


def _key_fault(key: str) -> str | None:
    try:
        encoded = key.encode()
    except UnicodeEncodeError:
        return "it cannot be written as UTF-8"
    if not key:
        return "it is empty"
    if "\\" in key or any(unicodedata.category(letter) == "Cc" for letter in key):
        return "it has a backslash or a control character"
    if not unicodedata.is_normalized("NFC", key):
        return "it is not in composed Unicode form (NFC)"
    if len(encoded) > MAX_KEY_BYTES:
        return f"it is longer than {MAX_KEY_BYTES} bytes"
    for segment in key.split("/"):
        if not segment:
            return "it begins or ends with a slash, or has two in a row"
        if segment.startswith("."):
            return "a segment begins with a dot"
        if len(segment.encode()) > MAX_SEGMENT_BYTES:
            return f"a segment is longer than {MAX_SEGMENT_BYTES} bytes"
    return None


def chunks(source: Source) -> Iterator[bytes]:
    """The source's bytes in pieces of at most CHUNK; bytes come as one. Raises PermanentFailure if unreadable."""
    if isinstance(source, bytes):
        yield source
        return
    try:
        if isinstance(source, Path):
            with source.open("rb") as file:
                yield from iter(lambda: file.read(CHUNK), b"")
        else:
            yield from iter(lambda: source.read(CHUNK), b"")
    except OSError as error:
        raise PermanentFailure(
            f"The source cannot be read: {error.strerror or type(error).__name__}",
            str(source) if isinstance(source, Path) else "a stream",
            "Check that the file is there and readable, then run again; nothing was stored.",
        ) from error
