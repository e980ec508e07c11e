"""Where LiteRT refuses a file or ignores what it says, nothing is converted as if it did not."""

import numpy as np
import pytest

from blazepalm.converter.lowering import lower
from blazepalm.converter.tflite import read_bytes
from blazepalm.errors import InvalidModel, UnsupportedOperator
from support.compare import Case, run_litert
from support.tflite_builder import ModelBuilder, schema

ROW = np.array([[1, 2, 3, 4]], np.float32)


def one(name: str, options: object, shape: tuple[int, ...] = (1, 4)) -> Case:
    """An operator of one input, given twice to those that take two."""
    model = ModelBuilder()
    x, y = model.tensor(shape), model.tensor(shape)
    model.operator(name, [x, x] if name in ("ADD", "SUB") else [x], [y], options)
    return Case(model.build([x], [y]), (shape,))


def test_a_fused_tanh_is_refused_because_litert_leaves_it_out() -> None:
    case = one("ADD", schema.AddOptionsT(fusedActivationFunction=4))
    for reference in (False, True):
        np.testing.assert_array_equal(run_litert(case, [ROW], reference=reference)[0], 2 * ROW)
    with pytest.raises(UnsupportedOperator, match="activation TANH is not supported: LiteRT's"):
        case.module()


def test_a_concatenation_has_no_activation() -> None:
    model = ModelBuilder()
    x, y = model.tensor((1, 4)), model.tensor((1, 8))
    options = schema.ConcatenationOptionsT(axis=1, fusedActivationFunction=1)
    model.operator("CONCATENATION", [x, x], [y], options)
    case = Case(model.build([x], [y]), ((1, 4),))
    with pytest.raises(RuntimeError, match="params->activation != kTfLiteActNone"):
        run_litert(case, [ROW], reference=True)
    with pytest.raises(InvalidModel, match="has the activation RELU, which it cannot have"):
        case.module()


def test_a_softmax_without_options_is_refused_because_litert_takes_beta_0() -> None:
    case = one("SOFTMAX", None)
    np.testing.assert_array_equal(run_litert(case, [ROW], reference=True)[0], np.full((1, 4), 0.25))
    with pytest.raises(InvalidModel, match="has no SoftmaxOptions"):
        case.module()


@pytest.mark.parametrize("name", ["MAX_POOL_2D", "DEPTH_TO_SPACE"])
def test_other_options_that_cannot_be_left_out(name: str) -> None:
    case = one(name, None, (1, 2, 2, 4))
    with pytest.raises((RuntimeError, ValueError)):
        run_litert(case, case.inputs(), reference=True)
    with pytest.raises(InvalidModel, match="has no "):
        case.module()


def test_options_that_are_zero_may_be_left_out() -> None:
    case = one("ADD", None)
    np.testing.assert_array_equal(run_litert(case, [ROW], reference=True)[0], 2 * ROW)
    case.module()


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_a_transposed_convolution_leads_back_to_its_input(padding: str) -> None:
    """Of all output sizes, those that LiteRT takes, and no others."""
    taken = []
    for out in range(1, 10):
        model = ModelBuilder()
        x, y = model.tensor((1, 3, 3, 1)), model.tensor((1, out, out, 1))
        size = model.tensor((4,), "int32", np.array([1, out, out, 1], np.int32))
        kernel = model.tensor((1, 2, 2, 1), data=np.ones((1, 2, 2, 1), np.float32))
        options = schema.TransposeConvOptionsT(
            padding=getattr(schema.Padding, padding), strideH=2, strideW=2
        )
        model.operator("TRANSPOSE_CONV", [size, kernel, x], [y], options)
        case = Case(model.build([x], [y]), ((1, 3, 3, 1),))
        try:
            run_litert(case, case.inputs(), reference=True)
        except RuntimeError:
            with pytest.raises(InvalidModel, match="do not lead from|does not map"):
                lower(read_bytes(case.content, "x.tflite"))
        else:
            taken.append(out)
            case.module()
    assert taken == ([5, 6] if padding == "SAME" else [6, 7])


@pytest.mark.parametrize("length", [2, 3])
def test_a_slice_given_by_its_length_ends_inside(length: int) -> None:
    """LiteRT's kernel gives three values of the two that are there, the third of other memory."""
    model = ModelBuilder()
    x, y = model.tensor((1, 3)), model.tensor((1, 2))
    operands = [
        model.tensor((2,), "int32", np.array(values, np.int32))
        for values in ((0, 1), (1, length), (1, 1))
    ]
    model.operator("STRIDED_SLICE", [x, *operands], [y], schema.StridedSliceOptionsT(offset=True))
    case = Case(model.build([x], [y]), ((1, 3),))
    found = run_litert(case, case.inputs(), reference=True)[0]
    assert found.shape == (1, length)
    if length == 2:
        case.module()
    else:
        with pytest.raises(InvalidModel, match="ends 1 behind axis 1 of 3"):
            case.module()
