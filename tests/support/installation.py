"""An installation as its user has it: a folder, a configuration, and the command `returnscope` in processes of its own.

Belongs here: running the command and looking at what is published. Does not belong: what must come out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

ONE_STORE = '[stores.acme]\nregion = "na"\nmarketplaces = ["US"]\n'


@dataclass
class Installation:
    """A folder with a configuration; the home is `.returnscope` in it. `environment` adds variables."""

    folder: Path
    config: str = ONE_STORE
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "returnscope.toml").write_text(self.config, encoding="utf-8")

    @property
    def home(self) -> Path:
        """RETURNSCOPE_HOME, where it is when nobody says."""
        return self.folder / ".returnscope"

    @property
    def marts(self) -> Path:
        """The published file."""
        return self.home / "published" / "marts.duckdb"

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a command: this process's, without its returnscope and Dagster settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RETURNSCOPE_", "DAGSTER_"))}
        return {**kept, **self.environment}

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        """Start the command."""
        return subprocess.Popen(
            [sys.executable, "-m", "orchestration.cli", *map(str, arguments)],
            cwd=self.folder,
            env={**self.variables, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: object, code: int = 0) -> str:
        """Run the command to its end; its output and errors. The exit code must be the expected one."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=900)
        assert process.returncode == code, f"exit {process.returncode}, not {code}\n{out}\n{err}"
        assert "Traceback" not in err, err
        return out + err

    def file(self, name: str, content: str | bytes) -> Path:
        """A file to be taken in, outside of the inbox."""
        path = self.folder / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the published marts; tables go by their plain names."""
        with duckdb.connect(str(self.marts), read_only=True) as con:
            con.execute("use marts.marts")
            return con.execute(sql).fetchall()

    def current(self) -> str:
        """The release that the lake (a folder in the home) points to."""
        return json.loads((self.home / "lake" / "releases" / "current.json").read_text())["release_id"]
