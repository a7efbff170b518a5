"""Fixtures of the panel's tests: a home with a published file. Belongs here: that, and running one page."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.panel_marts import write_marts

APP = Path(__file__).resolve().parents[2] / "panel" / "app.py"


@pytest.fixture(scope="session")
def marts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_marts(tmp_path_factory.mktemp("marts") / "marts.duckdb")


@pytest.fixture
def panel_home(tmp_path: Path, marts: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """RETURNSCOPE_HOME with a release, and no configuration file."""
    home = tmp_path / "home"
    (home / "published").mkdir(parents=True)
    shutil.copy(marts, home / "published" / "marts.duckdb")
    monkeypatch.setenv("RETURNSCOPE_HOME", str(home))
    monkeypatch.delenv("RETURNSCOPE_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return home


@pytest.fixture
def run_page(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs one page as Streamlit would, bound to the loopback address unless said otherwise."""
    from streamlit import config
    from streamlit.testing.v1 import AppTest
    from streamlit.util import calc_hash

    def run(page: str, address: str = "127.0.0.1", **parameters: str) -> Any:
        config.set_option("server.address", address)
        app = AppTest.from_file(str(APP), default_timeout=180)
        app.query_params.update(parameters)
        app._page_hash = "" if page == "today" else calc_hash(page)  # AppTest can only name pages that are files
        return app.run()

    yield run
    config.set_option("server.address", "127.0.0.1")
