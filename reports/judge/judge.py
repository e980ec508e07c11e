"""The only judge: decides from judged rows (`judge_rows`) whether backends, models, reports pass.

Parity judges fresh measurements with it, a device's rows are judged with it, and `report recheck`
judges a stored report: the same numbers and limits give the same verdict, word for word.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from blazepalm.reports.backends.backend import CANDIDATE, REFERENCE, Registration
from blazepalm.reports.backends.names import DEVICE, TFLITE
from blazepalm.reports.compare import rows
from blazepalm.reports.compare.rows import (
    BY_FLOOR,
    BY_TASK,
    CASCADE,
    FAIL,
    ISOLATED,
    NOT_JUDGED,
    NOT_RUN,
    PASS,
    STAGES,
    Row,
)

# (stage, metric) pairs that exist only where a hand was seen
EVIDENCE = ((rows.SUPPRESSED, "IoU"), (rows.LANDMARKS, "mean error"))

UNSEEN = "no image gave it anything to judge"


@dataclass(frozen=True)
class Outcome:
    """The verdict on one backend of one model, from its rows."""

    status: str
    first_divergence: str | None
    reasons: tuple[str, ...]


def judge_of(backend: Registration) -> str:
    """What judges a backend: the task for candidates in float16 or integers, the noise floor for
    the others. References and witnesses are not judged.
    """
    if backend.kind == CANDIDATE:
        return BY_TASK if backend.by_task else BY_FLOOR
    return REFERENCE if backend.kind == REFERENCE else NOT_JUDGED


def judge_backend(judge: str, own: Iterable[Row], unseen: str = UNSEEN) -> Outcome:
    """Judges a backend by all its rows of one model. A candidate with no row decided by `judge`,
    which must judge it, was not run; `unseen` says why.
    """
    judged = [row for row in own if row.judged]
    failed = [row for row in judged if row.status == FAIL]
    if failed:
        reasons = tuple(dict.fromkeys(reason for row in failed for reason in row.reasons))
        return Outcome(FAIL, first_divergence(failed), reasons)
    if judge in (BY_FLOOR, BY_TASK) and not any(_decides(row, judge) for row in judged):
        return Outcome(NOT_RUN, None, (unseen,))
    return Outcome(PASS, None, ())


def litert_bits(judge: str, own: Iterable[Row]) -> tuple[int, int] | None:
    """Of a backend's raw outputs over all inputs, how many equal LiteRT's in every bit, and how
    many were compared; None for a backend that the floor does not judge, or without any.
    """
    compared = [
        row.difference
        for row in own
        if row.stage == rows.RAW and row.reference == TFLITE and row.difference is not None
    ]
    if judge != BY_FLOOR or not compared:
        return None
    return sum(d.equal_inputs for d in compared), sum(d.inputs for d in compared)


def model_verdict(own: Sequence[Row], backends: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """What a model's rows decide, by field of `ModelParity`; `backends` are names and statuses."""
    return {
        "coverage": coverage(own, backends),
        "passed": model_holds(own, backends),
        "useless": is_useless(own),
    }


def coverage(own: Iterable[Row], backends: Iterable[tuple[str, str]]) -> tuple[int, int]:
    """The number of a model's rows that were judged, and the number expected; `backends` are
    names and statuses.
    """
    judged = [row.status for row in own if row.judged]
    done = sum(status in (PASS, FAIL) for status in judged)
    return done, len(judged) + sum(_is_missing(*backend) for backend in backends)


def model_holds(own: Iterable[Row], backends: Iterable[tuple[str, str]]) -> bool:
    """Whether a model passes: a comparison of backends passes, no row fails, and every backend of
    this machine ran. A backend that a device did not run is reported but fails nothing.
    """
    judged = [row for row in own if row.judged]
    if any(_is_missing(*backend) for backend in backends):
        return False
    compared = any(row.status == PASS and row.stage != rows.TRUTH for row in judged)
    return compared and all(row.status != FAIL for row in judged)


def is_useless(own: Iterable[Row]) -> bool:
    """Whether a model is equal, and useless: every comparison of backends passes, but the file
    itself fails against the rendered truth, so all backends are equally blind.
    """
    judged = [row for row in own if row.judged]
    failed = [row for row in judged if row.status == FAIL]
    compared = any(row.status == PASS and row.stage != rows.TRUTH for row in judged)
    return bool(failed) and compared and all(row.stage == rows.TRUTH for row in failed)


def exit_code(
    models: Sequence[bool], failed: bool, self_test: bool, failures: Iterable[int]
) -> int:
    """0 passed, 1 parity fails, 2 bad input, 3 could not verify; the highest that applies, but 3
    only where nothing failed. `models`: which ones pass; `failed`: whether any row fails;
    `failures`: the codes of sources without a verdict.
    """
    holds = bool(models) and all(models) and self_test
    verdict = 0 if holds else 3 if models and self_test and not failed else 1
    return max(verdict, *failures, 0)


def first_divergence(failed: Sequence[Row]) -> str | None:
    """The first stage that fails on the reference's input, else the first in cascade."""
    for mode in (ISOLATED, CASCADE):
        stages = [row.stage for row in failed if row.mode == mode and row.stage in STAGES]
        if stages:
            return min(stages, key=STAGES.index)
    return failed[0].stage if failed else None


def _decides(row: Row, judge: str) -> bool:
    """Whether a row counts as judging a backend: by the floor, or by a hand that was seen, not
    only by such doubts as NaN.
    """
    if row.judge != judge or row.status not in (PASS, FAIL):
        return False
    return judge != BY_TASK or (row.stage, row.metric) in EVIDENCE


def _is_missing(backend: str, status: str) -> bool:
    return status == NOT_RUN and not backend.startswith(DEVICE)
