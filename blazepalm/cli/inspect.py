"""`blazepalm inspect`: shows what a file holds, on a screen or as JSON, without importing torch.

The output fits 80 columns. Names come from the file and are escaped before printing.
`inspect_package` shows Core ML packages.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blazepalm.cli import console
from blazepalm.cli.app import BAD_INPUT
from blazepalm.cli.tables import beside, facts, histogram, plain_table, times
from blazepalm.text import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from blazepalm.converter.inspect import Inspection, ModelInspection
    from blazepalm.models.spec import ConvSpec, StageSpec

TELLING = ("axis", "block_size")  # options shown even where they are 0 or 1


def inspect(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE_OR_RELEASE",
            help="A .tflite file, a .task bundle, a release, an .mlpackage or .mlmodel.",
        ),
    ],
    operators: Annotated[
        bool, typer.Option("--operators", help="List every operator, in execution order.")
    ] = False,
    tensors: Annotated[
        bool, typer.Option("--tensors", help="List every tensor, and how the file stores it.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Everything, machine-readable, on stdout.")
    ] = False,
) -> None:
    """Show what a file holds: operators, weights, family, heads.

    If a member of a bundle cannot be read, the error goes to stderr, the others are still shown,
    and the exit code is 2.
    """
    if _is_package(Path(source)):
        from blazepalm.cli.inspect_package import inspect_package

        inspect_package(Path(source), operators=operators, tensors=tensors, as_json=as_json)
        return
    from blazepalm.converter.inspect import inspect as run

    inspection = run(source)
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
    from blazepalm.reports.backends.mil.package import is_package

    if path.is_file():
        return is_core_ml(path)
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
        yield facts([("file", printable(inspection.file)), *_identity(inspection)])
        if inspection.others:
            yield facts([("others", f"not models: {printable(', '.join(inspection.others))}")])
        yield ""
    for position, model in enumerate(inspection.models):
        if position:
            yield ""
        yield from _model(model, width)
        if operators:
            yield ""
            yield operator_table(model)
        if tensors:
            yield ""
            yield tensor_table(model)


def _model(model: "ModelInspection", width: int) -> "Iterator[RenderableType]":
    from rich.text import Text

    kinds = {"palm": "palm detector", "hand": "hand landmarks", "recrop": "hand re-crop"}
    heading = Text(model.release or "unknown file", style="bold cyan")
    if model.family is not None:
        heading.append(f"  {kinds.get(model.family, model.family)}", style="default not bold")
    yield heading
    yield facts(_facts(model))
    yield ""
    yield from beside([histogram_table(model), weight_table(model)], width)


def _facts(model: "ModelInspection") -> "Iterator[tuple[str, str | Text]]":
    yield "file", printable(model.source)
    yield from _identity(model)
    if model.network_sha256 is not None:
        yield "network", model.network_sha256
    if model.release is not None and not model.release_file:
        yield "", f"a different file of {model.release}"
    if model.description:
        yield "says", printable(model.description)
    yield "input", ", ".join(_named_tensor(model, i) for i in model.inputs)
    if model.value_range is not None:
        low, high = model.value_range
        known = model.release is not None
        where = f"as in {model.value_range_from}" if known else "assumed"
        yield "values", f"{low:g} .. {high:g}, {where}"
    names = iter(model.output_names)
    for position, tensor in enumerate(model.outputs):
        readable = next(names, "")
        label = "output" if position == 0 else ""
        yield label, _named_tensor(model, tensor) + (f" → {readable}" if readable else "")
    if model.output_values and len(model.outputs) == 1:
        yield "", ", ".join(model.output_values)
        yield "", model.output_meaning
    if model.heads:
        parts = " + ".join(f"{h}×{w}×{n}" for h, w, n in model.heads)
        yield "heads", f"{parts} = {model.anchors:,} anchors"
    yield from _structure(model)
    if model.rewrites:
        uses = Counter(rewrite.name for rewrite in model.rewrites)
        yield "rewrites", ", ".join(f"{name} ({count})" for name, count in uses.items())
    if model.metadata:
        yield (
            "metadata",
            ", ".join(f"{printable(n)} ({size:,})" for n, size in model.metadata.items()),
        )
    if model.dequantised:
        yield "note", "integer arithmetic; blazepalm evaluates it in floating point"


def _identity(item: "Inspection | ModelInspection") -> list[tuple[str, str]]:
    return [("size", f"{item.bytes:,} bytes"), ("SHA-256", item.sha256)]


def _structure(model: "ModelInspection") -> Iterator[tuple[str, str]]:
    spec = model.spec
    if spec is None:
        if model.unrecognised_because:
            yield "structure", f"not recognised: {printable(model.unrecognised_because)}"
        return
    yield "stem", _convolution(spec.backbone.stem)
    yield "stages", _stages(spec.backbone.stages)
    for position, step in enumerate(spec.neck):
        size = "×".join(map(str, step.size))
        yield (
            ("neck" if position == 0 else ""),
            f"{step.upsampling} to {size}, {len(step.blocks)} blocks",
        )


def _convolution(conv: "ConvSpec") -> str:
    kernel = "×".join(map(str, conv.kernel))
    after = "" if conv.activation == "none" else f", {conv.activation}"
    return f"{kernel} / {conv.stride} to {conv.out_channels} channels{after}"


def _stages(stages: "Iterable[StageSpec]") -> str:
    """`blocks × channels` per stage, the largest map first."""
    return ", ".join(
        f"{len(stage.blocks)} × {stage.blocks[-1].pointwise.out_channels}"
        for stage in stages
        if stage.blocks
    )


def histogram_table(model: "ModelInspection") -> "Table":
    """Operators by name, most frequent first, each with a bar."""
    total = sum(model.histogram.values())
    folded = model.stored_operators - total
    more = f" (+ {folded} folded)" if folded > 0 else ""
    return histogram(f"operators  {total}{more}", model.histogram)


def weight_table(model: "ModelInspection") -> "Table":
    """Constants by how the file stores them."""
    headings = ("stored as", "tensors", "values", "bytes")
    table = plain_table(f"weights  {model.parameters:,} parameters", *headings)
    for row in model.weights:
        numbers = (row.tensors, row.values, row.stored_bytes)
        table.add_row(row.stored_as, *(f"{number:,}" for number in numbers))
    return table


def operator_table(model: "ModelInspection") -> "Table":
    """Every operator: index, name and options, operands → results."""
    from rich.text import Text

    table = plain_table("every operator, in execution order")
    table.add_column("#", justify="right", style="dim", no_wrap=True)
    table.add_column("operator", overflow="fold", ratio=2)
    table.add_column("inputs → outputs", overflow="fold", ratio=3)
    table.expand = True
    table.show_header = True
    for op in model.operators:
        what = Text(printable(op.name), style="cyan")
        options = " ".join(
            f"{key}={_option(value)}"
            for key, value in op.options.items()
            if key in TELLING or value not in (0, 1, "NONE", ())
        )
        if options:
            what.append(f"\n{printable(options)}", style="dim")
        reads = ", ".join(_tensor(model, i) for i in op.inputs if i >= 0)
        gives = ", ".join(_tensor(model, i) for i in op.outputs)
        table.add_row(str(op.index), what, Text(f"{reads}\n→ {gives}"))
    return table


def tensor_table(model: "ModelInspection") -> "Table":
    """Every tensor: index, shape, dtype, what the file stores, name."""
    from rich.text import Text

    table = plain_table("every tensor")
    table.add_column("%", justify="right", style="dim", no_wrap=True)
    table.add_column("shape", overflow="fold")
    table.add_column("dtype", no_wrap=True)
    table.add_column("stored as", overflow="fold")
    table.add_column("bytes", justify="right", no_wrap=True)
    table.add_column("name", overflow="fold", ratio=1)
    table.expand = True
    table.show_header = True
    for tensor in model.tensors:
        stored = tensor.stored_as or ""
        size = f"{tensor.stored_bytes:,}" if tensor.stored_as else ""
        name = Text(printable(tensor.name))
        table.add_row(str(tensor.index), times(tensor.shape), tensor.dtype, stored, size, name)
    return table


def _tensor(model: "ModelInspection", index: int) -> str:
    return f"%{index} {times(model.tensors[index].shape)}"


def _named_tensor(model: "ModelInspection", index: int) -> str:
    tensor = model.tensors[index]
    return f"{printable(tensor.name)} {times(tensor.shape)} {tensor.dtype}"


def _option(value: object) -> str:
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:g}"
    if isinstance(value, tuple):
        return "[" + ",".join(map(str, value)) + "]"
    return str(value)
