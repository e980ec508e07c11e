"""Small fixtures for the Swift tests, in the layout of ios_harness/FIXTURES.md.

    python tests/ios_harness/make_fixtures.py DIR

Two tiny models that do not exist: their outputs are made up (palms and hands on pictures of
coloured noise), and everything after them is what the Python pipeline says: decoded tensors,
crops, palms, regions, landmarks, a tracking sequence. `ios_harness/Tests/Fixtures` holds what
this file writes; `test_fixtures.py` compares.
"""

import json
import math
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.golden.exact import cos_sin
from blazepalm.models.anchors import anchors_from_heads
from blazepalm.models.crop import crop_region, crop_whole
from blazepalm.models.decode import decode_boxes, decode_palms, decode_scores
from blazepalm.models.hand_pipeline import Hand, HandTracker, best, detect_palms, find_hands
from blazepalm.models.letterbox import letterbox
from blazepalm.models.regions import Region, distinct, region_from_landmarks
from blazepalm.models.releases import defaults
from blazepalm.models.runners import HandModels
from blazepalm.models.spec import (
    BackboneSpec,
    ConvSpec,
    HandLandmarksSpec,
    OutputSpec,
    PalmDetectorSpec,
    PalmHeadSpec,
)
from blazepalm.reports.fixtures.folder import FolderWriter
from blazepalm.reports.fixtures.models import palm_facts
from blazepalm.reports.fixtures.sequence import palm_regions, palm_rows, region_row

Floats = NDArray[np.float32]
Image = NDArray[np.uint8]

PALM, HAND = "tiny-palm", "tiny-hand"
POINT = ConvSpec(1, 1)
HEADS = ((6, 6, 2), (3, 3, 6))  # 126 anchors
PALM_SPEC = PalmDetectorSpec(
    input_size=(48, 48),
    backbone=BackboneSpec(POINT, ()),
    neck=(),
    heads=tuple(PalmHeadSpec(0, (h, w), n, POINT, POINT) for h, w, n in HEADS),
    coordinates=18,
)
HAND_SPEC = HandLandmarksSpec(
    input_size=(40, 40),
    backbone=BackboneSpec(POINT, ()),
    neck=(),
    trunk=(),
    features=(),
    pooling="mean",
    pooled=1,
    outputs=tuple(
        OutputSpec(name, values, sigmoid=values == 1)
        for name, values in (
            ("landmarks", 63),
            ("presence", 1),
            ("handedness", 1),
            ("world_landmarks", 63),
        )
    ),
)
ANCHORS = anchors_from_heads(HEADS)
FRAMES = 300
MAX_HANDS = 2

# an upright hand in its crop, x and y in 1/100 of the crop: wrist, then thumb to little finger
UPRIGHT = np.array(
    [
        *[(50, 79)],
        *[(42, 74), (37, 66), (33, 58), (29, 51)],
        *[(42, 49), (41, 35), (40, 28), (39, 22)],
        *[(50, 47), (50, 31), (50, 23), (50, 16)],
        *[(57, 49), (58, 35), (59, 28), (60, 21)],
        *[(63, 53), (67, 42), (69, 37), (71, 32)],
    ],
    np.float64,
)


@dataclass(frozen=True)
class TruePalm:
    """Centre in fractions of the picture, side in pixels, direction of the fingers in degrees
    clockwise from upright."""

    x: float
    y: float
    side: float
    turn: float


@dataclass
class Recorded:
    """Models whose outputs are made up: the palms that are in view, and seeded hands."""

    random: np.random.Generator
    palms: Sequence[TruePalm] = ()
    size: tuple[int, int] = (1, 1)
    presence: float = 0.97
    library: Sequence[dict[str, Floats]] = ()  # hands to choose from; none: made up anew
    raw: list[dict[str, Floats]] = field(default_factory=list)
    hands: list[dict[str, Floats]] = field(default_factory=list)
    chosen: list[int] = field(default_factory=list)

    def models(self) -> HandModels:
        return HandModels(
            detector=self._detect,
            detector_spec=PALM_SPEC,
            anchors=ANCHORS,
            landmarks=self._landmarks,
            landmarks_spec=HAND_SPEC,
            palm_rule=defaults("palm").roi,
            tracking_rule=defaults("hand").roi,
        )

    def _detect(self, square: Floats) -> Mapping[str, NDArray[Any]]:
        raw = raw_palms(self.palms, self.size, self.random)
        self.raw.append(raw)
        return {name: value[None] for name, value in raw.items()}

    def _landmarks(self, crops: Floats) -> Mapping[str, NDArray[Any]]:
        rows = [self._hand() for _ in crops]
        self.hands += rows
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def _hand(self) -> dict[str, Floats]:
        if not self.library:
            return raw_hand(self.random, self.presence)
        half = len(self.library) // 2  # the second half are no hands
        number = int(self.random.integers(0, half)) + (0 if self.presence > 0.5 else half)
        self.chosen.append(number)
        return self.library[number]


