"""Tries a file in LiteRT before anything relies on it, in a process of its own: a file that is no
known release may make LiteRT crash, hang or fill memory.

One such process serves all files of a run, and is replaced if a file ends it.
"""

import hashlib
import threading
from importlib.util import find_spec

import numpy as np

from blazepalm.child import Child, ChildLimits, Function
from blazepalm.child_pipe import Arrays
from blazepalm.errors import CouldNotVerify, InvalidModel, first_line
from blazepalm.models.releases import by_sha256

LIMITS = ChildLimits(opening=120.0, call=60.0, memory=3.0)
CUSTOM = "unresolved custom op"  # LiteRT's words for an operator that only MediaPipe registers

_lock = threading.Lock()
_process: Child | None = None
_passed: set[str] = set()
_trusting = False


def refusal(content: bytes) -> str | None:
    """Why LiteRT does not take a model's bytes, or what it died of; None if it runs them on zeros,
    by its default and by its reference kernels. None without a trial for a known release's file,
    for a model with MediaPipe's own operators, and where LiteRT is not installed.
    """
    global _process
    digest = hashlib.sha256(content).hexdigest()
    if _trusting or by_sha256(digest) is not None or find_spec("ai_edge_litert") is None:
        return None
    with _lock:
        if digest in _passed:
            return None
        try:
            if _process is None:
                _process = Child("LiteRT", f"{__name__}:open_trial", {}, LIMITS)
            _process({"content": np.frombuffer(content, np.uint8)})
        except InvalidModel as error:
            return None if CUSTOM in str(error) else str(error)
        except CouldNotVerify as error:
            if _process is not None:
                _process.close()
            _process = None
            return str(error)
        _passed.add(digest)
    return None


def trust_all() -> None:
    """Tries nothing more in this process: its parent has tried the same files."""
    global _trusting
    _trusting = True


def open_trial() -> Function:
    """The child's side."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    def trial(arrays: Arrays) -> Arrays:
        content = arrays["content"].tobytes()
        for kernels in (OpResolverType.AUTO, OpResolverType.BUILTIN_REF):
            try:
                interpreter = Interpreter(
                    model_content=content, num_threads=1, experimental_op_resolver_type=kernels
                )
                interpreter.allocate_tensors()
                for given in interpreter.get_input_details():
                    zeros = np.zeros(given["shape"], given["dtype"])
                    interpreter.set_tensor(given["index"], zeros)
                interpreter.invoke()
                interpreter.get_output_details()
            except (RuntimeError, ValueError, TypeError) as error:
                raise InvalidModel(first_line(error)) from error
        return {}

    return trial
