"""Releases become what the iOS fixtures hold of them: the Core ML package that an app ships
(face `app`), its facts, and two ways to run it on a picture of 8 bits here.

`reference` is LiteRT on the file itself, decoded by the pipeline to what the package gives;
`executed` is the saved package, run by blazepalm (`reports.backends.mil`), not by Apple.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.models.crop import Letterbox, to_range
from blazepalm.models.decode import Palms
from blazepalm.models.errors import InvalidModel
from blazepalm.models.hand_pipeline import HandModels, Runner
from blazepalm.models.spec import HandLandmarksSpec, PalmDetectorSpec
from blazepalm.reports.backends.hand_models import OpenModel, detector_anchors, open_model
from blazepalm.reports.chain import HandRules, PalmRules
from blazepalm.reports.fixtures_folder import Entry, FolderWriter
from blazepalm.reports.names import file_name

Pixels = NDArray[np.uint8]
Outputs = dict[str, NDArray[np.float32]]  # by the package's names, in its shapes
Run = Callable[[Pixels], Outputs]  # (H, W, 3) RGB of the model's size

NO_MARGIN = Letterbox(0.0, 0.0)


@dataclass(frozen=True)
class AppModel:
    """One model of the fixtures; `entry` is its part of the manifest."""

    entry: Entry
    opened: OpenModel
    rules: PalmRules | HandRules
    package: Path

    @property
    def name(self) -> str:
        return self.opened.name

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the input."""
        return self.rules.spec.input_size

    def raw(self, pixels: Pixels) -> Outputs:
        """LiteRT's own outputs, under their readable names."""
        images = to_range(pixels[None], self.rules.spec.value_range)
        return dict(self.opened.run(images))

    def reference(self, pixels: Pixels) -> Outputs:
        """LiteRT's outputs as the package gives them."""
        rules, raw = self.rules, self.raw(pixels)
        if isinstance(rules, PalmRules):
            points, scores = rules.decode(raw)
            keypoints = points[:, 4:].reshape(len(points), rules.spec.keypoints, 2)
            found: dict[str, Any] = {
                "boxes": points[:, :4],
                "keypoints": keypoints,
                "scores": scores,
            }
        else:
            found = {
                name: value
                for name, value in rules.read(raw, NO_MARGIN)._asdict().items()
                if value is not None
            }
        return {
            port["name"]: np.asarray(found[port["name"]], np.float32).reshape(port["shape"])
            for port in self.entry["outputs"]
        }

    def executed(self, pixels: Pixels) -> Outputs:
        """The saved package's outputs."""
        (feature,) = self._program.inputs
        found = self._program.run({feature.name: pixels})
        return {
            port["name"]: found[port["name"]].astype(np.float32) for port in self.entry["outputs"]
        }

    @cached_property
    def _program(self) -> Any:
        from blazepalm.reports.backends import mil

        return mil.load(self.package)


def open_models(
    names: Sequence[str], writer: FolderWriter, precision: str, on_model: Callable[[str], None]
) -> list[AppModel]:
    """Exports each package into the folder and opens it. Raises BlazePalmError for a model that
    cannot be converted, or is of no known family.
    """
    found: list[AppModel] = []
    for name in names:
        on_model(name)
        found.append(_open(name, writer, precision, [model.name for model in found]))
    return found


def palms_in(rules: PalmRules, outputs: Outputs, box: Letterbox) -> Palms:
    """The palms of a picture, from what the package gave for it; `box` as for `decode_palms`."""
    return rules.suppress_decoded(outputs, box)


def hand_models(palm: AppModel, hand: AppModel, detector: Runner, landmarks: Runner) -> HandModels:
    """Both networks as the pipeline takes them, run by the functions given."""
    assert isinstance(palm.rules, PalmRules) and isinstance(hand.rules, HandRules)
    return HandModels(
        detector=detector,
        detector_spec=palm.rules.spec,
        anchors=palm.rules.anchors,
        landmarks=landmarks,
        landmarks_spec=hand.rules.spec,
        palm_rule=palm.rules.region,
        tracking_rule=hand.opened.generation.roi,
    )


def pipeline_outputs(outputs: Outputs, spec: HandLandmarksSpec) -> Outputs:
    """A landmark package's outputs in the units of the TFLite file, one row each, as
    `decode_hand` reads them.
    """
    height, width = spec.input_size
    scale = np.array((width, height, width * spec.z_scale), np.float32)
    return {
        name: (value * scale if name == "landmarks" else value).reshape(1, -1)
        for name, value in outputs.items()
    }


def as_pixels(images: NDArray[np.float32], value_range: tuple[float, float]) -> Pixels:
    """The inverse of `models.crop.to_range`: the whole grey levels again."""
    low, high = value_range
    levels = np.rint((images - low) * (255 / (high - low)))
    pixels: Pixels = np.clip(levels, 0, 255).astype(np.uint8)
    return pixels


def _open(name: str, writer: FolderWriter, precision: str, taken: Sequence[str]) -> AppModel:
    from blazepalm.converter.convert import module_of
    from blazepalm.converter.coreml.export import export
    from blazepalm.converter.coreml.options import CoreMLOptions

    options = CoreMLOptions(face="app", precision=precision)  # checked before the work
    converted = module_of(name)
    if converted.recognition is None:
        raise InvalidModel(f"{name}: is of no known family; the harness finds hands with releases")
    family = converted.recognition.family
    opened = open_model(converted, family, "tflite")
    if opened.name in taken:
        raise InvalidModel(f"{name}: the models hold {opened.name} twice; name it once")
    spec, folder = opened.spec, f"models/{file_name(opened.name)}"
    record = export(converted, writer.folder / folder, options)
    package = f"{folder}/{record.name}"
    entry: Entry = {
        "name": opened.name,
        "kind": family,
        "package": package,
        "sha256": writer.package(package, record.files),
        "precision": precision,
        "width": spec.input_size[1],
        "height": spec.input_size[0],
        "outputs": [{"name": p.name, "shape": list(p.shape)} for p in record.outputs],
        "palm": _palm_facts(spec) if isinstance(spec, PalmDetectorSpec) else None,
        "hand": (
            {"presence_threshold": spec.presence_threshold}
            if isinstance(spec, HandLandmarksSpec)
            else None
        ),
    }
    rules: PalmRules | HandRules
    if isinstance(spec, PalmDetectorSpec):
        rules = PalmRules(spec, detector_anchors(spec), opened.generation.roi)
    else:
        rules = HandRules(spec)
    return AppModel(entry, opened, rules, writer.folder / package)


def _palm_facts(spec: PalmDetectorSpec) -> Entry:
    return {
        "anchors": spec.anchors,
        "keypoints": spec.keypoints,
        "score_threshold": spec.score_threshold,
        "suppression_iou": spec.suppression_iou,
    }
