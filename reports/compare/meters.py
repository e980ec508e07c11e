"""Adds up one output's differences over all inputs, as the metrics of a report. The parts come
from `reports.compare.tensors` and are summed in the inputs' order and in constant memory.

Quantiles come from a DDSketch (Masson et al., VLDB 2019): within 1 % of the value, and the same
however the inputs are split among workers.
"""

import math
from typing import Annotated

import numpy as np
from msgspec import Meta, Struct

from blazepalm.reports.compare.tensors import (
    QUANTILE_ACCURACY,
    TensorDifference,
    TensorRange,
    mapping,
)

Count = Annotated[int, Meta(ge=0)]
Number = float | None  # None where there is none; in a file, also where it is not finite

QUANTILES = (0.5, 0.99, 0.999)


class Worst(Struct, frozen=True, forbid_unknown_fields=True):
    """The element with the largest error: its case, its index, and both values."""

    case: str
    index: tuple[int, ...]
    reference: Number
    candidate: Number


class Difference(Struct, frozen=True, forbid_unknown_fields=True):
    """A candidate against a reference over all inputs, in the output's own units.

    `elements` counts the values compared (finite on both sides); the errors are None where
    there are none. `equal_inputs` counts the inputs on which all bits are the reference's.
    `peak` is the reference's largest magnitude; `rel_l2` is ‖candidate −
    reference‖ / ‖reference‖, None where the reference is zero. `snr_db` is 10·log10 of Σr² over
    Σ(c − r)²; `psnr_db` is 20·log10 of the peak over rmse; both None where they would be
    infinite (identical) or have no signal. `cosine` is only a diagnostic: 1 where both are zero,
    0 where one is. `half_units`: the largest error in float16 spacings at the reference.
    """

    inputs: Count
    equal_inputs: Count
    elements: Count
    peak: Number
    max_abs: Number
    mean_abs: Number
    p50: Number
    p99: Number
    p999: Number
    rmse: Number
    rel_l2: Number
    snr_db: Number
    psnr_db: Number
    cosine: Number
    half_units: Number
    worst: Worst | None
    unequal: int | None
    nonfinite_reference: Count
    nonfinite_candidate: Count
    problems: tuple[str, ...]


class Range(Struct, frozen=True, forbid_unknown_fields=True):
    """One backend's output over all inputs. `low` and `high` cover the finite elements,
    None where there are none; `constant`: every input gave the same values; `zero`: all of
    them were 0.
    """

    inputs: Count
    shape: tuple[int, ...] | None
    low: Number
    high: Number
    constant: bool
    zero: bool
    nonfinite: Count

    @property
    def peak(self) -> float:
        """The largest magnitude; 0 where there is no finite element."""
        return max(abs(self.low or 0.0), abs(self.high or 0.0))