def raw_palms(
    palms: Sequence[TruePalm], size: tuple[int, int], random: np.random.Generator
) -> dict[str, Floats]:
    """Detector outputs in which the eight anchors nearest to each palm find it, more or less:
    boxes (N, 18) in pixels of the input, scores (N, 1) logits."""
    height, width = size
    long = max(size)
    boxes = random.normal(0, 3, (len(ANCHORS), 18))
    scores = random.uniform(-9, -2, (len(ANCHORS), 1))
    margin = ((long - width) / 2 / long, (long - height) / 2 / long)
    for palm in palms:
        centre = np.array((palm.x * width / long + margin[0], palm.y * height / long + margin[1]))
        side = palm.side / long
        cos, sin = cos_sin(palm.turn)
        up, across = np.array((sin, -cos)), np.array((cos, sin))
        points = [centre + side * (a * up + b * across) for a, b in KEYPOINTS]
        near = np.argsort(np.abs(ANCHORS[:, :2] - centre).sum(axis=1), kind="stable")[:8]
        for rank, anchor in enumerate(near):
            wobble = random.normal(0, 0.02 * side, (9, 2))
            at = ANCHORS[anchor, :2]
            boxes[anchor, :2] = (centre + wobble[0] - at) * 48
            boxes[anchor, 2:4] = (side + wobble[1]) * 48
            boxes[anchor, 4:] = ((np.array(points) + wobble[2:] - at) * 48).reshape(-1)
            scores[anchor] = random.uniform(0.5, 4) - 0.2 * rank
    return {"boxes": boxes.astype(np.float32), "scores": scores.astype(np.float32)}


KEYPOINTS = (  # of a palm, in its side: along the fingers, across
    (-0.45, 0.0),
    (0.45, -0.3),
    (0.5, 0.0),
    (0.45, 0.2),
    (0.4, 0.4),
    (-0.3, -0.3),
    (0.0, -0.5),
)


def raw_hand(random: np.random.Generator, presence: float) -> dict[str, Floats]:
    """Landmark outputs of one crop: an upright hand, more or less."""
    points = np.zeros((21, 3))
    points[:, :2] = (UPRIGHT / 100 + random.normal(0, 0.006, (21, 2))) * 40
    points[:, 2] = random.normal(-2, 2, 21)
    world = np.zeros((21, 3))
    world[:, :2] = (UPRIGHT - 50) / 500
    world += random.normal(0, 0.002, (21, 3))
    values = {
        "landmarks": points.reshape(-1),
        "presence": np.array([presence - random.uniform(0, 0.02)]),
        "handedness": np.array([random.uniform(0, 1)]),
        "world_landmarks": world.reshape(-1),
    }
    return {name: value.astype(np.float32) for name, value in values.items()}


