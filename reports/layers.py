"""Where it first goes wrong inside a model: every layer across LiteRT, torch and the Core ML
program, by its cumulative and its *local* error.

The local error of a layer is what it does wrong given the reference's own input: a run in which
every layer's result, once compared, is replaced by LiteRT's. Both errors are told in multiples
of what the arithmetic costs on that very layer: in float32, LiteRT's distance from the same in
float64; in float16, half the distance of float16 numbers at the layer's peak. The culprit is
the first layer with a high local error, named in all three vocabularies: TFLite operator and
tensor, torch module, MIL operation.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

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


class _Truth(NamedTuple):
    """A layer's values in float64, and what the arithmetic costs there: in float32 (`single`)
    LiteRT's error, at least half the distance of float32 numbers at the peak; in float16
    (`half`) half the distance of float16 numbers there.
    """

    values: np.ndarray
    single: float
    half: float


def compare_layers(
    subject: Subject,
    joined: tuple[Joined, ...],
    candidate: Candidate,
    image: np.ndarray,
    reference: Layers,
    programs: "Mapping[str, Program] | None" = None,
) -> dict[str, Any]:
    """The report's `layers` of one model on one (1, H, W, C) input, without the case's name.

    `candidate`: the readable module's calls. `reference`: LiteRT's value of every tensor, in
    TFLite's axis order. `programs`: Core ML programs by backend.
    """
    from blazepalm.reports.backends.lowered import doubled  # imports torch

    converted = subject.converted
    shapes = {tensor: list(value.shape) for tensor, value in reference.items()}
    reference = {tensor: planes(value) for tensor, value in reference.items()}
    joined = tuple(j for j in joined if j.tensor in reference)
    given = [reference[j.tensor] for j in joined]
    network, fed = doubled(converted.generic), image.astype(np.float64)
    doubles, exacts = (
        [_truth(values[j.tensor], reference[j.tensor]) for j in joined]
        for values in (run_lowered(network, fed), run_lowered(network, fed, reference))
    )
    nodes, mil = [j.node for j in joined], [j.mil for j in joined]
    run = partial(run_traced, *candidate, image)
    found = {TORCH: _errors(run, nodes, given, doubles, exacts, half=False)}
    for backend, program in (programs or {}).items():
        run, half = partial(run_program, program, image), backend == MIL_FP16
        found[backend] = _errors(run, mil, given, doubles, exacts, half=half)
    rows = []
    culprits: dict[str, Culprit | None] = dict.fromkeys(found)
    names = {tensor.index: tensor.name for tensor in converted.graph.tensors}
    operators = {operator.index: operator.name for operator in converted.graph.operators}
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
            {
                "op": j.operator,
                "operator": operators[j.operator],
                "tensor": names[j.tensor],
                "shape": shapes[j.tensor],
                "module": j.module,
                "mil": j.mil,
                "backends": errors,
            }
        )
    return {"reference": TFLITE, "rows": rows, "culprits": culprits}


def layers_of(
    group: Group, subject: Subject, calls: Candidate, content: bytes, case: Case | None
) -> dict[str, Any]:
    """The report's `layers` of one model on one case: the letterboxed image of a detector, the
    first hand's crop of a landmark model, noise where there is neither. `calls`: what
    `trace_subject` gives; `content`: its file.
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
    joined = join(subject, calls, programs.get(MIL))
    return {"case": name, **compare_layers(subject, joined, calls, image, reference, programs)}


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


def _truth(values: np.ndarray, reference: np.ndarray) -> _Truth:
    peak = float(np.abs(values).max(initial=0.0))
    least = float(np.spacing(np.float32(min(peak, FLOAT32_MOST)))) / 2
    single = float(np.abs(reference - values).max(initial=0.0))
    return _Truth(values, max(single, least), float(half_spacing(np.array([peak]))[0]) / 2)


def _errors(
    run: Callable[[Named | None], Named],
    names: Sequence[str | None],
    given: Sequence[np.ndarray],
    doubles: Sequence[_Truth],
    exacts: Sequence[_Truth],
    *,
    half: bool,
) -> list[LayerError]:
    """Of each layer of one backend. `run` gives its values, from the image on or with given ones
    in their places; `names`: what it calls each layer's; `given`: LiteRT's. `doubles`: in float64
    from the image on; `exacts`: in float64 from LiteRT's values.
    """
    values = run(None)
    names = [name if name in values else None for name in names]
    cumulative = _multiples(values, names, doubles, half)
    del values  # before the next are computed: they are the most of the memory
    values = run({name: value for name, value in zip(names, given, strict=True) if name})
    local = _multiples(values, names, exacts, half)
    most = FLOAT16_LAYER if half else LIMITS.float32_multiple
    return [
        LayerError(None, None, NOT_MAPPED)
        if name is None
        else LayerError(far, near, PASS if near is not None and near <= most else FAIL)
        for name, far, near in zip(names, cumulative, local, strict=True)
    ]


def _multiples(
    values: Named, names: Sequence[str | None], truths: Sequence[_Truth], half: bool
) -> list[float | None]:
    return [
        None if name is None else _multiple(values[name], truth, half)
        for name, truth in zip(names, truths, strict=True)
    ]


def _multiple(value: np.ndarray, truth: _Truth, half: bool) -> float | None:
    """The largest error in multiples of the cost; None where the values cannot be compared."""
    if value.size != truth.values.size:
        return None
    error = truth.values - value.reshape(truth.values.shape)
    worst = float(np.abs(error, out=error).max(initial=0.0))
    if not np.isfinite(worst):
        return None
    return worst / (truth.half if half else truth.single)
