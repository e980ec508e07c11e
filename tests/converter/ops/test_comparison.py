"""Comparisons and SELECT against LiteRT and NumPy."""

from collections.abc import Callable

import numpy as np
import pytest

from blazepalm.converter.lowering import lower
from blazepalm.converter.tflite import read_bytes
from blazepalm.errors import UnsupportedOperator
from support.compare import build, check, image
from support.tflite_builder import ModelBuilder

COMPARISONS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "GREATER": np.greater,
    "GREATER_EQUAL": np.greater_equal,
    "LESS": np.less,
    "LESS_EQUAL": np.less_equal,
}


@pytest.mark.parametrize("name", COMPARISONS)
@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("select", ["SELECT", "SELECT_V2"])
def test_select_by_a_comparison(name: str, plain: bool, select: str) -> None:
    """(x ∘ c) ? x · 3 : x with integers, so that equal values occur."""
    shape = (1, 4, 5, 3)
    model = ModelBuilder()
    x, h = image(model, shape, plain)
    whole = model.tensor(shape)
    model.operator("FLOOR", [h], [whole])
    limit = model.tensor((3,), data=np.float32([-1, 0, 1]))
    condition = model.tensor(shape, "bool")
    model.operator(name, [whole, limit], [condition])
    three = model.tensor((), data=np.float32(3))
    tripled, y = model.tensor(shape), model.tensor(shape)
    model.operator("MUL", [h, three], [tripled])
    model.operator(select, [condition, tripled, h], [y])
    case = build(model, [x], [y])
    given = case.inputs()[0].reshape(shape).astype(np.float64)
    holds = COMPARISONS[name](np.floor(given), [-1.0, 0.0, 1.0])
    assert 0 < holds.sum() < holds.size
    check(case, truth=[np.where(holds, given * 3, given)], magnitude=6.0)


def test_a_condition_as_output_is_refused() -> None:
    model = ModelBuilder()
    x = model.tensor((1, 6))
    zero = model.tensor((), data=np.float32(0))
    y = model.tensor((1, 6), "bool")
    model.operator("GREATER", [x, zero], [y])
    with pytest.raises(UnsupportedOperator, match="is bool"):
        lower(read_bytes(model.build([x], [y]), "test.tflite"))
