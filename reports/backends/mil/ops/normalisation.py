"""Normalises by stored statistics (`batch_norm`) or by the values' own.

coremltools/converters/mil/mil/ops/defs/iOS15/normalization.py. Variances are of the whole
population (divided by n). Everything is computed in float32, the statistics too.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from blazepalm.reports.backends.mil.bounds import require_size
from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel


@executes("batch_norm")
def batch_norm(call: Call) -> Kernel:
    """gamma·(x − mean) / √(variance + epsilon) + beta, with one of each per channel (axis 1)."""
    call.needs("x")
    mean, variance = call.tensor("mean"), call.tensor("variance")
    gamma, beta = call.tensor("gamma"), call.tensor("beta")
    if mean is None or variance is None:
        raise call.invalid("has no mean or no variance")
    epsilon = call.number("epsilon", 1e-5)
    return call.kernel(
        lambda x: F.batch_norm(x, mean, variance, gamma, beta, False, 0.0, epsilon), "x"
    )


@executes("instance_norm")
def instance_norm(call: Call) -> Kernel:
    """Normalises each channel of each image by its own mean and variance, then applies gamma and
    beta.
    """
    call.needs("x")
    gamma, beta = call.tensor("gamma"), call.tensor("beta")
    epsilon = call.number("epsilon", 1e-5)

    def run(x: torch.Tensor) -> torch.Tensor:
        channels = (x.shape[1], *(1,) * (x.dim() - 2))
        return _normalised(x, tuple(range(2, x.dim())), channels, gamma, beta, epsilon)

    return call.kernel(run, "x")


@executes("layer_norm")
def layer_norm(call: Call) -> Kernel:
    """Normalises over `axes` (by default all of them), whose shape gamma and beta have."""
    rank = call.rank("x")
    axes = call.integers("axes", tuple(range(rank)))
    axes = tuple(sorted(axis % rank for axis in axes))
    gamma, beta = call.tensor("gamma"), call.tensor("beta")
    epsilon = call.number("epsilon", 1e-5)
    if axes == tuple(range(rank - len(axes), rank)):
        return call.kernel(lambda x: F.layer_norm(x, x.shape[axes[0] :], gamma, beta, epsilon), "x")

    def run(x: torch.Tensor) -> torch.Tensor:
        shape = [x.shape[axis] if axis in axes else 1 for axis in range(rank)]
        return _normalised(x, axes, shape, gamma, beta, epsilon)

    return call.kernel(run, "x")


def _normalised(
    x: torch.Tensor,
    axes: tuple[int, ...],
    shape: Sequence[int],
    gamma: torch.Tensor | None,
    beta: torch.Tensor | None,
    epsilon: float,
) -> torch.Tensor:
    """`x` normalised by its mean and variance over `axes`; gamma and beta, if any, are reshaped to
    `shape`.
    """
    variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    result = (x - mean) * torch.rsqrt(variance + epsilon)
    result = result if gamma is None else result * gamma.reshape(shape)
    return result if beta is None else result + beta.reshape(shape)


@executes("l2_norm")
def l2_norm(call: Call) -> Kernel:
    """x / √(Σx² + epsilon) over the last three axes."""
    if call.rank("x") < 3:
        raise call.invalid(f"x has rank {call.rank('x')}, expected at least 3")
    epsilon = call.number("epsilon", 1e-6)

    def run(x: torch.Tensor) -> torch.Tensor:
        return x / torch.sqrt(x.square().sum((-3, -2, -1), keepdim=True) + epsilon)

    return call.kernel(run, "x")


@executes("local_response_norm")
def local_response_norm(call: Call) -> Kernel:
    """x / (k + alpha / size · Σx²)^beta over `size` neighbouring channels."""
    call.needs("x")
    size = call.integer("size")
    alpha, beta = call.number("alpha", 1e-4), call.number("beta", 0.75)
    k = call.number("k", 1.0)
    if size < 1:
        raise call.invalid(f"size is {size}")

    def run(x: torch.Tensor) -> torch.Tensor:
        require_size((x.shape[0], x.shape[1] + size, *x.shape[2:]))  # torch pads the channels
        return F.local_response_norm(x, size, alpha, beta, k)

    return call.kernel(run, "x")
