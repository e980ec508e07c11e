"""Decoding and suppression against arithmetic on paper; arrays and tensors alike."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from blazepalm.models.crop import Letterbox
from blazepalm.models.decode import (
    as_array,
    decode_boxes,
    decode_hand,
    decode_palms,
    decode_scores,
    intersection_over_union,
    weighted_suppression,
)
from support.converted import converted

F = np.float32


def test_boxes_and_keypoints_on_paper() -> None:
    """Input 200 high, 100 wide; anchor at (0.5, 0.25); x, y, w, h = 10, −20, 30, 40 pixels."""
    raw = np.array([[[10.0, -20, 30, 40, 5, 10, -5, 0]]], F)
    anchors = np.array([[0.5, 0.25, 1, 1]], F)
    boxes, keypoints = decode_boxes(raw, anchors, (200, 100))
    # centre (0.6, 0.15), width 0.3, height 0.2
    np.testing.assert_allclose(boxes, [[[0.45, 0.05, 0.75, 0.25]]], rtol=1e-6)
    np.testing.assert_allclose(keypoints, [[[[0.55, 0.30], [0.45, 0.25]]]], rtol=1e-6)
    assert boxes.dtype == keypoints.dtype == np.float32
    tensors = decode_boxes(torch.from_numpy(raw), torch.from_numpy(anchors), (200, 100))
    np.testing.assert_array_equal(tensors[0].numpy(), boxes)
    np.testing.assert_array_equal(tensors[1].numpy(), keypoints)
    assert raw[0, 0, 0] == 10.0  # the argument stays as it was


def test_scores_are_clipped_sigmoids() -> None:
    logits = np.array([[[0.0], [math.log(3)], [1e9], [-1e9]]])
    expected = np.array([[0.5, 0.75, 1.0, math.exp(-100)]])
    np.testing.assert_allclose(decode_scores(logits), expected, rtol=1e-9)
    np.testing.assert_allclose(decode_scores(torch.from_numpy(logits)), expected, rtol=1e-9)
    found = decode_scores(logits.astype(F))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-30)


def test_scores_are_rounded_once() -> None:
    """A wrong last digit moves a merged box, and with it the crop: the exponential must be
    within 0.51 of a digit, as C's is and NumPy's is not.
    """
    logits = np.linspace(-30, 30, 4001, dtype=F)
    exact = np.exp(-logits.astype(np.float64))
    found = 1.0 / decode_scores(logits[:, None]).astype(np.float64) - 1.0
    near = np.abs(logits) < 1  # where 1 + exp(-x) keeps the digits
    assert np.abs(found - exact)[near].max() < 4 * np.spacing(F(2.0))


def test_intersection_over_union_on_paper() -> None:
    box = np.array([0.0, 0, 2, 2], F)
    others = np.array([[1.0, 1, 3, 3], [0, 0, 2, 2], [5, 5, 6, 6], [1, 1, 1, 1], [2, 0, 4, 2]], F)
    np.testing.assert_allclose(intersection_over_union(box, others), [1 / 7, 1, 0, 0, 0], 1e-6)
    empty = np.array([1.0, 1, 1, 1], F)
    assert intersection_over_union(empty, empty[None]).tolist() == [0.0]


def test_weighted_suppression_on_paper() -> None:
    """Two boxes that overlap by 2/3 (scores 0.9 and 0.6) merge by score; the third stays."""
    points = np.array(
        [[10.0, 10, 12, 12, 7, 7], [0.4, 0, 2.4, 2, 1.0, 3.0], [0, 0, 2, 2, 0.0, 0.0]], F
    )
    merged, kept = weighted_suppression(points, np.array([0.7, 0.6, 0.9], F), 0.3)
    np.testing.assert_allclose(kept, [0.9, 0.7], rtol=1e-6)
    share = 0.6 / 1.5
    np.testing.assert_allclose(
        merged,
        [[0.4 * share, 0, 2 + 0.4 * share, 2, share, 3 * share], [10, 10, 12, 12, 7, 7]],
        rtol=1e-6,
    )


def test_suppression_threshold_is_exclusive() -> None:
    """IoU of exactly 1/3 does not merge at a threshold of 1/3, and does just below."""
    points = np.array([[0.0, 0, 2, 1], [1.0, 0, 3, 1]])
    scores = np.array([0.9, 0.8])
    assert len(weighted_suppression(points, scores, 1 / 3)[1]) == 2
    assert len(weighted_suppression(points, scores, 0.333)[1]) == 1


def test_nothing_and_empty_boxes() -> None:
    points, scores = weighted_suppression(np.zeros((0, 18), F), np.zeros(0, F), 0.3)
    assert points.shape == (0, 18) and scores.shape == (0,)
    expected = np.array([0.9, 0.8, 0.7], F)
    points, scores = weighted_suppression(np.zeros((3, 18), F), expected, 0.3)
    assert scores.tolist() == expected.tolist()


def test_palms_on_paper() -> None:
    """Three anchors: one likely, one with a negative size, one unlikely."""
    spec = converted("palm-full-2023-09").module.spec
    assert spec.input_size == (192, 192)
    anchors = np.array([[0.5, 0.5, 1, 1]] * 3, F)
    boxes = np.zeros((3, 18), F)
    boxes[:, 2:4] = 19.2, 38.4
    boxes[1, 2] = -5
    palms = decode_palms(boxes, np.array([[2.0], [3], [-1]], F), anchors, spec, Letterbox(0, 0.125))
    np.testing.assert_allclose(palms.scores, [1 / (1 + math.exp(-2))], rtol=1e-6)
    # 0.1 wide, 0.2 high about the middle; the image takes three quarters of the height
    low, high = 0.5 - 0.1 / 0.75, 0.5 + 0.1 / 0.75
    np.testing.assert_allclose(palms.boxes, [[0.45, low, 0.55, high]], rtol=1e-6)
    np.testing.assert_allclose(palms.keypoints, np.full((1, 7, 2), 0.5), rtol=1e-6)


@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.9, 1.0])
def test_every_threshold(threshold: float) -> None:
    spec = converted("palm-full-2023-09").module.spec
    spec = dataclasses.replace(spec, score_threshold=threshold, suppression_iou=1.0)
    logits = np.array([[-50.0], [-1.5], [-1.3], [2.1], [2.3], [50.0]], F)
    boxes = np.zeros((6, 18), F)
    boxes[:, 2:4] = 10
    palms = decode_palms(boxes, logits, np.ones((6, 4), F), spec, Letterbox(0, 0))
    probabilities = 1 / (1 + np.exp(-logits[:, 0].astype(np.float64)))
    assert len(palms.scores) == (probabilities >= threshold - 1e-12).sum()


def test_hands_on_paper() -> None:
    spec = converted("hand-full-2022").module.spec
    outputs = {
        "landmarks": np.tile(np.array([112.0, 56.0, 22.4], F), (2, 21)),
        "presence": np.array([[0.25], [0.75]], F),
        "world_landmarks": np.arange(126, dtype=F).reshape(2, 63),
    }
    hand = decode_hand(outputs, 1, spec, Letterbox(0.25, 0.0))
    np.testing.assert_allclose(hand.landmarks, [[0.5, 0.25, 0.1 / 0.4 / 0.5]] * 21, rtol=1e-6)
    assert hand.presence == F(0.75)
    assert hand.handedness is None
    assert hand.world_landmarks is not None
    assert hand.world_landmarks[0].tolist() == [63, 64, 65]


def test_half_precision_is_widened() -> None:
    assert as_array(torch.ones(2, dtype=torch.bfloat16)).dtype == np.float32
    assert as_array(torch.ones(2, dtype=torch.float64)).dtype == np.float64
