"""How far a network with changed weights is from itself, in shares of the task's limits.

It runs the face that ships (`converter.coreml.faces`) in torch and float32 on pictures, and
compares what it finds with parity's own comparisons. A share of 1 is a limit reached.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from blazepalm.converter.convert import module_of
from blazepalm.converter.converted import Converted
from blazepalm.errors import CouldNotVerify
from blazepalm.models.crop import Letterbox
from blazepalm.models.releases import generation_of
from blazepalm.models.spec import HandLandmarksSpec, PalmDetectorSpec
from blazepalm.reports.compare import rows
from blazepalm.reports.compare.hands import Scalars, compare_detections, compare_landmarks
from blazepalm.reports.judge.limit_usage import share
from blazepalm.reports.judge.policy import Limits
from blazepalm.reports.judge.task_limits import TASK_LIMITS
from blazepalm.reports.stages.stages import HandRules, PalmRules
from blazepalm.reports.stages.ties import find_ties

if TYPE_CHECKING:
    from torch import nn

COMPANION = "palm-full"  # finds the hands for a landmark model
GREY = 255
FAR = (2, 4)  # a detector also sees each picture so many times smaller, framed in black
PIXELS = (("landmarks", "largest error"), ("boxes", "centre error"), ("boxes", "size error"))

Image = NDArray[np.uint8]
Answer = dict[str, NDArray[Any]]  # a face's outputs for one input, by port


class Cost(NamedTuple):
    """`used`: the largest share of a limit (also by depth and world landmarks), infinite if a
    detection was lost or a probability crossed its threshold; `pixels`: the largest error of a
    landmark, or of a box's centre or size, in pixels of the input; `iou`: the least of a box, None
    for landmarks.
    """

    used: float
    pixels: float
    iou: float | None = None


class Measure:
    """One model and its pictures. `answers` runs a face on all of them, `cost` compares two runs;
    `face` is what such a face is called.
    """

    def __init__(self, model: Converted, images: Sequence[Image], limits: Limits) -> None:
        """Raises CouldNotVerify if the model is no hand model or finds nothing in the images."""
        if model.recognition is None:
            raise CouldNotVerify(
                f"{model.graph.source}: only the task can measure compression: it needs a palm "
                "detector or a landmark model"
            )
        self.limits = limits
        self.source = model.graph.source
        spec = model.recognition.spec
        if isinstance(spec, PalmDetectorSpec):
            self.face = "app"
            self.rules: PalmRules | HandRules = _palm_rules(model)
            self.inputs = self._pictures(images)
        else:
            self.face = "batch"
            self.rules = HandRules(spec)
            self.inputs = self._crops(images)
        if not self.inputs:
            raise CouldNotVerify(f"{self.source}: finds no hand in the pictures to measure on")

    def answers(
        self, face: "nn.Module", ports: Sequence[str], few: int | None = None
    ) -> list[Answer]:
        """What a face (of `Measure.face`) gives for each input, or for the first `few`; `ports` are
        its outputs.
        """
        import torch

        found: list[Answer] = []
        inputs = self.inputs[:few]
        batch = len(inputs) if self.face == "batch" else 1
        with torch.inference_mode():
            for start in range(0, len(inputs), batch):
                levels = np.stack([item[0] for item in inputs[start : start + batch]])
                values = face(torch.from_numpy(levels.transpose(0, 3, 1, 2).copy()))
                whole = {name: v.numpy() for name, v in zip(ports, values, strict=True)}
                if self.face == "app":
                    found.append(whole)
                else:
                    count = len(levels)
                    found += [{n: v[i] for n, v in whole.items()} for i in range(count)]
        return found

    def cost(self, reference: Sequence[Answer], candidate: Sequence[Answer]) -> Cost:
        """The largest over all inputs of the candidate, the first ones of the reference."""
        pairs = zip(self.inputs, reference, candidate, strict=False)
        return worst([self.cost_of(*pair) for pair in pairs])

    def cost_of(self, item: tuple[Any, ...], reference: Answer, candidate: Answer) -> Cost:
        """The cost on one of `inputs`."""
        if not all(np.isfinite(value).all() for value in candidate.values()):
            return Cost(math.inf, math.inf)
        if isinstance(self.rules, PalmRules):
            scalars, stage = self._boxes(item, reference, candidate), rows.SUPPRESSED
        else:
            scalars, stage = self._landmarks(item[1], reference, candidate), rows.LANDMARKS
        errors = [scalars[name].value for name in PIXELS if name in scalars]
        most = max(used(scalars, stage, self.limits), self._unjudged(scalars, reference))
        overlap = scalars.get(("boxes", "IoU"))
        return Cost(most, max(errors, default=0.0), None if overlap is None else overlap.value)

    def decoded(self, raw: Mapping[str, NDArray[Any]]) -> Answer:
        """A network's own outputs for one image → those of a face, which `cost_of` compares."""
        if isinstance(self.rules, PalmRules):
            points, scores = self.rules.decode(raw)
            keypoints = points[:, 4:].reshape(len(points), -1, 2)
            return {"boxes": points[:, :4], "keypoints": keypoints, "scores": scores}
        height, width = self.rules.spec.input_size
        unit = np.array((width, height, width * self.rules.spec.z_scale), np.float32)
        found: Answer = {name: np.asarray(value).reshape(-1) for name, value in raw.items()}
        for name in ("landmarks", "world_landmarks"):
            if name in found:
                found[name] = found[name].reshape(-1, 3)
        return {**found, "landmarks": found["landmarks"] / unit}

    def images(self) -> Iterator[NDArray[np.float32]]:
        """The inputs as a network takes them: (1, H, W, 3) in its value range."""
        low, high = self.rules.spec.value_range
        for levels, *_ in self.inputs:
            yield (levels * np.float32((high - low) / GREY) + np.float32(low))[None]

    def _unjudged(self, scalars: Scalars, reference: Answer) -> float:
        """The share that depth and world landmarks use, for which the task has no limit: it is that
        of a landmark, in pixels and, for metres, as the same share of the hand's extent.
        """
        limit = self.limits.landmarks_max_px
        shares = [0.0]
        if (depth := scalars.get(("landmarks z", "largest error"))) is not None:
            shares.append(depth.value / limit)
        if (world := scalars.get(("world_landmarks", "largest error"))) is not None:
            assert isinstance(self.rules, HandRules)
            width = self.rules.spec.input_size[1]
            pixels = _extent(reference["landmarks"]) * width
            millimetres = _extent(reference["world_landmarks"]) * 1000
            shares.append(world.value / millimetres / (limit / pixels))
        return max(shares)

    def _boxes(self, item: tuple[Any, ...], reference: Answer, candidate: Answer) -> Scalars:
        assert isinstance(self.rules, PalmRules)
        _, box, size = item
        spec = self.rules.spec
        palms = [self.rules.suppress_decoded(a, box) for a in (reference, candidate)]
        decoded = [self.rules.read_decoded(a) for a in (reference, candidate)]
        scale = max(spec.input_size) / max(size)
        mine, theirs = ((p.boxes.astype(np.float64), p.scores.astype(np.float64)) for p in palms)
        return compare_detections(
            mine,
            theirs,
            threshold=spec.score_threshold,
            margin=self.limits.margin,
            pixels=(size[1] * scale, size[0] * scale),
            ties=find_ties(decoded[0], decoded[1], spec, self.limits.margin),
        ).scalars

    def _landmarks(self, box: Letterbox, reference: Answer, candidate: Answer) -> Scalars:
        assert isinstance(self.rules, HandRules)
        spec = self.rules.spec
        mine, theirs = (self.rules.read_decoded(a, box)._asdict() for a in (reference, candidate))
        height, width = spec.input_size
        return compare_landmarks(
            mine,
            theirs,
            pixels=(float(width), float(height)),
            thresholds={"presence": spec.presence_threshold, "handedness": 0.5},
            margin=self.limits.margin,
        )

    def _pictures(self, images: Sequence[Image]) -> list[tuple[Any, ...]]:
        """Also from afar: a small box loses most, and photographs have smaller palms."""
        assert isinstance(self.rules, PalmRules)
        found: list[tuple[Any, ...]] = []
        for image in [*images, *(framed(one, times) for times in FAR for one in images)]:
            tensor, box = self.rules.prepare(image)
            levels = as_levels(tensor[0], self.rules.spec.value_range)
            found.append((levels, box, image.shape[:2]))
        return found

    def _crops(self, images: Sequence[Image]) -> list[tuple[Any, ...]]:
        """Of the hands that `COMPANION` finds."""
        assert isinstance(self.rules, HandRules)
        spec: HandLandmarksSpec = self.rules.spec
        from blazepalm.models.runners import torch_runner

        detector = module_of(COMPANION)
        rules = _palm_rules(detector)
        run = torch_runner(detector.module)
        found: list[tuple[Any, ...]] = []
        for image in images:
            tensor, box = rules.prepare(image)
            palms = rules.suppress(run(tensor), box)
            for region in rules.locate(palms, (image.shape[0], image.shape[1])).regions:
                crop, place = self.rules.crop(image, region)
                found.append((as_levels(crop[0], spec.value_range), place))
        return found


