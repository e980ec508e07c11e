"""Expected values are worked out by hand; hypothesis checks the sums against NumPy's own."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from blazepalm.reports.metrics import DifferenceMeter, RangeMeter, Worst

FLOATS = st.floats(-1e3, 1e3, width=32)


def meter(*pairs: tuple[object, object]) -> DifferenceMeter:
    gathered = DifferenceMeter()
    for reference, candidate in pairs:
        gathered.add(reference, candidate)  # type: ignore[arg-type]
    return gathered


def test_errors_on_paper() -> None:
    r = np.array([[3.0, -4.0]]), np.array([[0.0, 0.0]])
    c = np.array([[3.0, -4.5]]), np.array([[0.0, 1.0]])
    result = meter((r[0], c[0]), (r[1], c[1])).result()
    assert (result.inputs, result.elements) == (2, 4)
    assert result.max_abs == 1.0
    assert result.mean_abs == 1.5 / 4
    assert result.rmse == pytest.approx(math.sqrt(1.25 / 4), rel=1e-15)
    assert result.rel_l2 == pytest.approx(math.sqrt(1.25) / 5, rel=1e-15)
    assert result.worst == Worst(input=1, index=(0, 1), reference=0.0, candidate=1.0)
    assert result.unequal == 2


def test_float32_is_widened_before_it_is_subtracted() -> None:
    big, small = (
        np.array([16777216.0], np.float32),
        np.array([16777217.0], np.float64),
    )  # 2²⁴ and its neighbour
    assert meter((small, big)).result().max_abs == 1.0


@given(
    arrays(np.float32, (3, 2, 5), elements=FLOATS), arrays(np.float32, (3, 2, 5), elements=FLOATS)
)
def test_gathering_is_the_same_as_one_big_array(r: np.ndarray, c: np.ndarray) -> None:
    result = meter(*zip(r, c, strict=True)).result()
    error = np.abs(c.astype(float) - r.astype(float))
    assert result.max_abs == error.max()
    assert result.mean_abs == pytest.approx(error.mean(), rel=1e-12)
    assert result.rmse == pytest.approx(np.sqrt((error**2).mean()), rel=1e-12)
    assert result.worst is not None
    assert error[(result.worst.input, *result.worst.index)] == error.max()


def test_non_finite_values_are_counted_and_kept_out() -> None:
    r = np.array([1.0, np.nan, np.inf, 4.0])
    c = np.array([1.5, 2.0, 3.0, -np.inf])
    result = meter((r, c)).result()
    assert (result.nonfinite_reference, result.nonfinite_candidate) == (2, 1)
    assert (result.elements, result.max_abs) == (1, 0.5)


def test_the_same_infinity_is_no_agreement() -> None:
    same = np.array([np.inf])
    result = meter((same, same)).result()
    assert (result.elements, result.max_abs) == (0, None)
    assert (result.nonfinite_reference, result.nonfinite_candidate) == (1, 1)


def test_other_shapes_are_never_made_to_fit() -> None:
    for shape in ((2, 3), (6,), (1, 3, 2), ()):
        result = meter((np.zeros((3, 2)), np.zeros(shape))).result()
        assert result.elements == 0 and result.max_abs is None
        assert len(result.problems) == 1 and result.problems[0].startswith("shape ")


def test_missing_outputs_are_told_apart() -> None:
    here = np.zeros(2)
    assert meter((here, None)).result().problems == ("the candidate has no such output",)
    assert meter((None, here)).result().problems == ("the reference has no such output",)


def test_a_problem_of_one_input_stays() -> None:
    result = meter((np.zeros(2), np.zeros(2)), (np.zeros(2), np.zeros(3))).result()
    assert result.elements == 2 and result.problems


def test_nothing_compared_has_no_errors() -> None:
    result = meter().result()
    assert (result.elements, result.max_abs, result.rmse, result.rel_l2) == (0, None, None, None)


def test_bits_tell_zeros_and_dtypes_apart() -> None:
    assert meter((np.array([0.0], np.float32), np.array([-0.0], np.float32))).result().unequal == 1
    assert (
        meter((np.array([0.0], np.float32), np.array([0.0], np.float64))).result().unequal is None
    )
    nan = np.array([np.nan], np.float32)
    assert meter((nan, nan)).result().unequal == 0


def test_bits_are_compared_through_any_memory_layout() -> None:
    a = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert meter((a, np.asfortranarray(a))).result().unequal == 0


def test_relative_error_of_a_zero_reference() -> None:
    assert meter((np.zeros(2), np.zeros(2))).result().rel_l2 == 0.0
    assert meter((np.zeros(2), np.ones(2))).result().rel_l2 is None


def spread(*values: object) -> RangeMeter:
    gathered = RangeMeter()
    for value in values:
        gathered.add(value)  # type: ignore[arg-type]
    return gathered


def test_range_over_all_inputs() -> None:
    result = spread(np.array([1.0, -7.0]), np.array([np.nan, 3.0])).result()
    assert (result.low, result.high, result.peak) == (-7.0, 3.0, 7.0)
    assert (result.inputs, result.nonfinite, result.shape) == (2, 1, (2,))
    assert not result.constant


def test_constant_outputs() -> None:
    same = np.array([1.0, np.nan])
    assert spread(same, same.copy()).result().constant
    assert spread(same).result().constant, "one input cannot show that the output depends on it"
    assert not spread(same, np.array([1.0, 2.0])).result().constant


def test_range_of_nothing() -> None:
    result = spread(None, None).result()
    assert (result.inputs, result.low, result.peak, result.shape) == (0, None, 0.0, None)


def test_a_backend_may_reuse_its_memory() -> None:
    values = np.zeros(2)
    gathered = RangeMeter()
    gathered.add(values)
    values += 1
    gathered.add(values)
    assert not gathered.result().constant
