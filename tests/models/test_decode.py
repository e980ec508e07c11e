"""Decoding and suppression against arithmetic on paper."""

import math

import torch

from blazepalm.models.decode import (
    decode_boxes,
    decode_scores,
    intersection_over_union,
    weighted_suppression,
)


def test_boxes_and_keypoints_on_paper() -> None:
    """Input 200 high, 100 wide; anchor at (0.5, 0.25); x, y, w, h = 10, −20, 30, 40 pixels."""
    raw = torch.tensor([[[10.0, -20, 30, 40, 5, 10, -5, 0]]])
    anchors = torch.tensor([[0.5, 0.25, 1, 1]])
    boxes, keypoints = decode_boxes(raw, anchors, (200, 100))
    # centre (0.6, 0.15), width 0.3, height 0.2
    torch.testing.assert_close(boxes, torch.tensor([[[0.45, 0.05, 0.75, 0.25]]]))
    torch.testing.assert_close(keypoints, torch.tensor([[[[0.55, 0.30], [0.45, 0.25]]]]))


def test_scores_are_clipped_sigmoids() -> None:
    scores = decode_scores(
        torch.tensor([[[0.0], [math.log(3)], [1e9], [-1e9]]], dtype=torch.float64)
    )
    assert scores.shape == (1, 4)
    torch.testing.assert_close(
        scores[0],
        torch.tensor([0.5, 0.75, 1.0, math.exp(-100)], dtype=torch.float64),
        rtol=1e-9,
        atol=0,
    )
    assert scores[0, 3] > 0


def test_intersection_over_union_on_paper() -> None:
    box = torch.tensor([0.0, 0, 2, 2])
    others = torch.tensor([[1.0, 1, 3, 3], [0, 0, 2, 2], [5, 5, 6, 6], [1, 1, 1, 1], [2, 0, 4, 2]])
    expected = torch.tensor([1 / 7, 1, 0, 0, 0])
    torch.testing.assert_close(intersection_over_union(box, others), expected)
    empty = torch.tensor([1.0, 1, 1, 1])
    assert intersection_over_union(empty, empty[None]).tolist() == [0.0]


def test_weighted_suppression_on_paper() -> None:
    """Two boxes that overlap by 2/3 (scores 0.9 and 0.6) merge by score; the third stays."""
    points = torch.tensor(
        [[10.0, 10, 12, 12, 7, 7], [0.4, 0, 2.4, 2, 1.0, 3.0], [0, 0, 2, 2, 0.0, 0.0]]
    )
    scores = torch.tensor([0.7, 0.6, 0.9])
    merged, kept = weighted_suppression(points, scores, 0.3)
    torch.testing.assert_close(kept, torch.tensor([0.9, 0.7]))
    share = 0.6 / 1.5
    torch.testing.assert_close(
        merged,
        torch.tensor(
            [[0.4 * share, 0, 2 + 0.4 * share, 2, share, 3 * share], [10, 10, 12, 12, 7, 7]]
        ),
    )


def test_suppression_threshold_is_exclusive() -> None:
    """IoU of exactly 1/3 does not merge at a threshold of 1/3, and does just below."""
    points = torch.tensor([[0.0, 0, 2, 1], [1.0, 0, 3, 1]], dtype=torch.float64)
    scores = torch.tensor([0.9, 0.8], dtype=torch.float64)
    assert len(weighted_suppression(points, scores, 1 / 3)[1]) == 2
    assert len(weighted_suppression(points, scores, 0.333)[1]) == 1


def test_nothing_and_empty_boxes() -> None:
    points, scores = weighted_suppression(torch.zeros(0, 18), torch.zeros(0), 0.3)
    assert points.shape == (0, 18) and scores.shape == (0,)
    points, scores = weighted_suppression(torch.zeros(3, 18), torch.tensor([0.9, 0.8, 0.7]), 0.3)
    assert scores.tolist() == torch.tensor([0.9, 0.8, 0.7]).tolist()
