"""What every form of the report says first: what is worst, which file is no known release, whose
accuracy is below the known releases'. And the words that need explaining where they stand.
"""

from collections.abc import Iterator

from blazepalm.reports.judge.known_accuracy import pair_worse_than_known, worse_than_known
from blazepalm.reports.judge.report import ModelParity, ParityReport
from blazepalm.reports.judge.task_limits import most_or_least
from blazepalm.reports.judge.tightest import Tightest, tightest
from blazepalm.text import figure, printable

WORDS = {
    "the floor": "what float32 itself costs on an output, the largest error of LiteRT's own "
    "kernels against float64 on the same inputs",
    "fp16": "the float16 package with the file's raw outputs",
    "app": "the float16 package as an app gets it, with the decoding inside",
    "inputs": "above, all pictures and seeded noise; of a model, those that it was run on (a "
    "landmark model needs a hand to crop); of a comparison, those with something to compare",
}
MODES = (
    "isolated: the stage is given the reference's input, so its error is its own; cascade: it is "
    "given what the backend itself computed before, so errors add up"
)
BELOW = "worse than any known release"


def capitalised(sentence: str) -> str:
    """The sentence with a capital letter."""
    return sentence[:1].upper() + sentence[1:]


def worst(report: ParityReport) -> Tightest | None:
    """What is worst; computed for a report that does not say it."""
    return report.tightest or tightest(report.rows, report.models)


def when_and_what(report: ParityReport) -> list[tuple[str, str]]:
    """When the run began, how long it took, how much an earlier run had computed, and the commit
    it ran on, as far as they are known.
    """
    timing = report.timing
    told = [("started", timing.started), ("took", figure(timing.seconds, "s"))]
    if timing.kept:
        told.append(("from the cache", f"{timing.kept} of {timing.answers} network outputs"))
    told.append(("git commit", timing.commit or ""))
    return [(name, value) for name, value in told if value]


def warnings(report: ParityReport) -> list[str]:
    """What a reader must know before the numbers: a sentence each."""
    return [*unknown_files(report).values(), *below_known(report)]


def unknown_files(report: ParityReport) -> dict[str, str]:
    """For each model that is no known release, a sentence that says so."""
    return {m.name: _unknown(m) for m in report.models if m.release is None}


def below_known(report: ParityReport) -> Iterator[str]:
    """A sentence for each number that is worse than any known release's."""
    for row in report.rows:
        known = worse_than_known(row, report)
        if known is not None:
            yield _below(row.model, row.output, row.metric, row.value, known, most_or_least(row))
    for entry in report.accuracy:
        for metric, known in pair_worse_than_known(entry, report).items():
            yield printable(f"{entry.pair}, {entry.backend}: {metric} is {BELOW} ({figure(known)})")


def _below(
    model: str, what: str, metric: str, value: float | None, known: float, least: str
) -> str:
    return printable(
        f"{model} finds the rendered {what} with a {metric} of {figure(value)}, {BELOW} "
        f"(at {least} {figure(known)})"
    )


def _unknown(model: ModelParity) -> str:
    name, digest = printable(model.name), model.sha256[:8]
    if model.alike is not None:
        return (
            f"{name} is no known release (SHA-256 {digest}…), but has weights of "
            f"{printable(model.alike)}: an altered or re-exported copy"
        )
    if model.family is None:
        return f"{name} is no known release (SHA-256 {digest}…), and of no known family"
    how = model.value_range_from
    found = "assumed" if how == "assumed" else f"found by {how}"
    return f"{name} is no known release (SHA-256 {digest}…); its value range was {found}"
