"""Other threads never see the process changed: a second thread checks it all the time."""

import logging
import os
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from support.tiny import doubling

STATUS = Path("/proc/self/status")  # the one way to read the umask without setting it


def torch_put(entry: Any) -> bool:
    """Whether it is the filter that torch.overrides adds for the length of one look-up, which
    torch.fx makes for each operation that it traces; torch offers no way to do without.
    """
    return entry[1] is not None and entry[1].pattern == ".*is deprecated, please use.*"


def state() -> dict[str, Any]:
    """State shared by all threads of a process, which libraries like to replace temporarily."""
    import torch

    error = os.fstat(2)
    masks = STATUS.read_text().split("Umask:")[1].split()[0] if STATUS.exists() else ""
    return {
        "stdout": id(sys.stdout),
        "stderr": id(sys.stderr),
        "warnings.filters": tuple(f for f in warnings.filters if not torch_put(f)),
        "warnings.showwarning": id(warnings.showwarning),
        "tempdir": tempfile.gettempdir(),
        "descriptor 2": (error.st_dev, error.st_ino),
        "umask": masks,
        "switch interval": sys.getswitchinterval(),
        "logging": logging.root.manager.disable,
        "torch threads": torch.get_num_threads(),
    }


@contextmanager
def watched() -> Iterator[None]:
    """Fails if a second thread ever sees a changed state."""
    found: list[tuple[str, Any, Any]] = []
    samples, left, looking = 0, threading.Event(), threading.Event()

    def look() -> None:
        nonlocal samples
        before = state()
        while not left.is_set():
            now = state()
            found.extend((n, before[n], now[n]) for n in before if before[n] != now[n])
            samples += 1
            looking.set()
            time.sleep(0)

    thread = threading.Thread(target=look)
    thread.start()
    looking.wait()
    try:
        yield
    finally:
        left.set()
        thread.join()
    assert list(dict.fromkeys(found)) == [] and samples > 1


def export_package(folder: Path) -> None:
    from blazepalm.converter.convert import module_of
    from blazepalm.converter.coreml import CoreMLOptions, export

    export(module_of("hand-lite"), folder, CoreMLOptions(compress="int8"))


def open_runtime(folder: Path) -> None:
    from blazepalm.reports.backends.litert import open_litert

    for reference in (False, True):
        open_litert(doubling(), ("double",), source="x", reference_kernels=reference, copies=100)


def run_parity(folder: Path) -> None:
    from blazepalm.reports.parity import parity

    file = folder / "tiny.tflite"
    file.write_bytes(doubling())
    assert parity(file, noise=20).passed


def read_pictures(folder: Path) -> None:
    from blazepalm.media.images import read_image

    for number, mode in enumerate(("RGB", "RGBA", "L", "P", "CMYK")):
        path = folder / f"{number}.tiff"
        Image.fromarray(np.zeros((40, 50, 3), np.uint8)).convert(mode).save(path)
        for _ in range(20):
            assert read_image(path).shape == (40, 50, 3)


@pytest.mark.parametrize("work", [export_package, open_runtime, run_parity, read_pictures])
def test_another_thread_sees_nothing_of_it(work: Callable[[Path], None], tmp_path: Path) -> None:
    first, again = tmp_path / "first", tmp_path / "again"
    for folder in (first, again):
        folder.mkdir()
    work(first)  # what libraries do to the process when they are first imported is theirs
    with watched():
        work(again)


def test_the_watch_can_fail() -> None:
    def exchange() -> None:
        with watched(), warnings.catch_warnings():
            warnings.simplefilter("ignore", ImportWarning)
            time.sleep(0.1)

    with pytest.raises(AssertionError, match=r"warnings\.filters"):
        exchange()


def test_one_torch_thread_is_ones_own() -> None:
    """Threads that are already computing, and those that start meanwhile, keep their
    thread count.
    """
    import torch

    from blazepalm.converter.threads import one_torch_thread, use_one_torch_thread

    def seen(after: Callable[[], None] = lambda: None) -> int:
        found: list[int] = []
        thread = threading.Thread(target=lambda: (after(), found.append(torch.get_num_threads())))
        thread.start()
        thread.join()
        return found[0]

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with one_torch_thread():
            assert torch.get_num_threads() == 1 and seen() == 3
            assert seen(use_one_torch_thread) == 1 and seen() == 3
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
