"""The lake: where bytes are kept, in a local folder or an S3 bucket, through one interface.

Belongs here: keeping and finding objects by key, safely against crashes, second writers and bad networks. Does not
belong: what keys or contents mean (deliveries, bronze, releases), which is for the parts that use the lake.
"""

from __future__ import annotations

import os
from pathlib import Path

from ingestion.failures import PermanentFailure
from ingestion.lake.interface import Lake, ObjectInfo, ObjectMissing, Source, VersionConflict, check_key

__all__ = ["Lake", "ObjectInfo", "ObjectMissing", "Source", "VersionConflict", "check_key", "open_lake"]


def open_lake(url_or_path: str | Path, *, cache: Path | None = None, single_writer: bool | None = None) -> Lake:
    """The lake at a local path or at `s3://bucket/prefix`. Touches neither disk nor network until it is used.

    `cache`: folder for local copies of S3 objects (default `$RETURNSCOPE_HOME/cache/lake`). `single_writer`: accept an
    S3 service without conditional writes (default: whether RETURNSCOPE_LAKE_SINGLE_WRITER is 1). S3 endpoint, region
    and credentials come from the usual AWS variables and files, AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL among them.

    Raises PermanentFailure when the address is not one of the two.
    """
    scheme, separator, rest = str(url_or_path).partition("://")
    if not separator:
        from ingestion.lake.local import LocalLake

        return LocalLake(Path(url_or_path))
    bucket, _, prefix = rest.rstrip("/").partition("/")
    if scheme != "s3" or not bucket or any(sign in bucket for sign in "@:?#"):
        raise PermanentFailure(
            "The lake's address is neither a local path nor s3://bucket/prefix",
            f"RETURNSCOPE_LAKE starts with {scheme}://",
            "Name a folder, or a bucket and a prefix. Credentials and endpoint go into the AWS variables, not in here.",
        )
    from ingestion.lake.s3 import S3Lake  # boto3 takes 0.2 s to import and make ready: only who needs it pays

    if cache is None:
        cache = Path(os.environ.get("RETURNSCOPE_HOME") or ".returnscope") / "cache" / "lake"
    if single_writer is None:
        single_writer = os.environ.get("RETURNSCOPE_LAKE_SINGLE_WRITER") == "1"
    return S3Lake(bucket, prefix, cache=cache, single_writer=single_writer)
