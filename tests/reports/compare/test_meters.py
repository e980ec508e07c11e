"""Totals over inputs, against NumPy on all inputs at once, and against values from paper."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from msgspec import msgpack

from blazepalm.reports.compare.meters import Difference, DifferenceMeter, Range, RangeMeter, Worst
from blazepalm.reports.compare.tensors import TensorDifference, compare, measure_range

FLOATS = st.floats(-1e3, 1e3, width=32)
STACK = arrays(np.float32, (3, 2, 5), elements=FLOATS)


def total(*pairs: tuple[np.ndarray | None, np.ndarray | None]) -> Difference:
    meter = DifferenceMeter()
    for number, (reference, candidate) in enumerate(pairs):
        meter.add(compare(reference, candidate), f"case {number}")
    return meter.result()


def spread(*values: np.ndarray | None) -> Range:
    meter = RangeMeter()
    for value in values:
        meter.add(measure_range(value))
    return meter.result()


def test_metrics_on_paper() -> None:
    r, c = np.array([[3.0, -4.0]]), np.array([[3.0, -4.5]])
    found = total((r, c), (np.zeros((1, 2)), np.array([[0.0, 1.0]])))
    assert (found.inputs, found.elements, found.peak) == (2, 4, 4.0)
    assert (found.max_abs, found.mean_abs, found.unequal) == (1.0, 1.5 / 4, 2)
    assert found.rmse == pytest.approx(math.sqrt(1.25 / 4), rel=1e-15)
    assert found.rel_l2 == pytest.approx(math.sqrt(1.25) / 5, rel=1e-15)
    assert found.snr_db == pytest.approx(10 * math.log10(25 / 1.25), rel=1e-12)
    assert found.psnr_db == pytest.approx(20 * math.log10(4 / math.sqrt(1.25 / 4)), rel=1e-12)
    assert found.cosine == pytest.approx(27 / (5 * math.sqrt(30.25)), rel=1e-12)
    assert found.worst == Worst("case 1", (0, 1), 0.0, 1.0)


def test_an_input_counts_as_equal_only_with_every_bit() -> None:
    one = np.array([1.0, 0.0], np.float32)
    nan = np.array([np.nan, 0.0], np.float32)
    near = np.array([np.nextafter(np.float32(1), np.float32(2)), 0.0], np.float32)
    pairs = ((one, one), (nan, nan), (one, near), (one, -one * 0 + [1, -0.0]), (one, None))
    found = total(*((r, None if c is None else c.astype(np.float32)) for r, c in pairs))
    assert (found.inputs, found.equal_inputs) == (5, 2)
    assert total((one.astype(float), one)).equal_inputs == 0, "another dtype has other bits"


@given(STACK, STACK)
def test_gathering_is_the_same_as_one_big_array(r: np.ndarray, c: np.ndarray) -> None:
    found = total(*zip(r, c, strict=True))
    error = np.abs(c.astype(float) - r.astype(float))
    assert found.max_abs == error.max()
    assert found.mean_abs == pytest.approx(error.mean(), rel=1e-12)
    assert found.rmse == pytest.approx(np.sqrt((error**2).mean()), rel=1e-12)
    if error.any():
        assert found.worst is not None
        case = int(found.worst.case.removeprefix("case "))
        assert error[(case, *found.worst.index)] == error.max()


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 4.0))
def test_quantiles_are_within_one_per_cent(seed: int, spread_by: float) -> None:
    rng = np.random.default_rng(seed)
    errors = rng.lognormal(-9, spread_by, (4, 500))
    errors[:, :7] = 0.0
    found = total(*((np.zeros(500), e) for e in errors))
    every = np.sort(errors.ravel())
    for share, value in ((0.5, found.p50), (0.99, found.p99), (0.999, found.p999)):
        exact = every[int(share * (every.size - 1))]
        assert value == pytest.approx(exact, rel=0.0101)


def test_quantiles_of_no_errors_are_nothing() -> None:
    same = np.ones(5)
    found = total((same, same))
    assert (found.p50, found.p99, found.p999, found.worst) == (0.0, 0.0, 0.0, None)


@given(st.lists(st.booleans(), min_size=6, max_size=6))
def test_who_counted_what_changes_no_bit(elsewhere: list[bool]) -> None:
    """Totals do not depend on which process measured which input: parts pass through MessagePack
    unchanged.
    """
    rng = np.random.default_rng(5)
    here, there = DifferenceMeter(), DifferenceMeter()
    for number, remote in enumerate(elsewhere):
        r = rng.normal(0, 10.0**number, (4, 9)).astype(np.float32)
        part = compare(r, r + rng.normal(0, 1e-6, r.shape).astype(np.float32))
        here.add(part, str(number))
        if remote:
            part = msgpack.decode(msgpack.encode(part), type=TensorDifference)
        there.add(part, str(number))
    assert here.result() == there.result()


def test_identical_outputs_have_no_decibels() -> None:
    same = np.array([1.0, -2.0])
    found = total((same, same))
    assert (found.snr_db, found.psnr_db, found.rel_l2) == (None, None, 0.0)
    assert found.cosine == pytest.approx(1.0, abs=1e-15)


def test_cosine_of_nothing() -> None:
    zero, one = np.zeros(2), np.ones(2)
    assert total((zero, zero)).cosine == 1.0
    assert total((zero, one)).cosine == 0.0 and total((one, zero)).cosine == 0.0
    assert total((one, -one)).cosine == pytest.approx(-1.0)
    assert total((zero, one)).rel_l2 is None and total((zero, one)).snr_db is None


def test_numbers_at_the_ends_of_float64_are_no_crash() -> None:
    huge, tiny = np.array([1e200, 1.0]), np.array([1e-170, 1.0])
    assert total((huge, -huge)).psnr_db is not None
    assert total((tiny, huge)).snr_db is not None


def test_a_problem_of_one_input_stays() -> None:
    found = total((np.zeros(2), np.zeros(2)), (np.zeros(2), np.zeros(3)), (np.zeros(2), None))
    assert (found.inputs, found.elements) == (3, 2)
    assert found.problems == ("shape 3, the reference has 2", "the candidate has no such output")


def test_one_other_dtype_makes_all_bits_unknown() -> None:
    single, double = np.zeros(2, np.float32), np.zeros(2)
    assert total((single, single), (single, double), (single, single)).unequal is None


def test_nothing_compared_has_no_errors() -> None:
    found = total()
    assert (found.elements, found.max_abs, found.rmse, found.rel_l2) == (0, None, None, None)
    assert (found.p50, found.cosine, found.half_units, found.peak) == (None, None, None, None)


def test_range_over_all_inputs() -> None:
    found = spread(np.array([1.0, -7.0]), np.array([np.nan, 3.0]))
    assert (found.low, found.high, found.peak) == (-7.0, 3.0, 7.0)
    assert (found.inputs, found.nonfinite, found.shape) == (2, 1, (2,))
    assert not found.constant and not found.zero


def test_constant_outputs() -> None:
    same = np.array([1.0, np.nan])
    assert spread(same, same.copy()).constant
    assert spread(same).constant, "one input cannot show that the output depends on it"
    assert not spread(same, np.array([1.0, 2.0])).constant
    assert spread(np.zeros(2), np.zeros(2)).zero and not spread(np.zeros(2), same).zero


def test_range_of_nothing() -> None:
    found = spread(None, None)
    assert (found.inputs, found.low, found.peak, found.shape, found.zero) == (
        0,
        None,
        0.0,
        None,
        False,
    )


def test_a_backend_may_reuse_its_memory() -> None:
    values, meter = np.zeros(2), RangeMeter()
    meter.add(measure_range(values))
    values += 1
    meter.add(measure_range(values))
    assert not meter.result().constant
