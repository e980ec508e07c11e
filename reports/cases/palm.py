"""Compares a detector's stages on one image across backends: letterbox, network, decoding,
suppression, regions.

The reference is LiteRT with its default kernels. A candidate runs twice: each stage on
the reference's input (`isolated`), and all stages from the image on (`cascade`). A stage that
shares the reference's function also shares its value and is not computed again.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from blazepalm.errors import ProcessDied
from blazepalm.models.crop import Letterbox
from blazepalm.models.decode import Palms
from blazepalm.models.regions import Region
from blazepalm.models.spec import PalmDetectorSpec
from blazepalm.reports.backends.names import GENERIC, ORACLE, TFLITE, TFLITE_REF
from blazepalm.reports.cases.raw import add_scalars, compare_raw, record_death, timed
from blazepalm.reports.cases.sensitivity import (
    AllowedBoxes,
    allowed_boxes,
    is_near_limit,
    noisy_outputs,
)
from blazepalm.reports.cases.truth import measure_palms
from blazepalm.reports.compare import rows
from blazepalm.reports.compare.hands import Detections, Scalars, compare_detections
from blazepalm.reports.compare.matching import Ties
from blazepalm.reports.compare.record import Record
from blazepalm.reports.compare.rows import CASCADE, ISOLATED, Key, Scalar
from blazepalm.reports.compare.tensors import TensorDifference, compare, identical, measure_range
from blazepalm.reports.judge.policy import Limits
from blazepalm.reports.stages.stages import Decoded, Floats, Located, PalmChain, PalmRules, Raw
from blazepalm.reports.stages.ties import find_ties
from blazepalm.reports.subjects.subject import Subject

POINTS, SCORES = "boxes and keypoints", "probabilities"


@dataclass(frozen=True)
class _Way:
    """One backend's values for an image, stage by stage."""

    tensor: Floats
    box: Letterbox
    raw: Raw
    decoded: Decoded
    palms: Palms
    located: Located


def locate_hands(palm: Subject, image: np.ndarray) -> Located:
    """The reference's hand regions, without comparing anything."""
    chain = palm.palm_chain(TFLITE)
    tensor, box = chain.prepare(image)
    return chain.locate(chain.suppress(chain.run(tensor), box), image.shape[:2])


def walk_palm(
    record: Record, palm: Subject, image: np.ndarray, *, keep_raw: bool, limits: Limits
) -> dict[str, Located]:
    """Compares every backend on one image. Returns each one's hand regions; an empty
    dict if the reference itself gives no output.
    """
    return _PalmWalk(record, palm, image, limits).compare(keep_raw)


