"""`blazepalm golden export-ios`: writes packages, pictures and expected results for the iOS
harness on a device. The pictures come from a golden folder, or are rendered to a temporary one.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blazepalm.atomic import check_folder
from blazepalm.cli import console
from blazepalm.cli.model_options import (
    GenerationOption,
    OutputsOption,
    ValueRangeOption,
    overrides_of,
)
from blazepalm.text import printable

if TYPE_CHECKING:
    from blazepalm.reports.fixtures.export import Exported

FIXTURES = Path("ios_harness/App/Fixtures")


def export_ios(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the fixtures.")
    ] = FIXTURES,
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--models",
            metavar="NAME",
            help="A release or a .tflite; repeatable, or several separated by commas.",
            show_default="palm-full, hand-full",
        ),
    ] = None,
    cases: Annotated[
        list[str] | None,
        typer.Option(
            "--cases",
            metavar="NAME",
            help="A case of the golden set, or `all`; repeatable, or several with commas between.",
            show_default="twelve",
        ),
    ] = None,
    golden_folder: Annotated[
        Path | None,
        typer.Option(
            "--golden",
            metavar="DIR",
            help="An existing golden set.",
            show_default="the cases are rendered",
        ),
    ] = None,
    precision: Annotated[
        str, typer.Option(metavar="fp16|fp32", help="Precision of the packages.")
    ] = "fp16",
    replay: Annotated[
        bool,
        typer.Option(
            "--replay",
            help="Record the packages' outputs on this machine, for a run without a device; adds "
            "raw detector outputs and a video.",
        ),
    ] = False,
    frames: Annotated[
        int, typer.Option(min=0, max=3000, help="Frames of the video, with --replay; 0: none.")
    ] = 300,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes.", show_default="one per processor")
    ] = None,
    outputs: OutputsOption = None,
    generation: GenerationOption = None,
    value_range: ValueRangeOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace existing fixtures.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine output on stdout.")] = False,
) -> None:
    """Write what the iOS harness needs on a device: packages, pictures, expected results."""
    from blazepalm.converter.coreml.needed import need_coremltools
    from blazepalm.reports.fixtures.export import ALL, CASES, MODELS
    from blazepalm.reports.fixtures.export import export_ios as export
    from blazepalm.reports.fixtures.folder import owned_files

    overrides = overrides_of(outputs, generation, value_range)
    need_coremltools("writing Core ML packages")  # before the pictures are rendered
    check_folder(output, owned=owned_files, force=force, option="--output")
    chosen = split(cases)
    with console.progress() as on_step:
        rendered = None if ALL in chosen else chosen or CASES
        with golden_set(golden_folder, rendered, jobs, on_step) as folder:
            done = export(
                output,
                models=split(models) or MODELS,
                overrides=overrides,
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
    """Splits names given one by one or separated by commas; drops repeats."""
    names = (name.strip() for value in values or () for name in value.split(","))
    return list(dict.fromkeys(name for name in names if name))


@contextmanager
def golden_set(
    folder: Path | None,
    names: Sequence[str] | None,
    jobs: int | None,
    on_step: Callable[[str, int, int | None], None],
) -> Iterator[Path]:
    """The folder given, or a temporary one with these cases (None: all) rendered."""
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
            cache=True,
        )
        yield temporary


def show_export(done: "Exported") -> None:
    console.out(
        f"fixtures: {printable(str(done.folder))}  {done.bytes / 1e6:.1f} MB",
        f"models:   {', '.join(done.models)}",
        f"cases:    {len(done.cases)}, {done.records} single predictions"
        + (f", a video of {done.frames} frames" if done.frames else ""),
        f"manifest: {done.manifest_sha256[:16]}",
    )
