"""Anchors against arithmetic on paper, and against MediaPipe 0.10.21's own."""

import hashlib
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from blazepalm.models.anchors import anchors_from_heads, ssd_anchors
from blazepalm.models.generation import SsdOptions
from blazepalm.models.release_registry import load_registry

HEADS = {
    "palm-2019-08": [(32, 32, 2), (16, 16, 2), (8, 8, 6)],
    "palm-2020-11": [(16, 16, 2), (8, 8, 6)],
    "palm-2021-11": [(24, 24, 2), (12, 12, 6)],
}
COUNT = {"palm-2019-08": 2944, "palm-2020-11": 896, "palm-2021-11": 2016}

# SHA-256 of the (N, 2) float32 centres that SsdAnchorsCalculator of the Python package
# mediapipe 0.10.21 put out for the options of each generation, read back through
# TensorsToDetectionsCalculator fed with zeros.
MEDIAPIPE_CENTRES = {
    "palm-2019-08": "54b4e19e92f07486b0fb98bf7350a1729600d43c5dae5b1cf3cfe1a7b71d09ce",
    "palm-2020-11": "7527f7bf39f988edd396f66c6b8369a3160e00eab9f16b3352a3d94f7ad7e231",
    "palm-2021-11": "e40b354f0252a47f69f787045aef6a5e0e5cfba96c35dff21aa0f3f81f45d4fb",
}


def options(generation: str) -> SsdOptions:
    found = load_registry().generations[generation].ssd
    assert found is not None
    return found


@pytest.mark.parametrize("generation", sorted(HEADS))
def test_heads_and_options_give_the_same_bits(generation: str) -> None:
    from_heads, from_options = (
        anchors_from_heads(HEADS[generation]),
        ssd_anchors(options(generation)),
    )
    assert from_heads.shape == from_options.shape == (COUNT[generation], 4)
    assert from_heads.dtype == from_options.dtype == np.float32
    assert from_heads.tobytes() == from_options.tobytes()
    assert options(generation).anchors == COUNT[generation]


@pytest.mark.parametrize("generation", sorted(HEADS))
def test_centres_are_mediapipes_own(generation: str) -> None:
    centres = np.ascontiguousarray(ssd_anchors(options(generation))[:, :2])
    assert hashlib.sha256(centres.tobytes()).hexdigest() == MEDIAPIPE_CENTRES[generation]


def test_rows_on_paper() -> None:
    """192 / 8 = 24 cells of 1/24, two anchors each; then 192 / 16 = 12 cells, six each."""
    anchors = ssd_anchors(options("palm-2021-11"))
    cell, big = np.float32(0.5) / np.float32(24), np.float32(0.5) / np.float32(12)
    assert anchors[0].tolist() == anchors[1].tolist() == [cell, cell, 1, 1]
    assert anchors[2].tolist() == [np.float32(1.5) / np.float32(24), cell, 1, 1]  # one to the right
    assert anchors[48].tolist() == [cell, np.float32(1.5) / np.float32(24), 1, 1]  # one row down
    assert anchors[1151].tolist() == [np.float32(23.5) / np.float32(24)] * 2 + [1, 1]
    assert anchors[1152].tolist() == anchors[1157].tolist() == [big, big, 1, 1]
    assert anchors[1158].tolist() == [np.float32(1.5) / np.float32(12), big, 1, 1]
    assert anchors[-1].tolist() == [np.float32(11.5) / np.float32(12)] * 2 + [1, 1]


def test_sizes_on_paper() -> None:
    """min + (max − min) · layer / (layers − 1), and the geometric mean with the next scale."""
    free = replace(options("palm-2020-11"), fixed_anchor_size=False)
    scales = [0.1484375 + (0.75 - 0.1484375) * layer / 3 for layer in range(4)] + [1.0]
    between = [math.sqrt(a * b) for a, b in pairwise(scales)]
    anchors = ssd_anchors(free)
    assert anchors[:2, 2] == pytest.approx([scales[0], between[0]], rel=1e-6)
    layers = [scales[1], between[1], scales[2], between[2], scales[3], between[3]]
    assert anchors[512:518, 2] == pytest.approx(layers, rel=1e-6)
    assert np.array_equal(anchors[:, 2], anchors[:, 3])  # aspect ratio 1


def test_aspect_ratios_on_paper() -> None:
    """w = scale · √ratio, h = scale / √ratio; one layer takes the mean of the scales."""
    one = SsdOptions((32, 32), (32,), 0.2, 0.6, aspect_ratios=(1.0, 4.0), fixed_anchor_size=False)
    assert ssd_anchors(one)[:, 2:] == pytest.approx(
        np.array([[0.4, 0.4], [0.8, 0.2], [math.sqrt(0.4)] * 2]), rel=1e-6
    )
    assert one.anchors == 3


def test_reduced_lowest_layer_on_paper() -> None:
    reduced = SsdOptions(
        (16, 16), (16, 32), 0.2, 0.8, fixed_anchor_size=False, reduce_boxes_in_lowest_layer=True
    )
    anchors = ssd_anchors(reduced)
    root = math.sqrt(2)
    lowest = [[0.1, 0.1], [0.2 * root, 0.2 / root], [0.2 / root, 0.2 * root]]
    assert anchors[:3, 2:] == pytest.approx(np.array(lowest), rel=1e-6)
    assert len(anchors) == reduced.anchors == 3 + 2


def test_maps_that_are_not_square() -> None:
    """35×20 pixels at stride 8: 5 rows (rounded up) of 3 columns, x before y."""
    wide = SsdOptions((35, 20), (8,), 0.2, 0.9, interpolated_scale_aspect_ratio=0.0)
    anchors = ssd_anchors(wide)
    assert anchors.shape == (15, 4)
    assert anchors[1, :2] == pytest.approx([1.5 / 3, 0.5 / 5], rel=1e-6)
    assert anchors[-1, :2] == pytest.approx([2.5 / 3, 4.5 / 5], rel=1e-6)
    assert anchors.tobytes() == anchors_from_heads([(5, 3, 1)]).tobytes()


@pytest.mark.parametrize("heads", [[], [(0, 4, 2)], [(4, 4, -1)], [(1 << 20, 1 << 20, 2)]])
def test_impossible_heads_are_refused(heads: list[tuple[int, int, int]]) -> None:
    with pytest.raises(ValueError, match="heads"):
        anchors_from_heads(heads)
