"""Palms in slots against the pipeline's own, which MediaPipe's bits confirm: the same to the last
digit for equal numbers, whatever the batch.
"""

import dataclasses
from typing import Any

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from blazepalm.models.batched.palms import Merged, decode_palms, suppress
from blazepalm.models.decode import decode_palms as decode_one
from blazepalm.models.decode import weighted_suppression
from blazepalm.models.letterbox import Letterbox
from support.converted import converted

F = np.float32
WIDTH = 8  # of a detection: its box and two keypoints

# (seed, detections, different positions, different scores): few of these make ties and overlaps
PICTURES = st.lists(
    st.tuples(st.integers(0, 2**32), st.integers(0, 40), st.integers(1, 12), st.integers(1, 12)),
    min_size=1,
    max_size=4,
)


def detections(
    seed: int, count: int, places: int, levels: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Boxes with an area or without, keypoints anywhere; scores of 0.5 to 1."""
    random = np.random.Generator(np.random.PCG64(seed))
    low = random.integers(0, places, (count, 2)) / places
    size = random.integers(0, 4, (count, 2)) / places
    points = np.concatenate((low, low + size, random.uniform(-1, 2, (count, WIDTH - 4))), axis=1)
    return points.astype(F), (0.5 + random.integers(0, levels, count) / levels / 2).astype(F)


def batched(pictures: list[Any], slots: int | None) -> Merged:
    """All pictures at a time; each one's detections lie between others that are not given."""
    most = max(len(scores) for _, scores in pictures) + 2
    points = torch.full((len(pictures), most, WIDTH), 0.25)
    scores, given = torch.ones(len(pictures), most), torch.zeros(len(pictures), most).bool()
    for number, (each, score) in enumerate(pictures):
        place = slice(1, 1 + len(score))
        points[number, place] = torch.from_numpy(each)
        scores[number, place], given[number, place] = torch.from_numpy(score), True
    return suppress(points, scores, given, 0.3, slots)


@settings(max_examples=30, deadline=None)
@given(PICTURES, st.one_of(st.none(), st.integers(1, 12)))
def test_suppression_is_equal_to_the_last_bit(
    drawn: list[tuple[int, int, int, int]], slots: int | None
) -> None:
    pictures = [detections(*each) for each in drawn]
    found = batched(pictures, slots)
    expected = [weighted_suppression(*each, 0.3) for each in pictures]
    most = max(len(scores) for _, scores in expected)
    assert found.found.shape == (len(pictures), most if slots is None else slots)
    for number, (points, scores) in enumerate(expected):
        count = len(scores[:slots])
        assert found.found[number].tolist() == [True] * count + [False] * (
            found.found.shape[1] - count
        )
        low, extent = points[:, :2].astype(F), (points[:, 2:4] - points[:, :2]).astype(F)
        for values, truth in (
            (found.low, low),
            (found.extent, extent),
            (found.rest, points[:, 4:].astype(F)),
            (found.scores, scores),
        ):
            np.testing.assert_array_equal(values[number, :count], truth[:count])
            assert not values[number, count:].any()


def test_suppression_on_paper() -> None:
    """Two boxes that overlap by 2/3 (scores 0.9 and 0.6) merge by score; the third stays."""
    points = torch.tensor([[[10.0, 10, 12, 12, 7], [0.4, 0, 2.4, 2, 1], [0, 0, 2, 2, 0]]])
    found = suppress(points, torch.tensor([[0.7, 0.6, 0.9]]), torch.ones(1, 3).bool(), 0.3, 3)
    share = 0.6 / 1.5
    np.testing.assert_allclose(found.low[0, :2], [[0.4 * share, 0], [10, 10]], rtol=1e-6)
    np.testing.assert_allclose(found.extent[0, :2], [[2, 2], [2, 2]], rtol=1e-6)
    np.testing.assert_allclose(found.rest[0, :, 0], [share, 7, 0], rtol=1e-6)
    assert found.found.tolist() == [[True, True, False]]


def test_no_detections() -> None:
    for slots, expected in ((None, 0), (3, 3)):
        for candidates in (0, 2):
            nothing = torch.zeros(2, candidates, WIDTH)
            given = torch.zeros(2, candidates).bool()
            found = suppress(nothing, nothing[..., 0], given, 0.3, slots)
            assert found.found.shape == (2, expected) and not found.found.any()
            assert found.rest.shape == (2, expected, WIDTH - 4) and not found.rest.any()


def test_outputs_of_a_batch_are_decoded_as_those_of_each_picture() -> None:
    """Scores are torch's sigmoids, each off by 2 of float32's last digits at most (its exponential
    by one, sum and quotient by a half each): 2.4e-7. So are, by their weights, the means, which lie
    within 1.5 here, and some digits more by the sums' own rounding.
    """
    spec = dataclasses.replace(converted("palm-lite-2021-11").module.spec, score_threshold=0.6)
    random = np.random.Generator(np.random.PCG64(3))
    boxes = random.normal(0, 12, (3, spec.anchors, 18)).astype(F)
    boxes[..., 2:4] += 30  # a few sizes are negative
    scores = random.normal(-4, 2, (3, spec.anchors, 1)).astype(F)
    scores[1] = -9  # a picture without palms between two others
    anchors, box = converted("palm-lite-2021-11").module.anchors, Letterbox(0.0, 0.125)
    outputs = torch.from_numpy(boxes), torch.from_numpy(scores)
    found = decode_palms(*outputs, anchors, spec, box, None)
    counts = found.found.sum(dim=1).tolist()
    assert counts[1] == 0 and min(counts[0], counts[2]) > 5
    for number in range(3):
        palms = decode_one(boxes[number], scores[number], anchors.numpy(), spec, box)
        assert counts[number] == len(palms.scores)
        at = (number, slice(0, counts[number]))
        low, high = palms.boxes[:, :2], palms.boxes[:, 2:]
        for values, truth in (
            (found.low[at], low),
            (found.low[at] + found.extent[at], high),
            (found.keypoints[at], palms.keypoints),
            (found.scores[at], palms.scores),
        ):
            np.testing.assert_allclose(values, truth, atol=2e-6)
