"""Totals → judged rows: the noise floor, who is inside it, and what the task allows.

The floor of an output is the largest error of LiteRT's two kernel sets against the float64
oracle: what float32 costs on this graph and these inputs. A float32 backend passes within
`limits.float32_multiple` floors of the oracle *and* of LiteRT; a float16 one within the task's
limits. Whatever leaves a doubt (nothing compared, an output missing or of another shape, NaN,
a constant) fails.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from blazepalm.reports import rows
from blazepalm.reports.fold import Totals
from blazepalm.reports.metrics import Difference, Range
from blazepalm.reports.policy import Limits
from blazepalm.reports.report import OutputFacts
from blazepalm.reports.rows import (
    BY_BITS,
    BY_BITS_AGAINST,
    BY_FLOOR,
    BY_TASK,
    FAIL,
    ISOLATED,
    NOT_JUDGED,
    PASS,
    Key,
    Row,
)
from blazepalm.reports.subject import GENERIC, ORACLE, ROLES, TFLITE, TFLITE_REF, Subject

# (stage, output, metric) → what it may be at most; IoU at least
TaskLimit = Callable[[Limits], float]
TASK_LIMITS: Mapping[tuple[str, str, str], TaskLimit] = {
    (rows.SUPPRESSED, "detections", "unmatched"): lambda limits: 0.0,
    (rows.SUPPRESSED, "boxes", "IoU"): lambda limits: limits.iou,
    (rows.LANDMARKS, "landmarks", "mean error"): lambda limits: limits.landmarks_mean_px,
    (rows.LANDMARKS, "landmarks", "largest error"): lambda limits: limits.landmarks_max_px,
    (rows.LANDMARKS, "presence", "difference"): lambda limits: limits.presence,
    (rows.LANDMARKS, "presence", "flips"): lambda limits: 0.0,
    (rows.LANDMARKS, "handedness", "difference"): lambda limits: limits.handedness,
    (rows.LANDMARKS, "handedness", "flips"): lambda limits: 0.0,
    (rows.IMAGE, "hands", "unmatched"): lambda limits: 0.0,
}
AT_LEAST = ("IoU",)  # metrics whose limit is a lower one


def judge_model(totals: Totals, subject: Subject, limits: Limits) -> tuple[Row, ...]:
    """Every row of one model, in the order in which its numbers came."""
    fields = dict(zip(subject.outputs, subject.fields, strict=True))
    judged = []
    for key, meter in totals.differences.items():
        if key.model == subject.name:
            judged.append(_judge_tensor(totals, key, meter.result(), fields, limits))
    for key, scalar in totals.scalars.items():
        if key.model == subject.name:
            folded = scalar.result()
            row = Row(
                **vars(key),
                field=key.output,
                judge=BY_TASK if _task_key(key) in TASK_LIMITS else NOT_JUDGED,
                unit=folded.unit,
                inputs=folded.inputs,
                value=folded.value,
                limit=None,
                floor=None,
                multiple=None,
                worst_case=folded.worst_case,
                difference=None,
                status=PASS,
                reasons=(),
            )
            judged.append(rejudge(row, limits))
    return tuple(judged)


def rejudge(row: Row, limits: Limits) -> Row:
    """The same row by other limits: what failed for a reason that no limit heals stays failed."""
    limit, reasons = None, list(row.reasons)
    if row.judge == BY_FLOOR and row.floor is not None:
        limit = limits.float32_multiple * row.floor
        if row.value is not None and not row.value <= limit:
            reasons.append(
                f"{row.value:.3g} from {_words(row.reference)}, which is {row.multiple:.3g} × the "
                f"floor; the limit is {limits.float32_multiple:g} ×"
            )
    elif row.judge == BY_BITS:
        limit = 0.0
        if row.value is not None and row.value > 0 and row.difference is not None:
            reasons.append(
                f"{row.value:.0f} of {row.difference.elements} values differ in their bits"
            )
    elif row.judge == BY_TASK and _task_key(row.key) in TASK_LIMITS:
        limit = TASK_LIMITS[_task_key(row.key)](limits)
        at_least = row.metric in AT_LEAST
        assert row.value is not None
        if not (row.value >= limit if at_least else row.value <= limit):
            what = f"{row.output}, {row.metric}: {row.value:.3g} {row.unit}".rstrip()
            side = "least" if at_least else "most"
            reasons.append(f"{what}; at {side} {limit:g} passes (case {row.worst_case})")
    return replace(row, limit=limit, status=FAIL if reasons else PASS, reasons=tuple(reasons))


def first_divergence(failed: Sequence[Row]) -> str | None:
    """The first stage on the way that fails on the reference's input, else in cascade."""
    for mode in (rows.ISOLATED, rows.CASCADE):
        stages = [row.stage for row in failed if row.mode == mode]
        if stages:
            return min(stages, key=rows.STAGES.index)
    return None


def output_facts(totals: Totals, subject: Subject) -> tuple[OutputFacts, ...]:
    """What float32 costs on each raw output."""
    facts = []
    for output, name in zip(subject.outputs, subject.fields, strict=True):
        found = _range(totals, subject.name, ORACLE, output)
        parts = _floor_parts(totals, subject.name, rows.RAW, ISOLATED, output)
        facts.append(OutputFacts(output, name, found, _floor(parts), parts))
    return tuple(facts)


