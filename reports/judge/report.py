"""The parity report as data: what was compared, with what, and the verdict.

Frozen structs; a report is true if it `passed`. `to_dict` gives the JSON that everything else is
rendered from (`reports/stored/schemas/parity.schema.json`). Two runs on one machine give the same
dictionary except for `timing`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, to_builtins

from blazepalm.reports.compare.meters import Range
from blazepalm.reports.compare.rows import FAIL, NOT_RUN, PASS, Row
from blazepalm.reports.judge.headline import headline
from blazepalm.reports.judge.judge import exit_code
from blazepalm.reports.judge.policy import LIMITS, Limits

FORMAT = "blazepalm-parity"
FORMAT_VERSION = 3

# a note of a model with hands or palms to find, where no rendered picture was compared
TRUTH_UNCHECKED = "the rendered truth was not checked: no golden picture was compared"


class BackendSummary(Struct, frozen=True, forbid_unknown_fields=True):
    """One backend of one model. `label` describes it, `precision` is what it computes in;
    `judge`: `reference`, `floor`, `task` or `none`; `artifact_sha256`: of the package it ran, if
    any. `worst_multiple`: its largest error in floors over the outputs.
    """

    name: str
    label: str
    precision: str
    judge: str
    artifact_sha256: str | None
    status: str
    worst_multiple: float | None
    first_divergence: str | None
    reasons: tuple[str, ...]


class OutputFacts(Struct, frozen=True, forbid_unknown_fields=True):
    """One output of the file: the oracle's `range`, and what float32 costs (`floor`, with the
    largest error of each kernel set, of torch's generic module, and half a float32 spacing).
    """

    name: str
    field: str
    range: Range
    floor: float
    floor_of: Mapping[str, float | None]


class ModelParity(Struct, frozen=True, forbid_unknown_fields=True):
    """One model's facts and backends; its rows are in the report's `rows`. `release` is None for
    an unknown file, `family` for a graph of no recognised family; `value_range_from` names the
    source of the range; `inputs` counts the inputs, `inputs_sha256` hashes all of them.
    `useless`: all backends agree, but the file itself fails against the rendered truth.
    `tensor_map`: where every weight went (see `conversion.json`).
    """

    name: str
    source: str
    release: str | None
    family: str | None
    sha256: str
    size: int
    input_shape: tuple[int, ...]
    value_range: tuple[float, float]
    value_range_from: str
    inputs: int
    inputs_sha256: str
    notes: tuple[str, ...]
    backends: tuple[BackendSummary, ...]
    outputs: tuple[OutputFacts, ...]
    coverage: tuple[int, int]
    passed: bool
    useless: bool
    tensor_map: tuple[Mapping[str, Any], ...]
    layers: Mapping[str, Any] | None
    seconds: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        values: dict[str, Any] = plain(self)
        del values["seconds"]
        return values


class CaseResult(Struct, frozen=True, forbid_unknown_fields=True):
    """One input image. `values[i]` is what the report's `rows[i]` measured on it, None if
    nothing; `hands[pair][backend]` are the hands that a backend found, in pixels of the image:
    `{box, score, landmarks (21×3) or None, presence, handedness}`; `truth` likewise for
    rendered images. `image` is a file beside the report, or None.
    """

    name: str
    kind: str
    width: int
    height: int
    sha256: str
    image: str | None
    truth: tuple[Mapping[str, Any], ...] | None
    hands: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]
    values: tuple[float | None, ...]


class Failure(Struct, frozen=True, forbid_unknown_fields=True):
    """A source without a verdict: bad input (exit code 2), or not verifiable here (3)."""

    source: str
    message: str
    exit_code: int


class ParityReport(Struct, frozen=True, forbid_unknown_fields=True):
    """The verdict over all sources: it passes only if there is a model and all of them pass.

    `cases` are at most `policy.MAX_CASES`, worst first beyond that; `cases_total` counts all.
    `golden` names the golden set (version, manifest's SHA-256) or is None. `accuracy`: error
    against the rendered truth, one entry per pair and backend. `device`: the ingested results.
    """

    models: tuple[ModelParity, ...]
    rows: tuple[Row, ...]
    cases: tuple[CaseResult, ...]
    cases_total: int
    failures: tuple[Failure, ...]
    options: Mapping[str, Any]
    limits: Limits
    golden: Mapping[str, Any] | None
    accuracy: tuple[Mapping[str, Any], ...]
    self_test: Mapping[str, Any] | None
    device: tuple[Mapping[str, Any], ...]
    tools: Mapping[str, str]
    machine: Mapping[str, Any]
    seconds: float
    resumed: int = 0

    @property
    def passed(self) -> bool:
        return self.exit_code == 0

    @property
    def _failed(self) -> bool:
        return any(row.judged and row.status == FAIL for row in self.rows)

    @property
    def _tested(self) -> bool:
        return self.self_test is None or bool(self.self_test["passed"])

    @property
    def exit_code(self) -> int:
        """0 passed, 1 parity fails, 2 bad input, 3 could not verify; the highest that applies,
        but 3 only where nothing failed.
        """
        return exit_code(
            [model.passed for model in self.models],
            self._failed,
            self._tested,
            (failure.exit_code for failure in self.failures),
        )

    @property
    def verdict(self) -> str:
        """The verdict in a few words: one of `headline.HEADLINES`."""
        return headline(
            [(model.passed, model.useless) for model in self.models],
            failed=self._failed,
            tested=self._tested,
            failures=(failure.exit_code for failure in self.failures),
        )

    def __bool__(self) -> bool:
        return self.passed

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers; NaN and infinity become null."""
        judged = [row for row in self.rows if row.judged]
        counts = {s: sum(row.status == s for row in judged) for s in sorted({PASS, FAIL, NOT_RUN})}
        return {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "passed": self.passed,
            "exit_code": self.exit_code,
            "verdict": self.verdict,
            "counts": {**counts, "rows": len(judged)},
            "options": plain(dict(self.options)),
            "limits": self.limits.to_dict(),
            "default_limits": self.limits == LIMITS,
            "golden": plain(self.golden),
            "tools": dict(self.tools),
            "machine": plain(dict(self.machine)),
            "models": [model.to_dict() for model in self.models],
            "rows": plain(self.rows),
            "cases": plain(self.cases),
            "cases_total": self.cases_total,
            "accuracy": plain(self.accuracy),
            "self_test": plain(self.self_test),
            "device": plain(self.device),
            "failures": plain(self.failures),
            "timing": {
                "seconds": self.seconds,
                "resumed": self.resumed,
                "models": [
                    {"model": model.name, "seconds": dict(model.seconds)} for model in self.models
                ],
            },
        }


def plain(value: Any) -> Any:
    """Recursively turns structs and dataclasses into dicts, tuples into lists, and non-finite
    numbers into None.
    """
    return _finite(to_builtins(value, str_keys=True))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_finite(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
