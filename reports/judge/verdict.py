"""Judges totals: computes the noise floor and every doubt (`reports.judge.judge` does the rest).

The floor of an output is the largest error of LiteRT's two kernel sets against the float64
oracle: what float32 costs on this graph and these inputs. A float32 backend passes within
`limits.float32_multiple` floors of the oracle *and* of LiteRT; a float16 one within the task's
limits. Anything doubtful (nothing compared, an output missing or of the wrong shape, NaN, a
constant) fails.
"""

from collections.abc import Mapping

import numpy as np
from msgspec.structs import replace

from blazepalm.reports.backends.backend import CANDIDATE
from blazepalm.reports.backends.names import (
    BEHIND,
    GENERIC,
    ORACLE,
    TFLITE,
    TFLITE_REF,
    TORCH,
)
from blazepalm.reports.compare import rows
from blazepalm.reports.compare.meters import Difference, Range
from blazepalm.reports.compare.rows import (
    BY_BITS,
    BY_BITS_AGAINST,
    BY_FLOOR,
    ISOLATED,
    NOT_JUDGED,
    Key,
    Row,
)
from blazepalm.reports.judge.judge import judge_of
from blazepalm.reports.judge.judge_rows import doubts_of, is_shared, scalar_row, tensor_row
from blazepalm.reports.judge.policy import FLOAT32_MAX, Limits
from blazepalm.reports.judge.report import OutputFacts
from blazepalm.reports.judge.totals import Totals
from blazepalm.reports.subjects.subject import Subject


def judge_model(totals: Totals, subject: Subject, limits: Limits) -> tuple[Row, ...]:
    """Every row of one model, in the order in which it was first measured."""
    fields = dict(zip(subject.outputs, subject.fields, strict=True))
    judged = []
    for key, meter in totals.differences.items():
        if key.model == subject.name:
            judged.append(_judge_tensor(totals, subject, key, meter.result(), fields, limits))
    for key, scalar in totals.scalars.items():
        if key.model == subject.name:
            judged.append(scalar_row(key, scalar, limits))
    return tuple(judged)


def output_facts(totals: Totals, subject: Subject) -> tuple[OutputFacts, ...]:
    """What float32 costs on each raw output."""
    facts = []
    for output, name in zip(subject.outputs, subject.fields, strict=True):
        found = _range(totals, subject.name, rows.RAW, ORACLE, output)
        parts = _floor_parts(totals, subject.name, rows.RAW, ISOLATED, output)
        facts.append(OutputFacts(output, name, found, _floor(parts), parts))
    return tuple(facts)


def _judge_tensor(
    totals: Totals,
    subject: Subject,
    key: Key,
    found: Difference,
    fields: Mapping[str, str],
    limits: Limits,
) -> Row:
    backend = subject.registration(key.backend)
    judge = judge_of(backend) if backend.kind == CANDIDATE else NOT_JUDGED
    if key.reference == BY_BITS_AGAINST:
        judge = BY_BITS
    if is_shared(key):  # the same arithmetic in float32
        judge = BY_FLOOR
    floor = None
    doubts: list[str] = []
    if judge in (BY_FLOOR, NOT_JUDGED):
        parts = _floor_parts(totals, key.model, key.stage, key.mode, key.output, found)
        floor = _floor(parts)
        if not is_shared(key):
            doubts += _floor_doubts(totals, key)
        if key.stage == rows.RAW:
            doubts += _unlike_tflite(totals, key, parts, limits)
    doubts += _doubts(totals, key, found)
    return tensor_row(
        key,
        found,
        judge,
        limits,
        field=fields.get(key.output),
        floor=floor,
        doubts=() if judge == NOT_JUDGED else doubts,
    )


def _doubts(totals: Totals, key: Key, found: Difference) -> list[str]:
    """Reasons to distrust the numbers themselves."""
    doubts = doubts_of(key, found)
    if is_shared(key):
        return doubts
    for name in (key.backend, key.reference):
        seen = _range(totals, key.model, key.stage, name, key.output)
        known = key.stage != rows.RAW and _varies(totals, key.model, name)
        constant = seen.constant and not (known and seen.inputs == 1)
        if seen.inputs and (seen.zero or constant):
            what = "nothing but zeros" if seen.zero else "the same values for every input"
            inputs = "input; give more" if seen.inputs == 1 else "inputs"
            doubts.append(f"{name}: {what}, with {seen.inputs} {inputs}")
    return doubts


def _floor_doubts(totals: Totals, key: Key) -> list[str]:
    """Reasons to distrust the floor that a row is judged by."""
    doubts = []
    for name in (TFLITE, TFLITE_REF):
        own = replace(key, backend=name, reference=ORACLE)
        if own in totals.differences:
            doubts += _doubts(totals, own, totals.differences[own].result())
    return doubts


def _varies(totals: Totals, model: str, backend: str) -> bool:
    """Whether every raw output of a backend is known to depend on its input."""
    for network in BEHIND.get(backend, (backend,)):
        found = [
            meter.result().constant
            for (m, stage, b, _), meter in totals.ranges.items()
            if (m, stage, b) == (model, rows.RAW, network)
        ]
        if found:
            return not any(found)
    return False


def _floor_parts(
    totals: Totals,
    model: str,
    stage: str,
    mode: str,
    output: str,
    found: Difference | None = None,
) -> dict[str, float | None]:
    """The largest error of each kernel set and of torch's generic module, and half the float32
    spacing at the peak: even where LiteRT happens to be exact, no float32 result can be
    expected to be closer than that.
    """
    parts: dict[str, float | None] = {}
    for name in (TFLITE, TFLITE_REF, GENERIC):
        meter = totals.differences.get(Key(model, stage, mode, output, name, ORACLE))
        parts[name] = None if meter is None else meter.max_abs
    peak = _range(totals, model, stage, ORACLE, output).peak
    if found is not None and found.peak is not None and parts[TFLITE] is None:
        peak = found.peak
    parts["spacing"] = float(np.spacing(np.float32(min(peak, FLOAT32_MAX)))) / 2
    return parts


def _floor(parts: Mapping[str, float | None]) -> float:
    return max(parts[name] or 0.0 for name in (TFLITE, TFLITE_REF, "spacing"))


def _unlike_tflite(
    totals: Totals, key: Key, parts: Mapping[str, float | None], limits: Limits
) -> list[str]:
    """A doubt if the floor is too high for rounding: oracle and LiteRT compute different graphs.

    The cost of float32 in torch is the larger error of the generic module, which skips some
    pictures, and the readable one, which has the same bits (otherwise its own row fails) and
    runs on all pictures, as LiteRT does.
    """
    if parts[GENERIC] is None:
        return []
    readable = totals.differences.get(replace(key, backend=TORCH, reference=ORACLE))
    costs = parts[GENERIC], parts["spacing"], None if readable is None else readable.max_abs
    float32 = max(cost or 0.0 for cost in costs)
    most = limits.floor_multiple * float32
    farthest = max(parts[TFLITE] or 0.0, parts[TFLITE_REF] or 0.0)
    if farthest <= most:
        return []
    return [
        f"LiteRT is {farthest:.3g} from the oracle, more than {limits.floor_multiple:g} × what "
        f"float32 costs in torch ({float32:.3g}): they do not compute the same graph"
    ]


def _range(totals: Totals, model: str, stage: str, backend: str, output: str) -> Range:
    meter = totals.ranges.get((model, stage, backend, output))
    return meter.result() if meter else Range(0, None, None, None, False, False, 0)
