"""`blazepalm convert A B …`: several files in one process, each as it would be converted alone.

A file that cannot be converted costs no other. A folder that an earlier run finished with the same
options is kept, so that an interrupted run goes on where it stopped.
"""

import errno
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from blazepalm.cli import console
from blazepalm.cli.app import BAD_INPUT, GOES_ON
from blazepalm.cli.convert_tables import folder_line, summary
from blazepalm.converter.convert import convert_opened
from blazepalm.converter.destinations import open_source
from blazepalm.converter.evidence import NO_OVERRIDES
from blazepalm.converter.finished import is_finished, is_measured
from blazepalm.converter.folder import is_converted
from blazepalm.converter.loading import read_record
from blazepalm.converter.wanted import Wanted
from blazepalm.errors import ArtifactError, BlazePalmError
from blazepalm.file_names import folded

FULL = (errno.ENOSPC, errno.EDQUOT)  # no other folder would fit either


def convert_several(
    sources: Sequence[str], parent: Path, wanted: Wanted, *, force: bool, as_json: bool
) -> None:
    """Converts each source into a folder of its own in `parent`, and prints a line for each folder
    as soon as it is there; as JSON one list at the end. Exits with 2 if a source failed. Raises
    BadParameter or ArtifactError before any work, and ArtifactError if the disk is full.
    """
    if wanted.overrides != NO_OVERRIDES:
        raise typer.BadParameter(
            "--outputs, --generation and --value-range state what one file does not: convert that "
            "file by itself"
        )
    if is_converted(parent):
        raise ArtifactError(f"{parent}: is a converted folder itself; choose another -o")
    wanted.check()
    summaries: list[dict[str, Any]] = []

    def report(folder: Path, kept: bool) -> None:
        record = read_record(folder)
        summaries.append({**summary(folder, record), "kept": kept})
        if not as_json:
            console.out(folder_line(folder, record) + (", from an earlier run" if kept else ""))

    failed = number = 0
    taken: dict[tuple[str, ...], str] = {}
    try:
        for number, source in enumerate(sources, 1):
            console.note(f"converting {source}, {number} of {len(sources)}")
            failures: list[BlazePalmError] = []
            try:
                opened = open_source(source, within=parent)
                _claim(opened.folders, source, taken)
                kept = [] if force else [f for f, g in opened.pairs() if is_finished(f, g, wanted)]
                for folder in kept:
                    report(folder, kept=True)
                missing = opened.without(kept)
                for folder in convert_opened(missing, wanted, force, console.warn, failures.append):
                    report(folder, kept=False)
            except BlazePalmError as error:
                if getattr(error.__cause__, "errno", None) in FULL:
                    raise
                failures.append(error)
            for failure in failures:
                console.error(str(failure))
            failed += bool(failures)
    except (KeyboardInterrupt, SystemExit):
        goes_on = "" if force or is_measured(wanted) else GOES_ON
        console.note(f"stopped at {number} of {len(sources)}{goes_on}")
        raise
    if as_json:
        console.emit_json(summaries)
    if failed:
        console.note(f"{failed} of {len(sources)} not, or not wholly, converted")
        raise typer.Exit(BAD_INPUT)


def _claim(folders: Sequence[Path], source: str, taken: dict[tuple[str, ...], str]) -> None:
    """Raises ArtifactError if another source of this run has one of the folders, or one that is
    inside or above it.
    """
    own = {tuple(map(folded, folder.parts)): folder for folder in folders}
    for parts, folder in own.items():
        for others, other in taken.items():
            if parts[: len(others)] == others[: len(parts)]:
                raise ArtifactError(
                    f"{source}: would be written to {folder}, where {other} is; convert it by "
                    "itself, with another -o"
                )
    taken.update(dict.fromkeys(own, source))
