"""Turns the MIL program of a model (Program, Function, Block, Operation of MIL.proto) into frozen
dataclasses.

`const` operations become entries of a table; attributes of other operations (in iOS 16,
`constexpr_*` keep their data there) become arguments like any other. MIL refers to values by name,
and a file may refer to a value that nothing computes, or give two values one name; this module
refuses both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from blazepalm.errors import InvalidModel
from blazepalm.reports.backends.mil.values import (
    Constant,
    ReadBlob,
    TensorType,
    read_type,
    read_value,
)

MAX_OPERATIONS = 200_000


@dataclass(frozen=True)
class Named:
    """A value that an operation computes or a function takes."""

    name: str
    type: TensorType


Argument = str | Constant  # the name of a value, or the value itself


@dataclass(frozen=True)
class Operation:
    """`type` is MIL's name ("conv"), `name` the file's. A list input (the `values` of `concat`) has
    several arguments.
    """

    type: str
    name: str
    inputs: Mapping[str, tuple[Argument, ...]]
    outputs: tuple[Named, ...]
    blocks: int

    def __str__(self) -> str:
        label = self.outputs[0].name if self.outputs else self.name
        return f"operation {self.type} '{label}'"


@dataclass(frozen=True)
class Function:
    """One function: its inputs, its constants by name, its operations in order, and the names of
    the values that it returns. `opset` is "CoreML6" for iOS 16, and so on.
    """

    name: str
    opset: str
    inputs: tuple[Named, ...]
    constants: Mapping[str, Constant]
    operations: tuple[Operation, ...]
    outputs: tuple[str, ...]
    types: Mapping[str, TensorType] = field(repr=False)


def read_functions(program: Any, source: str, read_blob: ReadBlob) -> dict[str, Function]:
    """Every function of the program, checked. Raises InvalidModel for an invalid one."""
    if not program.functions:
        raise InvalidModel(f"{source}: the program has no function")
    return {
        name: _read_function(name, program.functions[name], f"{source}: ", read_blob)
        for name in sorted(program.functions)
    }


def _read_function(name: str, proto: Any, source: str, read_blob: ReadBlob) -> Function:
    if proto.opset not in proto.block_specializations:
        raise InvalidModel(f"{source}function {name} has no block for its opset {proto.opset!r}")
    block = proto.block_specializations[proto.opset]
    if len(block.operations) > MAX_OPERATIONS:
        raise InvalidModel(f"{source}function {name} has {len(block.operations)} operations")
    types: dict[str, TensorType] = {}
    inputs = tuple(_declare(value, types, source, "input") for value in proto.inputs)
    constants: dict[str, Constant] = {}
    operations: list[Operation] = []
    for proto_op in block.operations:
        if proto_op.type == "const":
            constant = _read_const(proto_op, source, read_blob)
            named = _declare(proto_op.outputs[0], types, source, "constant")
            if named.type.dtype != constant.type.dtype or named.type.shape != constant.type.shape:
                raise InvalidModel(
                    f"{source}constant '{named.name}' is declared {named.type}, "
                    f"but its value is {constant.type}"
                )
            constants[named.name] = constant
        else:
            operations.append(_read_operation(proto_op, types, source, read_blob))
    outputs = tuple(block.outputs)
    for output in outputs:
        if output not in types:
            raise InvalidModel(f"{source}nothing computes the output '{output}'")
    if not outputs:
        raise InvalidModel(f"{source}function {name} returns nothing")
    return Function(name, proto.opset, inputs, constants, tuple(operations), outputs, types)


def _read_const(proto: Any, source: str, read_blob: ReadBlob) -> Constant:
    if len(proto.outputs) != 1:
        raise InvalidModel(f"{source}a const operation has {len(proto.outputs)} outputs")
    where = f"{source}constant '{proto.outputs[0].name}'"
    if "val" not in proto.attributes:
        raise InvalidModel(f"{where} has no value")
    return read_value(proto.attributes["val"], where, read_blob)


def _read_operation(
    proto: Any, types: dict[str, TensorType], source: str, read_blob: ReadBlob
) -> Operation:
    label = proto.outputs[0].name if proto.outputs else "?"
    where = f"{source}operation {proto.type} '{label}'"
    inputs: dict[str, tuple[Argument, ...]] = {}
    for parameter in sorted(proto.inputs):
        arguments: list[Argument] = []
        for binding in proto.inputs[parameter].arguments:
            if binding.WhichOneof("binding") == "value":
                arguments.append(read_value(binding.value, f"{where}, {parameter}", read_blob))
            elif binding.name in types:
                arguments.append(binding.name)
            else:
                raise InvalidModel(f"{where} reads '{binding.name}' before anything computes it")
        inputs[parameter] = tuple(arguments)
    name = label
    for attribute in sorted(proto.attributes):
        value = read_value(proto.attributes[attribute], f"{where}, {attribute}", read_blob)
        if attribute == "name":
            name = str(value.array().item()) if value.stored.size == 1 else label
        elif attribute in inputs:
            raise InvalidModel(f"{where} has two values for {attribute}")
        else:
            inputs[attribute] = (value,)
    outputs = tuple(_declare(value, types, source, "output") for value in proto.outputs)
    return Operation(proto.type, name, inputs, outputs, len(proto.blocks))


def _declare(proto: Any, types: dict[str, TensorType], source: str, what: str) -> Named:
    where = f"{source}{what} '{proto.name}'"
    if not proto.name or proto.name in types:
        raise InvalidModel(f"{where} is {'named twice' if proto.name else 'without a name'}")
    types[proto.name] = read_type(proto.type, where)
    return Named(proto.name, types[proto.name])
