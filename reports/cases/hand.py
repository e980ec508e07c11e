"""Compares a landmark model's stages on one image across backends: the crop of a region, the
network, landmarks in the crop, landmarks in the image.

Isolated, a candidate uses the regions of the reference's detector; in cascade, those of its own.
The reference is LiteRT with its default kernels.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from blazepalm.errors import ProcessDied
from blazepalm.models.crop import Letterbox
from blazepalm.models.decode import CroppedHand
from blazepalm.reports.backends.names import TFLITE
from blazepalm.reports.cases.raw import add_scalars, compare_raw, record_death, timed
from blazepalm.reports.cases.sensitivity import allowed_hand, is_near_limit, noisy_outputs
from blazepalm.reports.cases.truth import measure_hands, measure_landmarks
from blazepalm.reports.compare import rows
from blazepalm.reports.compare.hands import (
    ListedHand,
    Scalars,
    SeenHand,
    compare_hands,
    compare_landmarks,
)
from blazepalm.reports.compare.matching import points_box
from blazepalm.reports.compare.record import Record
from blazepalm.reports.compare.rows import CASCADE, ISOLATED, Key
from blazepalm.reports.compare.tensors import compare, identical
from blazepalm.reports.judge.policy import Limits
from blazepalm.reports.stages.stages import (
    Floats,
    HandChain,
    HandRules,
    Located,
    Raw,
    hands_among,
    search_regions,
)
from blazepalm.reports.stages.ties import mark_tied
from blazepalm.reports.subjects.subject import Subject

Crop = tuple[Floats, Letterbox]
Answers = dict[str, dict[int, Raw]]  # by backend, then region number


def walk_hand(
    record: Record,
    hand: Subject,
    image: np.ndarray,
    located: Mapping[str, Located],
    palm: Subject,
    *,
    keep_raw: bool,
    limits: Limits,
) -> None:
    """Compares every backend on one image; `located` holds the regions of each backend of
    `palm`, at least the reference's.
    """
    _HandWalk(record, hand, image, located, palm, limits).compare(keep_raw)


class _HandWalk:
    def __init__(
        self,
        record: Record,
        hand: Subject,
        image: np.ndarray,
        located: Mapping[str, Located],
        palm: Subject,
        limits: Limits,
    ) -> None:
        assert isinstance(hand.rules, HandRules)
        self.record, self.hand, self.image = record, hand, image
        self.located, self.palm, self.limits = located, palm, limits
        self.noise: dict[int, list[Scalars]] = {}  # by region number, where it was measured
        self.spec = hand.rules.spec
        self.size = (image.shape[0], image.shape[1])
        self.reference = hand.hand_chain(TFLITE)

    def compare(self, keep_raw: bool) -> None:
        regions = self.located[TFLITE].regions
        crops = [self.reference.crop(self.image, region) for region in regions]
        answers: Answers = {name: {} for name in self.hand.names}
        for number, crop in enumerate(crops):
            label = f"{self.record.case}#{number}"
            raws = compare_raw(self.record, self.hand, crop[0], label, keep_raw=keep_raw)
            for name, raw in raws.items():
                answers[name][number] = raw
            if TFLITE in raws:
                self._isolated(number, crop, answers, label)
        self._cascade(crops, answers)
        measure_landmarks(self.record, self.hand, self.reference, self.image)

    def _isolated(self, number: int, crop: Crop, answers: Answers, label: str) -> None:
        region, (tensor, box) = self.located[TFLITE].regions[number], crop
        expected = self.reference.read(answers[TFLITE][number], box)
        points = self.reference.project(expected, region, self.size)
        same_crop, same_points = identical(tensor), identical(points)
        for name in self.hand.candidates:
            chain = self.hand.hand_chain(name)
            if name in self.hand.apps and name not in self.record.spared:
                try:
                    answers[name][number] = self._run(name, chain, tensor)
                except ProcessDied as error:
                    record_death(self.record, self.hand, name, label, error)
            if number not in answers[name]:
                continue
            part = same_crop
            if chain.crop != self.reference.crop:
                part = compare(tensor, chain.crop(self.image, region)[0])
            key = Key(self.hand.name, rows.CROP, ISOLATED, "pixels", name, TFLITE)
            self.record.entries.append((key, label, part))
            part = same_points
            if chain.project != self.reference.project:
                part = compare(points, chain.project(expected, region, self.size))
            key = Key(self.hand.name, rows.IMAGE, ISOLATED, "landmarks", name, TFLITE)
            self.record.entries.append((key, label, part))
            found = chain.read(answers[name][number], box)
            scalars = self._landmarks(expected, found)
            by_task = self.hand.registration(name).by_task
            if by_task and is_near_limit(scalars, rows.LANDMARKS, self.limits):
                scalars = allowed_hand(scalars, self._noise(number, crop, expected))
            where = (self.hand.name, rows.LANDMARKS, ISOLATED, name)
            add_scalars(self.record, where, label, scalars)

    def _landmarks(self, expected: CroppedHand, found: CroppedHand) -> Scalars:
        height, width = self.spec.input_size
        return compare_landmarks(
            expected._asdict(),
            found._asdict(),
            pixels=(float(width), float(height)),
            thresholds={"presence": self.spec.presence_threshold, "handedness": 0.5},
            margin=self.limits.margin,
        )

    def _noise(self, number: int, crop: Crop, expected: CroppedHand) -> list[Scalars]:
        """float32 with noise against the reference without, on one region."""
        if number not in self.noise:
            tensor, box = crop
            self.noise[number] = [
                self._landmarks(expected, self.reference.read(raw, box))
                for raw in noisy_outputs(self.hand, tensor)
            ]
        return self.noise[number]

    def _cascade(self, crops: list[Crop], answers: Answers) -> None:
        found: dict[str, list[SeenHand]] = {}
        reference: list[SeenHand] = []
        for name in (TFLITE, *self.hand.candidates):
            located = self.located.get(name, self.located[TFLITE])
            if name in self.record.spared or len(answers[name]) < len(crops):
                continue  # it did not answer; its raw rows report that
            chain = self.reference if name == TFLITE else self.hand.hand_chain(name)
            run = self._runner(name, chain, crops, answers[name])
            try:
                searched = search_regions(chain, self.image, located, run)
            except ProcessDied as error:  # on a region that it found itself
                record_death(self.record, self.hand, name, self.record.case, error)
                continue
            found[name] = hands_among(searched, self.spec.presence_threshold)
            if name == TFLITE:
                reference = searched
                measure_hands(self.record, self.hand, found[name])
                continue
            scalars = self._hands((reference, searched), located)
            where = (self.hand.name, rows.IMAGE, CASCADE, name)
            add_scalars(self.record, where, self.record.case, scalars)
        pair = f"{self.palm.name} + {self.hand.name}"
        self.record.hands[pair] = {n: tuple(map(_listed, hs)) for n, hs in found.items()}

    def _hands(self, searched: tuple[list[SeenHand], list[SeenHand]], located: Located) -> Scalars:
        """Compares the hands in all regions of the reference with those of a candidate."""
        uncertain = {i for i, hand in enumerate(searched[0]) if self._is_uncertain(i, hand)}
        there = self.located[TFLITE]._replace(tied=located.reference_tied | uncertain)
        thresholds, margin = self._thresholds(), self.limits.margin
        ours, theirs = (
            hands_among(marked, self.spec.presence_threshold)
            for marked in mark_tied(searched, (there, located), thresholds, margin)
        )
        return compare_hands(ours, theirs, thresholds=thresholds, margin=margin)

    def _is_uncertain(self, number: int, hand: SeenHand) -> bool:
        """Whether noise moves the presence in a region as far as its threshold, if it was
        measured there.
        """
        moved = [draw["presence", "difference"].value for draw in self.noise.get(number, ())]
        return abs(hand.presence - self.spec.presence_threshold) <= max(moved, default=-1.0)

    def _thresholds(self) -> dict[str, float]:
        palm: Any = self.palm.rules
        return {
            "score": palm.spec.score_threshold,
            "presence": self.spec.presence_threshold,
        }

    def _runner(
        self, name: str, chain: HandChain, crops: list[Crop], done: Mapping[int, Raw]
    ) -> Callable[[int, Floats], Raw]:
        """Runs the network, or reuses its output if it has just seen the same input."""
        known = [crops[number][0] for number in done]

        def run(number: int, crop: Floats) -> Raw:
            for before, raw in zip(known, done.values(), strict=True):
                if np.array_equal(before, crop):
                    return raw
            return self._run(name, chain, crop)

        return run

    def _run(self, name: str, chain: HandChain, tensor: Floats) -> Raw:
        raw: Raw = timed(self.record, self.hand, name, lambda: chain.run(tensor))
        return raw


def _listed(hand: SeenHand) -> ListedHand:
    return ListedHand(
        box=_rounded(points_box(hand.landmarks)),
        score=None if hand.score is None else round(hand.score, 6),
        landmarks=tuple(map(_rounded, hand.landmarks)),
        presence=round(hand.presence, 6),
        handedness=None if hand.handedness is None else round(hand.handedness, 6),
    )


def _rounded(values: np.ndarray) -> Any:
    return tuple(round(float(v), 3) for v in values)
