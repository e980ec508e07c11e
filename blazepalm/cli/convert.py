"""`blazepalm convert`: converts a release, a file or a bundle into a folder of artifacts."""

from collections.abc import Sequence
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

if TYPE_CHECKING:
    from blazepalm.converter.wanted import CoreMLChoice, TFLiteChoice, Wanted


def convert(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE_OR_RELEASE…",
            autocompletion=model_names,
            help="A .tflite file, a .task bundle (or FILE.task:MEMBER), or a release's name; or "
            "several of them.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Output folder; by default the release's name. Of several files: the folder that "
            "each one's goes into; by default the current one.",
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
    stderr, the others are still converted, and the exit code is 2. Likewise for several files
    (blazepalm convert *.tflite palm-full -o converted); there, a folder that an earlier run
    finished with the same options is kept, except with --quantize.
    """
    from blazepalm.converter.wanted import Wanted

    overrides = overrides_of(outputs, generation, value_range)
    coreml: CoreMLChoice = None
    if not no_coreml:
        coreml = CoreMLOptions(face, precision, target, compress)
    integers: TFLiteChoice = None
    if tflite and quantize != "int8":
        raise typer.BadParameter("--tflite writes a file in integers: give --quantize int8 with it")
    with ExitStack() as shown:
        if quantize is not None:
            on_step = shown.enter_context(console.progress())
            if coreml is not None or not tflite:
                coreml = quantised(quantize, coreml, calibrate or (), on_step)
            if tflite:
                from blazepalm.reports.compression.int8_file import IntegerFile

                integers = IntegerFile(calibrate or (), on_step)
        elif len(sources) == 1:
            shown.enter_context(console.working(f"converting {sources[0]}"))
        program = pte_delegate or (XNNPACK if pte else None)
        core_ai = precision if aimodel else None
        wanted = Wanted(overrides, layout, coreml, integers, program, core_ai, anyway)
        if len(sources) > 1:
            from blazepalm.cli.convert_several import convert_several

            convert_several(sources, output or Path(), wanted, force=force, as_json=as_json)
            return
        folders, failures = _convert_one(sources[0], output, wanted, force)
    _show(folders, failures, as_json)


def _convert_one(
    source: str, output: Path | None, wanted: "Wanted", force: bool
) -> tuple[list[Path], list[BlazePalmError]]:
    """The folders, and what could not be converted of a bundle."""
    from blazepalm.converter.convert import convert_opened
    from blazepalm.converter.destinations import open_source

    wanted.check()
    failures: list[BlazePalmError] = []
    opened = open_source(source, output)
    return convert_opened(opened, wanted, force, console.warn, failures.append), failures


def _show(folders: list[Path], failures: list[BlazePalmError], as_json: bool) -> None:
    """Prints a table for each folder; exits with 2 if a member of a bundle failed."""
    from blazepalm.cli.convert_tables import folder_table, summary
    from blazepalm.converter.loading import read_record

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
