"""Reductions over axes: sums, means, extremes, norms, and the position of an extreme.

coremltools/converters/mil/mil/ops/defs/iOS15/reduction.py. Without `axes`, all are reduced.
Integers stay int32, and their mean truncates; torch has no product over several axes, so they are
reduced one by one.
"""

from collections.abc import Callable

import torch

from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel
from blazepalm.reports.backends.mil.sequence import SUMS
from blazepalm.reports.backends.mil.storage_types import cast_to

Axes = tuple[int, ...]
Reduce = Callable[[torch.Tensor, Axes, bool], torch.Tensor]


def _mean(x: torch.Tensor, axes: Axes, keep: bool) -> torch.Tensor:
    return torch.mean(x if x.is_floating_point() else x.double(), axes, keep)


def _product(x: torch.Tensor, axes: Axes, keep: bool) -> torch.Tensor:
    for axis in sorted(axes, reverse=True):
        x = torch.prod(x, axis, keep)
    return x


def _log_sum(x: torch.Tensor, axes: Axes, keep: bool) -> torch.Tensor:
    return torch.log(torch.sum(x, axes, keep))


REDUCTIONS: dict[str, Reduce] = {
    "reduce_l1_norm": lambda x, axes, keep: x.abs().sum(axes, keep),
    "reduce_l2_norm": lambda x, axes, keep: x.square().sum(axes, keep).sqrt(),
    "reduce_log_sum": _log_sum,
    "reduce_log_sum_exp": lambda x, axes, keep: torch.logsumexp(x.float(), axes, keep),
    "reduce_max": torch.amax,
    "reduce_mean": _mean,
    "reduce_min": torch.amin,
    "reduce_prod": _product,
    "reduce_sum": torch.sum,
    "reduce_sum_square": lambda x, axes, keep: x.square().sum(axes, keep),
}
ARGUMENTS = {"reduce_argmax": torch.argmax, "reduce_argmin": torch.argmin}


@executes(*REDUCTIONS)
def reduce(call: Call) -> Kernel:
    """Reduces `axes`; with `keep_dims` they remain with length 1."""
    rank = call.rank("x")
    axes = call.integers("axes", tuple(range(rank)))
    if any(not -rank <= axis < rank for axis in axes):
        raise call.invalid(f"axes {list(axes)} of rank {rank}")
    axes = tuple(sorted({axis % rank for axis in axes}))
    keep = call.flag("keep_dims")
    name = call.operation.type
    compute = REDUCTIONS[name]
    storage_type = call.storage_type
    if not axes:
        return call.kernel(lambda x: compute(x[None], (0,), False).to(storage_type), "x")
    in_sequence = SUMS.get(call.sums)
    if in_sequence is not None and name in ("reduce_sum", "reduce_mean"):
        mean = name == "reduce_mean"

        def run_in_sequence(x: torch.Tensor) -> torch.Tensor:
            total = in_sequence(x, axes)
            if mean:
                total = total / (x.numel() / max(total.numel(), 1))
            return total.reshape(_kept(x, axes)) if keep else total

        return call.kernel(run_in_sequence, "x")
    exact = name in ("reduce_max", "reduce_min")
    return call.kernel(lambda x: compute(x, axes, keep).to(storage_type), "x", rounds=not exact)


@executes(*ARGUMENTS)
def reduce_argument(call: Call) -> Kernel:
    """The index of the (first) largest or smallest value along `axis`."""
    call.needs("x")
    axis = call.integer("axis", -1)
    keep = call.flag("keep_dims")
    compute = ARGUMENTS[call.operation.type]
    store = cast_to("INT64", call.result)
    return call.kernel(lambda x: store(compute(x, axis, keep)), "x", rounds=False)


def _kept(x: torch.Tensor, axes: Axes) -> tuple[int, ...]:
    return tuple(1 if axis in axes else size for axis, size in enumerate(x.shape))
