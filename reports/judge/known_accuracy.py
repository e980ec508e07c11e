"""How well the known releases find the rendered hands, to mark what finds them worse.

The table above `policy.Limits` has the numbers, measured on the golden set's 41 pictures whose
truth counts, in version 1; version 2 has the same ones. On other pictures nothing is marked, and
no known release is: a detector points an older landmark model at other regions than its own did.
"""

from collections.abc import Mapping, Sequence

from blazepalm.reports.backends.names import TFLITE
from blazepalm.reports.compare.rows import CASCADE, ISOLATED, TRUTH, Row
from blazepalm.reports.compare.truth import HANDEDNESS, JOINT_ERROR, PRECISION, RECALL
from blazepalm.reports.judge.report import ParityReport
from blazepalm.reports.judge.report_parts import Accuracy
from blazepalm.reports.judge.task_limits import LEAST

GOLDEN_VERSIONS, PICTURES, HANDS = (1, 2), 41, 44
ROUNDING = 5e-4  # half a unit of the table's last digit

# the worst of the known releases: what is found, in which regions → metric → value
WORST: Mapping[tuple[str, str], Mapping[str, float]] = {
    ("palms", CASCADE): {RECALL: 42 / 44, PRECISION: 42 / 51, JOINT_ERROR: 0.259},
    ("hands", CASCADE): {
        RECALL: 42 / 44,
        PRECISION: 1.0,
        JOINT_ERROR: 0.085,
        HANDEDNESS: 41 / 44,
    },
    ("hands", ISOLATED): {
        RECALL: 1.0,
        PRECISION: 44 / 46,
        JOINT_ERROR: 0.079,
        HANDEDNESS: 41 / 44,
    },
}
# of a detector and a landmark model together
WORST_PAIR: Mapping[str, float] = {
    RECALL: 40 / 44,
    PRECISION: 40 / 41,
    JOINT_ERROR: 0.085,
    HANDEDNESS: 41 / 44,
}


def worse_than_known(row: Row, report: ParityReport) -> float | None:
    """The worst value of any known release, if what a file that is none finds is worse."""
    if row.stage != TRUTH or row.inputs != PICTURES or not _comparable(report, [row.model]):
        return None
    return _beyond(row.metric, row.value, WORST.get((row.output, row.mode), {}))


def pair_worse_than_known(entry: Accuracy, report: ParityReport) -> dict[str, float]:
    """For each metric in which the files of a pair, run by LiteRT, are worse than known ones: their
    worst value.
    """
    names = entry.pair.split(" + ")
    if entry.backend != TFLITE or entry.hands != HANDS or not _comparable(report, names):
        return {}
    values = {
        RECALL: entry.recall,
        PRECISION: entry.precision,
        JOINT_ERROR: entry.joint_error,
        HANDEDNESS: entry.handedness_accuracy,
    }
    found = {name: _beyond(name, value, WORST_PAIR) for name, value in values.items()}
    return {name: worst for name, worst in found.items() if worst is not None}


def _comparable(report: ParityReport, names: Sequence[str]) -> bool:
    """Whether the pictures are the table's, and one of these models is no known release."""
    known = {model.name for model in report.models if model.release is not None}
    golden = report.golden
    return golden is not None and golden.version in GOLDEN_VERSIONS and not known.issuperset(names)


def _beyond(metric: str, value: float | None, worst: Mapping[str, float]) -> float | None:
    known = worst.get(metric)
    if known is None or value is None:
        return None
    apart = known - value if metric in LEAST else value - known
    return known if apart > ROUNDING else None
