"""One operator family a file. Importing this package fills the table."""

from blazepalm.converter.ops import (  # noqa: F401
    activation,
    convolution,
    elementwise,
    linear,
    pooling,
    reduction,
    resize,
    shape,
    slicing,
)
from blazepalm.converter.ops.registry import LOWERINGS

__all__ = ["LOWERINGS"]
