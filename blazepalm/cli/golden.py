"""`blazepalm golden`: `make` writes the golden set with its manifest and a contact sheet;
`record` and `check` are in `golden_record.py`, `export-ios` is in `golden_export.py`, `photos` in
`golden_photos.py`.

Exit code 1 if `make --check` finds a difference from the set locked in the package; 2 if a folder
of `--images` holds anything but pictures and videos: it is named, and the rest is added.
"""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blazepalm.atomic import atomic_file
from blazepalm.cli import console, golden_export, golden_photos, golden_record
from blazepalm.cli.app import BAD_INPUT
from blazepalm.errors import ArtifactError
from blazepalm.text import printable

if TYPE_CHECKING:
    from blazepalm.golden.lock import Comparison
    from blazepalm.golden.manifest import GoldenSet

golden = typer.Typer(no_args_is_help=True, help="Test pictures: rendered hands with known joints.")


@golden.callback()
def _golden() -> None:
    """Test pictures: rendered hands with known joints, and difficult files."""


@golden.command()
def make(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the set.")
    ],
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="Only this case; repeatable."),
    ] = None,
    images: Annotated[
        list[str] | None,
        typer.Option(
            "--images",
            metavar="PATH",
            help="Add your own pictures as cases: a file, a folder, a pattern, a video; "
            "repeatable.",
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes.", show_default="processors")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Render existing cases again.")] = False,
    no_cache: Annotated[
        bool,
        typer.Option("--no-cache", help="Take no pictures from the user's cache, and keep none."),
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Compare with the locked set; exit 1 if it differs.")
    ] = False,
    lock: Annotated[
        bool, typer.Option("--lock", help="Write the lock (when the set is meant to change).")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine output on stdout.")] = False,
) -> None:
    """Render the golden set; cases already in the folder stay as they are."""
    from blazepalm.golden.lock import check_lock
    from blazepalm.golden.make import SHEET, make_golden

    if lock and (only or check):
        raise ArtifactError("--lock needs the whole set; leave out --only and --check")
    made: set[str] = set()
    kept: set[str] = set()
    skipped: list[Path] = []

    def on_skip(path: Path, sentence: str) -> None:
        skipped.append(path)
        console.error(sentence)

    with console.progress() as on_step:

        def on_case(name: str, done: int, total: int) -> None:
            made.add(name)
            on_step("rendering", done, total)

        found = make_golden(
            output,
            names=only,
            images=images or (),
            force=force,
            jobs=jobs,
            on_case=on_case,
            on_skip=on_skip,
            cache=not no_cache,
            on_kept=kept.add,
        )
    rendered = [case.name for case in found.cases if case.name in made - kept]
    sheet = output / SHEET
    if not sheet.is_file():  # removed whenever the set changes
        with console.working("drawing the contact sheet"):
            write_sheet(found, sheet)
    compared = check_lock(found, only) if check else None
    if lock:
        write_lock(found)
    if as_json:
        console.emit_json(to_values(found, sheet, rendered, compared))
    else:
        show(found, sheet, rendered, compared, len(kept))
    if compared is not None and compared.differs:
        raise typer.Exit(1)
    raise typer.Exit(BAD_INPUT if skipped else 0)


golden.command()(golden_record.record)
golden.command()(golden_record.check)
golden.command("export-ios")(golden_export.export_ios)
golden.add_typer(golden_photos.photos, name="photos")


def write_sheet(found: "GoldenSet", sheet: Path) -> None:
    from PIL import Image

    from blazepalm.reports.hands.contact_sheet import contact_sheet

    with atomic_file(sheet) as temporary:
        Image.fromarray(contact_sheet(found)).save(temporary, "PNG")


def write_lock(found: "GoldenSet") -> None:
    from blazepalm.golden.lock import LOCK, lock_text

    text = lock_text(found)
    with atomic_file(LOCK) as temporary:
        temporary.write_text(text, encoding="utf-8")
    console.note(f"locked: {LOCK}")


def to_values(
    found: "GoldenSet", sheet: Path, rendered: list[str], compared: "Comparison | None"
) -> dict[str, Any]:
    """What `--json` prints; every key is always present."""
    check = None
    if compared is not None:
        check = {
            "compared": compared.compared,
            "differs": list(compared.differs),
            "rounded": list(compared.rounded),
        }
    return {
        "folder": str(found.folder),
        "version": found.version,
        "sha256": found.sha256,
        "sheet": str(sheet),
        "rendered": rendered,
        "check": check,
        "cases": [
            {
                "name": case.name,
                "kind": case.kind,
                "file": case.file,
                "readable": case.readable,
                "width": case.width,
                "height": case.height,
                "hands": len(case.hands),
            }
            for case in found.cases
        ],
    }


def show(
    found: "GoldenSet",
    sheet: Path,
    rendered: list[str],
    compared: "Comparison | None",
    kept: int = 0,
) -> None:
    from blazepalm.golden.manifest import MANIFEST

    kinds = Counter(case.kind for case in found.cases)
    counts = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    done = f"{len(rendered)} rendered" if rendered else "none rendered again"
    done += f", {kept} from the cache" if kept else ""
    console.out(
        f"golden set {found.version}: {len(found.cases)} cases ({counts}), {done}",
        f"manifest: {printable(str(found.folder / MANIFEST))}  {found.sha256[:16]}",
        f"sheet:    {printable(str(sheet))}",
    )
    if compared is None:
        return
    for line in compared.differs:
        console.warn(line)
    if compared.rounded:
        console.note(f"equal except for rounding: {', '.join(compared.rounded)}")
    if not compared.differs:
        console.out(f"equal to the locked set: {compared.compared} cases")
