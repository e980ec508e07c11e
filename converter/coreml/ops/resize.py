"""`F.interpolate` to a size. MIL's upsampling takes whole factors, its resize any size; other
converters write upsampling for a whole factor, and so does this one.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from coremltools.converters.mil.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import Var

from blazepalm.converter.coreml.ops.emit_context import EmitContext, Value
from blazepalm.converter.coreml.ops.emitters import emits


@emits(F.interpolate)
def emit_interpolate(
    context: EmitContext,
    x: Value,
    size: Sequence[int],
    scale_factor: None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: None = None,
    antialias: bool = False,
) -> Var:
    """Always to a size: the rest is torch's default."""
    value = context.var(x)
    before, after = value.shape[2:], tuple(size)
    factors = [o / i for i, o in zip(before, after, strict=True)]
    whole = all(factor.is_integer() for factor in factors)
    scale = {"scale_factor_height": factors[0], "scale_factor_width": factors[1]}
    target = {"target_size_height": after[0], "target_size_width": after[1]}
    if mode == "nearest":
        assert whole  # the lowering picks rows and columns one by one elsewhere
        return mb.upsample_nearest_neighbor(x=value, name=context.name(), **scale)
    if whole:
        corners = bool(align_corners)
        return mb.upsample_bilinear(x=value, align_corners=corners, name=context.name(), **scale)
    sampling = "STRICT_ALIGN_CORNERS" if align_corners else "UNALIGN_CORNERS"
    return mb.resize_bilinear(x=value, sampling_mode=sampling, name=context.name(), **target)
