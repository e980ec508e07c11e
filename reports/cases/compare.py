"""Runs one case through all backends of one group of models and measures every report number.

A group is a detector with the landmark models that use its regions, or one model alone. The
result is a `Record` of plain numbers.
"""

from dataclasses import dataclass

import numpy as np

from blazepalm.reports.backends.names import TFLITE
from blazepalm.reports.cases.hand import walk_hand
from blazepalm.reports.cases.inputs import Case, noise
from blazepalm.reports.cases.palm import locate_hands, walk_palm
from blazepalm.reports.cases.raw import compare_raw
from blazepalm.reports.compare.record import Record
from blazepalm.reports.judge.policy import LIMITS, Limits
from blazepalm.reports.subjects.subject import Subject

DRAWS = 8  # per case of noise, for a model that takes no image


@dataclass(frozen=True)
class Group:
    """`palm` finds the regions for `hands`; `judged` says whether it is compared itself or only
    finds regions. A model of no known family forms its own group (`other`).
    """

    palm: Subject | None = None
    hands: tuple[Subject, ...] = ()
    other: Subject | None = None
    judged: bool = True

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """The models to judge."""
        palm = (self.palm,) if self.palm is not None and self.judged else ()
        return palm + self.hands + ((self.other,) if self.other else ())


def compare_case(
    group: Group, case: Case, *, keep_raw: bool = False, limits: Limits = LIMITS
) -> Record:
    """Runs and compares everything of `group` on `case`. `limits` say how close to its threshold a
    decision may fall either way, and where a picture's own sensitivity is measured.
    """
    image = case.image
    height, width = (0, 0) if image is None else image.shape[:2]
    record = Record(case.name, case.sha256, case.kind, width, height, case.truth)
    record.spared = case.spared
    if image is None:
        for subject in group.subjects:
            _compare_noise(record, subject, case, keep_raw)
        return record
    if group.other is not None:
        _compare_other(record, group.other, image, keep_raw)
        return record
    assert group.palm is not None
    if group.judged:
        located = walk_palm(record, group.palm, image, keep_raw=keep_raw, limits=limits)
    else:
        located = {TFLITE: locate_hands(group.palm, image)}
    for hand in group.hands if located else ():
        walk_hand(record, hand, image, located, group.palm, keep_raw=keep_raw, limits=limits)
    return record


def _compare_noise(record: Record, subject: Subject, case: Case, keep_raw: bool) -> None:
    """One draw for a model that takes planes; several for another, which sees no picture."""
    draws = 1 if len(subject.input_shape) == 4 else DRAWS
    for number in range(draws):
        draw = case.draw * draws + number
        tensor = noise(subject.input_shape, subject.value_range, case.seed, draw)
        label = case.name if draws == 1 else f"{case.name}#{number}"
        compare_raw(record, subject, tensor, label, keep_raw=keep_raw)


def _compare_other(record: Record, subject: Subject, image: np.ndarray, keep_raw: bool) -> None:
    tensor = letterboxed(subject, image)
    if tensor is not None:
        compare_raw(record, subject, tensor, record.case, keep_raw=keep_raw)


def letterboxed(subject: Subject, image: np.ndarray) -> np.ndarray | None:
    """The whole image as input of a model of no known family; None if it takes no RGB image."""
    from blazepalm.models.letterbox import letterbox

    if subject.input_shape[-1] != 3 or len(subject.input_shape) != 4:
        return None
    tensor, _ = letterbox(image, subject.input_shape[1:3], subject.value_range)
    return tensor
