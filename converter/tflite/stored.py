"""What a file holds, before anything is evaluated: tensors with their bytes, operators.

The step between the flatbuffer (`schema.py`) and the graph (`fold.py`, `to_float.py`).
"""

import math
from dataclasses import dataclass, field

import numpy as np

from blazepalm.converter.tflite.graph import Operator, Quantisation, Sparsity


@dataclass(frozen=True)
class StoredTensor:
    """A tensor as the file has it. `content` is the buffer's bytes (uint8, a read-only view
    of the file), None where the buffer is empty.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    buffer: int
    quantisation: Quantisation | None = None
    sparsity: Sparsity | None = None
    content: np.ndarray | None = field(default=None, repr=False, compare=False)

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    def __str__(self) -> str:
        return f"%{self.index} {self.name!r}"


@dataclass(frozen=True)
class StoredModel:
    """A model as the file has it; every index in it lies in range."""

    source: str
    size: int
    description: str
    tensors: tuple[StoredTensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    metadata: dict[str, bytes]

    def where(self, operator: Operator) -> str:
        """How a message names an operator: file, position, name."""
        return f"{self.source}: operator {operator.index} {operator.name}"
