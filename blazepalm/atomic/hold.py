"""Holds off the exceptions by which signals end a command while something is half done that could
not be undone: a lock is there that no variable names yet, a folder is moved and not yet replaced.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_late: list[Callable[[], None]] = []
_depth = 0


@contextmanager
def held_off() -> Iterator[None]:
    """For the block, which must be short, a signal raises nothing in the main thread; at its end,
    the first one does.
    """
    global _depth
    if threading.current_thread() is not threading.main_thread():  # no signal's exception comes
        yield
        return
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if _late and not _depth:
            first = _late[0]
            _late.clear()
            first()


def now_or_later(raises: Callable[[], None]) -> None:
    """Called by a signal's handler: calls `raises`, now or at the end of the block."""
    if _depth:
        _late.append(raises)
    else:
        raises()
