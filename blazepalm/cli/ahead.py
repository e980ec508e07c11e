"""Work that runs ahead of whoever takes its results, in threads; the results come in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_order(
    work: Callable[[T], R],
    items: Iterable[T],
    at_once: int,
    prepare: Callable[[], None] = lambda: None,
) -> Iterator[Callable[[], R]]:
    """For each item, in order, a function that returns what `work` makes of it, or raises what it
    raises. At most `at_once` items are worked on at any time; at most twice as many are worked on,
    or done and not taken yet, so that the others go on while one item takes long. Each thread calls
    `prepare` first. With one at a time there are no threads. Closing the iterator drops what
    was not begun.
    """
    if at_once == 1:
        for item in items:
            yield lambda item=item: work(item)  # type: ignore[misc]
        return
    pool = ThreadPoolExecutor(at_once, "blazepalm", prepare)
    try:
        rest = iter(items)
        begun: deque[Future[R]] = deque(
            pool.submit(work, item) for item in islice(rest, 2 * at_once)
        )
        while begun:
            yield begun.popleft().result
            begun.extend(pool.submit(work, item) for item in islice(rest, 1))
    finally:
        pool.shutdown(cancel_futures=True)


def one_ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, each made in another thread while the one before it is used."""
    with ThreadPoolExecutor(1, "blazepalm") as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item


def with_next(items: Iterator[T]) -> Iterator[tuple[T, T | None]]:
    """Each item with the one that comes after it; the last one, also before an error, with None."""
    item = next(items, None)
    while item is not None:
        try:
            following = next(items, None)
        except Exception:
            yield item, None
            raise
        yield item, following
        item = following


class InTurn:
    """Does one thing after the other in another thread, while the caller does the next."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "blazepalm")
        self._last: Future[None] | None = None

    def __call__(self, action: Callable[[], None]) -> None:
        """Begins `action` when the one before it has ended; raises what that one raised."""
        self._wait()
        self._last = self._pool.submit(action)

    def __enter__(self) -> "InTurn":
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._pool.shutdown()
        if kind is None:
            self._wait()

    def _wait(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            last.result()
