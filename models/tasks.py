"""What MediaPipe's tasks (HandLandmarker; since 1.0 the only pipeline) do otherwise than its
solutions (`mediapipe.solutions.hands`, until 0.10), which the other modules repeat.

The released files are the same; the rule of a palm's region is in `releases.toml`. Besides, the
tasks
  - map palms back to the picture by a matrix, and crop a hand's region without a letterbox, which
    round differently;
  - take OpenCV 5's corners of a rotated rectangle, and a C library that rounds correctly;
  - drop no region before its landmarks are found in a picture (in a video, a palm that overlaps a
    tracked hand), and drop a hand whose landmarks are another's;
  - put tracked hands first.

Sources, under mediapipe/ of 1.2: tasks/cc/vision/hand_detector/hand_detector_graph.cc,
tasks/cc/vision/hand_landmarker/ (hand_landmarker_graph.cc, hand_landmarks_detector_graph.cc,
calculators/hand_landmarks_deduplication_calculator.cc, hand_association_calculator.cc),
calculators/util/detection_projection_calculator.cc, calculators/tensor/image_to_tensor_utils.cc.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blazepalm.models.crop import Letterbox, Pixels, Warp, upper_corners, warp, widened
from blazepalm.models.decode import intersection_over_union
from blazepalm.models.regions import SAME_HAND_IOU, Region, overlap

Floats = NDArray[np.float32]

SOLUTIONS, TASKS = "solutions", "tasks"
RULES = (SOLUTIONS, TASKS)

PALM_SIZE = ((0, 5), (5, 17), (17, 0))  # pairs of landmarks; the longest distance is a hand's size
NEAR = 0.2  # of the larger hand's size: two landmarks are at the same place
SAME_LANDMARKS = 10  # of 21
SAME_BOUNDS_IOU = 0.2


@dataclass(frozen=True, eq=False)
class Projection:
    """Where a picture lies in the network's input, as `crop.Letterbox`, but as a matrix: input ·
    `scale` + `offset`, (2,) each, float32.
    """

    scale: Floats
    offset: Floats

    def to_image(self, points: Floats) -> Floats:
        """(…, 2k) x, y pairs normalised to the input → normalised to the picture."""
        pairs = points.reshape(*points.shape[:-1], points.shape[-1] // 2, 2)
        moved: Floats = pairs * self.scale + self.offset
        return moved.reshape(points.shape)

    def boxes_to_image(self, corners: Floats, sizes: Floats) -> tuple[Floats, Floats]:
        """(…, 2) upper left corners and (…, 2) widths and heights, mapped corner by corner."""
        low = self.to_image(corners)
        return low, self.to_image(corners + sizes) - low


def projection(image_size: tuple[int, int], input_size: tuple[int, int]) -> Projection:
    """The place of a picture of `image_size` (height, width) in a detector's input."""
    size = np.array((image_size[1], image_size[0]), np.float32)
    extent = np.array(widened(size[0], size[1], input_size)[0], np.float32)
    one, half = np.float32(1), np.float32(0.5)
    return Projection(extent * (one / size), (-half * extent + half * size) * (one / size))


def crop_region(
    image: Pixels, region: Region, size: tuple[int, int], warp: Warp = warp
) -> tuple[Pixels, Letterbox]:
    """The region of an (H, W, 3) image as (*size, 3) uint8; edge pixels repeat beyond the image.
    There is never a letterbox. `warp` samples the image.
    """
    height, width = np.float32(image.shape[0]), np.float32(image.shape[1])
    centre = (np.float32(region.x_center) * width, np.float32(region.y_center) * height)
    extent = (np.float32(region.width) * width, np.float32(region.height) * height)
    return warp(image, corners(centre, extent, region.rotation), size), Letterbox(0.0, 0.0)


def corners(
    centre: tuple[np.float32, np.float32],
    extent: tuple[np.float32, np.float32],
    rotation: float,
) -> Floats:
    """As `crop.corners`, in OpenCV 5's order: each corner from the centre."""
    (x, y), (width, height) = centre, extent
    upper, (a, b) = upper_corners(centre, extent, rotation)
    x2, y2 = x + a * height + b * width, y - b * height + a * width
    x3, y3 = x - a * height + b * width, y + b * height + a * width
    return np.array((*upper, (x2, y2), (x3, y3)), np.float32)


def untracked(regions: Sequence[Region], tracked: Sequence[Region]) -> list[int]:
    """The indices of the regions that overlap neither a tracked one nor an earlier one by more than
    `SAME_HAND_IOU` (as if upright).
    """
    kept: list[int] = []
    for index, region in enumerate(regions):
        before = [*tracked, *(regions[k] for k in kept)]
        if all(overlap(other, region) <= SAME_HAND_IOU for other in before):
            kept.append(index)
    return kept


def distinct_hands(hands: Sequence[Floats], image_size: tuple[int, int]) -> list[int]:
    """The indices, in order, of the hands to keep, given the (21, 3) landmarks of each: of two with
    `SAME_LANDMARKS` at the same place, the first.
    """
    size = np.array((image_size[1], image_size[0]), np.float32)
    points = [landmarks[:, :2] for landmarks in hands]
    sizes = [max(_distances(p[[i]], p[[j]], size)[0] for i, j in PALM_SIZE) for p in points]
    bounds = [np.concatenate((p.min(axis=0), p.max(axis=0))) for p in points]
    kept: list[int] = []
    for index, own in enumerate(points):

        def repeats(other: int, own: Floats = own, index: int = index) -> bool:
            near = max(sizes[index], sizes[other]) * np.float32(NEAR)
            same = int((_distances(own, points[other], size) < near).sum())
            iou = float(intersection_over_union(bounds[index], bounds[other]))
            return same >= SAME_LANDMARKS and iou > SAME_BOUNDS_IOU

        if not any(repeats(other) for other in kept):
            kept.append(index)
    return kept


def _distances(a: Floats, b: Floats, size: Floats) -> Floats:
    """(n, 2) and (n, 2), normalised → (n,) distances in pixels, squared and added in double."""
    across = ((a - b) * size).astype(np.float64)
    found: Floats = np.sqrt((across**2).sum(axis=1)).astype(np.float32)
    return found
