"""`blazepalm inspect`: shows what a file holds, on a screen or as JSON, without importing torch.

The output fits 80 columns. Names come from the file and are escaped before printing.
`inspect_package` shows Core ML packages.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blazepalm.cli import console
from blazepalm.cli.app import BAD_INPUT
from blazepalm.cli.inspect_model import identity, model_summary, operator_table, tensor_table
from blazepalm.cli.model_options import (
    GenerationOption,
    OutputsOption,
    ValueRangeOption,
    model_names,
    overrides_of,
)
from blazepalm.cli.tables import facts
from blazepalm.text import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from blazepalm.converter.inspection import Inspection


def inspect(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE_OR_RELEASE",
            autocompletion=model_names,
            help="A .tflite file, a .task bundle, a release, an .mlpackage or .mlmodel.",
        ),
    ],
    operators: Annotated[
        bool, typer.Option("--operators", help="List every operator, in execution order.")
    ] = False,
    tensors: Annotated[
        bool, typer.Option("--tensors", help="List every tensor, and how the file stores it.")
    ] = False,
    outputs: OutputsOption = None,
    generation: GenerationOption = None,
    value_range: ValueRangeOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Everything, machine-readable, on stdout.")
    ] = False,
) -> None:
    """Show what a file holds: operators, weights, family, heads.

    If a member of a bundle cannot be read, the error goes to stderr, the others are still shown,
    and the exit code is 2.
    """
    overrides = overrides_of(outputs, generation, value_range)
    if _is_package(Path(source)):
        from blazepalm.cli.inspect_package import inspect_package

        inspect_package(Path(source), operators=operators, tensors=tensors, as_json=as_json)
        return
    from blazepalm.converter.inspect import inspect as run

    inspection = run(source, overrides)
    if as_json:
        console.emit_json(inspection.to_dict())
    else:
        width = console.stdout_console().width
        console.out(*render(inspection, width, operators=operators, tensors=tensors))
    for failure in inspection.failures:
        console.error(failure)
    if inspection.failures:
        raise typer.Exit(BAD_INPUT)


def _is_package(path: Path) -> bool:
    """Whether `path` is Core ML: by content if it is a file, else by its name."""
    from blazepalm.converter.tflite.foreign import is_core_ml

    if path.is_file():
        return is_core_ml(path)
    if not path.is_dir() and not path.suffix.lower().startswith(".ml"):
        return False  # a release's name: the reader of packages need not be imported
    from blazepalm.reports.backends.mil.package import is_package

    return is_package(path)


def render(
    inspection: "Inspection", width: int, *, operators: bool, tensors: bool
) -> "Iterator[RenderableType]":
    """The report, piece by piece, for a screen of `width` columns."""
    from rich.text import Text

    if inspection.bundle:
        name = inspection.release or "bundle"
        count = len(inspection.models)
        yield Text.assemble((name, "bold cyan"), f"  {count} model{'s' * (count != 1)}")
        yield facts([("file", printable(inspection.file)), *identity(inspection)])
        if inspection.others:
            yield facts([("others", f"not models: {printable(', '.join(inspection.others))}")])
        yield ""
    for position, model in enumerate(inspection.models):
        if position:
            yield ""
        yield from model_summary(model, width)
        if operators:
            yield ""
            yield operator_table(model)
        if tensors:
            yield ""
            yield tensor_table(model)
