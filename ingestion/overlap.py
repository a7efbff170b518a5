"""Steps side by side: reading the next block while this one is judged and the last is written; the same with files.

Belongs here: handing work to a thread, in order, one item ahead. Does not belong: what the steps do.

Threads are enough: Arrow, numpy, hashing and file access let go of Python's lock. One item is in flight at each seam,
so memory stays that of a few blocks, and the order of items, so every byte of the result, is that of a plain loop.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


def ahead(items: Iterable[T]) -> Generator[T, None, None]:
    """The same items in the same order, each made in a thread while the caller works on the one before.

    What making one raises is raised where that item would have come. Close it (`contextlib.closing`) to leave early.
    """
    source = iter(items)
    end = object()
    with ThreadPoolExecutor(1) as thread:
        coming: Future[T | object] = thread.submit(next, source, end)
        while (item := coming.result()) is not end:
            coming = thread.submit(next, source, end)
            yield item  # type: ignore[misc]


@contextmanager
def behind(work: Callable[P, None]) -> Iterator[Callable[P, None]]:
    """`work` as a function that returns at once and does its calls one after another in a thread.

    What a call raises is raised by the next one, or at the end of the block. If the block itself raises, what was
    handed over is still finished first.
    """
    with ThreadPoolExecutor(1) as thread:
        last: Future[None] | None = None

        def call(*args: P.args, **kwargs: P.kwargs) -> None:
            nonlocal last
            if last is not None:
                last.result()
            last = thread.submit(work, *args, **kwargs)

        yield call
        if last is not None:
            last.result()


def completed(calls: Iterable[Callable[[], T]]) -> Generator[T, None, None]:
    """What the calls give, in order. Each is done in a thread while the next one is being made; none outruns another.

    What a call raises is raised where its result would have come, and so is what making one raises.
    """
    with ThreadPoolExecutor(1) as thread:
        source = iter(calls)
        last: Future[T] | None = None
        while True:
            try:
                call = next(source, None)
            except Exception:
                if last is not None:
                    yield last.result()
                raise
            if last is not None:
                yield last.result()
            if call is None:
                return
            last = thread.submit(call)
