"""A whole file in its own arithmetic: the backend `integer`.

Every operator on quantised values has TFLite's integer kernel (`kernels`), those on floats with
int8 weights its hybrid one (`hybrid`). Any other is computed in float32 by the converter's lowering
of that operator alone and rounded to the steps of its result. The sums of a convolution are those
of its lowering in float64, which are exact: products of two 8-bit numbers, or 8 and 16 bits, stay
below 2^53.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from blazepalm.converter.tflite.dequantise import dequantise
from blazepalm.converter.tflite.graph import Graph, Operator, Tensor
from blazepalm.converter.tflite.quantise import quantise, zero_of
from blazepalm.converter.tflite.read import read_as_stored, read_bytes
from blazepalm.converter.tflite.to_float import QUANTISED
from blazepalm.errors import InvalidModel, UnsupportedOperator, first_line
from blazepalm.reports.backends.backend import (
    INTEGERS,
    WITNESS,
    Backend,
    Opening,
    Outputs,
    Registration,
    run_in_batches,
    split_inputs,
)
from blazepalm.reports.backends.integer.hybrid import HYBRID, hybrid
from blazepalm.reports.backends.integer.kernels import KERNEL, KERNELS, LINEAR, data_slot
from blazepalm.reports.backends.integer.step import Step
from blazepalm.reports.backends.litert import in_files_order
from blazepalm.reports.backends.names import INTEGER

if TYPE_CHECKING:
    from blazepalm.converter.lowering import LoweredGraph

Values = dict[int, np.ndarray]
Run = Callable[[Mapping[int, np.ndarray]], Sequence[np.ndarray]]
CASTS = ("QUANTIZE", "DEQUANTIZE")
LOGIC: Mapping[str, Callable[..., np.ndarray]] = {
    "GREATER": np.greater,
    "GREATER_EQUAL": np.greater_equal,
    "LESS": np.less,
    "LESS_EQUAL": np.less_equal,
    "SELECT": np.where,
    "SELECT_V2": np.where,
}


@dataclass(frozen=True)
class IntegerNetwork:
    """`steps` are (operator, what computes it) in order; `outputs` the outputs' names."""

    name: str
    graph: Graph
    steps: tuple[tuple[Operator, Run], ...]
    outputs: tuple[str, ...]

    def run(self, images: np.ndarray) -> Outputs:
        inputs = [self.graph.tensors[t] for t in self.graph.inputs]
        batch = inputs[0].shape[0] if len(inputs) == 1 else 1
        return run_in_batches(images, batch, self.outputs, self._run, "the model")

    def _run(self, images: np.ndarray) -> list[np.ndarray]:
        values = self.values(images)
        return [as_real(self.graph.tensors[t], values[t]) for t in self.graph.outputs]

    def values(self, images: np.ndarray) -> Values:
        """Every tensor as the file stores it, by index: images of the file's batch, float32."""
        values = {t.index: t.data for t in self.graph.tensors if t.data is not None}
        inputs = [self.graph.tensors[t] for t in self.graph.inputs]
        for tensor, given in zip(
            inputs, split_inputs(images, [t.shape for t in inputs]), strict=True
        ):
            values[tensor.index] = as_stored(tensor, in_files_order(given, tensor.shape))
        for op, run in self.steps:
            values.update(zip(op.outputs, run(values), strict=True))
        return values


def open_network(content: bytes, outputs: tuple[str, ...], source: str) -> IntegerNetwork:
    """The network of a file's bytes. Raises InvalidModel, or UnsupportedOperator if an operator
    can be computed in no way.
    """
    stored, real = read_as_stored(content, source), read_bytes(content, source)
    steps = tuple((op, _step(op, stored, real)) for op in stored.needed())
    return IntegerNetwork(INTEGER, stored, steps, outputs)


def _step(op: Operator, stored: Graph, real: Graph) -> Run:
    operands = [stored.tensors[t] if t >= 0 else None for t in op.inputs]
    result = stored.tensors[op.outputs[0]]
    if op.name in LOGIC and len(op.outputs) == 1:
        return _logic(op, operands, result)
    quantised = _is_quantised(result) and _in_single_scales(op, operands)
    whole_kernel = op.name not in LINEAR or (
        _has_integer_weights(operands) and not _in_blocks(operands)
    )
    if op.name in CASTS or (op.name in KERNELS and quantised and whole_kernel):
        compute = KERNELS[op.name]
    elif op.name in HYBRID and result.dtype == "float32" and _is_dynamic(operands):
        compute = hybrid
    else:
        return _rounded(op, stored, real)
    lowered = _sums(op, stored, real) if op.name in (*LINEAR, "AVERAGE_POOL_2D") else _nothing

    def run(values: Mapping[int, np.ndarray]) -> Sequence[np.ndarray]:
        given = [None if t < 0 else values[t] for t in op.inputs]
        return (compute(Step(op, operands, result, given, lowered)),)

    return run


def _is_quantised(tensor: Tensor | None) -> bool:
    return tensor is not None and tensor.dtype in QUANTISED and tensor.quantisation is not None


