"""`concat`, `stack`, `split`, `tile`: join, split and repeat values.

coremltools/converters/mil/mil/ops/defs/iOS15/tensor_operation.py.
"""

import torch

from blazepalm.reports.backends.mil.bounds import require_room, require_size
from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel


@executes("concat")
def concat(call: Call) -> Kernel:
    """Joins values along `axis`, one after another, or with `interleave` element by element in
    turn.
    """
    call.needs("values")
    axis = call.integer("axis")
    if call.flag("interleave"):

        def run_interleaved(*values: torch.Tensor) -> torch.Tensor:
            require_room(values)
            at = axis % values[0].dim()
            shape = list(values[0].shape)
            shape[at] *= len(values)
            return torch.stack(values, at + 1).reshape(shape)

        return call.kernel(run_interleaved, "values", rounds=False)
    scalars = call.rank("values") == 0

    def run(*values: torch.Tensor) -> torch.Tensor:
        require_room(values)
        return torch.stack(values) if scalars else torch.cat(values, axis)

    return call.kernel(run, "values", rounds=False)


@executes("stack")
def stack(call: Call) -> Kernel:
    """Joins values along a new axis."""
    call.needs("values")
    axis = call.integer("axis")

    def run(*values: torch.Tensor) -> torch.Tensor:
        require_room(values)
        return torch.stack(values, axis)

    return call.kernel(run, "values", rounds=False)


@executes("split")
def split(call: Call) -> Kernel:
    """Splits into `split_sizes`, or into `num_splits` equal parts."""
    call.needs("x")
    axis = call.integer("axis")
    if call.has("split_sizes"):
        sizes = list(call.integers("split_sizes"))
        return call.kernel(lambda x: tuple(torch.split(x, sizes, axis)), "x", rounds=False)
    count = call.integer("num_splits")
    if count < 1:
        raise call.invalid(f"num_splits is {count}")

    def run(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if x.shape[axis] % count:
            raise ValueError(f"{x.shape[axis]} does not divide into {count} equal parts")
        return tuple(torch.split(x, x.shape[axis] // count, axis))

    return call.kernel(run, "x", rounds=False)


@executes("tile")
def tile(call: Call) -> Kernel:
    """Repeats the value `reps[i]` times along axis i."""
    call.needs("x", "reps")

    def run(x: torch.Tensor, reps: torch.Tensor) -> torch.Tensor:
        times = reps.tolist()
        require_size(tuple(s * t for s, t in zip(x.shape, times, strict=True)))
        return x.repeat(times)

    return call.kernel(run, "x", "reps", rounds=False)
