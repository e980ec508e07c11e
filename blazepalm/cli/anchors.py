"""`blazepalm anchors`: computes a detector's anchors from its heads; writes or checks them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blazepalm.atomic import atomic_file, check_file
from blazepalm.cli import console
from blazepalm.cli.model_options import model_names
from blazepalm.errors import ArtifactError, first_line
from blazepalm.limits import ANCHORS_TABLE_BYTES
from blazepalm.text import printable

if TYPE_CHECKING:
    import numpy as np

    from blazepalm.converter.heads import Head
    from blazepalm.converter.tflite.graph import Graph

FORMATS = (".npy", ".csv", ".json")
COLUMNS = ("x_center", "y_center", "w", "h")


def anchors(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE_OR_RELEASE",
            autocompletion=model_names,
            help="A detector: a .tflite file, a bundle or a release.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="File to write: .npy, .csv or .json.", show_default=False
        ),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option("--check", help="Compare this file with the anchors; exit 1 if it differs."),
    ] = None,
    generation: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Check against MediaPipe's options for this generation.",
            show_default="the release's",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine output on stdout.")] = False,
) -> None:
    """Regenerate a detector's anchors: x_center, y_center, w, h, float32, normalised."""
    from blazepalm.converter.heads import detector, heads_of
    from blazepalm.converter.tflite.bundle import file_of
    from blazepalm.models.anchors import anchors_from_heads
    from blazepalm.models.releases import resolve

    if output is not None:
        inputs: list[str | Path] = [file_of(resolve(source))]
        inputs += [] if check is None else [check]
        check_file(output, force=force, formats=FORMATS, what="anchors", inputs=inputs)
    graph = detector(source)
    heads = heads_of(graph)
    expected = anchors_from_heads(heads)
    release, options = cross_check(graph, expected, generation)
    found = None if check is None else compare(expected, read(check))
    if output is not None:
        write(expected, output, force)
    if as_json:
        shown = {} if output is not None or check is not None else {"anchors": expected.tolist()}
        console.emit_json(
            {
                "source": graph.source,
                "release": release,
                "heads": [head._asdict() for head in heads],
                "shape": list(expected.shape),
                "ssd_options_agree": options,
                "written": None if output is None else str(output),
                "check": None if found is None else {"file": str(check), **found},
                **shown,
            }
        )
    else:
        report(graph.source, release, heads, options, output, check, found)
    if options is False or (found is not None and not found["equal"]):
        raise typer.Exit(1)


def cross_check(
    graph: "Graph", expected: "np.ndarray", generation: str | None = None
) -> tuple[str | None, bool | None]:
    """The release's name, and whether MediaPipe's options for it, or for the named generation, give
    the same anchors bit for bit; each None if unknown. Raises UnknownRelease.
    """
    from blazepalm.converter.known import release_of
    from blazepalm.models.anchors import ssd_anchors
    from blazepalm.models.releases import find_generation

    release = release_of(graph)
    name = None if release is None else release.name
    known = None if release is None else release.generation
    if generation is not None:
        known = find_generation(generation, "palm")
    if known is None or known.ssd is None:
        return name, None
    return name, ssd_anchors(known.ssd).tobytes() == expected.tobytes()


def compare(expected: "np.ndarray", found: "np.ndarray") -> dict[str, Any]:
    """Compares exactly, row by row: how many rows differ, and the worst one."""
    import numpy as np

    if found.shape != expected.shape:
        return {"equal": False, "shape": list(found.shape), "expected_shape": list(expected.shape)}
    difference = np.abs(found.astype(np.float64) - expected.astype(np.float64))
    difference = np.where(np.isnan(difference), np.inf, difference).max(axis=1)
    result: dict[str, Any] = {"equal": not difference.any(), "shape": list(found.shape)}
    if not result["equal"]:
        worst = int(difference.argmax())
        result |= {
            "rows_that_differ": int(np.count_nonzero(difference)),
            "worst_row": worst,
            "found": [str(v) for v in found[worst]],
            "expected": [str(v) for v in expected[worst]],
        }
    return result


def read(path: Path) -> "np.ndarray":
    """Reads the numbers of a .npy, .csv or .json file, without pickle. Raises ArtifactError."""
    import numpy as np

    found: np.ndarray
    try:
        if path.stat().st_size > ANCHORS_TABLE_BYTES:
            raise ArtifactError(f"{path}: {path.stat().st_size} bytes is too large for anchors")
        if path.suffix == ".npy":
            found = np.load(path, mmap_mode="r", allow_pickle=False)
        elif path.suffix == ".json":
            found = np.array(json.loads(path.read_text(encoding="utf-8")), np.float32)
        elif path.suffix == ".csv":
            lines = path.read_text(encoding="utf-8").splitlines()[1:]
            found = np.array([line.split(",") for line in lines], np.float32)
        else:
            raise ArtifactError(f"{path}: expected one of {', '.join(FORMATS)}")
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, TypeError, SyntaxError, EOFError, RecursionError) as error:
        raise ArtifactError(f"{path}: not a table of numbers ({first_line(error)})") from error
    if found.dtype.kind not in "fiu":
        raise ArtifactError(f"{path}: has {found.dtype} values, expected numbers")
    return found


def write(anchors: "np.ndarray", path: Path, force: bool) -> None:
    """Writes the file whole or not at all. Raises ArtifactError."""
    import numpy as np

    with atomic_file(path, force=force) as temporary, temporary.open("wb") as file:
        if path.suffix.lower() == ".npy":
            np.save(file, anchors, allow_pickle=False)
        elif path.suffix.lower() == ".json":
            file.write(json.dumps(anchors.tolist()).encode() + b"\n")
        else:
            lines = [",".join(map(repr, row)) for row in anchors.tolist()]
            file.write("\n".join([",".join(COLUMNS), *lines, ""]).encode())


def report(
    source: str,
    release: str | None,
    heads: tuple["Head", ...],
    options: bool | None,
    output: Path | None,
    check: Path | None,
    found: dict[str, Any] | None,
) -> None:
    """Prints the result for people."""
    total = sum(h * w * n for h, w, n in heads)
    parts = " + ".join(f"{h}×{w}×{n}" for h, w, n in heads)
    console.out(f"{printable(release or source)}: {total} anchors = {parts}")
    if options is not None:
        agree = "the same, bit for bit" if options else "DIFFERENT"
        console.out(f"from MediaPipe's SSD options: {agree}")
    if output is not None:
        console.out(f"written: {printable(str(output))}")
    if check is not None and found is not None:
        console.out(f"{printable(str(check))}: {verdict(found)}")


def verdict(found: dict[str, Any]) -> str:
    """One sentence on a comparison."""
    if found["equal"]:
        return "equal"
    if "worst_row" not in found:
        sizes = ("×".join(map(str, found[key])) for key in ("shape", "expected_shape"))
        return "differs: {} values, expected {}".format(*sizes)
    return (
        f"differs in {found['rows_that_differ']} rows, most in row {found['worst_row']}: "
        f"{', '.join(found['found'])}, expected {', '.join(found['expected'])}"
    )
