"""Finds which of a candidate's outputs is which of the file's, by shape, names and values.

The file and the candidate are shown the same pictures. An output's cost is the relative distance of
its values from the file's, at most 1. Where an output's name says what it is, the name decides even
against the values: whoever uses the model goes by its names. Names like `Identity_1` say nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from blazepalm.converter.evidence.kinds import ASSUMED, BEHAVIOUR, NAMES, SHAPE
from blazepalm.reports.backends.candidate.layout import Arrangement, arrangements
from blazepalm.reports.backends.candidate.units import Unit, units_of

Values = Mapping[str, Sequence[np.ndarray]]  # by output, one array a picture

CLEAR = 0.5  # the largest cost at which values show what an output is
MARGIN = 2.0  # another reading or pairing must cost this many times as much
LEAST = 1e-7  # costs below float32's precision are equal
IMPOSSIBLE = 1e6  # as a logarithm


@dataclass(frozen=True)
class Fit:
    """One way in which a candidate's output can be one of the file's, and its cost."""

    arrangement: Arrangement
    unit: Unit
    cost: float

    def of(self, value: np.ndarray) -> np.ndarray:
        """The candidate's value as the file's."""
        return self.unit.to_file(self.arrangement.of(value))

    def __str__(self) -> str:
        """Where it differs from the file: ` in 1/192 pixels, axes turned`; else empty."""
        turned = list(self.arrangement.axes) != sorted(self.arrangement.axes)
        words = [self.unit.words] if self.unit.words else []
        words += ["with its axes in another order"] if turned else []
        return f" {', '.join(words)}" if words else ""


@dataclass(frozen=True)
class Pair:
    """The file's `output` (readable: `field`) is the candidate's `name`, found `by` a kind of
    evidence.
    """

    output: str
    field: str
    name: str
    by: str
    fit: Fit


@dataclass(frozen=True)
class Pairing:
    """`cost`: the mean logarithm of the outputs' costs, which compares readings. `seems`: what the
    outputs are by their values, where names say otherwise, by the candidate's name.
    """

    pairs: tuple[Pair, ...]
    cost: float
    seems: Mapping[str, str] = field(default_factory=dict)


def pair(
    reference: Values,
    fields: Sequence[str],
    found: Values,
    claims: Mapping[str, str],
    side: int | None,
) -> Pairing:
    """Pairs the file's outputs `reference` (readable: `fields`, in the same order) with the
    candidate's. `claims`: what the candidate's names say, a field for each name that says one; no
    field twice.
    """
    from scipy.optimize import linear_sum_assignment

    outputs, names = list(reference), list(found)
    fits = {
        (i, j): fit
        for i, output in enumerate(outputs)
        for j, name in enumerate(names)
        if (fit := _best(reference[output], found[name], fields[i], side)) is not None
    }
    costs = np.full((len(outputs), len(names)), IMPOSSIBLE)
    for (i, j), fit in fits.items():
        costs[i, j] = math.log(max(fit.cost, LEAST))
    by_values = _possible(linear_sum_assignment(costs), fits)
    claimed = costs.copy()
    stated = {(i, j) for i, j in fits if claims.get(names[j]) == fields[i]}
    for j, name in enumerate(names):
        if name in claims:
            claimed[[i for i in range(len(outputs)) if (i, j) not in stated], j] = IMPOSSIBLE
    allowed = {place: fit for place, fit in fits.items() if claimed[place] < IMPOSSIBLE}
    chosen = _possible(linear_sum_assignment(claimed), allowed)
    clear = {i: j for i, j in by_values.items() if _is_clear(costs, fits, i, j)}
    pairs = tuple(
        Pair(outputs[i], fields[i], names[j], _evidence(i, j, fits, stated, clear), fits[i, j])
        for i, j in sorted(chosen.items())
    )
    seems = {names[j]: fields[i] for i, j in clear.items() if chosen.get(i) != j}
    mean = float(np.mean([costs[i, j] for i, j in by_values.items()])) if by_values else IMPOSSIBLE
    return Pairing(pairs, mean, seems)


def _best(
    reference: Sequence[np.ndarray], found: Sequence[np.ndarray], field: str, side: int | None
) -> Fit | None:
    """The cheapest way in which one output can be the other; the plainest of equals. None if the
    shapes do not allow any.
    """
    best: Fit | None = None
    for arrangement in arrangements(found[0].shape, reference[0].shape):
        for unit in units_of(field, side):
            fit = Fit(arrangement, unit, 1.0)
            cost = _distance(
                [unit.compared(value) for value in reference],
                [unit.compared(fit.of(value)) for value in found],
            )
            if best is None or cost * MARGIN < best.cost:
                best = Fit(arrangement, unit, cost)
    return best


def _distance(reference: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> float:
    """‖found − reference‖ / ‖reference‖ over all pictures, at most 1."""
    r, c = (np.stack(values).astype(np.float64) for values in (reference, found))
    size = float(np.linalg.norm(r))
    apart = float(np.linalg.norm(c - r))
    if not np.isfinite(apart) or not np.isfinite(size):
        return 1.0
    return min(apart / size, 1.0) if size else float(apart > 0)


def _possible(
    assigned: tuple[np.ndarray, np.ndarray], fits: Mapping[tuple[int, int], Fit]
) -> dict[int, int]:
    pairs = zip(*(map(int, places) for places in assigned), strict=True)
    return {i: j for i, j in pairs if (i, j) in fits}


def _is_clear(costs: np.ndarray, fits: Mapping[tuple[int, int], Fit], i: int, j: int) -> bool:
    """Whether the values alone show that the candidate's j is the file's i."""
    others = [costs[i, k] for k in range(costs.shape[1]) if k != j]
    others += [costs[k, j] for k in range(costs.shape[0]) if k != i]
    near = costs[i, j] + math.log(MARGIN)
    return fits[i, j].cost <= CLEAR and all(other >= near for other in others)


def _evidence(
    i: int,
    j: int,
    fits: Mapping[tuple[int, int], Fit],
    stated: set[tuple[int, int]],
    clear: Mapping[int, int],
) -> str:
    if sum(place[0] == i for place in fits) == 1 == sum(place[1] == j for place in fits):
        return SHAPE
    if (i, j) in stated:
        return NAMES
    return BEHAVIOUR if clear.get(i) == j else ASSUMED
