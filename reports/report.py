"""The parity report as data: what was compared, with what, and the verdict.

Frozen dataclasses, true or false by `passed`; `to_dict` is the JSON that everything else is
rendered from. Two runs on one machine give the same dictionary but for `timing`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from blazepalm.reports import policy
from blazepalm.reports.verdict import BitwiseRow, FloorRow

FORMAT = "blazepalm-parity"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class ModelParity:
    """One model's verdict. `release` is None for an unknown file, `family` for a graph that
    no family was recognised in; `value_range_from` says who gave the range. `rows` judge
    the readable module by the floor, `bitwise` against the generic one; `fields` names the
    module's own outputs in the rows' order.
    """

    source: str
    name: str
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
    fields: tuple[str, ...]
    rows: tuple[FloorRow, ...]
    bitwise: tuple[BitwiseRow, ...]
    seconds: Mapping[str, float] = field(compare=False)

    @property
    def passed(self) -> bool:
        """Every output was compared and is inside the limits; a model without rows fails."""
        return bool(self.rows) and "fail" not in self._statuses

    @property
    def coverage(self) -> tuple[int, int]:
        """Rows that were judged, of rows that there are."""
        statuses = self._statuses
        return sum(status in ("pass", "fail") for status in statuses), len(statuses)

    @property
    def _statuses(self) -> list[str]:
        return [row.status for row in self.rows] + [row.status for row in self.bitwise]

    def to_dict(self) -> dict[str, Any]:
        values: dict[str, Any] = plain(self)
        del values["seconds"]
        return {"passed": self.passed, "coverage": list(self.coverage), **values}


@dataclass(frozen=True)
class Failure:
    """A source that gave no verdict: bad input (exit code 2), or not verifiable here (3)."""

    source: str
    message: str
    exit_code: int


@dataclass(frozen=True)
class ParityReport:
    """The verdict over all sources: it passed only if there is a model and every one did."""

    models: tuple[ModelParity, ...]
    failures: tuple[Failure, ...]
    inputs: int
    seed: int
    tools: Mapping[str, str]
    machine: Mapping[str, str]
    seconds: float = field(compare=False)

    @property
    def passed(self) -> bool:
        return bool(self.models) and not self.failures and all(m.passed for m in self.models)

    @property
    def exit_code(self) -> int:
        """0 passed, 1 parity fails, 2 bad input, 3 could not verify; the highest that applies."""
        verdict = 0 if self.models and all(m.passed for m in self.models) else 1
        return max((f.exit_code for f in self.failures), default=verdict)

    def __bool__(self) -> bool:
        return self.passed

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers; NaN and infinity become null."""
        return {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "passed": self.passed,
            "exit_code": self.exit_code,
            "inputs": self.inputs,
            "seed": self.seed,
            "policy": {
                "float32_multiple": policy.FLOAT32_MULTIPLE,
                "floor_multiple": policy.FLOOR_MULTIPLE,
            },
            "tools": dict(self.tools),
            "machine": dict(self.machine),
            "models": [model.to_dict() for model in self.models],
            "failures": plain(self.failures),
            "timing": {
                "seconds": self.seconds,
                "models": [
                    {"source": model.source, "seconds": dict(model.seconds)}
                    for model in self.models
                ],
            },
        }


def plain(value: Any) -> Any:
    """Dataclasses as dicts, tuples as lists, what is not finite as None; all the way down."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
