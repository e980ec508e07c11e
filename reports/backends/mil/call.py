"""What a function registered with `@executes` receives: one operation, its parameters as Python
values, the types of its operands, and the errors to raise for invalid ones.

Some parameters of MIL are always constants (`strides`), others usually (`shape` of `reshape`,
computed in programs of flexible shapes). The first kind is read here, once; the second becomes an
operand if it is computed.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from blazepalm.errors import InvalidModel, UnsupportedOperator
from blazepalm.reports.backends.mil.accumulation import FLOAT16_SUMS
from blazepalm.reports.backends.mil.kernel import Kernel
from blazepalm.reports.backends.mil.storage_types import STORAGE_TYPES, to_tensor
from blazepalm.reports.backends.mil.syntax import Argument, Operation
from blazepalm.reports.backends.mil.values import Constant, TensorType


class Call:
    """One operation and its place in its function."""

    def __init__(
        self,
        operation: Operation,
        types: Mapping[str, TensorType],
        known: Mapping[str, Constant],
        *,
        opset: str,
        source: str,
        accumulation: str,
    ) -> None:
        self.operation = operation
        self.types = types
        self.known = known
        self.opset = opset
        self.source = source
        self.accumulation = accumulation
        self.literals: dict[str, Constant] = {}

    # What is wrong ----------------------------------------------------------------------

    def invalid(self, sentence: str) -> InvalidModel:
        """The error for an operation that contradicts MIL's definition."""
        return InvalidModel(f"{self.source}: {self.operation}: {sentence}")

    def unsupported(self, sentence: str) -> UnsupportedOperator:
        """The error for a valid operation that cannot be executed here."""
        return UnsupportedOperator(f"{self.source}: {self.operation}: {sentence}")

    # Parameters -------------------------------------------------------------------------

    def has(self, parameter: str) -> bool:
        return bool(self.operation.inputs.get(parameter))

    def constant(self, parameter: str) -> Constant | None:
        """The parameter if it is a known constant; None if it is absent or computed."""
        arguments = self.operation.inputs.get(parameter, ())
        return self._known(arguments[0]) if len(arguments) == 1 else None

    def array(self, parameter: str) -> np.ndarray:
        """A parameter that must be known, as a numpy array."""
        constant = self.constant(parameter)
        if constant is None:
            if not self.has(parameter):
                raise self.invalid(f"has no {parameter}")
            raise self.unsupported(f"{parameter} is computed at run time, but must be a constant")
        return constant.array()

    def tensor(self, parameter: str) -> torch.Tensor | None:
        """A parameter that must be known, carried; None where it is absent."""
        if not self.has(parameter):
            return None
        array = self.array(parameter)
        return to_tensor(array, self.dtype(parameter))

    def scalar(self, parameter: str, default: Any = None) -> Any:
        """A parameter of one element as a Python value; `default` if it is absent."""
        if not self.has(parameter) and default is not None:
            return default
        array = self.array(parameter)
        if array.size != 1:
            raise self.invalid(f"{parameter} has {array.size} elements, expected one")
        return array.item()

    def text(self, parameter: str, default: str | None = None, among: tuple[str, ...] = ()) -> str:
        """A text parameter, which must be one of `among`."""
        value = self.scalar(parameter, default)
        if not isinstance(value, str) or (among and value not in among):
            raise self.invalid(f"{parameter} is {value!r}, expected {' or '.join(among)}")
        return value

    def integer(self, parameter: str, default: int | None = None) -> int:
        value = self.scalar(parameter, default)
        if not isinstance(value, int):
            raise self.invalid(f"{parameter} is {value!r}, expected an integer")
        return int(value)

    def number(self, parameter: str, default: float | None = None) -> float:
        value = self.scalar(parameter, default)
        if not isinstance(value, int | float):
            raise self.invalid(f"{parameter} is {value!r}, expected a number")
        return value

    def flag(self, parameter: str, default: bool = False) -> bool:
        return bool(self.scalar(parameter, default))

    def integers(
        self, parameter: str, default: tuple[int, ...] | None = None, length: int | None = None
    ) -> tuple[int, ...]:
        """A parameter that is a vector of integers (or of booleans)."""
        if not self.has(parameter) and default is not None:
            return default
        array = self.array(parameter)
        if array.dtype.kind not in "iub":
            raise self.invalid(f"{parameter} is {array.dtype}, expected integers")
        if length is not None and array.size != length:
            raise self.invalid(f"{parameter} has {array.size} elements, expected {length}")
        return tuple(int(i) for i in array.reshape(-1))

    def each_integer(self, parameter: str, count: int) -> tuple[int, ...]:
        """A list parameter of `count` integers, each a separate argument (or one vector)."""
        arguments = [self._known(a) for a in self.operation.inputs.get(parameter, ())]
        known = [a.array().reshape(-1) for a in arguments if a is not None]
        values = [int(i) for array in known for i in array]
        if len(known) != len(arguments) or len(values) != count:
            raise self.invalid(f"{parameter} holds {len(values)} constants, expected {count}")
        return tuple(values)

    def known_integers(self, parameter: str) -> tuple[int, ...] | None:
        """The parameter if it is a known vector; None if the program computes it."""
        return None if self.constant(parameter) is None else self.integers(parameter)

    # Types ------------------------------------------------------------------------------

    def type_of(self, parameter: str) -> TensorType:
        """The declared type of the (first) operand."""
        if not self.has(parameter):
            raise self.invalid(f"has no {parameter}")
        argument = self.operation.inputs[parameter][0]
        return argument.type if isinstance(argument, Constant) else self.types[argument]

    def dtype(self, parameter: str) -> str:
        return self.type_of(parameter).dtype

    def rank(self, parameter: str) -> int:
        """The operand's rank, which the file must state."""
        shape = self.type_of(parameter).shape
        if shape is None:
            raise self.unsupported(f"{parameter} has a rank that is known at run time only")
        return len(shape)

    @property
    def result(self) -> str:
        """MIL's element type of the (first) result."""
        if not self.operation.outputs:
            raise self.invalid("has no output")
        return self.operation.outputs[0].type.dtype

    @property
    def storage_type(self) -> torch.dtype:
        """torch's type of the (first) result."""
        if self.result not in STORAGE_TYPES:
            raise self.unsupported(f"its result is {self.result}")
        return STORAGE_TYPES[self.result]

    @property
    def sums(self) -> tuple[str, str]:
        """How products are summed, and MIL's type of the result: a key of `sequence`'s tables."""
        return self.accumulation, self.result

    @property
    def sums_in_float16(self) -> bool:
        """Whether sums of products are to be rounded after every step."""
        return self.sums == (FLOAT16_SUMS, "FLOAT16")

    # Results ----------------------------------------------------------------------------

    def kernel(self, run: Callable[..., Any], *parameters: str, rounds: bool = True) -> Kernel:
        """A kernel that calls `run` with the tensors of `parameters`, in order; a list gives
        several tensors, an absent parameter none.
        """
        operands = []
        for parameter in parameters:
            for place, argument in enumerate(self.operation.inputs.get(parameter, ())):
                operands.append(self._operand(parameter, place, argument))
        return Kernel(run, tuple(operands), rounds and self.result == "FLOAT16")

    def needs(self, *parameters: str) -> None:
        """Raises InvalidModel unless each of `parameters` is present."""
        for parameter in parameters:
            if not self.has(parameter):
                raise self.invalid(f"has no {parameter}")

    def _operand(self, parameter: str, place: int, argument: Argument) -> str:
        if isinstance(argument, str):
            return argument
        name = f"{self.operation.name}.{parameter}[{place}]"
        while name in self.types:
            name += "'"
        self.literals[name] = argument
        return name

    def _known(self, argument: Argument) -> Constant | None:
        return argument if isinstance(argument, Constant) else self.known.get(argument)
