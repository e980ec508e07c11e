"""Calls a function for many items in processes, where that is worth starting them."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_processes(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    jobs: int | None,
    few: int,
    chunk: int = 1,
    initializer: Callable[[], None] | None = None,
) -> Iterator[Result]:
    """The function's results in the order of the items, from `jobs` processes (None: one a
    processor); for `few` items or fewer, starting processes would take as long. Where processes
    cannot start (a script without a main guard, no memory), this one computes the rest.
    """
    workers = min(jobs or os.cpu_count() or 1, len(items))
    done = 0
    if workers > 1 and len(items) > few:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, context, _begin, (initializer,)) as pool:
            try:
                with deaf_to_ctrl_c():
                    results = pool.map(function, items, chunksize=chunk)
                for result in results:
                    yield result
                    done += 1
            except BrokenProcessPool:
                pass
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    yield from map(function, items[done:])


@contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
    """Processes that are started in the block never see Ctrl-C, which goes to all processes of a
    terminal, and which their parent handles.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # starting it later would end the blocking
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """Makes this worker process end when its parent is killed, which cannot do so itself."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _begin(initializer: Callable[[], None] | None) -> None:
    end_with_parent()
    if initializer is not None:
        initializer()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
