"""`blazepalm export SOURCE -o DIR`: a trained network goes out again, as Core ML, as ONNX, and as a
folder that parity, verify and detect accept.
"""

from pathlib import Path
from typing import Annotated

import typer

from blazepalm.cli import console
from blazepalm.cli.convert_tables import folder_table, summary
from blazepalm.cli.model_options import PrecisionOption, TargetOption
from blazepalm.converter.coreml.options import CoreMLOptions


def export(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Weights (.safetensors, .pth), a folder that convert or save wrote, or a release.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="The folder to write.")
    ],
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FILE_OR_RELEASE",
            help="What the weights were trained from, where nothing beside them says so.",
            show_default=False,
        ),
    ] = None,
    onnx: Annotated[
        bool, typer.Option("--onnx", help="Write model.onnx, checked in ONNX Runtime.")
    ] = False,
    coreml: Annotated[bool, typer.Option("--coreml", help="Write a Core ML package.")] = False,
    face: Annotated[
        str,
        typer.Option(
            "--coreml-face", metavar="FACE", help="app, batch, vision or raw, as in convert."
        ),
    ] = CoreMLOptions.face,
    precision: PrecisionOption = CoreMLOptions.precision,
    target: TargetOption = CoreMLOptions.target,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the folder of an earlier conversion.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine output on stdout.")] = False,
) -> None:
    """Write a trained network as Core ML, ONNX, TFLite and PyTorch; list the weights that moved."""
    from blazepalm.converter.loading import read_record
    from blazepalm.converter.pretrained import is_weights, trained
    from blazepalm.converter.saving import save

    options = CoreMLOptions(face, precision, target) if coreml else None
    with console.working(f"exporting {source}"):
        module = trained(source, start)
        origin = start if is_weights(source) else source
        folder = save(module, output, source=origin, coreml=options, onnx=onnx, force=force)
    record = read_record(folder)
    if as_json:
        console.emit_json(summary(folder, record))
    else:
        console.out(folder_table(folder, record))
