"""Compares a backend's output on one input with a reference's. The `TensorDifference` is a few
plain numbers that can be stored, sent to another process and added up (`reports.compare.meters`).

Everything is computed in float64, whatever the outputs' dtype. NaN and infinity are counted
separately and excluded from the errors. Nothing is reshaped or broadcast to fit: a missing
output, or one of a different shape or dtype, is recorded as a problem. Errors are counted in
the buckets of a DDSketch (Masson et al., VLDB 2019), which gives quantiles over any number of
inputs.
"""

import hashlib
import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

if TYPE_CHECKING:
    from ddsketch.mapping import LogarithmicMapping

QUANTILE_ACCURACY = 0.01  # relative

NO_REFERENCE = "the reference has no such output"
NO_CANDIDATE = "the candidate has no such output"
REAL = "fiub"  # kinds of dtypes
LARGEST = float(np.finfo(np.float64).max)
EXPONENT = np.uint64(0x7FF0_0000_0000_0000)  # of a float64: its other bits cleared, 2 to that power


class TensorDifference(Struct, frozen=True, omit_defaults=True, tag="tensor"):
    """One input's candidate against its reference: sums over the elements that are finite on
    both sides. `worst` is the element with the largest error (index, both values), None where
    nothing differs. `half_units` is the largest error in float16 spacings at the reference.
    `unequal` counts elements whose bits differ, None where the dtypes differ. `counts` is the
    number of errors in each of the sketch's buckets, beginning with `first_bucket`; `zeros`
    counts errors of 0.
    """

    elements: int = 0
    sum_abs: float = 0.0
    sum_squares: float = 0.0
    sum_reference: float = 0.0
    sum_candidate: float = 0.0
    dot: float = 0.0
    peak: float = 0.0
    max_abs: float = -1.0
    worst: tuple[tuple[int, ...], float, float] | None = None
    half_units: float = 0.0
    unequal: int | None = 0
    nonfinite_reference: int = 0
    nonfinite_candidate: int = 0
    zeros: int = 0
    first_bucket: int = 0
    counts: bytes = b""  # little-endian uint32
    problem: str | None = None

    @property
    def doubtful(self) -> bool:
        """Whether something could not be compared, or is not finite."""
        return self.problem is not None or bool(self.nonfinite_reference + self.nonfinite_candidate)

    def bucket_counts(self) -> np.ndarray:
        """`counts` as int64."""
        return np.frombuffer(self.counts, "<u4").astype(np.int64)


class TensorRange(Struct, frozen=True):
    """The range of one backend's output on one input; `digest` is a hash of its exact values."""

    shape: tuple[int, ...]
    low: float | None
    high: float | None
    nonfinite: int
    zero: bool
    digest: str


def compare(reference: np.ndarray | None, candidate: np.ndarray | None) -> TensorDifference:
    """Compares one input's outputs; None stands for a missing output."""
    if reference is None or candidate is None:
        return TensorDifference(problem=NO_REFERENCE if reference is None else NO_CANDIDATE)
    if reference.shape != candidate.shape:
        shapes = _shape(candidate.shape), _shape(reference.shape)
        return TensorDifference(problem="shape {}, the reference has {}".format(*shapes))
    for values in (reference, candidate):
        if values.dtype.kind not in REAL:
            return TensorDifference(problem=f"values of {values.dtype} are not real numbers")
    unequal = _unequal(reference, candidate)
    r, c = reference.astype(np.float64).ravel(), candidate.astype(np.float64).ravel()
    with np.errstate(invalid="ignore", over="ignore"):
        error = c - r
    np.abs(error, out=error)
    missing, positions = (0, 0), None
    total = float(error.sum())
    if not math.isfinite(total):
        finite_r, finite_c = np.isfinite(r), np.isfinite(c)
        missing = _count(~finite_r), _count(~finite_c)
        positions = np.flatnonzero(finite_r & finite_c)
        r, c, error = r[positions], c[positions], error[positions]
        total = float(error.sum())
    if error.size == 0:
        return TensorDifference(
            unequal=unequal, nonfinite_reference=missing[0], nonfinite_candidate=missing[1]
        )
    at = int(error.argmax())
    worst = None
    if error[at] > 0:
        place = at if positions is None else int(positions[at])
        worst = (_index(place, reference.shape), float(r[at]), float(c[at]))
    zeros, first_bucket, counts = _buckets(error)
    return TensorDifference(
        elements=error.size,
        sum_abs=total,
        sum_squares=_product(error, error),
        sum_reference=_product(r, r),
        sum_candidate=_product(c, c),
        dot=_product(r, c),
        peak=_peak(r),
        max_abs=float(error[at]),
        worst=worst,
        half_units=_half_units(error, r),
        unequal=unequal,
        nonfinite_reference=missing[0],
        nonfinite_candidate=missing[1],
        zeros=zeros,
        first_bucket=first_bucket,
        counts=counts,
    )


