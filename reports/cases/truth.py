"""Measures what the file itself, run by LiteRT, finds in a rendered picture: a detector's palms,
the hands of a detector and a landmark model together (`cascade`), and those of a landmark model
alone, in the regions where the renderer put the hands (`isolated`).
"""

from collections.abc import Sequence

import numpy as np

from blazepalm.models.decode import Palms
from blazepalm.models.regions import Region, region_from_landmarks
from blazepalm.models.releases import generation_of
from blazepalm.reports.backends.names import TFLITE
from blazepalm.reports.cases.raw import timed
from blazepalm.reports.compare import rows
from blazepalm.reports.compare.hands import SeenHand
from blazepalm.reports.compare.record import Record
from blazepalm.reports.compare.rows import CASCADE, ISOLATED, Key
from blazepalm.reports.compare.truth import Errors, palm_errors, truth_errors, truth_scalars
from blazepalm.reports.stages.stages import HandChain, Located, hands_among, search_regions
from blazepalm.reports.subjects.subject import Subject

PALMS, HANDS = "palms", "hands"
REFERENCE = "truth"


def measure_palms(record: Record, palm: Subject, palms: Palms, size: tuple[int, int]) -> None:
    """Adds a detector's palms in a picture of `size` (height, width)."""
    if record.truth is not None:
        keypoints = palms.keypoints.astype(np.float64) * (size[1], size[0])
        _add(record, palm, CASCADE, PALMS, palm_errors(record.truth, keypoints))


def measure_hands(record: Record, hand: Subject, found: Sequence[SeenHand]) -> None:
    """Adds the hands that a detector and a landmark model found together."""
    if record.truth is not None:
        _add(record, hand, CASCADE, HANDS, truth_errors(record.truth, found))


def measure_landmarks(record: Record, hand: Subject, chain: HandChain, image: np.ndarray) -> None:
    """Runs a landmark model where the hands are, and in a picture without one in the middle."""
    if record.truth is None:
        return
    spec, size = hand.rules.spec, (image.shape[0], image.shape[1])  # type: ignore[union-attr]
    rule = generation_of(spec.generation, "hand").roi
    scale = np.array((size[1], size[0]), np.float64)
    regions = []
    for true in record.truth:
        points = np.asarray(true.landmarks, np.float64)[:, :2] / scale
        regions.append(region_from_landmarks(points.astype(np.float32), size, rule))
    if not regions:
        width, height = min(size) / scale
        regions = [Region(0.5, 0.5, float(width), float(height), 0.0)]
    searched = search_regions(
        chain,
        image,
        Located(regions, [1.0] * len(regions)),
        lambda number, crop: timed(record, hand, TFLITE, lambda: chain.run(crop)),
    )
    found = hands_among(searched, spec.presence_threshold)  # type: ignore[union-attr]
    _add(record, hand, ISOLATED, HANDS, truth_errors(record.truth, found))


def _add(record: Record, subject: Subject, mode: str, what: str, errors: Errors) -> None:
    for (output, metric), scalar in truth_scalars(errors, what).items():
        key = Key(subject.name, rows.TRUTH, mode, output, TFLITE, REFERENCE, metric)
        record.entries.append((key, record.case, scalar))
