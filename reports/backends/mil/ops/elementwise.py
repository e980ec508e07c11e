"""Element-wise arithmetic on one operand, or on two that broadcast; `cast` and `clip`.

coremltools/converters/mil/mil/ops/defs/iOS15/elementwise_{unary,binary}.py. Divisions of int32 stay
int32 (`real_div` truncates, `floor_div` rounds down, `mod` takes the divisor's sign), where numpy
and torch would return floats.
"""

from collections.abc import Callable
from functools import partial

import torch

from blazepalm.reports.backends.mil.bounds import guarded
from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel
from blazepalm.reports.backends.mil.storage_types import TYPE_NAMES, cast_to

UNARY: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "acos": torch.acos,
    "asin": torch.asin,
    "atan": torch.atan,
    "atanh": torch.atanh,
    "cos": torch.cos,
    "cosh": torch.cosh,
    "erf": torch.erf,
    "exp": torch.exp,
    "sin": torch.sin,
    "sinh": torch.sinh,
    "sqrt": torch.sqrt,
    "tan": torch.tan,
    "tanh": torch.tanh,
    "square": torch.square,
}
EXACT_UNARY: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "abs": torch.abs,
    "ceil": torch.ceil,
    "floor": torch.floor,
    "round": torch.round,  # halves to the even neighbour, as numpy does
    "sign": torch.sign,
    "logical_not": torch.logical_not,
}
BINARY: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "floor_div": torch.floor_divide,
    "mod": torch.remainder,
    "pow": torch.pow,
    "real_div": torch.div,
}
EXACT_BINARY: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "maximum": torch.maximum,
    "minimum": torch.minimum,
}


@executes(*UNARY)
def unary(call: Call) -> Kernel:
    call.needs("x")
    return call.kernel(UNARY[call.operation.type], "x")


@executes(*EXACT_UNARY)
def exact_unary(call: Call) -> Kernel:
    call.needs("x")
    return call.kernel(EXACT_UNARY[call.operation.type], "x", rounds=False)


@executes("exp2")
def exp2(call: Call) -> Kernel:
    """2ˣ, also for integers."""
    call.needs("x")
    if call.storage_type.is_floating_point:
        return call.kernel(torch.exp2, "x")
    return call.kernel(lambda x: torch.pow(2, x).to(x.dtype), "x")


@executes("inverse")
def inverse(call: Call) -> Kernel:
    """1 / (x + epsilon)."""
    call.needs("x")
    epsilon = call.number("epsilon", 1e-4)
    return call.kernel(lambda x: torch.reciprocal(x + epsilon), "x")


@executes("log")
def log(call: Call) -> Kernel:
    """log(x + epsilon)."""
    call.needs("x")
    epsilon = call.number("epsilon", 1e-45)
    return call.kernel(lambda x: torch.log(x + epsilon), "x")


@executes("rsqrt")
def rsqrt(call: Call) -> Kernel:
    """1 / √(x + epsilon)."""
    call.needs("x")
    epsilon = call.number("epsilon", 1e-12)
    return call.kernel(lambda x: torch.rsqrt(x + epsilon), "x")


@executes("clip")
def clip(call: Call) -> Kernel:
    """min(max(x, alpha), beta)."""
    call.needs("x")
    alpha, beta = call.number("alpha"), call.number("beta")
    return call.kernel(lambda x: torch.clamp(x, alpha, beta), "x")


@executes("threshold")
def threshold(call: Call) -> Kernel:
    """max(x, alpha)."""
    call.needs("x")
    alpha = call.number("alpha")
    return call.kernel(lambda x: torch.clamp(x, min=alpha), "x")


@executes(*BINARY, *EXACT_BINARY)
def binary(call: Call) -> Kernel:
    call.needs("x", "y")
    name = call.operation.type
    exact = name in EXACT_BINARY
    compute = EXACT_BINARY[name] if exact else BINARY[name]
    if name == "real_div" and not call.storage_type.is_floating_point:
        compute = partial(torch.div, rounding_mode="trunc")
    return call.kernel(guarded(compute), "x", "y", rounds=not exact)


@executes("cast")
def cast(call: Call) -> Kernel:
    """Casts to another element type: to an integer truncates, to a boolean is true for
    all but 0.
    """
    call.needs("x")
    wanted = call.text("dtype")
    if TYPE_NAMES.get(wanted) != call.result:
        raise call.invalid(f"casts to {wanted!r}, but its result is declared {call.result}")
    return call.kernel(cast_to(call.dtype("x"), call.result), "x", rounds=False)
