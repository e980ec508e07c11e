"""Runs the TFLite file in TensorFlow's own interpreter (`tf.lite.Interpreter`): the backend
`tensorflow`, a second, independently built TFLite (extra `tensorflow`).

Its interface is LiteRT's (`reports.backends.litert`), so one class serves both. An installed
TensorFlow may be too new to include `tf.lite`.
"""

import importlib.util
import sys
from typing import Any

from blazepalm.errors import CouldNotVerify
from blazepalm.reports.backends.backend import FLOAT32, Registration
from blazepalm.reports.backends.litert import LiteRT, open_copies, open_interpreter

NAME, RUNTIME = "tensorflow", "TensorFlow"
INSTALL = "install it with: pip install 'blazepalm[tensorflow]'"


def missing_tensorflow() -> str | None:
    """How to install TensorFlow, or None if it is installed. Does not import it."""
    if NAME in sys.modules:
        installed = sys.modules[NAME] is not None
    else:
        installed = importlib.util.find_spec(NAME) is not None
    return None if installed else f"TensorFlow is not installed; {INSTALL}"


def open_tensorflow(
    content: bytes, outputs: tuple[str, ...], *, source: str, copies: int = 1
) -> LiteRT:
    """Loads the model's bytes into `copies` interpreters of one thread each. `outputs` names the
    file's outputs in their order; `source` is the model's name in messages.

    Raises CouldNotVerify if TensorFlow is not installed or cannot load the model.
    """
    try:
        import tensorflow

        make: Any = tensorflow.lite.Interpreter
    except (ImportError, AttributeError) as error:
        raise CouldNotVerify(
            f"tf.lite.Interpreter is not available here ({error}); {INSTALL}"
        ) from error
    return open_copies(
        NAME,
        outputs,
        copies,
        source,
        lambda: open_interpreter(make, content, source, RUNTIME, num_threads=1),
        RUNTIME,
    )


BACKEND = Registration(
    NAME,
    "TensorFlow's own tf.lite.Interpreter",
    FLOAT32,
    lambda opening: open_tensorflow(
        opening.content, opening.outputs, source=opening.source, copies=opening.workers
    ),
    available=missing_tensorflow,
)
