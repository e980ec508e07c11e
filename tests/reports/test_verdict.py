"""The verdict on numbers chosen by hand: what must pass, and that every doubt fails."""

from collections.abc import Callable

import numpy as np
import pytest

from blazepalm.reports.inputs import seeded_inputs
from blazepalm.reports.measure import Measured, measure
from blazepalm.reports.verdict import PAIRS, FloorRow, judge_bitwise, judge_floor
from tests.reports.backends_by_hand import Chosen, Outputs, backends, off_by, truth

OUTPUTS = ("boxes", "scores")
ALL = ("tflite", "tflite_ref", "generic", "torch")


def measured(chosen: list[Chosen], inputs: int = 3) -> Measured:
    return measure(chosen, PAIRS, OUTPUTS, seeded_inputs((1, 4, 4, 3), (0.0, 1.0), inputs, seed=0))


def boxes(**replaced: Callable[[np.ndarray], Outputs]) -> FloorRow:
    return judge_floor(measured(backends(**replaced)), "boxes")


def test_the_floor_is_the_worse_of_both_kernel_sets() -> None:
    row = boxes()
    assert (row.floor.tflite, row.floor.tflite_ref) == (2**-14, 2**-13)
    assert row.floor.value == 2**-13 and row.limit == 10 * 2**-13


def test_a_clean_run_passes_and_says_what_was_needed() -> None:
    row = boxes()
    assert row.passed and not row.reasons
    assert (row.needed, row.multiple) == (2**-14, 0.5)
    assert row.shape == (1, 2, 3) and row.low is not None and row.high is not None


def test_ten_floors_pass_and_more_fail() -> None:
    assert boxes(torch=off_by(10 * 2**-13)).passed
    row = boxes(torch=off_by(10.25 * 2**-13))
    assert not row.passed
    assert row.multiple == 10.25 and row.needed == 10.25 * 2**-13
    assert any("the oracle" in reason and "10.2 ×" in reason for reason in row.reasons)


def test_the_distance_from_litert_counts_as_well() -> None:
    row = boxes(tflite=off_by(-(2**-13)), torch=off_by(9.5 * 2**-13))
    assert row.against_oracle.max_abs == 9.5 * 2**-13, "inside the limit from the oracle"
    assert not row.passed and any("LiteRT" in reason for reason in row.reasons)
    assert row.multiple == 10.5


def test_the_floor_never_falls_below_half_a_float32_step() -> None:
    exact = off_by(0.0)
    row = boxes(tflite=exact, tflite_ref=exact, generic=exact, torch=exact)
    assert row.floor.tflite == 0.0 and row.passed
    peak = max(abs(row.low or 0), abs(row.high or 0))
    assert row.floor.value == np.spacing(np.float32(peak)) / 2 > 0
    assert row.multiple == 0.0
    assert not boxes(tflite=exact, tflite_ref=exact, generic=exact, torch=off_by(2**-10)).passed


def test_an_oracle_that_means_another_graph_raises_no_floor() -> None:
    """All of torch is wrong alike, so torch agrees with the oracle; LiteRT does not."""

    def wrong(images: np.ndarray) -> Outputs:
        return {name: values * 1.01 for name, values in truth(images).items()}

    def wrong32(images: np.ndarray) -> Outputs:
        return {name: values.astype(np.float32) for name, values in wrong(images).items()}

    row = boxes(oracle=wrong, generic=wrong32, torch=wrong32)
    assert row.multiple is not None and row.multiple < 10, "the plain rule would let it pass"
    assert not row.passed and any("same graph" in reason for reason in row.reasons)


def change(function: Callable[[Outputs], Outputs]) -> Callable[[np.ndarray], Outputs]:
    return lambda images: function(off_by(2**-14)(images))


def with_value(value: float) -> Callable[[Outputs], Outputs]:
    def change_one(outputs: Outputs) -> Outputs:
        outputs["boxes"][0, 1, 1] = value
        return outputs

    return change_one


