"""An input or output of LiteRT's interpreter: real float32 values outside, what the file stores
(int8, uint8, int16 with a scale) inside.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from blazepalm.converter.tflite.dequantise import dequantise
from blazepalm.converter.tflite.graph import Quantisation
from blazepalm.converter.tflite.quantise import quantise


@dataclass(frozen=True)
class Port:
    """`index` is the tensor's, `shape` and `dtype` the file's; without a `quantisation`, values
    pass unchanged.
    """

    index: int
    shape: tuple[int, ...]
    dtype: str
    quantisation: Quantisation | None

    def stored(self, real: np.ndarray) -> np.ndarray:
        """Real values as the interpreter takes them, same shape."""
        return real if self.quantisation is None else quantise(real, self.quantisation, self.dtype)

    def real(self, stored: np.ndarray) -> np.ndarray:
        """Values that the interpreter returned as real ones: float32 if they have a scale."""
        if self.quantisation is None:
            return stored
        return dequantise(stored, self.quantisation, f"tensor {self.index}")


def port_of(detail: Mapping[str, Any]) -> Port:
    """The port that an entry of `get_input_details` or `get_output_details` describes."""
    dtype, found = np.dtype(detail["dtype"]).name, detail["quantization_parameters"]
    scale = tuple(float(s) for s in found["scales"])
    zeros = tuple(int(z) for z in found["zero_points"])
    stored = scale and not dtype.startswith("float")
    return Port(
        int(detail["index"]),
        tuple(int(d) for d in detail["shape"]),
        dtype,
        Quantisation(scale, zeros, int(found["quantized_dimension"])) if stored else None,
    )
