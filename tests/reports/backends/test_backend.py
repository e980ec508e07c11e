"""What backends read from a graph, on graphs built here and on real releases."""

import pytest
from ai_edge_litert import schema_py_generated as schema

from blazepalm.converter.tflite import read_bytes
from blazepalm.converter.tflite.graph import Graph
from blazepalm.errors import CouldNotVerify
from blazepalm.reports.backends.backend import input_shape, output_names
from support.tflite_builder import ModelBuilder


def graph_of(names: list[str], dtype: str = "float32", inputs: int = 1) -> Graph:
    """Outputs of RELU, LOGISTIC, LOGISTIC → RESHAPE and LOGISTIC → RELU, under those names."""
    model = ModelBuilder()
    images = [model.tensor((1, 4, 4, 3), dtype, name="image") for _ in range(inputs)]
    relu, sigmoid, reshaped, changed = (
        model.tensor(shape, dtype, name=name)
        for shape, name in zip([(1, 4, 4, 3)] * 2 + [(1, 48), (1, 4, 4, 3)], names, strict=True)
    )
    inner = model.tensor((1, 4, 4, 3), dtype, name="inner")
    model.operator("RELU", images[:1], [relu])
    model.operator("LOGISTIC", images[:1], [sigmoid])
    model.operator("LOGISTIC", images[-1:], [inner])
    model.operator("RESHAPE", [inner], [reshaped], schema.ReshapeOptionsT(newShape=[1, 48]))
    model.operator("RELU", [inner], [changed])
    return read_bytes(model.build(images, [relu, sigmoid, reshaped, changed]), "built.tflite")


def test_names_in_the_files_order() -> None:
    assert output_names(graph_of(["d", "c", "b", "a"])) == ("d", "c", "b", "a")


def test_no_output_hides_another() -> None:
    names = output_names(graph_of(["a", "", "a", ""]))
    assert names == ("a#0", "output#1", "a#2", "output#3")


def test_one_float_input_is_needed() -> None:
    assert input_shape(graph_of(list("abcd"))) == (1, 4, 4, 3)
    with pytest.raises(CouldNotVerify, match="built.tflite has 2 inputs"):
        input_shape(graph_of(list("abcd"), inputs=2))
