"""The analysts' notebook runs from its first cell to its last, shows rows, and is kept without outputs."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.support.panel_marts import write_marts

NOTEBOOK = Path(__file__).resolve().parents[2] / "bi" / "notebooks" / "ten_questions.ipynb"


def test_it_is_kept_without_outputs_and_answers_ten_questions() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    questions = [line for cell in notebook.cells for line in cell.source.splitlines() if line.startswith("## ")]
    assert [line.split(".")[0] for line in questions] == [f"## {number}" for number in range(1, 11)]


@pytest.mark.slow
def test_every_cell_runs_and_shows_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_marts(tmp_path / "published" / "marts.duckdb")
    monkeypatch.setenv("RETURNSCOPE_HOME", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        shown = [output for output in cell.outputs if output.output_type == "execute_result"]
        assert shown, cell.source
        text = json.dumps([output.data for output in shown], default=str)
        assert "Empty DataFrame" not in text, cell.source
        assert [output for output in cell.outputs if output.output_type == "stream"] == [], cell.source
