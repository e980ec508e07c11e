"""How many threads torch uses to compute one operator.

torch keeps this number per thread, plus a default for threads that compute for the first time
later. `torch.set_num_threads` sets both; the code here restores the default at once, so that no
other thread is affected.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Makes torch compute each operator of this thread with one thread: sums are added in the same
    order on every machine, and small maps do not wait for a second core to wake. Each thread of a
    pool has to call `use_one_torch_thread` itself.
    """
    import torch

    before = torch.get_num_threads()
    _set_here(1)
    try:
        yield
    finally:
        _set_here(before)


def use_one_torch_thread() -> None:
    """Like `one_torch_thread`, for the lifetime of the calling thread."""
    _set_here(1)


def _set_here(count: int) -> None:
    import torch

    torch.get_num_threads()  # the first call fixes this thread's number
    others: list[int] = []
    _in_a_new_thread(lambda: others.append(torch.get_num_threads()))
    torch.set_num_threads(count)
    _in_a_new_thread(lambda: torch.set_num_threads(others[0]))


def _in_a_new_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
