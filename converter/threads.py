"""How many threads torch computes one operator with.

torch keeps the number for each thread, and one more for threads that compute for the first time
later. `torch.set_num_threads` sets both; here the second is given back at once, so that nobody
else's work changes.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Inside, torch computes each operator of this thread with one thread: sums are added in one
    order on every machine, and maps as small as ours do not wait for a second core to wake. What
    a pool of threads computes asks for it in each (`use_one_torch_thread`).
    """
    import torch

    before = torch.get_num_threads()
    _set_here(1)
    try:
        yield
    finally:
        _set_here(before)


def use_one_torch_thread() -> None:
    """As `one_torch_thread`, for as long as the calling thread lives."""
    _set_here(1)


def _set_here(count: int) -> None:
    import torch

    torch.get_num_threads()  # a thread's first question gives it the number for later ones
    others: list[int] = []
    _in_a_new_thread(lambda: others.append(torch.get_num_threads()))
    torch.set_num_threads(count)
    _in_a_new_thread(lambda: torch.set_num_threads(others[0]))


def _in_a_new_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
