"""How many threads torch computes one operator with."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Inside, torch computes each operator with one thread: sums are added in one order on
    every machine, and maps as small as ours do not wait for a second core to wake.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
