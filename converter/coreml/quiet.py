"""Imports coremltools without its notices and without affecting other threads: no stream, filter or
folder of the process is replaced.

Its notices on import (supported versions of torch, what is missing on this system) go to its own
logger; only records of the importing thread are dropped there.
"""

import logging
import threading
from typing import Any


def import_coremltools() -> Any:
    """The module; call this before importing any of its parts."""
    mine = threading.get_ident()

    def is_of_others(record: logging.LogRecord) -> bool:
        return record.thread != mine

    logger = logging.getLogger("coremltools")
    logger.addFilter(is_of_others)
    try:
        import coremltools
    finally:
        logger.removeFilter(is_of_others)
    return coremltools
