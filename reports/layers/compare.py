"""Finds where a model first goes wrong: compares every layer across LiteRT, torch and the Core ML
program, by its cumulative and its *local* error.

A layer's local error is its error given the reference's own input: in that run, every layer's
result is replaced by LiteRT's once it has been compared. Both errors are in multiples of what the
arithmetic costs on the same layer (`reports.layers.measure`). The culprit is the first layer with a
high local error, named in all three vocabularies: TFLite operator and tensor, torch module, MIL
operation.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from blazepalm.converter.tflite.graph import Graph
from blazepalm.reports.backends.kept_answers import opened
from blazepalm.reports.backends.names import (
    COREAI,
    COREAI_FP16,
    MIL,
    MIL_FP16,
    MIL_FP16_CORE_AI,
    TFLITE,
)
from blazepalm.reports.cases.compare import Group, letterboxed
from blazepalm.reports.cases.inputs import NOISE, Case, noise
from blazepalm.reports.cases.palm import locate_hands
from blazepalm.reports.compare.rows import FAIL, NOT_MAPPED, PASS
from blazepalm.reports.judge.policy import FLOAT16_LAYER, LIMITS
from blazepalm.reports.judge.report_parts import Culprit, Layer, LayerError, Layers
from blazepalm.reports.layers.join import JOIN_SEED, join
from blazepalm.reports.layers.kept import KeptLayers, kept_layers
from blazepalm.reports.layers.measure import HALVES, Costs, Far, Measured, measure_layers
from blazepalm.reports.layers.truth import LayerTruth
from blazepalm.reports.layers.values import Candidate
from blazepalm.reports.subjects.subject import Subject

if TYPE_CHECKING:
    from blazepalm.reports.backends.mil import Program


def compare_layers(
    truth: LayerTruth,
    candidate: Candidate,
    programs: "Mapping[str, Program] | None" = None,
    case: str = NOISE,
    core_ai: "Mapping[str, Program] | None" = None,
) -> Layers:
    """Compares every layer of one model on one input, called `case`.

    `candidate`: the readable module's calls. `programs`: by backend the Core ML programs that
    blazepalm's executor computes; `core_ai`: those that Core AI does. A backend whose layers
    cannot be read is left out, and `Layers.unread` says why.
    """
    measured = measure_layers(truth, candidate, programs, core_ai)
    return judge_layers(measured, truth.graph, case)


def judge_layers(measured: Measured, graph: Graph, case: str) -> Layers:
    """Judges what was measured of a model's graph on one input, called `case`."""
    found = {
        backend: [
            _error(far, costs, half=backend in HALVES)
            for far, costs in zip(layers, measured.costs, strict=True)
        ]
        for backend, layers in measured.distances.items()
    }
    rows = []
    culprits: dict[str, Culprit | None] = dict.fromkeys(found)
    names = {tensor.index: tensor.name for tensor in graph.tensors}
    operators = {operator.index: operator.name for operator in graph.operators}
    for number, place in enumerate(measured.places):
        errors = {backend: layers[number] for backend, layers in found.items()}
        for backend, error in errors.items():
            if error.status == FAIL and culprits[backend] is None:
                culprits[backend] = Culprit(
                    op=place.operator,
                    operator=operators[place.operator],
                    tensor=names[place.tensor],
                    module=place.module,
                    mil=place.mil,
                    local=float("inf") if error.local is None else error.local,
                )
        rows.append(
            Layer(
                op=place.operator,
                operator=operators[place.operator],
                tensor=names[place.tensor],
                shape=place.shape,
                module=place.module,
                mil=place.mil,
                backends=errors,
            )
        )
    return Layers(case, TFLITE, tuple(rows), culprits, measured.unread)


class LayerInput(NamedTuple):
    """What a model's layers are compared on: the network's input, and the name of its case;
    `kept`: where the outcome is kept across runs, and `known`, what an earlier run measured.
    """

    case: str
    image: np.ndarray
    kept: KeptLayers | None
    known: Measured | None


def layer_input(
    group: Group, subject: Subject, case: Case | None, *, core_ai: bool = False
) -> LayerInput:
    """The letterboxed image for a detector, the first hand's crop for a landmark model, otherwise
    noise. `core_ai`: also what Core AI computes, and the executor with its sums, each of which
    takes seconds.
    """
    image = None if case is None or case.image is None else network_input(group, subject, case)
    name = NOISE if image is None or case is None else case.name
    if image is None:
        image = noise(subject.input_shape, subject.value_range, JOIN_SEED, 1)
    kept = kept_layers(subject, image, core_ai=core_ai)
    return LayerInput(name, image, kept, None if kept is None else kept.get())


def layers_of(
    subject: Subject,
    calls: Candidate | None,
    content: bytes,
    given: LayerInput,
    *,
    core_ai: bool = False,
) -> Layers:
    """Compares every layer of one model on one input. `calls`: the result of `trace_subject`, None
    if its layers are known; `content`: the model's file; `core_ai`: as for `layer_input`.
    """
    measured = given.known
    if measured is None:
        assert calls is not None
        programs = programs_of(subject, core_ai=core_ai)
        with_core_ai = core_ai_programs_of(subject) if core_ai else {}
        joined = join(subject, calls, programs.get(MIL))
        truth = LayerTruth(subject, joined, content, given.image)
        measured = measure_layers(truth, calls, programs, with_core_ai)
        if given.kept is not None:
            given.kept.put(measured)
    return judge_layers(measured, subject.converted.graph, given.case)


def programs_of(subject: Subject, *, core_ai: bool = False) -> "dict[str, Program]":
    """The programs of a model's raw packages that blazepalm's executor computes, by backend; with
    `core_ai` also by Core AI's sums.
    """
    from blazepalm.reports.backends.mil_package import Executed

    names = (MIL, MIL_FP16, *((MIL_FP16_CORE_AI,) if core_ai else ()))
    found = {n: opened(b) for n, b in subject.backends.items() if n in names}
    return {n: b.package.program for n, b in found.items() if isinstance(b, Executed)}


def core_ai_programs_of(subject: Subject) -> "dict[str, Program]":
    """The programs of a model's raw packages that Core AI computes, by backend."""
    from blazepalm.reports.backends.coreai import CoreAI

    found = {n: opened(b) for n, b in subject.backends.items() if n in (COREAI, COREAI_FP16)}
    return {n: b.package.program for n, b in found.items() if isinstance(b, CoreAI)}


def network_input(group: Group, subject: Subject, case: Case) -> np.ndarray | None:
    """A network's input for an image; None if the group's detector finds no hand."""
    assert case.image is not None
    if group.palm is None:
        return letterboxed(subject, case.image)
    if subject is group.palm:
        return group.palm.palm_chain(TFLITE).prepare(case.image)[0]
    regions = locate_hands(group.palm, case.image).regions
    return subject.hand_chain(TFLITE).crop(case.image, regions[0])[0] if regions else None


def _error(far: Far | None, costs: Costs, *, half: bool) -> LayerError:
    """One layer's errors, in multiples of what float16 (`half`) or float32 costs."""
    if far is None:
        return LayerError(None, None, NOT_MAPPED)
    cumulative = costs.cumulative_half if half else costs.cumulative_single
    local = costs.local_half if half else costs.local_single
    most = FLOAT16_LAYER if half else LIMITS.float32_multiple
    near = None if far.local is None else far.local / local
    return LayerError(
        cumulative=None if far.cumulative is None else far.cumulative / cumulative,
        local=near,
        status=PASS if near is not None and near <= most else FAIL,
    )