class _PalmWalk:
    def __init__(self, record: Record, palm: Subject, image: np.ndarray, limits: Limits) -> None:
        assert isinstance(palm.rules, PalmRules)
        self.record, self.palm, self.image, self.limits = record, palm, image, limits
        self.spec: PalmDetectorSpec = palm.rules.spec
        self.size = (image.shape[0], image.shape[1])
        self.reference = palm.palm_chain(TFLITE)
        self.same: dict[
            tuple[str, str], TensorDifference
        ] = {}  # (stage, output) → the reference itself
        self.noise: list[Detections] | None = None  # not measured yet

    def compare(self, keep_raw: bool) -> dict[str, Located]:
        tensor, box = self.reference.prepare(self.image)
        raws = compare_raw(self.record, self.palm, tensor, self.record.case, keep_raw=keep_raw)
        if TFLITE not in raws:
            return {}
        ways = {TFLITE: self._way(self.reference, tensor, box, raws[TFLITE])}
        measure_palms(self.record, self.palm, ways[TFLITE].palms, self.size)
        decoded = {
            name: self.reference.decode(raws[name]) for name in (ORACLE, TFLITE_REF) if name in raws
        }
        for name in self.palm.candidates:
            if name in self.record.spared or (name not in raws and name not in self.palm.apps):
                continue
            chain = self.palm.palm_chain(name)
            same = chain.prepare == self.reference.prepare
            own, own_box = (tensor, box) if same else chain.prepare(self.image)
            self._stage(rows.LETTERBOX, "pixels", name, tensor, None if same else own)
            self._isolated(name, chain, ways[TFLITE])
            try:
                if name in raws and (same or np.array_equal(own, tensor)):
                    raw = raws[name]
                else:
                    raw = timed(self.record, self.palm, name, lambda c=chain, x=own: c.run(x))  # type: ignore[misc]
            except ProcessDied as error:
                record_death(self.record, self.palm, name, self.record.case, error)
                continue
            way = self._way(chain, own, own_box, raw)
            ways[name] = replace(way, located=self._cascade(name, ways[TFLITE], way))
        self._decoded({**{name: way.decoded for name, way in ways.items()}, **decoded})
        return {name: way.located for name, way in ways.items()}

    def _way(self, chain: PalmChain, tensor: Floats, box: Letterbox, raw: Raw) -> _Way:
        palms = chain.suppress(raw, box)
        located = chain.locate(palms, self.size)
        return _Way(tensor, box, raw, chain.decode(raw), palms, located)

    def _isolated(self, name: str, chain: PalmChain, way: _Way) -> None:
        """Compares the stages after the network, each on the reference's input."""
        reference, size = self.reference, self.size
        if not chain.decodes:
            same = chain.decode == reference.decode
            decoded = None if same else chain.decode(way.raw)
            for output, index in ((POINTS, 0), (SCORES, 1)):
                value = None if decoded is None else decoded[index]
                self._stage(rows.DECODED, output, name, way.decoded[index], value)
            same = chain.suppress == reference.suppress
            found = None if same else chain.suppress(way.raw, way.box).boxes
            self._stage(rows.SUPPRESSED, POINTS, name, way.palms.boxes, found)
        same = chain.locate == reference.locate
        regions = None if same else _as_array(chain.locate(way.palms, size).regions)
        self._stage(rows.REGION, "region", name, _as_array(way.located.regions), regions)

    def _stage(
        self, stage: str, output: str, name: str, value: np.ndarray, own: np.ndarray | None
    ) -> None:
        """Records a stage; `own` is None if it shares the reference's function and input."""
        key = Key(self.palm.name, stage, ISOLATED, output, name, TFLITE)
        if own is None:
            if (stage, output) not in self.same:
                self.same[stage, output] = identical(value)
            part = self.same[stage, output]
        else:
            part = compare(value, own)
        self.record.entries.append((key, self.record.case, part))

    def _cascade(self, name: str, reference: _Way, own: _Way) -> Located:
        """Compares the detections. Returns the backend's regions, the tied ones marked."""
        found, ties = self._detections(reference, own.palms, own.decoded)
        allowed = AllowedBoxes(found.scalars, frozenset(), frozenset())
        by_task = self.palm.registration(name).by_task
        if by_task and is_near_limit(found.scalars, rows.SUPPRESSED, self.limits):
            allowed = allowed_boxes(found, self._noise(reference), self.limits.iou)
        regions = _region_errors(reference.located.regions, own.located.regions)
        for stage, scalars in ((rows.SUPPRESSED, allowed.scalars), (rows.REGION, regions)):
            where = (self.palm.name, stage, CASCADE, name)
            add_scalars(self.record, where, self.record.case, scalars)
        there = ties.boxes.keys() | ties.missing | allowed.reference
        return own.located._replace(
            tied=_of_palms(own.located, ties.extra | allowed.candidate),
            reference_tied=_of_palms(reference.located, there),
        )

    def _detections(
        self, reference: _Way, palms: Palms, decoded: Decoded
    ) -> tuple[Detections, Ties]:
        scale = max(self.palm.input_shape[1:3]) / max(self.size)
        ties = find_ties(reference.decoded, decoded, self.spec, self.limits.margin)
        found = compare_detections(
            _boxes(reference.palms),
            _boxes(palms),
            threshold=self.spec.score_threshold,
            margin=self.limits.margin,
            pixels=(self.size[1] * scale, self.size[0] * scale),
            ties=ties,
        )
        return found, ties

    def _noise(self, reference: _Way) -> list[Detections]:
        """float32's detections with noise, against the reference's without."""
        if self.noise is None:
            raws = noisy_outputs(self.palm, reference.tensor)
            suppress, decode = self.reference.suppress, self.reference.decode
            self.noise = [
                self._detections(reference, suppress(raw, reference.box), decode(raw))[0]
                for raw in raws
            ]
        return self.noise

    def _decoded(self, decoded: Mapping[str, Decoded]) -> None:
        pairs = [pair for pair in self.palm.raw_pairs if GENERIC not in pair]
        pairs += [(name, ORACLE) for name in self.palm.apps]
        for candidate, reference in pairs:
            if candidate not in decoded or reference not in decoded:
                continue
            for output, index in ((POINTS, 0), (SCORES, 1)):
                key = Key(self.palm.name, rows.DECODED, CASCADE, output, candidate, reference)
                part = compare(decoded[reference][index], decoded[candidate][index])
                self.record.entries.append((key, self.record.case, part))
        for name in (ORACLE, TFLITE, *self.palm.candidates):
            for output, value in zip((POINTS, SCORES), decoded.get(name, ()), strict=False):
                tensor_range = measure_range(value)
                if tensor_range is not None:
                    place = (self.palm.name, rows.DECODED, name, output)
                    self.record.ranges.append((*place, tensor_range))


def _region_errors(reference: list[Region], candidate: list[Region]) -> Scalars:
    """Region errors, in the detections' order; the suppressed set shows a differing count."""
    if len(reference) != len(candidate) or not reference:
        return {}
    error = np.abs(_as_array(candidate) - _as_array(reference))
    turn = error[:, 4] % (2 * np.pi)
    error[:, 4] = np.minimum(turn, 2 * np.pi - turn)
    return {
        ("region", "position error"): Scalar(float(error[:, :4].max()), rows.MAX, "image sides"),
        ("region", "rotation error"): Scalar(
            float(np.degrees(error[:, 4].max())), rows.MAX, "degrees"
        ),
    }


def _of_palms(located: Located, palms: Collection[int]) -> frozenset[int]:
    """The regions of these palms."""
    return frozenset(i for i, palm in enumerate(located.palms) if palm in palms)


def _as_array(regions: list[Region]) -> np.ndarray:
    values = [(r.x_center, r.y_center, r.width, r.height, r.rotation) for r in regions]
    return np.asarray(values, np.float64).reshape(-1, 5)


def _boxes(palms: Palms) -> tuple[np.ndarray, np.ndarray]:
    return palms.boxes.astype(np.float64), palms.scores.astype(np.float64)
