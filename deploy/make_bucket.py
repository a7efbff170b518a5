"""Makes the bucket of RETURNSCOPE_LAKE where it is not there yet, once, before anything else starts.

Belongs here: that one step for an S3 service of one's own, which may still be starting. On AWS make the bucket by hand,
with a lifecycle rule that aborts incomplete multipart uploads.
"""

from __future__ import annotations

import os
import sys
import time

import boto3
from botocore.exceptions import ClientError, EndpointConnectionError

#: a service that has not answered by then does not start
_PATIENCE_SECONDS = 60.0


def main() -> int:
    """Make it; 0 when it is there."""
    bucket = os.environ["RETURNSCOPE_LAKE"].removeprefix("s3://").partition("/")[0]
    client = boto3.client("s3")
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            client.head_bucket(Bucket=bucket)
            return 0
        except EndpointConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(2)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            client.create_bucket(Bucket=bucket)
            sys.stdout.write(f"made bucket {bucket}\n")
            return 0


if __name__ == "__main__":
    sys.exit(main())
