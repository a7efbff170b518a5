"""What must hold of the repository as a whole: locks, directions of imports, docstrings, no traces of one machine.

Rules about data do not belong here.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ("requirements.lock", "requirements-bootstrap.lock")

# Which of our packages each of our packages may import, at any depth of any function.
MAY_IMPORT = {
    "data_contracts": set(),
    "classification": {"data_contracts"},
    "ingestion": {"data_contracts"},
    "orchestration": {"data_contracts", "classification", "ingestion"},
    "panel": set(),
}
OURS = {*MAY_IMPORT, "benchmarks", "tests"}


@cache
def tracked() -> tuple[Path, ...]:
    """Files under version control that exist in the work tree."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout: which files are tracked cannot be said")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(path for name in names.split("\0") if name and (path := ROOT / name).is_file())


def python_files(*folders: str) -> list[Path]:
    return [path for path in tracked() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in folders]


def lock_entries(name: str) -> Iterator[tuple[Requirement, list[str]]]:
    """Each requirement of a lock with its hashes."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            requirement, *hashes = line.split("--hash=")
            yield Requirement(requirement), [entry.strip() for entry in hashes]


def direct_dependencies() -> list[Requirement]:
    """What pyproject.toml asks for, all extras included."""
    project = PROJECT["project"]
    extras = [text for extra in project["optional-dependencies"].values() for text in extra]
    return [Requirement(text) for text in (*project["dependencies"], *extras)]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_one_version_and_hashes(lock: str) -> None:
    entries = list(lock_entries(lock))
    assert entries
    for requirement, hashes in entries:
        assert [clause.operator for clause in requirement.specifier] == ["=="], requirement
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", entry) for entry in hashes), requirement


def test_locks_carry_no_addresses() -> None:
    locks = [path for path in tracked() if path.suffix == ".lock" or path.name.startswith("requirements")]
    assert {path.name for path in locks} >= set(LOCKS)
    for path in locks:
        found = re.findall(r"\S*://\S*|--(?:extra-)?index\S*|--find-links\S*|.* @ .*", path.read_text())
        assert not found, (path, found)


def test_no_registry_is_named_anywhere() -> None:
    hosts = re.compile(r"\b(?:" + "|".join(("pypi", "pythonhosted", "npmjs", "anaconda")) + r")\.(?:org|com)\b")
    assert not [path for path in tracked() if hosts.search(path.read_bytes().decode("utf-8", "replace"))]


def test_lock_satisfies_the_project_and_leaves_out_what_cannot_be_built() -> None:
    locked: dict[str, list[str]] = {}
    for requirement, _ in lock_entries("requirements.lock"):
        version = next(iter(requirement.specifier)).version
        locked.setdefault(canonicalize_name(requirement.name), []).append(version)
    for wanted in direct_dependencies():
        versions = locked.get(canonicalize_name(wanted.name), [])
        assert versions, f"{wanted} is not locked: make lock"
        assert all(wanted.specifier.contains(version) for version in versions), (str(wanted), versions)
    assert not set(PROJECT["tool"]["uv"]["exclude-dependencies"]) & set(locked)


def test_every_direct_dependency_is_explained() -> None:
    reasons = (ROOT / "docs/decisions/dependencies.md").read_text()
    cells = re.findall(r"^\| ([^|]+) \|", reasons, re.MULTILINE)
    explained = {name.strip() for cell in cells for name in cell.split(",")}
    assert not {wanted.name for wanted in direct_dependencies()} - explained


def test_dbt_project_holds_no_python() -> None:
    """dbt imports every top-level dbt_* module on the path: an __init__.py would make the project one."""
    assert not list((ROOT / "dbt_project").glob("__init__.py"))
    assert not python_files("dbt_project")


def imported(path: Path) -> set[str]:
    """Top-level names that a module imports anywhere, late imports in functions included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_dependencies_point_one_way(package: str) -> None:
    allowed = {package} | MAY_IMPORT[package]
    wrong = {
        str(path.relative_to(ROOT)): sorted(names)
        for path in python_files(package)
        if (names := (imported(path) & OURS) - allowed)
    }
    assert not wrong


def test_every_module_says_what_belongs_in_it() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in python_files(*OURS)
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not silent


def test_no_path_of_one_machine_in_any_file() -> None:
    tops = "|".join(("root", "work", "tmp", r"home/[\w.-]+", r"Users/[\w.-]+"))
    # Not after a letter, dot, variable or brace: there it is the tail of a URL, of a relative path or of a variable's.
    machine = re.compile(rb"(?<![\w.~$})/-])/(?:" + tops.encode() + rb")/[\w.-]")
    found = {
        str(path.relative_to(ROOT)): match.group().decode()
        for path in tracked()
        if (match := machine.search(path.read_bytes()))
    }
    assert not found


def test_a_wheel_ships_the_data_files_and_the_command(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        shipped = set(archive.namelist())
        (entry_points,) = (name for name in shipped if name.endswith("entry_points.txt"))
        assert "returnscope = orchestration.cli:main" in archive.read(entry_points).decode()
    wanted = {str(path.relative_to(ROOT)) for path in tracked() if path.relative_to(ROOT).parts[0] in MAY_IMPORT}
    assert wanted <= shipped
    assert {name.split("/")[0] for name in shipped if ".dist-info/" not in name} <= set(MAY_IMPORT)
