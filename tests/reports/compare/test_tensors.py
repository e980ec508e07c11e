"""Expected values are worked out by hand; hypothesis checks the sums against NumPy's own."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from msgspec import msgpack

from blazepalm.reports.compare.tensors import (
    TensorDifference,
    compare,
    digest,
    half_spacing,
    identical,
    mapping,
    measure_range,
)

FLOATS = st.floats(-1e3, 1e3, width=32)
ANY = st.floats(width=32, allow_nan=True, allow_infinity=True)
PAIR = arrays(np.float32, (2, 3, 5), elements=FLOATS)


def test_errors_on_paper() -> None:
    part = compare(np.array([[3.0, -4.0, 0.0]]), np.array([[3.0, -4.5, 1.0]]))
    assert (part.elements, part.zeros, part.unequal) == (3, 1, 2)
    assert (part.sum_abs, part.sum_squares) == (1.5, 1.25)
    assert (part.sum_reference, part.sum_candidate, part.dot) == (25.0, 30.25, 27.0)
    assert (part.peak, part.max_abs) == (4.0, 1.0)
    assert part.worst == ((0, 2), 0.0, 1.0)
    assert not part.doubtful and part.problem is None


@given(PAIR, PAIR)
def test_the_sums_are_numpys(r: np.ndarray, c: np.ndarray) -> None:
    part, wide_r, wide_c = compare(r, c), r.astype(float), c.astype(float)
    error = np.abs(wide_c - wide_r)
    assert part.max_abs == error.max() and part.peak == np.abs(wide_r).max()
    assert part.sum_abs == pytest.approx(error.sum(), rel=1e-12)
    assert part.sum_squares == pytest.approx((error**2).sum(), rel=1e-12)
    assert part.dot == pytest.approx((wide_r * wide_c).sum(), rel=1e-9, abs=1e-6)
    if error.any():
        assert part.worst is not None and error[part.worst[0]] == error.max()
    else:
        assert part.worst is None
    assert part.zeros + part.bucket_counts().sum() == part.elements == r.size


def test_float32_is_widened_before_it_is_subtracted() -> None:
    big, next_to_it = np.array([2.0**24], np.float32), np.array([2.0**24 + 1])
    assert compare(big, next_to_it).max_abs == 1.0


def test_non_finite_values_are_counted_and_kept_out() -> None:
    r = np.array([1.0, np.nan, np.inf, 4.0, 1.0])
    c = np.array([1.5, 2.0, 3.0, -np.inf, 1.0])
    part = compare(r, c)
    assert (part.nonfinite_reference, part.nonfinite_candidate) == (2, 1)
    assert (part.elements, part.max_abs, part.sum_squares) == (2, 0.5, 0.25)
    assert part.worst == ((0,), 1.0, 1.5) and part.doubtful


def test_the_place_of_the_worst_is_the_arrays_own_though_some_were_left_out() -> None:
    part = compare(np.array([[np.nan, 1.0], [2.0, 3.0]]), np.array([[0.0, 1.0], [2.0, 7.0]]))
    assert part.worst == ((1, 1), 3.0, 7.0)


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_the_same_infinity_is_no_agreement(value: float) -> None:
    same = np.array([value], np.float32)
    part = compare(same, same)
    assert (part.elements, part.max_abs, part.unequal) == (0, -1.0, 0) and part.doubtful


def test_values_too_large_for_their_difference_are_no_crash() -> None:
    part = compare(np.array([1e308, 1.0]), np.array([-1e308, 1.0]))
    assert part.elements == 2 and part.max_abs == math.inf and not part.doubtful


@pytest.mark.parametrize("shape", [(2, 3), (6,), (1, 3, 2), ()])
def test_other_shapes_are_never_made_to_fit(shape: tuple[int, ...]) -> None:
    part = compare(np.zeros((3, 2)), np.zeros(shape))
    assert part.elements == 0 and part.problem is not None
    assert part.problem.startswith("shape ") and part.problem.endswith("3×2")


def test_missing_outputs_are_told_apart() -> None:
    here = np.zeros(2)
    assert compare(here, None).problem == "the candidate has no such output"
    assert compare(None, here).problem == "the reference has no such output"


def test_what_is_no_number_is_a_problem() -> None:
    assert compare(np.zeros(1), np.array(["a"])).problem == "values of <U1 are not real numbers"
    assert compare(np.zeros(1, np.complex64), np.zeros(1)).doubtful


def test_bits_tell_zeros_and_dtypes_apart() -> None:
    zero, minus = np.array([0.0], np.float32), np.array([-0.0], np.float32)
    assert compare(zero, minus).unequal == 1
    assert compare(zero, zero.astype(float)).unequal is None
    column = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert compare(column, np.asfortranarray(column)).unequal == 0


@given(arrays(np.float32, (3, 4), elements=ANY))
def test_identical_is_compare_with_itself(values: np.ndarray) -> None:
    assert identical(values) == compare(values, values)


@given(st.floats(-65504, 65504, width=16))
def test_float16s_spacing_is_numpys(value: float) -> None:
    at_the_end = abs(value) == 65504  # beyond which there is none
    expected = 32.0 if at_the_end else float(np.spacing(np.float16(abs(value))))
    assert half_spacing(np.array([value]))[0] == expected


def test_float16s_spacing_beyond_its_numbers() -> None:
    found = half_spacing(np.array([0.0, 1e-9, 65536.0, 1e30, -1.0, 1.0, 0.999]))
    assert found.tolist() == [2**-24, 2**-24, 32.0, 32.0, 2**-10, 2**-10, 2**-11]


def test_errors_in_units_of_float16() -> None:
    part = compare(np.array([1.0, 1000.0]), np.array([1.0 + 2**-9, 1000.25]))
    assert part.half_units == 2.0  # of 2⁻¹⁰ at 1; at 1000 a step is 0.5


@given(arrays(np.float64, 40, elements=st.floats(1e-9, 1e9)))
def test_every_error_is_in_the_bucket_of_its_size(errors: np.ndarray) -> None:
    part = compare(np.zeros(40), errors)
    counts = part.bucket_counts()
    assert counts.sum() == 40 and counts[0] and counts[-1]
    smallest, largest = (
        mapping().value(part.first_bucket + place) for place in (0, counts.size - 1)
    )
    assert smallest == pytest.approx(errors.min(), rel=0.0101)
    assert largest == pytest.approx(errors.max(), rel=0.0101)


@given(arrays(np.float32, (2, 3), elements=ANY), arrays(np.float32, (2, 3), elements=ANY))
def test_a_difference_comes_back(r: np.ndarray, c: np.ndarray) -> None:
    for part in (compare(r, c), compare(r, None), TensorDifference()):
        back = msgpack.decode(msgpack.encode(part), type=TensorDifference)
        assert back == part and repr(back) == repr(part)


def test_range_on_paper() -> None:
    part = measure_range(np.array([[1.0, np.nan], [-7.0, np.inf]]))
    assert part is not None
    assert (part.shape, part.low, part.high, part.nonfinite) == ((2, 2), -7.0, 1.0, 2)
    assert not part.zero
    assert measure_range(None) is None


def test_nothing_but_zeros_and_nothing_but_nan() -> None:
    zero, lost = measure_range(np.zeros(3)), measure_range(np.full(3, np.nan))
    assert zero is not None and zero.zero and lost is not None and not lost.zero
    assert (lost.low, lost.high, lost.nonfinite) == (None, None, 3)
    empty = measure_range(np.zeros(0))
    assert empty is not None and (empty.low, empty.nonfinite, empty.zero) == (None, 0, False)


def test_a_digest_is_of_the_values_not_of_their_layout() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert digest(values) == digest(np.asfortranarray(values)) != digest(values + 1)
    assert measure_range(values) == measure_range(np.asfortranarray(values))
