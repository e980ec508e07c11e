"""`blazepalm verify`: checks folders that `convert` wrote, end to end."""

from pathlib import Path
from typing import Annotated

import typer

from blazepalm.cli import console
from blazepalm.cli.model_options import model_names


def verify(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER...", help="Folders that convert wrote.", show_default=False),
    ],
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            metavar="FILE_OR_RELEASE",
            autocompletion=model_names,
            help="What the folder was converted from.",
            show_default="looked for beside the folder, and among the releases",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine output on stdout.")] = False,
) -> None:
    """Check that a converted folder is whole and holds what its source gives.

    Compares every file with its recorded SHA-256, then converts the source again and compares
    weights and anchors bit for bit and the Core ML package byte for byte.

    Exit code 0: everything holds; 1: something differs; 3: something could not be checked.

    Example: blazepalm verify palm-full
    """
    from blazepalm.converter.verify import verify as check

    results = []
    for folder in folders:
        with console.working(f"verifying {folder}"):
            results.append(check(folder, source))
    if as_json:
        console.emit_json([result.to_dict() for result in results])
    else:
        for result in results:
            console.out(*result.pieces(console.stdout_console().width))
    codes = {result.exit_code for result in results}
    if codes != {0}:
        raise typer.Exit(1 if 1 in codes else max(codes))
