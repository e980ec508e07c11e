"""What most inputs stay within, against NumPy's sorted errors, and which inputs exceed their own
sensitivity, worked out on paper.
"""

import math

import numpy as np
import pytest

from blazepalm.reports.compare.rows import MAX, MIN, Scalar, ScalarMeter
from blazepalm.reports.compare.spread import Spread

WITHIN = 0.01  # the sketch's accuracy


def spread(*scalars: Scalar) -> Spread:
    meter = ScalarMeter(scalars[0])
    for number, scalar in enumerate(scalars):
        meter.add(scalar, f"case {number}")
    found = meter.spread
    assert found is not None
    return found


@pytest.mark.parametrize("count", [2, 15, 99, 100, 101, 250, 300])
def test_all_but_one_in_a_hundred_and_half(count: int) -> None:
    values = np.random.default_rng(count).exponential(0.1, count)
    errors = spread(*(Scalar(float(v), MAX, "px", best=0.0) for v in values))
    overlaps = spread(*(Scalar(1 - float(v), MIN, "", best=1.0) for v in values))
    falling = np.sort(values)[::-1]
    p99, median = falling[max(1, count // 100)], falling[count // 2]
    assert errors.p99 == pytest.approx(p99, rel=WITHIN)
    assert errors.median == pytest.approx(median, rel=WITHIN)
    assert overlaps.p99 is not None and 1 - overlaps.p99 == pytest.approx(p99, rel=WITHIN)
    assert np.count_nonzero(values > p99) == max(1, count // 100)


def test_one_input_and_no_difference_and_nan() -> None:
    assert spread(Scalar(0.3, MAX, "", best=0.0)).p99 is None
    same = spread(Scalar(1.0, MIN, "", best=1.0), Scalar(1.0, MIN, "", best=1.0))
    assert (same.p99, same.median) == (1.0, 1.0)
    lost = spread(*(Scalar(math.nan, MAX, "", best=0.0) for _ in range(3)))
    assert lost.p99 is not None and lost.p99 > 1e299 and lost.beyond_case == "case 0"
    assert ScalarMeter(Scalar(0.3, MAX, "px")).spread is None


def test_the_worst_beyond_its_own_sensitivity_is_not_the_worst_of_all() -> None:
    found = spread(
        Scalar(0.7, MAX, "px", best=0.0, sensitivity=1.4),
        Scalar(0.6, MAX, "px", best=0.0, sensitivity=0.5, beyond=0.6),
        Scalar(0.4, MAX, "px", best=0.0),
    )
    assert (found.sensitivity, found.measured) == (1.4, 2)
    assert (found.beyond, found.beyond_case) == (0.6, "case 1")
    all_allowed = spread(Scalar(0.97, MIN, "", best=1.0, sensitivity=0.96))
    assert (all_allowed.beyond, all_allowed.beyond_case) == (None, None)
