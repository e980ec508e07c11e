"""Checks stored numbers against the stored raw outputs: recomputes every difference in NumPy.

`parity` keeps each backend's outputs beside the report (`raw/<model>/<case>.safetensors`,
arrays `<backend>/<output>`, with `#1` after the name for an image's second hand). This detects a
change to either of them, and wrong arithmetic. No model runs; torch is not imported.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from blazepalm.errors import ArtifactError, CouldNotVerify, first_line
from blazepalm.limits import RAW_BYTES
from blazepalm.reports.compare.meters import DifferenceMeter
from blazepalm.reports.compare.rows import BY_BITS, ISOLATED, RAW, Row
from blazepalm.reports.compare.tensors import NO_CANDIDATE, TensorDifference, compare
from blazepalm.reports.judge.report import CaseResult, ParityReport
from blazepalm.reports.stored.raw_files import raw_path
from blazepalm.text import figure, printable

FOLDER = "raw"
MAX_TOLD = 20  # mismatches listed
RELATIVE = 1e-9  # for sums: another machine may add in another order
EXACT = (
    "inputs",
    "equal_inputs",
    "elements",
    "unequal",
    "max_abs",
    "nonfinite_reference",
    "nonfinite_candidate",
)
SUMS = ("mean_abs", "rmse", "rel_l2", "cosine")

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class RawCheck:
    """`values` and `totals` count the case values and row totals recomputed and compared;
    `missing` names absent files, `mismatches` describes the differences.
    """

    values: int
    totals: int
    missing: tuple[str, ...]
    mismatches: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return self.values > 0 and not self.mismatches


def recheck_raw(report: ParityReport, folder: Path) -> RawCheck:
    """Compares a report with the raw outputs in `folder`. A row's totals are compared if
    the report lists every case and each has a file.

    Raises CouldNotVerify where there is none, ArtifactError where one cannot be read.
    """
    rows = [
        (index, row)
        for index, row in enumerate(report.rows)
        if row.stage == RAW and row.mode == ISOLATED and row.difference is not None
    ]
    values = totals = 0
    missing: list[str] = []
    mismatches: list[str] = []
    for model in report.models:
        own = [(index, row) for index, row in rows if row.model == model.name]
        meters = {index: DifferenceMeter() for index, _ in own}
        complete = report.cases_total == len(report.cases)
        for case in report.cases:
            path = raw_path(folder, model.name, case.name)
            wanted = [(index, row) for index, row in own if case.values[index] is not None]
            if not os.path.isfile(path):
                missing += [str(path)] if wanted else []
                complete &= not wanted
                continue
            with _Opened(path) as arrays:
                for index, row in own:
                    parts = [] if _was_spared(arrays, row) else list(_parts(arrays, row))
                    for label, part in parts:
                        meters[index].add(part, f"{case.name}{label}")
                    if (stored := case.values[index]) is not None:
                        values += 1
                        found = _value(row, [part for _, part in parts])
                        if found != stored:
                            mismatches.append(_told(row, case, found, stored))
        if complete:
            totals += len(own)
            mismatches += [m for i, row in own for m in _totals(row, meters[i])]
    if not values:
        raise CouldNotVerify(
            f"{folder}: holds no raw outputs of this report; run parity again and keep them"
        )
    return RawCheck(values, totals, tuple(missing), tuple(mismatches[:MAX_TOLD]))


class _Opened:
    """A file of raw outputs; each array is read on first use and kept."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> "_Opened":
        from safetensors import SafetensorError, safe_open

        try:
            if self.path.stat().st_size > RAW_BYTES:
                raise ArtifactError(f"{self.path}: is larger than {RAW_BYTES} bytes, the limit")
            opener: Any = safe_open  # typed only in part
            self._file = opener(self.path, framework="np").__enter__()
        except (OSError, SafetensorError) as error:
            raise ArtifactError(f"{self.path}: cannot be read: {_line(error)}") from error
        self._arrays: dict[str, np.ndarray] = {}
        self.names = list(self._file.keys())
        return self

    def __exit__(self, *error: object) -> None:
        self._file.__exit__(*error)

    def get(self, name: str) -> np.ndarray | None:
        if name not in self._arrays:
            if name not in self.names:
                return None
            try:
                self._arrays[name] = self._file.get_tensor(name)
            except Exception as error:  # whatever a hostile header makes the library raise
                raise ArtifactError(
                    f"{self.path}: {printable(name)} cannot be read: {_line(error)}"
                ) from error
        return self._arrays[name]


def _was_spared(arrays: _Opened, row: Row) -> bool:
    """Whether the row's backend skipped this case: the file has none of its outputs, and the row
    reports none missing. If it did run, the row's count of inputs will not match.
    """
    start = f"{row.backend}/"
    assert row.difference is not None
    return NO_CANDIDATE not in row.difference.problems and not any(
        name.startswith(start) for name in arrays.names
    )


def _parts(arrays: _Opened, row: Row) -> Iterator[tuple[str, TensorDifference]]:
    """The row's comparisons on one case, one per hand."""
    start = f"{row.reference}/{row.output}"
    suffixes = [
        name.removeprefix(start)
        for name in arrays.names
        if name.startswith(start) and re.fullmatch(r"(#\d{1,6})?", name.removeprefix(start))
    ]
    for suffix in sorted(suffixes, key=lambda s: int(s[1:] or 0)):
        reference = arrays.get(f"{row.reference}/{row.output}{suffix}")
        yield suffix, compare(reference, arrays.get(f"{row.backend}/{row.output}{suffix}"))


def _value(row: Row, parts: Sequence[TensorDifference]) -> float | None:
    """The report's value for one case: the largest error, or the number of unequal values."""
    sound = [part for part in parts if part.problem is None and part.max_abs >= 0]
    if not sound:
        return None
    if row.judge == BY_BITS:
        return float(sum(part.unequal or 0 for part in sound))
    return max(part.max_abs for part in sound)


def _totals(row: Row, meter: DifferenceMeter) -> Iterator[str]:
    found, stored = meter.result(), row.difference
    assert stored is not None
    for name in (*EXACT, *SUMS):
        a, b = getattr(stored, name), getattr(found, name)
        if a == b:
            continue
        close = name in SUMS and a is not None and b is not None
        if not (close and abs(a - b) <= RELATIVE * max(abs(a), abs(b))):
            yield f"{_name(row)}: {name} is {figure(b)}, but the report says {figure(a)}"


def _told(row: Row, case: CaseResult, found: float | None, stored: float) -> str:
    return (
        f"{_name(row)}, case {printable(case.name)}: computed {figure(found)}, but the report "
        f"says {figure(stored)}"
    )


def _name(row: Row) -> str:
    return printable(f"{row.model}, {row.field}: {row.backend} against {row.reference}")


def _line(error: Exception) -> str:
    return printable(first_line(error))
