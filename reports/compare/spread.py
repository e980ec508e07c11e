"""How a number of the task, one for each hand or picture, spreads over the inputs: what most of
them stay within, and which of them exceed what the picture itself allows (`Scalar.sensitivity`).

In constant memory: errors are counted in the buckets of a DDSketch, within 1 % of each.
"""

import math
from collections import Counter

from msgspec import Struct

from blazepalm.reports.compare.meters import Count, Number
from blazepalm.reports.compare.tensors import mapping

LARGEST = 1e300  # counted for NaN, infinity and more
PERCENT = 0.01  # the share of the inputs that `p99` leaves out; one input at least


class Spread(Struct, frozen=True, forbid_unknown_fields=True):
    """Over all inputs, in the row's own unit. `median`: half of them are at least as good. `p99`:
    all but one in a hundred are, and all but one of fewer; None for a single input.

    `sensitivity` is what noise of half a grey level does to float32 on the row's worst input,
    None where that was not measured; `measured` counts the inputs on which it was. `beyond` is the
    worst value among the inputs that exceed their own sensitivity, or have none, and `beyond_case`
    its input; both None where there is none.
    """

    median: Number
    p99: Number
    sensitivity: Number
    measured: Count
    beyond: Number
    beyond_case: str | None


class ErrorCounts:
    """Distances from the best value, for their quantiles."""

    def __init__(self) -> None:
        self._counts: Counter[int | None] = Counter()  # by bucket; None: no difference

    def add(self, error: float, times: int = 1) -> None:
        error = LARGEST if math.isnan(error) else min(error, LARGEST)
        some = error > mapping().min_possible
        self._counts[mapping().key(error) if some else None] += times

    @property
    def median(self) -> float | None:
        total = self._counts.total()
        return self._largest_but(total // 2) if total else None

    @property
    def p99(self) -> float | None:
        total = self._counts.total()
        return self._largest_but(max(1, int(total * PERCENT))) if total > 1 else None

    def _largest_but(self, others: int) -> float:
        """The largest error after `others` larger ones."""
        for bucket in sorted((b for b in self._counts if b is not None), reverse=True):
            others -= self._counts[bucket]
            if others < 0:
                return float(mapping().value(bucket))
        return 0.0
