"""Operations that change a value's shape but not its elements, and `shape` itself.

coremltools/converters/mil/mil/ops/defs/iOS15/tensor_transformation.py, iOS17 for zeros in the shape
of `reshape`: up to iOS 16 a zero keeps the axis at the same place (and the ranks must be equal);
from iOS 17 on axes are counted from the right, and a zero without a counterpart is 1.
"""

import math

import torch

from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel

LEFT_ALIGNED = ("CoreML5", "CoreML6")  # iOS 15, iOS 16


def resolve_shape(
    source: tuple[int, ...], wanted: tuple[int, ...], *, from_the_right: bool
) -> tuple[int, ...]:
    """`wanted` with its zeros filled in from `source`; torch resolves −1."""
    if 0 not in wanted or 0 in source:
        return wanted
    if not from_the_right:
        if len(source) != len(wanted):
            raise ValueError(f"zeros in {list(wanted)} for a value of rank {len(source)}")
        return tuple(w or s for w, s in zip(wanted, source, strict=True))
    shift = len(source) - len(wanted)
    return tuple(
        w or (source[place + shift] if place + shift >= 0 else 1) for place, w in enumerate(wanted)
    )


@executes("reshape")
def reshape(call: Call) -> Kernel:
    """Reshapes to `shape`, in which −1 stands for the rest."""
    call.needs("x", "shape")
    from_the_right = call.opset not in LEFT_ALIGNED
    known = call.known_integers("shape")
    if known is not None and 0 not in known:
        return call.kernel(lambda x: x.reshape(known), "x", rounds=False)

    def run(x: torch.Tensor, shape: torch.Tensor | None = None) -> torch.Tensor:
        wanted = known if shape is None else tuple(shape.tolist())
        assert wanted is not None
        return x.reshape(resolve_shape(x.shape, wanted, from_the_right=from_the_right))

    parameters = ("x",) if known is not None else ("x", "shape")
    return call.kernel(run, *parameters, rounds=False)


@executes("reshape_like")
def reshape_like(call: Call) -> Kernel:
    """Reshapes to the axes `begins[i]:ends[i]` of each reference (to its last if
    `end_masks[i]`).
    """
    call.needs("x", "ref_tensors")
    count = len(call.operation.inputs["ref_tensors"])
    begins = call.each_integer("begins", count)
    ends = call.each_integer("ends", count)
    masks = call.each_integer("end_masks", count)

    def run(x: torch.Tensor, *references: torch.Tensor) -> torch.Tensor:
        shape: tuple[int, ...] = ()
        for reference, begin, end, open_ in zip(references, begins, ends, masks, strict=True):
            shape += tuple(reference.shape[begin : None if open_ else end])
        return x.reshape(shape)

    return call.kernel(run, "x", "ref_tensors", rounds=False)


@executes("expand_dims")
def expand_dims(call: Call) -> Kernel:
    """Adds axes of length 1 at the places `axes` of the result."""
    axes = call.integers("axes")
    rank = call.rank("x") + len(axes)
    if any(not -rank <= axis < rank for axis in axes):
        raise call.invalid(f"axes {list(axes)} in a result of rank {rank}")
    places = sorted(axis % rank for axis in axes)

    def run(x: torch.Tensor) -> torch.Tensor:
        for place in places:
            x = x.unsqueeze(place)
        return x

    return call.kernel(run, "x", rounds=False)


@executes("squeeze")
def squeeze(call: Call) -> Kernel:
    """Removes those of `axes` (by default all) that have length 1."""
    call.needs("x")
    if not call.has("axes"):
        return call.kernel(torch.squeeze, "x", rounds=False)
    axes = call.integers("axes")
    return call.kernel(lambda x: torch.squeeze(x, axes), "x", rounds=False)


@executes("transpose")
def transpose(call: Call) -> Kernel:
    perm = call.integers("perm", length=call.rank("x"))
    return call.kernel(lambda x: x.permute(perm), "x", rounds=False)


@executes("flatten2d")
def flatten2d(call: Call) -> Kernel:
    """Flattens to two axes: those before `axis`, and the rest."""
    call.needs("x")
    axis = call.integer("axis", 1)
    return call.kernel(
        lambda x: x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:])),
        "x",
        rounds=False,
    )


@executes("shape")
def shape(call: Call) -> Kernel:
    """The operand's shape, as a vector."""
    call.needs("x")
    storage_type = call.storage_type
    return call.kernel(lambda x: torch.tensor(x.shape, dtype=storage_type), "x", rounds=False)


@executes("identity")
def identity(call: Call) -> Kernel:
    call.needs("x")
    return call.kernel(lambda x: x, "x", rounds=False)
