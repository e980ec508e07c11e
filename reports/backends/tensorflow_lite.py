"""The TFLite file in TensorFlow's own interpreter (`tf.lite.Interpreter`): the backend
`tensorflow`, a second, independently built TFLite (extra `tensorflow`).

It speaks as LiteRT's does (`reports.backends.litert`), so one class serves both. The gap:
TensorFlow may be installed and yet be too new to hold `tf.lite`.
"""

import importlib.util
import queue
import sys
from typing import Any

from blazepalm.errors import CouldNotVerify, first_line
from blazepalm.reports.backends.litert import LiteRT, Opened, quiet_native_log

NAME = "tensorflow"


def has_tensorflow() -> bool:
    """Whether it is installed; it is not imported."""
    if NAME in sys.modules:
        return sys.modules[NAME] is not None
    return importlib.util.find_spec(NAME) is not None


def open_tensorflow(
    content: bytes, outputs: tuple[str, ...], *, source: str, copies: int = 1
) -> LiteRT:
    """Loads the model's bytes into `copies` interpreters of one thread each. `outputs` names the
    file's outputs in their order; `source` is what messages call the model.

    Raises CouldNotVerify where TensorFlow is not installed or cannot take the model.
    """
    interpreters: queue.SimpleQueue[Opened] = queue.SimpleQueue()
    for _ in range(copies):
        interpreters.put(_open(content, outputs, source))
    return LiteRT(NAME, source, outputs, interpreters)


def _open(content: bytes, outputs: tuple[str, ...], source: str) -> Opened:
    try:
        import tensorflow

        make: Any = tensorflow.lite.Interpreter
    except (ImportError, AttributeError) as error:
        raise CouldNotVerify(
            f"tf.lite.Interpreter is not available here ({error}); install it with: "
            "pip install 'blazepalm[tensorflow]'"
        ) from error
    try:
        with quiet_native_log():
            interpreter = make(model_content=content, num_threads=1)
            interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise CouldNotVerify(
            f"{source}: TensorFlow cannot load the model: {first_line(error)}"
        ) from error
    found = tuple(int(detail["index"]) for detail in interpreter.get_output_details())
    if len(found) != len(outputs):
        raise CouldNotVerify(
            f"{source}: TensorFlow sees {len(found)} outputs where the file has {len(outputs)}"
        )
    (image,) = interpreter.get_input_details()
    shape = tuple(int(d) for d in image["shape"])
    return Opened(interpreter, int(image["index"]), shape, found)
