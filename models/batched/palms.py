"""A detector's outputs for a batch of pictures → its palms, in a fixed number of slots for each
picture: `decode.decode_palms` on whole tensors.

Given equal numbers the merged palms are equal to the last bit: a mean adds its palms one after the
other, best first, like MediaPipe.
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from blazepalm.models.decode import decode_boxes, decode_scores
from blazepalm.models.spec import PalmDetectorSpec


class Place(Protocol):
    """Where pictures lie in a network's input, as `decode.Place` for tensors."""

    def to_image(self, points: Tensor, /) -> Tensor: ...
    def boxes_to_image(self, corners: Tensor, sizes: Tensor, /) -> tuple[Tensor, Tensor]: ...


class PalmSlots(NamedTuple):
    """The palms of N pictures, best first, in K slots each; slots that are not `found` hold zeros.
    Normalised to the picture, not clipped. A box is its upper left corner and its size.
    """

    low: Tensor  # (N, K, 2): x, y
    extent: Tensor  # (N, K, 2): width, height
    keypoints: Tensor  # (N, K, P, 2): x, y
    scores: Tensor  # (N, K), 0..1
    found: Tensor  # (N, K) bool


class Merged(NamedTuple):
    """What `suppress` leaves of the detections of N pictures, best first, in K slots each."""

    low: Tensor  # (N, K, 2): upper left corner
    extent: Tensor  # (N, K, 2): width and height
    rest: Tensor  # (N, K, D − 4)
    scores: Tensor  # (N, K)
    found: Tensor  # (N, K) bool; where it is False, all else is 0


def decode_palms(
    boxes: Tensor,
    scores: Tensor,
    anchors: Tensor,
    spec: PalmDetectorSpec,
    place: Place,
    slots: int | None,
) -> PalmSlots:
    """The detector's outputs, (N, A, 4 + 2P) and (N, A, 1) float32, → the best `slots` palms of
    each picture (None: all, in as many slots as the picture with the most needs). `place` is the
    pictures' place in the network's input.
    """
    probabilities = decode_scores(scores)  # (N, A)
    probable = probabilities >= spec.score_threshold
    chosen = _first(probable, int(probable.sum(dim=1).max()))  # (N, C)
    given, chosen = chosen < len(anchors), chosen.clamp(max=len(anchors) - 1)
    # most anchors see nothing: only the others are decoded
    pairs = _rows(boxes, chosen), _rows(anchors.expand(len(boxes), -1, -1), chosen)
    corners, keypoints = decode_boxes(pairs[0], pairs[1], spec.input_size)
    points = torch.cat((corners, keypoints.flatten(2)), dim=2)  # (N, C, 4 + 2P)
    given &= (corners[..., 2:] >= corners[..., :2]).all(dim=2)  # no size is negative or NaN
    scored = probabilities.gather(1, chosen)
    merged = suppress(points, scored, given, spec.suppression_iou, slots)
    low, extent = place.boxes_to_image(merged.low, merged.extent)
    rest = place.to_image(merged.rest)
    keep = merged.found[..., None]
    return PalmSlots(
        torch.where(keep, low, 0.0),
        torch.where(keep, extent, 0.0),
        torch.where(keep, rest, 0.0).unflatten(2, (spec.keypoints, 2)),
        merged.scores,
        merged.found,
    )


