"""Checks a converted folder end to end: is every file what `conversion.json` says, and is it what
the named source gives?

The source is converted again, and the folder compared with the result: weights bit for bit,
anchors, structure, and each file of the Core ML package, the ExecuTorch program and the Core AI
program, byte for byte.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blazepalm.converter.choose import choose_by_sha256
from blazepalm.converter.convert import SOURCE, convert_graph
from blazepalm.converter.folder import (
    find_original,
    layout_of,
    original,
    overrides_of,
    settled_of,
    source_of,
    tuned_from,
    without_evidence,
)
from blazepalm.converter.loading import load, read_record, structure_of
from blazepalm.converter.tflite.graph import Graph
from blazepalm.converter.tflite.read import read_bytes
from blazepalm.converter.verify_files import check_files
from blazepalm.converter.verify_programs import (
    CORE_AI,
    DIFFERS,
    HOLDS,
    INTEGERS,
    NOT_CHECKED,
    PROGRAM,
    Finding,
    check_aimodel,
    check_integers,
    check_package,
    check_pte,
)
from blazepalm.errors import ArtifactError, CouldNotVerify, check_path
from blazepalm.models.gesture_spec import GestureSpec
from blazepalm.shown import Shown
from blazepalm.text import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from torch import nn

    from blazepalm.converter.converted import Converted

ENDS = {  # by exit code
    0: "everything holds",
    1: "differs from what convert wrote",
    3: "not everything could be checked",
}
TUNING = "fine-tuning"  # what `save` wrote about it


@dataclass(frozen=True, repr=False)
class Verification(Shown):
    """The findings on one folder. `passed`: nothing differs and everything was checked."""

    folder: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        return all(finding.status == HOLDS for finding in self.findings)

    @property
    def exit_code(self) -> int:
        """0 if everything holds, 1 if something differs, 3 if something could not be checked."""
        statuses = {finding.status for finding in self.findings}
        return 1 if DIFFERS in statuses else 3 if NOT_CHECKED in statuses else 0

    def __bool__(self) -> bool:
        return self.passed

    def in_short(self) -> str:
        """The folder, and in how far it is what its source gives."""
        return f"{printable(self.folder)}: {ENDS[self.exit_code]}"

    def pieces(self, width: int) -> "Iterator[RenderableType]":
        """A table of the findings, and the summary."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
        table.add_column(style="bold", overflow="fold")
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for finding in self.findings:
            what, detail = Text(printable(finding.what)), Text(printable(finding.detail))
            table.add_row(what, finding.status, detail)
        yield table
        yield Text(self.in_short())

    def to_dict(self) -> dict[str, Any]:
        return {"passed": self.passed, "exit_code": self.exit_code, **asdict(self)}


def verify(folder: str | Path, source: str | Path | None = None) -> Verification:
    """Checks a folder that `convert` wrote. `source` is the `.tflite`, bundle or release that it
    was made from; by default it is looked for beside the folder and among the releases on this
    machine.

    Raises ArtifactError if the folder holds no readable `conversion.json`, UnknownRelease or
    InvalidModel for a `source` that cannot be read or is another file.
    """
    check_path(folder, "a folder that convert wrote")
    if source is not None:
        check_path(source, SOURCE)
    folder = Path(folder)
    record = read_record(folder)
    findings = [*check_files(folder, record)]
    whole = all(finding.status == HOLDS for finding in findings)
    try:
        module = load(folder) if whole else None
    except ArtifactError as error:
        module = None
        findings.append(Finding("module", DIFFERS, str(error)))
    reason, model, content = "the files differ already", None, b""
    if module is not None:
        model, content, reason = _again(folder, record, source)
    if model is None or module is None:
        names = ["weights", "structure", *(["Core ML package"] if record.get("coreml") else [])]
        names += [TUNING] if "fine_tuning" in record else []
        names += [PROGRAM] if record.get("executorch") else []
        names += [CORE_AI] if record.get("coreai") else []
        names += [INTEGERS] if "int8_tflite" in record else []
        findings += [Finding(name, NOT_CHECKED, reason) for name in names]
    else:
        findings += _against(folder, record, module, model)
        if "int8_tflite" in record:
            findings.append(check_integers(folder, record["int8_tflite"], model, content))
        if "fine_tuning" in record:
            findings.append(_tuning(folder, record, module))
    return Verification(str(folder), tuple(findings))


