"""Somebody else's conversion, opened: what it takes, what it returns, and what it computes in.

One class for all formats; `core_ml`, `onnx_file`, `tflite_file` and `folder` make it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from blazepalm.errors import CouldNotVerify
from blazepalm.reports.backends.backend import FLOAT16, FLOAT32, INTEGERS

Range = tuple[float, float]
LEVELS: Range = (0.0, 255.0)
LEAST_PRECISE = (INTEGERS, FLOAT16, FLOAT32)


@dataclass(frozen=True)
class Input:
    """The one input. `allows` says whether an array of a shape may be given; `takes` says the same
    in a message. `value_range` and `order` ("RGB" or "BGR") are set if the model itself states
    them. With `whole`, it takes whole numbers.
    """

    name: str
    allows: Callable[[tuple[int, ...]], bool]
    takes: str
    value_range: Range | None = None
    order: str | None = None
    whole: bool = False


@dataclass(frozen=True)
class ForeignModel:
    """`path` as the user gave it; `sha256` of its content; `label`: what it is, and what runs it.
    `outputs` are the names in the model's order; `texts`: further names of the outputs, in the same
    order (a signature's).
    `decodes`: whether `run` turns decoded outputs back into the network's, which loses digits.
    `computes`, `stores`: the precision of its arithmetic and of its weights. `run` takes an array
    that the input allows, and returns the outputs by name; several threads may call it.
    """

    path: str
    sha256: str
    label: str
    input: Input
    outputs: tuple[str, ...]
    computes: str
    stores: str
    run: Callable[[np.ndarray], dict[str, np.ndarray]]
    texts: tuple[tuple[str, ...], ...] = ()
    decodes: bool = False

    def precision(self, reference_stores: str) -> str:
        """What judges it: the less precise of arithmetic and weights. Weights that are stored as
        precisely as in the file that it is compared with lose nothing.
        """
        stores = FLOAT32 if self.stores == reference_stores else self.stores
        return min(self.computes, stores, key=LEAST_PRECISE.index)


def in_batches(model: ForeignModel, size: int) -> ForeignModel:
    """A model of batches of `size` images as one that takes a single image: it is given that
    often, and the first of the answers counts.
    """

    def allows(given: tuple[int, ...]) -> bool:
        return given[:1] == (1,) and model.input.allows((size, *given[1:]))

    def run(values: np.ndarray) -> dict[str, np.ndarray]:
        found = model.run(np.repeat(values, size, axis=0))
        return {n: v[:1] if v.shape[:1] == (size,) else v for n, v in found.items()}

    return replace(model, input=replace(model.input, allows=allows), run=run)


def only_input(path: str, names: tuple[str, ...]) -> None:
    """Raises CouldNotVerify for a model that has not exactly one input."""
    if len(names) != 1:
        listed = ", ".join(names) or "none"
        raise CouldNotVerify(
            f"{path}: has {len(names)} inputs ({listed}); parity compares candidates of one input"
        )


def shape_text(shape: tuple[int | None, ...]) -> str:
    """`N×3×192×192`: N is any size."""
    return "×".join("N" if size is None else str(size) for size in shape) or "a scalar"


def fits(shape: tuple[int, ...], declared: tuple[int | None, ...]) -> bool:
    """Whether a shape is the declared one; None there stands for any size."""
    return len(shape) == len(declared) and all(
        want in (None, size) for want, size in zip(declared, shape, strict=True)
    )


def as_whole(values: np.ndarray, dtype: str) -> np.ndarray:
    """The nearest whole numbers that the type holds."""
    limits = np.iinfo(dtype)
    found: np.ndarray = np.clip(np.rint(values), limits.min, limits.max).astype(dtype)
    return found
