"""Anchors of a single-shot detector, from either of two sources that must agree.

`anchors_from_heads` uses what the graph itself holds: each head's map size and anchors per cell, in
concatenation order. `ssd_anchors` computes what MediaPipe computes from a graph's options, in
float32 like MediaPipe; our own code after
https://github.com/google-ai-edge/mediapipe/blob/1461bcf97d2b7d816f6d36f0dff05140d48bc3bf/mediapipe/calculators/tflite/ssd_anchors_calculator.cc

An anchor is x_center, y_center, w, h, normalised to the input. Cells go row by row from the top
left, with all anchors of a cell together. Every palm detector has w = h = 1.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import cast

import numpy as np

from blazepalm.models.generation import SsdOptions

MAX_ANCHORS = 1 << 22  # the largest known detector has 2944


def anchors_from_heads(heads: Sequence[tuple[int, int, int]]) -> np.ndarray:
    """(height, width, anchors per cell) of each head, in order → (N, 4) float32.

    Raises ValueError if there is no head, or one is empty or absurdly large.
    """
    if not heads or any(min(head) < 1 for head in heads):
        raise ValueError(f"heads are {list(heads)}, expected sizes and counts of at least 1")
    if sum(math.prod(head) for head in heads) > MAX_ANCHORS:
        raise ValueError(f"heads {list(heads)} give more than {MAX_ANCHORS} anchors")
    return np.concatenate([_grid(h, w, np.ones((n, 2), np.float32)) for h, w, n in heads])


def ssd_anchors(options: SsdOptions) -> np.ndarray:
    """(N, 4) float32, as MediaPipe's SsdAnchorsCalculator computes them from `options`."""
    height, width = options.input_size
    layers = []
    for stride, group in groupby(enumerate(options.strides), key=lambda layer: layer[1]):
        sizes = np.concatenate([_layer_sizes(options, index) for index, _ in group])
        if options.fixed_anchor_size:
            sizes = np.ones_like(sizes)
        rows, columns = math.ceil(height / stride), math.ceil(width / stride)
        layers.append(_grid(rows, columns, sizes, options.anchor_offset))
    return np.concatenate(layers)


def _grid(
    rows: int, columns: int, sizes: np.ndarray, offset: tuple[float, float] = (0.5, 0.5)
) -> np.ndarray:
    """The anchors of one map: `sizes` is (n, 2) w, h of each anchor of a cell."""
    x = (np.arange(columns, dtype=np.float32) + np.float32(offset[0])) / np.float32(columns)
    y = (np.arange(rows, dtype=np.float32) + np.float32(offset[1])) / np.float32(rows)
    anchors = np.empty((rows, columns, len(sizes), 4), np.float32)
    anchors[..., 0] = x[None, :, None]
    anchors[..., 1] = y[:, None, None]
    anchors[..., 2:] = sizes
    return anchors.reshape(-1, 4)  # (rows · columns · n, 4)


def _layer_sizes(options: SsdOptions, index: int) -> np.ndarray:
    """(n, 2) float32 w, h of the anchors that layer `index` puts on each cell."""
    return np.array([_size(*pair) for pair in _scales_and_ratios(options, index)], np.float32)


def _scales_and_ratios(options: SsdOptions, index: int) -> Iterator[tuple[np.float32, np.float32]]:
    scale = _scale(options, index)
    if index == 0 and options.reduce_boxes_in_lowest_layer:
        yield np.float32(0.1), np.float32(1.0)
        yield scale, np.float32(2.0)
        yield scale, np.float32(0.5)
        return
    for ratio in options.aspect_ratios:
        yield scale, np.float32(ratio)
    if options.interpolated_scale_aspect_ratio > 0:
        last = index == len(options.strides) - 1
        following = np.float32(1.0) if last else _scale(options, index + 1)
        between = cast(np.float32, np.sqrt(scale * following))
        yield between, np.float32(options.interpolated_scale_aspect_ratio)


def _scale(options: SsdOptions, index: int) -> np.float32:
    low, high = np.float32(options.min_scale), np.float32(options.max_scale)
    if len(options.strides) == 1:
        return np.float32((low + high) * np.float32(0.5))
    step = float(high - low) * index / (len(options.strides) - 1)  # in double, like MediaPipe
    return np.float32(float(low) + step)


def _size(scale: np.float32, ratio: np.float32) -> tuple[np.float32, np.float32]:
    root = np.sqrt(ratio)
    return scale * root, scale / root
