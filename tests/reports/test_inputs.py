"""Seeded inputs are NumPy's PCG64, drawn here once more in one piece."""

import numpy as np
import pytest

from blazepalm.reports.inputs import seeded_inputs


def test_the_stream_is_one_draw_of_pcg64() -> None:
    drawn = np.stack(list(seeded_inputs((1, 4, 5, 3), (0.0, 1.0), 3, seed=7)))
    expected = np.random.Generator(np.random.PCG64(7)).random((3, 1, 4, 5, 3), dtype=np.float32)
    assert drawn.dtype == np.float32
    np.testing.assert_array_equal(drawn, expected)


@pytest.mark.parametrize("value_range", [(0.0, 1.0), (-1.0, 1.0), (-0.5, 2.0)])
def test_the_range_is_filled_and_kept(value_range: tuple[float, float]) -> None:
    low, high = value_range
    drawn = np.stack(list(seeded_inputs((1, 32, 32, 3), value_range, 4, seed=0)))
    assert low <= drawn.min() < low + 0.01 * (high - low)
    assert high - 0.01 * (high - low) < drawn.max() <= high


def test_inputs_differ_from_each_other_and_by_seed() -> None:
    a, b = seeded_inputs((1, 2, 2, 3), (0.0, 1.0), 2, seed=0)
    (c,) = seeded_inputs((1, 2, 2, 3), (0.0, 1.0), 1, seed=1)
    assert not np.array_equal(a, b) and not np.array_equal(a, c)
