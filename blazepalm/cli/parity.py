"""`blazepalm parity FILE_OR_RELEASE…`: the verdict as a table or as JSON.

Results go to stdout, progress to stderr. Exit code: 0 parity holds, 1 it fails, 2 a source
or an option is bad, 3 it could not be verified; the highest that applies.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from blazepalm.cli import console
from blazepalm.cli.files import whole_file
from blazepalm.models.errors import ArtifactError
from blazepalm.reports import policy

REPORT = "parity.json"

OnInput = Callable[[str, int, int], None]


def parity(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE_OR_RELEASE",
            help="A .tflite file, a .task bundle, or a release's name or alias (palm-full).",
            show_default=False,
        ),
    ],
    inputs: Annotated[
        int,
        typer.Option(min=policy.LEAST_INPUTS, help="Seeded random inputs for each model."),
    ] = policy.INPUTS,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the inputs.")] = policy.SEED,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, help="Inputs in work at once; changes no number.", show_default="processors"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help=f"Folder to write {REPORT} to.", show_default=False),
    ] = None,
) -> None:
    """Compare the PyTorch modules of releases with LiteRT and a float64 oracle."""
    from blazepalm.reports.parity import parity as compare
    from blazepalm.reports.terminal import print_report

    if output is not None:
        check_report(output)
    with progress() as on_input:
        report = compare(
            *sources, inputs=inputs, seed=seed, workers=jobs, keep_going=True, on_input=on_input
        )
    values = report.to_dict()
    if as_json:
        console.emit_json(values)
        for failure in report.failures:
            console.error(failure.message)
    else:
        print_report(report, console.stdout_console())
    if output is not None and report.models:
        written = f"report: {write_report(values, output)}"
        if as_json:
            console.note(written)
        else:
            console.out(console.clean(written))
    raise typer.Exit(report.exit_code)


def check_report(folder: Path) -> None:
    """Raises ArtifactError before the work where `write_report` would after it."""
    from blazepalm.converter.artifacts import check_writable

    check_writable(folder, folder)
    if (folder / REPORT).is_dir():
        raise ArtifactError(f"{folder / REPORT} is a folder; choose another -o")


def write_report(values: dict[str, Any], folder: Path) -> Path:
    """Writes the report whole or not at all, in place of an older one; returns its path."""
    target = folder / REPORT
    text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with whole_file(target) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return target


@contextmanager
def progress() -> Iterator[OnInput]:
    """On stderr: a bar for each model on a terminal, else a plain line each quarter."""
    stderr = console.stderr_console()
    if not stderr.is_terminal:
        yield _plain_progress
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        Remaining(),
    )
    with Progress(*columns, console=stderr, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def on_input(model: str, done: int, total: int) -> None:
            if model not in tasks:
                tasks[model] = bars.add_task(console.clean(model), total=total)
            bars.update(tasks[model], completed=done)

        yield on_input


def _plain_progress(model: str, done: int, total: int) -> None:
    if done * 4 // total != (done - 1) * 4 // total:
        console.note(f"{model}: {done} of {total} inputs")
