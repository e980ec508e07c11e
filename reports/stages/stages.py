"""The stages between pixels and hands, one function each, as one backend runs them.

Every backend has its own chain, though most share all functions except the network: a stage
whose function and input are the reference's own objects reuses the reference's value. A fault
is planted by replacing one function. The functions are the pipeline's own (`blazepalm.models`),
the networks come from `reports.backends`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from blazepalm.models.crop import Letterbox, crop_region, to_range
from blazepalm.models.decode import (
    CroppedHand,
    Palms,
    decode_boxes,
    decode_hand,
    decode_palms,
    decode_scores,
    weighted_suppression,
)
from blazepalm.models.generation import RegionRule
from blazepalm.models.letterbox import letterbox
from blazepalm.models.regions import Region, distinct, project_landmarks, region_from_palm
from blazepalm.models.spec import HandLandmarksSpec, PalmDetectorSpec
from blazepalm.reports.compare.hands import SeenHand

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
Raw = Mapping[str, NDArray[Any]]  # a network's outputs by readable field

MAX_HANDS = 4  # regions processed per image
MAX_PALMS = 64  # palms considered for them, best first


class Located(NamedTuple):
    """Regions to search for hands, best first, with the scores and the indices of their palms.

    `tied` are the regions whose palm ties alone move or add, compared with the reference's;
    `reference_tied` are those of the reference, compared with this backend's.
    """

    regions: list[Region]
    scores: list[float]
    palms: Sequence[int] = ()
    tied: frozenset[int] = frozenset()
    reference_tied: frozenset[int] = frozenset()


class Decoded(NamedTuple):
    """All anchors of one image: points (N, 4 + 2K), box corners first, normalised to the square;
    probabilities (N,).
    """

    points: NDArray[np.floating]
    scores: NDArray[np.floating]


@dataclass(frozen=True)
class PalmChain:
    """A detector's stages. `run` takes (1, H, W, 3) in the value range; if it returns decoded
    outputs itself (`decodes`), there are no raw ones to compare.
    """

    prepare: Callable[[Image], tuple[Floats, Letterbox]]
    run: Callable[[Floats], Raw]
    decode: Callable[[Raw], Decoded]
    suppress: Callable[[Raw, Letterbox], Palms]
    locate: Callable[[Palms, tuple[int, int]], Located]
    decodes: bool = False


@dataclass(frozen=True)
class HandChain:
    """A landmark model's stages, one region at a time. `project` gives landmarks (21, 3) in
    pixels of an image of the given (height, width), z too.
    """

    crop: Callable[[Image, Region], tuple[Floats, Letterbox]]
    run: Callable[[Floats], Raw]
    read: Callable[[Raw, Letterbox], CroppedHand]
    project: Callable[[CroppedHand, Region, tuple[int, int]], Floats]
    decodes: bool = False


@dataclass(frozen=True)
class PalmRules:
    """The parameters and functions shared by all backends of one detector."""

    spec: PalmDetectorSpec
    anchors: Floats
    region: RegionRule

    def prepare(self, image: Image) -> tuple[Floats, Letterbox]:
        return letterbox(image, self.spec.input_size, self.spec.value_range)

    def decode(self, raw: Raw) -> Decoded:
        """Decodes in the raw outputs' own precision."""
        boxes, logits = raw["boxes"][0], raw["scores"][0]
        corners, keypoints = decode_boxes(
            boxes, self.anchors.astype(boxes.dtype), self.spec.input_size
        )
        points = np.concatenate((corners, keypoints.reshape(len(corners), -1)), axis=1)
        return Decoded(points, decode_scores(logits))

    def read_decoded(self, raw: Raw) -> Decoded:
        """The outputs of a network that decodes itself (the `app` face)."""
        boxes = raw["boxes"]
        points = np.concatenate((boxes, raw["keypoints"].reshape(len(boxes), -1)), axis=1)
        return Decoded(points, raw["scores"])

    def suppress(self, raw: Raw, box: Letterbox) -> Palms:
        return decode_palms(raw["boxes"][0], raw["scores"][0], self.anchors, self.spec, box)

    def suppress_decoded(self, raw: Raw, box: Letterbox) -> Palms:
        """`suppress` for outputs that are already decoded."""
        points, scores = self.read_decoded(raw)
        proper = (scores >= self.spec.score_threshold) & (points[:, 2:4] >= points[:, :2]).all(
            axis=1
        )
        kept, best = weighted_suppression(
            points[proper].astype(np.float32), scores[proper], self.spec.suppression_iou
        )
        found = box.to_image(kept.astype(np.float32))
        keypoints = found[:, 4:].reshape(len(found), self.spec.keypoints, 2)
        return Palms(found[:, :4].astype(np.float64), keypoints, best)

    def locate(self, palms: Palms, size: tuple[int, int]) -> Located:
        regions = [
            region_from_palm(box, keypoints, size, self.region)
            for box, keypoints in zip(
                palms.boxes[:MAX_PALMS], palms.keypoints[:MAX_PALMS], strict=True
            )
        ]
        kept = [i for i in distinct(regions) if regions[i].proper][:MAX_HANDS]
        return Located([regions[i] for i in kept], [float(palms.scores[i]) for i in kept], kept)

    def chain(self, run: Callable[[Floats], Raw], *, decodes: bool = False) -> PalmChain:
        if decodes:
            read, suppress = self.read_decoded, self.suppress_decoded
            return PalmChain(self.prepare, run, read, suppress, self.locate, decodes)
        return PalmChain(self.prepare, run, self.decode, self.suppress, self.locate)


