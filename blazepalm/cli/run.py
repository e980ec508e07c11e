"""`blazepalm run X.mlpackage --image FILE`: executes any Core ML package on any machine.

blazepalm runs it, operation by operation in torch, and the output says so; `--native` also runs
Core ML itself, on a Mac, and prints how far apart the two are.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blazepalm.atomic import atomic_file, check_file
from blazepalm.cli import console
from blazepalm.cli.choices import check_choice
from blazepalm.cli.run_tables import HONEST, render
from blazepalm.errors import InvalidInput
from blazepalm.text import printable

if TYPE_CHECKING:
    import numpy as np

    from blazepalm.reports.backends.apple import NativeProgram
    from blazepalm.reports.backends.mil import Program
    from blazepalm.reports.run.feed import Fed

ALL = "all"
OUTPUTS = "outputs.npz"  # in a folder given as --output


def run(
    package: Annotated[
        Path, typer.Argument(metavar="PACKAGE", help="An .mlpackage folder or .mlmodel file.")
    ],
    image: Annotated[
        list[str] | None,
        typer.Option(
            "--image",
            metavar="[NAME=]FILE",
            help="A picture for input NAME, or for the only input that takes one.",
        ),
    ] = None,
    arrays: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="NAME=FILE.npy", help="An array for input NAME."),
    ] = None,
    letterbox: Annotated[
        bool,
        typer.Option("--letterbox", help="Keep the picture's proportions, with black borders."),
    ] = False,
    value_range: Annotated[
        tuple[float, float] | None,
        typer.Option(
            "--range",
            metavar="LOW HIGH",
            help="The range that 0..255 maps to in a tensor: 0 1 unless the package has its own.",
        ),
    ] = None,
    function: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The function to run instead of the default."),
    ] = None,
    accumulation: Annotated[
        str,
        typer.Option(
            metavar="SUMS",
            help="How products add up: float32; float16, which rounds float16 sums after every "
            "step (an error bound; slow); or coreai, as Apple's Core AI does on a CPU (slow).",
        ),
    ] = "float32",
    intermediates: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME|all", help="Also output values inside the program; repeatable."),
    ] = None,
    native: Annotated[
        bool, typer.Option("--native", help="On a Mac: also run Core ML, and compare.")
    ] = False,
    units: Annotated[
        str,
        typer.Option(
            metavar="UNITS", help="For --native: all, cpu-only, cpu-and-gpu or cpu-and-ne."
        ),
    ] = "all",
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="DIR|FILE.npz", help=f"Write all values (in DIR: {OUTPUTS})."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine output on stdout.")] = False,
) -> None:
    """Run a Core ML package on a picture, on any machine; show outputs and their ranges."""
    entries = [*(image or []), *(arrays or [])]
    files = [Path(part) for entry in entries for part in (entry, entry.partition("=")[2]) if part]
    target = None if output is None else _target(output, force, [package, *files])
    from blazepalm.reports.backends.mil import load
    from blazepalm.reports.backends.mil.accumulation import ACCUMULATIONS
    from blazepalm.reports.run.describe import describe, differences

    check_choice("--accumulation", accumulation, ACCUMULATIONS)
    program = load(package)
    name = program.function_name(function)
    apple = _native(program, name, units) if native else None
    program.plan(name, accumulation=accumulation)
    wanted = _range(value_range, program)
    given, fed = _inputs(program, name, image or [], arrays or [], letterbox, wanted)
    for how in fed:
        if value_range is not None and how["value_range"] != list(value_range):
            console.warn(f"--range: input '{how['input']}' is an image and takes 0..255")
    inner = intermediates or []
    with console.working(f"executing {package}"):
        found = program.run(
            given,
            name,
            accumulation=accumulation,
            intermediates=True if ALL in inner else inner,
        )
        compared = None if apple is None else differences(found, apple.run(given))
    own = {feature.name for feature in program.interfaces[name].outputs}
    values: dict[str, Any] = {
        "package": str(package),
        "executed": HONEST,
        "function": name,
        "accumulation": accumulation,
        "images": fed,
        "outputs": [describe(key, value) for key, value in found.items() if key in own],
        "intermediates": [describe(key, value) for key, value in found.items() if key not in own],
        "native": None if compared is None else {"units": units, "differences": compared},
        "written": None,
    }
    if target is not None:
        values["written"] = _write(target, found, force)
    if as_json:
        console.emit_json(values)
    else:
        console.out(*render(values))


def _target(output: Path, force: bool, inputs: list[Path]) -> Path:
    """The file to write: `output`, or the one in that folder. Raises ArtifactError."""
    target = output if output.suffix.lower() == ".npz" else output / OUTPUTS
    check_file(
        target, option="--output", force=force, formats=(".npz",), what="outputs", inputs=inputs
    )
    return target


def _native(program: "Program", function: str, units: str) -> "NativeProgram":
    from blazepalm.reports.backends.apple import UNITS, load_native

    check_choice("--units", units, UNITS)
    return load_native(program, function, units=units)


def _range(given: tuple[float, float] | None, program: "Program") -> tuple[float, float] | None:
    """The requested range, else the one that a blazepalm package declares, else None."""
    import math

    from blazepalm.reports.backends.mil.summary import summary_of

    if given is not None:
        if not all(map(math.isfinite, given)):
            raise typer.BadParameter("expected two finite numbers", param_hint="--range")
        return given
    summary = summary_of(program)
    if summary.own("face") == "batch":
        return (0.0, 255.0)
    return None if summary.spec is None else summary.spec.value_range


def _inputs(
    program: "Program",
    function: str,
    images: list[str],
    arrays: list[str],
    letterbox: bool,
    value_range: tuple[float, float] | None,
) -> "tuple[dict[str, Any], list[dict[str, Any]]]":
    """Every given input by name, and how each picture was fed to its input."""
    from blazepalm.media.cage import read_picture
    from blazepalm.reports.run.feed import feed, picture_input
    from blazepalm.reports.run.npz import read_npy

    features = program.interfaces[function].inputs
    names = [feature.name for feature in features]
    given: dict[str, Any] = {}
    for entry in arrays:
        name, _, file = entry.partition("=")
        if name not in names or not file:
            takes = ", ".join(map(printable, names))
            raise InvalidInput(f"--input {entry}: expected NAME=FILE.npy, NAME one of {takes}")
        given[name] = read_npy(Path(file))
    fed = []
    for entry in images:
        prefix, _, file = entry.partition("=")
        named = prefix if file and prefix in names else None
        path = Path(file if named else entry)
        free = [feature for feature in features if feature.name not in given]
        feature = picture_input(features if named else free, named, program.source)
        value, how = feed(
            feature,
            read_picture(path),
            program.source,
            letterbox=letterbox,
            value_range=value_range,
        )
        given[feature.name] = value
        fed.append(_fed(path, how))
    missing = [f for f in features if f.name not in given and not f.optional]
    if missing:
        raise InvalidInput(
            f"{program.source}: missing input {', '.join(map(str, missing))}; "
            "give --image FILE, or --input NAME=FILE.npy"
        )
    return given, fed


def _fed(path: Path, how: "Fed") -> dict[str, Any]:
    return {
        "file": str(path),
        "input": how.input,
        "height": how.size[0],
        "width": how.size[1],
        "layout": how.layout,
        "value_range": list(how.value_range),
        "letterbox": how.letterbox,
    }


def _write(target: Path, values: "Mapping[str, np.ndarray]", force: bool) -> dict[str, Any]:
    from blazepalm.reports.run.npz import write_npz

    with atomic_file(target, force=force) as temporary:
        members = write_npz(temporary, values)
    return {"file": str(target), "arrays": members}