def _in_single_scales(op: Operator, operands: Sequence[Tensor | None]) -> bool:
    """Whether the values (not weights) that the kernel reads are quantised by one scale each."""
    slots = (
        (data_slot(op.name),)
        if op.name in LINEAR
        else (0, 1)
        if op.name in ("ADD", "SUB", "MUL", "PRELU")
        else (0,)
    )
    found = [operands[slot] for slot in slots if slot < len(operands)]
    return len(found) == len(slots) and all(
        t is not None and _is_quantised(t) and t.quantisation and len(t.quantisation.scale) == 1
        for t in found
    )


def _has_integer_weights(operands: Sequence[Tensor | None]) -> bool:
    weights = operands[KERNEL] if len(operands) > KERNEL else None
    return weights is not None and weights.is_constant and _is_quantised(weights)


def _in_blocks(operands: Sequence[Tensor | None]) -> bool:
    """Whether the weights have a scale for each block of values."""
    weights = operands[KERNEL]
    return bool(weights and weights.quantisation and weights.quantisation.block)


def _is_dynamic(operands: Sequence[Tensor | None]) -> bool:
    """Whether an operator on floats has int8 weights, and one scale or one for each channel."""
    data = operands[0]
    return data is not None and data.dtype == "float32" and _has_integer_weights(operands)


def _sums(op: Operator, stored: Graph, real: Graph) -> Callable[[np.ndarray], np.ndarray]:
    """The operator's sums in float64: no bias or activation, weights less their zero point."""
    from blazepalm.reports.backends.torch_generic import doubled

    tensors, inputs, data = list(real.tensors), op.inputs, op.inputs[0]
    if op.name in LINEAR:
        data = op.inputs[data_slot(op.name)]
        inputs = op.inputs[: max(data_slot(op.name), KERNEL) + 1]
        weights = stored.tensors[op.inputs[KERNEL]]
        assert weights.data is not None and weights.quantisation is not None
        centred = weights.data.astype(np.float32) - zero_of(weights.quantisation)
        if weights.quantisation.block:  # each with its block's scale
            real_weights = real.tensors[weights.index].data
            assert real_weights is not None
            centred = real_weights
        tensors[weights.index] = replace(weights, dtype="float32", data=centred, quantisation=None)
    options: Any = op.options
    if hasattr(options, "activation"):
        options = replace(options, activation="NONE")
    plain = replace(op, inputs=inputs, options=options)
    module = doubled(alone(replace(real, tensors=tuple(tensors)), plain, (data,)))

    def run(values: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            (found,) = module(torch.from_numpy(np.asarray(values, np.float64)))
        sums: np.ndarray = found.numpy()
        return sums

    return run


def _nothing(values: np.ndarray) -> np.ndarray:
    raise AssertionError("this kernel has no sums")


def _rounded(op: Operator, stored: Graph, real: Graph) -> Run:
    """The operator on real values, its results rounded to their steps."""
    import torch

    given = tuple(dict.fromkeys(t for t in op.inputs if t >= 0 and not real.tensors[t].is_constant))
    results = [stored.tensors[t] for t in op.outputs]
    module = alone(real, op, given)

    def run(values: Mapping[int, np.ndarray]) -> Sequence[np.ndarray]:
        fed = [as_real(stored.tensors[t], values[t]) for t in given]
        with torch.inference_mode():
            found = module(*(torch.from_numpy(np.array(value)) for value in fed))
        return [as_stored(t, value.numpy()) for t, value in zip(results, found, strict=True)]

    return run


def alone(graph: Graph, op: Operator, inputs: tuple[int, ...]) -> "LoweredGraph":
    """The lowering of one operator."""
    from blazepalm.converter.lowering import lower

    return lower(replace(graph, operators=(op,), inputs=inputs, outputs=op.outputs, rewrites=()))


def _logic(op: Operator, operands: Sequence[Tensor | None], result: Tensor) -> Run:
    def run(values: Mapping[int, np.ndarray]) -> Sequence[np.ndarray]:
        given = [as_real(t, values[t.index]) for t in operands if t is not None]
        return (as_stored(result, LOGIC[op.name](*given)),)

    return run


def as_real(tensor: Tensor, value: np.ndarray) -> np.ndarray:
    """A stored value as a real one."""
    return dequantise(value, tensor.quantisation, str(tensor)) if _is_quantised(tensor) else value


def as_stored(tensor: Tensor, value: np.ndarray) -> np.ndarray:
    """A real value as the file stores it."""
    if not _is_quantised(tensor) or tensor.quantisation is None:
        return value
    return quantise(value, tensor.quantisation, tensor.dtype)


def _open(opening: Opening) -> Backend | None:
    if opening.integers is None:
        return None
    try:
        return open_network(opening.integers, opening.outputs, opening.source)
    except (InvalidModel, UnsupportedOperator) as error:
        opening.notice(f"its integer arithmetic was run by LiteRT alone: {first_line(error)}")
        return None


BACKEND = Registration(
    INTEGER,
    "the file's own integers, by TFLite's specification",
    INTEGERS,
    _open,
    WITNESS,
    every_picture=False,
)
