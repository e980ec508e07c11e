"""Where it first goes wrong inside a model: every layer across LiteRT, torch and the Core ML
program, by its cumulative and its *local* error.

The local error of a layer is what it does wrong given the reference's own input: a run in which
every layer's result, once compared, is replaced by LiteRT's. Both errors are told in multiples
of what the arithmetic costs on that very layer: in float32, LiteRT's distance from the same in
float64; in float16, half the distance of float16 numbers at the layer's peak. The culprit is
the first layer with a high local error, named in all three vocabularies: TFLite operator and
tensor, torch module, MIL operation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from blazepalm.reports.cases import Case, noise
from blazepalm.reports.comparison import half_spacing
from blazepalm.reports.layer_join import JOIN_SEED, Joined, join
from blazepalm.reports.layer_values import (
    Candidate,
    Layers,
    Named,
    planes,
    run_lowered,
    run_program,
    run_traced,
    trace_subject,
)
from blazepalm.reports.palm_walk import locate_hands
from blazepalm.reports.policy import FLOAT16_LAYER, FLOAT32_MOST, LIMITS
from blazepalm.reports.roles import MIL, MIL_FP16, TFLITE, TORCH
from blazepalm.reports.rows import FAIL, NOT_MAPPED, PASS
from blazepalm.reports.subject import Subject
from blazepalm.reports.unit import Group, letterboxed

if TYPE_CHECKING:
    from blazepalm.reports.backends.mil import Program


@dataclass(frozen=True)
class LayerError:
    """In multiples of the arithmetic's cost on that layer; None where it was not compared."""

    cumulative: float | None
    local: float | None
    status: str


@dataclass(frozen=True)
class Culprit:
    """The first layer with a high local error, in all three vocabularies."""

    op: int
    operator: str
    tensor: str
    module: str | None
    mil: str | None
    local: float


@dataclass(frozen=True)
class _Runs:
    """One backend's values, from the image on (`own`) and each from the reference's (`alone`);
    `names[i]` is what it calls the value of the `i`-th joined tensor.
    """

    own: Named
    alone: Named
    names: tuple[str | None, ...]
    half: bool = False


def compare_layers(
    subject: Subject,
    joined: tuple[Joined, ...],
    image: np.ndarray,
    reference: Layers,
    *,
    programs: "Mapping[str, Program] | None" = None,
    candidate: Candidate | None = None,
) -> dict[str, Any]:
    """The report's `layers` of one model on one (1, H, W, C) input, without the case's name.

    `reference`: LiteRT's value of every tensor on it. `programs`: Core ML programs by backend.
    `candidate`: in place of the subject's own readable module.
    """
    converted = subject.converted
    double = run_lowered(converted.generic, image, double=True)
    exact = run_lowered(converted.generic, image, double=True, given=reference)
    found = {TORCH: _torch_runs(candidate or trace_subject(subject), joined, image, reference)}
    for backend, program in (programs or {}).items():
        half = backend == MIL_FP16
        found[backend] = _program_runs(program, joined, image, reference, half=half)
    rows = []
    culprits: dict[str, Culprit | None] = dict.fromkeys(found)
    names = {tensor.index: tensor.name for tensor in converted.graph.tensors}
    operators = {operator.index: operator.name for operator in converted.graph.operators}
    for place, j in enumerate(joined):
        if j.tensor not in reference:
            continue
        truth = (double[j.tensor], exact[j.tensor], reference[j.tensor])
        errors = {backend: _layer_error(runs, place, truth) for backend, runs in found.items()}
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
            {
                "op": j.operator,
                "operator": operators[j.operator],
                "tensor": names[j.tensor],
                "shape": list(reference[j.tensor].shape),
                "module": j.module,
                "mil": j.mil,
                "backends": errors,
            }
        )
    return {"reference": TFLITE, "rows": rows, "culprits": culprits}


