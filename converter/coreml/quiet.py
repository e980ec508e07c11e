"""Imports coremltools without its notices, without the optional packages that it would look at, and
without affecting other threads: no stream, filter or folder of the process is replaced.

Its notices on import (supported versions of torch, what is missing on this system) go to its own
logger; only records of the importing thread are dropped there. It imports ExecuTorch, torchao and
scikit-learn where they are installed, which takes four times as long as all the rest and is needed
for nothing here; the importing thread does not find them.
"""

import logging
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

UNUSED = ("executorch", "sklearn", "torchao")


def import_coremltools() -> Any:
    """The module; call this before importing any of its parts."""
    with hushed("coremltools"), without(UNUSED):
        import coremltools
    return coremltools


@contextmanager
def hushed(*loggers: str) -> Iterator[None]:
    """Drops what this thread logs to the loggers of these names."""
    mine = threading.get_ident()

    def is_of_others(record: logging.LogRecord) -> bool:
        return record.thread != mine

    for name in loggers:
        logging.getLogger(name).addFilter(is_of_others)
    try:
        yield
    finally:
        for name in loggers:
            logging.getLogger(name).removeFilter(is_of_others)


@contextmanager
def without(packages: tuple[str, ...]) -> Iterator[None]:
    """As if these packages were not installed, for the imports of this thread that are new. One
    that is a mere folder of packages, without code of its own, is not found either if a part of it
    has been imported.
    """
    finder = _Missing(packages)
    folders = [name for name in packages if name in sys.modules and _is_folder(sys.modules[name])]
    hidden = {name: sys.modules.pop(name) for name in folders}
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        sys.modules.update(hidden)


def _is_folder(module: ModuleType) -> bool:
    return getattr(module, "__file__", None) is None and hasattr(module, "__path__")


class _Missing(MetaPathFinder):
    def __init__(self, packages: tuple[str, ...]) -> None:
        self.packages, self.thread = packages, threading.get_ident()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in self.packages and threading.get_ident() == self.thread:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None
