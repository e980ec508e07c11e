"""One family of operations a file. Importing this package fills the table."""

from blazepalm.reports.backends.mil.executors import EXECUTORS
from blazepalm.reports.backends.mil.ops import (  # noqa: F401
    activation,
    attention,
    classification,
    comparison,
    constexpr,
    convolution,
    creation,
    elementwise,
    gather,
    joining,
    linear,
    normalisation,
    padding,
    pooling,
    quantisation,
    rearrange,
    reduction,
    resize,
    sampling,
    scatter,
    shape,
    slicing,
    sorting,
    transposed,
)

__all__ = ["EXECUTORS"]
