"""The table of models and runtimes: for each, the worst error in floors, how many outputs have
LiteRT's own bits, and what the task shows: the largest error of a landmark, or the smallest IoU of
a box.
"""

from collections.abc import Iterator
from typing import NamedTuple

from blazepalm.reports.compare import rows
from blazepalm.reports.compare.rows import BY_FLOOR, BY_TASK, Row
from blazepalm.reports.judge.report import BackendSummary, ModelParity, ParityReport
from blazepalm.text import NOTHING, figure

# what the task shows in one number, by (stage, output, metric)
SHOWN = {
    (rows.LANDMARKS, "landmarks", "largest error"): "{} px",
    (rows.SUPPRESSED, "boxes", "IoU"): "IoU {}",
}


class Cell(NamedTuple):
    """One runtime of one model, in words; a dash for what is unknown or does not apply."""

    runtime: str
    status: str
    floors: str
    bits: str
    task: str

    @property
    def text(self) -> str:
        """The known figures, on one line."""
        bits = NOTHING if self.bits == NOTHING else f"{self.bits} bits"
        return ", ".join(x for x in (self.floors, bits, self.task) if x != NOTHING) or NOTHING


def runtimes(report: ParityReport) -> list[tuple[str, list[Cell]]]:
    """For each model, its judged backends in the report's order."""
    found = []
    for model in report.models:
        own = [row for row in report.rows if row.model == model.name]
        found.append((model.name, list(_cells(model, own))))
    return found


def runtime_names(report: ParityReport) -> list[str]:
    """Every judged backend, once."""
    return list(dict.fromkeys(cell.runtime for _, cells in runtimes(report) for cell in cells))


def _cells(model: ModelParity, own: list[Row]) -> Iterator[Cell]:
    for backend in model.backends:
        if backend.judge in (BY_FLOOR, BY_TASK):
            shown = [row for row in own if row.backend == backend.name]
            yield _cell(backend, shown)


def _cell(backend: BackendSummary, own: list[Row]) -> Cell:
    floors, bits = backend.worst_multiple, backend.litert_bits
    by_floor = backend.judge == BY_FLOOR and floors is not None
    task = NOTHING
    for row in own:
        known = SHOWN.get((row.stage, row.output, row.metric))
        if known is not None and row.value is not None:
            task = known.format(figure(row.value))
    return Cell(
        backend.name,
        backend.status,
        f"{figure(floors)} ×" if by_floor else NOTHING,
        NOTHING if bits is None else "{} of {}".format(*bits),
        task,
    )
