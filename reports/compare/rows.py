"""The names of what is compared: every report row has one `Key` and one way to add up inputs.

A key names the model, the stage between pixels and hands, the source of the stage's input
(`isolated`: the reference's, `cascade`: the backend's own), the quantity, the backend, the
reference and the metric.
"""

import math
from typing import Annotated

from msgspec import Meta, Struct

from blazepalm.reports.compare.meters import Count, Difference, Number
from blazepalm.reports.compare.spread import ErrorCounts, Spread

# Stages from image to hands; a value is compared only where a backend computes it itself.
LETTERBOX = "letterboxed tensor"
RAW = "raw outputs"
DECODED = "decoded boxes"
SUPPRESSED = "suppressed set"
REGION = "region"
CROP = "landmark tensor"
LANDMARKS = "landmarks"
IMAGE = "landmarks in the image"
TRUTH = "rendered truth"  # not a stage: what the file finds, against the renderer's joints
STAGES = (LETTERBOX, RAW, DECODED, SUPPRESSED, REGION, CROP, RAW, LANDMARKS, IMAGE)

ISOLATED, CASCADE = "isolated", "cascade"

# how a metric adds up over inputs; MAX_ABS is a whole `Difference`
MAX_ABS = "largest error"
TENSOR = "tensor"
MAX, MIN, SUM, MEAN = "most", "least", "sum", "mean"
SHARE = "share"  # a mean whose worst input is the one with the smallest value

PASS, FAIL, NOT_RUN, NOT_MAPPED, AMBIGUOUS = "pass", "fail", "not_run", "not_mapped", "ambiguous"

# what decides: the noise floor, equal bits, the task's limits, or nothing
BY_FLOOR, BY_BITS, BY_TASK, NOT_JUDGED = "floor", "bits", "task", "none"

STATUSES = (PASS, FAIL, NOT_RUN, NOT_MAPPED, AMBIGUOUS)
JUDGES = (BY_FLOOR, BY_BITS, BY_TASK, NOT_JUDGED)

# text that is one of these, on reading
Mode = Annotated[str, Meta(pattern=f"^({ISOLATED}|{CASCADE})$")]
Status = Annotated[str, Meta(pattern=f"^({'|'.join(STATUSES)})$")]
Judge = Annotated[str, Meta(pattern=f"^({'|'.join(JUDGES)})$")]

BY_BITS_AGAINST = "generic"  # the backend that the readable module must equal bit for bit


class Key(Struct, frozen=True, order=True, array_like=True):
    """The name of a row. `output` is an output's name in the file, or the name of a quantity."""

    model: str
    stage: str
    mode: str
    output: str
    backend: str
    reference: str
    metric: str = MAX_ABS


class Scalar(Struct, frozen=True, omit_defaults=True, tag="scalar"):
    """One number of one input. `how` (MAX, MIN, SUM, MEAN, SHARE) says how inputs combine.

    `best` is the value of no difference, set where every input is judged on its own: then a row has
    a `Spread`. `sensitivity` is the value that noise of half a grey level costs float32 on this
    input, None where it was not measured; `beyond` is the worst value that exceeds it, None where
    none does (an input may have several boxes, and its value is the worst one's).
    """

    value: float
    how: str
    unit: str
    weight: float = 1.0
    best: float | None = None
    sensitivity: float | None = None
    beyond: float | None = None


def exceeds(value: float, other: float) -> bool:
    """Whether a value is larger; NaN is larger than anything."""
    return not (value <= other or math.isnan(other))


class ScalarMeter:
    """Combines scalars in the inputs' order. `worst_case` names the input with the largest value
    (with MIN and SHARE, the smallest).
    """

    def __init__(self, first: Scalar) -> None:
        self.unit = first.unit
        self.inputs = 0
        self.worst_case: str | None = None
        self._how = first.how
        self._best = first.best
        self._total = self._weight = 0.0
        self._extreme: float | None = None
        self._counts = ErrorCounts()
        self._sensitivity: float | None = None
        self._measured = 0
        self._beyond: float | None = None
        self._beyond_case: str | None = None

    def add(self, scalar: Scalar, case: str) -> None:
        self.inputs += 1
        self._total += scalar.value * scalar.weight
        self._weight += scalar.weight
        if self._worse(scalar.value, self._extreme):
            self._extreme, self.worst_case = scalar.value, case
            self._sensitivity = scalar.sensitivity
        if self._best is not None:
            self._counts.add(abs(scalar.value - self._best))
            self._measured += scalar.sensitivity is not None
            beyond = scalar.value if scalar.sensitivity is None else scalar.beyond
            if beyond is not None and self._worse(beyond, self._beyond):
                self._beyond, self._beyond_case = beyond, case

    @property
    def value(self) -> float:
        if self._how == SUM:
            return self._total
        if self._how in (MEAN, SHARE):
            return self._total / self._weight if self._weight else 0.0
        return self._extreme or 0.0

    @property
    def spread(self) -> Spread | None:
        if self._best is None:
            return None
        return Spread(
            median=self._value_at(self._counts.median),
            p99=self._value_at(self._counts.p99),
            sensitivity=self._sensitivity,
            measured=self._measured,
            beyond=self._beyond,
            beyond_case=self._beyond_case,
        )

    def _worse(self, value: float, other: float | None) -> bool:
        if other is None:
            return True
        return exceeds(-value, -other) if self._how in (MIN, SHARE) else exceeds(value, other)

    def _value_at(self, error: float | None) -> float | None:
        if error is None or self._best is None:
            return None
        return self._best - error if self._how == MIN else self._best + error


class Row(Struct, frozen=True, forbid_unknown_fields=True):
    """One judged comparison over all inputs.

    `field` is the readable name of `output`. `value` is judged (for tensors the largest absolute
    error) against `limit`, both in `unit`; `floor` and `multiple` (value / floor) are set where
    the floor decides. `difference` holds every metric of a tensor. `status` is
    pass, fail, not_run, not_mapped or ambiguous; `judge` names what decides it
    (`none`: shown, not judged). `spread` is set where every input is judged on its own.
    """

    model: str
    stage: str
    mode: Mode
    output: str
    field: str
    backend: str
    reference: str
    metric: str
    judge: Judge
    unit: str
    inputs: Count
    value: Number
    limit: Number
    floor: Number
    multiple: Number
    worst_case: str | None
    difference: Difference | None
    status: Status
    reasons: tuple[str, ...]
    spread: Spread | None = None

    @property
    def key(self) -> Key:
        return Key(*(getattr(self, name) for name in Key.__struct_fields__))

    @property
    def judged(self) -> bool:
        return self.judge != NOT_JUDGED