def _again(
    folder: Path, record: dict[str, Any], source: str | Path | None
) -> tuple["Converted | None", bytes, str]:
    """The source, converted again, and its bytes; None and the reason if it is not here."""
    if source is None:
        try:
            name, content, _ = original(folder)
        except CouldNotVerify:
            return None, b"", "the source is not on this machine: give it with --source"
    else:
        name, content = choose_by_sha256(source, source_of(folder).sha256)
    structure = structure_of(folder, record)
    overrides, settled = overrides_of(record, structure), settled_of(record, structure)
    graph = read_bytes(content, name)
    model = convert_graph(graph, lambda note: None, overrides, layout_of(record), settled)
    recognition = model.recognition
    if recognition is None or isinstance(structure, Graph | GestureSpec):
        return model, content, ""
    if without_evidence(recognition.spec) == without_evidence(structure):
        model = replace(model, recognition=replace(recognition, spec=structure))
    return model, content, ""


def _against(
    folder: Path, record: Mapping[str, Any], module: "nn.Module", model: "Converted"
) -> Iterator[Finding]:
    """The loaded module and the package against those that the source gives."""
    mine, theirs = module.state_dict(), model.module.state_dict()
    other = sorted(mine.keys() ^ theirs.keys())
    moved = [name for name in mine if name in theirs and not mine[name].equal(theirs[name])]
    name = model.name
    if other:
        yield Finding("weights", DIFFERS, f"{len(other)} names differ from {name}'s: {other[0]}")
    elif moved:
        some = ", ".join(moved[:3]) + ("…" if len(moved) > 3 else "")
        detail = f"{len(moved)} of {len(mine)} tensors differ from {name}'s: {some}"
        yield Finding("weights", DIFFERS, detail)
    else:
        yield Finding("weights", HOLDS, f"{len(mine)} tensors equal {name}'s, bit for bit")
    anchors = getattr(module, "anchors", None)
    if anchors is not None:
        same = anchors.equal(model.module.anchors)
        detail = f"{len(anchors)} anchors, {'equal' if same else 'not equal'} to the heads' own"
        yield Finding("anchors", HOLDS if same else DIFFERS, detail)
    known = model.recognition or model.gesture
    spec = None if known is None else known.spec
    same = getattr(module, "spec", None) == spec
    kind = "operator by operator" if spec is None else type(module).__name__
    yield Finding("structure", HOLDS if same else DIFFERS, kind if same else f"not {name}'s")
    if record.get("coreml"):
        yield check_package(record["coreml"], model)
    if record.get("executorch"):
        yield check_pte(record["executorch"], model)
    if record.get("coreai"):
        yield check_aimodel(record["coreai"], model)


def _tuning(folder: Path, record: dict[str, Any], module: "nn.Module") -> Finding:
    """Which weights moved away from the file that the folder says they were trained from."""
    kept, moved = tuned_from(folder, record)
    try:
        found = find_original(folder, kept)
    except CouldNotVerify:
        return Finding(TUNING, NOT_CHECKED, f"{kept.file}, which it started from, is not here")
    graph = read_bytes(found.content, found.source)
    settled = settled_of(record, structure_of(folder, record))
    start = convert_graph(graph, lambda note: None, layout=layout_of(record), settled=settled)
    old, new = start.module.state_dict(), module.state_dict()
    changed = {name for name in new if name not in old or not new[name].equal(old[name])}
    if wrong := sorted(changed - set(moved)):
        return Finding(
            TUNING, DIFFERS, f"{wrong[0]} is not {start.name}'s, but not listed as moved"
        )
    return Finding(
        TUNING, HOLDS, f"{len(moved)} of {len(new)} tensors moved from {start.name}'s, as listed"
    )
