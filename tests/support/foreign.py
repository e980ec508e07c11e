"""Functions that tests open in a child process, as foreign runtimes that misbehave."""

import os
import signal
import sys
import time
from collections.abc import Callable

import numpy as np

from blazepalm.errors import InvalidModel

Arrays = dict[str, np.ndarray]


def scaling(by: float) -> Callable[[Arrays], Arrays]:
    """Multiplies, and says so on both streams."""

    def run(arrays: Arrays) -> Arrays:
        print("on stdout")
        print("on stderr", file=sys.stderr)
        return {f"{name}!": value * value.dtype.type(by) for name, value in arrays.items()}

    return run


def dying(with_signal: str) -> Callable[[Arrays], Arrays]:
    """Complains, then kills itself when called."""

    def run(arrays: Arrays) -> Arrays:
        os.write(2, b"first words\nlast words of the runtime\n")
        os.kill(os.getpid(), getattr(signal, with_signal))
        return arrays

    return run


def leaving(code: int) -> Callable[[Arrays], Arrays]:
    """Leaves while it opens."""
    os._exit(code)


def sleeping() -> Callable[[Arrays], Arrays]:
    """Never answers."""

    def run(arrays: Arrays) -> Arrays:
        time.sleep(60)
        return arrays

    return run


def hungry() -> Callable[[Arrays], Arrays]:
    """Wants 3 GiB."""
    return lambda arrays: {"x": np.ones(3 << 30, np.uint8)}


def refusing() -> Callable[[Arrays], Arrays]:
    """Refuses its file with an error of ours, and every call with one of its own."""
    raise InvalidModel("palm.mlpackage: it is broken")


def failing() -> Callable[[Arrays], Arrays]:
    """Raises an error of its own."""

    def run(arrays: Arrays) -> Arrays:
        raise RuntimeError("no kernel for this\nand a trace")

    return run
