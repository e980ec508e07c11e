"""A model of one operator that is exact in float32, and backends whose numbers a test chooses:
what the verdict must say of them follows on paper.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from blazepalm.reports.backends.names import GENERIC, ORACLE, TFLITE, TFLITE_REF, TORCH
from blazepalm.reports.cases.compare import Group, compare_case
from blazepalm.reports.cases.inputs import noise_cases
from blazepalm.reports.judge.assemble import make_report
from blazepalm.reports.judge.policy import LIMITS, Limits
from blazepalm.reports.judge.report import ParityReport
from blazepalm.reports.judge.report_parts import Layers, RunOptions
from blazepalm.reports.judge.totals import Totals
from blazepalm.reports.subjects.open_subject import open_subject
from blazepalm.reports.subjects.subject import Subject
from support.tflite_builder import ModelBuilder

Outputs = dict[str, np.ndarray]
Answer = Callable[[np.ndarray], Outputs]

SHAPE = (1, 4, 5, 3)
OUTPUT = "double"


def doubling() -> bytes:
    """A file that adds its input (1, 4, 5, 3) to itself."""
    model = ModelBuilder()
    x, y = model.tensor(SHAPE), model.tensor(SHAPE, name=OUTPUT)
    model.operator("ADD", [x, x], [y], schema.AddOptionsT())
    return model.build([x], [y])


def shifting(values: np.ndarray) -> bytes:
    """A file that adds these values, its only weight, to an input of their shape."""
    model = ModelBuilder()
    x, y = model.tensor(values.shape), model.tensor(values.shape, name="sum")
    weight = model.tensor(values.shape, data=values)
    model.operator("ADD", [x, weight], [y], schema.AddOptionsT())
    return model.build([x], [y])


@dataclass(frozen=True)
class Chosen:
    """A backend that answers with `answer(images)`."""

    name: str
    answer: Answer

    def run(self, images: np.ndarray) -> Outputs:
        return self.answer(images)


def truth(images: np.ndarray) -> Outputs:
    """In float64."""
    return {OUTPUT: 2.0 * images.astype(np.float64)}


def off_by(error: float) -> Answer:
    """The truth in float32 with `error` added to the first element."""

    def run(images: np.ndarray) -> Outputs:
        values = truth(images)[OUTPUT].astype(np.float32)
        values[0, 0, 0, 0] += np.float32(error)
        return {OUTPUT: values}

    return run


STEP = 2.0**-14


@cache
def opened() -> Subject:
    """The doubling model with its real backends, no Core ML."""
    return open_subject("tiny.tflite", doubling(), workers=1, packages=None)


def chosen_subject(**answers: Answer) -> Subject:
    """The doubling model with backends of our own: LiteRT 2⁻¹⁴ and its reference kernels 2⁻¹³
    off, so that the floor is 2⁻¹³. `answers` take their place (`tflite_ref` for `tflite-ref`).
    """
    known: dict[str, Answer] = {
        TFLITE: off_by(STEP),
        TFLITE_REF: off_by(2 * STEP),
        ORACLE: truth,
        GENERIC: off_by(STEP),
        TORCH: off_by(STEP),
    }
    known.update({name.replace("_", "-"): answer for name, answer in answers.items()})
    backends = {name: Chosen(name, answer) for name, answer in known.items()}
    return replace(opened(), backends=backends)


def totals_of(subject: Subject, inputs: int = 3) -> Totals:
    """The subject on seeded noise."""
    totals = Totals(LIMITS)
    for case in noise_cases(inputs, seed=3):
        totals.add([compare_case(Group(other=subject), case)])
    return totals


def report_of(
    *subjects: Subject,
    inputs: int = 3,
    limits: Limits = LIMITS,
    layers: Mapping[str, Layers] | None = None,
) -> ParityReport:
    """The whole report of subjects, each on its own; `layers` by name."""
    totals = Totals(limits)
    for case in noise_cases(inputs, seed=3):
        totals.add([compare_case(Group(other=subject), case) for subject in subjects])
    return make_report(
        totals,
        subjects,
        limits,
        layers=layers or {},
        failures=(),
        options=RunOptions(inputs, 3, (), False, None, 1),
        golden=None,
        photos=(),
        self_test=None,
        seconds=1.0,
        resumed=0,
    )
