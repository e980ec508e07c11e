"""What an emitter works with: one node of the traced graph, its name in the program, the precision
it computes in, and its operands.

An operand is a MIL value, a `Weight` (a constant of the module), or a plain number. float16 is
written directly: a weight is stored in the precision of the operation that reads it, and a value is
cast once where two precisions meet.
"""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from coremltools.converters.mil.mil import Builder as mb  # noqa: N813 (its name everywhere)
from coremltools.converters.mil.mil import Var, types
from torch.fx import Node

from blazepalm.converter.coreml.names import Names

HALF_MAX = 65504.0  # the largest float16

Value: TypeAlias = Any  # a MIL value, a Weight, a number, or a tuple of those
TYPES = {np.dtype(np.float16): "fp16", np.dtype(np.float32): "fp32"}


@dataclass
class Weight:
    """A constant tensor of the module: parameter or buffer. `stored` holds its MIL value for each
    precision in which some operation reads it.
    """

    path: str
    array: np.ndarray
    stored: dict[str, Var] = field(default_factory=dict)

    @property
    def fits_half(self) -> bool:
        """Whether every value fits float16 (NaN and infinity exist in both)."""
        if self.array.dtype.kind != "f":
            return True
        finite = self.array[np.isfinite(self.array)]
        return not finite.size or float(np.abs(finite).max()) <= HALF_MAX


@dataclass
class EmitContext:
    """The node being emitted. `dtype` is the precision that it computes in; `values` are those of
    the nodes before it.
    """

    node: Node
    names: Names
    dtype: np.dtype[Any]
    casts: dict[tuple[str, str], Var]
    values: dict[Node, Value]

    def name(self, suffix: str = "") -> str:
        """An unused MIL name for the node's operation, or for a helper of it."""
        return self.names.take(self.node, suffix)

    def var(self, operand: Value) -> Var:
        """The operand as a MIL value in the node's precision (integers stay integers)."""
        if isinstance(operand, Weight):
            return self.stored(operand)
        if isinstance(operand, Var):
            return self._cast(operand)
        return mb.const(val=self.dtype.type(operand), name=self.name("constant"))

    def stored(self, weight: Weight) -> Var:
        """A weight as a MIL constant, written once per precision."""
        array = weight.array.astype(self.dtype) if weight.array.dtype.kind == "f" else weight.array
        kind = str(array.dtype)
        if kind not in weight.stored:
            weight.stored[kind] = mb.const(val=array, name=self.names.free(weight.path))
        return weight.stored[kind]

    def optional(self, operand: Value) -> Var | None:
        """The operand's MIL value; None for None."""
        return None if operand is None else self.var(operand)

    def source(self, operand: int = 0) -> Node:
        """The node behind a positional operand."""
        node = self.node.args[operand]
        assert isinstance(node, Node)
        return node

    def _cast(self, value: Var) -> Var:
        wanted = TYPES[self.dtype]
        if not types.is_float(value.dtype) or types.builtin_to_string(value.dtype) == wanted:
            return value
        key = (value.name, wanted)
        if key not in self.casts:
            name = self.names.free(f"{value.name}.to_{wanted}")
            self.casts[key] = mb.cast(x=value, dtype=wanted, name=name)
        return self.casts[key]