@dataclass(frozen=True)
class HandRules:
    """The parameters and functions shared by all backends of one landmark model."""

    spec: HandLandmarksSpec

    def crop(self, image: Image, region: Region) -> tuple[Floats, Letterbox]:
        pixels, box = crop_region(image, region, self.spec.input_size)
        return to_range(pixels, self.spec.value_range)[None], box

    def read(self, raw: Raw, box: Letterbox) -> CroppedHand:
        return decode_hand(raw, 0, self.spec, box)

    def read_decoded(self, raw: Raw, box: Letterbox) -> CroppedHand:
        """The outputs of a network that normalises itself (the `app` face)."""
        handedness, world = raw.get("handedness"), raw.get("world_landmarks")
        points = raw["landmarks"].reshape(-1, 3).astype(np.float32)
        points[:, :2] = box.to_image(points[:, :2])
        points[:, 2] = box.depth_to_image(points[:, 2])
        return CroppedHand(
            landmarks=points,
            presence=raw["presence"].reshape(-1)[0],
            handedness=None if handedness is None else handedness.reshape(-1)[0],
            world_landmarks=None if world is None else world.reshape(-1, 3),
        )

    def project(self, hand: CroppedHand, region: Region, size: tuple[int, int]) -> Floats:
        height, width = size
        scale = np.array((width, height, width), np.float32)
        return project_landmarks(hand.landmarks, region) * scale

    def chain(self, run: Callable[[Floats], Raw], *, decodes: bool = False) -> HandChain:
        read = self.read_decoded if decodes else self.read
        return HandChain(self.crop, run, read, self.project, decodes)


def search_regions(
    chain: HandChain, image: Image, located: Located, run: Callable[[int, Floats], Raw]
) -> list[SeenHand]:
    """What the landmark model answers in each region, hand or not; `run` takes the region's number
    and its crop.
    """
    size = (image.shape[0], image.shape[1])
    found = []
    for number, (region, score) in enumerate(zip(located.regions, located.scores, strict=True)):
        crop, box = chain.crop(image, region)
        hand = chain.read(run(number, crop), box)
        side = None if hand.handedness is None else float(hand.handedness)
        points = chain.project(hand, region, size)
        found.append(SeenHand(points, float(hand.presence), score, side))
    return found


def hands_among(searched: Sequence[SeenHand], threshold: float) -> list[SeenHand]:
    """The hands: a region whose presence is not above the threshold holds none."""
    return [hand for hand in searched if hand.presence > threshold]
