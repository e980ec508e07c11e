"""One model of a `.tflite` as text and tables. Names come from the file and are escaped."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from blazepalm.cli.tables import beside, facts, histogram, plain_table, times
from blazepalm.models.gesture_spec import GestureClassifierSpec, GestureEmbedderSpec
from blazepalm.text import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from blazepalm.converter.inspection import Inspection, ModelInspection, TensorSummary
    from blazepalm.models.spec import ConvSpec, StageSpec

TELLING = ("axis", "block_size")  # options shown even where they are 0 or 1


def model_summary(model: "ModelInspection", width: int) -> "Iterator[RenderableType]":
    """A model in short: its facts, its operators and weights counted."""
    from rich.text import Text

    kinds = {
        "palm": "palm detector",
        "hand": "hand landmarks",
        "recrop": "hand re-crop",
        "gesture-embedder": "gesture embedder",
        "gesture-classifier": "gesture classifier",
    }
    heading = Text(model.release or "unknown file", style="bold cyan")
    if model.family is not None:
        heading.append(f"  {kinds.get(model.family, model.family)}", style="default not bold")
    yield heading
    yield facts(_facts(model))
    yield ""
    yield from beside([histogram_table(model), weight_table(model)], width)


def _facts(model: "ModelInspection") -> "Iterator[tuple[str, str | Text]]":
    yield "file", printable(model.source)
    yield from identity(model)
    if model.network_sha256 is not None:
        yield "network", model.network_sha256
    if model.release is not None and not model.release_file:
        yield "", f"a different file of {model.release}"
    if model.description:
        yield "says", printable(model.description)
    yield "input", ", ".join(_named_tensor(model, i) for i in model.inputs)
    if model.value_range is not None:
        low, high = model.value_range
        by = model.evidence.value_range
        known = model.release is not None and by in ("", "release")
        where = f"as in {model.value_range_from}" if known else by
        yield "values", f"{low:g} .. {high:g}, {where}"
    names = iter(model.output_names)
    found_by = dict(model.evidence.outputs)
    for position, tensor in enumerate(model.outputs):
        readable = next(names, "")
        label = "output" if position == 0 else ""
        evidence = found_by.get(readable, "release")
        role = f" → {readable}" if readable else ""
        if evidence != "release":
            role += f" ({evidence})"
        yield label, _named_tensor(model, tensor) + role
    if model.output_values and len(model.outputs) == 1:
        yield "", ", ".join(map(printable, model.output_values))
        if model.output_meaning:
            yield "", model.output_meaning
    if model.heads:
        parts = " + ".join(f"{h}×{w}×{n}" for h, w, n in model.heads)
        yield "heads", f"{parts} = {model.anchors:,} anchors"
    if model.evidence.generation not in ("", "release"):
        yield "generation", f"{model.value_range_from}, {model.evidence.generation}"
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
        yield "note", "integer arithmetic; convert makes the float network that it stands for"
    for note in model.notes:
        yield "note", printable(note)


def identity(item: "Inspection | ModelInspection") -> list[tuple[str, str]]:
    """Rows for a file's size and SHA-256."""
    return [("size", f"{item.bytes:,} bytes"), ("SHA-256", item.sha256)]


def _structure(model: "ModelInspection") -> Iterator[tuple[str, str]]:
    spec = model.spec
    if spec is None:
        if model.unrecognised_because:
            yield "structure", f"not recognised: {printable(model.unrecognised_because)}"
        return
    if isinstance(spec, GestureEmbedderSpec):
        yield (
            "layers",
            (
                f"{spec.landmarks} landmarks, 1 + {spec.blocks} residual blocks {spec.width} wide, "
                f"embedding of {spec.embedding}"
            ),
        )
        return
    if isinstance(spec, GestureClassifierSpec):
        layers = (f"{layer.kind} to {layer.values}" for layer in spec.layers)
        yield "layers", ", ".join(layers)
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
        kind = tensor.stored_as or (tensor.file_dtype if tensor.quantisation is not None else "")
        stored = "\n".join(filter(None, (kind, _scale(tensor))))
        size = f"{tensor.stored_bytes:,}" if tensor.stored_as else ""
        name = Text(printable(tensor.name))
        table.add_row(str(tensor.index), times(tensor.shape), tensor.dtype, stored, size, name)
    return table


def _tensor(model: "ModelInspection", index: int) -> str:
    return f"%{index} {times(model.tensors[index].shape)}"


def _named_tensor(model: "ModelInspection", index: int) -> str:
    tensor = model.tensors[index]
    named = f"{printable(tensor.name)} {times(tensor.shape)} {tensor.file_dtype}"
    return f"{named}, {_scale(tensor)}" if tensor.quantisation is not None else named


def _scale(tensor: "TensorSummary") -> str:
    """What a quantised tensor's integers stand for; "" without a scale."""
    found = tensor.quantisation
    if found is None:
        return ""
    if found.block:
        return f"{len(found.scale)} scales, one for {found.block} values"
    if len(found.scale) > 1:
        return f"{len(found.scale)} scales along axis {found.axis}"
    zero = found.zero_point[0] if found.zero_point else 0
    return f"scale {found.scale[0]:.7g}, zero point {zero}"


def _option(value: object) -> str:
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:g}"
    if isinstance(value, tuple):
        return "[" + ",".join(map(str, value)) + "]"
    return str(value)
