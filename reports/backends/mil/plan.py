"""A function of the program → a list of steps that run: everything constant is read, converted
and bound here, once; nothing is fused and nothing left out.

Each step is a callable of tensors with the numbers of the slots that it reads and writes, and
the slots that nobody reads after it (so that memory is used again, as it is in eager torch).
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from blazepalm.errors import BlazePalmError, InvalidModel, UnsupportedOperator, first_line
from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.kernel import Kernel
from blazepalm.reports.backends.mil.ops import EXECUTORS
from blazepalm.reports.backends.mil.storage_types import STORAGE_TYPES, round_to_float16, to_tensor
from blazepalm.reports.backends.mil.syntax import Function, Operation
from blazepalm.reports.backends.mil.values import NUMPY, Constant, TensorType
from blazepalm.text import printable

# what a type of less than a byte is once it is unpacked
UNPACKED = {np.dtype(np.uint8): "UINT8", np.dtype(np.int8): "INT8"}
FAMILY = "reports/backends/mil/ops/"  # where a contributor adds what is missing


@dataclass(frozen=True)
class Step:
    """`types` are the declared types of what it writes; what it computes must agree."""

    operation: Operation
    run: Callable[..., Any]
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    types: tuple[TensorType, ...]
    frees: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """`slots` is a value's place by its name; `values` holds the constants, None elsewhere;
    `dtypes` are MIL's element types by place.
    """

    function: Function
    steps: tuple[Step, ...]
    slots: dict[str, int]
    values: tuple[torch.Tensor | None, ...]
    dtypes: tuple[str, ...]


def check_supported(function: Function, source: str) -> None:
    """Raises UnsupportedOperator naming every operation that nothing executes, all at once."""
    missing = Counter(op.type for op in function.operations if op.type not in EXECUTORS)
    first: dict[str, Operation] = {}
    for op in function.operations:
        first.setdefault(op.type, op)
    lines = []
    for name, count in missing.items():
        times = "once" if count == 1 else f"{count} times"
        lines += [
            f"unsupported operation: {name} ({function.opset}), {times}",
            f"  first: {source}, function {function.name}, {first[name]}",
            f"  help:  add @executes({name!r}) in {FAMILY} and a case in tests/{FAMILY}",
        ]
    if lines:
        raise UnsupportedOperator("\n".join(map(printable, lines)))


def make_plan(function: Function, source: str, *, accumulation: str, rounds: bool = True) -> Plan:
    """Binds every operation. Without `rounds`, a float16 result is left as torch computes it, for
    one who carries float16 values as such.

    Raises UnsupportedOperator, listing all that is unsupported, or InvalidModel.
    """
    check_supported(function, source)
    known = dict(function.constants)
    kernels: list[tuple[Operation, Kernel]] = []
    refused = []
    for op in function.operations:
        call = Call(
            op,
            function.types,
            known,
            opset=function.opset,
            source=source,
            accumulation=accumulation,
        )
        try:
            kernel = _bind(call)
        except UnsupportedOperator as error:
            refused.append(str(error))
            continue
        known.update(call.literals)
        if kernel.run is None:
            known.update(_results(call, kernel.constants))
        else:
            kernels.append((op, kernel))
    if refused:
        raise UnsupportedOperator("\n  ".join(map(printable, refused)))
    return _arrange(function, kernels, known, source, rounds)


def _bind(call: Call) -> Kernel:
    """Whatever a stranger's parameters make an executor raise becomes one sentence."""
    if call.operation.blocks:
        raise call.unsupported("has blocks of its own; control flow is not executed")
    try:
        return EXECUTORS[call.operation.type](call)
    except BlazePalmError:
        raise
    except Exception as error:
        raise call.invalid(f"its parameters are invalid ({first_line(error)})") from error


def _results(call: Call, arrays: Iterable[np.ndarray]) -> dict[str, Constant]:
    """What a `constexpr_*` gave, as constants of the declared types."""
    constants = {}
    for output, array in zip(call.operation.outputs, arrays, strict=False):
        if output.type.shape != array.shape:
            raise call.invalid(
                f"is declared {output.type}, but its data has shape {list(array.shape)}"
            )
        if output.type.dtype not in STORAGE_TYPES or NUMPY[output.type.dtype] != array.dtype:
            raise call.invalid(f"is declared {output.type}, but its data is {array.dtype}")
        whole = UNPACKED.get(array.dtype, output.type.dtype)
        type_ = TensorType(whole, output.type.shape)
        constants[output.name] = Constant(type_, np.ascontiguousarray(array).reshape(-1))
    return constants


def _arrange(
    function: Function,
    kernels: list[tuple[Operation, Kernel]],
    known: dict[str, Constant],
    source: str,
    rounds: bool,
) -> Plan:
    """Numbers the values, puts the constants in place, and finds where each is read last."""
    read = {name for _, kernel in kernels for name in kernel.operands} | set(function.outputs)
    slots = {value.name: place for place, value in enumerate(function.inputs)}
    for name in [name for name in known if name in read]:
        slots.setdefault(name, len(slots))
    for op, _ in kernels:
        for output in op.outputs:
            slots[output.name] = len(slots)
    values: list[torch.Tensor | None] = [None] * len(slots)
    for name in known.keys() & read:
        values[slots[name]] = _place(known[name], name, source)
    last: dict[int, int] = {}
    for place, (_, kernel) in enumerate(kernels):
        last.update({slots[name]: place for name in kernel.operands})
    kept = {slots[name] for name in function.outputs} | {
        slot for slot, value in enumerate(values) if value is not None
    }
    steps = []
    for place, (op, kernel) in enumerate(kernels):
        reads = tuple(slots[name] for name in kernel.operands)
        writes = tuple(slots[output.name] for output in op.outputs)
        unread = tuple(slot for slot in writes if slot not in last)
        frees = {slot for slot in reads if last[slot] == place} | set(unread)
        types = tuple(output.type for output in op.outputs)
        run = _rounded(kernel) if kernel.rounds and rounds else kernel.run
        assert run is not None
        steps.append(Step(op, run, reads, writes, types, tuple(sorted(frees - kept))))
    dtypes = tuple(
        (known[name].type if name in known else function.types[name]).dtype for name in slots
    )
    return Plan(function, tuple(steps), slots, tuple(values), dtypes)


def _place(constant: Constant, name: str, source: str) -> torch.Tensor:
    if constant.type.dtype not in STORAGE_TYPES:
        raise InvalidModel(f"{source}: constant '{name}' of {constant.type} is used as a tensor")
    return to_tensor(constant.array(), constant.type.dtype)


def _rounded(kernel: Kernel) -> Callable[..., Any]:
    run = kernel.run
    assert run is not None

    def rounded(*operands: torch.Tensor) -> Any:
        result = run(*operands)
        if isinstance(result, tuple):
            return tuple(round_to_float16(r) if r.is_floating_point() else r for r in result)
        return round_to_float16(result)

    return rounded