def worst(costs: Sequence[Cost]) -> Cost:
    """The largest of each number, the least overlap."""
    overlaps = [c.iou for c in costs if c.iou is not None]
    least = min(overlaps) if overlaps else None
    return Cost(max(c.used for c in costs), max(c.pixels for c in costs), least)


def framed(image: Image, times: int) -> Image:
    """The picture in the middle of a black one that is so many times as high and wide."""
    height, width = image.shape[:2]
    frame = np.zeros((height * times, width * times, 3), np.uint8)
    top, left = (height * times - height) // 2, (width * times - width) // 2
    frame[top : top + height, left : left + width] = image
    return frame


def as_levels(values: NDArray[np.float32], value_range: tuple[float, float]) -> NDArray[np.float32]:
    """Pixels in the value range → grey levels 0..255, which the shipped faces take."""
    low, high = value_range
    levels: NDArray[np.float32] = np.rint((values - low) * (GREY / (high - low)))
    return levels.clip(0, GREY).astype(np.float32)


def _extent(points: NDArray[Any]) -> float:
    """The larger of a hand's width and height, in the unit of its points."""
    plane = points.reshape(-1, 3)[:, :2].astype(np.float64)
    return float(np.ptp(plane, axis=0).max())


def used(scalars: Scalars, stage: str, limits: Limits) -> float:
    """The largest share of a limit that any of the numbers uses."""
    judged = ((name, TASK_LIMITS.get((stage, *name))) for name in scalars)
    shares = [share(name[1], scalars[name].value, of(limits)) for name, of in judged if of]
    return max([0.0, *shares])


def _palm_rules(model: Converted) -> PalmRules:
    assert model.recognition is not None
    spec = model.recognition.spec
    assert isinstance(spec, PalmDetectorSpec)
    anchors: Any = model.module.anchors
    region = generation_of(spec.generation, "palm").roi
    return PalmRules(spec, anchors.detach().float().numpy().copy(), region)