def layers_of(group: Group, subject: Subject, content: bytes, case: Case | None) -> dict[str, Any]:
    """The report's `layers` of one model on one case: the letterboxed image of a detector, the
    first hand's crop of a landmark model, noise where there is neither. `content`: its file.
    """
    from blazepalm.reports.backends.litert_layers import LayerReader
    from blazepalm.reports.backends.rewrite import without_custom_operators

    source = subject.converted.graph.source
    programs = programs_of(subject)
    image = None if case is None or case.image is None else network_input(group, subject, case)
    name = "noise" if image is None or case is None else case.name
    if image is None:
        image = noise(subject.input_shape, subject.value_range, JOIN_SEED, 1)
    reference = LayerReader(without_custom_operators(content, source).content, source).read(image)
    joined = join(subject, programs.get(MIL))
    return {"case": name, **compare_layers(subject, joined, image, reference, programs=programs)}


def programs_of(subject: Subject) -> "dict[str, Program]":
    """The programs of a model's raw packages, by backend."""
    from blazepalm.reports.backends.executed import Executed

    found = {name: subject.backends.get(name) for name in (MIL, MIL_FP16)}
    return {n: b.package.program for n, b in found.items() if isinstance(b, Executed)}


def network_input(group: Group, subject: Subject, case: Case) -> np.ndarray | None:
    """What a network of a group is fed of an image; None where its detector sees no hand."""
    assert case.image is not None
    if group.palm is None:
        return letterboxed(subject, case.image)
    if subject is group.palm:
        return group.palm.palm_chain(TFLITE).prepare(case.image)[0]
    regions = locate_hands(group.palm, case.image).regions
    return subject.hand_chain(TFLITE).crop(case.image, regions[0])[0] if regions else None


def _torch_runs(
    candidate: Candidate, joined: tuple[Joined, ...], image: np.ndarray, reference: Layers
) -> _Runs:
    traced, face = candidate
    known = {node.name for node in traced.graph.nodes}
    names = tuple(j.node if j.node in known else None for j in joined)
    return _Runs(
        run_traced(traced, face, image),
        run_traced(traced, face, image, _given(names, joined, reference)),
        names,
    )


def _program_runs(
    program: "Program",
    joined: tuple[Joined, ...],
    image: np.ndarray,
    reference: Layers,
    *,
    half: bool,
) -> _Runs:
    own = run_program(program, image)
    names = tuple(j.mil if j.mil in own else None for j in joined)
    return _Runs(own, run_program(program, image, _given(names, joined, reference)), names, half)


def _given(names: tuple[str | None, ...], joined: tuple[Joined, ...], reference: Layers) -> Named:
    pairs = zip(names, joined, strict=True)
    return {n: planes(reference[j.tensor]) for n, j in pairs if n and j.tensor in reference}


def _layer_error(
    runs: _Runs, place: int, truth: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> LayerError:
    """`truth`: in float64 from the image on, in float64 from LiteRT's values, and LiteRT's."""
    name = runs.names[place]
    if name is None or name not in runs.own or name not in runs.alone:
        return LayerError(None, None, NOT_MAPPED)
    double, exact, reference = truth
    cumulative = _multiple(runs.own[name], double, reference, runs.half)
    local = _multiple(runs.alone[name], exact, reference, runs.half)
    most = FLOAT16_LAYER if runs.half else LIMITS.float32_multiple
    good = local is not None and local <= most
    return LayerError(cumulative, local, PASS if good else FAIL)


def _multiple(
    value: np.ndarray, exact: np.ndarray, reference: np.ndarray, half: bool
) -> float | None:
    """The largest error against float64 in multiples of what the arithmetic costs: in float32
    LiteRT's error, at least half the distance of float32 numbers at the peak; in float16 half
    the distance of float16 numbers there. None where the values cannot be compared.
    """
    truth = planes(exact)
    if value.size != truth.size:
        return None
    error = np.abs(value.astype(np.float64).reshape(truth.shape) - truth)
    if not np.isfinite(error).all():
        return None
    peak = float(np.abs(truth).max(initial=0.0))
    if half:
        cost = float(half_spacing(np.array([peak]))[0]) / 2
    else:
        cost = float(np.abs(reference.astype(np.float64) - exact).max(initial=0.0))
        cost = max(cost, float(np.spacing(np.float32(min(peak, FLOAT32_MOST)))) / 2)
    return float(error.max(initial=0.0)) / cost
