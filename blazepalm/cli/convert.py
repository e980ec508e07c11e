"""`blazepalm convert`: converts a release, a file or a bundle into a folder of artifacts."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blazepalm.cli import console
from blazepalm.cli.app import BAD_INPUT
from blazepalm.cli.choices import check_choice
from blazepalm.cli.model_options import (
    GenerationOption,
    OutputsOption,
    PrecisionOption,
    TargetOption,
    ValueRangeOption,
    model_names,
    overrides_of,
)
from blazepalm.converter.coreml.options import CoreMLOptions
from blazepalm.converter.pte import XNNPACK
from blazepalm.errors import BlazePalmError
from blazepalm.text import printable

if TYPE_CHECKING:
    from rich.table import Table

    from blazepalm.converter.convert import CoreMLChoice, TFLiteChoice

MAX_MOVED = 8  # weights that a table lists
DEAREST = 5  # layers that it lists by what they cost in integers
PRICES = "on pictures of hands: error, share of a limit (lost: a hand); layers alone:"


def convert(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE_OR_RELEASE",
            autocompletion=model_names,
            help="A .tflite file, a .task bundle (or FILE.task:MEMBER), or a release's name.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="DIR", help="Output folder; by default the release's name."
        ),
    ] = None,
    outputs: OutputsOption = None,
    generation: GenerationOption = None,
    value_range: ValueRangeOption = None,
    layout: Annotated[
        str,
        typer.Option(
            metavar="nhwc|nchw",
            help="The images that a graph of no known family takes: as the file does (nhwc), or "
            "nchw, as every known model's module does.",
        ),
    ] = "nhwc",
    no_coreml: Annotated[
        bool, typer.Option("--no-coreml", help="Write no Core ML package.")
    ] = False,
    face: Annotated[
        str,
        typer.Option(
            "--coreml-face",
            metavar="FACE",
            help="app: image input, decoded outputs. batch: the same for a tensor of 1 to 4 "
            "regions (landmarks only). vision: suppresses boxes itself, for Apple's Vision "
            "(detectors only). raw: the TFLite file's own inputs and outputs.",
        ),
    ] = CoreMLOptions.face,
    precision: PrecisionOption = CoreMLOptions.precision,
    target: TargetOption = CoreMLOptions.target,
    compress: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="Compress the weights: palettize8, palettize6 or int8."),
    ] = None,
    quantize: Annotated[
        str | None,
        typer.Option(
            metavar="auto|int8",
            help="auto: the smallest Core ML package that passes parity's limits, each weight "
            "compressed as far as it allows (takes minutes). int8: weights and the values between "
            "layers in 8 bits (iOS17), with what that costs, layer by layer.",
        ),
    ] = None,
    tflite: Annotated[
        bool,
        typer.Option(
            "--tflite",
            help="With --quantize int8: write a TFLite file in 8-bit integers, too "
            "(model.int8.tflite, by AI Edge Quantizer).",
        ),
    ] = False,
    calibrate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PICTURE",
            help="Pictures, videos or folders with hands to measure --quantize on; repeatable.",
            show_default="rendered hands",
        ),
    ] = None,
    pte: Annotated[
        bool, typer.Option("--pte", help="Write an ExecuTorch program (.pte), for XNNPACK.")
    ] = False,
    pte_delegate: Annotated[
        str | None,
        typer.Option(
            metavar="xnnpack|coreml",
            help="What computes the program; implies --pte. coreml: Apple's devices, in float32.",
        ),
    ] = None,
    aimodel: Annotated[
        bool,
        typer.Option(
            "--aimodel",
            help="Write a Core AI program (.aimodel) in --precision, experimental: iOS 27 and "
            "macOS 27.",
        ),
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Convert a file that LiteRT itself refuses, too.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the folder of an earlier conversion.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine output on stdout.")] = False,
) -> None:
    """Convert to readable PyTorch and Core ML: weights, anchors, a record of every tensor.

    Each model of a bundle goes to its own folder. If one cannot be converted, the error goes to
    stderr, the others are still converted, and the exit code is 2.
    """
    from blazepalm.converter.convert import convert as run
    from blazepalm.converter.loading import read_record

    overrides = overrides_of(outputs, generation, value_range)
    coreml: CoreMLChoice = None
    if not no_coreml:
        coreml = CoreMLOptions(face, precision, target, compress)
    integers: TFLiteChoice = None
    if tflite and quantize != "int8":
        raise typer.BadParameter("--tflite writes a file in integers: give --quantize int8 with it")
    failures: list[BlazePalmError] = []
    with ExitStack() as shown:
        if quantize is None:
            shown.enter_context(console.working(f"converting {source}"))
        else:
            on_step = shown.enter_context(console.progress())
            if coreml is not None or not tflite:
                coreml = quantised(quantize, coreml, calibrate or (), on_step)
            if tflite:
                from blazepalm.reports.compression.int8_file import IntegerFile

                integers = IntegerFile(calibrate or (), on_step)
        folders = run(
            source,
            output,
            force=force,
            overrides=overrides,
            layout=layout,
            coreml=coreml,
            tflite=integers,
            pte=pte_delegate or (XNNPACK if pte else None),
            aimodel=precision if aimodel else None,
            anyway=anyway,
            notice=console.warn,
            on_failure=failures.append,
        )
    records = [(folder, read_record(folder)) for folder in folders]
    if as_json:
        console.emit_json([summary(folder, record) for folder, record in records])
    else:
        console.out(*(folder_table(folder, record) for folder, record in records))
    for failure in failures:
        console.error(str(failure))
    if failures:
        raise typer.Exit(BAD_INPUT)


def quantised(
    how: str, options: "CoreMLChoice", pictures: Sequence[str], on_step: Any
) -> "CoreMLChoice":
    """The Core ML options that --quantize stands for. Raises BadParameter where they contradict
    others.
    """
    check_choice("--quantize", how, ("auto", "int8"))
    if not isinstance(options, CoreMLOptions):
        raise typer.BadParameter(
            "--quantize makes a Core ML package, but --no-coreml leaves it out (--quantize int8 "
            "--tflite writes a TFLite file)"
        )
    if options.compress is not None:
        raise typer.BadParameter("--quantize chooses the compression: leave out --compress")
    from blazepalm.reports.compression.package import IntegerPackage, SmallestPackage

    kind = SmallestPackage if how == "auto" else IntegerPackage
    return kind(pictures, options, on_step)


def summary(folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    """The record without its two long parts, plus its folder."""
    short = {key: value for key, value in record.items() if key not in ("tensor_map", "graph")}
    return {"folder": str(folder), "tensors": len(record["tensor_map"]), **short}


def _chosen_size(measured: Sequence[Sequence[Any]]) -> int:
    """The smallest size that stays within the search's target."""
    from blazepalm.reports.judge.policy import COMPRESSION_SHARE as TARGET

    return min(int(size) for size, used, _ in measured if used is not None and used <= TARGET)


