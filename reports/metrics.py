"""How far one output is from another: one input's comparison, and their sum over all inputs.

`compare` turns two arrays into a `Part`, a few plain numbers that can be written down, sent
to another process and added up; `DifferenceMeter` adds parts, in the inputs' order, in
constant memory. Everything is computed in float64 whatever the outputs' dtype. NaN and infinity
are a class of their own: counted, and kept out of the errors. Nothing is ever reshaped or
broadcast to fit: a missing output, another shape or another dtype is a problem that the result
carries. Quantiles come from a DDSketch (Masson et al., VLDB 2019): within 1 % of the value.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ddsketch.mapping import LogarithmicMapping

QUANTILES = (0.5, 0.99, 0.999)
QUANTILE_ACCURACY = 0.01  # relative; two runs give the same figures


@dataclass(frozen=True)
class Part:
    """One input's candidate against its reference: sums over the elements that are finite on
    both sides. `worst` is the element with the largest error: where, and both values.
    `half_units` is the largest error in units of float16's spacing at the reference.
    `unequal` counts elements whose bits differ, None where the dtypes do. `buckets` counts
    errors by the sketch's key, `zeros` those that are nothing.
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
    buckets: tuple[tuple[int, int], ...] = ()
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> "Part":
        worst = values["worst"]
        return Part(
            **{
                **values,
                "worst": None if worst is None else (tuple(worst[0]), worst[1], worst[2]),
                "buckets": tuple((key, count) for key, count in values["buckets"]),
            }
        )


@dataclass(frozen=True)
class Worst:
    """The element with the largest error: of which case, where in it, and both values."""

    case: str
    index: tuple[int, ...]
    reference: float
    candidate: float


@dataclass(frozen=True)
class Difference:
    """A candidate against a reference, over all inputs, in the output's own units.

    `elements` counts what was compared (finite on both sides); the errors are None where
    nothing was. `peak` is the reference's largest magnitude; `rel_l2` is ‖candidate −
    reference‖ / ‖reference‖, None where the reference is zero. `snr_db` is 10·log10 of Σr² over
    Σ(c − r)²; `psnr_db` is 20·log10 of the peak over rmse; both None where they would be
    infinite (identical) or have no signal. `cosine` is a diagnostic only: both zero 1, one
    zero 0. `half_units`: the largest error in units of float16's spacing at the reference.
    """

    inputs: int
    elements: int
    peak: float | None
    max_abs: float | None
    mean_abs: float | None
    p50: float | None
    p99: float | None
    p999: float | None
    rmse: float | None
    rel_l2: float | None
    snr_db: float | None
    psnr_db: float | None
    cosine: float | None
    half_units: float | None
    worst: Worst | None
    unequal: int | None
    nonfinite_reference: int
    nonfinite_candidate: int
    problems: tuple[str, ...]


@dataclass(frozen=True)
class RangePart:
    """One input's output of one backend: `digest` names its values, bit for bit."""

    shape: tuple[int, ...]
    low: float | None
    high: float | None
    nonfinite: int
    zero: bool
    digest: str


@dataclass(frozen=True)
class Range:
    """One backend's output over all inputs. `low` and `high` are over the finite elements,
    None where there are none; `constant` says that every input gave the same values, `zero`
    that all of them were 0.
    """

    inputs: int
    shape: tuple[int, ...] | None
    low: float | None
    high: float | None
    constant: bool
    zero: bool
    nonfinite: int

    @property
    def peak(self) -> float:
        """The largest magnitude; 0 where there is no finite element."""
        return max(abs(self.low or 0.0), abs(self.high or 0.0))


