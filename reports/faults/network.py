"""Faults inside a network: calls of the readable module's trace, and weights of a copy of it."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from blazepalm.reports.faults.planted import Fault, Planted
from blazepalm.reports.layers.values import trace_subject
from blazepalm.reports.subjects.subject import Subject

if TYPE_CHECKING:
    import torch
    from torch.fx import Node


HALF_MAX = 60000.0  # below float16's largest number, 65504
FEW_TERMS = 8  # fewer do not add up to an error worth planting


def _network(
    name: str, functions: tuple[str, ...], spoil: "Callable[[_Call], bool]", last: bool = False
) -> Fault:
    """A fault in the first (or last) call to one of `functions` that `spoil` can change."""

    def plant(subject: Subject) -> Planted | None:
        from blazepalm.converter.coreml.trace import function_name

        traced, face = trace_subject(subject)
        face = copy.deepcopy(face)
        nodes = [n for n in traced.graph.nodes if n.op in ("call_function", "call_method")]
        for node in reversed(nodes) if last else nodes:
            if function_name(node) in functions and spoil(_Call(node, face)):
                return Planted(node.name, candidate=(traced, face))
        return None

    return Fault(name, plant)


@dataclass(frozen=True)
class _Call:
    """A call in a trace, and a copy of the module whose weights a fault may change."""

    node: "Node"
    module: Any

    def weight(self, index: int = 0) -> "torch.Tensor":
        """The `index`-th parameter that the call reads, for changing in place."""
        from blazepalm.converter.coreml.trace import parameters

        found: torch.Tensor = self.module.get_parameter(parameters(self.node)[index]).data
        return found

    @property
    def margin(self) -> "Node | None":
        """The call of `pad` before a convolution, where it has one."""
        from blazepalm.converter.coreml.trace import function_name

        before: Any = self.node.args[0]
        return before if function_name(before) == "pad" else None


def _set_margin(call: _Call, change: Callable[[list[int]], list[int]]) -> bool:
    pad = call.margin
    if pad is None:
        return False
    margin = [int(str(value)) for value in pad.args[1]]  # type: ignore[union-attr]
    if len(margin) != 4 or margin == change(margin):
        return False
    pad.args = (pad.args[0], tuple(change(margin)), *pad.args[2:])
    return True


def _symmetric(call: _Call) -> bool:
    """Pads both sides by the larger of (0, 1) or (1, 2), so that the last rows never count."""

    def change(m: list[int]) -> list[int]:
        return [max(m[:2])] * 2 + [max(m[2:])] * 2

    return _set_margin(call, change)


def _other_side(call: _Call) -> bool:
    return _set_margin(call, lambda m: [m[1], m[0], m[3], m[2]])


def _drop(call: _Call) -> bool:
    call.weight().zero_()
    return True


def _permute(call: _Call) -> bool:
    slopes = call.weight()
    slopes.copy_(slopes.flip(0))
    return True


def _drop_bound(call: _Call) -> bool:
    """Turns ReLU6 into ReLU."""
    import torch.nn.functional as F

    call.node.target = F.relu
    call.node.kwargs = {}
    call.node.args = call.node.args[:1]
    return True


def _flip_corners(call: _Call) -> bool:
    call.node.kwargs = {**call.node.kwargs, "align_corners": True}
    return True


def _swap_channels(call: _Call) -> bool:
    kernel = call.weight()
    if kernel.shape[0] < 2 or kernel.shape[1] < 2:
        return False
    kernel[[0, 1]] = kernel[[1, 0]].clone()
    return True


def _transpose(call: _Call) -> bool:
    kernel = call.weight()
    if kernel.dim() != 4 or kernel.shape[2] < 2 or kernel.shape[2] != kernel.shape[3]:
        return False
    kernel.copy_(kernel.transpose(2, 3).clone())
    return True


def _zero_bias(call: _Call) -> bool:
    from blazepalm.converter.coreml.trace import parameters

    if len(parameters(call.node)) < 2 or not call.weight(1).any():
        return False
    call.weight(1).zero_()
    return True


def _round(call: _Call) -> bool:
    import torch

    kernel = call.weight()
    kernel.copy_(kernel.to(torch.bfloat16).float())
    return True


def _not_a_number(call: _Call) -> bool:
    call.weight().view(-1)[0] = float("nan")
    return True


def _overflow(call: _Call) -> bool:
    """Scales weights beyond 65504 before rounding to float16, and back afterwards."""
    kernel = call.weight()
    scale = 1e6 / float(kernel.abs().max())
    kernel.copy_((kernel * scale).half().float() / scale)
    return True


def _add_up_in_half(call: _Call) -> bool:
    """Rounds a convolution's sum to float16 after each input channel."""
    kernel = call.weight()
    if kernel.shape[1] < FEW_TERMS:  # a depthwise convolution has one
        return False
    call.node.target = _conv2d_in_half
    return True


