"""A traced face → a MIL program: each torch call becomes MIL operations, named after the calling
module, in the requested precision.

This module also adds inputs and outputs under the ports' names, float32 at both ends, and drops
operations whose value is unused.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from coremltools import EnumeratedShapes, ImageType, TensorType, colorlayout
from coremltools.converters.mil.mil import Builder as mb  # noqa: N813 (its name everywhere)
from coremltools.converters.mil.mil import Function, Program, Var, types
from coremltools.converters.mil.mil.passes.pass_registry import PASS_REGISTRY
from torch.fx import Node
from torch.fx.node import map_arg

from blazepalm.converter.coreml.names import Names, path
from blazepalm.converter.coreml.ops import EMITTERS
from blazepalm.converter.coreml.ops.emit_context import EmitContext, Value, Weight
from blazepalm.converter.coreml.ops.shape import MAX_AXES
from blazepalm.converter.coreml.options import Port
from blazepalm.converter.coreml.ports import MAX_REGIONS
from blazepalm.converter.coreml.trace import Traced, function_name
from blazepalm.errors import UnsupportedOperator

SINGLE: np.dtype[Any] = np.dtype(np.float32)
MOVES = {"cat", "reshape", "flatten", "unflatten", "permute", "contiguous"}  # they compute nothing
DTYPES: dict[str, np.dtype[Any]] = {"fp32": SINGLE, "fp16": np.dtype(np.float16)}


@dataclass(frozen=True)
class Emitted:
    """A program, and the MIL values of each node of the trace it was made from."""

    program: Program
    values: dict[Node, Value]


def emit(
    traced: Traced,
    inputs: tuple[Port, ...],
    outputs: tuple[Port, ...],
    *,
    face: str,
    precision: str,
    target: Any,
) -> Emitted:
    """Emits a program; `target` is coremltools' `target.iOS16` or another. Raises
    UnsupportedOperator naming every torch function without an emitter.
    """
    check_supported(traced)
    mb.name_count.clear()  # the same names in every run
    features = tuple(_feature(port, face) for port in inputs)
    placeholders = {
        port.name: mb.placeholder(shape=_shape(feature), dtype=types.fp32)
        for port, feature in zip(inputs, features, strict=True)
    }
    names = Names(traced.paths, {port.name for port in (*inputs, *outputs)})
    with Function(placeholders, opset_version=target) as function:
        values = _Run(traced, names, DTYPES[precision]).run(list(function.inputs.values()))
        last = next(node for node in traced.graph.nodes if node.op == "output")
        found = map_arg(last.args[0], lambda node: values[node])
        function.set_outputs(_outputs(found, outputs, names))
    function.set_input_types(features)
    program = Program()
    program.add_function("main", function)
    PASS_REGISTRY["common::dead_code_elimination"](program)
    _check_axes(function, traced.source)
    return Emitted(program, values)


def check_supported(traced: Traced) -> None:
    """Raises UnsupportedOperator naming every torch function without an emitter."""
    called = (n for n in traced.graph.nodes if n.op in ("call_function", "call_method"))
    missing = sorted({str(node.target) for node in called if node.target not in EMITTERS})
    if missing:
        raise UnsupportedOperator(
            f"{traced.source}: no Core ML emitter for {', '.join(missing)}; "
            "leave the package out (--no-coreml)"
        )


def _check_axes(function: Function, source: str) -> None:
    for op in function.operations:
        if any(value.rank > MAX_AXES for value in op.outputs):
            raise UnsupportedOperator(
                f"{source}: {path(op.name)} gives a value of {op.outputs[0].rank} axes, Core ML "
                f"has {MAX_AXES} at most; leave the package out (--no-coreml)"
            )


class _Run:
    """Emits the nodes one after another."""

    def __init__(self, traced: Traced, names: Names, dtype: np.dtype[Any]) -> None:
        self.traced = traced
        self.names = names
        self.dtype = dtype
        self.values: dict[Node, Value] = {}
        self.casts: dict[tuple[str, str], Var] = {}

    def run(self, inputs: list[Var]) -> dict[Node, Value]:
        waiting = iter(inputs)
        for node in self.traced.graph.nodes:
            if node.op == "placeholder":
                self.values[node] = next(waiting)
            elif node.op == "get_attr":
                key = str(node.target)
                array = self.traced.constants(key).numpy()
                self.values[node] = Weight(self.traced.paths[node], array)
            elif node.op != "output":
                self.values[node] = self._emit(node)
        return self.values

    def _emit(self, node: Node) -> Value:
        args, kwargs = map_arg((node.args, dict(node.kwargs)), lambda n: self.values[n])
        context = EmitContext(node, self.names, self._precision(node), self.casts, self.values)
        return EMITTERS[node.target](context, *args, **kwargs)

    def _precision(self, node: Node) -> np.dtype[Any]:
        """float32 if the face asks for it, if a constant is too large for float16, or if the node
        only moves float32 values.
        """
        read = [self.values[source] for source in node.all_input_nodes]
        large = any(isinstance(value, Weight) and not value.fits_half for value in read)
        if large or node in self.traced.single:
            return SINGLE
        moved = function_name(node) in MOVES and all(
            isinstance(value, Var) and value.dtype == types.fp32 for value in read
        )
        return SINGLE if moved else self.dtype


def _outputs(found: Any, ports: tuple[Port, ...], names: Names) -> list[Var]:
    """The outputs in float32, under the ports' names."""
    outputs: list[Var] = []
    for value, port in zip(found, ports, strict=True):
        if value.dtype != types.fp32:
            value = mb.cast(x=value, dtype="fp32", name=port.name)
        elif value.op is None or value in outputs:  # an unchanged input, or an output given twice
            value = mb.identity(x=value, name=port.name)
        value.set_name(port.name)
        outputs.append(value)
    return outputs


def _feature(port: Port, face: str) -> ImageType | TensorType:
    if port.kind == "image":
        return ImageType(
            name=port.name, shape=port.shape, color_layout=colorlayout.RGB, channel_first=True
        )
    shape: Any = port.shape
    if face == "batch":
        shapes = [(n, *port.shape[1:]) for n in range(1, MAX_REGIONS + 1)]
        shape = EnumeratedShapes(shapes, default=shapes[0])
    return TensorType(name=port.name, shape=shape, dtype=np.float32)


def _shape(feature: ImageType | TensorType) -> tuple[Any, ...]:
    """The shape, with a symbol for each free size."""
    shape = feature.shape
    return tuple(getattr(shape, "symbolic_shape", None) or shape.shape)
