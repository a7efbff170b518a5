"""Every fault of the list, tried on a small seller between two nights; and the table in the documentation is of them.

`make soak` tries every moment of every fault; the normal run some moments of those that need no new warehouse.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.command import nursery
from tests.faults.faults import FAULTS, Fault
from tests.faults.scene import Scene, make_scene


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("faults")
    with nursery(folder / "commands") as found:
        yield make_scene(folder, found)


def name_of(fault: Fault) -> str:
    return f"{fault.group}: {fault.name}"


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if not fault.needs_time], ids=name_of)
def test_it_heals(scene: Scene, fault: Fault) -> None:
    assert fault.work(scene, False).tries


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS, ids=name_of)
def test_it_heals_whenever_it_happens(scene: Scene, fault: Fault) -> None:
    assert fault.work(scene, True).tries
