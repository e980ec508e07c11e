"""Arithmetic on each element, of one operand and of two that broadcast; `cast` and `clip`.

coremltools/converters/mil/mil/ops/defs/iOS15/elementwise_{unary,binary}.py. The gap is integers:
divisions of int32 stay int32 here (`real_div` drops the fraction towards zero, `floor_div`
rounds down, `mod` has the divisor's sign), where numpy and torch would go to float.
"""

from collections.abc import Callable
from functools import partial

import torch

from blazepalm.reports.backends.mil.bounds import guarded
from blazepalm.reports.backends.mil.call import Site
from blazepalm.reports.backends.mil.executors import Kernel, executes
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
def unary(site: Site) -> Kernel:
    site.needs("x")
    return site.kernel(UNARY[site.operation.type], "x")


@executes(*EXACT_UNARY)
def exact_unary(site: Site) -> Kernel:
    site.needs("x")
    return site.kernel(EXACT_UNARY[site.operation.type], "x", rounds=False)


@executes("exp2")
def exp2(site: Site) -> Kernel:
    """2ˣ; of integers too."""
    site.needs("x")
    if site.carrier.is_floating_point:
        return site.kernel(torch.exp2, "x")
    return site.kernel(lambda x: torch.pow(2, x).to(x.dtype), "x")


@executes("inverse")
def inverse(site: Site) -> Kernel:
    """1 / (x + epsilon)."""
    site.needs("x")
    epsilon = site.number("epsilon", 1e-4)
    return site.kernel(lambda x: torch.reciprocal(x + epsilon), "x")


@executes("log")
def log(site: Site) -> Kernel:
    """log(x + epsilon)."""
    site.needs("x")
    epsilon = site.number("epsilon", 1e-45)
    return site.kernel(lambda x: torch.log(x + epsilon), "x")


@executes("rsqrt")
def rsqrt(site: Site) -> Kernel:
    """1 / √(x + epsilon)."""
    site.needs("x")
    epsilon = site.number("epsilon", 1e-12)
    return site.kernel(lambda x: torch.rsqrt(x + epsilon), "x")


@executes("clip")
def clip(site: Site) -> Kernel:
    """min(max(x, alpha), beta)."""
    site.needs("x")
    alpha, beta = site.number("alpha"), site.number("beta")
    return site.kernel(lambda x: torch.clamp(x, alpha, beta), "x")


@executes("threshold")
def threshold(site: Site) -> Kernel:
    """max(x, alpha)."""
    site.needs("x")
    alpha = site.number("alpha")
    return site.kernel(lambda x: torch.clamp(x, min=alpha), "x")


@executes(*BINARY, *EXACT_BINARY)
def binary(site: Site) -> Kernel:
    site.needs("x", "y")
    name = site.operation.type
    exact = name in EXACT_BINARY
    compute = EXACT_BINARY[name] if exact else BINARY[name]
    if name == "real_div" and not site.carrier.is_floating_point:
        compute = partial(torch.div, rounding_mode="trunc")
    return site.kernel(guarded(compute), "x", "y", rounds=not exact)


@executes("cast")
def cast(site: Site) -> Kernel:
    """To another element type: a fraction is dropped towards zero, anything but 0 is true."""
    site.needs("x")
    wanted = site.text("dtype")
    if TYPE_NAMES.get(wanted) != site.result:
        raise site.invalid(f"casts to {wanted!r}, its result is declared {site.result}")
    return site.kernel(cast_to(site.dtype("x"), site.result), "x", rounds=False)
