"""Fixtures that every test may use. Belongs here: imports of shared fixtures, which are made in `support/`."""

from tests.support.postgres_server import postgres_server, postgres_url
from tests.support.s3_server import s3_endpoint, s3_environment, s3_lake_url

__all__ = ["postgres_server", "postgres_url", "s3_endpoint", "s3_environment", "s3_lake_url"]
