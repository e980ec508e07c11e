"""RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR in every convention, against LiteRT and against
a float64 evaluation pixel by pixel.
"""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given
from hypothesis import strategies as st

from blazepalm.errors import InvalidModel
from support.compare import Case, build, check, constant, run_litert, run_torch, sampled
from support.tflite_builder import ModelBuilder

# the last may not be combined for bilinear: LiteRT refuses it
CONVENTIONS = {"legacy": (False, False), "half": (False, True), "corners": (True, False)}
BEFORE = st.tuples(st.sampled_from((1, 4, 5)), st.sampled_from((2, 3, 7)))
AFTER = st.tuples(st.sampled_from((1, 3, 8, 10, 13)), st.sampled_from((1, 2, 6, 9, 14)))


def resize(
    name: str, before: tuple[int, int], after: tuple[int, int], convention: tuple[bool, bool]
) -> Case:
    corners, half = convention
    model = ModelBuilder()
    x, y = model.tensor((1, *before, 2)), model.tensor((1, *after, 2))
    kind = schema.ResizeBilinearOptionsT
    if name == "RESIZE_NEAREST_NEIGHBOR":
        kind = schema.ResizeNearestNeighborOptionsT
    options = kind(alignCorners=corners, halfPixelCenters=half)
    model.operator(name, [x, constant(model, after)], [y], options, version=3)
    return build(model, [x], [y])


def position(y: int, before: int, after: int, convention: tuple[bool, bool]) -> float:
    corners, half = convention
    if corners and after > 1:
        return y * (before - 1) / (after - 1)
    return (y + 0.5) * before / after - 0.5 if half else y * before / after


def interpolation(before: int, after: int, convention: tuple[bool, bool]) -> np.ndarray:
    """(after, before): the weight of each pixel of the source, in float64."""
    matrix = np.zeros((after, before))
    for y in range(after):
        place = min(max(position(y, before, after, convention), 0.0), before - 1.0)
        low = int(np.floor(place))
        matrix[y, low] += 1.0 - (place - low)
        matrix[y, min(low + 1, before - 1)] += place - low
    return matrix


@pytest.mark.parametrize("convention", CONVENTIONS)
@sampled(20)
@given(before=BEFORE, after=AFTER)
def test_bilinear(convention: str, before: tuple[int, int], after: tuple[int, int]) -> None:
    case = resize("RESIZE_BILINEAR", before, after, CONVENTIONS[convention])
    rows, columns = (
        interpolation(b, a, CONVENTIONS[convention]) for b, a in zip(before, after, strict=True)
    )
    x = case.inputs()[0].astype(np.float64)
    truth = np.einsum("yh,xw,nhwc->nyxc", rows, columns, x)
    # a float32 position up to 8 is off by that many roundings, times the slope between pixels
    check(case, truth=[truth], magnitude=4.0 * 8)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("factor", [2, 4])
def test_bilinear_by_whole_factors(convention: str, factor: int) -> None:
    case = resize("RESIZE_BILINEAR", (3, 5), (3 * factor, 5 * factor), CONVENTIONS[convention])
    check(case, magnitude=4.0 * 8)


def test_bilinear_refuses_what_litert_refuses() -> None:
    case = resize("RESIZE_BILINEAR", (3, 5), (6, 7), (True, True))
    with pytest.raises(RuntimeError):
        run_litert(case, case.inputs(), reference=True)
    with pytest.raises(InvalidModel, match="align_corners and half_pixel_centers at once"):
        case.module()


@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("half", [False, True])
@sampled(20)
@given(before=BEFORE, after=AFTER)
def test_nearest(
    corners: bool, half: bool, before: tuple[int, int], after: tuple[int, int]
) -> None:
    check(resize("RESIZE_NEAREST_NEIGHBOR", before, after, (corners, half)))


@pytest.mark.parametrize(
    ("before", "after", "corners", "half"),
    [
        (2, 82, False, False),
        (6, 74, False, False),
        (2, 41, False, True),
        (4, 47, False, True),
        (4, 75, True, False),
        (14, 23, True, False),
        (8, 24, True, True),
        (4, 38, True, True),
    ],
)
def test_nearest_where_float32_decides(before: int, after: int, corners: bool, half: bool) -> None:
    """A position is an integer, but not in float32: TFLite's float32 result is expected, in the
    float64 run too.
    """
    check(resize("RESIZE_NEAREST_NEIGHBOR", (before, 3), (after, 5), (corners, half)))


def test_exact_conventions_are_one_interpolate() -> None:
    half = resize("RESIZE_BILINEAR", (4, 3), (8, 6), (False, True)).module()
    nearest = resize("RESIZE_NEAREST_NEIGHBOR", (4, 3), (8, 6), (False, False)).module()
    for module in (half, nearest):
        calls = [n.name for n in module.graph.nodes if n.op == "call_function"]
        assert calls == ["interpolate"]


def test_indices_are_no_weights() -> None:
    """Indices are part of the code: the state_dict holds only the file's own weights."""
    case = resize("RESIZE_NEAREST_NEIGHBOR", (4, 3), (7, 5), (False, False))
    module = case.module()
    assert not module.state_dict()
    assert len(list(module.buffers())) == 2
    assert run_torch(module, case.inputs())[0].shape == (1, 7, 5, 2)
