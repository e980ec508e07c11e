"""Activations: relu and its kin, gelu, the sigmoids, softmax.

coremltools/converters/mil/mil/ops/defs/iOS15/activation.py. The gap: the constants `alpha` and
`beta` may be of another precision than the values (iOS 17); all are carried in float32.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F

from blazepalm.reports.backends.mil.call import Site
from blazepalm.reports.backends.mil.executors import Kernel, executes

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
def simple_activation(site: Site) -> Kernel:
    site.needs("x")
    return site.kernel(SIMPLE[site.operation.type], "x")


@executes("relu")
def relu(site: Site) -> Kernel:
    site.needs("x")
    return site.kernel(torch.relu, "x", rounds=False)


@executes("relu6")
def relu6(site: Site) -> Kernel:
    """min(max(x, 0), 6)."""
    site.needs("x")
    return site.kernel(F.relu6, "x", rounds=False)


@executes("leaky_relu")
def leaky_relu(site: Site) -> Kernel:
    """x where x ≥ 0, alpha·x elsewhere."""
    site.needs("x")
    alpha = site.number("alpha")
    return site.kernel(lambda x: F.leaky_relu(x, alpha), "x")


@executes("prelu")
def prelu(site: Site) -> Kernel:
    """x where x > 0, alpha·x elsewhere; one alpha a channel (axis 1)."""
    site.needs("x", "alpha")
    return site.kernel(F.prelu, "x", "alpha")


@executes("elu")
def elu(site: Site) -> Kernel:
    """x where x > 0, alpha·(eˣ − 1) elsewhere."""
    site.needs("x")
    alpha = site.number("alpha")
    return site.kernel(lambda x: F.elu(x, alpha), "x")


@executes("gelu")
def gelu(site: Site) -> Kernel:
    """x·Φ(x), exact or by one of two approximations."""
    site.needs("x")
    return site.kernel(GELU[site.text("mode", "EXACT", among=tuple(GELU))], "x")


@executes("clamped_relu")
def clamped_relu(site: Site) -> Kernel:
    """min(beta, x) where x ≥ 0, min(beta, alpha·x) elsewhere."""
    site.needs("x")
    alpha, beta = site.number("alpha"), site.number("beta")
    return site.kernel(lambda x: torch.where(x >= 0, x, alpha * x).clamp(max=beta), "x")


@executes("thresholded_relu")
def thresholded_relu(site: Site) -> Kernel:
    """x where x ≥ alpha, 0 elsewhere."""
    site.needs("x")
    alpha = site.number("alpha")
    return site.kernel(lambda x: torch.where(x >= alpha, x, 0.0), "x", rounds=False)


@executes("linear_activation")
def linear_activation(site: Site) -> Kernel:
    """alpha·x + beta."""
    site.needs("x")
    alpha, beta = site.number("alpha"), site.number("beta")
    return site.kernel(lambda x: x * alpha + beta, "x")


@executes("scaled_tanh")
def scaled_tanh(site: Site) -> Kernel:
    """alpha·tanh(beta·x)."""
    site.needs("x")
    alpha, beta = site.number("alpha"), site.number("beta")
    return site.kernel(lambda x: torch.tanh(x * beta) * alpha, "x")


@executes("sigmoid_hard")
def sigmoid_hard(site: Site) -> Kernel:
    """min(max(alpha·x + beta, 0), 1)."""
    site.needs("x")
    alpha, beta = site.number("alpha"), site.number("beta")
    return site.kernel(lambda x: (x * alpha + beta).clamp(0, 1), "x")


@executes("softplus_parametric")
def softplus_parametric(site: Site) -> Kernel:
    """alpha·log(1 + e^(beta·x)), one alpha and beta a channel (axis 1)."""
    site.needs("x", "alpha", "beta")
    softplus = SIMPLE["softplus"]

    def run(x: torch.Tensor, alpha: torch.Tensor, beta: torch.Tensor) -> torch.Tensor:
        shape = (x.shape[1], *(1,) * (x.dim() - 2))
        return alpha.reshape(shape) * softplus(x * beta.reshape(shape))

    return site.kernel(run, "x", "alpha", "beta")


@executes("softmax")
def softmax(site: Site) -> Kernel:
    """eˣ / Σ eˣ over `axis`."""
    site.needs("x")
    axis = site.integer("axis", -1)
    return site.kernel(lambda x: torch.softmax(x, axis), "x")
