"""Measures how far every layer's values are from float64 in each backend, and what float32 and
float16 cost there: plain numbers, which `reports.layers.compare` judges.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from msgspec import Struct

from blazepalm.errors import ProcessDied
from blazepalm.reports.backends.coreai_layers import CoreAILayers
from blazepalm.reports.backends.mil.accumulation import CORE_AI_SUMS, FLOAT32_SUMS
from blazepalm.reports.backends.names import COREAI_FP16, MIL_FP16, MIL_FP16_CORE_AI, TORCH
from blazepalm.reports.judge.policy import LIMITS
from blazepalm.reports.layers.truth import LayerTruth, Truth
from blazepalm.reports.layers.values import (
    Candidate,
    Named,
    run_core_ai,
    run_program,
    run_traced,
)

if TYPE_CHECKING:
    from blazepalm.reports.backends.mil import Program

HALVES = (MIL_FP16, MIL_FP16_CORE_AI, COREAI_FP16)


class Far(NamedTuple):
    """The distance of a layer's values from float64; None if they cannot be compared."""

    cumulative: float | None
    local: float | None


class Costs(NamedTuple):
    """What the arithmetic costs on a layer, in its values' unit: float32 (`single`) and float16
    (`half`), from the image and from LiteRT's own values.
    """

    cumulative_single: float
    cumulative_half: float
    local_single: float
    local_half: float


class Place(NamedTuple):
    """A layer: the file's operator and the tensor that it outputs, by index, with its shape there;
    the torch module and the MIL value, None without a counterpart.
    """

    operator: int
    tensor: int
    shape: tuple[int, ...]
    module: str | None
    mil: str | None


class Measured(Struct, frozen=True):
    """Every layer of one model on one input, in the file's order. `distances`: by backend, each
    layer's, None if it has no such layer; `unread`: the backends whose layers could not be read,
    and why.
    """

    places: list[Place]
    costs: list[Costs]
    distances: dict[str, list[Far | None]]
    unread: dict[str, str]


def measure_layers(
    truth: LayerTruth,
    candidate: Candidate,
    programs: "Mapping[str, Program] | None" = None,
    core_ai: "Mapping[str, Program] | None" = None,
) -> Measured:
    """Measures every layer of one model on one input.

    `candidate`: the readable module's calls. `programs`: by backend the Core ML programs that
    blazepalm's executor computes; `core_ai`: those that Core AI does.
    """
    mil = [j.mil for j in truth.joined]
    run = partial(run_traced, *candidate, truth.inputs)
    distances = {TORCH: _distances(truth, run, [j.node for j in truth.joined])}
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
    places = [
        Place(j.operator, j.tensor, tuple(shape), j.module, j.mil)
        for j, shape in zip(truth.joined, truth.shapes, strict=True)
    ]
    return Measured(places, _costs(truth, distances), distances, unread)


def _distances(
    truth: LayerTruth, run: Callable[[Named | None], Named], names: Sequence[str | None]
) -> list[Far | None]:
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
        None if name is None else Far(far, near)
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


def _costs(truth: LayerTruth, distances: Mapping[str, Sequence[Far | None]]) -> list[Costs]:
    """Each layer's. If a float32 layer is too far from the truth, float32's cost is measured on
    more inputs than this one.
    """
    singles = [layer.single for layer in truth.exacts]
    float32 = [errors for backend, errors in distances.items() if backend not in HALVES]
    if any(
        far is not None and far.local is not None and far.local > LIMITS.float32_multiple * cost
        for errors in float32
        for far, cost in zip(errors, singles, strict=True)
    ):
        singles = truth.costs
    return [
        Costs(double.single, double.half, single, exact.half)
        for double, exact, single in zip(truth.doubles, truth.exacts, singles, strict=True)
    ]
