"""coremltools, made silent and tidy: no progress bars, no version notices, and its scratch
files in a folder that goes away with the work.
"""

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def quietly() -> Iterator[Path]:
    """Gives the scratch folder. What coremltools prints, logs and warns about is dropped;
    its errors still arrive as exceptions. Importing coremltools belongs inside.
    """
    sink = io.StringIO()
    before = tempfile.tempdir
    disabled = logging.root.manager.disable
    with (
        tempfile.TemporaryDirectory(prefix="blazepalm-") as folder,
        warnings.catch_warnings(),
        contextlib.redirect_stderr(sink),
        contextlib.redirect_stdout(sink),
    ):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        tempfile.tempdir = folder
        try:
            yield Path(folder)
        finally:
            tempfile.tempdir = before
            logging.disable(disabled)
