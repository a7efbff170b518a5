"""Makes the bucket of RETURNSCOPE_LAKE where it is not there yet, once, before anything else starts.

Belongs here: that one step for an S3 service of one's own. On AWS make the bucket by hand, with versioning off and a
lifecycle rule that aborts incomplete multipart uploads.
"""

from __future__ import annotations

import os
import sys

import boto3
from botocore.exceptions import ClientError


def main() -> int:
    """Make it; 0 when it is there."""
    bucket = os.environ["RETURNSCOPE_LAKE"].removeprefix("s3://").partition("/")[0]
    client = boto3.client("s3")
    try:
        client.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        client.create_bucket(Bucket=bucket)
        sys.stdout.write(f"made bucket {bucket}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
