"""`blazepalm golden`: the golden set in a folder, with its manifest and a contact sheet (`make`),
and what the iOS harness takes of it to a device (`export-ios`).

Exit code 1 where `make --check` finds a difference to the set that is locked in the package.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blazepalm.cli import console
from blazepalm.cli.files import whole_file
from blazepalm.models.errors import ArtifactError

if TYPE_CHECKING:
    from blazepalm.golden.lock import Comparison
    from blazepalm.golden.manifest import GoldenSet
    from blazepalm.reports.ios_export import Exported

FIXTURES = Path("ios_harness/App/Fixtures")

golden = typer.Typer(
    no_args_is_help=True, help="Pictures worth testing on: rendered hands with known joints."
)


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
        typer.Option(
            "--images",
            metavar="PATH",
            help="Keep own pictures as cases: a file, a folder, a pattern, a video; may be given "
            "again.",
        ),
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
    """Render the golden set; what the folder holds already is left as it is."""
    from blazepalm.golden.lock import check_lock
    from blazepalm.golden.make import SHEET, make_golden

    if lock and (only or check):
        raise ArtifactError("--lock: takes the whole set; leave --only and --check away")
    rendered: list[str] = []
    with console.progress() as on_step:

        def on_case(name: str, done: int, total: int) -> None:
            rendered.append(name)
            on_step("rendering", done, total)

        found = make_golden(
            output, names=only, images=images or (), force=force, jobs=jobs, on_case=on_case
        )
    sheet = output / SHEET
    if not sheet.is_file():  # it goes when the set changes
        with console.working("drawing the contact sheet"):
            write_sheet(found, sheet)
    compared = check_lock(found, only) if check else None
    if lock:
        write_lock(found)
    if as_json:
        console.emit_json(to_values(found, sheet, rendered, compared))
    else:
        show(found, sheet, rendered, compared)
    raise typer.Exit(1 if compared is not None and compared.differs else 0)


@golden.command("export-ios")
def export_ios(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Folder of the fixtures.")
    ] = FIXTURES,
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--models",
            metavar="NAME",
            help="A release or a .tflite; may be given again, or several with commas.",
            show_default="palm-full, hand-full",
        ),
    ] = None,
    cases: Annotated[
        list[str] | None,
        typer.Option(
            "--cases",
            metavar="NAME",
            help="A case of the golden set, or `all`; may be given again, or several with commas.",
            show_default="twelve",
        ),
    ] = None,
    golden_folder: Annotated[
        Path | None,
        typer.Option(
            "--golden",
            metavar="DIR",
            help="A golden set that is there already.",
            show_default="the cases are rendered",
        ),
    ] = None,
    precision: Annotated[str, typer.Option(metavar="fp16|fp32", help="Of the packages.")] = "fp16",
    replay: Annotated[
        bool,
        typer.Option(
            "--replay",
            help="Record what the packages give here, for a run without a device; adds raw "
            "detector outputs and a video.",
        ),
    ] = False,
    frames: Annotated[
        int, typer.Option(min=0, max=3000, help="Of the video, with --replay; 0: none.")
    ] = 300,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes.", show_default="processors")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace fixtures that are there.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine output on stdout.")] = False,
) -> None:
    """Write what the iOS harness needs on a device: packages, pictures, what is expected."""
    from blazepalm.reports.fixtures_folder import check_folder
    from blazepalm.reports.ios_export import ALL, CASES, MODELS
    from blazepalm.reports.ios_export import export_ios as export

    check_folder(output, force=force)  # before the pictures are rendered
    chosen = split(cases)
    with console.progress() as on_step:
        rendered = None if ALL in chosen else chosen or CASES
        with golden_set(golden_folder, rendered, jobs, on_step) as folder:
            done = export(
                output,
                models=split(models) or MODELS,
                cases=chosen,
                golden=folder,
                precision=precision,
                replay=replay,
                frames=frames,
                force=force,
                jobs=jobs,
                on_step=on_step,
            )
    if as_json:
        console.emit_json({**asdict(done), "folder": str(done.folder)})
    else:
        show_export(done)


def split(values: Sequence[str] | None) -> list[str]:
    """Names given one by one or with commas, each once."""
    names = (name.strip() for value in values or () for name in value.split(","))
    return list(dict.fromkeys(name for name in names if name))


@contextmanager
def golden_set(
    folder: Path | None,
    names: Sequence[str] | None,
    jobs: int | None,
    on_step: Callable[[str, int, int | None], None],
) -> Iterator[Path]:
    """The folder given, or one for the time being with these cases (None: all) rendered."""
    if folder is not None:
        yield folder
        return
    from blazepalm.golden.make import make_golden

    with tempfile.TemporaryDirectory(prefix="blazepalm-") as parent:
        temporary = Path(parent) / "golden"
        make_golden(
            temporary,
            names=names,
            jobs=jobs,
            on_case=lambda name, done, total: on_step("rendering", done, total),
        )
        yield temporary


def show_export(done: "Exported") -> None:
    console.out(
        f"fixtures: {console.clean(str(done.folder))}  {done.bytes / 1e6:.1f} MB",
        f"models:   {', '.join(done.models)}",
        f"cases:    {len(done.cases)}, {done.records} single predictions"
        + (f", a video of {done.frames} frames" if done.frames else ""),
        f"manifest: {done.manifest_sha256[:16]}",
    )


def write_sheet(found: "GoldenSet", sheet: Path) -> None:
    from PIL import Image

    from blazepalm.reports.contact_sheet import contact_sheet

    with whole_file(sheet) as temporary:
        Image.fromarray(contact_sheet(found)).save(temporary, "PNG")


def write_lock(found: "GoldenSet") -> None:
    from blazepalm.golden.lock import LOCK, lock_text

    text = lock_text(found)
    with whole_file(LOCK) as temporary:
        temporary.write_text(text, encoding="utf-8")
    console.note(f"locked: {LOCK}")


def to_values(
    found: "GoldenSet", sheet: Path, rendered: list[str], compared: "Comparison | None"
) -> dict[str, Any]:
    """What `--json` prints; every key is always there."""
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
    found: "GoldenSet", sheet: Path, rendered: list[str], compared: "Comparison | None"
) -> None:
    from blazepalm.golden.manifest import MANIFEST

    kinds = Counter(case.kind for case in found.cases)
    counts = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    done = f"{len(rendered)} rendered" if rendered else "nothing was rendered again"
    console.out(
        f"golden set {found.version}: {len(found.cases)} cases ({counts}), {done}",
        f"manifest: {console.clean(str(found.folder / MANIFEST))}  {found.sha256[:16]}",
        f"sheet:    {console.clean(str(sheet))}",
    )
    if compared is None:
        return
    for line in compared.differs:
        console.warn(line)
    if compared.rounded:
        console.note(f"equal but for rounding: {', '.join(compared.rounded)}")
    if not compared.differs:
        console.out(f"equal to the locked set: {compared.compared} cases")