def _judge_tensor(
    totals: Totals, key: Key, found: Difference, fields: Mapping[str, str], limits: Limits
) -> Row:
    role = ROLES.get(key.backend)
    judge = BY_BITS if key.reference == BY_BITS_AGAINST else role.judge if role else BY_TASK
    if judge not in (BY_FLOOR, BY_TASK, BY_BITS):
        judge = NOT_JUDGED
    stage_is_shared = key.mode == ISOLATED and key.stage != rows.RAW
    if stage_is_shared:  # no network in between: the same arithmetic in float32
        judge = BY_FLOOR
    floor = None
    if judge in (BY_FLOOR, NOT_JUDGED) or stage_is_shared:
        parts = _floor_parts(totals, key.model, key.stage, key.mode, key.output, found)
        floor = _floor(parts)
        doubts = _unlike_tflite(parts, limits) if key.stage == rows.RAW else []
    else:
        doubts = []
    value = found.max_abs
    if judge == BY_BITS:
        value = None if found.unequal is None else float(found.unequal)
    row = Row(
        **vars(key),
        field=fields.get(key.output, key.output),
        judge=judge,
        unit="values" if judge == BY_BITS else "",
        inputs=found.inputs,
        value=value,
        limit=None,
        floor=floor,
        multiple=None if floor is None or value is None else value / floor,
        worst_case=found.worst.case if found.worst else None,
        difference=found,
        status=PASS,
        reasons=(),
    )
    if judge == NOT_JUDGED:
        return row
    doubts += _doubts(totals, key, found, stage_is_shared)
    return rejudge(replace(row, reasons=tuple(doubts)), limits)


def _doubts(totals: Totals, key: Key, found: Difference, shared: bool) -> list[str]:
    """What makes the numbers themselves worthless."""
    doubts = list(found.problems)
    if found.elements == 0 and not doubts and not (shared and found.inputs):
        doubts.append("nothing was compared")
    if found.unequal is None and not doubts and ORACLE not in (key.reference, key.backend):
        doubts.append(f"{key.backend} and {_words(key.reference)} have outputs of different dtypes")
    if found.nonfinite_candidate:
        doubts.append(f"{found.nonfinite_candidate} values of {key.backend} are NaN or infinite")
    if found.nonfinite_reference:
        doubts.append(
            f"{found.nonfinite_reference} values of {_words(key.reference)} are NaN or infinite"
        )
    for name in (key.backend, key.reference):
        seen = _range(totals, key.model, name, key.output)
        if not shared and seen.inputs and (seen.constant or seen.zero):
            what = "nothing but zeros" if seen.zero else "the same values for every input"
            inputs = "input" if seen.inputs == 1 else "inputs"
            doubts.append(f"{name}: {what}, with {seen.inputs} {inputs}")
    return doubts


def _floor_parts(
    totals: Totals,
    model: str,
    stage: str,
    mode: str,
    output: str,
    found: Difference | None = None,
) -> dict[str, float | None]:
    """The largest error of each kernel set, of torch's generic module, and half the distance
    of float32 numbers at the peak: where LiteRT happens to be exact, no float32 result can be
    asked to be closer.
    """
    parts: dict[str, float | None] = {}
    for name in (TFLITE, TFLITE_REF, GENERIC):
        meter = totals.differences.get(Key(model, stage, mode, output, name, ORACLE))
        parts[name] = None if meter is None else meter.result().max_abs
    peak = _range(totals, model, ORACLE, output).peak
    if found is not None and found.peak is not None and parts[TFLITE] is None:
        peak = found.peak
    parts["spacing"] = float(np.spacing(np.float32(peak))) / 2
    return parts


def _floor(parts: Mapping[str, float | None]) -> float:
    return max(parts[name] or 0.0 for name in (TFLITE, TFLITE_REF, "spacing"))


def _unlike_tflite(parts: Mapping[str, float | None], limits: Limits) -> list[str]:
    """Whether the floor is too high to be rounding: oracle and LiteRT mean another graph."""
    generic = parts[GENERIC]
    if generic is None:
        return []
    most = limits.floor_multiple * max(generic, parts["spacing"] or 0.0)
    farthest = max(parts[TFLITE] or 0.0, parts[TFLITE_REF] or 0.0)
    if farthest <= most:
        return []
    return [
        f"LiteRT is {farthest:.3g} from the oracle, more than {limits.floor_multiple:g} × what "
        f"float32 costs in torch ({generic:.3g}): they do not compute the same graph"
    ]


def _range(totals: Totals, model: str, backend: str, output: str) -> Range:
    meter = totals.ranges.get((model, backend, output))
    return meter.result() if meter else Range(0, None, None, None, False, False, 0)


def _task_key(key: Key) -> tuple[str, str, str]:
    return key.stage, key.output, key.metric


def _words(reference: str) -> str:
    return {ORACLE: "the oracle", TFLITE: "LiteRT"}.get(reference, reference)
