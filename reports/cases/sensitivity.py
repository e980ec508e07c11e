"""Measures what one input allows: how far noise of half a grey level moves float32's own results.

Every picture was rounded to whole grey levels, so it is uncertain by up to half of one: a uniform
number in ±½ for each pixel and colour. On a hard crop that moves float32's landmarks by several
pixels, and nothing closer can be asked of float16 there. It is measured only where a candidate uses
more than `NEAR` of a limit, because it costs `DRAWS` inferences of the float32 module.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from blazepalm.reports.backends.names import TORCH
from blazepalm.reports.compare.hands import BOX_IOU, Detections, Scalars
from blazepalm.reports.compare.matching import match
from blazepalm.reports.compare.rows import MIN, SUM, Scalar, exceeds
from blazepalm.reports.judge.policy import DRAWS, NEAR, Limits
from blazepalm.reports.judge.task_limits import TASK_LIMITS
from blazepalm.reports.stages.stages import Floats, Raw
from blazepalm.reports.subjects.subject import Subject

NOISE_SEED = 18  # of `numpy.random.PCG64`; the same noise for every input
FLIPS = "flips"
UNMATCHED, WITHIN = ("detections", "unmatched"), ("detections", "within the margin")


def noisy(tensor: Floats, value_range: tuple[float, float]) -> Floats:
    """(1, H, W, C) in `value_range` → (DRAWS, H, W, C): the same picture with each draw's noise."""
    low, high = value_range
    generator = np.random.Generator(np.random.PCG64(NOISE_SEED))
    levels = generator.random((DRAWS, *tensor.shape[1:]), dtype=np.float32) - np.float32(0.5)
    found: Floats = tensor + levels * np.float32((high - low) / 255)
    return found


def noisy_outputs(subject: Subject, tensor: Floats) -> list[Raw]:
    """The float32 module's outputs for each draw, by readable name; empty where it did not open."""
    if TORCH not in subject.backends:
        return []
    run = subject.runner(TORCH)
    found = run(noisy(tensor, subject.value_range))
    return [{name: values[i : i + 1] for name, values in found.items()} for i in range(DRAWS)]


def is_near_limit(scalars: Scalars, stage: str, limits: Limits) -> bool:
    """Whether any number uses more than `NEAR` of its limit."""
    for name, scalar in scalars.items():
        of = TASK_LIMITS.get((stage, *name))
        best = scalar.best if scalar.how != SUM else 0.0
        if of is None or best is None:
            continue
        if exceeds(abs(scalar.value - best), NEAR * abs(of(limits) - best)):
            return True
    return False


def allowed_hand(scalars: Scalars, draws: Sequence[Scalars]) -> Scalars:
    """A hand's numbers with its sensitivity, from the same numbers of float32 with noise. A flip
    closer to its threshold than noise moves the probability is a tie.
    """
    found = dict(scalars)
    for name, scalar in scalars.items():
        seen = [draw[name].value for draw in draws if name in draw]
        if scalar.best is None or not seen:
            continue
        found[name] = _allowed(scalar, {0: scalar.value}, {0: _worst(seen, scalar.how)})
        output = name[0]
        margin = scalars.get((output, "margin to the threshold"))
        if margin is not None and margin.value <= max(seen):
            found[output, FLIPS] = replace(scalars[output, FLIPS], value=0.0)
    return found


class AllowedBoxes(NamedTuple):
    """A picture's numbers with the sensitivity of its boxes, and the indices of the boxes of the
    reference and of the candidate that noise moves as far, takes away or adds as well.
    """

    scalars: Scalars
    reference: frozenset[int]
    candidate: frozenset[int]


def allowed_boxes(found: Detections, draws: Sequence[Detections], least: float) -> AllowedBoxes:
    """A picture's detections judged beside those of float32 with noise. One that noise takes away
    or adds as well is a tie. `least` is the fixed limit of IoU.
    """
    if not draws:
        return AllowedBoxes(found.scalars, frozenset(), frozenset())
    scalars = dict(found.scalars)
    noise = {r: min(draw.overlaps.get(r, 0.0) for draw in draws) for r in found.overlaps}
    if noise:
        scalars[BOX_IOU] = _allowed(scalars[BOX_IOU], found.overlaps, noise)
    moved = {r for r, overlap in found.overlaps.items() if noise[r] <= overlap < least}
    lost = {r for r in found.lost if any(r in draw.lost for draw in draws)}
    extra = {
        c
        for c, box in found.extra.items()
        if any(len(match(box[None], np.stack([*d.extra.values()])).pairs) for d in draws if d.extra)
    }
    for name, change in ((UNMATCHED, -1), (WITHIN, 1)):
        count = scalars[name]
        scalars[name] = replace(count, value=count.value + change * (len(lost) + len(extra)))
    return AllowedBoxes(scalars, frozenset(moved | lost), frozenset(extra))


def _allowed(scalar: Scalar, values: dict[int, float], noise: dict[int, float]) -> Scalar:
    """The scalar with the sensitivity of its worst value, and the worst that exceeds its own."""
    beyond = [value for i, value in values.items() if not _within(value, noise[i], scalar.how)]
    worst = next((i for i, value in values.items() if value == scalar.value), min(values))
    return replace(
        scalar,
        sensitivity=noise[worst],
        beyond=_worst(beyond, scalar.how) if beyond else None,
    )


def _within(value: float, noise: float, how: str) -> bool:
    return value >= noise if how == MIN else value <= noise


def _worst(values: Sequence[float], how: str) -> float:
    worst = values[0]
    for value in values[1:]:
        if exceeds(-value, -worst) if how == MIN else exceeds(value, worst):
            worst = value
    return worst
