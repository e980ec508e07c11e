"""Output of `blazepalm report`: what changed between two reports, or under other limits.

It fits 80 columns. Names come from files and are escaped before printing.
"""

from rich.console import RenderableType
from rich.text import Text

from blazepalm.cli.tables import plain_table
from blazepalm.reports.compare.rows import Row
from blazepalm.reports.judge.report import ParityReport
from blazepalm.reports.judge.task_limits import worst_first
from blazepalm.reports.stored.diff import WORSE, ReportDiff
from blazepalm.reports.stored.recheck import Rechecked
from blazepalm.reports.stored.recheck_raw import RawCheck
from blazepalm.text import figure, printable

SHOWN = 15  # changes listed on a terminal; --json has all


def recheck_pieces(
    found: Rechecked, checked: RawCheck | None, stored: ParityReport
) -> list[RenderableType]:
    """What changed under other limits, and the verdict."""
    pieces: list[RenderableType] = []
    for name, value in found.report.limits.to_dict().items():
        before = getattr(stored.limits, name)
        if value != before:
            pieces.append(f"limit {name}: {before:g} → {value:g}")
    if found.changed:
        table = plain_table("rows whose status changed", "row", "value", "limit", "was", "is")
        table.columns[0].overflow = "fold"
        was = {after.key: before for before, after in found.changed}
        for after in worst_first(after for _, after in found.changed)[:SHOWN]:
            old = was[after.key]
            style = "red" if after.status == "fail" else "green"
            table.add_row(
                Text(_name(after)),
                figure(after.value),
                f"{figure(old.limit)} → {figure(after.limit)}",
                old.status,
                Text(after.status, style=style),
            )
        pieces += [table, *_more(len(found.changed))]
    if found.altered:
        pieces += [Text(line, style="red") for line in found.altered[:SHOWN]]
        pieces += [*_more(len(found.altered)), Text("the report was altered", style="bold red")]
    if checked is not None:
        pieces += _raw_pieces(checked)
    pieces += _open_pieces(found)
    counts = found.report.counts
    pieces.append(f"{counts.passed} of {counts.rows} judged rows pass")
    said = found.report.verdict
    if found.passed != found.passed_before:
        said += ", held before" if found.passed_before else ", failed before"
    pieces.append(Text(said, style="bold green" if found.passed else "bold red"))
    return pieces


def _open_pieces(found: Rechecked) -> list[RenderableType]:
    """How many numbers the listed cases do not decide, which are taken as they are stored."""
    pieces: list[RenderableType] = []
    if found.bounded:
        pieces.append(
            f"{found.bounded} of the task's numbers are held between bounds that the cases give: "
            "hands share a picture, noise was measured, or not every case is listed"
        )
    if found.unlisted:
        pieces.append(f"{found.unlisted} of the task's numbers are not checked: no case lists them")
    return pieces


def _raw_pieces(checked: RawCheck) -> list[RenderableType]:
    pieces: list[RenderableType] = [Text(m, style="red") for m in checked.mismatches]
    if checked.missing:
        pieces.append(Text(f"{len(checked.missing)} files of raw outputs are missing", "yellow"))
    done = f"raw outputs: {checked.values:,} values and {checked.totals:,} totals computed again"
    pieces.append(f"{done}, {'as stored' if checked.passed else 'not as stored'}")
    return pieces


def diff_pieces(found: ReportDiff) -> list[RenderableType]:
    """Facts, rows, sets and verdicts that differ."""
    from blazepalm.cli.tables import plain_table

    pieces: list[RenderableType] = []
    told = {s.model for s in found.sets}
    if facts := [fact for fact in found.facts if fact.what not in told]:
        table = plain_table("made with", "", "A", "B")
        for column in table.columns:
            column.justify, column.overflow = "left", "fold"
        for fact in facts:
            table.add_row(*(Text(printable(t or "–")) for t in vars(fact).values()))
        pieces += [table, ""]
    if found.rows:
        table = plain_table("rows", "row", "", "A", "B", "×")
        table.columns[0].overflow = "fold"
        table.columns[1].justify = "left"
        for change in found.rows[:SHOWN]:
            style = "bold red" if change.kind == WORSE else ""
            table.add_row(
                Text(_name(change.after or change.before)),
                Text(change.kind, style=style),
                *(
                    "–" if row is None else f"{row.status} {figure(row.value)}"
                    for row in (change.before, change.after)
                ),
                figure(change.factor),
            )
        pieces += [table, *_more(len(found.rows)), ""]
    pieces += [printable(f"{s.model}: {s.what} ({s.rows} rows)") for s in found.sets]
    pieces += [Text(printable(f"B: {v}"), style="bold red") for v in found.verdicts]
    kinds = [change.kind for change in found.rows]
    counted = [f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds)]
    pieces.append(", ".join([*counted, f"{found.same} the same"]))
    pieces.append(
        Text("B is worse than A", style="bold red")
        if found.worse
        else Text("no new failures in B", style="bold green")
    )
    return pieces


def _name(row: Row | None) -> str:
    assert row is not None
    what = f"{row.model}, {row.stage} ({row.mode}): {row.field}, {row.metric}"
    return printable(f"{what}, {row.backend} against {row.reference}")


def _more(count: int) -> list[str]:
    return [f"… and {count - SHOWN} more (--json has all)"] if count > SHOWN else []