def identical(values: np.ndarray) -> TensorDifference:
    """The result of `compare(values, values)`, computed faster."""
    flat = values.astype(np.float64).ravel()
    power = _product(flat, flat)
    missing = 0
    if not math.isfinite(power):
        finite = flat[np.isfinite(flat)]
        missing, flat = flat.size - finite.size, finite
        power = _product(flat, flat)
    if flat.size == 0:
        return TensorDifference(nonfinite_reference=missing, nonfinite_candidate=missing)
    return TensorDifference(
        elements=flat.size,
        sum_reference=power,
        sum_candidate=power,
        dot=power,
        peak=_peak(flat),
        max_abs=0.0,
        nonfinite_reference=missing,
        nonfinite_candidate=missing,
        zeros=flat.size,
    )


def measure_range(values: np.ndarray | None) -> TensorRange | None:
    """The range of one input's output, or None where it is missing or not numeric."""
    if values is None or values.dtype.kind not in REAL:
        return None
    low, high, missing = _bounds(values)
    return TensorRange(
        shape=tuple(values.shape),
        low=low,
        high=high,
        nonfinite=missing,
        zero=low == 0 and high == 0 and missing == 0,
        digest=digest(values)[:16],
    )


def digest(values: np.ndarray) -> str:
    """SHA-256 of the values in C order."""
    return hashlib.sha256(np.ascontiguousarray(values).data).hexdigest()


def half_spacing(reference: np.ndarray) -> np.ndarray:
    """Float16's spacing at each float64 reference; its largest spacing beyond float16's range."""
    power = (np.ascontiguousarray(reference).view(np.uint64) & EXPONENT).view(np.float64)
    np.clip(power, 2.0**-14, 2.0**15, out=power)
    power *= 2.0**-10
    return power


@lru_cache(maxsize=1)
def mapping() -> "LogarithmicMapping":
    """The mapping from errors to the sketch's buckets."""
    from ddsketch.mapping import LogarithmicMapping

    return LogarithmicMapping(QUANTILE_ACCURACY)


def _buckets(error: np.ndarray) -> tuple[int, int, bytes]:
    """The number of zero errors, the first bucket, and the error counts from that bucket on."""
    some = error[error > mapping().min_possible]
    if some.size == 0:
        return error.size, 0, b""
    keys = np.log2(np.minimum(some, LARGEST))
    keys /= math.log2(mapping().gamma)
    whole = np.ceil(keys, out=keys).astype(np.int64)
    lowest = int(whole.min())
    counts = np.bincount(whole - lowest).astype("<u4")
    return error.size - some.size, lowest, counts.tobytes()


def _bounds(values: np.ndarray) -> tuple[float | None, float | None, int]:
    """The smallest and largest finite value, and the number of non-finite ones."""
    if values.size == 0:
        return None, None, 0
    low, high = float(values.min()), float(values.max())  # NaN where there is one
    if math.isfinite(low) and math.isfinite(high):
        return low, high, 0
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return None, None, values.size
    return float(finite.min()), float(finite.max()), values.size - finite.size


def _unequal(reference: np.ndarray, candidate: np.ndarray) -> int | None:
    if reference.dtype != candidate.dtype:
        return None
    bits = f"u{reference.dtype.itemsize}"
    r, c = (np.ascontiguousarray(a).view(bits) for a in (reference, candidate))
    return _count(r != c)


def _product(a: np.ndarray, b: np.ndarray) -> float:
    """The sum of products, always in the same order (BLAS may use threads)."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.einsum("i,i->", a, b))


def _half_units(error: np.ndarray, reference: np.ndarray) -> float:
    with np.errstate(over="ignore"):
        return float((error / half_spacing(reference)).max())


def _peak(values: np.ndarray) -> float:
    return max(float(values.max()), -float(values.min()))


def _index(place: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(place, shape))


def _count(which: np.ndarray) -> int:
    return int(np.count_nonzero(which))


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "scalar"