DOUBTS: dict[str, tuple[Callable[[Outputs], Outputs], str]] = {
    "no outputs": (lambda o: {}, "no such output"),
    "one output missing": (lambda o: {"scores": o["scores"]}, "no such output"),
    "outputs swapped": (lambda o: {"boxes": o["scores"], "scores": o["boxes"]}, "1×2×1"),
    "axes swapped": (lambda o: {**o, "boxes": o["boxes"].transpose(0, 2, 1)}, "1×3×2"),
    "flattened": (lambda o: {**o, "boxes": o["boxes"].reshape(1, 6)}, "1×6"),
    "NaN": (with_value(np.nan), "NaN or infinite"),
    "infinity": (with_value(-np.inf), "NaN or infinite"),
    "all NaN": (lambda o: {**o, "boxes": o["boxes"] * np.nan}, "nothing was compared"),
    "float64": (lambda o: {**o, "boxes": o["boxes"].astype(np.float64)}, "dtypes"),
    "constant": (lambda o: {**o, "boxes": np.full_like(o["boxes"], 8.5)}, "the same values"),
    "zeros": (lambda o: {**o, "boxes": np.zeros_like(o["boxes"])}, "the same values"),
}


CASES = [
    (fault, backend)
    for fault in DOUBTS
    for backend in ("torch", "tflite", "tflite_ref", "oracle")
    if fault != "float64" or backend in ("torch", "tflite")  # the oracle is float64 by right
]


@pytest.mark.parametrize(("fault", "backend"), CASES)
def test_every_doubt_fails_whoever_causes_it(fault: str, backend: str) -> None:
    function, reason = DOUBTS[fault]
    row = boxes(**{backend: change(function)})
    assert row.status == "fail"
    assert any(reason in r for r in row.reasons), row.reasons


def test_a_fault_in_one_output_leaves_the_other_alone() -> None:
    found = measured(backends(torch=off_by(1.0)))
    assert not judge_floor(found, "boxes").passed
    assert judge_floor(found, "scores").passed


def test_a_constant_model_does_not_pass_even_if_all_agree() -> None:
    fixed = truth(np.zeros((1, 4, 4, 3)))
    fixed32 = {name: values.astype(np.float32) for name, values in fixed.items()}
    found = measured(backends(**dict.fromkeys(ALL, lambda _: fixed32), oracle=lambda _: fixed))
    row = judge_floor(found, "boxes")
    assert not row.passed and any("the same values" in reason for reason in row.reasons)


@pytest.mark.parametrize("inputs", [0, 1])
def test_too_few_inputs_fail(inputs: int) -> None:
    assert not judge_floor(measured(backends(), inputs), "boxes").passed


def test_zero_inputs_compare_nothing() -> None:
    row = judge_floor(measured(backends(), 0), "boxes")
    assert (row.needed, row.multiple) == (None, None)
    assert any("nothing was compared" in reason for reason in row.reasons)
    assert judge_bitwise(measured(backends(), 0), "boxes", recognised=True).status == "fail"


def test_bitwise_equality_is_of_bits() -> None:
    def negative_zero(images: np.ndarray) -> Outputs:
        outputs = off_by(2**-14)(images)
        outputs["scores"][0, 0, 0] = -0.0
        return outputs

    def zero(images: np.ndarray) -> Outputs:
        outputs = negative_zero(images)
        outputs["scores"][0, 0, 0] = 0.0
        return outputs

    found = measured(backends(torch=negative_zero, generic=zero))
    assert judge_bitwise(found, "boxes", recognised=True).passed
    row = judge_bitwise(found, "scores", recognised=True)
    assert row.status == "fail" and row.unequal == 3 and row.elements == 6


def test_bitwise_is_not_run_where_the_module_is_the_generic_one() -> None:
    found = measured(backends())
    assert judge_bitwise(found, "boxes", recognised=False).status == "not_run"
    broken = measured(backends(torch=change(lambda o: {})))
    assert judge_bitwise(broken, "boxes", recognised=False).status == "fail"
