"""Decodes raw outputs into palms (boxes, keypoints and scores; overlapping ones are merged) and
hands in their crops.

`decode_boxes` and `decode_scores` take NumPy arrays or torch tensors; the rest is NumPy. Sources,
all in MediaPipe v0.10.21, under mediapipe/calculators/:
  decoding: tensor/tensors_to_detections_calculator.cc
  suppression: util/non_max_suppression_calculator.cc (WEIGHTED)
  landmarks: tensor/tensors_to_landmarks_calculator.cc
Differs from MediaPipe in: MediaPipe stores a box as corner and size in float32, this module as two
corners, in float64 so that their difference gives exactly that size.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from blazepalm.models.c_math import LIBRARY, Functions
from blazepalm.models.crop import Letterbox
from blazepalm.models.spec import HandLandmarksSpec, PalmDetectorSpec

if TYPE_CHECKING:
    from torch import Tensor

    Values = TypeVar("Values", NDArray[np.float32], Tensor)
else:
    Values = TypeVar("Values")

Floats = NDArray[np.float32]

SCORE_CLIP = 100.0  # score_clipping_thresh of every palm graph: exp() stays finite


class Palms(NamedTuple):
    """The palms of one image, best first, normalised to the image, not clipped."""

    boxes: NDArray[np.float64]  # (n, 4): xmin, ymin, xmax, ymax
    keypoints: Floats  # (n, K, 2): x, y
    scores: Floats  # (n,), 0..1


class CroppedHand(NamedTuple):
    """One hand in its crop; None for outputs that the release lacks."""

    landmarks: Floats  # (21, 3): x, y normalised to the crop, z to its width
    presence: Floats  # (), 0..1
    handedness: Floats | None  # (), 0..1
    world_landmarks: Floats | None  # (21, 3), metres, upright in the crop


def as_array(values: "Tensor") -> NDArray[Any]:
    """A network's output as NumPy, half precision converted to float32."""
    values = values.detach().cpu()
    found: NDArray[Any] = (values.float() if values.itemsize < 4 else values).numpy()
    return found


class Place(Protocol):
    """Where a picture lies in a network's input; see `Letterbox`."""

    def to_image(self, points: Floats, /) -> Floats: ...
    def boxes_to_image(self, corners: Floats, sizes: Floats, /) -> tuple[Floats, Floats]: ...


def decode_palms(
    boxes: Floats,
    scores: Floats,
    anchors: Floats,
    spec: PalmDetectorSpec,
    box: Place,
    functions: Functions = LIBRARY,
) -> Palms:
    """The detector's outputs for one image, (N, 4 + 2K) and (N, 1), → its palms. `box` is the
    image's place in the network's input.
    """
    # pre-filter on the logits: most anchors see nothing
    likely = np.flatnonzero(scores[:, 0] > _logit(min(spec.score_threshold, 0.999)) - 0.01)
    probabilities = decode_scores(scores[likely], functions)
    corners, keypoints = decode_boxes(boxes[likely], anchors[likely], spec.input_size)
    points = np.concatenate((corners, keypoints.reshape(len(likely), spec.coordinates - 4)), axis=1)
    proper = (corners[:, 2:] >= corners[:, :2]).all(axis=1)  # no size is negative or NaN
    proper &= probabilities >= spec.score_threshold
    merged, kept = weighted_suppression(points[proper], probabilities[proper], spec.suppression_iou)
    low, extent = _corner_and_size(merged, boxes.dtype)
    corner, size = box.boxes_to_image(low, extent)
    keypoints = box.to_image(merged[:, 4:].astype(boxes.dtype))
    return Palms(_corners(corner, size), keypoints.reshape(len(merged), spec.keypoints, 2), kept)


def decode_hand(
    outputs: Mapping[str, NDArray[Any]], index: int, spec: HandLandmarksSpec, box: Letterbox
) -> CroppedHand:
    """The landmark network's outputs for image `index`. `box` is the crop's place in the network's
    input.
    """
    height, width = spec.input_size
    points = outputs["landmarks"][index].reshape(-1, 3)  # (21, 3) in pixels
    points = points / np.array((width, height, width), points.dtype)
    points[:, :2] = box.to_image(points[:, :2])
    points[:, 2] = box.depth_to_image(points[:, 2] / points.dtype.type(spec.z_scale))
    handedness, world = outputs.get("handedness"), outputs.get("world_landmarks")
    return CroppedHand(
        landmarks=points,
        presence=outputs["presence"][index, 0],
        handedness=None if handedness is None else handedness[index, 0],
        world_landmarks=None if world is None else world[index].reshape(-1, 3),
    )


