"""Judges the hands that a device's own pipeline found in whole pictures, against those in the
fixtures. Reads the raw files and ignores the device's own figures.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from blazepalm.errors import ArtifactError
from blazepalm.reports.backends.names import TFLITE
from blazepalm.reports.compare import rows
from blazepalm.reports.compare.hands import SeenHand, compare_hands
from blazepalm.reports.compare.rows import CASCADE, Key, Row
from blazepalm.reports.device.expected import Expected, Facts
from blazepalm.reports.device.ingest import DeviceResults
from blazepalm.reports.device.tally import ANYTHING, Tally, failure_head
from blazepalm.reports.judge.judge_rows import empty_row, scalar_row
from blazepalm.reports.judge.policy import Limits
from blazepalm.text import printable

MAX_HANDS = 1000  # per picture


def picture_rows(
    results: DeviceResults,
    expected: Expected,
    facts: Facts,
    units: str,
    folder: Path,
    limits: Limits,
) -> Iterator[Row]:
    """Judged rows for the hands that the device's own pipeline found in whole pictures."""
    tally = Tally()
    backend = results.backend(units)
    place = facts.name, rows.IMAGE, CASCADE, backend
    assert facts.hand is not None
    threshold = {"presence": float(facts.hand["presence_threshold"])}
    cases = [row.case for row in results.pipeline if row.units == units]
    said = [
        f for f in results.entry.failures if failure_head(f) in (["pipeline", units], ["pipeline"])
    ]
    if said:
        first = printable(said[0])
        tally.doubt(ANYTHING, f"{len(said)} pictures failed; the device reported: {first}")
    for case in cases:
        hands = expected.hands.get(case)
        if hands is None:
            tally.doubt(ANYTHING, f"{printable(case)} is not a picture in the fixtures")
            continue
        landmarks = _picture_file(folder, case, units, "landmarks", 63)
        presence = _picture_file(folder, case, units, "presence", 1)
        if landmarks is None or presence is None or len(landmarks) != len(presence):
            tally.doubt(ANYTHING, f"the hands of {printable(case)} are incomplete")
            continue
        scale = np.array((*hands.size, hands.size[0]), np.float64)
        listed = [
            [
                SeenHand(points.reshape(21, 3) * scale, float(sure))
                for points, sure in zip(found, np.ravel(probabilities), strict=True)
            ]
            for found, probabilities in (
                (hands.landmarks, hands.presence),
                (landmarks, presence),
            )
        ]
        if not all(np.isfinite(hand.landmarks).all() for hand in listed[1]):
            tally.doubt(ANYTHING, f"landmarks of {printable(case)} are not finite")
            continue
        scalars = compare_hands(*listed, thresholds=threshold, margin=limits.margin)
        tally.add(place, scalars, case)
    if reasons := tally.doubts.get(ANYTHING):
        yield empty_row(Key(*place[:3], ANYTHING, backend, TFLITE), tuple(reasons), limits)
    for key, meter in tally.scalars.items():
        yield scalar_row(key, meter, limits)


def _picture_file(
    folder: Path, case: str, units: str, tensor: str, width: int
) -> np.ndarray | None:
    """(n, width) values of a picture's file; None if it is missing or has partial rows."""
    name = f"{case}__{units}__{tensor}.bin"
    if "/" in name or "\\" in name or "\0" in name:
        raise ArtifactError(f"{folder}: the case {printable(case)} lies outside the folder")
    path = folder / "raw" / "pipeline" / name
    if os.path.islink(path) or not os.path.isfile(path):  # false for a name that is too long
        return None
    with path.open("rb") as file:
        content = file.read(4 * width * MAX_HANDS + 1)
    if len(content) % (4 * width) or len(content) > 4 * width * MAX_HANDS:
        return None
    return np.frombuffer(content, "<f4").astype(np.float64).reshape(-1, width)
