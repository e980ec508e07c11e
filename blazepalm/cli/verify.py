"""`blazepalm verify`: checks folders that `convert` wrote, end to end."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blazepalm.cli import console
from blazepalm.cli.model_options import model_option
from blazepalm.text import printable

if TYPE_CHECKING:
    from rich.table import Table

    from blazepalm.converter.verify import Verification


def verify(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER...", help="Folders that convert wrote.", show_default=False),
    ],
    source: Annotated[
        str | None,
        model_option(
            "--source",
            "What the folder was converted from.",
            "looked for beside the folder, and among the releases",
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
            console.out(_table(result), _summary(result))
    codes = {result.exit_code for result in results}
    if codes != {0}:
        raise typer.Exit(1 if 1 in codes else max(codes))


def _table(result: "Verification") -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    table.add_column(style="bold", overflow="fold")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in result.findings:
        table.add_row(
            Text(printable(finding.what)), finding.status, Text(printable(finding.detail))
        )
    return table


def _summary(result: "Verification") -> str:
    ends = {
        0: "everything holds",
        1: "differs from what convert wrote",
        3: "not everything could be checked",
    }
    return f"{printable(result.folder)}: {ends[result.exit_code]}"
