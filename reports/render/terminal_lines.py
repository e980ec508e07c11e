"""The lines below the tables: why something failed (worst first), the culprit layers, the
self-test's result, notes.
"""

from rich.text import Text

from blazepalm.reports.compare.rows import FAIL, NOT_RUN, TRUTH
from blazepalm.reports.judge.report import ParityReport
from blazepalm.reports.judge.task_limits import worst_first
from blazepalm.reports.render.first_words import MODES, warnings
from blazepalm.reports.render.terminal_cells import count, safe
from blazepalm.text import figure

MAX_REASONS = 20


def explanations(report: ParityReport) -> list[Text]:
    """All lines between the tables and the summary."""
    return [*_layers(report), *_self_test(report), *_reasons(report), *_notes(report)]


def _reasons(report: ParityReport) -> list[Text]:
    lines = []
    for model in report.models:
        if model.useless:
            what = f"{model.name}: equal, and useless"
            why = ": every backend agrees with the file, but the file fails against the truth"
            lines.append(Text.assemble((safe(what), "bold red"), why))
        if not model.outputs:
            lines.append(Text.assemble((safe(model.name), "bold red"), ": no output was compared"))
        for backend in model.backends:
            if backend.status == NOT_RUN:
                what = f"{model.name} {backend.name}"
                reason = "; ".join(backend.reasons)
                lines.append(Text.assemble((safe(what), "bold red"), safe(f": not run, {reason}")))
            elif backend.first_divergence and backend.first_divergence != TRUTH:
                what = f"{model.name} {backend.name}"
                stage = f": first diverges at {backend.first_divergence}"
                lines.append(Text.assemble((safe(what), "bold red"), stage))
    failed = worst_first(row for row in report.rows if row.judged and row.status == FAIL)
    for row in failed[:MAX_REASONS]:
        name = f"{row.model} {row.field}, {row.backend}, {row.mode}"
        lines.append(Text.assemble((safe(name), "bold red"), safe(f": {'; '.join(row.reasons)}")))
    if len(failed) > MAX_REASONS:
        lines.append(Text(f"and {len(failed) - MAX_REASONS} more in the report"))
    if failed:
        lines.append(Text(MODES, style="dim"))
    for failure in report.failures:
        name = "error" if failure.source in failure.message else failure.source
        lines.append(Text.assemble((safe(name), "bold red"), safe(f": {failure.message}")))
    return lines


def _layers(report: ParityReport) -> list[Text]:
    """The culprit layers, each named in all three vocabularies."""
    lines = []
    for model in report.models:
        for backend, culprit in (model.layers.culprits if model.layers else {}).items():
            if culprit is None:
                continue
            what = f"{model.name} layers, {backend}: "
            told = (
                f"operator {culprit.op} {culprit.operator} '{culprit.tensor}', module "
                f"{culprit.module}, MIL {culprit.mil}: {figure(culprit.local)} × float32's cost"
            )
            lines.append(Text.assemble((safe(what), "bold red"), safe(told)))
    return lines


def _self_test(report: ParityReport) -> list[Text]:
    test = report.self_test
    if test is None:
        return []
    style = "bold green" if test.passed else "bold red"
    lines = [
        Text.assemble(
            ("self-test", style),
            f": {test.caught} of {test.planted} planted faults caught, "
            f"{test.located} located, {count(test.false_alarms, 'false alarm')} "
            f"over {test.seeds} seeds",
        )
    ]
    lines += [
        Text(safe(f"  {o.release}, {o.fault}: at {o.expected}, found {o.found}"))
        for o in test.faults
        if not (o.caught and o.located)
    ]
    return lines + [Text(safe(f"  {alarm}")) for alarm in test.alarms]


def _notes(report: ParityReport) -> list[Text]:
    said = [Text(safe(f"note: {line}"), style="yellow") for line in warnings(report)]
    return said + [
        Text(safe(f"{model.name}: {note}"), style="dim")
        for model in report.models
        for note in model.notes
    ]
