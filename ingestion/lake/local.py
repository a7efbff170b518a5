"""A lake in a local folder: one file per object, the key as its path.

Belongs here: what makes plain files behave like an object store (atomic, durable, first writer wins). Does not belong:
anything about what the files hold.

The lake keeps its own working files in `.lake/` inside the folder; everything else in it is objects. POSIX only; the
whole folder must lie on one file system that knows hard links.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from ingestion.failures import PermanentFailure, TransientFailure
from ingestion.lake.interface import Lake, ObjectInfo, Source, check_key, chunks, is_key

log = logging.getLogger(__name__)

#: A temporary file that nobody has written to for this long belongs to a process that was killed.
_ABANDONED_SECONDS = 24 * 3600
#: A swap holds the lock for milliseconds; who waits this long waits for a stopped process.
_LOCK_SECONDS = 30.0
#: Errors that may pass: network file systems that blink, too many open files, short of memory.
_TRANSIENT = frozenset(
    {errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EBUSY, errno.EINTR, errno.EMFILE, errno.ENFILE}
    | {errno.ENOMEM}
)
#: Answers to a hard link where a copy will do: another file system, one without links, no more links to a file.
_NO_LINKS = frozenset({errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK})
_REMEDIES = {
    errno.ENOSPC: "Free some space, then run again; nothing half-written is visible.",
    errno.EDQUOT: "Raise the quota or free some space, then run again; nothing half-written is visible.",
    errno.EROFS: "Mount the file system for writing, or let RETURNSCOPE_LAKE name another folder.",
    errno.EACCES: "Give this user the rights to the folder, or let RETURNSCOPE_LAKE name another one.",
    errno.EPERM: "Give this user the rights to the folder, and use a file system that knows hard links.",
    errno.EXDEV: "Keep the whole lake on one file system: no links or mounts inside it.",
    errno.ENOTDIR: "A name in this path is a file and would have to be a folder, or the other way round: rename one.",
}


class LocalLake(Lake):
    """Objects as files below `root`, which is made by the first write. See `Lake` for the promises."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self.url = str(self._root)
        self._working = self._root / ".lake"
        #: folders that this process has synced, with those above them up to the root
        self._durable: set[Path] = set()
        self._tidied = False

    def local_path(self, key: str, version: str | None = None) -> Path:  # noqa: ARG002
        """The object's own file."""
        if self.stat(key) is None:
            raise self._missing(key)
        return self._root / key

    def put_own(self, key: str, path: Path) -> bool:
        """The object is a second name of the file where both lie on one file system, else a copy."""
        target = self._root / check_key(key)
        with self._failures(key):
            if not self._has_room(key):
                return False
            try:
                with path.open("rb") as file:
                    _finish(file)
                version = self._commit_new(path, target)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
            else:
                _sync_folder(target.parent)
                return version is not None
        return self.put_new(key, path)

    def _write(self, key: str, source: Source, expected: str | None) -> str | None:
        path = self._root / key
        with self._failures(key):
            if not self._has_room(key) and expected is None:
                return None
            temporary = self._temporary_folder() / uuid4().hex
            try:
                with temporary.open("xb") as file:
                    for chunk in chunks(source):
                        file.write(chunk)
                    file.flush()
                    _finish(file)
                # Content is on disk before a name leads to it, and the name is before anybody is told: a power cut
                # leaves the object whole or absent, and never takes back one that was reported as written.
                version = (
                    self._commit_new(temporary, path) if expected is None else self._swap(temporary, path, expected)
                )
                _sync_folder(path.parent)
                return version
            finally:
                temporary.unlink(missing_ok=True)

    def _has_room(self, key: str) -> bool:
        """Whether the key has no object yet. Its folder is there and durable, or is made so."""
        folder = (self._root / key).parent
        if self._stat(key) is not None:
            self._make_durable(folder)  # "it was there before" must be true after a power cut, too
            return False
        self._make_folder(folder)
        self._make_durable(folder)
        return True

    def _commit_new(self, temporary: Path, path: Path) -> str | None:
        try:
            os.link(temporary, path)  # the one call that both publishes the content and refuses an existing name
        except FileExistsError:
            if path.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)) from None
            if not path.samefile(temporary):  # on NFS the answer to our own link can get lost, and be asked for again
                return None
        return _version(temporary.stat())

    def _swap(self, temporary: Path, path: Path, expected: str) -> str | None:
        with self._locked():
            try:
                before = path.stat()
            except FileNotFoundError:
                return None
            if _version(before) != expected:
                return None
            # Versions are told apart by their time: let it go forward even when the clock does not.
            now = max(time.time_ns(), before.st_mtime_ns + 1)
            os.utime(temporary, ns=(now, now))
            version = _version(temporary.stat())
            temporary.replace(path)
            return version

    def _open(self, key: str) -> tuple[BinaryIO, str]:
        with self._failures(key):
            try:
                file = (self._root / key).open("rb")
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                raise self._missing(key) from None
            return file, _version(os.fstat(file.fileno()))

    def _stat(self, key: str) -> ObjectInfo | None:
        with self._failures(key):
            path = self._root / key
            try:
                found = path.stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
            return None if path.is_dir() else ObjectInfo(key, found.st_size, _version(found))

    def _list(self, prefix: str) -> Iterator[ObjectInfo]:
        with self._failures(prefix):
            yield from self._walk(prefix.rpartition("/")[0], prefix)

    def _walk(self, folder: str, prefix: str) -> Iterator[ObjectInfo]:
        try:
            with os.scandir(self._root / folder) as found:
                # A folder sorts as its keys do, with the slash: "a.b" comes before "a/b".
                entries = {entry.name + "/" * entry.is_dir(follow_symlinks=False): entry for entry in found}
        except (FileNotFoundError, NotADirectoryError):
            return
        for name, entry in sorted(entries.items()):
            key = f"{folder}/{name}" if folder else name
            if name.endswith("/"):
                if not name.startswith(".") and (key.startswith(prefix) or prefix.startswith(key)):
                    yield from self._walk(key.removesuffix("/"), prefix)
            elif key.startswith(prefix) and is_key(key) and entry.is_file(follow_symlinks=False):
                try:
                    seen = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue  # deleted while we listed
                yield ObjectInfo(key, seen.st_size, _version(seen))

    def _delete(self, key: str) -> None:
        path = self._root / key
        with self._failures(key):
            try:
                path.unlink()
            except (FileNotFoundError, NotADirectoryError):
                return
            _sync_folder(path.parent)

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            self._make_folder(folder.parent)
            try:
                folder.mkdir(exist_ok=True)
            except FileExistsError as error:
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from error
            _sync_folder(folder.parent)

    def _make_durable(self, folder: Path) -> None:
        """Sync every folder from the root down to this one, once per process.

        Also those found existing: another process may have made them a moment ago and not synced them yet.
        """
        if folder not in self._durable:
            depth = len(folder.relative_to(self._root).parts)
            for parent in (folder, *folder.parents[:depth]):
                _sync_folder(parent)
            self._durable.add(folder)

    def _temporary_folder(self) -> Path:
        folder = self._working / "tmp"
        self._make_folder(folder)
        if not self._tidied:
            self._tidied = True
            for left in folder.iterdir():
                try:
                    if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
                        left.unlink()
                        log.info("Removed %s, left over by a process that was killed", left)
                except OSError as error:  # another process removed it, or it is another user's
                    log.debug("Left %s alone: %s", left, error)
        return folder

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One swap at a time in the whole lake, between processes and threads; a killed holder lets go by itself."""
        with (self._working / "lock").open("ab") as file:
            deadline = time.monotonic() + _LOCK_SECONDS
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise TransientFailure(
                            f"Another process has held the lake's lock for {_LOCK_SECONDS:.0f} seconds",
                            file.name,
                            "See which process it is (fuser or lsof on that file), end it, and run again.",
                        ) from None
                    time.sleep(0.01)
            yield

    @contextmanager
    def _failures(self, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            kind = TransientFailure if error.errno in _TRANSIENT else PermanentFailure
            remedy = _REMEDIES.get(error.errno or 0, "Check the disk and the folder's rights, then run again.")
            raise kind(
                f"The lake's folder refused: {error.strerror or type(error).__name__}", self.where(key), remedy
            ) from error


def _version(found: os.stat_result) -> str:
    return f"{found.st_mtime_ns:x}-{found.st_ino:x}-{found.st_size:x}"


def _finish(file: BinaryIO) -> None:
    """Write-protect a file and have its content on the disk."""
    os.fchmod(file.fileno(), 0o444)  # nobody should edit an object in place
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems sync folders by themselves
            raise
    finally:
        os.close(descriptor)
