"""Takes the folders of this machine out of a report that is written: a report is sent on, and where
its maker keeps files concerns nobody and differs on every machine.
"""

import os
import re
import tempfile
from pathlib import Path
from typing import Any

from msgspec import convert, to_builtins
from msgspec.structs import replace

from blazepalm.reports.judge.report import Failure, ModelParity, ParityReport
from blazepalm.reports.judge.report_parts import Device, RunOptions, SelfTestResult

# where a path can be, and its type; rows and cases are named by what they compare
PARTS: dict[str, Any] = {
    "models": tuple[ModelParity, ...],
    "failures": tuple[Failure, ...],
    "options": RunOptions,
    "self_test": SelfTestResult | None,
    "device": tuple[Device, ...],
}


# what may be an absolute path: a tensor's name is not, since its folder does not exist
ABSOLUTE = re.compile(r"(?<![\w./~:])/[^\s:;,'\"()]+")


def without_local_paths(report: ParityReport) -> ParityReport:
    """The report with absolute paths shortened: relative to the current folder if they are in it,
    else to the folder of the file that was given.
    """
    folders = _folders(report)
    parts = {
        name: convert(_shortened(to_builtins(getattr(report, name)), folders), kind)
        for name, kind in PARTS.items()
    }
    rows = tuple(
        replace(row, reasons=tuple(_text(reason, folders) for reason in row.reasons))
        if row.reasons
        else row
        for row in report.rows
    )
    return replace(report, rows=rows, **parts)


def _folders(report: ParityReport) -> list[str]:
    """The folders to take out, the innermost first: `/home/me/models/`."""
    named = [model.source for model in report.models]
    named += [*report.options.images, *(failure.source for failure in report.failures)]
    found = {str(Path(path).parent) for path in named if os.path.isabs(path)}
    for own in (Path.cwd(), Path.home(), Path(tempfile.gettempdir())):
        found |= {str(own), os.path.realpath(own)}
    found -= {os.path.abspath(os.sep)}
    here = {str(Path.cwd()), os.path.realpath(".")}
    # what is in the current folder stays relative to it
    inside = {f for f in found for h in here if f.startswith(f"{h}{os.sep}")}
    return [f"{f}{os.sep}" for f in sorted(found - inside, key=len, reverse=True)]


def _shortened(value: Any, folders: list[str]) -> Any:
    if isinstance(value, str):
        return _text(value, folders)
    if isinstance(value, dict):
        return {name: _shortened(one, folders) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_shortened(one, folders) for one in value]
    return value


def _text(text: str, folders: list[str]) -> str:
    for folder in folders:
        text = text.replace(folder, "")
    return ABSOLUTE.sub(_name, text)


def _name(found: re.Match[str]) -> str:
    """The last part of a path whose folder is on this disk; another text stays."""
    folder, name = os.path.split(found[0].rstrip(os.sep))
    return name if folder != os.sep and os.path.isdir(folder) else found[0]
