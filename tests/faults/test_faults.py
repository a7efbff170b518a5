"""Every fault of the list, tried on a small seller between two nights; and the table in the documentation is of them.

`make soak` tries every moment of every fault; the normal run some moments of those that need no new warehouse.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.command import nursery
from tests.faults.faults import FAULTS, Fault
from tests.faults.scene import Scene, make_scene
from tests.faults.table import DOCUMENT, full_name, rows


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("faults")
    with nursery(folder / "commands") as found:
        yield make_scene(folder, found)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if not fault.needs_time], ids=full_name)
def test_it_heals(scene: Scene, fault: Fault) -> None:
    assert fault.work(scene, False).tries


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS, ids=full_name)
def test_it_heals_whenever_it_happens(scene: Scene, fault: Fault) -> None:
    assert fault.work(scene, True).tries


def test_the_documentation_has_every_fault() -> None:
    """`python -m tests.faults.table` writes it."""
    assert list(rows(DOCUMENT.read_text(encoding="utf-8"))) == [full_name(fault) for fault in FAULTS]
