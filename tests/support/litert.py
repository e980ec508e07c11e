"""Runs a TFLite file once in LiteRT with every tensor kept, so that inner values can be read."""

from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType


def run_litert(model: bytes | Path, image: np.ndarray | None = None, *, plain: bool = False) -> Any:
    """The interpreter after a run on `image`, if the model has an input. It has the optimised
    kernels without a delegate; `plain`: the reference kernels.
    """
    interpreter = Interpreter(
        model_content=model.read_bytes() if isinstance(model, Path) else model,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF
        if plain
        else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    if image is not None:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    return interpreter
