"""Raw detector outputs become boxes, keypoints and scores; overlapping ones become one.

Sources, all of MediaPipe v0.10.21:
decoding: mediapipe/calculators/tensor/tensors_to_detections_calculator.cc
suppression: mediapipe/calculators/util/non_max_suppression_calculator.cc (WEIGHTED)
"""

import torch
from torch import Tensor

SCORE_CLIP = 100.0  # score_clipping_thresh of every palm graph: exp() stays finite


def decode_boxes(
    raw: Tensor, anchors: Tensor, input_size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Offsets to anchor centres → normalised corners and keypoints.

    raw: (B, N, 4 + 2K) in pixels of the input: x, y, w, h of the box, then K × (x, y).
    anchors: (N, 4) x_center, y_center, w, h, normalised, w = h = 1.
    → boxes (B, N, 4) xmin, ymin, xmax, ymax and keypoints (B, N, K, 2), normalised to the
    input square, not clipped.
    """
    height, width = input_size
    size = raw.new_tensor((width, height))
    pairs = raw.unflatten(-1, (-1, 2)) / size  # (B, N, 2 + K, 2)
    centre = pairs[..., 0, :] * anchors[:, 2:] + anchors[:, :2]  # (B, N, 2)
    half = pairs[..., 1, :] * anchors[:, 2:] / 2  # (B, N, 2)
    keypoints = pairs[..., 2:, :] * anchors[:, None, 2:] + anchors[:, None, :2]  # (B, N, K, 2)
    return torch.cat((centre - half, centre + half), dim=-1), keypoints


def decode_scores(logits: Tensor) -> Tensor:
    """(B, N, 1) logits → (B, N) probabilities, the logit clipped to ±100."""
    return logits[..., 0].clamp(-SCORE_CLIP, SCORE_CLIP).sigmoid()


def intersection_over_union(box: Tensor, boxes: Tensor) -> Tensor:
    """(4,) with (N, 4), corners → (N,) in 0..1; 0 where both are empty."""
    low = torch.maximum(box[:2], boxes[:, :2])
    high = torch.minimum(box[2:], boxes[:, 2:])
    overlap = (high - low).clamp(min=0).prod(dim=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(dim=1)
    area = (box[2:] - box[:2]).clamp(min=0).prod()
    union = area + areas - overlap
    return torch.where(union > 0, overlap / union, torch.zeros_like(union))


def weighted_suppression(
    points: Tensor, scores: Tensor, iou_threshold: float
) -> tuple[Tensor, Tensor]:
    """Weighted non-maximum suppression: each best detection becomes the mean of all that
    overlap it by more than `iou_threshold`, weighted by score, and keeps its own score.

    points: (N, 4 + 2K), box corners first; scores: (N,). → (M, 4 + 2K), (M,), best first.
    """
    order = torch.argsort(scores, descending=True, stable=True)
    points, scores = points[order], scores[order]
    kept_points, kept_scores = [], []
    while scores.numel():
        same = intersection_over_union(points[0, :4], points[:, :4]) > iou_threshold
        same[0] = True  # an empty box overlaps nothing, not even itself
        weights = scores[same, None]
        kept_points.append((points[same] * weights).sum(dim=0) / weights.sum())
        kept_scores.append(scores[0])
        points, scores = points[~same], scores[~same]
    if not kept_points:
        return points, scores
    return torch.stack(kept_points), torch.stack(kept_scores)