def _conv2d_in_half(
    x: "torch.Tensor",
    kernel: "torch.Tensor",
    bias: "torch.Tensor | None" = None,
    *rest: Any,
    **more: Any,
) -> "torch.Tensor":
    import torch.nn.functional as F

    parts = (
        F.conv2d(x[:, i : i + 1], kernel[:, i : i + 1], None, *rest, **more).half()
        for i in range(kernel.shape[1])
    )
    found = next(parts)
    for part in parts:
        found = found + part
    return found.float() if bias is None else found.float() + bias[:, None, None]


def _overflow_sum(call: _Call) -> bool:
    """Adds a mean's numbers up in float16, which holds each of them and the mean, but not the sum
    on the way.
    """
    call.node.op, call.node.target = "call_function", _mean_in_half
    return True


def _mean_in_half(x: "torch.Tensor", *rest: Any, **more: Any) -> "torch.Tensor":
    scale = HALF_MAX / float(x.abs().max())
    values = (x * scale).half().flatten(2)  # (B, C, H·W)
    found = values[..., 0]
    for i in range(1, values.shape[2]):
        found = found + values[..., i]
    return found.float() / (values.shape[2] * scale)


def _swap_axes(call: _Call) -> bool:
    """Swaps a head's x and y: rows of its weights and bias."""
    kernel = call.weight()
    rows_ = kernel.shape[0]
    if rows_ % 63 == 0:  # 21 × (x, y, z)
        order = np.arange(rows_).reshape(-1, 3)[:, [1, 0, 2]].ravel()
    elif rows_ % 18 == 0:  # pairs
        order = np.arange(rows_).reshape(-1, 2)[:, ::-1].ravel()
    else:
        return False
    for index in (0, 1):
        values = call.weight(index)
        values.copy_(values[order.copy()].clone())
    return True


def _swap_heads(call: _Call) -> bool:
    """Concatenates the maps of two heads in the wrong order."""
    parts = call.node.args[0]
    if not isinstance(parts, list | tuple) or len(parts) < 2:
        return False
    call.node.args = (type(parts)(reversed(parts)), *call.node.args[1:])
    return True


CONV, LINEAR = ("conv2d",), ("conv2d", "linear")

NETWORK_FAULTS: tuple[Fault, ...] = (
    _network("SAME padding made symmetric", CONV, _symmetric),
    _network("stride-2 padding on the wrong side", CONV, _other_side),
    _network("PReLU slopes dropped", ("prelu",), _drop),
    _network("PReLU slopes permuted", ("prelu",), _permute, last=True),
    _network("upper bound of ReLU6 dropped", ("relu6", "hardtanh"), _drop_bound),
    _network("two heads swapped", ("cat",), _swap_heads),
    _network("x and y swapped", LINEAR, _swap_axes, last=True),
    _network("bilinear corners flag flipped", ("interpolate",), _flip_corners),
    _network("two channels of one weight swapped", LINEAR, _swap_channels, last=True),
    _network("one kernel transposed", CONV, _transpose),
    _network("one bias zeroed", LINEAR, _zero_bias),
    _network("weights rounded to bfloat16", CONV, _round, last=True),
    _network("one weight set to NaN", CONV, _not_a_number, last=True),
    _network("float16 overflow of a weight", CONV, _overflow),
    _network("a convolution adds up in float16", CONV, _add_up_in_half),
    _network("a sum overflows float16 on the way", ("mean",), _overflow_sum),
)
