"""A run that can be killed: `python -m support.slow_run FOLDER` compares backends that take their
time over seeded noise, keeps a journal and raw outputs in the folder, and prints the totals as
JSON when it is done.
"""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from blazepalm.reports.backends.names import GENERIC, ORACLE, TFLITE, TFLITE_REF, TORCH
from blazepalm.reports.cases.compare import Group
from blazepalm.reports.cases.inputs import Case, noise_cases
from blazepalm.reports.engine.engine import THREADS, records
from blazepalm.reports.engine.journal import JOURNAL, Journal, remove_journal
from blazepalm.reports.engine.plan import Plan
from blazepalm.reports.judge.policy import LIMITS
from blazepalm.reports.judge.report import plain
from blazepalm.reports.judge.totals import Totals
from blazepalm.reports.subjects.subject import Subject

CASES, SHAPE = 40, (1, 8, 8, 3)


@dataclass(frozen=True)
class Slow:
    """Answers with the sums of rows, `error` off, after a while."""

    name: str
    error: float
    pause: float

    def run(self, images: np.ndarray) -> dict[str, np.ndarray]:
        time.sleep(self.pause)
        dtype = np.float64 if self.name == ORACLE else np.float32
        return {"sums": (images.astype(np.float64).sum(axis=2) + self.error).astype(dtype)}


def slow_subject(name: str, pause: float) -> Subject:
    """A subject without a model."""
    nothing: Any = SimpleNamespace(name=name, recognition=None)
    errors = {TFLITE: 1e-6, TFLITE_REF: 2e-6, ORACLE: 0.0, GENERIC: 1e-6, TORCH: 1e-6}
    return Subject(
        converted=nothing,
        outputs=("sums",),
        fields=("sums",),
        output_shapes=((1, 8, 3),),
        input_shape=SHAPE,
        value_range=(0.0, 1.0),
        value_range_from="assumed",
        notes=(),
        backends={n: Slow(n, error, pause) for n, error in errors.items()},
        apps={},
        rules=None,
    )


def run(
    folder: Path | None,
    *,
    pause: float = 0.0,
    workers: int = 2,
    cases: Iterator[Case] | None = None,
    seed: int = 0,
) -> tuple[dict[str, Any], int]:
    """The totals but for the time, and how many records were taken over."""
    groups = [Group(other=slow_subject(name, pause)) for name in ("one", "two")]
    raw = None if folder is None else folder / "raw"
    journal = None if folder is None else Journal(folder / JOURNAL, {"seed": seed})
    totals = Totals(LIMITS)
    for found in records(
        Plan((), (), raw=raw),
        groups,
        cases or noise_cases(CASES, seed),
        engine=THREADS,
        workers=workers,
        journal=journal,
    ):
        totals.add(found)
    if journal is not None:
        remove_journal(journal.folder)
    return as_values(totals), 0 if journal is None else journal.resumed


def as_values(totals: Totals) -> dict[str, Any]:
    """Everything but the time."""
    return {
        "cases": [[c.name, c.sha256, sorted(map(str, c.values.items()))] for c in totals.cases],
        "differences": {str(k): plain(m.result()) for k, m in totals.differences.items()},
        "ranges": {str(k): plain(m.result()) for k, m in totals.ranges.items()},
        "digests": [totals.digest(name) for name in ("one", "two")],
        "inputs": dict(totals.inputs),
        "total": totals.cases_total,
    }


if __name__ == "__main__":
    import torch  # noqa: F401  (what is killed is the work, not this import)

    print("begun", flush=True)
    values, resumed = run(Path(sys.argv[1]), pause=0.004)
    print(json.dumps({"values": values, "resumed": resumed}))
