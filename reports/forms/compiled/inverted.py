"""An inverted residual → steps."""

from typing import Any

from blazepalm.reports.forms.compiled import steps
from blazepalm.reports.forms.compiled.finish import Finish
from blazepalm.reports.forms.compiled.kernel import Kernel
from blazepalm.reports.forms.compiled.lowering import Lowering
from blazepalm.reports.forms.compiled.steps import Map, Place, Window

SPECIAL = (31, 32, 51, 52)  # kernel and stride of the depthwise convolutions with code of their own
BAND = 56  # pixels of a band of rows: enough for the weights to be used often
CACHED = 1 << 19  # bytes of a map that stays in the second cache

Layer = Any  # a readable module's part; torch is not imported here


def expanded(
    here: Lowering,
    x: Map,
    expand: Kernel,
    depthwise: Kernel,
    activation: Layer,
    last: Kernel,
    end: Finish,
) -> Map:
    """An inverted residual. Where the expanded map would not stay in the cache, it is made row
    by row.
    """
    pixel = here.steps.spaced(len(expand.bias))
    whole = Map(len(expand.bias), x.height, x.width, pixel)
    down, across = depthwise.windows(whole)
    row = across.outputs * pixel  # of a tile, or a little less
    if not (
        expand.pointwise
        and not expand.depthwise
        and depthwise.depthwise
        and last.pointwise
        and down.kernel == across.kernel
        and 10 * down.kernel + down.stride in SPECIAL
        and across.outputs <= here.sizes.tile
        and row <= here.sizes.scratch
        and 4 * whole.size > CACHED * here.parts
    ):
        x = here.conv(x, expand, Finish(activation))
        return here.separable(x, depthwise, activation, last, end)
    band = max(1, min(down.outputs, BAND // across.outputs, here.sizes.scratch // row))
    rows = (band - 1) * down.stride + down.kernel
    # made first: it is written while `x` is still read
    made = here.steps.new_map(len(last.bias), down.outputs, across.outputs)
    ring = here.steps.new_map(len(expand.bias), (rows + 1) * here.parts, x.width, pixel)
    ring.ring = True
    whole.widen(down, across)
    ring.margin[2:] = whole.margin[2:]
    here.product(
        x,
        Window(0, 1, 1, x.height),
        Window(0, 1, 1, x.width),
        expand,
        Finish(activation),
        Place(ring),
        kind=steps.EXPANSION,
    )
    margin = ring.margin[2] * pixel
    here.product(
        ring,
        down,
        across,
        last,
        end,
        Place(made),
        **here.depthwise_part(depthwise, activation),
        ring=rows,
        band=band,
        first_row=down.first,
        ring_margin=margin,
    )
    return made
