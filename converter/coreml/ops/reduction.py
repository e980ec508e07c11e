"""Means, sums and extremes over given axes: tensor methods, as used by the lowering and the
readable modules.
"""

from collections.abc import Callable, Sequence

from coremltools.converters.mil.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import Var

from blazepalm.converter.coreml.ops.emit_context import EmitContext, Value
from blazepalm.converter.coreml.ops.emitters import emits

REDUCTIONS = {
    "mean": "reduce_mean",
    "sum": "reduce_sum",
    "amax": "reduce_max",
    "amin": "reduce_min",
}


def _reduction(name: str) -> Callable[..., Var]:
    def emit(context: EmitContext, x: Value, dim: Sequence[int], keepdim: bool = False) -> Var:
        reduce = getattr(mb, name)
        return reduce(x=context.var(x), axes=list(dim), keep_dims=keepdim, name=context.name())

    return emit


for _method, _operation in REDUCTIONS.items():
    emits(_method)(_reduction(_operation))
