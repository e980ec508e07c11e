"""Measured differences → one judged row an output: the noise floor, and who is inside it.

The floor of an output is the largest error of LiteRT's two kernel sets against the float64
oracle: what float32 costs on this graph and these inputs. A float32 backend passes within
`policy.FLOAT32_MULTIPLE` floors of the oracle *and* of LiteRT. Whatever leaves a doubt (nothing
compared, an output missing or of another shape, NaN, a constant) fails.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from blazepalm.reports import policy
from blazepalm.reports.measure import Measured, Pair
from blazepalm.reports.metrics import Difference

PAIRS: tuple[Pair, ...] = (
    ("tflite", "oracle"),
    ("tflite-ref", "oracle"),
    ("generic", "oracle"),
    ("torch", "oracle"),
    ("torch", "tflite"),
    ("torch", "generic"),
)


@dataclass(frozen=True)
class Floor:
    """What float32 costs, in the output's units: the largest error against the oracle of each
    of LiteRT's kernel sets; `generic` is that of torch. `spacing`, half the distance of float32
    numbers at the output's peak, bounds it below: where LiteRT happens to be exact, no float32
    result can be asked to be closer.
    """

    tflite: float | None
    tflite_ref: float | None
    generic: float | None
    spacing: float

    @property
    def value(self) -> float:
        return max(self.tflite or 0.0, self.tflite_ref or 0.0, self.spacing)


@dataclass(frozen=True)
class FloorRow:
    """One output of one candidate against the floor. `low` and `high` are the oracle's
    range. `needed` is the tolerance that would have passed, `multiple` the same in floors.
    """

    output: str
    candidate: str
    shape: tuple[int, ...] | None
    low: float | None
    high: float | None
    floor: Floor
    limit: float
    against_oracle: Difference
    against_tflite: Difference
    needed: float | None
    multiple: float | None
    status: str
    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return self.status == "pass"


@dataclass(frozen=True)
class BitwiseRow:
    """One output of the readable module against the generic one, bit by bit. `not_run` where
    no family was recognised and the module *is* the generic one.
    """

    output: str
    candidate: str
    reference: str
    elements: int
    unequal: int | None
    status: str
    reasons: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return self.status == "pass"


def judge_floor(measured: Measured, output: str, *, candidate: str = "torch") -> FloorRow:
    """The row of one output; fails with every reason that there is."""
    against_oracle = measured.differences[candidate, "oracle", output]
    against_tflite = measured.differences[candidate, "tflite", output]
    oracle = measured.ranges["oracle", output]
    tflite, tflite_ref, generic = (
        measured.differences[name, "oracle", output] for name in ("tflite", "tflite-ref", "generic")
    )
    floor = Floor(
        tflite=tflite.max_abs,
        tflite_ref=tflite_ref.max_abs,
        generic=generic.max_abs,
        spacing=float(np.spacing(np.float32(oracle.peak))) / 2,
    )
    limit = policy.FLOAT32_MULTIPLE * floor.value
    errors = [d.max_abs for d in (against_oracle, against_tflite) if d.max_abs is not None]
    needed = max(errors) if len(errors) == 2 else None
    reasons = [
        *_doubts(measured, output, candidate),
        *_unlike_tflite(floor),
        *(
            f"{error:.3g} from {reference}, which is {error / floor.value:.3g} × the floor; "
            f"the limit is {policy.FLOAT32_MULTIPLE:g} ×"
            for reference, error in (
                ("the oracle", against_oracle.max_abs),
                ("LiteRT", against_tflite.max_abs),
            )
            if error is not None and error > limit
        ),
    ]
    return FloorRow(
        output=output,
        candidate=candidate,
        shape=oracle.shape,
        low=oracle.low,
        high=oracle.high,
        floor=floor,
        limit=limit,
        against_oracle=against_oracle,
        against_tflite=against_tflite,
        needed=needed,
        multiple=None if needed is None else needed / floor.value,
        status="fail" if reasons else "pass",
        reasons=tuple(reasons),
    )


def judge_bitwise(measured: Measured, output: str, *, recognised: bool) -> BitwiseRow:
    """Whether readable and generic module gave the same bits for every input."""
    difference = measured.differences["torch", "generic", output]
    compared = measured.ranges["torch", output]
    reasons = list(difference.problems)
    if difference.unequal is None:
        reasons.append("the outputs have different dtypes")
    elif difference.unequal:
        reasons.append(f"{difference.unequal} of {difference.elements} values differ in their bits")
    if compared.inputs == 0:
        reasons.append("nothing was compared")
    status = "fail" if reasons else "pass"
    if not recognised and not reasons:
        status, reasons = "not_run", ["no family was recognised: the module is the generic one"]
    return BitwiseRow(
        output=output,
        candidate="torch",
        reference="generic",
        elements=difference.elements,
        unequal=difference.unequal,
        status=status,
        reasons=tuple(reasons),
    )


def _doubts(measured: Measured, output: str, candidate: str) -> list[str]:
    """What makes the numbers themselves worthless."""
    needed: Sequence[Pair] = (
        (candidate, "oracle"),
        (candidate, "tflite"),
        ("tflite", "oracle"),
        ("tflite-ref", "oracle"),
    )
    doubts = []
    for c, r in needed:
        difference = measured.differences[c, r, output]
        doubts += [f"{c} against {r}: {problem}" for problem in difference.problems]
        if difference.elements == 0 and not difference.problems:
            doubts.append(f"{c} against {r}: nothing was compared")
    if measured.differences[candidate, "tflite", output].unequal is None:
        doubts.append(f"{candidate} and LiteRT have outputs of different dtypes")
    for name in (candidate, "oracle", "tflite", "tflite-ref"):
        found = measured.ranges[name, output]
        if found.nonfinite:
            doubts.append(f"{name}: {found.nonfinite} values are NaN or infinite")
        if found.inputs and found.constant:
            doubts.append(
                f"{name}: the same values for every input, with {found.inputs} "
                f"{'input' if found.inputs == 1 else 'inputs'}"
            )
    return doubts


def _unlike_tflite(floor: Floor) -> list[str]:
    """Whether the floor is too high to be rounding: oracle and LiteRT mean another graph."""
    if floor.generic is None:
        return []
    most = policy.FLOOR_MULTIPLE * max(floor.generic, floor.spacing)
    farthest = max(floor.tflite or 0.0, floor.tflite_ref or 0.0)
    if farthest <= most:
        return []
    reason = (
        f"LiteRT is {farthest:.3g} from the oracle, more than {policy.FLOOR_MULTIPLE:g} × what "
        f"float32 costs in torch ({floor.generic:.3g}): they do not compute the same graph"
    )
    return [reason]