def decode_boxes(
    raw: Values, anchors: Values, input_size: tuple[int, int]
) -> tuple[Values, Values]:
    """Offsets to anchor centres → normalised corners and keypoints.

    raw: (…, N, 4 + 2K) in pixels of the input: x, y, w, h of the box, then K × (x, y).
    anchors: (N, 4), or (…, N, 4): x_center, y_center, w, h, normalised, w = h = 1.
    → boxes (…, N, 4) xmin, ymin, xmax, ymax and keypoints (…, N, K, 2), normalised to the
    input square, not clipped.
    """
    pairs = raw.reshape(*raw.shape[:-1], raw.shape[-1] // 2, 2) + 0.0  # (…, N, 2 + K, 2), a copy
    pairs[..., 0] /= input_size[1]
    pairs[..., 1] /= input_size[0]
    pairs *= anchors[..., None, 2:]
    half = pairs[..., 1, :] / 2  # (…, N, 2)
    pairs += anchors[..., None, :2]
    centre = pairs[..., 0, :] + 0.0  # (…, N, 2)
    pairs[..., 0, :] = centre - half
    pairs[..., 1, :] = centre + half
    return pairs[..., :2, :].reshape(*raw.shape[:-1], 4), pairs[..., 2:, :]


def decode_scores(logits: Values, functions: Functions = LIBRARY) -> Values:
    """(…, N, 1) logits → (…, N) probabilities, the logit clipped to ±100."""
    clipped = logits[..., 0].clip(-SCORE_CLIP, SCORE_CLIP)
    if isinstance(clipped, np.ndarray):
        found: Values = 1.0 / (1.0 + functions.exp(-clipped))  # 1 / (1 + inf) is correct
        return found
    return clipped.sigmoid()


def intersection_over_union(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """(…, 4) and (…, 4) corners, broadcast → (…) in 0..1, in their dtype; empty boxes overlap
    nothing.
    """
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., 2:], b[..., 2:])
    overlap = _area(high - low)
    union = _area(a[..., 2:] - a[..., :2]) + _area(b[..., 2:] - b[..., :2]) - overlap
    found: NDArray[Any] = np.divide(
        overlap, union, out=np.zeros(union.shape, union.dtype), where=union > 0
    )
    return found


def _area(extent: NDArray[Any]) -> NDArray[Any]:
    """(…, 2) width and height → (…), 0 where one is negative."""
    sides = np.maximum(extent, 0)
    found: NDArray[Any] = sides[..., 0] * sides[..., 1]
    return found


def weighted_suppression(
    points: Floats, scores: Floats, iou_threshold: float
) -> tuple[NDArray[np.float64], Floats]:
    """Weighted non-maximum suppression: each best detection becomes the mean, weighted by score,
    of all that overlap it by more than `iou_threshold`, and keeps its own score.

    points: (N, 4 + 2K), box corners first; scores: (N,). → (M, 4 + 2K), (M,), best first.
    An empty box overlaps nothing, not even itself, and stays. Sums are in the dtype of `points`.
    """
    order = np.argsort(-scores, kind="stable")
    scores = scores[order]
    # one more column, of ones: the sum of its products is the sum of the weights
    columns = np.concatenate((points[order], np.ones((len(order), 1), points.dtype)), axis=1)
    low, size = _corner_and_size(columns, points.dtype)
    columns[:, 2:4] = low + size
    merged = np.empty((len(order), points.shape[1]))
    first: list[int] = []
    left = np.arange(len(order))
    while left.size:
        same = intersection_over_union(columns[left[0], :4], columns[left, :4]) > iou_threshold
        same[0] = True
        group = left[same]
        total = (columns[group] * scores[group, None]).sum(axis=0)  # row after row, like MediaPipe
        mean = total[:-1] / total[-1] if total[-1] > 0 else columns[group[0], :-1]
        merged[len(first)] = mean
        merged[len(first), :4] = _corners(mean[:2], mean[2:4] - mean[:2])
        first.append(int(group[0]))
        left = left[~same]
    return merged[: len(first)], scores[first]


def _logit(probability: float) -> float:
    """The inverse of the sigmoid; ±infinity outside 0 to 1."""
    if not 0.0 < probability < 1.0:
        return math.copysign(math.inf, probability - 0.5)
    return -math.log(1.0 / probability - 1.0)


def _corner_and_size(points: NDArray[Any], dtype: Any) -> tuple[Floats, Floats]:
    """(…, 4 or more) corners → (…, 2) the upper left corner, and (…, 2) width and height."""
    return points[..., :2].astype(dtype), (points[..., 2:4] - points[..., :2]).astype(dtype)


def _corners(low: Floats, size: Floats) -> NDArray[np.float64]:
    """(…, 2) and (…, 2) → (…, 4) corners whose difference is exactly the size."""
    wide = low.astype(np.float64)
    return np.concatenate((wide, wide + size), axis=-1)
