"""Activations: relu and its variants, gelu, the sigmoids, softmax.

coremltools/converters/mil/mil/ops/defs/iOS15/activation.py. The constants `alpha` and `beta` may
have another precision than the values (iOS 17); everything is held in float32.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F

from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel

SIMPLE: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "sigmoid": torch.sigmoid,
    "silu": F.silu,
    "softplus": lambda x: torch.log1p(torch.exp(-x.abs())) + x.clamp(min=0),
    "softsign": F.softsign,
}
GELU: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "EXACT": F.gelu,
    "TANH_APPROXIMATION": lambda x: F.gelu(x, approximate="tanh"),
    "SIGMOID_APPROXIMATION": lambda x: x * torch.sigmoid(1.702 * x),
}


@executes(*SIMPLE)
def simple_activation(call: Call) -> Kernel:
    call.needs("x")
    return call.kernel(SIMPLE[call.operation.type], "x")


@executes("relu")
def relu(call: Call) -> Kernel:
    call.needs("x")
    return call.kernel(torch.relu, "x", rounds=False)


@executes("relu6")
def relu6(call: Call) -> Kernel:
    """min(max(x, 0), 6)."""
    call.needs("x")
    return call.kernel(F.relu6, "x", rounds=False)


@executes("leaky_relu")
def leaky_relu(call: Call) -> Kernel:
    """x where x ≥ 0, alpha·x elsewhere."""
    call.needs("x")
    alpha = call.number("alpha")
    return call.kernel(lambda x: F.leaky_relu(x, alpha), "x")


@executes("prelu")
def prelu(call: Call) -> Kernel:
    """x where x > 0, alpha·x elsewhere; one alpha per channel (axis 1)."""
    call.needs("x", "alpha")
    return call.kernel(F.prelu, "x", "alpha")


@executes("elu")
def elu(call: Call) -> Kernel:
    """x where x > 0, alpha·(eˣ − 1) elsewhere."""
    call.needs("x")
    alpha = call.number("alpha")
    return call.kernel(lambda x: F.elu(x, alpha), "x")


@executes("gelu")
def gelu(call: Call) -> Kernel:
    """x·Φ(x), exact or by one of two approximations."""
    call.needs("x")
    return call.kernel(GELU[call.text("mode", "EXACT", among=tuple(GELU))], "x")


@executes("clamped_relu")
def clamped_relu(call: Call) -> Kernel:
    """min(beta, x) where x ≥ 0, min(beta, alpha·x) elsewhere."""
    call.needs("x")
    alpha, beta = call.number("alpha"), call.number("beta")
    return call.kernel(lambda x: torch.where(x >= 0, x, alpha * x).clamp(max=beta), "x")


@executes("thresholded_relu")
def thresholded_relu(call: Call) -> Kernel:
    """x where x ≥ alpha, 0 elsewhere."""
    call.needs("x")
    alpha = call.number("alpha")
    return call.kernel(lambda x: torch.where(x >= alpha, x, 0.0), "x", rounds=False)


@executes("linear_activation")
def linear_activation(call: Call) -> Kernel:
    """alpha·x + beta."""
    call.needs("x")
    alpha, beta = call.number("alpha"), call.number("beta")
    return call.kernel(lambda x: x * alpha + beta, "x")


@executes("scaled_tanh")
def scaled_tanh(call: Call) -> Kernel:
    """alpha·tanh(beta·x)."""
    call.needs("x")
    alpha, beta = call.number("alpha"), call.number("beta")
    return call.kernel(lambda x: torch.tanh(x * beta) * alpha, "x")


@executes("sigmoid_hard")
def sigmoid_hard(call: Call) -> Kernel:
    """min(max(alpha·x + beta, 0), 1)."""
    call.needs("x")
    alpha, beta = call.number("alpha"), call.number("beta")
    return call.kernel(lambda x: (x * alpha + beta).clamp(0, 1), "x")


@executes("softplus_parametric")
def softplus_parametric(call: Call) -> Kernel:
    """alpha·log(1 + e^(beta·x)), one alpha and beta per channel (axis 1)."""
    call.needs("x", "alpha", "beta")
    softplus = SIMPLE["softplus"]

    def run(x: torch.Tensor, alpha: torch.Tensor, beta: torch.Tensor) -> torch.Tensor:
        shape = (x.shape[1], *(1,) * (x.dim() - 2))
        return alpha.reshape(shape) * softplus(x * beta.reshape(shape))

    return call.kernel(run, "x", "alpha", "beta")


@executes("softmax")
def softmax(call: Call) -> Kernel:
    """eˣ / Σ eˣ over `axis`."""
    call.needs("x")
    axis = call.integer("axis", -1)
    return call.kernel(lambda x: torch.softmax(x, axis), "x")
