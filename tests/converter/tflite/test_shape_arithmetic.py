"""Arithmetic on shapes before a RESHAPE, as Keras writes it: folded to what LiteRT computes."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from blazepalm.converter.lowering import lower
from blazepalm.converter.tflite import read_bytes
from blazepalm.errors import UnsupportedOperator
from support.compare import build, check, constant
from support.tflite_builder import ModelBuilder


class Shapes:
    """(1, 4, 6, 5) and integers computed from its shape."""

    def __init__(self) -> None:
        self.model = ModelBuilder()
        self.image = self.model.tensor((1, 4, 6, 5))
        self.shape = self.op("SHAPE", [self.image], (4,), schema.ShapeOptionsT(outType=2))

    def op(
        self, name: str, inputs: list[int], shape: tuple[int, ...], options: object | None = None
    ) -> int:
        y = self.model.tensor(shape, "int32")
        self.model.operator(name, inputs, [y], options)
        return y

    def number(self, value: int) -> int:
        return constant(self.model, value)

    def axis(self, i: int) -> int:
        """One value of the shape."""
        begin, end, step = (constant(self.model, [n]) for n in (i, i + 1, 1))
        options = schema.StridedSliceOptionsT(shrinkAxisMask=1)
        return self.op("STRIDED_SLICE", [self.shape, begin, end, step], (), options)

    def pack(self, *numbers: int) -> int:
        options = schema.PackOptionsT(axis=0, valuesCount=len(numbers))
        return self.op("PACK", list(numbers), (len(numbers),), options)

    def reshaped(self, target: int, shape: tuple[int, ...]) -> int:
        y = self.model.tensor(shape)
        self.model.operator("RESHAPE", [self.image, target], [y])
        return y


def test_keras_reshape() -> None:
    """SHAPE, STRIDED_SLICE, PACK: the batch stays free."""
    net = Shapes()
    y = net.reshaped(net.pack(net.axis(0), net.number(24), net.axis(3)), (1, 24, 5))
    case = build(net.model, [net.image], [y])
    check(case)
    graph = read_bytes(case.content, "x.tflite")
    assert [op.name for op in graph.operators] == ["RESHAPE"]
    (rewrite,) = graph.rewrites
    assert rewrite.name == "shape arithmetic folded"
    assert rewrite.operators == (0, 1, 2, 3)
    target = graph.tensors[graph.operators[0].inputs[1]]
    assert target.data is not None and target.data.tolist() == [1, 24, 5]


def test_products_and_parts() -> None:
    """MUL, REDUCE_PROD, GATHER, SLICE, CONCATENATION, negative strides."""
    net = Shapes()
    rows = net.op("MUL", [net.axis(1), net.axis(2)], (), schema.MulOptionsT())
    tail = net.op("SLICE", [net.shape, constant(net.model, [1]), constant(net.model, [3])], (3,))
    keep = schema.ReducerOptionsT(keepDims=True)
    whole = net.op("REDUCE_PROD", [tail, constant(net.model, [0])], (1,), keep)
    first = net.op("GATHER", [net.shape, constant(net.model, [0])], (1,), schema.GatherOptionsT())
    joined = net.op("CONCATENATION", [first, whole], (2,), schema.ConcatenationOptionsT(axis=0))
    a = net.reshaped(joined, (1, 120))
    b = net.reshaped(net.pack(net.axis(0), rows, net.number(5)), (1, 24, 5))
    case = build(net.model, [net.image], [a, b])
    check(case)
    assert [op.name for op in read_bytes(case.content, "x").operators] == ["RESHAPE", "RESHAPE"]


def test_integers_of_pixels_are_not_shapes() -> None:
    """CAST of values computed at run time stays, and is refused by name."""
    net = Shapes()
    size = net.op("CAST", [net.image], (1, 4, 6, 5), schema.CastOptionsT(outDataType=2))
    content = net.model.build([net.image], [size])
    assert "CAST" in [op.name for op in read_bytes(content, "x.tflite").operators]
    with pytest.raises(UnsupportedOperator, match="is int32"):
        lower(read_bytes(content, "x.tflite"))


def test_a_shape_as_output_is_computed_not_folded() -> None:
    net = Shapes()
    content = net.model.build([net.image], [net.shape])
    assert [op.name for op in read_bytes(content, "x.tflite").operators] == ["SHAPE"]


def test_arithmetic_that_the_file_contradicts_is_left_to_the_lowering() -> None:
    net = Shapes()
    y = net.reshaped(net.op("PACK", [net.axis(0)], (7,), schema.PackOptionsT()), (1, 120))
    content = net.model.build([net.image], [y])
    assert "PACK" in [op.name for op in read_bytes(content, "x.tflite").operators]
    assert np.prod((1, 4, 6, 5)) == 120
