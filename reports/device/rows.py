"""Judges a device's outputs like any other backend's (`device:<name>:<units>`), against LiteRT on
the same inputs.

The limits are the task's (`reports.judge.policy`): palms by overlap, landmarks in pixels of the
input, presence and handedness by difference, hands of whole pictures by which are found. Outputs
that are not finite, constant, missing, of another shape or in another order fail whatever the
limits, and so do failures that the device reports. Its own figures on its outputs are not used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from blazepalm.models.crop import Letterbox
from blazepalm.models.spec import BackboneSpec, ConvSpec, PalmDetectorSpec
from blazepalm.reports.backends.names import TFLITE
from blazepalm.reports.compare import rows
from blazepalm.reports.compare.hands import compare_detections, compare_landmarks
from blazepalm.reports.compare.meters import DifferenceMeter
from blazepalm.reports.compare.rows import CASCADE, ISOLATED, Key, Row
from blazepalm.reports.compare.tensors import compare
from blazepalm.reports.device.expected import Expected, Facts, Floats, read_expected
from blazepalm.reports.device.ingest import DeviceResults
from blazepalm.reports.device.pictures import picture_rows
from blazepalm.reports.device.results import UNITS
from blazepalm.reports.device.tally import (
    ANYTHING,
    Tally,
    failure_head,
    is_disordered,
)
from blazepalm.reports.judge.judge_rows import empty_row, scalar_row
from blazepalm.reports.judge.policy import LIMITS, Limits
from blazepalm.reports.stages.stages import Decoded, PalmRules
from blazepalm.reports.stages.ties import find_ties
from blazepalm.text import figure, printable

NO_UNITS = "none"
NO_MARGIN = Letterbox(0.0, 0.0)  # boxes stay normalised to the input

Outputs = Mapping[str, Floats]


def device_rows(
    results: DeviceResults, path: Path, fixtures: Path, limits: Limits = LIMITS
) -> tuple[Row, ...]:
    """Rows for every model on all its compute units. `path` is what `ingest` read, `fixtures` the
    folder given to the device; `ingest` has already refused results made with others.

    A model without outputs fails if the device reports a failure or has no outputs at all; else
    it was not run. Raises ArtifactError if a file cannot be read.
    """
    expected = read_expected(fixtures)
    found: list[Row] = []
    for name, facts in expected.models.items():
        for units in units_of(results):
            found += _Judge(results, expected, facts, units, limits).rows()
            if name == expected.hand_model:
                folder = path if path.is_dir() else path.parent
                found += picture_rows(results, expected, facts, units, folder, limits)
    return tuple(found)


def units_of(results: DeviceResults) -> tuple[str, ...]:
    """Compute units with outputs or failures, in order of appearance."""
    failed = [u for _, *parts in map(failure_head, results.entry.failures) for u in parts]
    named = [units for units in failed if units in UNITS]
    return tuple(dict.fromkeys((*results.units, *named))) or (NO_UNITS,)


@dataclass(frozen=True)
class _Judge:
    """One model on some units."""

    results: DeviceResults
    expected: Expected
    facts: Facts
    units: str
    limits: Limits

    def rows(self) -> list[Row]:
        name, backend = self.facts.name, self.results.backend(self.units)
        cases = self._cases()
        if not cases:
            return [self._nothing()]
        tally = Tally()
        for case in cases:
            self._compare(case, tally)
        self._holes(cases, tally)
        for output, pairs in tally.values.items():
            wanted, seen = (set(values) for values in zip(*pairs, strict=True))
            if len(seen) == 1 and len(wanted) > 1:
                tally.doubt(output, f"the same values for each of {len(pairs)} inputs")
        found = []
        for output in self.facts.outputs:
            key = Key(name, rows.RAW, ISOLATED, output, backend, TFLITE)
            found.append(tally.row(key, self.limits))
        return found + [scalar_row(key, m, self.limits) for key, m in tally.scalars.items()]

    def _cases(self) -> list[str]:
        """Names of the inputs with any output, in the file's order."""
        places = self.results.outputs
        return list(
            dict.fromkeys(c for m, c, u, _ in places if (m, u) == (self.facts.name, self.units))
        )

    def _compare(self, case: str, tally: Tally) -> None:
        name = self.facts.name
        expected = self.expected.outputs[name].get(case)
        if expected is None:
            for output in self.facts.outputs:
                tally.doubt(output, f"{printable(case)} is not an input in the fixtures")
            return
        found = self.results.load(name, case, self.units)
        for output in self.facts.outputs:
            wanted, value = expected[output], found.get(output)
            part = compare(wanted, value)
            tally.differences.setdefault(output, DifferenceMeter()).add(part, case)
            if value is None:
                continue
            tally.values.setdefault(output, []).append((wanted.tobytes(), value.tobytes()))
            if value.size > 1 and np.ptp(value) == 0 and np.ptp(wanted) != 0:
                tally.doubt(output, f"all values are {figure(float(value.flat[0]))} (case {case})")
            if is_disordered(wanted, value):
                tally.doubt(output, f"the right values in the wrong places (case {case})")
        if all(n in found and found[n].shape == expected[n].shape for n in self.facts.outputs):
            self._task(case, expected, found, tally)

    def _task(self, case: str, expected: Outputs, found: Outputs, tally: Tally) -> None:
        name, backend = self.facts.name, self.results.backend(self.units)
        pixels = float(self.facts.width), float(self.facts.height)
        if self.facts.palm is not None:
            rules = _palm_rules(self.facts)
            palms = [rules.suppress_decoded(outputs, NO_MARGIN) for outputs in (expected, found)]
            decoded: list[Decoded] = [rules.read_decoded(o) for o in (expected, found)]
            reference, candidate = (
                (p.boxes.astype(np.float64), p.scores.astype(np.float64)) for p in palms
            )
            scalars = compare_detections(
                reference,
                candidate,
                threshold=rules.spec.score_threshold,
                margin=self.limits.margin,
                pixels=pixels,
                ties=find_ties(decoded[0], decoded[1], rules.spec, self.limits.margin),
            ).scalars
            tally.add((name, rows.SUPPRESSED, CASCADE, backend), scalars, case)
        elif self.facts.hand is not None:
            scalars = compare_landmarks(
                _hand_fields(expected),
                _hand_fields(found),
                pixels=pixels,
                thresholds={
                    "presence": float(self.facts.hand["presence_threshold"]),
                    "handedness": 0.5,
                },
                margin=self.limits.margin,
            )
            tally.add((name, rows.LANDMARKS, ISOLATED, backend), scalars, case)

    def _holes(self, cases: list[str], tally: Tally) -> None:
        """Doubts outputs for inputs that other models or units answered, but this did not."""
        if self.results.entry.status != "complete":
            return
        images = self.expected.images
        seen = {images.get((m, c)) for m, c, _, _ in self.results.outputs}
        wanted = [c for (m, c), image in images.items() if m == self.facts.name and image in seen]
        if missing := [case for case in wanted if case not in cases]:
            said = "".join(f"; the device reported: {m}" for m in self._said()[:1])
            for output in self.facts.outputs:
                tally.doubt(
                    output,
                    f"{len(missing)} of {len(wanted)} inputs have no output{said}",
                )

    def _nothing(self) -> Row:
        name, backend = self.facts.name, self.results.backend(self.units)
        key = Key(name, rows.RAW, ISOLATED, ANYTHING, backend, TFLITE)
        reasons = [f"the device reported: {message}" for message in self._said()[:1]]
        if not reasons and not self.results.outputs:
            reasons = ["the device returned no outputs"]
        return empty_row(key, tuple(reasons), self.limits)

    def _said(self) -> list[str]:
        """The failures that the device reports for this model on these units."""
        wanted = {self.facts.name} if self.units == NO_UNITS else {self.facts.name, self.units}
        failures = self.results.entry.failures
        return [printable(failure) for failure in failures if wanted <= set(failure_head(failure))]


def _palm_rules(facts: Facts) -> PalmRules:
    """The rules for suppression; the spec's network is a placeholder."""
    assert facts.palm is not None
    spec = PalmDetectorSpec(
        input_size=(facts.height, facts.width),
        backbone=BackboneSpec(ConvSpec(1, 1), ()),
        neck=(),
        heads=(),
        coordinates=4 + 2 * int(facts.palm["keypoints"]),
        score_threshold=float(facts.palm["score_threshold"]),
        suppression_iou=float(facts.palm["suppression_iou"]),
    )
    no_rule: Any = None
    return PalmRules(spec, np.zeros((0, 4), np.float32), no_rule)


def _hand_fields(outputs: Outputs) -> dict[str, Any]:
    """A landmark package's outputs in the form for `compare_landmarks`."""
    return {
        name: value if name in ("landmarks", "world_landmarks") else value.reshape(-1)[0]
        for name, value in outputs.items()
    }
