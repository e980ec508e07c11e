"""A `PalmDetector` or `HandLandmarks` → the steps that compute it, for `kernels.cpp`.

Four things are done differently from the module, with the same values up to rounding: a 1×1
convolution after a bilinear upsampling is computed before it, on a quarter of the pixels; a
transposed convolution becomes one convolution for each pixel of a stride × stride cell; heads that
read the same map are one convolution; and an inverted residual's wide map is made row by row where
it is large.
"""

from collections.abc import Iterable
from typing import Any

from blazepalm.reports.forms.compiled.finish import NOTHING, Finish
from blazepalm.reports.forms.compiled.inverted import expanded
from blazepalm.reports.forms.compiled.kernel import kernel_of, linear_kernel
from blazepalm.reports.forms.compiled.lowering import Lowering, Output
from blazepalm.reports.forms.compiled.steps import Map, Place, Sizes, Steps

Layer = Any  # a readable module's part; torch is not imported here


def lower(module: Layer, sizes: Sizes, parts: int = 1) -> tuple[Steps, dict[str, list[Output]]]:
    """The steps, and where each output lies: a palm detector's in one part for each head. `parts`:
    the most threads that share an image.
    """
    here = Lowering(sizes, parts)
    stem = module.spec.backbone.stem
    x = here.image(stem.in_channels, *module.spec.input_size)
    x, taps = backbone(here, module.backbone, x)
    levels = [x]
    for step, tap in zip(module.neck.values(), taps, strict=True):
        levels.append(up(here, step, levels[-1], tap))
    if hasattr(module, "anchors"):
        found = [
            here.heads(
                levels[spec.level], {"boxes": kernel_of(h.boxes), "scores": kernel_of(h.scores)}
            )
            for spec, h in zip(module.spec.heads, module.heads.values(), strict=True)
        ]
        return here.steps, {name: [each[name] for each in found] for name in ("boxes", "scores")}
    x = levels[-1]
    for stage in module.trunk.children():
        x = blocks(here, stage.children(), x)
    for layer in module.features.children():
        x = conv_layer(here, layer, x)
    if module.spec.pooling == "mean":
        x = here.mean(x)
    kernels = {
        name: kernel_of(h.layer) if hasattr(h.layer, "stride") else linear_kernel(h.layer, x)
        for name, h in module.heads.items()
    }
    return here.steps, {name: [output] for name, output in here.heads(x, kernels).items()}


def backbone(here: Lowering, part: Layer, x: Map) -> tuple[Map, list[Map]]:
    x = conv_layer(here, part.stem, x)
    tapped = {(-1, 0): x}
    others = (layer for name, layer in part.named_children() if name != "stem")
    for i, stage in enumerate(others):
        for j, layer in enumerate(stage.children()):
            x = block(here, layer, x)
            tapped[i, j] = x
    return x, [tapped[tap] for tap in part.taps]


def conv_layer(here: Lowering, layer: Layer, x: Map) -> Map:
    return here.conv(x, kernel_of(layer.conv), Finish(layer.activation))


def blocks(here: Lowering, layers: Iterable[Layer], x: Map) -> Map:
    for layer in layers:
        x = block(here, layer, x)
    return x


def block(here: Lowering, layer: Layer, x: Map) -> Map:
    """A `BlazeBlock` or an `InvertedResidual`."""
    inverted = hasattr(layer, "project")
    shortcut = None if layer.shortcut is None else Place(x)
    pooled = layer.shortcut is not None and layer.shortcut.pool
    after = None if inverted else layer.activation
    finish = Finish(None, shortcut, "max_pool" if pooled else "identity", None, after)
    last = kernel_of(layer.project if inverted else layer.pointwise)
    between = layer.activation if inverted else None
    if inverted and layer.expand is not None:
        expand, depthwise = kernel_of(layer.expand), kernel_of(layer.depthwise)
        return expanded(here, x, expand, depthwise, between, last, finish)
    return here.separable(x, kernel_of(layer.depthwise), between, last, finish)


def up(here: Lowering, step: Layer, x: Map, tap: Map) -> Map:
    """One step of the neck."""
    if step.reduce is not None:
        x = conv_layer(here, step.reduce, x)
    project = None if step.project is None else kernel_of(step.project.conv)
    activation = step.transposed_activation if project is None else step.project.activation
    end = Finish(activation, Place(tap), "identity", step.tap_activation, step.activation)
    if step.transposed is not None:
        own = end if project is None else Finish(step.transposed_activation)
        x = here.transposed(x, step.transposed, own)
        if project is not None:
            x = here.conv(x, project, end)
    elif project is not None and project.pointwise and not project.depthwise:
        x = here.resize(here.conv(x, project), step.size, end)
    else:
        x = here.resize(x, step.size, NOTHING if project is not None else end)
        if project is not None:
            x = here.conv(x, project, end)
    return blocks(here, step.refine.children(), x)
