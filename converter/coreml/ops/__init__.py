"""torch → MIL, one operator family per file. Importing this package fills the table."""

from blazepalm.converter.coreml.ops import (  # noqa: F401
    activation,
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
from blazepalm.converter.coreml.ops.emitters import EMITTERS

__all__ = ["EMITTERS"]
