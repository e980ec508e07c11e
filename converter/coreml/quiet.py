"""coremltools without its notices, and nothing that another thread could notice: no stream, filter
or folder of the process is exchanged.

What it says on import (which versions of torch it knows, what is missing on this system) goes to
its own logger; records of the importing thread are dropped there, and those of no other.
"""

import logging
import threading
from typing import Any


def import_coremltools() -> Any:
    """The module; to be asked for before any of its parts is."""
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
