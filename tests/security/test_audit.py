"""The dependency audit says what it knows, and says so where it knows nothing. Whom it asks is replaced here."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SOUND = {"name": "click", "version": "8.1", "vulns": []}
HOLED = {"name": "flask", "version": "0.1", "vulns": [{"id": "CVE-1", "fix_versions": ["0.2"]}]}
UNKNOWN = {"name": "duckdb", "version": "1.5", "skip_reason": "not found"}
Answer = list[dict[str, Any]] | str


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", Path(__file__).resolve().parents[2] / ".ci" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("index", "osv", "code", "strict", "words"),
    [
        ([SOUND, SOUND], None, 0, 0, "2 packages audited, 0 with known"),
        ([SOUND, HOLED], None, 1, 1, "flask 0.1: CVE-1, mended in 0.2"),
        ([UNKNOWN, UNKNOWN], [SOUND, HOLED], 1, 1, "2 packages audited, 1 with known"),
        ("no answer", [SOUND], 0, 0, "1 packages audited"),
        ([UNKNOWN], "no way there", 0, 2, "NOT AUDITED: 1 of 1 packages, the package index knows no advisories"),
        ([UNKNOWN, HOLED], "no way there", 1, 1, "CVE-1"),
        ("no answer", "no way there", 0, 2, "NOT AUDITED: no answer; no way there"),
    ],
)
def test_what_is_told(
    audit: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    index: Answer,
    osv: Answer | None,
    code: int,
    strict: int,
    words: str,
) -> None:
    def asked(arguments: list[str]) -> Answer:
        answer = osv if arguments == ["-s", "osv"] else index
        assert answer is not None, "asked although all is known"
        return answer

    monkeypatch.setattr(audit, "asked", asked)
    assert audit.main([]) == code
    assert words in capsys.readouterr().out
    assert audit.main(["--strict"]) == strict
