"""`blazepalm convert`: a release, a file or a bundle becomes a folder of artifacts."""

from pathlib import Path
from typing import Annotated, Any

import typer

from blazepalm.cli import console


def convert(
    source: Annotated[str, typer.Argument(metavar="FILE_OR_RELEASE", help="A .tflite file, a .task bundle, or a release.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder to make; by default the release's name.")] = None,
    coreml: Annotated[bool, typer.Option("--coreml/--no-coreml", help="Core ML export is not written yet; both do the same.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a folder that an earlier conversion wrote.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine output on stdout.")] = False,
) -> None:
    """Converts to readable PyTorch: weights, anchors and the record of every tensor."""
    from blazepalm.converter.artifacts import read_record
    from blazepalm.converter.convert import convert as run

    with console.working(f"converting {source}"):
        folders = run(source, output, force=force, notice=console.warn)
    records = [(folder, read_record(folder)) for folder in folders]
    if as_json:
        console.emit_json([summary(folder, record) for folder, record in records])
        return
    for folder, record in records:
        console.out(table(folder, record))


def summary(folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    """What a script wants to know of one conversion."""
    return {"folder": str(folder), **{k: v for k, v in record.items() if k not in ("tensor_map", "graph")},
            "parameters": len(record["tensor_map"])}
