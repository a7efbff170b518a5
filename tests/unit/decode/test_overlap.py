"""Work handed to a thread keeps its order and its errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

import pytest

from ingestion.overlap import ahead, behind, completed


def _until(stop: int, made: list[int]) -> Iterator[int]:
    for number in range(stop):
        made.append(number)
        yield number
    raise ValueError("broken")


def test_ahead_keeps_order_and_raises_where_the_item_would_have_come() -> None:
    made: list[int] = []
    items = ahead(_until(5, made))
    seen = [next(items) for _ in range(5)]
    with pytest.raises(ValueError, match="broken"):
        next(items)
    assert seen == made == [0, 1, 2, 3, 4]


def test_ahead_is_one_item_ahead_and_stops_when_closed() -> None:
    made: list[int] = []
    with closing(ahead(_until(100, made))) as items:
        assert next(items) == 0
    assert len(made) <= 2


def test_behind_keeps_order() -> None:
    done: list[int] = []
    with behind(done.append) as call:
        for number in range(50):
            call(number)
    assert done == list(range(50))


def test_behind_raises_what_a_call_raised() -> None:
    def broken(number: int) -> None:
        if number == 3:
            raise ValueError("three")

    def hand_over() -> None:
        with behind(broken) as call:
            for number in range(4):
                call(number)

    with pytest.raises(ValueError, match="three"):
        hand_over()


def _calls(made: list[int], done: list[int], stop: int) -> Iterator[Callable[[], int]]:
    for number in _until(stop, made):
        yield partial(_call, number, made, done)


def _call(number: int, made: list[int], done: list[int]) -> int:
    assert len(made) <= number + 2, "one is made while one is done"
    done.append(number)
    return number


def test_completed_gives_results_in_order_and_raises_what_making_a_call_raised_behind_the_last_one() -> None:
    made: list[int] = []
    done: list[int] = []
    results = completed(_calls(made, done, 6))
    assert [next(results) for _ in range(6)] == made == done == [0, 1, 2, 3, 4, 5]
    with pytest.raises(ValueError, match="broken"):
        next(results)


def test_completed_does_nothing_behind_a_call_that_raised() -> None:
    done: list[int] = []

    def broken() -> int:
        raise ValueError("one")

    results = completed([partial(_call, 0, [], done), broken, partial(_call, 2, [], done)])
    assert next(results) == 0
    with pytest.raises(ValueError, match="one"):
        next(results)
    assert done == [0]
