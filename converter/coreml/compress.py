"""Compresses weights with coremltools' optimisation passes; activations stay unchanged.

Weights of at most 2048 values (biases, slopes, small kernels) are left alone. coremltools
finds palettes with scikit-learn, from random starts; this module finds them deterministically.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from blazepalm.converter.coreml.names import path

MOST_KEPT = 2048  # values of a weight that coremltools does not compress
BINS = (16, 64, 256)  # of the histograms that palettes start from; the best one is kept
DECODE = "decode__"  # prefix of the names of constants in a face's `decode`
ROOT_STEPS = 40  # the first remove a third each, from ≤ 10⁷ to 215; the last double the digits
STEPS = 40  # of Lloyd's algorithm; more make no visible difference


def compress(program: Any, kind: str | Mapping[str, str]) -> None:
    """Compresses the weights of a MIL program in place. `kind` is one of `options.COMPRESSIONS`: a
    palette of 256 or 64 values for each tensor, or 8-bit integers with one scale per channel; or
    the kind of each weight by its name in the network, and the others stay as they are. Anchors and
    input size are not weights, so decoding stays exact.
    """
    from coremltools.converters.mil.mil.passes.pass_registry import PASS_REGISTRY

    main = program.functions["main"]
    constants = [op.name for op in main.find_ops(op_type="const")]
    if isinstance(kind, str):
        chosen = {kind: [name for name in constants if not name.startswith(DECODE)]}
    else:
        chosen = {}
        for name in constants:
            if (own := kind.get(path(name))) is not None:
                chosen.setdefault(own, []).append(name)
    for own, names in chosen.items():
        _compress(main, own, names)
    PASS_REGISTRY["common::dead_code_elimination"](program)


def _compress(main: Any, kind: str, names: Sequence[str]) -> None:
    from coremltools.converters.mil.mil.passes.helper import block_context_manager
    from coremltools.optimize import coreml as optimise
    from coremltools.optimize.coreml import _quantization_passes as passes

    operation: Any
    if kind == "int8":
        compression = passes.linear_quantize_weights
        operation = optimise.OpLinearQuantizerConfig(mode="linear_symmetric", dtype="int8")
    else:
        compression = passes.palettize_weights
        size = palette_size(kind)
        operation = optimise.OpPalettizerConfig(
            mode="custom", lut_function=lambda weight: palette(weight, size)
        )
    wanted = set(names)
    own = compression(optimise.OptimizationConfig(operation))

    def run(block: Any) -> None:
        """Does what the pass does, without its progress bar."""
        for op in [op for op in block.operations if op.name in wanted and own.is_valid_op(op)]:
            own.transform_op(op)

    with np.errstate(invalid="ignore", divide="ignore"):  # a channel of zeros has no scale
        block_context_manager(run)(main)


def palette_size(kind: str) -> int:
    """`palettize6` → 64."""
    return 1 << int(kind.removeprefix("palettize"))


def palette(weight: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A palette for `weight`: at most 256 values with little squared error, ascending, (size,) of
    its dtype; and for each flattened element, the index of its nearest value, uint8. Within 5 to 90
    % of the least possible squared error on the hand models, mostly 10 %.
    """
    values, back, counts = np.unique(
        weight.astype(np.float64).ravel(), return_inverse=True, return_counts=True
    )
    if len(values) <= size:
        centres = np.concatenate((values, np.full(size - len(values), values[-1])))
        return centres.astype(weight.dtype), back.astype(np.uint8)
    tried = [_settle(values, counts, _start(values, counts, size, bins)) for bins in BINS]
    centres = min(
        tried, key=lambda c: float((counts * (values - c[_nearest(values, c)]) ** 2).sum())
    )
    stored = centres.astype(weight.dtype)
    owner = _nearest(values, stored.astype(np.float64))
    return stored, owner[back].astype(np.uint8)


def _start(values: np.ndarray, counts: np.ndarray, size: int, bins: int) -> np.ndarray:
    """`size` ascending values, as dense as the cube root of the numbers' density."""
    histogram, edges = np.histogram(values, bins, weights=counts)
    share = np.concatenate(((0.0,), np.cumsum(_cube_root(histogram))))
    at = (np.arange(size) + 0.5) / size * share[-1]
    left = np.searchsorted(share, at, side="right") - 1  # the next share is larger: at < share[-1]
    slope = (edges[left + 1] - edges[left]) / (share[left + 1] - share[left])
    start: np.ndarray = edges[left] + (at - share[left]) * slope
    return start


def _cube_root(counts: np.ndarray) -> np.ndarray:
    """Newton's method from above: NumPy's `cbrt` gives other bits on processors with AVX-512."""
    root: np.ndarray = np.maximum(counts, 1.0)
    for _ in range(ROOT_STEPS):
        root = (root + root + counts / (root * root)) / 3.0
    return np.where(counts > 0, root, 0.0)


def _settle(values: np.ndarray, counts: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Lloyd's algorithm: each centre moves to the mean of the values nearest to it."""
    for _ in range(STEPS):
        owner = _nearest(values, centres)
        weights = np.bincount(owner, counts, len(centres))
        sums = np.bincount(owner, counts * values, len(centres))
        centres = np.where(weights > 0, sums / np.maximum(weights, 1), centres)
    return centres


def _nearest(values: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The index of the nearest of ascending `centres` for each value."""
    return np.searchsorted((centres[1:] + centres[:-1]) / 2, values)
