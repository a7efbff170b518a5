"""From bytes to lines of UTF-8: charsets, byte order marks, line ends, and the marks of what is no text at all.

Belongs here: which charset to try, and cutting a stream into blocks of whole lines. Does not belong: what a line holds.
"""

from __future__ import annotations

import codecs
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from data_contracts.settings import Limits
from ingestion.decode.container import unpacked
from ingestion.decode.unusable import WrongCharset, unusable

log = logging.getLogger(__name__)

UTF8 = "utf-8"
_MARKS = ((codecs.BOM_UTF8, UTF8), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
#: what names in a Content-Type mean in truth: Latin 1 is sent for Windows text, Shift_JIS for Microsoft's larger set
_MEANT = {
    "iso8859-1": "cp1252",
    "latin-1": "cp1252",
    "ascii": UTF8,
    "utf_8": UTF8,
    "utf-8-sig": UTF8,
    "utf8": UTF8,
    "shift_jis": "cp932",
    "windows-31j": "cp932",
    "ms932": "cp932",
}
#: lines looked at for a header, and bytes read for it
HEAD_BYTES = 256 << 10


def codec_of(charset: str) -> str | None:
    """The Python codec for a declared charset; None, with a warning, for an unknown one."""
    wanted = charset.strip().strip('"').lower()
    if wanted in _MEANT:
        return _MEANT[wanted]
    try:
        codec = codecs.lookup(wanted).name
    except LookupError:
        log.warning("unknown charset %r is ignored", charset)
        return None
    return _MEANT.get(codec, codec)


def candidates(declared: str | None, fallbacks: Iterable[str]) -> list[str]:
    """Codecs to try in order: the declared one, UTF-8, then the fallbacks."""
    wanted = [codec_of(declared)] if declared else []
    return list(dict.fromkeys(codec for codec in (*wanted, UTF8, *fallbacks) if codec))


@dataclass(frozen=True)
class TextBlock:
    """Whole lines of a file as UTF-8. Only the last block may end without a line end.

    first_line: number of its first line, 1-based. newlines: positions of its line feeds.
    """

    text: bytes
    first_line: int
    newlines: np.ndarray
    is_last: bool

    @cached_property
    def line_count(self) -> int:
        """Lines in the block, one that is cut off included."""
        return len(self.newlines) + (bool(self.text) and not self.text.endswith(b"\n"))


class TextFile:
    """A file read as text in one charset; every walk over it gives the same blocks.

    Raises UnusableFile for what is no text, WrongCharset when the charset does not fit.
    """

    def __init__(self, path: Path, name: str, charset: str, limits: Limits) -> None:
        self.path = path
        self.name = name
        self.limits = limits
        start = self._start()
        self.mark = next((mark for mark, _ in _MARKS if start.startswith(mark)), b"")
        #: the codec in use; a byte order mark overrules what was declared
        self.charset = next((codec for mark, codec in _MARKS if start.startswith(mark)), charset)
        if not start[len(self.mark) :].strip(b" \t\r\n\x00"):
            self._check_not_empty()
        sample = self._decode(start[len(self.mark) :], 1, is_final=False)
        #: how letters are written that the charset lacks; text that was read from it has none of them
        self.unencodable = "strict"
        #: line end of a file from the time when a lone carriage return was one, else a line feed
        self.newline = "\r" if "\r" in sample and "\n" not in sample else "\n"
        #: how the lines of the file end, for writing it again
        first_feed = sample.find("\n")
        self.line_end = "\r\n" if first_feed > 0 and sample[first_feed - 1] == "\r" else self.newline

    def encode(self, text: bytes) -> bytes:
        """UTF-8 text in the file's own charset and line ends."""
        if self.newline == "\r":
            text = text.replace(b"\n", b"\r")
        return text if self.charset == UTF8 else text.decode().encode(self.charset, self.unencodable)

    def head(self) -> str:
        """The first lines, as far as some hundred kB go."""
        for block in self.blocks(HEAD_BYTES):
            return block.text.decode()
        return ""

    def blocks(self, block_bytes: int | None = None) -> Iterator[TextBlock]:
        """The file in blocks of at least this size, cut at line ends."""
        size = block_bytes or self.limits.block_bytes
        line = 1
        seen_multibyte = False
        for raw, is_last in self._raw_blocks(size):
            text = self._utf8(raw, line, is_last, seen_multibyte)
            seen_multibyte = seen_multibyte or not text.isascii()
            newlines = np.flatnonzero(np.frombuffer(text, np.uint8) == 10)
            self._check(text, newlines, line)
            block = TextBlock(text, line, newlines, is_last)
            yield block
            line += block.line_count

    def _start(self) -> bytes:
        """The first bytes, for byte order mark and line ends."""
        found = b""
        for piece in unpacked(self.path, self.name, self.limits):
            found += piece
            if len(found) >= HEAD_BYTES:
                break
        return found

    def _check_not_empty(self) -> None:
        """Blank beginnings: fine when something follows."""
        for number, piece in enumerate(unpacked(self.path, self.name, self.limits)):
            if (piece[len(self.mark) :] if number == 0 else piece).strip(b" \t\r\n\x00"):
                return
        raise unusable(
            "The file is empty",
            self.name,
            None,
            "A report without rows still has a header line; download it again. "
            "Where the source says that there is nothing, record the pull as cancelled instead.",
        )

    def _raw_blocks(self, size: int) -> Iterator[tuple[bytes, bool]]:
        """Raw bytes in blocks that end at line ends, and whether it is the last one."""
        feed = b"\r" if self.newline == "\r" else b"\n"
        pending: list[bytes] = []
        pending_size = 0
        ready: bytes | None = None
        for piece in self._pieces():
            pending.append(piece)
            pending_size += len(piece)
            if pending_size < size:
                continue
            if feed not in piece:
                pending = [b"".join(pending)]
            last = pending.pop()
            cut = last.rfind(feed) + 1
            if cut == 0 and pending_size <= self.limits.max_line_bytes:
                pending.append(last)
                continue
            if cut == 0:
                cut = len(last)  # one line beyond all limits: `_check` refuses it, naming the line
            if ready is not None:
                yield ready, False
            ready = b"".join([*pending, memoryview(last)[:cut]])
            pending, pending_size = [last[cut:]], len(last) - cut
        rest = b"".join(pending)
        if ready is not None:
            yield ready, not rest
        if rest:
            yield rest, True

    def _pieces(self) -> Iterator[bytes]:
        """Unpacked bytes behind the byte order mark; UTF-16, whose line feeds have two bytes, already as UTF-8."""
        skip = len(self.mark)
        decoder = codecs.getincrementaldecoder(self.charset)() if self.charset.startswith("utf-16") else None
        for piece in unpacked(self.path, self.name, self.limits):
            behind = piece[skip:]
            skip = max(0, skip - len(piece))
            if decoder is None:
                yield behind
                continue
            try:
                yield decoder.decode(behind).encode()
            except UnicodeDecodeError as error:
                raise unusable(
                    f"The file begins as {self.charset} but is not: {error.reason}",
                    self.name,
                    None,
                    "Download it again.",
                ) from error
        if decoder is not None and decoder.getstate()[0]:
            raise unusable("The file ends in the middle of a character", self.name, None, "Download it again.")

    def _utf8(self, raw: bytes, line: int, is_last: bool, seen_multibyte: bool) -> bytes:
        if self.charset.startswith("utf-16"):
            text = raw
        elif self.charset == UTF8:
            try:
                if not raw.isascii():
                    raw.decode(UTF8)
            except UnicodeDecodeError as error:
                is_cut = is_last and error.reason == "unexpected end of data" and error.end == len(raw)
                if is_cut and (seen_multibyte or not raw[: error.start].isascii()):
                    raise unusable(
                        "The file is cut off in the middle of a character",
                        self.name,
                        line + raw.count(b"\n"),
                        "Download it again, to its end.",
                    ) from error
                raise WrongCharset(self.charset, line + raw.count(b"\n", 0, error.start)) from error
            text = raw
        else:
            text = self._decode(raw, line, is_final=True).encode()
        return text.replace(b"\r", b"\n") if self.newline == "\r" else text

    def _decode(self, raw: bytes, line: int, *, is_final: bool) -> str:
        """Text of raw bytes; without `is_final` a character may be cut off at the end."""
        try:
            return codecs.getincrementaldecoder(self.charset)().decode(raw, is_final)
        except UnicodeDecodeError as error:
            raise WrongCharset(self.charset, line + raw.count(b"\n", 0, error.start)) from error

    def _check(self, text: bytes, newlines: np.ndarray, line: int) -> None:
        """Refuse what no report has: NUL bytes, and lines of megabytes."""
        if (at := text.find(b"\0")) >= 0:
            raise unusable(
                "The file holds NUL bytes, so it is binary data or damaged",
                self.name,
                line + int(np.searchsorted(newlines, at)),
                "Download the report again, as text.",
            )
        longest = np.diff(newlines, prepend=-1, append=len(text))
        if longest.max(initial=0) > self.limits.max_line_bytes:
            raise unusable(
                f"A line is longer than {self.limits.max_line_bytes:,} bytes",
                self.name,
                line + int(longest.argmax()),
                "Look whether the file has lost its line ends. If it is a real report, raise max_line_bytes under "
                "[limits] in the configuration.",
            )
