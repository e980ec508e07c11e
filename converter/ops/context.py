"""What a lowering function works with: the values computed so far, the constants, and the
module under construction.

A lowering is ordinary torch code run once on `torch.fx` proxies, which records it. The one
gap in meaning is layout. TFLite is channels-last; torch's convolutions are channels-first.
So every rank-4 value is held in one of two orders and says which: `channels_first` (stored
N, C, H, W) or plain (stored as TFLite does). Its `shape` is always TFLite's. An operator
asks for the order that it needs; only where the two meet is a permute recorded.

The second is the batch. Files fix it at 1; here it stays free for every value whose first
axis still counts images (`batched`). An operator that merges or moves that axis calls
`fix_batch`, and the module then takes the file's batch size only.
"""

import math
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import nn
from torch.fx.proxy import GraphAppendingTracer, Proxy

from blazepalm.converter.tflite.graph import Graph, Operator
from blazepalm.converter.transforms import apply_transform
from blazepalm.models.errors import InvalidModel, UnsupportedOperator

TO_CHANNELS_FIRST = (0, 3, 1, 2)  # N H W C → N C H W
TO_CHANNELS_LAST = (0, 2, 3, 1)  # N C H W → N H W C

T = TypeVar("T")


@dataclass(frozen=True)
class Value:
    """A run-time tensor: `proxy` records what is done to it, `shape` is TFLite's."""

    proxy: Proxy
    shape: tuple[int, ...]
    channels_first: bool
    batched: bool


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
        self.root = nn.Module()
        self.fx = torch.fx.Graph()
        self.tracer = GraphAppendingTracer(self.fx)
        self.bindings: list[Binding] = []
        self.batch_fixed_by: str | None = None
        self.batch = graph.tensors[graph.inputs[0]].shape[0] if graph.tensors[graph.inputs[0]].shape else 1
        self._values: dict[int, Value] = {}

    # What an operator reads -------------------------------------------------------------

    def options(self, op: Operator, kind: type[T]) -> T:
        """The operator's typed options; the schema's defaults where the file has none."""
        if op.options is None:
            return kind()
        if not isinstance(op.options, kind):
            raise InvalidModel(
                f"{self.graph.source}: operator {op.index} {op.name} carries "
                f"{type(op.options).__name__}, expected {kind.__name__}"
            )
        return op.options

    def shape(self, tensor: int) -> tuple[int, ...]:
        """The tensor's shape in TFLite's order, with the file's batch size."""
        return self.graph.tensors[tensor].shape

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
        tensor = self.graph.tensors[op.inputs[slot]]
        if tensor.data is None:
            raise UnsupportedOperator(
                f"{self.graph.source}: operator {op.index} {op.name} reads operand {slot} {tensor} "
                "at run time; only a constant is supported there"
            )
        return tensor.data

    def integers(self, op: Operator, slot: int) -> tuple[int, ...]:
        """A constant integer operand, flattened to Python integers."""
        return tuple(int(i) for i in self.constant(op, slot).reshape(-1))

    def has(self, op: Operator, slot: int) -> bool:
        """Whether an optional operand is present."""
        return slot < len(op.inputs) and op.inputs[slot] >= 0

    def plain(self, op: Operator, slot: int) -> Proxy:
        """Operand `slot` in TFLite's axis order; a constant becomes a parameter."""
        tensor = op.inputs[slot]
        if self.is_constant(tensor):
            return self.parameter(op, slot, "constant", "as stored")
        value = self._value(op, tensor)
        return value.proxy.permute(*TO_CHANNELS_LAST) if value.channels_first else value.proxy

    def channels_first(self, op: Operator, slot: int) -> Proxy:
        """Rank-4 operand `slot` as N, C, H, W; a constant becomes a parameter."""
        tensor = op.inputs[slot]
        if len(self.shape(tensor)) != 4:
            raise InvalidModel(
                f"{self.graph.source}: operator {op.index} {op.name} needs a rank-4 operand, "
                f"{self.graph.tensors[tensor]} has shape {list(self.shape(tensor))}"
            )
        if self.is_constant(tensor):
            return self.parameter(op, slot, "constant", "NHWC→NCHW")
        value = self._value(op, tensor)
        return value.proxy if value.channels_first else value.proxy.permute(*TO_CHANNELS_FIRST)

    def parameter(self, op: Operator, slot: int, role: str, transform: str) -> Proxy:
        """Constant operand `slot` as a parameter (a buffer, if not floating point) of the
        module, transformed; its key is `op<index>_<name>.<role>`.
        """
        self.constant(op, slot)  # or a clear refusal
        tensor = self.graph.tensors[op.inputs[slot]]
        owner_name = f"op{op.index:03d}_{op.name.lower()}"
        if not hasattr(self.root, owner_name):
            self.root.add_module(owner_name, nn.Module())
        owner = getattr(self.root, owner_name)
        role = role if not hasattr(owner, role) else f"{role}{slot}"
        assert tensor.data is not None
        data = torch.from_numpy(np.array(apply_transform(tensor.data, transform), order="C"))
        if data.is_floating_point():
            owner.register_parameter(role, nn.Parameter(data))
        else:
            owner.register_buffer(role, data)
        key = f"{owner_name}.{role}"
        self.bindings.append(Binding(op.index, slot, tensor.index, transform, key))
        return Proxy(self.fx.get_attr(key), self.tracer)

    # What an operator leaves ------------------------------------------------------------

    def leave(
        self, op: Operator, proxy: Proxy, *, channels_first: bool = False, batched: bool | None = None,
        slot: int = 0,
    ) -> None:
        """Output `slot` of `op` is `proxy`. `batched` defaults to whether any operand is."""
        tensor = self.graph.tensors[op.outputs[slot]]
        if batched is None:
            batched = any(self.is_batched(i) for i in op.inputs if i >= 0)
        proxy.node.meta["tflite"] = (op.index, tensor.index)
        self._values[tensor.index] = Value(proxy, tensor.shape, channels_first, batched)

    def free_batch(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """A literal shape of a batched value with its first axis freed: (1, 864, 18) → (−1, 864, 18)."""
        return (-1, *shape[1:])

    def fix_batch(self, op: Operator, why: str) -> None:
        """The module takes only the file's batch size from here on, because `op` `why`."""
        if self.batch_fixed_by is None:
            self.batch_fixed_by = f"operator {op.index} {op.name} {why}"

    # The edges --------------------------------------------------------------------------

    def open_input(self, position: int, tensor: int) -> None:
        shape = self.shape(tensor)
        name = "image" if len(self.graph.inputs) == 1 else f"input{position}"
        proxy = Proxy(self.fx.placeholder(name), self.tracer)
        batched = bool(shape) and shape[0] == self.batch
        if len(shape) == 4:  # one copy here keeps every later operator on contiguous memory
            proxy = proxy.permute(*TO_CHANNELS_FIRST).contiguous()
        self._values[tensor] = Value(proxy, shape, len(shape) == 4, batched)

    def close_output(self, tensor: int) -> Proxy:
        value = self._values[tensor]
        return value.proxy.permute(*TO_CHANNELS_LAST) if value.channels_first else value.proxy

    def _value(self, op: Operator, tensor: int) -> Value:
        if tensor not in self._values:
            raise InvalidModel(
                f"{self.graph.source}: operator {op.index} {op.name} reads {self.graph.tensors[tensor]} "
                "before anything computes it"
            )
        return self._values[tensor]


def elements(shape: tuple[int, ...]) -> int:
    return math.prod(shape)
