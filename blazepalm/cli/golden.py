"""`blazepalm golden make`: the golden set in a folder, with its manifest and a contact sheet."""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from blazepalm.cli import console
from blazepalm.cli.files import whole_file

golden = typer.Typer(
    no_args_is_help=True, help="Pictures worth testing on: rendered hands with known joints."
)

SHEET = "sheet.png"


@golden.callback()
def _golden() -> None:
    """Pictures worth testing on: rendered hands with known joints, and difficult files."""


@golden.command()
def make(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Folder of the set.")
    ],
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="This case; may be given again."),
    ] = None,
    images: Annotated[
        list[str] | None,
        typer.Option("--images", metavar="PATH", help="Keep own pictures or videos as cases."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes.", show_default="processors")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Render again what is there.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Compare with the locked set; 1 where it differs.")
    ] = False,
    lock: Annotated[
        bool, typer.Option("--lock", help="Write the lock (when the set is meant to change).")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine output on stdout.")] = False,
) -> None:
    """Render the golden set; a folder that holds it already is left as it is."""
    from blazepalm.golden.make import LOCK, check_lock, lock_of, make_golden

    with console.progress() as on_step:
        found = make_golden(
            output,
            names=only,
            images=images or (),
            force=force,
            jobs=jobs,
            on_case=lambda name, done, total: on_step("rendering", done, total),
        )
    sheet = output / SHEET
    if force or only or images or not sheet.is_file():
        from PIL import Image

        from blazepalm.reports.contact_sheet import contact_sheet

        with whole_file(sheet) as temporary:
            Image.fromarray(contact_sheet(found)).save(temporary, "PNG")
    told = check_lock(found) if check else []
    if lock:
        with whole_file(LOCK) as temporary:
            temporary.write_text(json.dumps(lock_of(found), indent=1) + "\n", encoding="utf-8")
    if as_json:
        console.emit_json(
            {
                "folder": str(output),
                "version": found.version,
                "sha256": found.sha256,
                "cases": [case.name for case in found.cases],
                "differs": told,
            }
        )
    else:
        kinds = Counter(case.kind for case in found.cases)
        counts = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        console.out(
            f"golden set {found.version}: {len(found.cases)} cases ({counts})",
            f"manifest: {console.clean(str(output / 'manifest.json'))}  {found.sha256[:16]}",
            f"sheet:    {console.clean(str(sheet))}",
        )
        for line in told:
            console.warn(line)
        if check and not told:
            console.out("equal to the locked set")
    raise typer.Exit(1 if told else 0)
