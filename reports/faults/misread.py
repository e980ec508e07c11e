"""Faults of reading a file, shared by all its backends: outputs in each other's roles, the input's
range, another generation's values. The backends still agree; only the rendered truth shows that
the model does not work.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from blazepalm.converter.evidence import with_generation
from blazepalm.models.crop import Letterbox
from blazepalm.models.decode import CroppedHand, decode_hand
from blazepalm.models.release_registry import load_registry
from blazepalm.models.spec import HandLandmarksSpec
from blazepalm.reports.compare import rows
from blazepalm.reports.faults.planted import Fault, Planted
from blazepalm.reports.stages.stages import HandRules, PalmRules, Raw
from blazepalm.reports.subjects.subject import Subject

RAW_PIXELS = (0.0, 255.0)


def _misread(name: str, spoil: Callable[[Subject], Subject | None]) -> Fault:
    def plant(subject: Subject) -> Planted | None:
        misread = spoil(subject)
        return None if misread is None else Planted(rows.TRUTH, misread=misread)

    return Fault(name, plant)


def _swapped(one: str, other: str) -> Callable[[Subject], Subject | None]:
    def spoil(subject: Subject) -> Subject | None:
        if not {one, other} <= set(subject.fields):
            return None
        names = {one: other, other: one}
        return replace(subject, fields=tuple(names.get(f, f) for f in subject.fields))

    return spoil


def _raw_pixels(subject: Subject) -> Subject:
    assert subject.rules is not None
    spec = replace(subject.rules.spec, value_range=RAW_PIXELS)
    return replace(subject, rules=replace(subject.rules, spec=spec))  # type: ignore[arg-type]


@dataclass(frozen=True)
class _OtherHandRules(HandRules):
    """Reads landmarks as pixels of another generation's input."""

    divisor: float

    def read(self, raw: Raw, box: Letterbox) -> CroppedHand:
        scale = self.spec.input_size[1] / self.divisor
        return decode_hand({**raw, "landmarks": raw["landmarks"] * scale}, 0, self.spec, box)


def _other_generation(subject: Subject) -> Subject | None:
    """With the values of the first generation that differs where rendered pictures can show it:
    in the pixels of a landmark model's input, or for a detector fed with 0..1, in the range.
    Detectors fed with −1..1 find nearly as much with 0..1 (`policy.Limits`).
    """
    rules = subject.rules
    for generation in load_registry().generations.values():
        if generation.family != subject.family:
            continue
        if isinstance(rules, HandRules) and generation.input_size != rules.spec.input_size:
            spec = with_generation(rules.spec, generation)
            assert isinstance(spec, HandLandmarksSpec)
            return replace(subject, rules=_OtherHandRules(spec, generation.landmark_divisor))
        if (
            isinstance(rules, PalmRules)
            and rules.spec.value_range == (0.0, 1.0) != generation.value_range
        ):
            other = replace(rules.spec, value_range=generation.value_range)
            return replace(subject, rules=replace(rules, spec=other, region=generation.roi))
    return None


MISREAD_FAULTS: tuple[Fault, ...] = (
    _misread(
        "landmarks and world landmarks in each other's role",
        _swapped("landmarks", "world_landmarks"),
    ),
    _misread("presence and handedness in each other's role", _swapped("presence", "handedness")),
    _misread("raw pixels where the file takes another range", _raw_pixels),
    _misread("another generation's values", _other_generation),
)