class DifferenceMeter:
    """Builds a `Difference`: call `add` once per input, in order, then `result`."""

    def __init__(self) -> None:
        self._inputs = self._equal_inputs = self._elements = self._zeros = 0
        self._sum_abs = self._sum_squares = self._sum_reference = 0.0
        self._sum_candidate = self._dot = self._peak = self._half_units = 0.0
        self._max_abs = -1.0
        self._worst: Worst | None = None
        self._unequal: int | None = 0
        self._nonfinite = [0, 0]
        self._lowest = 0  # the bucket of `_counts[0]`
        self._counts = np.zeros(0, np.int64)
        self._problems: dict[str, None] = {}  # an ordered set

    def add(self, part: TensorDifference, case: str) -> None:
        """Adds one input's part, named `case` in the result."""
        self._inputs += 1
        if part.problem is not None:
            self._problems[part.problem] = None
            return
        self._equal_inputs += part.unequal == 0
        self._elements += part.elements
        self._zeros += part.zeros
        self._sum_abs += part.sum_abs
        self._sum_squares += part.sum_squares
        self._sum_reference += part.sum_reference
        self._sum_candidate += part.sum_candidate
        self._dot += part.dot
        self._peak = max(self._peak, part.peak)
        self._half_units = max(self._half_units, part.half_units)
        if self._unequal is not None:
            self._unequal = None if part.unequal is None else self._unequal + part.unequal
        self._nonfinite[0] += part.nonfinite_reference
        self._nonfinite[1] += part.nonfinite_candidate
        self._add_counts(part)
        if part.max_abs > self._max_abs:
            self._max_abs = part.max_abs
            self._worst = Worst(case, *part.worst) if part.worst is not None else None

    @property
    def max_abs(self) -> float | None:
        """The largest error so far; None where nothing was compared."""
        return self._max_abs if self._elements else None

    def result(self) -> Difference:
        n = self._elements
        rmse = math.sqrt(self._sum_squares / n) if n else None
        p50, p99, p999 = self._quantiles()
        return Difference(
            inputs=self._inputs,
            equal_inputs=self._equal_inputs,
            elements=n,
            peak=self._peak if n else None,
            max_abs=self.max_abs,
            mean_abs=self._sum_abs / n if n else None,
            p50=p50,
            p99=p99,
            p999=p999,
            rmse=rmse,
            rel_l2=_ratio(math.sqrt(self._sum_squares), math.sqrt(self._sum_reference), n),
            snr_db=_decibels(self._sum_reference, self._sum_squares) if n else None,
            psnr_db=_decibels(self._peak * self._peak, self._sum_squares / n) if n else None,
            cosine=_cosine(self._dot, self._sum_reference, self._sum_candidate) if n else None,
            half_units=self._half_units if n else None,
            worst=self._worst,
            unequal=self._unequal,
            nonfinite_reference=self._nonfinite[0],
            nonfinite_candidate=self._nonfinite[1],
            problems=tuple(self._problems),
        )

    def _add_counts(self, part: TensorDifference) -> None:
        counts, first = part.bucket_counts(), part.first_bucket
        if counts.size == 0:
            return
        if self._counts.size == 0:
            self._lowest, self._counts = first, counts
            return
        lowest = min(self._lowest, first)
        end = max(self._lowest + self._counts.size, first + counts.size)
        if (lowest, end) != (self._lowest, self._lowest + self._counts.size):
            wider = np.zeros(end - lowest, np.int64)
            wider[self._lowest - lowest :][: self._counts.size] = self._counts
            self._lowest, self._counts = lowest, wider
        self._counts[first - lowest :][: counts.size] += counts

    def _quantiles(self) -> tuple[float | None, ...]:
        from ddsketch import DDSketch

        sketch = DDSketch(QUANTILE_ACCURACY)
        if self._zeros:
            sketch.add(0.0, self._zeros)
        for place in np.flatnonzero(self._counts):
            sketch.add(mapping().value(self._lowest + int(place)), int(self._counts[place]))
        values = (sketch.get_quantile_value(q) for q in QUANTILES)
        return tuple(None if value is None else float(value) for value in values)


class RangeMeter:
    """Builds a `Range`: call `add` once per input, then `result`."""

    def __init__(self) -> None:
        self._inputs = self._nonfinite = 0
        self._low, self._high = math.inf, -math.inf
        self._first: TensorRange | None = None
        self._constant = self._zero = True

    def add(self, part: TensorRange | None) -> None:
        if part is None:
            return
        if self._first is None:
            self._first = part
        self._constant &= part.digest == self._first.digest
        self._zero &= part.zero
        self._inputs += 1
        self._nonfinite += part.nonfinite
        if part.low is not None and part.high is not None:
            self._low, self._high = min(self._low, part.low), max(self._high, part.high)

    def result(self) -> Range:
        seen = self._low <= self._high
        return Range(
            inputs=self._inputs,
            shape=None if self._first is None else self._first.shape,
            low=self._low if seen else None,
            high=self._high if seen else None,
            constant=self._constant,
            zero=self._zero and self._inputs > 0,
            nonfinite=self._nonfinite,
        )


def _ratio(error: float, signal: float, elements: int) -> float | None:
    if signal:
        return error / signal
    return 0.0 if elements and error == 0.0 else None


def _decibels(signal: float, noise: float) -> float | None:
    """10·log10(signal / noise); None where it is infinite or there is no signal."""
    if signal <= 0 or noise <= 0:
        return None
    return 10 * (math.log10(signal) - math.log10(noise))


def _cosine(dot: float, reference: float, candidate: float) -> float:
    if reference == 0 or candidate == 0:
        return 1.0 if reference == candidate else 0.0
    return dot / (math.sqrt(reference) * math.sqrt(candidate))
