"""What each layer of a Core ML package costs in 8-bit integers, computed in torch as coremltools
stores it: the layer's inputs rounded to 254 steps of their range, large weights by channel.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from blazepalm.converter.converted import Converted
from blazepalm.converter.coreml.compress import DECODE, MOST_KEPT
from blazepalm.converter.coreml.ports import face_ports
from blazepalm.converter.layer_price import LayerPrice
from blazepalm.converter.threads import one_torch_thread
from blazepalm.reports.compression.measure import Answer, Measure
from blazepalm.reports.compression.prices import Run, Step, layer_prices, whole_price
from blazepalm.reports.compression.search import FEW, OnStep, stored

if TYPE_CHECKING:
    from torch.fx import Node

    from blazepalm.converter.coreml.trace import Traced

# MIL's operations before which coremltools puts `quantize`, if no operand is a constant
ROUNDED = ("add", "avg_pool", "conv", "linear", "max_pool")
TARGET = "iOS17"  # the oldest that stores values as integers


def package_prices(model: Converted, measure: Measure, on_step: OnStep) -> tuple[LayerPrice, ...]:
    """The price of the whole network, then of each layer alone, the dearest first."""
    import torch

    from blazepalm.converter.coreml.faces import face_module
    from blazepalm.converter.coreml.trace import trace

    with one_torch_thread(), torch.inference_mode():
        traced = trace(face_module(model, measure.face), model.graph)
        kinds = _kinds(model, measure, traced)
        inputs = [_given(traced, item[0]) for item in measure.inputs]
        steps = _steps(traced, kinds, {})
        found: dict[Hashable, float] = {}
        for number, values in enumerate(inputs):
            on_step("measuring each layer's values", number, len(inputs))
            _extend(found, _all(steps, values))
        peaks = {node: peak for node, peak in found.items() if peak > 0}
        steps = _steps(traced, kinds, peaks)
        (outputs,) = (node for node in traced.graph.nodes if node.op == "output")
        names = [port.name for port in face_ports(model, measure.face)[1]]

        def answer(values: Mapping[Hashable, Any]) -> Answer:
            found = [values[node].numpy() for node in outputs.args[0]]
            if measure.face == "batch":
                found = [value[0] for value in found]
            return dict(zip(names, found, strict=True))

        whole = whole_price(steps, inputs, answer, measure, on_step)
        return (whole, *layer_prices(steps, inputs[:FEW], answer, measure, on_step))


def _kinds(model: Converted, measure: Measure, traced: "Traced") -> "dict[Node, str]":
    """The MIL operation of each call that is in integers."""
    from blazepalm.converter.coreml.quiet import import_coremltools

    target = getattr(import_coremltools().target, TARGET)
    from coremltools.converters.mil.mil import Var

    from blazepalm.converter.coreml.program import emit

    ports = face_ports(model, measure.face)
    emitted = emit(traced, *ports, face=measure.face, precision="fp16", target=target)
    found = {}
    for node, value in emitted.values.items():
        op = value.op if isinstance(value, Var) else None
        if op is None or op.op_type not in ROUNDED or op.name.startswith(DECODE):
            continue
        read = [op.inputs[key] for key in ("x", "y") if key in op.inputs]
        if all(operand.val is None for operand in read):
            found[node] = str(op.op_type)
    return found


def _given(traced: "Traced", levels: Any) -> dict[Hashable, Any]:
    """The picture and the constants, by node."""
    import torch

    values: dict[Hashable, Any] = {}
    for node in traced.graph.nodes:
        if node.op == "placeholder":
            values[node] = torch.from_numpy(levels.transpose(2, 0, 1)[None].copy())
        elif node.op == "get_attr":
            values[node] = traced.constants(str(node.target))
    return values


def _steps(
    traced: "Traced", kinds: "Mapping[Node, str]", peaks: "Mapping[Hashable, float]"
) -> list[Step]:
    return [
        Step(
            traced.paths[node],
            kinds.get(node, ""),
            tuple(node.all_input_nodes),
            (node,),
            _run(node, {}),
            _run(node, peaks) if node in kinds else None,
        )
        for node in traced.graph.nodes
        if node.op in ("call_function", "call_method")
    ]


def _run(node: "Node", peaks: "Mapping[Hashable, float]") -> Run:
    """The call on its operands, of which those with a peak and large weights are rounded."""
    from torch.fx.node import map_arg

    def run(values: Mapping[Hashable, Any]) -> Sequence[Any]:
        def operand(source: "Node") -> Any:
            return _rounded(source, values[source], peaks) if peaks else values[source]

        args, named = map_arg((node.args, dict(node.kwargs)), operand)
        if node.op == "call_method":
            return (getattr(args[0], str(node.target))(*args[1:], **named),)
        return (node.target(*args, **named),)  # type: ignore[operator]

    return run


def _rounded(source: "Node", value: Any, peaks: "Mapping[Hashable, float]") -> Any:
    import torch

    if source.op == "get_attr":
        large = value.numel() > MOST_KEPT
        return torch.from_numpy(stored(value.numpy(), "int8", 2)) if large else value
    if source not in peaks:
        return value
    scale = peaks[source] / 127
    return torch.round(value / scale).clamp(-128, 127) * scale


def _all(steps: Sequence[Step], given: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
    values = dict(given)
    for step in steps:
        values.update(zip(step.writes, step.run(values), strict=True))
    return values


def _extend(peaks: dict[Hashable, float], values: Mapping[Hashable, Any]) -> None:
    """Raises each peak to the largest magnitude of its node's value."""
    import torch

    for node, value in values.items():
        if isinstance(value, torch.Tensor) and value.is_floating_point() and value.numel():
            peaks[node] = max(peaks.get(node, 0.0), float(value.abs().max()))
