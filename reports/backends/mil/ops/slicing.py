"""`slice_by_index`, `slice_by_size`, `slice_update`, `reverse`: parts of a value by position.

coremltools/converters/mil/mil/ops/defs/iOS15/tensor_transformation.py, iOS18. They work as numpy's
slices do. torch has no negative steps, so such a slice is taken forwards and then reversed.
"""

import torch

from blazepalm.reports.backends.mil.bounds import require_size
from blazepalm.reports.backends.mil.call import Call
from blazepalm.reports.backends.mil.executors import executes
from blazepalm.reports.backends.mil.kernel import Kernel

Ints = tuple[int, ...]


class Slicer:
    """The constant half of a slice: strides and masks. Positions may be computed at run time."""

    def __init__(self, call: Call) -> None:
        rank = call.rank("x")
        self.strides = call.integers("stride", (1,) * rank, length=rank)
        if 0 in self.strides:
            raise call.invalid("stride holds a 0")
        nothing = (0,) * rank
        self.from_start = call.integers("begin_mask", nothing, length=rank)
        self.to_end = call.integers("end_mask", nothing, length=rank)
        self.dropped = call.integers("squeeze_mask", nothing, length=rank)

    def spans(self, shape: Ints, begin: Ints, end: Ints) -> tuple[list[slice], list[int]]:
        """A forward slice of each axis, and the axes to reverse afterwards."""
        spans, turned = [], []
        for axis, size in enumerate(shape):
            first = None if self.from_start[axis] else begin[axis]
            last = None if self.to_end[axis] else end[axis]
            if self.dropped[axis]:
                start = 0 if first is None else first + size * (first < 0)
                if not 0 <= start < size:
                    raise ValueError(f"index {first} of an axis of length {size}")
                spans.append(slice(start, start + 1, 1))
                continue
            picked = range(size)[slice(first, last, self.strides[axis])]
            if picked.step < 0:
                turned.append(axis)
                picked = picked[::-1]
            spans.append(slice(picked.start, max(picked.start, picked.stop), picked.step))
        return spans, turned

    def axes_dropped(self) -> Ints:
        return tuple(axis for axis, drop in enumerate(self.dropped) if drop)


@executes("slice_by_index")
def slice_by_index(call: Call) -> Kernel:
    """x[begin : end : stride], with `squeeze_mask` axes indexed instead and dropped."""
    call.needs("x", "begin", "end")
    slicer = Slicer(call)
    drop = slicer.axes_dropped()

    def take(x: torch.Tensor, begin: Ints, end: Ints) -> torch.Tensor:
        spans, turned = slicer.spans(x.shape, begin, end)
        part = x[tuple(spans)]
        part = part.flip(turned) if turned else part
        return part.squeeze(drop) if drop else part

    begin, end = call.known_integers("begin"), call.known_integers("end")
    if begin is not None and end is not None:
        first, last = begin, end
        if len(first) != call.rank("x") or len(last) != call.rank("x"):
            raise call.invalid("begin or end does not have one element for each axis of x")
        return call.kernel(lambda x: take(x, first, last), "x", rounds=False)
    return call.kernel(
        lambda x, b, e: take(x, tuple(b.tolist()), tuple(e.tolist())),
        "x",
        "begin",
        "end",
        rounds=False,
    )


@executes("slice_by_size")
def slice_by_size(call: Call) -> Kernel:
    """`size[i]` elements from `begin[i]` on; −1 takes all that remain."""
    call.needs("x", "begin", "size")

    def run(x: torch.Tensor, begin: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
        spans = []
        for whole, first, count in zip(x.shape, begin.tolist(), size.tolist(), strict=True):
            first += whole * (first < 0)
            last = whole if count == -1 else first + count
            if not 0 <= first <= last <= whole:
                raise ValueError(f"{count} elements from {first} of an axis of length {whole}")
            spans.append(slice(first, last))
        return x[tuple(spans)]

    return call.kernel(run, "x", "begin", "size", rounds=False)


@executes("slice_update")
def slice_update(call: Call) -> Kernel:
    """x with the slice replaced by `update`."""
    call.needs("x", "update", "begin", "end")
    slicer = Slicer(call)

    def run(
        x: torch.Tensor, update: torch.Tensor, begin: torch.Tensor, end: torch.Tensor
    ) -> torch.Tensor:
        spans, turned = slicer.spans(x.shape, tuple(begin.tolist()), tuple(end.tolist()))
        result = x.clone()
        part = result[tuple(spans)]
        update = update.reshape(part.shape)
        part.copy_(update.flip(turned) if turned else update)
        return result

    return call.kernel(run, "x", "update", "begin", "end", rounds=False)


@executes("reverse")
def reverse(call: Call) -> Kernel:
    """Reverses `axes` (by default all of them)."""
    axes = call.integers("axes", tuple(range(call.rank("x"))))
    return call.kernel(lambda x: x.flip(axes), "x", rounds=False)


@executes("reverse_sequence")
def reverse_sequence(call: Call) -> Kernel:
    """Reverses the first `lengths[i]` elements of each sequence."""
    call.needs("x", "lengths")
    rank = call.rank("x")
    along, batch = call.integer("seq_axis", 0) % rank, call.integer("batch_axis", 0) % rank

    def run(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        if lengths.shape != (x.shape[batch],):
            raise ValueError(f"{list(lengths.shape)} lengths for {x.shape[batch]} sequences")
        places = torch.arange(x.shape[along])[None, :]
        counts = lengths.long()[:, None]
        source = torch.where(places < counts, counts - 1 - places, places)
        shape = [1] * x.dim()
        shape[batch], shape[along] = source.shape
        source = source if batch < along else source.T
        return torch.gather(x, along, source.reshape(shape).expand(x.shape))

    return call.kernel(run, "x", "lengths", rounds=False)


@executes("sliding_windows")
def sliding_windows(call: Call) -> Kernel:
    """Every window of `size` along `axis`, `stride` apart; its elements form the next axis."""
    rank = call.rank("x")
    axis = call.integer("axis") % rank
    size, stride = call.integer("size"), call.integer("stride", 1)

    def run(x: torch.Tensor) -> torch.Tensor:
        windows = x.unfold(axis, size, stride).movedim(-1, axis + 1)  # a view
        require_size(windows.shape)
        return windows

    return call.kernel(run, "x", rounds=False)
