"""From a file to its unpacked bytes: gzip or plain by magic bytes, with limits against decompression bombs.

Belongs here: containers. Does not belong: charsets and lines (`text.py`), formats.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

from data_contracts.settings import Limits
from ingestion.decode.unusable import unusable

GZIP = b"\x1f\x8b"
_READ = 1 << 20
_UNPACK = 4 << 20

#: other containers and documents that people hand in by mistake, by their first bytes
_FOREIGN = {
    b"PK\x03\x04": ("a zip archive or an Excel workbook", "Unpack it, or save the sheet as CSV or text"),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", "Save the sheet as CSV or text"),
    b"%PDF": ("a PDF document", "Download the report as text or CSV"),
    b"BZh": ("packed with bzip2", "Unpack it or pack it with gzip"),
    b"\xfd7zXZ": ("packed with xz", "Unpack it or pack it with gzip"),
    b"\x28\xb5\x2f\xfd": ("packed with zstd", "Unpack it or pack it with gzip"),
    b"7z\xbc\xaf": ("a 7-Zip archive", "Unpack it"),
    b"PAR1": ("a parquet file", "Export the report as text or CSV"),
    b"SQLite": ("an SQLite database", "Export the report as text or CSV"),
}


def is_gzip(path: Path) -> bool:
    """Whether the file begins as a gzip file."""
    with path.open("rb") as file:
        return file.read(2) == GZIP


def unpacked(path: Path, name: str, limits: Limits) -> Iterator[bytes]:
    """The file's bytes, unpacked where it is gzip, in pieces of at most a few MB.

    Raises UnusableFile for a foreign container, a broken or cut-off gzip file, or one that unpacks beyond the limits.
    """
    with path.open("rb") as file:
        head = file.read(8)
        file.seek(0)
        _check_foreign(head, name)
        pieces = iter(lambda: file.read(_READ), b"")
        yield from _inflated(pieces, name, limits) if head.startswith(GZIP) else pieces


def _inflated(pieces: Iterator[bytes], name: str, limits: Limits) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(wbits=31)
    read = written = 0
    try:
        for piece in pieces:
            read += len(piece)
            data = piece
            while data:
                if unpacker.eof:  # another member, or zeros to the end of a tape block
                    if not data.strip(b"\0"):
                        break
                    unpacker = zlib.decompressobj(wbits=31)
                out = unpacker.decompress(data, _UNPACK)
                data = unpacker.unconsumed_tail or unpacker.unused_data
                written += len(out)
                _check_size(read, written, name, limits)
                if out:
                    if written == len(out):
                        _check_packed(out, name)
                    yield out
            while out := unpacker.decompress(b"", _UNPACK) if not unpacker.eof else b"":
                written += len(out)
                _check_size(read, written, name, limits)
                yield out
    except zlib.error as error:
        raise unusable(
            f"The gzip file is damaged after {written:,} unpacked bytes: {error}", name, None, "Download it again."
        ) from error
    if not unpacker.eof:
        raise unusable(
            f"The gzip file is cut off after {written:,} unpacked bytes", name, None, "Download it again, to its end."
        )


def _check_foreign(head: bytes, name: str) -> None:
    for magic, (what, remedy) in _FOREIGN.items():
        if head.startswith(magic):
            raise unusable(f"The file is {what}, not a report", name, None, f"{remedy}, then deliver it again.")


def _check_packed(head: bytes, name: str) -> None:
    """What a gzip file may not begin with once it is unpacked."""
    if head.startswith(GZIP):
        raise unusable("The file is packed twice", name, None, "Unpack it once, then deliver it again.")
    _check_foreign(head, name)


def _check_size(read: int, written: int, name: str, limits: Limits) -> None:
    if written > limits.max_unpacked_bytes:
        raise unusable(
            f"The gzip file unpacks to more than {limits.max_unpacked_bytes:,} bytes",
            name,
            None,
            "If it is a real report, raise max_unpacked_bytes under [limits] in the configuration.",
        )
    if written > limits.ratio_counts_from_bytes and written > read * limits.max_unpack_ratio:
        raise unusable(
            f"The gzip file unpacks to more than {limits.max_unpack_ratio} times its size, as decompression bombs do",
            name,
            None,
            "If it is a real report, raise max_unpack_ratio under [limits] in the configuration.",
        )
