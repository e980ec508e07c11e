"""The context of a lowering function: the values computed so far, the constants, and the module
under construction.

A lowering is ordinary torch code run once on `torch.fx` proxies, which records it. It has to bridge
two differences. The first is layout: TFLite is channels-last; torch's convolutions are
channels-first. So every rank-4 value is held in one of two orders and records which:
`channels_first` (stored N, C, H, W) or plain (stored as in TFLite). Its `shape` is always TFLite's.
An operator asks for the order it needs; a permute is recorded, once, only where the two meet.

The second is the batch. Files fix it at 1; here it stays free for every value whose first axis
still counts images (`batched`). An operator that merges or moves that axis calls `fix_batch`, and
the module then accepts the file's batch size only.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from torch import Tensor

from blazepalm.converter.ops.geometry import elements
from blazepalm.converter.ops.recording import Recorder, node_of
from blazepalm.converter.ops.values import Value
from blazepalm.converter.tflite.graph import Graph, Operator
from blazepalm.converter.tflite.options import (
    BlockOptions,
    Conv2DOptions,
    DepthwiseConv2DOptions,
    MirrorPadOptions,
    Pool2DOptions,
    SoftmaxOptions,
    SplitOptions,
    TransposeConvOptions,
)
from blazepalm.converter.transforms import apply_transform
from blazepalm.errors import InvalidModel, UnsupportedOperator
from blazepalm.models.spec_check import MAX_VALUES

# how a constant of each rank broadcasts against a value held as N, C, H, W
BROADCAST = {0: "as stored", 1: "C→C11", 2: "WC→C1W", 3: "HWC→CHW", 4: "NHWC→NCHW"}

MAX_INDICES = 1 << 22  # of one axis; they become a constant of eight bytes each

# options whose defaults are not what a kernel sees without any
NEEDED = (
    BlockOptions,
    Conv2DOptions,
    DepthwiseConv2DOptions,
    MirrorPadOptions,
    Pool2DOptions,
    SoftmaxOptions,
    SplitOptions,
    TransposeConvOptions,
)

T = TypeVar("T")


@dataclass(frozen=True)
class Binding:
    """One constant operand that became a parameter: where it came from, where it went."""

    operator: int
    slot: int
    tensor: int
    transform: str
    key: str


class Context:
    """Records the torch code of one graph, operator by operator."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.recorder = Recorder()
        self.bindings: list[Binding] = []
        self.batch_fixed_by: str | None = None
        if not graph.inputs:
            raise InvalidModel(f"{graph.source}: the model has no input")
        self.batch = (*graph.tensors[graph.inputs[0]].shape, 1)[0]
        self._values: dict[int, Value] = {}

    # What is wrong ----------------------------------------------------------------------

    def invalid(self, op: Operator, sentence: str) -> InvalidModel:
        """The error for an `op` that contradicts TFLite's specification."""
        return InvalidModel(f"{self.graph.source}: operator {op.index} {op.name}: {sentence}")

    def unsupported(self, op: Operator, sentence: str) -> UnsupportedOperator:
        """The error for an `op` that is valid but has no lowering here."""
        return UnsupportedOperator(
            f"{self.graph.source}: operator {op.index} {op.name}: {sentence}"
        )

    # What an operator reads -------------------------------------------------------------

    def options(self, op: Operator, kind: type[T]) -> T:
        """The operator's typed options. If the file has none, TFLite's kernels see zeros: what is
        zero by the schema's defaults may be left out, strides and the like may not.
        """
        if op.options is None:
            if kind in NEEDED:
                raise self.invalid(op, f"has no {kind.__name__}")
            return kind()
        if not isinstance(op.options, kind):
            raise self.invalid(op, f"has {type(op.options).__name__}, expected {kind.__name__}")
        return op.options

    def has(self, op: Operator, slot: int) -> bool:
        """Whether an optional operand is present."""
        return slot < len(op.inputs) and op.inputs[slot] >= 0

    def operand(self, op: Operator, slot: int) -> int:
        """The tensor index of the required operand `slot`."""
        if not self.has(op, slot):
            raise self.invalid(op, f"operand {slot} is missing")
        return op.inputs[slot]

    def shape(self, tensor: int) -> tuple[int, ...]:
        """The tensor's shape in TFLite's order, with the file's batch size."""
        return self.graph.tensors[tensor].shape

    def shape_of(self, op: Operator, slot: int, rank: int | None = None) -> tuple[int, ...]:
        """The shape of operand `slot` in TFLite's order; InvalidModel unless it has `rank`."""
        shape = self.shape(self.operand(op, slot))
        if rank is not None and len(shape) != rank:
            tensor = self.graph.tensors[op.inputs[slot]]
            raise self.invalid(
                op, f"operand {slot} {tensor} has shape {list(shape)}, expected rank {rank}"
            )
        return shape

    def is_constant(self, tensor: int) -> bool:
        return self.graph.tensors[tensor].is_constant

    def is_channels_first(self, tensor: int) -> bool:
        """Whether the run-time value is held as N, C, H, W now (False for constants)."""
        return tensor in self._values and self._values[tensor].channels_first

    def is_batched(self, tensor: int) -> bool:
        """Whether the first axis still counts images (False for constants)."""
        return tensor in self._values and self._values[tensor].batched

    def constant(self, op: Operator, slot: int) -> np.ndarray:
        """A constant operand that shapes the code (axes, paddings, sizes), as numpy."""
        tensor = self.graph.tensors[self.operand(op, slot)]
        if tensor.data is None:
            raise self.unsupported(
                op, f"operand {slot} {tensor} is computed at run time, but must be a constant"
            )
        return tensor.data

    def integers(self, op: Operator, slot: int) -> tuple[int, ...]:
        """A constant integer operand, flattened to Python integers."""
        data = self.constant(op, slot)
        if data.dtype.kind not in "iu":
            raise self.invalid(op, f"operand {slot} is {data.dtype}, expected integers")
        return tuple(int(i) for i in data.reshape(-1))

    def axis(self, op: Operator, axis: int, rank: int) -> int:
        """An axis, which may be negative (counted from the end), as 0 … rank − 1."""
        if not -rank <= axis < rank:
            raise self.invalid(op, f"axis {axis} is out of range for {rank} axes")
        return axis % rank

    def plain(self, op: Operator, slot: int) -> Tensor:
        """Operand `slot` in TFLite's axis order; a constant becomes a parameter."""
        return self._ordered(op, slot, False)

    def channels_first(self, op: Operator, slot: int) -> Tensor:
        """Rank-4 operand `slot` as N, C, H, W; a constant becomes a parameter."""
        self.shape_of(op, slot, rank=4)
        return self._ordered(op, slot, True)

    def held(self, op: Operator, slot: int) -> tuple[Tensor, bool]:
        """Operand `slot` in its current order, and whether that is N, C, H, W."""
        first = self.is_channels_first(self.operand(op, slot))
        return self._ordered(op, slot, first), first

    def flat(self, op: Operator, slot: int) -> Tensor:
        """Operand `slot` with its elements in TFLite's order and its axes in any: the starting
        point of a reshape.
        """
        value = self._values.get(self.operand(op, slot))
        return self.plain(op, slot) if value is None else value.flat()

    def broadcastable(
        self, op: Operator, slot: int, *, channels_first: bool, role: str = "constant"
    ) -> Tensor:
        """Operand `slot` such that torch broadcasts it as TFLite does, against values held as
        `channels_first` says. In that case a constant may have a lower rank, a run-time value may
        not.
        """
        if not self.is_constant(self.operand(op, slot)):
            return self._ordered(op, slot, channels_first and len(self.shape_of(op, slot)) == 4)
        transform = BROADCAST[len(self.shape_of(op, slot))] if channels_first else "as stored"
        return self.parameter(op, slot, role, transform)

    def parameter(self, op: Operator, slot: int, role: str, transform: str) -> Tensor:
        """Constant operand `slot` as a parameter of the module, transformed; its key is
        `op<index>_<name>.<role>`. Does not look at the values: they may be filled in later.
        """
        stored = self.constant(op, slot)
        if stored.dtype != np.float32:
            raise self.unsupported(op, f"operand {slot} is {stored.dtype}, expected float32")
        values = apply_transform(stored, transform)
        proxy, key = self.recorder.parameter(_owner(op), role, values)
        self.bindings.append(Binding(op.index, slot, op.inputs[slot], transform, key))
        return proxy

    def check_indices(self, op: Operator, count: int) -> None:
        """Raises InvalidModel if `op` would need too many indices, before they are computed."""
        if count > MAX_INDICES:
            raise self.invalid(
                op, f"picks {count} places along one axis, at most {MAX_INDICES} are computed"
            )

    def index(self, op: Operator, role: str, indices: np.ndarray) -> Tensor:
        """A vector of indices for `index_select`: part of the code, not of the state_dict."""
        return self.recorder.index(_owner(op), role, indices)

    # What an operator leaves ------------------------------------------------------------

    def check_shape(self, op: Operator, shape: tuple[int, ...], slot: int = 0) -> None:
        """Raises InvalidModel unless the file gives `shape` for output `slot`."""
        if slot >= len(op.outputs) or op.outputs[slot] < 0:
            raise self.invalid(op, f"output {slot} is missing")
        tensor = self.graph.tensors[op.outputs[slot]]
        if tuple(shape) != tensor.shape:
            raise self.invalid(
                op,
                f"the operands give shape {list(shape)}, "
                f"the file gives {list(tensor.shape)} for {tensor}",
            )
        self.check_size(op, shape)

    def check_size(self, op: Operator, shape: tuple[int, ...]) -> None:
        """Raises InvalidModel if the result of `op` would have no elements or too many."""
        if not 0 < elements(shape) <= MAX_VALUES:
            raise self.invalid(
                op, f"makes {list(shape)}: {elements(shape)} values, expected 1 to {MAX_VALUES}"
            )

    def leave(
        self,
        op: Operator,
        proxy: Tensor,
        shape: tuple[int, ...],
        *,
        channels_first: bool = False,
        batched: bool | None = None,
        slot: int = 0,
    ) -> None:
        """Records `proxy` as output `slot` of `op`, with TFLite's `shape`. `batched` defaults to
        whether any operand is.
        """
        self.check_shape(op, shape, slot)
        tensor = op.outputs[slot]
        if batched is None:
            batched = any(self.is_batched(i) for i in op.inputs if i >= 0)
        node_of(proxy).meta.setdefault("tflite", (op.index, tensor))
        self._values[tensor] = Value(tuple(shape), channels_first, batched, {channels_first: proxy})

    def leave_anything(self, op: Operator) -> None:
        """Gives the outputs of a refused operator a placeholder, so that further errors in the
        graph can be found.
        """
        for tensor in op.outputs:
            if tensor >= 0:
                stand_in = self._values[self.graph.inputs[0]].orders[False]
                self._values[tensor] = Value(self.shape(tensor), False, True, {False: stand_in})

    def free_batch(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """A literal shape of a batched value with its first axis freed: (1, 864, 18) → (−1, 864,
        18).
        """
        return (-1, *shape[1:])

    def fix_batch(self, op: Operator, why: str) -> None:
        """From here on the module accepts only the file's batch size, because `op` `why`."""
        if self.batch_fixed_by is None:
            self.batch_fixed_by = f"operator {op.index} {op.name} {why}"

    # The edges --------------------------------------------------------------------------

    def open_input(self, position: int, tensor: int) -> None:
        """A placeholder in TFLite's axis order. Once an operator needs a rank-4 image
        channels-first, one copy makes it so and keeps all later operators on contiguous memory.
        """
        shape = self.shape(tensor)
        name = "image" if len(self.graph.inputs) == 1 else f"input{position}"
        proxy = self.recorder.placeholder(name)
        batched = shape[:1] == (self.batch,)
        self._values[tensor] = Value(shape, len(shape) == 4, batched, {False: proxy})

    def close_output(self, tensor: int) -> Tensor:
        """A graph output in TFLite's axis order."""
        if tensor not in self._values:
            raise InvalidModel(
                f"{self.graph.source}: nothing computes the output {self.graph.tensors[tensor]}"
            )
        return self._values[tensor].ordered(False)

    def _ordered(self, op: Operator, slot: int, channels_first: bool) -> Tensor:
        tensor = self.operand(op, slot)
        if self.is_constant(tensor):
            transform = "NHWC→NCHW" if channels_first else "as stored"
            return self.parameter(op, slot, "constant", transform)
        if tensor not in self._values:
            raise self.invalid(op, f"reads {self.graph.tensors[tensor]} before it is computed")
        return self._values[tensor].ordered(channels_first)


def _owner(op: Operator) -> str:
    return f"op{op.index:03d}_{op.name.lower()}"
