"""What runs one operation each time, its constant parameters read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Kernel:
    """`run` takes the tensors of `operands` (MIL names) and returns a tensor, or a tuple of as
    many as the operation has outputs. Where `rounds`, a float16 result is yet to be rounded.
    `constants` instead: the results are known already (`constexpr_*`).
    """

    run: Callable[..., Any] | None = None
    operands: tuple[str, ...] = ()
    rounds: bool = True
    constants: tuple[np.ndarray, ...] = ()
