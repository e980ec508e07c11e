"""One operator family per file. Importing this package fills the table."""

from blazepalm.converter.ops import (  # noqa: F401
    activation,
    blocks,
    comparison,
    convolution,
    elementwise,
    joining,
    linear,
    padding,
    pooling,
    reduction,
    resize,
    shape,
    slicing,
    transposed,
)
from blazepalm.converter.ops.lowerings import LOWERINGS

__all__ = ["LOWERINGS"]
