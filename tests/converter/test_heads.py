"""Heads of real detectors against their known geometry, and misleading graphs."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from blazepalm.converter.heads import anchors, detector, heads_of
from blazepalm.converter.tflite import read, read_bytes
from blazepalm.converter.tflite.graph import Graph
from blazepalm.errors import InvalidModel, UnknownRelease
from support.models import HANDS, shared_model
from support.synthetic import synthetic_palm
from support.tflite_builder import ModelBuilder

HEADS = {
    "palm-2020-11": [(16, 16, 2), (8, 8, 6)],
    "palm-lite-2021-11": [(24, 24, 2), (12, 12, 6)],
    "palm-full-2023-09": [(24, 24, 2), (12, 12, 6)],
}


@pytest.mark.parametrize("name", sorted(HEADS))
def test_real_detectors(name: str) -> None:
    assert [tuple(head) for head in heads_of(read(shared_model(name)))] == HEADS[name]


@pytest.mark.parametrize("name", [*HANDS, "hand-recrop-2020-07"])
def test_landmark_models_have_no_heads(name: str) -> None:
    assert heads_of(read(shared_model(name))) == ()


def test_detector_of_2019() -> None:
    graph = read_bytes(synthetic_palm().content, "synthetic.tflite")
    assert [tuple(h) for h in heads_of(graph)] == [(32, 32, 2), (16, 16, 2), (8, 8, 6)]


class TwoHeads:
    """Boxes (N, 6) and scores (N, 1) on a 5×4 and a 3×2 map, three and one anchors per cell."""

    def __init__(self, axis: int = 1) -> None:
        self.model = ModelBuilder()
        self.axis = axis
        self.inputs = [self.model.tensor((1, 5, 4, 2)), self.model.tensor((1, 3, 2, 2))]

    def conv(self, image: int, shape: tuple[int, ...], channels: int) -> int:
        kernel = self.model.tensor(
            (channels, 1, 1, 2), data=np.zeros((channels, 1, 1, 2), np.float32)
        )
        out = self.model.tensor((1, *shape, channels))
        options = schema.Conv2DOptionsT(strideH=1, strideW=1)
        self.model.operator("CONV_2D", [image, kernel, -1], [out], options)
        return out

    def reshape(self, x: int, shape: tuple[int, ...]) -> int:
        size = self.model.tensor((len(shape),), dtype="int32", data=np.array(shape, np.int32))
        out = self.model.tensor(shape)
        self.model.operator("RESHAPE", [x, size], [out], schema.ReshapeOptionsT(newShape=shape))
        return out

    def logistic(self, x: int, shape: tuple[int, ...]) -> int:
        out = self.model.tensor(shape)
        self.model.operator("LOGISTIC", [x], [out])
        return out

    def join(self, parts: list[int], shape: tuple[int, ...]) -> int:
        out = self.model.tensor(shape)
        self.model.operator(
            "CONCATENATION", parts, [out], schema.ConcatenationOptionsT(axis=self.axis)
        )
        return out

    def rows(self, values: int, *, reverse: bool = False) -> int:
        large = self.reshape(self.conv(self.inputs[0], (5, 4), 3 * values), (1, 60, values))
        small = self.reshape(self.conv(self.inputs[1], (3, 2), values), (1, 6, values))
        parts = [small, large] if reverse else [large, small]
        return self.join(parts, (1, 66, values))

    def graph(self, outputs: list[int]) -> Graph:
        return read_bytes(self.model.build(self.inputs, outputs), "two.tflite")


def test_order_is_that_of_the_concatenation() -> None:
    two = TwoHeads()
    graph = two.graph([two.rows(6, reverse=True), two.rows(1, reverse=True)])
    assert heads_of(graph) == ((3, 2, 1), (5, 4, 3))


def test_activation_behind_the_scores_is_passed() -> None:
    two = TwoHeads(axis=-2)
    graph = two.graph([two.rows(6), two.logistic(two.rows(1), (1, 66, 1))])
    assert heads_of(graph) == ((5, 4, 3), (3, 2, 1))


def test_outputs_in_different_orders_are_no_detector() -> None:
    two = TwoHeads()
    assert heads_of(two.graph([two.rows(6), two.rows(1, reverse=True)])) == ()


def test_one_output_is_no_detector() -> None:
    two = TwoHeads()
    assert heads_of(two.graph([two.rows(6)])) == ()


def test_doubling_without_end_is_given_up() -> None:
    """Fourteen concatenations of a tensor with itself: four times the parts that are followed."""
    two = TwoHeads()
    boxes, rows = two.rows(1), 66
    for _ in range(14):
        rows *= 2
        boxes = two.join([boxes, boxes], (1, rows, 1))
    assert heads_of(two.graph([boxes, boxes])) == ()


def test_anchors_of_a_release() -> None:
    found = anchors("palm-full")
    assert found.shape == (2016, 4)
    assert found[0].tolist() == [np.float32(0.5) / np.float32(24)] * 2 + [1, 1]


def test_no_detector_is_refused() -> None:
    with pytest.raises(InvalidModel, match="not a detector"):
        detector("hand-full")
    with pytest.raises(UnknownRelease, match="did you mean"):
        anchors("palm-ful")
