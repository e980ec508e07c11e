"""How far one backend's output is from another's, gathered input by input in constant memory.

Everything is computed in float64 whatever the outputs' dtype. NaN and infinity are a class
of their own: counted, and kept out of the errors. Nothing is ever reshaped or broadcast to
fit: a missing output, another shape or another dtype is a problem that the result carries.
"""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Worst:
    """The element with the largest error: of which input (from 0), where, and both values."""

    input: int
    index: tuple[int, ...]
    reference: float
    candidate: float


@dataclass(frozen=True)
class Difference:
    """A candidate against a reference, over all inputs, in the output's own units.

    `elements` counts what was compared (finite on both sides); the errors are None where
    nothing was. `unequal` counts elements whose bits differ, None where the dtypes do.
    `rel_l2` is ‖candidate − reference‖ / ‖reference‖, None where the reference is zero.
    """

    inputs: int
    elements: int
    max_abs: float | None
    mean_abs: float | None
    rmse: float | None
    rel_l2: float | None
    worst: Worst | None
    unequal: int | None
    nonfinite_reference: int
    nonfinite_candidate: int
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Range:
    """One backend's output over all inputs. `low` and `high` are over the finite elements,
    None where there are none; `constant` says that every input gave the same values.
    """

    inputs: int
    shape: tuple[int, ...] | None
    low: float | None
    high: float | None
    constant: bool
    nonfinite: int

    @property
    def peak(self) -> float:
        """The largest magnitude; 0 where there is no finite element."""
        return max(abs(self.low or 0.0), abs(self.high or 0.0))


class DifferenceMeter:
    """Gathers a `Difference`: `add` once an input, then `result`."""

    def __init__(self) -> None:
        self._inputs = self._elements = 0
        self._sum_abs = self._sum_squares = self._sum_reference = 0.0
        self._max_abs = -1.0
        self._worst: Worst | None = None
        self._unequal: int | None = 0
        self._nonfinite = [0, 0]
        self._problems: dict[str, None] = {}  # an ordered set

    def add(self, reference: np.ndarray | None, candidate: np.ndarray | None) -> None:
        """Compares one input's outputs; None stands for an output that did not come."""
        number = self._inputs
        self._inputs += 1
        if reference is None or candidate is None:
            who = "the reference" if reference is None else "the candidate"
            self._problems[f"{who} has no such output"] = None
            return
        if reference.shape != candidate.shape:
            self._problems[
                f"shape {_shape(candidate.shape)}, the reference has {_shape(reference.shape)}"
            ] = None
            return
        self._unequal = _add_unequal(self._unequal, reference, candidate)
        r, c = reference.astype(np.float64), candidate.astype(np.float64)
        finite_r, finite_c = np.isfinite(r), np.isfinite(c)
        self._nonfinite[0] += int(np.count_nonzero(~finite_r))
        self._nonfinite[1] += int(np.count_nonzero(~finite_c))
        both = finite_r & finite_c
        compared = int(np.count_nonzero(both))
        if compared == 0:
            return
        self._elements += compared
        reference_values = np.where(both, r, 0.0)
        error = np.abs(np.where(both, c, 0.0) - reference_values)
        self._sum_abs += float(error.sum())
        self._sum_squares += float(np.square(error).sum())
        self._sum_reference += float(np.square(reference_values).sum())
        masked = np.where(both, error, -1.0)
        flat = int(masked.argmax())
        if masked.reshape(-1)[flat] > self._max_abs:
            index = tuple(int(i) for i in np.unravel_index(flat, error.shape))
            self._max_abs = float(error[index])
            self._worst = Worst(number, index, float(r[index]), float(c[index]))

    def result(self) -> Difference:
        n = self._elements
        norm = math.sqrt(self._sum_squares)
        exact = norm == 0.0
        return Difference(
            inputs=self._inputs,
            elements=n,
            max_abs=self._max_abs if n else None,
            mean_abs=self._sum_abs / n if n else None,
            rmse=norm / math.sqrt(n) if n else None,
            rel_l2=(
                norm / math.sqrt(self._sum_reference)
                if self._sum_reference
                else (0.0 if n and exact else None)
            ),
            worst=self._worst,
            unequal=self._unequal,
            nonfinite_reference=self._nonfinite[0],
            nonfinite_candidate=self._nonfinite[1],
            problems=tuple(self._problems),
        )


class RangeMeter:
    """Gathers a `Range`: `add` once an input, then `result`. Keeps the first input's values."""

    def __init__(self) -> None:
        self._inputs = self._nonfinite = 0
        self._low, self._high = math.inf, -math.inf
        self._first: np.ndarray | None = None
        self._constant = True

    def add(self, values: np.ndarray | None) -> None:
        if values is None:
            return
        if self._first is None:
            self._first = values.copy()
        elif not np.array_equal(values, self._first, equal_nan=True):
            self._constant = False
        self._inputs += 1
        finite = values[np.isfinite(values)]
        self._nonfinite += values.size - finite.size
        if finite.size:
            self._low = min(self._low, float(finite.min()))
            self._high = max(self._high, float(finite.max()))

    def result(self) -> Range:
        seen = self._low <= self._high
        return Range(
            inputs=self._inputs,
            shape=None if self._first is None else self._first.shape,
            low=self._low if seen else None,
            high=self._high if seen else None,
            constant=self._constant,
            nonfinite=self._nonfinite,
        )


def _add_unequal(total: int | None, reference: np.ndarray, candidate: np.ndarray) -> int | None:
    if total is None or reference.dtype != candidate.dtype:
        return None
    bits = f"u{reference.dtype.itemsize}"
    r, c = (np.ascontiguousarray(a).view(bits) for a in (reference, candidate))
    return total + int(np.count_nonzero(r != c))


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "scalar"