def noise(size: tuple[int, int], random: np.random.Generator) -> Image:
    """(H, W, 3) of coloured blotches."""
    import cv2

    coarse = random.integers(0, 256, (size[0] // 6 + 2, size[1] // 6 + 2, 3)).astype(np.uint8)
    found: Any = cv2.resize(coarse, (size[1], size[0]), interpolation=cv2.INTER_NEAREST)
    fine = random.integers(-20, 21, found.shape)
    image: Image = np.clip(found.astype(int) + fine, 0, 255).astype(np.uint8)
    return image


def app_palm_outputs(raw: Mapping[str, Floats]) -> dict[str, Floats]:
    """What the `app` face of a detector gives for raw outputs."""
    boxes, keypoints = decode_boxes(raw["boxes"], ANCHORS, PALM_SPEC.input_size)
    return {"boxes": boxes, "keypoints": keypoints, "scores": decode_scores(raw["scores"])}


def app_hand_outputs(raw: Mapping[str, Floats]) -> dict[str, Floats]:
    """What the `app` face of a landmark model gives for raw outputs."""
    divisor = np.array((40, 40, 40 * HAND_SPEC.z_scale), np.float32)
    return {
        "landmarks": raw["landmarks"].reshape(21, 3) / divisor,
        "presence": raw["presence"],
        "handedness": raw["handedness"],
        "world_landmarks": raw["world_landmarks"].reshape(21, 3),
    }


def case(
    writer: FolderWriter, name: str, size: tuple[int, int], palms: Sequence[TruePalm], seed: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A picture with all its stages, and the records of both models on it."""
    random = np.random.Generator(np.random.PCG64(seed))
    image = noise(size, random)
    recorded = Recorded(random, palms, size)
    models = recorded.models()
    found = detect_palms(models, image)
    hands = find_hands(models, image, found)
    regions = palm_regions(models.palm_rule, found, size)
    regions = [regions[i] for i in distinct(regions)]
    folder = f"cases/{name}"
    entry: dict[str, Any] = {
        "name": name,
        "image": writer.image(f"images/{name}.bgra", image),
        "palms": writer.tensor(f"{folder}/palms.bin", palm_rows(found)),
        "regions": writer.tensor(
            f"{folder}/regions.bin", np.reshape([region_row(r) for r in regions], (-1, 5))
        ),
    }
    stages = {
        "landmarks": (-1, 21, 3),
        "presence": (-1,),
        "handedness": (-1,),
        "world_landmarks": (-1, 21, 3),
    }
    for field_name, shape in stages.items():
        values = np.array([getattr(hand, field_name) for hand in hands], np.float32)
        key = field_name.removesuffix("_landmarks")
        entry[key] = writer.tensor(f"{folder}/{key}.bin", values.reshape(shape))
    records = [
        record(
            writer,
            PALM,
            name,
            name,
            crop_whole(image, PALM_SPEC.input_size)[0],
            app_palm_outputs(recorded.raw[0]),
        )
    ]
    for k, (region, raw) in enumerate(zip(regions, recorded.hands, strict=True)):
        crop = crop_region(image, region, HAND_SPEC.input_size)[0]
        records.append(record(writer, HAND, f"{name}-{k}", name, crop, app_hand_outputs(raw)))
    return entry, records


def record(
    writer: FolderWriter,
    model: str,
    name: str,
    image: str,
    pixels: Image,
    outputs: Mapping[str, Floats],
) -> dict[str, Any]:
    folder = f"records/{model}/{name}"
    return {
        "model": model,
        "name": name,
        "image": image,
        "input": writer.image(f"{folder}.bgra", pixels),
        "outputs": {key: writer.tensor(f"{folder}/{key}.bin", v) for key, v in outputs.items()},
    }


def model(writer: FolderWriter, name: str, kind: str, example: Mapping[str, Any]) -> dict[str, Any]:
    """A package of one file that says that it is none."""
    package = f"models/{''.join(word.title() for word in name.split('-'))}.mlpackage"
    text = json.dumps({"note": "a stand-in: its outputs are recorded, it computes nothing"})
    path = writer.put(f"{package}/Manifest.json", text.encode())
    height, width = (PALM_SPEC if kind == "palm" else HAND_SPEC).input_size
    outputs = example["outputs"].items()
    return {
        "name": name,
        "kind": kind,
        "package": package,
        "sha256": writer.package(package, {"Manifest.json": writer.files[path]}),
        "precision": "fp32",
        "width": width,
        "height": height,
        "outputs": [{"name": key, "shape": value["shape"]} for key, value in outputs],
        "palm": palm_facts(PALM_SPEC) if kind == "palm" else None,
        "hand": {"presence_threshold": HAND_SPEC.presence_threshold} if kind == "hand" else None,
    }


def decoder(
    writer: FolderWriter, name: str, palms: Sequence[TruePalm], seed: int
) -> dict[str, Any]:
    """Raw outputs on a square picture, and the palms in them."""
    random = np.random.Generator(np.random.PCG64(seed))
    raw = raw_palms(palms, (100, 100), random)
    _, box = letterbox(np.zeros((48, 48, 3), np.uint8), (48, 48), (0.0, 1.0))
    found = decode_palms(raw["boxes"], raw["scores"], ANCHORS, PALM_SPEC, box)
    folder = f"decoders/{name}"
    return {
        "name": name,
        "width": 48,
        "height": 48,
        "maps": [list(head) for head in HEADS],
        "facts": palm_facts(PALM_SPEC),
        "raw": writer.tensor(f"{folder}/raw.bin", raw["boxes"]),
        "logits": writer.tensor(f"{folder}/logits.bin", raw["scores"][:, 0]),
        "palms": writer.tensor(f"{folder}/palms.bin", palm_rows(found)),
    }


def script(frame: int) -> tuple[list[TruePalm], float]:
    """Who is in view in a frame, and how present: hands come, move, meet, leave, are lost."""
    t = frame / FRAMES
    palms = [TruePalm(0.3 + 0.2 * t, 0.6, 42, 25 * cos_sin(math.degrees(7 * t))[1])]
    if 100 <= frame < 170:
        palms.append(TruePalm(0.75, 0.55, 38, -170 + 60 * t))
    if 230 <= frame < 240:
        palms.append(TruePalm(palms[0].x + 0.05, 0.6, 40, 0.0))  # the same hand twice
    if 182 <= frame < 190:
        palms = []
    return palms, 0.3 if frame % 37 == 36 else 0.97


def sequence(writer: FolderWriter) -> dict[str, Any]:
    """300 frames through the tracker; hands are kept of every tenth frame."""
    random = np.random.Generator(np.random.PCG64(300))
    library = [raw_hand(random, 0.97 if i < 24 else 0.3) for i in range(48)]
    size = (120, 160)
    recorded = Recorded(random, size=size, library=library)
    spy = Spy(recorded)
    palm_table, region_table, hand_table = [], [], []
    blank = np.zeros((*size, 3), np.uint8)
    for frame in range(FRAMES):
        recorded.palms, recorded.presence = script(frame)
        palms, regions, chosen, hands = spy.frame(blank)
        palm_table += [(frame, *row) for row in palms]
        for index, (region, number) in enumerate(zip(regions, chosen, strict=True)):
            region_table.append((frame, index, number, *region_row(region)))
        if frame % 10 == 0:
            hand_table += [(frame, i, *h.landmarks.reshape(-1)) for i, h in enumerate(hands)]
    outputs = [
        (*app_hand_outputs(raw)["landmarks"].reshape(-1), raw["presence"][0]) for raw in library
    ]
    folder = "sequences/walk"
    return {
        "name": "walk",
        "width": size[1],
        "height": size[0],
        "frames": FRAMES,
        "maximum_hands": MAX_HANDS,
        "palms": writer.tensor(f"{folder}/palms.bin", np.reshape(palm_table, (-1, 20))),
        "outputs": writer.tensor(f"{folder}/outputs.bin", np.reshape(outputs, (-1, 64))),
        "regions": writer.tensor(f"{folder}/regions.bin", np.reshape(region_table, (-1, 8))),
        "hands": writer.tensor(f"{folder}/hands.bin", np.reshape(hand_table, (-1, 65))),
    }


Frame = tuple[NDArray[np.float64], list[Region], list[int], tuple[Hand, ...]]


class Spy:
    """The tracker, and what goes on inside it: the palms and regions of each frame are worked
    out beside it from the same random state."""

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded
        self.tracker = HandTracker(recorded.models(), MAX_HANDS)
        self.last: list[Region] = []

    def frame(self, image: Image) -> Frame:
        recorded, models, size = self.recorded, self.tracker.models, image.shape[:2]
        state = recorded.random.bit_generator.state
        detected = np.zeros((0, 19))
        regions: list[Region] = []
        if len(self.last) < MAX_HANDS:
            palms = detect_palms(models, image)
            detected = palm_rows(palms)
            regions = palm_regions(models.palm_rule, best(palms, MAX_HANDS), size)
        regions += self.last
        regions = [regions[i] for i in distinct(regions)]
        recorded.random.bit_generator.state = state
        recorded.chosen.clear()
        hands = self.tracker(image)
        rule = models.tracking_rule
        self.last = [region_from_landmarks(hand.landmarks, size, rule) for hand in hands]
        return detected, regions, list(recorded.chosen), hands


def cases() -> Iterator[tuple[str, tuple[int, int], tuple[TruePalm, ...]]]:
    yield "one", (48, 64), (TruePalm(0.5, 0.6, 14, 20),)
    yield "two", (60, 80), (TruePalm(0.28, 0.6, 16, -35), TruePalm(0.75, 0.5, 15, 170))
    yield "edge", (61, 47), (TruePalm(0.9, 0.3, 16, 95),)
    yield "none", (40, 40), ()


def make(folder: Path) -> None:
    """Writes the fixtures to `folder`, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    writer = FolderWriter(folder)
    entries, records = [], []
    for seed, (name, size, palms) in enumerate(cases()):
        entry, own = case(writer, name, size, palms, seed)
        entries.append(entry)
        records += own
    by_model = {name: next(r for r in records if r["model"] == name) for name in (PALM, HAND)}
    many = [TruePalm(0.3, 0.4, 30, 0), TruePalm(0.36, 0.42, 28, 15), TruePalm(0.8, 0.7, 20, 200)]
    manifest = {
        "commit": None,
        "models": [
            model(writer, PALM, "palm", by_model[PALM]),
            model(writer, HAND, "hand", by_model[HAND]),
        ],
        "pipeline": {"palm": PALM, "hand": HAND, "maximum_hands": MAX_HANDS},
        "cases": entries,
        "records": records,
        "decoders": [decoder(writer, "crowd", many, 50), decoder(writer, "nobody", [], 51)],
        "sequences": [sequence(writer)],
    }
    writer.manifest(manifest)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
