"""Fixed-point factors, against arithmetic on paper."""

import numpy as np
import pytest

from blazepalm.reports.backends.integer.multiplier import (
    fixed_point,
    scaled,
    scaled_once,
    scaled_wide,
)


def test_a_factor_is_a_multiplier_and_a_shift() -> None:
    assert fixed_point(0.0) == (0, 0)
    assert fixed_point(0.5) == (1 << 30, 0)  # 0.5 · 2^0
    assert fixed_point(3.0) == (3 << 29, 2)  # 0.75 · 2^2
    assert fixed_point(1 - 2.0**-40) == (1 << 30, 1)  # rounds up to 1
    assert fixed_point(2.0**-40) == (0, 0)


@pytest.mark.parametrize(
    ("values", "factor", "twice", "once"),
    [
        ([6, 5, -5, -6], 0.5, [3, 3, -2, -3], [3, 3, -2, -3]),  # 2.5 → 3, −2.5 → −2
        ([6, 5, -6], 0.25, [2, 2, -2], [2, 1, -1]),  # 5: 2.5 → 3, 1.5 → 2; once 1.25 → 1
        ([7, -7], 3.0, [21, -21], [21, -21]),
    ],
)
def test_products_round_to_nearest(
    values: list[int], factor: float, twice: list[int], once: list[int]
) -> None:
    given = np.array(values, np.int64)
    assert scaled(given, factor).tolist() == twice
    assert scaled_once(given, factor).tolist() == once


def test_each_channel_has_its_factor() -> None:
    assert scaled(np.array([[8, 8]], np.int64), [0.5, 0.25]).tolist() == [[4, 2]]


def test_wide_sums_have_a_16_bit_multiplier() -> None:
    assert scaled_wide(np.array([1 << 40], np.int64), 2.0**-30).tolist() == [1024]
