"""`blazepalm inspect X.mlpackage`: shows what a Core ML package holds, without importing torch or
coremltools.

The output fits 80 columns; from 100 columns, tables stand side by side. The package's own text
is not trusted and is escaped.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from blazepalm.cli import console
from blazepalm.cli.tables import SIDE_BY_SIDE, beside, facts, histogram, plain_table, times
from blazepalm.text import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from blazepalm.models.spec import Spec
    from blazepalm.reports.backends.mil.program import Program
    from blazepalm.reports.backends.mil.summary import Port, ProgramSummary
    from blazepalm.reports.backends.mil.suppression import Suppression

LONG = 160  # characters shown of a metadata entry; JSON has the whole entry


def inspect_package(path: Path, *, operators: bool, tensors: bool, as_json: bool) -> None:
    """Prints the report. Raises InvalidModel for a broken package."""
    from blazepalm.reports.backends.mil import load
    from blazepalm.reports.backends.mil.summary import summary_of

    program = load(path)
    summary = summary_of(program)
    if as_json:
        console.emit_json(summary.to_dict())
        return
    console.out(*render(summary, console.stdout_console().width))
    if operators:
        for name in program.functions:
            console.out("", operation_table(program, name))
    if tensors:
        for name in program.functions:
            console.out("", constant_table(program, name))


def render(summary: "ProgramSummary", width: int) -> "Iterator[RenderableType]":
    """The report, piece by piece, for a screen of `width` columns."""
    from rich.text import Text

    name = summary.own("release") or Path(summary.file).stem
    yield Text.assemble((printable(name), "bold cyan"), f"  {_kind(summary)}")
    yield facts(_facts(summary, wide=width >= SIDE_BY_SIDE))
    yield ""
    total = sum(summary.operations.values())
    unpacking = sum(summary.unpacking.values())
    more = f" (+ {unpacking} that unpack weights)" if unpacking else ""
    counts = {**summary.operations, **summary.unpacking}
    yield from beside([histogram(f"operations  {total}{more}", counts), weights(summary)], width)


def _kind(summary: "ProgramSummary") -> str:
    """`Core ML program, app face, fp16, palettize8`."""
    own = [summary.own(key) for key in ("face", "precision", "compress")]
    words = [f"{own[0]} face" if own[0] else None, *own[1:]]
    what = "Core ML program" if summary.suppression is None else "Core ML program and suppression"
    return ", ".join([what, *(printable(word) for word in words if word)])


def _facts(summary: "ProgramSummary", *, wide: bool) -> "Iterator[tuple[str, str | Text]]":
    yield "file", printable(summary.file)
    yield "size", f"{summary.bytes:,} bytes"
    systems = f"{', '.join(summary.target)} or newer, " if summary.target else ""
    yield "target", f"{systems}specification version {summary.specification_version}"
    yield "precision", _shares(summary.precision)
    yield from _functions(summary, wide)
    if summary.lacking:
        lacking = ", ".join(f"{printable(n)} ({count})" for n, count in summary.lacking.items())
        yield "executor", f"lacks {lacking}: blazepalm cannot run it"
    else:
        yield "executor", "blazepalm run supports every operation"
    if summary.suppression is not None:
        yield "suppression", _suppression(summary.suppression)
    yield from _metadata(summary)


def _suppression(stage: "Suppression") -> str:
    """`keeps 0.5 or more, drops boxes that overlap a better one by more than 0.3 (IoU)`."""
    own = " of their class" if stage.per_class else ""
    return (
        f"keeps boxes of {stage.confidence_threshold:g} or more; drops those that overlap a better "
        f"one{own} by more than {stage.iou_threshold:g} (IoU)"
    )


def _shares(counts: Mapping[str, int]) -> str:
    """`float16 in 145 of 160 values, float32 in 15`."""
    total = sum(counts.values())
    if not total:
        return "computes nothing"
    shares = [f"{printable(name)} in {count}" for name, count in counts.items()]
    return ", ".join([f"{shares[0]} of {total} values", *shares[1:]])


def _functions(summary: "ProgramSummary", wide: bool) -> "Iterator[tuple[str, str | Text]]":
    """Inputs and outputs of each function, the default one first."""
    first = summary.default
    several = len(summary.functions) > 1
    for function in [first, *(f for f in summary.functions if f is not first)]:
        if several:
            default = ", the default" if function is first else ""
            count = f"{function.operations} operation{'s' * (function.operations != 1)}"
            yield "function", f"{printable(function.name)}: {count}{default}"
        for label, ports in (("input", function.inputs), ("output", function.outputs)):
            for place, port in enumerate(ports):
                yield (label if place == 0 else ""), _port(port, wide)


def _port(port: "Port", wide: bool) -> "Text":
    """The port's type, then the package's description of it: on the next line unless the screen
    is wide.
    """
    from rich.text import Text

    if port.kind == "image":
        height, width = port.shape or (0, 0)
        what = f"{port.layout} image {width}×{height}"
        sizes = ", H×W of "
    else:
        shape = "" if port.shape is None else f"{times(port.shape)} "
        what = f"{shape}{port.dtype}"
        sizes = ", takes "
    text = Text.assemble((printable(port.name), "bold"), f" {printable(what)}")
    if port.shapes:
        text.append(f"{sizes}{port.shapes}")
    if port.optional:
        text.append(", optional")
    if port.description:
        text.append(f"{'  ' if wide else chr(10)}{printable(port.description)}", style="dim")
    return text


def _metadata(summary: "ProgramSummary") -> Iterator[tuple[str, str]]:
    from blazepalm.reports.backends.mil.notes import OWN
    from blazepalm.reports.backends.mil.summary import SAYS

    labels = dict(zip(SAYS, ("says", "version", "author", "licence"), strict=True))
    for key, label in labels.items():
        if key in summary.metadata:
            yield label, _short(summary.metadata[key])
    if sha256 := summary.own("source_sha256"):
        yield "source", _short(sha256)
    if summary.spec is not None:
        yield "spec", _spec(summary.spec)
    shown = {OWN + key for key in ("release", "face", "precision", "compress", "source_sha256")}
    if summary.spec is not None:
        shown.add(OWN + "spec")
    rest = [key for key in summary.metadata if key not in labels and key not in shown]
    for place, key in enumerate(rest):
        entry = f"{printable(key)} = {_short(summary.metadata[key])}"
        yield ("metadata" if place == 0 else ""), entry


def _spec(spec: "Spec") -> str:
    from blazepalm.models.spec import PalmDetectorSpec

    size, (low, high) = times(spec.input_size), spec.value_range
    values = f"{size} pixels, values {low:g} .. {high:g}"
    if isinstance(spec, PalmDetectorSpec):
        return f"palm detector, {values}, {spec.anchors:,} anchors, {spec.keypoints} keypoints"
    outputs = ", ".join(printable(output.name) for output in spec.outputs)
    return f"hand landmarks, {values}: {outputs}"


def _short(text: str) -> str:
    text = printable(text)
    return text if len(text) <= LONG else f"{text[:LONG]}… ({len(text):,} characters)"


def weights(summary: "ProgramSummary") -> "Table":
    """Weights by how the package keeps them."""
    headings = ("stored as", "tensors", "values", "bytes")
    table = plain_table(f"weights  {summary.parameters:,} parameters", *headings)
    for row in summary.weights:
        numbers = (row.tensors, row.values, row.stored_bytes)
        table.add_row(printable(row.stored_as), *(f"{number:,}" for number in numbers))
    return table


def operation_table(program: "Program", function: str) -> "Table":
    """Every operation in execution order: type, inputs, outputs."""
    from rich.text import Text

    table = plain_table(f"every operation of {printable(function)}, in execution order")
    table.add_column("#", justify="right", style="dim", no_wrap=True)
    table.add_column("operation", overflow="fold", ratio=1)
    table.add_column("inputs → outputs", overflow="fold", ratio=3)
    table.expand = table.show_header = True
    constants = program.functions[function].constants
    for index, op in enumerate(program.functions[function].operations):
        reads = ", ".join(
            printable(argument)
            for arguments in op.inputs.values()
            for argument in arguments
            if isinstance(argument, str) and argument not in constants
        )
        gives = ", ".join(f"{printable(o.name)} {o.type}" for o in op.outputs)
        table.add_row(
            str(index), Text(printable(op.type), style="cyan"), Text(f"{reads or '–'}\n→ {gives}")
        )
    return table


def constant_table(program: "Program", function: str) -> "Table":
    """Every constant stored in a weight file: type, bytes, name."""
    from rich.text import Text

    headings = ("type", "bytes")
    table = plain_table(f"every stored constant of {printable(function)}", *headings)
    table.add_column("name", overflow="fold", ratio=1)
    table.expand = True
    for name, constant in program.functions[function].constants.items():
        if constant.blob is not None:
            stored = f"{constant.stored.nbytes:,}"
            table.add_row(str(constant.type).lower(), stored, Text(printable(name)))
    return table
