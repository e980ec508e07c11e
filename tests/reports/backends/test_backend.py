"""What backends read from a graph, on graphs built here and on real releases."""

from dataclasses import replace

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from blazepalm.converter.tflite import read_bytes
from blazepalm.converter.tflite.graph import Graph
from blazepalm.errors import CouldNotVerify
from blazepalm.reports.backends.backend import input_shape, output_names, split_inputs
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


def test_several_inputs_are_one_row_of_numbers() -> None:
    assert input_shape(graph_of(list("abcd"))) == (1, 4, 4, 3)
    assert input_shape(graph_of(list("abcd"), inputs=2)) == (1, 2 * 4 * 4 * 3)
    row = np.arange(8.0)[None]
    first, second = split_inputs(row, [(1, 2), (1, 3, 2)])
    assert first.tolist() == [[0, 1]] and second.tolist() == [[[2, 3], [4, 5], [6, 7]]]
    assert split_inputs(row, [(1, 8)])[0] is row


def test_a_graph_without_inputs_cannot_be_fed() -> None:
    with pytest.raises(CouldNotVerify, match="has no inputs"):
        input_shape(replace(graph_of(list("abcd")), inputs=()))