def suppress(
    points: Tensor, scores: Tensor, given: Tensor, iou_threshold: float, slots: int | None
) -> Merged:
    """`decode.weighted_suppression` of N pictures' detections: points (N, C, D), box corners first,
    scores (N, C), `given` (N, C) bool says which of them there are; the best `slots`, or all.
    """
    candidates = points.shape[1]
    if not candidates:
        return _nothing(points, slots or 0)
    ranked, order = torch.where(given, scores, -torch.inf).sort(dim=1, descending=True, stable=True)
    columns = torch.cat((points, torch.ones_like(points[..., :1])), dim=2)
    columns = _rows(columns, order)
    columns[..., 2:4] = columns[..., :2] + (columns[..., 2:4] - columns[..., :2])
    place = torch.arange(candidates, device=points.device)
    left = given.gather(1, order)
    firsts: list[Tensor] = []
    groups: list[Tensor] = []
    while len(groups) < slots if slots is not None else bool(left.any()):
        first = torch.where(left, place, candidates).amin(1, keepdim=True)  # (N, 1)
        here = place == first  # (N, C): nowhere if nothing is left
        best = _rows(columns, first.clamp(max=candidates - 1))[..., :4]  # (N, 1, 4)
        same = intersection_over_union(best, columns[..., :4]) > iou_threshold
        same = (same | here) & left & here.any(1, keepdim=True)
        firsts.append(first)
        groups.append(same)
        left = left & ~same
    if not groups:
        return _nothing(points, 0)
    first, group = torch.cat(firsts, dim=1), torch.stack(groups, dim=1)  # (N, K), (N, K, C)
    found = first < candidates
    first = first.clamp(max=candidates - 1)
    total = _sums(columns, ranked, group)  # (N, K, D + 1)
    weight = total[..., -1:]
    mean = torch.where(weight > 0, total / weight, _rows(columns, first))[..., :-1]
    mean = torch.where(found[..., None], mean, 0.0)
    kept = torch.where(found, ranked.gather(1, first), 0.0)
    return Merged(mean[..., :2], mean[..., 2:4] - mean[..., :2], mean[..., 4:], kept, found)


def intersection_over_union(a: Tensor, b: Tensor) -> Tensor:
    """As `decode.intersection_over_union`."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    overlap = _area(high - low)
    union = _area(a[..., 2:] - a[..., :2]) + _area(b[..., 2:] - b[..., :2]) - overlap
    return torch.where(union > 0, overlap / union, 0.0)


def _area(extent: Tensor) -> Tensor:
    width, height = extent.clamp(min=0).unbind(dim=-1)
    return width * height


def _sums(columns: Tensor, weights: Tensor, group: Tensor) -> Tensor:
    """The sum of the rows of `columns` (N, C, D) that belong to each group (N, K, C), each times
    its weight (N, C), row after row in float32. → (N, K, D)
    """
    count, _, width = columns.shape
    products = columns * weights[..., None]
    products = torch.cat((products, torch.zeros_like(products[:, :1])), dim=1)  # a row for nobody
    members = _first(group, int(group.sum(dim=2).max()))  # (N, K, T)
    total = products.new_zeros(count, group.shape[1], width)
    for rows in members.unbind(dim=2):
        total = total + _rows(products, rows)
    return total


def _first(given: Tensor, count: int) -> Tensor:
    """The places of the first `count` that are `given` along the last axis (…, C), in order; C
    where there are fewer. → (…, count) int64
    """
    place = torch.arange(given.shape[-1], device=given.device)
    return torch.where(given, place, given.shape[-1]).sort(dim=-1).values[..., :count]


def _rows(values: Tensor, index: Tensor) -> Tensor:
    """Rows of each picture: (N, C, D) and (N, M) int64 → (N, M, D)"""
    return values.gather(1, index[..., None].expand(-1, -1, values.shape[2]))


def _nothing(points: Tensor, slots: int) -> Merged:
    """No detection in any slot."""
    count, _, width = points.shape
    empty = points.new_zeros(count, slots, width)
    found = torch.zeros(count, slots, dtype=torch.bool, device=points.device)
    return Merged(empty[..., :2], empty[..., 2:4], empty[..., 4:], empty[..., 0], found)


def no_palms(spec: PalmDetectorSpec, slots: int, device: torch.device) -> PalmSlots:
    """The palms of no picture."""
    pair, points = (0, slots, 2), (0, slots, spec.keypoints, 2)
    low, extent, keypoints, scores = (
        torch.zeros(shape, device=device) for shape in (pair, pair, points, pair[:2])
    )
    return PalmSlots(low, extent, keypoints, scores, scores > 0)
