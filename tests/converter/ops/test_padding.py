"""PAD, PADV2, MIRROR_PAD on any axis, channels and batch included."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from blazepalm.errors import InvalidModel
from support.compare import Case, build, check, constant, image, sampled
from support.tflite_builder import ModelBuilder

SHAPE = (1, 4, 5, 3)
Paddings = tuple[tuple[int, int], ...]
AMOUNT = st.tuples(st.integers(0, 2), st.integers(0, 2))
NONE = (0, 0)


def pad(
    paddings: Paddings,
    value: float | None = None,
    shape: tuple[int, ...] = SHAPE,
    plain: bool = False,
) -> tuple[Case, np.ndarray]:
    """The model, and the expected result for its inputs."""
    model = ModelBuilder()
    x, h = image(model, shape, plain)
    y = model.tensor(np.pad(np.zeros(shape), paddings).shape)
    operands = [h, constant(model, paddings)]
    if value is None:
        model.operator("PAD", operands, [y], schema.PadOptionsT())
    else:
        operands.append(constant(model, [value], "float32"))
        model.operator("PADV2", operands, [y], schema.PadV2OptionsT(), version=2)
    case = build(model, [x], [y])
    values = case.inputs()[0].astype(np.float64).reshape(shape)
    return case, np.pad(values, paddings, constant_values=np.float32(value or 0.0))


@sampled(25)
@given(AMOUNT, AMOUNT, AMOUNT, st.sampled_from((None, 0.0, -1.25, 7.1)), st.booleans())
def test_pad(
    rows: tuple[int, int],
    columns: tuple[int, int],
    channels: tuple[int, int],
    value: float | None,
    plain: bool,
) -> None:
    case, truth = pad((NONE, rows, columns, channels), value, plain=plain)
    check(case, truth=[truth])


@pytest.mark.parametrize("shape", [(1, 6), (1, 7, 2)])
def test_pad_of_other_ranks(shape: tuple[int, ...]) -> None:
    case, truth = pad((NONE, *[(1, 2)] * (len(shape) - 1)), shape=shape)
    check(case, truth=[truth])


def test_pad_of_the_batch() -> None:
    case, truth = pad(((0, 1), NONE, NONE, NONE))
    check(case, truth=[truth], batch_fixed="pads the batch axis")


def test_channels_are_one_pad() -> None:
    """Pads the axis that is second in torch: the zero channels of a widening block."""
    module = pad((NONE, NONE, NONE, (0, 4)))[0].module()
    (call,) = [node for node in module.graph.nodes if "pad" in node.name]
    assert call.args[1] == (0, 0, 0, 0, 0, 4)


def mirror(
    mode: str, paddings: Paddings, shape: tuple[int, ...] = SHAPE, plain: bool = False
) -> tuple[Case, np.ndarray]:
    model = ModelBuilder()
    x, h = image(model, shape, plain)
    y = model.tensor(np.pad(np.zeros(shape), paddings).shape)
    options = schema.MirrorPadOptionsT(mode=getattr(schema.MirrorPadMode, mode))
    model.operator("MIRROR_PAD", [h, constant(model, paddings)], [y], options)
    case = build(model, [x], [y])
    values = case.inputs()[0].astype(np.float64).reshape(shape)
    return case, np.pad(values, paddings, mode=mode.lower())  # type: ignore[call-overload]


@pytest.mark.parametrize("mode", ["REFLECT", "SYMMETRIC"])
@sampled(20)
@given(rows=AMOUNT, columns=AMOUNT, channels=AMOUNT, plain=st.booleans())
def test_mirror_pad(
    mode: str,
    rows: tuple[int, int],
    columns: tuple[int, int],
    channels: tuple[int, int],
    plain: bool,
) -> None:
    case, truth = mirror(mode, (NONE, rows, columns, channels), plain=plain)
    check(case, truth=[truth])


@pytest.mark.parametrize("paddings", [((1, 2), (2, 1)), ((3, 3), NONE), (NONE, (4, 0))])
def test_reflecting_an_image_is_one_pad(paddings: Paddings) -> None:
    case, truth = mirror("REFLECT", (NONE, *paddings, NONE))
    module = check(case, truth=[truth])
    assert [n.name for n in module.graph.nodes if n.op == "call_function"] == ["pad"]


def test_mirroring_more_than_there_is() -> None:
    model = ModelBuilder()
    x, y = model.tensor((1, 3)), model.tensor((1, 6))
    options = schema.MirrorPadOptionsT(mode=schema.MirrorPadMode.REFLECT)
    model.operator("MIRROR_PAD", [x, constant(model, [[0, 0], [3, 0]])], [y], options)
    with pytest.raises(InvalidModel, match="operator 0 MIRROR_PAD: mirrors"):
        build(model, [x], [y]).module()


def test_negative_paddings() -> None:
    model = ModelBuilder()
    x, y = model.tensor((1, 3)), model.tensor((1, 2))
    model.operator("PAD", [x, constant(model, [[0, 0], [-1, 0]])], [y], schema.PadOptionsT())
    with pytest.raises(InvalidModel, match=r"operator 0 PAD: paddings \[0, 0, -1, 0\]"):
        build(model, [x], [y]).module()
