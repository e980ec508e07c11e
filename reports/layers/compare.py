"""Finds where a model first goes wrong: compares every layer across LiteRT, torch and the Core ML
program, by its cumulative and its *local* error.

A layer's local error is its error given the reference's own input: in that run, every layer's
result is replaced by LiteRT's once it has been compared. Both errors are in multiples of what the
arithmetic costs on the same layer (`layer_truth`). The culprit is the first layer with a high
local error, named in all three vocabularies: TFLite operator and tensor, torch module, MIL
operation.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from blazepalm.errors import ProcessDied
from blazepalm.reports.backends.coreai_layers import CoreAILayers
from blazepalm.reports.backends.kept_answers import opened
from blazepalm.reports.backends.mil.accumulation import CORE_AI_SUMS, FLOAT32_SUMS
from blazepalm.reports.backends.names import (
    COREAI,
    COREAI_FP16,
    MIL,
    MIL_FP16,
    MIL_FP16_CORE_AI,
    TFLITE,
    TORCH,
)
from blazepalm.reports.cases.compare import Group, letterboxed
from blazepalm.reports.cases.inputs import NOISE, Case, noise
from blazepalm.reports.cases.palm import locate_hands
from blazepalm.reports.compare.rows import FAIL, NOT_MAPPED, PASS
from blazepalm.reports.judge.policy import FLOAT16_LAYER, LIMITS
from blazepalm.reports.judge.report_parts import Culprit, Layer, LayerError, Layers
from blazepalm.reports.layers.join import JOIN_SEED, join
from blazepalm.reports.layers.truth import LayerTruth, Truth
from blazepalm.reports.layers.values import (
    Candidate,
    Named,
    run_core_ai,
    run_program,
    run_traced,
)
from blazepalm.reports.subjects.subject import Subject

if TYPE_CHECKING:
    from blazepalm.reports.backends.mil import Program


HALVES = (MIL_FP16, MIL_FP16_CORE_AI, COREAI_FP16)


class _Far(NamedTuple):
    """The distance of a layer's values from float64; None if they cannot be compared."""

    cumulative: float | None
    local: float | None


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
    joined, mil = truth.joined, [j.mil for j in truth.joined]
    run = partial(run_traced, *candidate, truth.inputs)
    distances = {TORCH: _distances(truth, run, [j.node for j in joined])}
    for backend, program in (programs or {}).items():
        sums = CORE_AI_SUMS if backend == MIL_FP16_CORE_AI else FLOAT32_SUMS
        run = partial(run_program, program, truth.inputs, accumulation=sums)
        distances[backend] = _distances(truth, run, mil)
    unread = {}
    for backend, program in (core_ai or {}).items():
        run = partial(run_core_ai, CoreAILayers(program, filter(None, mil)), truth.inputs)
        try:
            distances[backend] = _distances(truth, run, mil)
        except ProcessDied as died:
            unread[backend] = str(died)
    found = _judge(truth, distances)
    rows = []
    culprits: dict[str, Culprit | None] = dict.fromkeys(found)
    names = {tensor.index: tensor.name for tensor in truth.graph.tensors}
    operators = {operator.index: operator.name for operator in truth.graph.operators}
    for place, j in enumerate(joined):
        errors = {backend: layers[place] for backend, layers in found.items()}
        for backend, error in errors.items():
            if error.status == FAIL and culprits[backend] is None:
                culprits[backend] = Culprit(
                    op=j.operator,
                    operator=operators[j.operator],
                    tensor=names[j.tensor],
                    module=j.module,
                    mil=j.mil,
                    local=float("inf") if error.local is None else error.local,
                )
        rows.append(
            Layer(
                op=j.operator,
                operator=operators[j.operator],
                tensor=names[j.tensor],
                shape=truth.shapes[place],
                module=j.module,
                mil=j.mil,
                backends=errors,
            )
        )
    return Layers(case, TFLITE, tuple(rows), culprits, unread)


def layers_of(
    group: Group,
    subject: Subject,
    calls: Candidate,
    content: bytes,
    case: Case | None,
    *,
    core_ai: bool = False,
) -> Layers:
    """Compares every layer of one model on one case: the letterboxed image for a detector,
    the first hand's crop for a landmark model, otherwise noise. `calls`: the result of
    `trace_subject`; `content`: the model's file; `core_ai`: also what Core AI computes, and the
    executor with its sums, each of which takes seconds.
    """
    programs = programs_of(subject, core_ai=core_ai)
    with_core_ai = core_ai_programs_of(subject) if core_ai else {}
    image = None if case is None or case.image is None else network_input(group, subject, case)
    name = NOISE if image is None or case is None else case.name
    if image is None:
        image = noise(subject.input_shape, subject.value_range, JOIN_SEED, 1)
    truth = LayerTruth(subject, join(subject, calls, programs.get(MIL)), content, image)
    return compare_layers(truth, calls, programs, name, with_core_ai)


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


def _distances(
    truth: LayerTruth, run: Callable[[Named | None], Named], names: Sequence[str | None]
) -> list[_Far | None]:
    """The errors of each layer of one backend; None if it has no layers of its own. `run` returns
    its values, from the image or with replacements; `names`: its name for each layer's value.
    """
    values = run(None)
    names = [name if name in values else None for name in names]
    cumulative = _furthest(values, names, truth.doubles)
    del values  # before computing the next ones: they take most of the memory
    values = run({name: value for name, value in zip(names, truth.given, strict=True) if name})
    local = _furthest(values, names, truth.exacts)
    return [
        None if name is None else _Far(far, near)
        for name, far, near in zip(names, cumulative, local, strict=True)
    ]


def _furthest(
    values: Named, names: Sequence[str | None], truths: Sequence[Truth]
) -> list[float | None]:
    return [
        None if name is None else _distance(values[name], truth.values)
        for name, truth in zip(names, truths, strict=True)
    ]


def _distance(value: np.ndarray, truth: np.ndarray) -> float | None:
    if value.size != truth.size:
        return None
    error = truth - value.reshape(truth.shape)
    worst = float(np.abs(error, out=error).max(initial=0.0))
    return worst if np.isfinite(worst) else None


def _judge(
    truth: LayerTruth, distances: Mapping[str, Sequence[_Far | None]]
) -> dict[str, list[LayerError]]:
    """Every backend's layers. If a float32 layer is too far from the truth, measures float32's
    cost on more inputs than this one.
    """
    most = LIMITS.float32_multiple
    costs = [layer.single for layer in truth.exacts]
    singles = [errors for backend, errors in distances.items() if backend not in HALVES]
    if any(
        far is not None and far.local is not None and far.local > most * cost
        for errors in singles
        for far, cost in zip(errors, costs, strict=True)
    ):
        costs = truth.costs
    found = {}
    for backend, errors in distances.items():
        half = backend in HALVES
        found[backend] = [
            _error(far, double.half, exact.half, FLOAT16_LAYER)
            if half
            else _error(far, double.single, cost, most)
            for far, double, exact, cost in zip(
                errors, truth.doubles, truth.exacts, costs, strict=True
            )
        ]
    return found


def _error(far: _Far | None, cumulative: float, local: float, most: float) -> LayerError:
    """The arithmetic's cost for the `cumulative` and the `local` error."""
    if far is None:
        return LayerError(None, None, NOT_MAPPED)
    near = None if far.local is None else far.local / local
    return LayerError(
        cumulative=None if far.cumulative is None else far.cumulative / cumulative,
        local=near,
        status=PASS if near is not None and near <= most else FAIL,
    )
