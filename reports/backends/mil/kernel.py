"""A prepared operation: its constant parameters have been read, and it can be run many times."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Kernel:
    """`run` takes the tensors of `operands` (MIL names) and returns a tensor, or a tuple with one
    for each output. If `rounds`, a float16 result must still be rounded. If `constants` is given
    instead, the results are known already (`constexpr_*`).
    """

    run: Callable[..., Any] | None = None
    operands: tuple[str, ...] = ()
    rounds: bool = True
    constants: tuple[np.ndarray, ...] = ()
