"""One golden picture becomes its part of the iOS fixtures: the picture, the inputs of every model
with the outputs for them, and what the pipeline says of each stage.

Detectors come first: where they point, the landmark models look.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blazepalm.models.crop import crop_whole
from blazepalm.models.decode import Palms
from blazepalm.models.hand_pipeline import Hand, best, find_hands
from blazepalm.models.regions import distinct
from blazepalm.models.spec import HandLandmarksSpec
from blazepalm.reports.chain import PalmRules
from blazepalm.reports.fixtures_folder import Entry, FolderWriter
from blazepalm.reports.ios_models import (
    NO_MARGIN,
    AppModel,
    Outputs,
    Pixels,
    as_pixels,
    hand_models,
    palms_in,
    pipeline_outputs,
)
from blazepalm.reports.ios_sequence import palm_regions, palm_rows, region_row

MAXIMUM_HANDS = 2


@dataclass
class CaseExport:
    """One picture on its way through every model. `records` grow; `seen` is what was recorded of
    each detector.
    """

    writer: FolderWriter
    name: str
    image: Pixels
    replay: bool
    records: list[Entry] = field(default_factory=list)
    seen: dict[str, Outputs] = field(default_factory=dict)

    def stages(self, palm: AppModel, hand: AppModel | None) -> Entry:
        """The picture, and what the pipeline says of it."""
        folder = f"cases/{self.name}"
        palms = self._palms(palm)
        assert isinstance(palm.rules, PalmRules)
        regions = palm_regions(palm.rules.region, best(palms, MAXIMUM_HANDS), self.image.shape)
        looked = [r for r in (regions[i] for i in distinct(regions)) if r.proper]
        table = np.reshape([region_row(region) for region in looked], (-1, 5))
        entry: Entry = {
            "name": self.name,
            "image": self.writer.image(f"images/{self.name}.bgra", self.image),
            "palms": self.writer.tensor(f"{folder}/palms.bin", palm_rows(palms)),
            "regions": self.writer.tensor(f"{folder}/regions.bin", table),
            **dict.fromkeys(("landmarks", "presence", "handedness", "world")),
        }
        if hand is None:
            return entry
        for key, values in _stacked(self.look(palm, hand), hand).items():
            entry[key] = self.writer.tensor(f"{folder}/{key}.bin", values)
        return entry

    def detect(self, palm: AppModel) -> Outputs:
        """What is recorded of a detector on the picture."""
        if palm.name not in self.seen:
            pixels, _ = crop_whole(self.image, palm.size)
            self.seen[palm.name] = self._record(palm, self.name, pixels)
        return self.seen[palm.name]

    def look(self, palm: AppModel, hand: AppModel) -> tuple[Hand, ...]:
        """The hands that a landmark model finds where the detector points; records each look."""
        spec = hand.rules.spec
        assert isinstance(spec, HandLandmarksSpec)

        def landmarks(images: NDArray[np.float32]) -> Mapping[str, NDArray[Any]]:
            rows = []
            for number, pixels in enumerate(as_pixels(images, spec.value_range)):
                found = self._record(hand, f"{self.name}-{number}", pixels)
                rows.append(pipeline_outputs(found, spec))
            return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}

        palms = best(self._palms(palm), MAXIMUM_HANDS)
        return find_hands(hand_models(palm, hand, _nobody, landmarks), self.image, palms)

    def decoder(self, palm: AppModel) -> Entry:
        """LiteRT's raw outputs on the picture, and the palms in them."""
        assert isinstance(palm.rules, PalmRules)
        spec, name = palm.rules.spec, f"{palm.name}-{self.name}"
        raw = palm.raw(crop_whole(self.image, palm.size)[0])
        folder = f"decoders/{name}"
        return {
            "name": name,
            "width": spec.input_size[1],
            "height": spec.input_size[0],
            "maps": [[*head.size, head.anchors_per_cell] for head in spec.heads],
            "facts": palm.entry["palm"],
            "raw": self.writer.tensor(f"{folder}/raw.bin", raw["boxes"][0]),
            "logits": self.writer.tensor(f"{folder}/logits.bin", raw["scores"].reshape(-1)),
            "palms": self.writer.tensor(
                f"{folder}/palms.bin", palm_rows(palm.rules.suppress(raw, NO_MARGIN))
            ),
        }

    def _palms(self, palm: AppModel) -> Palms:
        assert isinstance(palm.rules, PalmRules)
        _, box = crop_whole(self.image, palm.size)
        return palms_in(palm.rules, self.detect(palm), box)

    def _record(self, model: AppModel, name: str, pixels: Pixels) -> Outputs:
        """Writes one input with the outputs for it; returns those that are recorded."""
        folder = f"records/{model.name}/{name}"
        reference = model.reference(pixels)
        recorded = model.executed(pixels) if self.replay else reference
        expected = self._tensors(f"{folder}/reference" if self.replay else folder, reference)
        self.records.append(
            {
                "model": model.name,
                "name": name,
                "image": self.name,
                "input": self.writer.image(f"{folder}.bgra", pixels),
                "outputs": self._tensors(folder, recorded) if self.replay else expected,
                "reference": expected,
            }
        )
        return recorded

    def _tensors(self, folder: str, values: Outputs) -> Entry:
        return {
            name: self.writer.tensor(f"{folder}/{name}.bin", value)
            for name, value in values.items()
        }


def _stacked(hands: Sequence[Hand], model: AppModel) -> dict[str, NDArray[np.float32]]:
    """What the pipeline says of each hand, one array a stage."""
    shapes = {"landmarks": (21, 3), "presence": (), "handedness": (), "world_landmarks": (21, 3)}
    said = {port["name"] for port in model.entry["outputs"]}
    return {
        name.removesuffix("_landmarks"): np.reshape(
            np.array([getattr(hand, name) for hand in hands], np.float32), (-1, *shape)
        )
        for name, shape in shapes.items()
        if name in said
    }


def _nobody(images: NDArray[np.float32]) -> Mapping[str, NDArray[Any]]:
    raise AssertionError("this network is not asked")