def compare(reference: np.ndarray | None, candidate: np.ndarray | None) -> Part:
    """One input's outputs; None stands for an output that did not come."""
    if reference is None or candidate is None:
        who = "the reference" if reference is None else "the candidate"
        return Part(problem=f"{who} has no such output")
    if reference.shape != candidate.shape:
        shapes = _shape(candidate.shape), _shape(reference.shape)
        return Part(problem="shape {}, the reference has {}".format(*shapes))
    unequal = _unequal(reference, candidate)
    r, c = reference.astype(np.float64).ravel(), candidate.astype(np.float64).ravel()
    finite_r, finite_c = np.isfinite(r), np.isfinite(c)
    both = finite_r & finite_c
    elements = int(np.count_nonzero(both))
    nonfinite = r.size - int(np.count_nonzero(finite_r)), r.size - int(np.count_nonzero(finite_c))
    if elements == 0:
        return Part(
            unequal=unequal, nonfinite_reference=nonfinite[0], nonfinite_candidate=nonfinite[1]
        )
    positions = None if elements == r.size else np.flatnonzero(both)
    if positions is not None:
        r, c = r[positions], c[positions]
    error = np.abs(c - r)
    at = int(error.argmax())
    place = at if positions is None else int(positions[at])
    index = tuple(int(i) for i in np.unravel_index(place, reference.shape))
    zeros, buckets = _buckets(error)
    return Part(
        elements=elements,
        sum_abs=float(error.sum()),
        sum_squares=float(np.square(error).sum()),
        sum_reference=float(np.square(r).sum()),
        sum_candidate=float(np.square(c).sum()),
        dot=float((r * c).sum()),
        peak=float(np.abs(r).max()),
        max_abs=float(error[at]),
        worst=(index, float(r[at]), float(c[at])),
        half_units=float((error / _half_spacing(r)).max()),
        unequal=unequal,
        nonfinite_reference=nonfinite[0],
        nonfinite_candidate=nonfinite[1],
        zeros=zeros,
        buckets=buckets,
    )


def identical(values: np.ndarray) -> Part:
    """What `compare(values, values)` gives, for less: the same bits, errors of nothing."""
    flat = values.astype(np.float64).ravel()
    finite = flat[np.isfinite(flat)]
    missing = int(flat.size - finite.size)
    if finite.size == 0:
        return Part(nonfinite_reference=missing, nonfinite_candidate=missing)
    power = float(np.square(finite).sum())
    return Part(
        elements=int(finite.size),
        sum_reference=power,
        sum_candidate=power,
        dot=power,
        peak=float(np.abs(finite).max()),
        max_abs=0.0,
        nonfinite_reference=missing,
        nonfinite_candidate=missing,
        zeros=int(finite.size),
    )


class DifferenceMeter:
    """Gathers a `Difference`: `add` once an input, in their order, then `result`."""

    def __init__(self) -> None:
        self._inputs = self._elements = self._zeros = 0
        self._sum_abs = self._sum_squares = self._sum_reference = 0.0
        self._sum_candidate = self._dot = self._peak = self._half_units = 0.0
        self._max_abs = -1.0
        self._worst: Worst | None = None
        self._unequal: int | None = 0
        self._nonfinite = [0, 0]
        self._buckets: dict[int, int] = {}
        self._problems: dict[str, None] = {}  # an ordered set

    def add(self, part: Part, case: str) -> None:
        """Adds one input's part; `case` is what the result calls it."""
        self._inputs += 1
        if part.problem is not None:
            self._problems[part.problem] = None
            return
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
        for key, count in part.buckets:
            self._buckets[key] = self._buckets.get(key, 0) + count
        if part.max_abs > self._max_abs:
            self._max_abs = part.max_abs
            self._worst = Worst(case, *part.worst) if part.worst is not None else None

    def result(self) -> Difference:
        n = self._elements
        rmse = math.sqrt(self._sum_squares / n) if n else None
        p50, p99, p999 = self._quantiles()
        return Difference(
            inputs=self._inputs,
            elements=n,
            peak=self._peak if n else None,
            max_abs=self._max_abs if n else None,
            mean_abs=self._sum_abs / n if n else None,
            p50=p50,
            p99=p99,
            p999=p999,
            rmse=rmse,
            rel_l2=_ratio(math.sqrt(self._sum_squares), math.sqrt(self._sum_reference), n),
            snr_db=_decibels(self._sum_reference, self._sum_squares) if n else None,
            psnr_db=_decibels(self._peak**2, self._sum_squares / n) if n else None,
            cosine=_cosine(self._dot, self._sum_reference, self._sum_candidate) if n else None,
            half_units=self._half_units if n else None,
            worst=self._worst,
            unequal=self._unequal,
            nonfinite_reference=self._nonfinite[0],
            nonfinite_candidate=self._nonfinite[1],
            problems=tuple(self._problems),
        )

    def _quantiles(self) -> tuple[float | None, ...]:
        from ddsketch import DDSketch

        sketch = DDSketch(QUANTILE_ACCURACY)
        if self._zeros:
            sketch.add(0.0, self._zeros)
        for key in sorted(self._buckets):
            sketch.add(_mapping().value(key), self._buckets[key])
        values = (sketch.get_quantile_value(q) for q in QUANTILES)
        return tuple(None if value is None else float(value) for value in values)


