"""DEPTH_TO_SPACE and SPACE_TO_DEPTH: the order of channels is TFLite's."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from blazepalm.errors import InvalidModel
from support.compare import build, check, image
from support.tflite_builder import ModelBuilder


@pytest.mark.parametrize(("block", "channels"), [(2, 1), (2, 3), (3, 2)])
@pytest.mark.parametrize("plain", [False, True])
def test_depth_to_space(block: int, channels: int, plain: bool) -> None:
    h, w, depth = 4, 5, channels * block * block
    model = ModelBuilder()
    x, g = image(model, (1, h, w, depth), plain)
    y = model.tensor((1, h * block, w * block, channels))
    options = schema.DepthToSpaceOptionsT(blockSize=block)
    model.operator("DEPTH_TO_SPACE", [g], [y], options)
    case = build(model, [x], [y])
    values = case.inputs()[0].astype(np.float64).reshape(h, w, depth)
    truth = np.zeros((1, h * block, w * block, channels))
    for row in range(h * block):
        for column in range(w * block):
            first = ((row % block) * block + column % block) * channels
            source = values[row // block, column // block, first : first + channels]
            truth[0, row, column] = source
    check(case, truth=[truth])


@pytest.mark.parametrize(("block", "channels"), [(2, 1), (2, 3), (3, 2)])
@pytest.mark.parametrize("plain", [False, True])
def test_space_to_depth(block: int, channels: int, plain: bool) -> None:
    h, w = 4, 5
    model = ModelBuilder()
    x, g = image(model, (1, h * block, w * block, channels), plain)
    y = model.tensor((1, h, w, channels * block * block))
    options = schema.SpaceToDepthOptionsT(blockSize=block)
    model.operator("SPACE_TO_DEPTH", [g], [y], options)
    case = build(model, [x], [y])
    values = case.inputs()[0].astype(np.float64).reshape(h * block, w * block, channels)
    truth = np.zeros((1, h, w, channels * block * block))
    for row in range(h * block):
        for column in range(w * block):
            first = ((row % block) * block + column % block) * channels
            target = truth[0, row // block, column // block]
            target[first : first + channels] = values[row, column]
    check(case, truth=[truth])


def test_channels_that_do_not_make_blocks() -> None:
    model = ModelBuilder()
    x, y = model.tensor((1, 2, 3, 6)), model.tensor((1, 4, 6, 1))
    model.operator("DEPTH_TO_SPACE", [x], [y], schema.DepthToSpaceOptionsT(blockSize=2))
    with pytest.raises(InvalidModel, match="6 channels do not make blocks of 2 × 2"):
        build(model, [x], [y]).module()
