"""Faults outside a network: changed pipeline stages, and answers that are not the network's
own.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from blazepalm.models.crop import Letterbox
from blazepalm.reports.backends.backend import Backend, Outputs
from blazepalm.reports.compare import rows
from blazepalm.reports.faults.planted import Fault, Planted, Stage
from blazepalm.reports.stages.stages import Floats, Image, PalmRules
from blazepalm.reports.subjects.subject import Subject


def _stage(name: str, place: tuple[str, str], spoil: Callable[[Subject], Stage | None]) -> Fault:
    """A fault in a stage; `place`: (place for a detector, place for a landmark model)."""

    def plant(subject: Subject) -> Planted | None:
        if subject.rules is None:
            return None
        stages = spoil(subject)
        if stages is None:
            return None
        return Planted(place[subject.family == "hand"], stages=stages)

    return Fault(name, plant)


def _prepared(change: Callable[[Floats], Floats]) -> Callable[[Subject], Stage | None]:
    """Changes the first step on an image in both families: the letterbox, or the crop."""

    def spoil(subject: Subject) -> Stage:
        rules: Any = subject.rules
        if isinstance(rules, PalmRules):

            def prepare(image: Image) -> tuple[Floats, Letterbox]:
                tensor, box = rules.prepare(image)
                return change(tensor), box

            return {"prepare": prepare}

        def crop(image: Image, region: Any) -> tuple[Floats, Letterbox]:
            tensor, box = rules.crop(image, region)
            return change(tensor), box

        return {"crop": crop}

    return spoil


def _anchors(change: Callable[[Floats, Subject], Floats]) -> Callable[[Subject], Stage | None]:
    def spoil(subject: Subject) -> Stage | None:
        if not isinstance(subject.rules, PalmRules):
            return None
        other = replace(subject.rules, anchors=change(subject.rules.anchors, subject))
        return {"decode": other.decode, "suppress": other.suppress}

    return spoil


def _half_a_cell(anchors: Floats, subject: Subject) -> Floats:
    heads: Any = subject.converted.recognition.spec.heads  # type: ignore[union-attr]
    moved, start = anchors.copy(), 0
    for head in heads:
        count = head.size[0] * head.size[1] * head.anchors_per_cell
        moved[start : start + count, 0] -= 0.5 / head.size[1]
        moved[start : start + count, 1] -= 0.5 / head.size[0]
        start += count
    return moved


def _layers_swapped(anchors: Floats, subject: Subject) -> Floats:
    heads: Any = subject.converted.recognition.spec.heads  # type: ignore[union-attr]
    first = heads[0].size[0] * heads[0].size[1] * heads[0].anchors_per_cell
    return np.concatenate((anchors[first:], anchors[:first]))


@dataclass
class Answers:
    """A backend that answers each input with the result for an earlier one."""

    backend: Backend
    constant: bool
    last: Outputs | None = None

    @property
    def name(self) -> str:
        return self.backend.name

    def run(self, images: np.ndarray) -> Outputs:
        found = self.backend.run(images)
        answer = found if self.last is None else self.last
        if self.last is None or not self.constant:
            self.last = found
        return answer


def _answer(name: str, constant: bool) -> Fault:
    return Fault(
        name, lambda subject: Planted(rows.RAW, answer=lambda backend: Answers(backend, constant))
    )


def _swap_outputs(subject: Subject) -> Planted | None:
    """Swaps the names of two outputs of the same shape."""
    shapes = [subject.converted.graph.tensors[t].shape for t in subject.converted.graph.outputs]
    pairs = [
        (subject.outputs[i], subject.outputs[j])
        for i in range(len(shapes))
        for j in range(i)
        if shapes[i] == shapes[j]
    ]
    if not pairs:
        return None
    a, b = pairs[0]

    @dataclass(frozen=True)
    class Swapped:
        backend: Backend

        @property
        def name(self) -> str:
            return self.backend.name

        def run(self, images: np.ndarray) -> Outputs:
            found = self.backend.run(images)
            return {**found, a: found[b], b: found[a]}

    return Planted(rows.RAW, answer=Swapped)


@dataclass(frozen=True)
class Shuffled:
    """A backend that gets the rows of every image in reverse order."""

    backend: Backend

    @property
    def name(self) -> str:
        return self.backend.name

    def run(self, images: np.ndarray) -> Outputs:
        return self.backend.run(np.ascontiguousarray(images[:, ::-1]))


STAGE_FAULTS: tuple[Fault, ...] = (
    _stage("RGB swapped", (rows.LETTERBOX, rows.CROP), _prepared(lambda x: x[..., ::-1].copy())),
    _stage("input range wrong", (rows.LETTERBOX, rows.CROP), _prepared(lambda x: x * 2 - 1)),
    _stage("anchors off by half a cell", (rows.DECODED, ""), _anchors(_half_a_cell)),
    _stage("anchors of two layers swapped", (rows.DECODED, ""), _anchors(_layers_swapped)),
)

ANSWER_FAULTS: tuple[Fault, ...] = (
    Fault("two outputs swapped", _swap_outputs),
    _answer("a constant output", constant=True),
    _answer("results of another image", constant=False),
    Fault("shuffled inputs", lambda subject: Planted(rows.RAW, answer=Shuffled)),
)
