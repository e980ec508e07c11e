"""The proof that a conversion must pass before anything is written.

The readable module gives the same bits as the normal form, lowered operator by operator. The normal
form gives the same bits as the file's graph; or, where a rewrite rounds differently (a fused
LOGISTIC, a bias that a kernel adds first), both run in float64 and must agree there.

How closely: two graphs that are equal but for rounding differ in float64 by about the rounding
error of either, which is 2⁻²⁹ of that in float32 (units of 2⁻⁵³ and 2⁻²⁴). The latter is measured
on the file's graph, as the distance between its float32 and float64 outputs, at least half a
spacing at their peak. Each summation order rounds differently, which calls for 2⁹ of slack: the
bound is 2⁻²⁰ of the distance, a millionth of what float32 can show.
"""

import copy
from typing import TYPE_CHECKING

import numpy as np

from blazepalm.converter.converted import Converted, Preserved
from blazepalm.converter.tflite.graph import Graph
from blazepalm.converter.threads import one_torch_thread
from blazepalm.errors import InvalidModel, WeightTransferError

if TYPE_CHECKING:
    from torch import Tensor

    from blazepalm.converter.lowering import LoweredGraph

FLOAT64_SHARE = 2.0**-20
HALF_SPACING = 2.0**-24  # of float32 at 1
PROOF_SEED = 20190817  # arbitrary: the day the first release appeared
PROOF_IMAGES = 2


def prove(converted: Converted) -> "Tensor":
    """Raises WeightTransferError unless the readable module and the normal form agree bit for bit
    on seeded images (N, H, W, C), and InvalidModel if the weights give numbers that are not finite,
    which cannot be compared. Returns the images.
    """
    import torch

    assert converted.recognition is not None
    graph, spec = converted.recognition.normal, converted.recognition.spec
    check_finite(converted.graph)
    shape = (PROOF_IMAGES, *graph.tensors[graph.inputs[0]].shape[1:])
    images = np.random.Generator(np.random.PCG64(PROOF_SEED)).uniform(*spec.value_range, shape)
    nhwc = torch.from_numpy(images.astype(np.float32))
    with torch.no_grad(), one_torch_thread():
        expected = converted.normal(nhwc)
        found = converted.module(nhwc.permute(0, 3, 1, 2).contiguous())
    for name, reference in zip(converted.outputs, expected, strict=True):
        _check_same(converted, name, getattr(found, name), reference)
    return nhwc


def _check_same(converted: Converted, name: str, value: "Tensor", reference: "Tensor") -> None:
    source = converted.graph.source
    if not reference.isfinite().all():
        raise InvalidModel(
            f"{source}: the weights are so large that {name} is not finite; fetch the file again"
        )
    if value.shape != reference.shape or not value.equal(reference):
        raise WeightTransferError(
            f"{source}: the readable module's {name} output differs from the graph's; "
            "this is a bug in the recognition, not a fault of the file"
        )


def prove_gestures(converted: Converted) -> None:
    """As `prove`, for a network of landmarks or embeddings, on seeded numbers of 0 to 1."""
    import torch

    assert converted.gesture is not None
    graph = converted.graph
    check_finite(graph)
    random = np.random.Generator(np.random.PCG64(PROOF_SEED))
    shapes = [(PROOF_IMAGES, *graph.tensors[t].shape[1:]) for t in graph.inputs]
    given = [torch.from_numpy(random.random(shape, np.float32)) for shape in shapes]
    with torch.no_grad(), one_torch_thread():
        (expected,) = converted.generic(*given)
        found = converted.module(given[converted.gesture.input])
    _check_same(converted, converted.outputs[0], found, expected)


def check_finite(graph: Graph) -> None:
    """Raises InvalidModel naming the first weight that holds a NaN or an infinity."""
    for tensor in graph.constants():
        data = tensor.data
        if data is not None and data.dtype.kind == "f" and not np.isfinite(data).all():
            count = int(data.size - np.isfinite(data).sum())
            raise InvalidModel(
                f"{graph.source}: the weight {tensor} has {count} of {data.size} values that are "
                "not finite; the file is damaged, fetch it again"
            )


def prove_normal_form(
    graph: Graph, generic: "LoweredGraph", normal: Graph, module: "LoweredGraph", nhwc: "Tensor"
) -> Preserved:
    """Raises WeightTransferError unless the normal form, lowered to `module`, computes the same as
    the file's graph, lowered to `generic`.
    """
    import torch

    with torch.no_grad():
        files, ours = generic(nhwc), module(nhwc)
        if all(torch.equal(a, b) for a, b in zip(files, ours, strict=True)):
            return Preserved(normal.rewrites)
        exact = copy.deepcopy(generic).double()(nhwc.double())
        exact_ours = copy.deepcopy(module).double()(nhwc.double())
    largest = difference = 0.0
    for name, file, our, truth, ours64 in zip(
        generic.outputs, files, ours, exact, exact_ours, strict=True
    ):
        peak = float(truth.abs().max())
        floor = max(float((file.double() - truth).abs().max()), peak * HALF_SPACING)
        apart = float((ours64 - truth).abs().max())
        share = apart / (floor * FLOAT64_SHARE) if floor else float(apart > 0) * np.inf
        if not share <= 1:
            raise WeightTransferError(
                f"{graph.source}: the normal form's {name} output differs from the graph's by "
                f"{apart:.3g} in float64; this is a bug in a rewrite, not a fault of the file"
            )
        largest = max(largest, share)
        difference = max(difference, float((file - our).abs().max()))
    return Preserved(normal.rewrites, False, largest, difference)