def price_lines(prices: Sequence[Mapping[str, Any]]) -> list[str]:
    """The whole network's price, then those of its dearest layers alone."""
    return [
        "  ".join(
            (
                "  lost   " if p["pixels"] is None else f"{p['pixels']:6.2f} px",
                "" if p["iou"] is None else f"IoU {p['iou']:5.3f}",
                "  lost" if p["used"] is None else f"{p['used']:6.0%}",
                p["layer"] or "the whole network",
            )
        ).rstrip()
        for p in prices[: DEAREST + 1]
    ]


def _add_core_ai(add: "Callable[[str, str], None]", program: dict[str, Any]) -> None:
    """What a table says of a Core AI program."""
    versions = program["versions"]
    add(
        "Core AI",
        f"experimental, iOS 27 and macOS 27: functions {' and '.join(program['functions'])}, "
        f"{program['precision']}, coreai-core {versions['coreai-core']}",
    )
    for name, function in program["functions"].items():
        worst = max(function["floors"].values(), default=0.0)
        add("", f"{name}: {worst:.2g} × torch's own distance from float64, on this CPU")
    if not program["stable"]:
        add("", "another run gives other bytes: Core AI's names in it depend on memory addresses")


def folder_table(folder: Path, record: dict[str, Any]) -> "Table":
    """What a folder holds, as text."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from blazepalm.converter.artifacts import ONNX
    from blazepalm.converter.model_card import CLASSES
    from blazepalm.converter.onnx_file import OPSET

    rows = record["tensor_map"]
    source = record["source"]
    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")

    def add(label: str, text: str) -> None:
        table.add_row(label, Text(printable(text)))

    add("source", f"{source['file']}, {source['bytes']:,} bytes, SHA-256 {source['sha256'][:16]}…")
    add("release", record["release"] or "not in the registry")
    stored = sorted({row["stored_dtype"] + (" sparse" if row["sparse"] else "") for row in rows})
    add("tensors", f"{len(rows)}, stored as {', '.join(stored)}; each placed once")
    if "spec" in record:
        add("module", CLASSES[record["spec"]["family"]])
        add("proof", "equals the operator-by-operator module, bit for bit")
    else:
        add("module", "operator by operator (no known family)")
    outputs = (f"{o['name']} {'×'.join(map(str, o['shape']))}" for o in record["outputs"])
    add("outputs", ", ".join(outputs))
    for output in record["outputs"]:
        if values := output.get("values"):
            add("", f"{output['name']}: {', '.join(values)}")
    if package := record["coreml"]:
        add(
            "Core ML",
            f"{package['face']} face, {package['precision']}, {package['target']}: "
            f"{package['operation_count']} operations for TFLite's {package['tflite_operators']}",
        )
        if measured := package.get("measured"):
            add("", f"{len(package['weights'])} weights compressed, measured on pictures of hands:")
            for size, used, pixels in measured:
                chosen = "  ← this one" if size == _chosen_size(measured) else ""
                error = "    –" if pixels is None else f"{pixels:5.2f}"
                share = "a hand lost" if used is None else f"{used:4.0%} of a limit"
                add("", f"{size / 1e6:6.2f} MB  {error} px  {share}{chosen}")
        if package["float32_modules"]:
            add("", f"float32 in {', '.join(package['float32_modules'])}")
    if prices := (record["coreml"] or {}).get("prices"):
        add("", PRICES)
        for line in price_lines(prices):
            add("", line)
    if integers := record.get("int8_tflite"):
        add("TFLite int8", PRICES)
        for line in price_lines([integers["price"], *integers["layers"]]):
            add("", line)
    if tuning := record.get("fine_tuning"):
        moved = tuning["moved"]
        add("moved", f"{len(moved)} of {len(rows)} weights, from {tuning['from']['file']}")
        for name in moved[:MAX_MOVED]:
            add("", name)
        if len(moved) > MAX_MOVED:
            add("", f"and {len(moved) - MAX_MOVED} more in conversion.json")
    if ONNX in record["artifacts"]:
        layout = "N×3×H×W" if "spec" in record and "input_size" in record["spec"] else "inputs"
        add("ONNX", f"opset {OPSET}, {layout} in float32, checked in ONNX Runtime")
    if program := record["executorch"]:
        add("ExecuTorch", f"float32, by {program['delegate']}, ExecuTorch {program['executorch']}")
    if core_ai := record.get("coreai"):
        _add_core_ai(add, core_ai)
    add("written", f"{folder}/")
    for path in sorted(folder.iterdir()):
        size = sum(p.stat().st_size for p in (path, *path.rglob("*")) if p.is_file())
        add("", f"{path.name}  {size:,} bytes")
    return table
