"""The PostgreSQL server that other tests use is a real one, asks for its password and ends with its tests."""

from __future__ import annotations

import psycopg
import pytest

pytestmark = pytest.mark.postgres


def test_each_test_gets_an_empty_database_of_its_own(postgres_url: str, postgres_server: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone() == (0,)
        assert connection.execute("select current_database()").fetchone() == (postgres_url.rpartition("/")[2],)
    wrong = postgres_server.replace("planted", "guessed")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"{wrong}/postgres")