class RangeMeter:
    """Gathers a `Range`: `add` once an input, then `result`."""

    def __init__(self) -> None:
        self._inputs = self._nonfinite = 0
        self._low, self._high = math.inf, -math.inf
        self._first: RangePart | None = None
        self._constant = self._zero = True

    def add(self, part: RangePart | None) -> None:
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


def measure_range(values: np.ndarray | None) -> RangePart | None:
    """The range of one input's output, or None where it did not come."""
    if values is None:
        return None
    import hashlib

    finite = values[np.isfinite(values)]
    return RangePart(
        shape=tuple(values.shape),
        low=float(finite.min()) if finite.size else None,
        high=float(finite.max()) if finite.size else None,
        nonfinite=int(values.size - finite.size),
        zero=not values.any(),
        digest=hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:16],
    )


@lru_cache(maxsize=1)
def _mapping() -> "LogarithmicMapping":
    from ddsketch.mapping import LogarithmicMapping

    return LogarithmicMapping(QUANTILE_ACCURACY)


def _buckets(error: np.ndarray) -> tuple[int, tuple[tuple[int, int], ...]]:
    """How many errors are nothing, and how many fall into each of the sketch's buckets."""
    some = error[error > _mapping().min_possible]
    base = math.log2(_mapping().gamma)
    if some.size == 0:
        return error.size, ()
    keys = np.ceil(np.log2(some) / base).astype(np.int64)
    lowest = int(keys.min())
    counts = np.bincount(keys - lowest)
    pairs = tuple((lowest + int(k), int(counts[k])) for k in np.flatnonzero(counts))
    return error.size - some.size, pairs


def _half_spacing(reference: np.ndarray) -> np.ndarray:
    """The distance of float16 numbers at each reference; the largest's beyond float16."""
    exponent = np.clip(np.frexp(reference)[1] - 11, -24, 5)
    spacing: np.ndarray = np.ldexp(1.0, exponent)
    return spacing


def _unequal(reference: np.ndarray, candidate: np.ndarray) -> int | None:
    if reference.dtype != candidate.dtype:
        return None
    bits = f"u{reference.dtype.itemsize}"
    r, c = (np.ascontiguousarray(a).view(bits) for a in (reference, candidate))
    return int(np.count_nonzero(r != c))


def _ratio(error: float, signal: float, elements: int) -> float | None:
    if signal:
        return error / signal
    return 0.0 if elements and error == 0.0 else None


def _decibels(signal: float, noise: float) -> float | None:
    """10·log10(signal / noise); None where it is infinite or there is no signal."""
    return 10 * math.log10(signal / noise) if signal > 0 and noise > 0 else None


def _cosine(dot: float, reference: float, candidate: float) -> float:
    if reference == 0 or candidate == 0:
        return 1.0 if reference == candidate else 0.0
    return dot / (math.sqrt(reference) * math.sqrt(candidate))


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "scalar"
