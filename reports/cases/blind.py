"""Tells a file that finds no hand from pictures that show none.

If neither the file nor a candidate found a hand in any picture, equal answers prove little. What
the file finds in two rendered hands, a right and a left one, then becomes rows of the rendered
truth: a file that misses these too is equal to its copies, and useless.
"""

from collections.abc import Iterable

import numpy as np

from blazepalm.converter.evidence.pictures import Picture, scenes
from blazepalm.reports.backends.names import TFLITE
from blazepalm.reports.cases.truth import measure_landmarks, measure_palms
from blazepalm.reports.compare import rows
from blazepalm.reports.compare.hands import ListedTruth
from blazepalm.reports.compare.record import Record
from blazepalm.reports.compare.rows import Key
from blazepalm.reports.judge.judge import EVIDENCE
from blazepalm.reports.subjects.subject import Subject

SIDES = ("right", "left")
UNMATCHED = (rows.SUPPRESSED, "unmatched"), (rows.IMAGE, "unmatched")  # of every picture


def found_nothing(measured: Iterable[Key], subject: Subject) -> bool:
    """Whether candidates that the task judges saw pictures, and nothing in them to judge, in
    pictures without a known truth; `measured` are the keys of all numbers.
    """
    own = [key for key in measured if key.model == subject.name]
    by_task = {name for name in subject.candidates if subject.registration(name).by_task}
    found = {(key.stage, key.metric) for key in own if key.backend in by_task}
    looked = any(pair in found for pair in UNMATCHED)
    judged = any(pair in found for pair in EVIDENCE)
    return looked and not judged and all(key.stage != rows.TRUTH for key in own)


def rendered_records(subject: Subject) -> list[Record]:
    """What the file itself, run by LiteRT, finds in two rendered hands, against their truth."""
    return [
        _record(subject, f"rendered-{side}", side, scene)
        for side, scene in zip(SIDES, scenes(), strict=False)
    ]


def _record(subject: Subject, name: str, side: str, scene: Picture) -> Record:
    assert scene.joints is not None
    image = scene.pixels
    height, width = image.shape[:2]
    points = scene.joints * (width, height)
    box = (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())
    truth = ListedTruth(box, tuple((float(x), float(y)) for x, y in points), side)
    record = Record(name, "", "rendered", width, height, (truth,))
    if subject.family == "palm":
        chain = subject.palm_chain(TFLITE)
        tensor, place = chain.prepare(np.ascontiguousarray(image))
        palms = chain.suppress(chain.run(tensor), place)
        measure_palms(record, subject, palms, (height, width))
    else:
        measure_landmarks(record, subject, subject.hand_chain(TFLITE), image)
    return record
