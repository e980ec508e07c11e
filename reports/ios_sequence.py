"""A video becomes the `sequence` of the iOS fixtures: what the networks said of each frame, and
where the tracker looked and what it found.

The video is `golden.sequence`, rendered here; the networks are run by LiteRT, and the tracker is
`models.hand_pipeline.HandTracker` itself.
"""

import multiprocessing
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.models.decode import Palms, decode_palms
from blazepalm.models.hand_pipeline import NO_PALMS, Hand, HandModels, HandTracker, best
from blazepalm.models.letterbox import letterbox
from blazepalm.models.regions import Region, distinct, region_from_palm
from blazepalm.models.releases import RegionRule
from blazepalm.models.spec import PalmDetectorSpec
from blazepalm.reports.fixtures_folder import Entry, FolderWriter
from blazepalm.reports.ios_models import AppModel, as_pixels, hand_models

SIZE = (120, 160)  # height and width of the frames
FEW_FRAMES = 8  # rendered in this process: starting others takes as long
HANDS_EVERY = 10  # of so many frames the hands' landmarks are kept

Pixels = NDArray[np.uint8]


@dataclass
class Watched:
    """The two networks, and what they were asked and said in the present frame."""

    palm: AppModel
    hand: AppModel
    detected: Mapping[str, NDArray[Any]] | None = None
    marks: list[Mapping[str, NDArray[Any]]] = field(default_factory=list)

    def models(self) -> HandModels:
        return hand_models(self.palm, self.hand, self._detect, self._landmarks)

    def forget(self) -> None:
        self.detected = None
        self.marks.clear()

    def _detect(self, images: NDArray[np.float32]) -> Mapping[str, NDArray[Any]]:
        found = self.palm.raw(as_pixels(images[0], self.palm.rules.spec.value_range))
        self.detected = found
        return found

    def _landmarks(self, images: NDArray[np.float32]) -> Mapping[str, NDArray[Any]]:
        value_range = self.hand.rules.spec.value_range
        rows = [self.hand.raw(as_pixels(image, value_range)) for image in images]
        rows = [{name: value.reshape(-1) for name, value in row.items()} for row in rows]
        self.marks += rows
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def write_sequence(
    writer: FolderWriter,
    palm: AppModel,
    hand: AppModel,
    frames: Iterator[Pixels],
    maximum_hands: int,
) -> Entry:
    """Tracks hands through the frames, all of one size; returns the sequence's entry."""
    watched = Watched(palm, hand)
    tracker = HandTracker(watched.models(), maximum_hands)
    tables: dict[str, list[Any]] = {"palms": [], "outputs": [], "regions": [], "hands": []}
    size, count = SIZE, 0
    for number, image in enumerate(frames):
        size, count = (image.shape[0], image.shape[1]), number + 1
        palms, regions, hands = follow(tracker, watched, image)
        tables["palms"] += [(number, *row) for row in palm_rows(palms)]
        for index, (region, marks) in enumerate(zip(regions, watched.marks, strict=True)):
            row = len(tables["outputs"])
            tables["regions"].append((number, index, row, *region_row(region)))
            landmarks = _normalised(marks["landmarks"], hand)
            tables["outputs"].append((*landmarks.reshape(-1), marks["presence"][0]))
        if number % HANDS_EVERY == 0:
            tables["hands"] += [(number, i, *h.landmarks.reshape(-1)) for i, h in enumerate(hands)]
    spec = palm.rules.spec
    assert isinstance(spec, PalmDetectorSpec)
    widths = {"palms": spec.coordinates + 2, "outputs": 64, "regions": 8, "hands": 65}
    return {
        "name": "walk",
        "width": size[1],
        "height": size[0],
        "frames": count,
        "maximum_hands": maximum_hands,
        **{
            name: writer.tensor(f"sequences/walk/{name}.bin", np.reshape(tables[name], (-1, width)))
            for name, width in widths.items()
        },
    }


def follow(
    tracker: HandTracker, watched: Watched, image: Pixels
) -> tuple[Palms, list[Region], tuple[Hand, ...]]:
    """One frame: the palms detected, the regions looked at, and the hands found."""
    watched.forget()
    before, models = list(tracker.regions), tracker.models
    hands = tracker(image)
    palms = NO_PALMS
    if watched.detected is not None:
        spec = models.detector_spec
        _, box = letterbox(image, spec.input_size, spec.value_range)
        raw = watched.detected
        palms = decode_palms(raw["boxes"][0], raw["scores"][0], models.anchors, spec, box)
    regions = palm_regions(models.palm_rule, best(palms, tracker.max_hands), image.shape) + before
    return palms, [r for r in (regions[i] for i in distinct(regions)) if r.proper], hands


def palm_regions(rule: RegionRule, palms: Palms, shape: tuple[int, ...]) -> list[Region]:
    """The region of each palm in a picture of `shape` (height, width, …)."""
    return [
        region_from_palm(box, keypoints, (shape[0], shape[1]), rule)
        for box, keypoints in zip(palms.boxes, palms.keypoints, strict=True)
    ]


def palm_rows(palms: Palms) -> NDArray[np.float64]:
    """(n, 4 + 2K + 1): corner and size of the box, keypoints, score."""
    n = len(palms.scores)
    sizes = palms.boxes[:, 2:] - palms.boxes[:, :2]
    points = palms.keypoints.reshape(n, -1) if n else np.zeros((0, palms.keypoints.shape[1] * 2))
    return np.concatenate((palms.boxes[:, :2], sizes, points, palms.scores[:, None]), axis=1)


def region_row(region: Region) -> tuple[float, ...]:
    return region.x_center, region.y_center, region.width, region.height, region.rotation


def rendered(
    frames: int, jobs: int | None = None, size: tuple[int, int] = SIZE
) -> Iterator[Pixels]:
    """The first frames of the rendered video, in order; many are made in processes."""
    render = partial(_render, size=size)
    workers = min(jobs or os.cpu_count() or 1, frames)
    done = 0
    if workers > 1 and frames > FEW_FRAMES:
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
            try:
                for image in pool.map(render, range(frames), chunksize=4):
                    yield image
                    done += 1
            except BrokenProcessPool:  # no processes here (a script without a main guard)
                pass
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    yield from map(render, range(done, frames))


def _render(frame: int, size: tuple[int, int]) -> Pixels:
    from blazepalm.golden.sequence import render_frame

    return render_frame(frame, size).image


def _normalised(landmarks: NDArray[Any], hand: AppModel) -> NDArray[np.float32]:
    """(63,) in pixels of the input → (21, 3) as the package gives them."""
    height, width = hand.size
    z_scale = getattr(hand.rules.spec, "z_scale", 1.0)
    divisor = np.array((width, height, width * z_scale), np.float32)
    found: NDArray[np.float32] = (landmarks.reshape(-1, 3) / divisor).astype(np.float32)
    return found
