"""One case through all backends of one group of models: every number that the report adds up.

A group is a detector and the landmark models that look where it points, or one model alone.
The reference, LiteRT with its default kernels, goes the whole way from the image to the hands;
every other backend goes it twice: each stage on the reference's input (`isolated`), and on its
own (`cascade`). What comes out is plain numbers: a `Record`.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from blazepalm.models.crop import Letterbox
from blazepalm.models.decode import CroppedHand, Palms
from blazepalm.models.regions import Region
from blazepalm.reports import rows
from blazepalm.reports.cases import Case, noise
from blazepalm.reports.chain import (
    Decoded,
    Floats,
    HandChain,
    HandRules,
    PalmChain,
    PalmRules,
    Raw,
    hands_in_image,
)
from blazepalm.reports.metrics import Part, RangePart, compare, identical, measure_range
from blazepalm.reports.policy import LIMITS
from blazepalm.reports.rows import CASCADE, ISOLATED, Key, Scalar
from blazepalm.reports.subject import (
    GENERIC,
    MIL,
    MIL_APP,
    MIL_FP16,
    ORACLE,
    TFLITE,
    TFLITE_REF,
    TORCH,
    Subject,
)
from blazepalm.reports.task import Scalars, compare_detections, compare_hands, compare_landmarks
from blazepalm.reports.ties import shared_boxes

# who is compared with whom on a network's raw outputs; the first three measure the floor
RAW_PAIRS = (
    (TFLITE, ORACLE),
    (TFLITE_REF, ORACLE),
    (GENERIC, ORACLE),
    (TORCH, ORACLE),
    (TORCH, TFLITE),
    (TORCH, GENERIC),
    (MIL, ORACLE),
    (MIL, TFLITE),
    (MIL_FP16, ORACLE),
)
DECODED_PAIRS = tuple(pair for pair in RAW_PAIRS if GENERIC not in pair)
CANDIDATES = (TORCH, MIL, MIL_FP16, MIL_APP)

POINTS, SCORES = "boxes and keypoints", "probabilities"


@dataclass
class Record:
    """What one case gave. `entries`: (row, input's name, its share); a case with two hands feeds
    a landmark model twice. `raw`: arrays to keep, by model and `backend/output`.
    """

    case: str
    sha256: str
    kind: str
    width: int
    height: int
    truth: tuple[dict[str, Any], ...] | None = None
    entries: list[tuple[Key, str, Part | Scalar]] = field(default_factory=list)
    ranges: list[tuple[str, str, str, RangePart]] = field(default_factory=list)
    inputs: dict[str, list[str]] = field(default_factory=dict)
    seconds: dict[str, dict[str, float]] = field(default_factory=dict)
    hands: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    raw: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """`palm` points to where `hands` look; `judged` says whether it is compared itself or was
    taken along to find regions. A model of no family is a group of its own (`other`).
    """

    palm: Subject | None = None
    hands: tuple[Subject, ...] = ()
    other: Subject | None = None
    judged: bool = True

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """The models that are judged."""
        palm = (self.palm,) if self.palm is not None and self.judged else ()
        return palm + self.hands + ((self.other,) if self.other else ())


def compare_case(group: Group, case: Case, *, keep_raw: bool = False) -> Record:
    """Runs and compares everything of `group` on `case`."""
    image = case.image
    height, width = (0, 0) if image is None else image.shape[:2]
    record = Record(case.name, case.sha256, case.kind, width, height, case.truth)
    if image is None:
        for subject in group.subjects:
            tensor = noise(subject.input_shape, subject.value_range, case.seed, case.draw)
            _compare_raw(record, subject, tensor, case.name, keep_raw)
        return record
    if group.other is not None:
        _compare_other(record, group.other, image, keep_raw)
        return record
    assert group.palm is not None
    walk = _Palm(record, group.palm, image, keep_raw, group.judged)
    regions = walk.compare()
    for hand in group.hands:
        _Hand(record, hand, image, keep_raw, regions, group.palm.name).compare()
    return record


def _compare_other(record: Record, subject: Subject, image: np.ndarray, keep_raw: bool) -> None:
    from blazepalm.models.letterbox import letterbox

    if subject.input_shape[-1] != 3 or len(subject.input_shape) != 4:
        return
    tensor, _ = letterbox(image, subject.input_shape[1:3], subject.value_range)
    _compare_raw(record, subject, tensor, record.case, keep_raw)


def _compare_raw(
    record: Record, subject: Subject, tensor: np.ndarray, label: str, keep_raw: bool
) -> dict[str, Raw]:
    """All raw backends on one input: compares the outputs, returns them by backend."""
    outputs = {}
    for name, backend in subject.backends.items():
        outputs[name] = _timed(record, subject, name, lambda b=backend: b.run(tensor))  # type: ignore[misc]
    record.inputs.setdefault(subject.name, []).append(_digest(tensor))
    for output in subject.outputs:
        for candidate, reference in RAW_PAIRS:
            if candidate in outputs and reference in outputs:
                key = Key(subject.name, rows.RAW, ISOLATED, output, candidate, reference)
                part = compare(outputs[reference].get(output), outputs[candidate].get(output))
                record.entries.append((key, label, part))
        for name, found in outputs.items():
            part_range = measure_range(found.get(output))
            if part_range is not None:
                record.ranges.append((subject.name, name, output, part_range))
    if keep_raw:
        kept = record.raw.setdefault(subject.name, {})
        suffix = label.removeprefix(record.case)
        for name, found in outputs.items():
            kept.update({f"{name}/{o}{suffix}": value for o, value in found.items()})
    return {name: subject.named(found) for name, found in outputs.items()}


class _Palm:
    """The detector's stages on one image."""

    def __init__(
        self, record: Record, palm: Subject, image: np.ndarray, keep_raw: bool, judged: bool
    ) -> None:
        self.record, self.palm, self.image = record, palm, image
        self.keep_raw, self.judged = keep_raw, judged
        self.size = (image.shape[0], image.shape[1])

    def compare(self) -> dict[str, list[Region]]:
        """Returns each backend's regions."""
        assert isinstance(self.palm.rules, PalmRules)
        spec = self.palm.rules.spec
        reference = self.palm.palm_chain(TFLITE)
        tensor, box = reference.prepare(self.image)
        if not self.judged:
            raw = reference.run(tensor)
            return {TFLITE: reference.locate(reference.suppress(raw, box), self.size)}
        raws = _compare_raw(self.record, self.palm, tensor, self.record.case, self.keep_raw)
        decoded = {TFLITE: reference.decode(raws[TFLITE])}
        palms = {TFLITE: reference.suppress(raws[TFLITE], box)}
        regions = {TFLITE: reference.locate(palms[TFLITE], self.size)}
        for name in (ORACLE, TFLITE_REF):
            if name in raws:
                decoded[name] = reference.decode(raws[name])
        for name in self._candidates():
            chain = self.palm.palm_chain(name)
            self._isolated(name, chain, reference, tensor, raws[TFLITE], decoded[TFLITE], palms)
            own, own_box = chain.prepare(self.image)
            same = np.array_equal(own, tensor)
            if name in raws and same:
                raw = raws[name]
            else:
                raw = _timed(self.record, self.palm, name, lambda c=chain, x=own: c.run(x))  # type: ignore[misc]
            decoded[name] = chain.decode(raw)
            palms[name] = chain.suppress(raw, own_box)
            regions[name] = chain.locate(palms[name], self.size)
            scalars = compare_detections(
                _boxes(palms[TFLITE]),
                _boxes(palms[name]),
                threshold=spec.score_threshold,
                margin=LIMITS.margin,
                pixels=self._in_input(),
                ties=shared_boxes(decoded[TFLITE], decoded[name], spec, LIMITS.margin),
            )
            self._scalars(rows.SUPPRESSED, name, scalars)
            self._scalars(rows.REGION, name, _region_errors(regions[TFLITE], regions[name]))
        self._decoded(decoded)
        return regions

    def _in_input(self) -> tuple[float, float]:
        """Width and height of the image in pixels of the model's input."""
        scale = max(self.palm.input_shape[1:3]) / max(self.size)
        return self.size[1] * scale, self.size[0] * scale

    def _candidates(self) -> list[str]:
        names = [name for name in CANDIDATES if name in self.palm.backends]
        return [*names, MIL_APP] if self.palm.app is not None else names

    def _isolated(
        self,
        name: str,
        chain: PalmChain,
        reference: PalmChain,
        tensor: Floats,
        raw: Raw,
        decoded: Decoded,
        palms: dict[str, Palms],
    ) -> None:
        """The stages round the network, each on the reference's input."""
        box = reference.prepare(self.image)[1]
        self._stage(
            rows.LETTERBOX, "pixels", name, tensor,
            None if chain.prepare == reference.prepare else chain.prepare(self.image)[0],
        )  # fmt: skip
        if not chain.decodes:
            own = None if chain.decode == reference.decode else chain.decode(raw)
            for output, value, other in (
                (POINTS, decoded.points, None if own is None else own.points),
                (SCORES, decoded.scores, None if own is None else own.scores),
            ):
                self._stage(rows.DECODED, output, name, value, other)
        kept = palms[TFLITE]
        if not chain.decodes:
            same = chain.suppress == reference.suppress
            found = None if same else chain.suppress(raw, box).boxes
            self._stage(rows.SUPPRESSED, POINTS, name, kept.boxes, found)
        expected = _as_array(reference.locate(kept, self.size))
        same = chain.locate == reference.locate
        self._stage(
            rows.REGION, "region", name, expected,
            None if same else _as_array(chain.locate(kept, self.size)),
        )  # fmt: skip

    def _stage(
        self, stage: str, output: str, name: str, value: np.ndarray, own: np.ndarray | None
    ) -> None:
        """`own` None: made by the reference's own function from the same input."""
        key = Key(self.palm.name, stage, ISOLATED, output, name, TFLITE)
        part = identical(value) if own is None else compare(value, own)
        self.record.entries.append((key, self.record.case, part))

    def _decoded(self, decoded: dict[str, Decoded]) -> None:
        pairs = (*DECODED_PAIRS, (MIL_APP, ORACLE))
        for candidate, reference in pairs:
            if candidate not in decoded or reference not in decoded:
                continue
            for output, index in ((POINTS, 0), (SCORES, 1)):
                key = Key(self.palm.name, rows.DECODED, CASCADE, output, candidate, reference)
                part = compare(decoded[reference][index], decoded[candidate][index])
                self.record.entries.append((key, self.record.case, part))
        for name in (ORACLE, TFLITE, *self._candidates()):
            if name in decoded:
                for output, value in zip((POINTS, SCORES), decoded[name], strict=True):
                    part_range = measure_range(value)
                    if part_range is not None:
                        self.record.ranges.append((self.palm.name, name, output, part_range))

    def _scalars(self, stage: str, name: str, scalars: Scalars) -> None:
        _add_scalars(self.record, self.palm.name, stage, CASCADE, name, self.record.case, scalars)


class _Hand:
    """The landmark model's stages on one image, at the regions of each backend's detector."""

    def __init__(
        self,
        record: Record,
        hand: Subject,
        image: np.ndarray,
        keep_raw: bool,
        regions: dict[str, list[Region]],
        palm: str,
    ) -> None:
        self.record, self.hand, self.image = record, hand, image
        self.keep_raw, self.regions = keep_raw, regions
        self.pair = f"{palm} + {hand.name}"

    def compare(self) -> None:
        hand, regions = self.hand, self.regions[TFLITE]
        reference = hand.hand_chain(TFLITE)
        assert isinstance(hand.rules, HandRules)
        spec = hand.rules.spec
        crops = [reference.crop(self.image, region) for region in regions]
        done: dict[str, list[Raw]] = {name: [] for name in (*hand.backends, MIL_APP)}
        for number, (crop, box) in enumerate(crops):
            label = f"{self.record.case}#{number}"
            raws = _compare_raw(self.record, hand, crop, label, self.keep_raw)
            for name, raw in raws.items():
                done[name].append(raw)
            expected = reference.read(raws[TFLITE], box)
            for name in self._candidates():
                chain = hand.hand_chain(name)
                if name == MIL_APP:
                    raw = _timed(self.record, hand, name, lambda c=chain, x=crop: c.run(x))  # type: ignore[misc]
                    done[name].append(raw)
                self._isolated(name, chain, reference, number, crop, expected, label)
                height, width = spec.input_size
                scalars = compare_landmarks(
                    _fields(expected),
                    _fields(chain.read(done[name][number], box)),
                    pixels=(float(width), float(height)),
                    thresholds={"presence": spec.presence_threshold, "handedness": 0.5},
                    margin=LIMITS.margin,
                )
                _add_scalars(self.record, hand.name, rows.LANDMARKS, ISOLATED, name, label, scalars)
        self._cascade(reference, crops, done, spec.presence_threshold)

    def _candidates(self) -> list[str]:
        names = [name for name in CANDIDATES if name in self.hand.backends]
        return [*names, MIL_APP] if self.hand.app is not None else names

    def _isolated(
        self,
        name: str,
        chain: HandChain,
        reference: HandChain,
        number: int,
        crop: Floats,
        expected: CroppedHand,
        label: str,
    ) -> None:
        region = self.regions[TFLITE][number]
        same = chain.crop == reference.crop
        part = identical(crop) if same else compare(crop, chain.crop(self.image, region)[0])
        key = Key(self.hand.name, rows.CROP, ISOLATED, "pixels", name, TFLITE)
        self.record.entries.append((key, label, part))
        size = (self.image.shape[0], self.image.shape[1])
        value = reference.project(expected, region, size)
        same = chain.project == reference.project
        part = identical(value) if same else compare(value, chain.project(expected, region, size))
        key = Key(self.hand.name, rows.IMAGE, ISOLATED, "landmarks", name, TFLITE)
        self.record.entries.append((key, label, part))

    def _cascade(
        self,
        reference: HandChain,
        crops: list[tuple[Floats, Letterbox]],
        done: dict[str, list[Raw]],
        threshold: float,
    ) -> None:
        found: dict[str, list[dict[str, Any]]] = {}
        for name in (TFLITE, *self._candidates()):
            chain = reference if name == TFLITE else self.hand.hand_chain(name)
            regions = self.regions.get(name, self.regions[TFLITE])
            run = self._runner(name, chain, crops, done.get(name, []))
            found[name] = hands_in_image(chain, self.image, regions, threshold, run)
            if name != TFLITE:
                scalars = compare_hands(found[TFLITE], found[name])
                _add_scalars(
                    self.record,
                    self.hand.name,
                    rows.IMAGE,
                    CASCADE,
                    name,
                    self.record.case,
                    scalars,
                )
        self.record.hands[self.pair] = {n: [_plain(h) for h in hs] for n, hs in found.items()}

    def _runner(
        self, name: str, chain: HandChain, crops: list[tuple[Floats, Letterbox]], done: list[Raw]
    ) -> Callable[[int, Floats], Raw]:
        """The network, unless it has just seen the very same input."""

        def run(number: int, crop: Floats) -> Raw:
            for (known, _), before in zip(crops, done, strict=False):
                if np.array_equal(known, crop):
                    return before
            raw: Raw = _timed(self.record, self.hand, name, lambda: chain.run(crop))
            return raw

        return run


def _timed(record: Record, subject: Subject, name: str, run: Callable[[], Any]) -> Any:
    start = time.perf_counter()
    found = run()
    spent = record.seconds.setdefault(subject.name, {})
    spent[name] = spent.get(name, 0.0) + time.perf_counter() - start
    return found


def _add_scalars(
    record: Record,
    model: str,
    stage: str,
    mode: str,
    backend: str,
    label: str,
    scalars: Scalars,
) -> None:
    for (output, metric), scalar in scalars.items():
        key = Key(model, stage, mode, output, backend, TFLITE, metric)
        record.entries.append((key, label, scalar))


def _region_errors(reference: Sequence[Region], candidate: Sequence[Region]) -> Scalars:
    """Regions in the detections' order; another number of them is told by the suppressed set."""
    if len(reference) != len(candidate) or not reference:
        return {}
    error = np.abs(_as_array(candidate) - _as_array(reference))
    turn = error[:, 4] % (2 * np.pi)
    error[:, 4] = np.minimum(turn, 2 * np.pi - turn)
    return {
        ("region", "position error"): Scalar(float(error[:, :4].max()), rows.MOST, "image sides"),
        ("region", "rotation error"): Scalar(
            float(np.degrees(error[:, 4].max())), rows.MOST, "degrees"
        ),
    }


def _as_array(regions: Sequence[Region]) -> np.ndarray:
    values = [(r.x_center, r.y_center, r.width, r.height, r.rotation) for r in regions]
    return np.asarray(values, np.float64).reshape(-1, 5)


def _boxes(palms: Palms) -> tuple[np.ndarray, np.ndarray]:
    return palms.boxes.astype(np.float64), palms.scores.astype(np.float64)


def _fields(hand: CroppedHand) -> dict[str, Any]:
    return hand._asdict()


def _plain(hand: dict[str, Any]) -> dict[str, Any]:
    points = hand["landmarks"]
    corners = (*points[:, :2].min(axis=0), *points[:, :2].max(axis=0))
    return {
        "box": [round(float(v), 3) for v in corners],
        "landmarks": [[round(float(v), 3) for v in point] for point in points],
        "presence": round(hand["presence"], 6),
        "handedness": None if hand["handedness"] is None else round(hand["handedness"], 6),
    }


def _digest(tensor: np.ndarray) -> str:
    import hashlib

    return hashlib.sha256(np.ascontiguousarray(tensor).tobytes()).hexdigest()
