"""Output of `blazepalm golden check`: one row per picture, the differences in words, the verdict.
It fits 80 columns.
"""

from rich import box
from rich.table import Table
from rich.text import Text

from blazepalm.cli import console
from blazepalm.reports.recording.agreement import MEAN, beyond
from blazepalm.reports.recording.check import CaseCheck, RecordingCheck, told
from blazepalm.reports.render.terminal_cells import count
from blazepalm.text import folded_name, printable

NAME_WIDTH = 24  # columns


def show(found: RecordingCheck) -> None:
    """Prints one row per picture, the differences in words, and the verdict."""
    console.out(table(found))
    for case in found.cases:
        for reason in case.reasons:
            console.out(f"{printable(case.name)}: {reason}")
    if MEAN in beyond(found.differences, found.limits):
        console.out(f"over all pictures: {told(found.differences, MEAN, found.limits)}")
    if found.float16:
        console.note(
            "float16: px of each network's input, landmarks in the recorded palms' regions; z and "
            "world are not judged"
        )
    if ties := sum(case.ties for case in found.cases):
        close = "too close to a threshold to count as found or missed"
        console.note(f"{count(ties, 'hand')} {close}")
    if found.unrecorded:
        console.note(
            f"{count(len(found.unrecorded), 'picture')} not recorded; "
            "add with blazepalm golden record"
        )
    console.out(
        f"recorded: {printable(str(found.expected))}",
        f"now:      {printable(str(found.found))}",
    )
    differ = sum(bool(case.reasons) for case in found.cases)
    verdict = "as recorded" if found.passed else f"{differ} differ" if differ else "differ"
    compared = f"{count(len(found.cases), 'picture')}, {count(found.hands, 'hand')} compared"
    console.out(f"{compared}: {verdict}")


def table(found: RecordingCheck) -> Table:
    """One row per picture; pixels are scaled to a picture whose longer side is 640."""
    shown = Table(box=box.SIMPLE, pad_edge=False)
    shown.add_column("picture", no_wrap=True)
    for name in ("hands", "mean px", "most px", "z", "world m", ""):
        shown.add_column(name, justify="right", no_wrap=True)
    for case in found.cases:
        name = folded_name(printable(case.name), NAME_WIDTH)
        shown.add_row(name, _hands(case), *_numbers(case), _verdict(case))
    return shown


def _hands(case: CaseCheck) -> str:
    same = case.found is None or case.found == case.recorded
    return str(case.recorded) if same else f"{case.recorded} → {case.found}"


def _numbers(case: CaseCheck) -> list[str]:
    names = ("mean", "most", "depth", "world")
    if not case.differences:
        return ["–"] * len(names)
    return [f"{case.worst[name]:.2g}" for name in names]


def _verdict(case: CaseCheck) -> Text:
    return Text("differs", style="bold red") if case.reasons else Text("ok", style="green")
