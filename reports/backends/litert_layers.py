"""Reads every tensor of a TFLite file as LiteRT computes it.

Inner tensors read back correctly only without delegates and with `preserve_all_tensors` (by
default they are stale; under XNNPACK folded weights read back as zeros). Even then the outputs
must equal those of a plain run of the same kernels, which every call checks.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from blazepalm.errors import CouldNotVerify
from blazepalm.reports.backends.litert import import_litert, in_files_order, open_interpreter


class LayerReader:
    """`read(inputs)` returns each computed tensor's value by its index in the file. `content` is
    the file's bytes, its custom operators rewritten. Raises CouldNotVerify.
    """

    def __init__(self, content: bytes, source: str) -> None:
        self.source = source
        self._plain = self._open(content, preserve=False)
        self._preserving = self._open(content, preserve=True)

    def read(self, inputs: Sequence[np.ndarray]) -> dict[int, np.ndarray]:
        """float32 values of the file's inputs, in its order → tensor index → value."""
        outputs = [
            self._run(interpreter, inputs) for interpreter in (self._plain, self._preserving)
        ]
        if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(*outputs, strict=True)):
            raise CouldNotVerify(
                f"{self.source}: LiteRT's outputs change when inner tensors are kept; "
                "its layers cannot be trusted"
            )
        found = {}
        for detail in self._preserving.get_tensor_details():
            try:
                value = self._preserving.get_tensor(detail["index"])
            except ValueError:  # no data: nothing computed it
                continue
            if value.dtype == np.float32:
                found[int(detail["index"])] = value
        return found

    def _run(self, interpreter: Any, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        for given, value in zip(interpreter.get_input_details(), inputs, strict=True):
            shape = tuple(int(d) for d in given["shape"])
            interpreter.set_tensor(given["index"], in_files_order(value, shape))
        interpreter.invoke()
        return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]

    def _open(self, content: bytes, *, preserve: bool) -> Any:
        litert = import_litert()
        return open_interpreter(
            litert.Interpreter,
            content,
            self.source,
            num_threads=1,
            experimental_op_resolver_type=litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_preserve_all_tensors=preserve,
        )
