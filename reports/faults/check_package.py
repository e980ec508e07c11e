"""Whether a fault in a float16 package is caught and located: it must fail where the package adds
up in float16, and there alone.
"""

from collections.abc import Callable
from dataclasses import replace

from blazepalm.reports.backends.mil_package import Executed
from blazepalm.reports.backends.names import MIL_FP16
from blazepalm.reports.compare.rows import FAIL, Row
from blazepalm.reports.faults.planted import Planted
from blazepalm.reports.judge.report_parts import Culprit, FaultOutcome
from blazepalm.reports.layers.compare import compare_layers
from blazepalm.reports.layers.join import Joined
from blazepalm.reports.layers.truth import LayerTruth
from blazepalm.reports.layers.values import Candidate
from blazepalm.reports.subjects.subject import Subject

Judge = Callable[[Subject], tuple[Row, ...]]


def plant_in_package(
    name: str, planted: Planted, subject: Subject, judge: Judge, truth: LayerTruth, calls: Candidate
) -> FaultOutcome:
    """The outcome of fault `name`, which has `halves`, in an intact model. `judge` gives the rows
    of a model; `truth` and `calls` are for its layers.
    """
    assert planted.halves is not None

    def run(package: Executed) -> tuple[list[Row], Culprit | None]:
        """The failed rows with this float16 package, and its first wrong layer."""
        with_it = replace(subject, backends={**subject.backends, MIL_FP16: package})
        rows = judge(with_it)
        failed = [row for row in rows if row.backend == MIL_FP16 and row.status == FAIL]
        programs = {MIL_FP16: package.package.program}
        return failed, compare_layers(truth, calls, programs).culprits[MIL_FP16]

    right, wrong = planted.halves
    expected = _layer(truth, planted.place, right)
    (hidden, suspect), (failed, found) = run(right), run(wrong)
    worst = max(failed, key=lambda row: row.multiple or 0.0, default=None)
    return FaultOutcome(
        release=subject.name,
        fault=name,
        caught=bool(failed) and not hidden and suspect is None,
        located=bool(failed) and found is not None and found.mil == expected.mil,
        expected=str(expected.module),
        found="nothing" if found is None else str(found.module),
        message="" if worst is None else "; ".join(worst.reasons),
    )


def _layer(truth: LayerTruth, value: str, package: Executed) -> Joined:
    """The layer of a MIL value: its own, or the next one after it (a fused activation)."""
    layers = {j.mil: j for j in truth.joined}
    names = list(package.package.program.plan().slots)
    return next(layers[name] for name in names[names.index(value) :] if name in layers)
