"""`blazepalm golden photos`: the real photographs of the golden set, and where each comes from;
`fetch` downloads them, each from its own source, and checks its SHA-256.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from blazepalm.atomic import check_file
from blazepalm.cli import console
from blazepalm.text import printable

if TYPE_CHECKING:
    from rich.table import Table

    from blazepalm.golden.photos import Photo

photos = typer.Typer(invoke_without_command=True, help="Real photographs: list them; fetch them.")

AsJson = Annotated[bool, typer.Option("--json", help="Machine output on stdout.")]


@photos.callback()
def list_photos(context: typer.Context, as_json: AsJson = False) -> None:
    """Real photographs: list them; fetch them."""
    if context.invoked_subcommand is not None:
        return
    from blazepalm.golden.photos import find_photo, photos_folder
    from blazepalm.golden.photos import photos as known

    folder = photos_folder()
    if as_json:
        rows = [_values(photo, find_photo(photo) is not None) for photo in known()]
        console.emit_json({"folder": str(folder), "photos": rows})
        return
    console.out(_table(), f"folder: {printable(str(folder))}")


@photos.command()
def fetch(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Names of the list.", show_default="all"),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            help="Fetch from this URL instead; {file} and {sha256} are filled in.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Download photographs from their own sources, check their SHA-256, keep them."""
    from blazepalm.cli.fetch import FetchFailed
    from blazepalm.golden.photos import find_photo, photos_folder

    folder, failed, rows = photos_folder(), 0, []
    for photo in _chosen(names):
        how, path = "fetched before", find_photo(photo)
        if path is None:
            try:
                path = _obtain(photo, folder, url)
                how = "fetched"
            except FetchFailed as failure:
                console.error(f"{photo.name}: {failure}")
                failed, how = failed + 1, "failed"
        rows.append({**_values(photo, how != "failed"), "how": how})
        if not as_json and how != "failed":
            console.out(f"{photo.name}: {how}, {printable(str(path))}")
    if as_json:
        console.emit_json({"folder": str(folder), "photos": rows})
    if failed:
        raise FetchFailed(f"{failed} of {len(rows)} photographs cannot be fetched; see above")


def _obtain(photo: "Photo", folder: Path, url: str | None) -> Path:
    from blazepalm.cli.fetch import FetchFailed
    from blazepalm.cli.fetch import fetch as fetch_file

    place = photo.url
    if url is not None:
        try:
            place = url.format(file=quote(photo.file), sha256=photo.sha256)
        except (KeyError, IndexError, ValueError) as error:
            raise FetchFailed(f"--url {url!r}: takes {{file}} and {{sha256}}") from error
    target = folder / photo.file
    target.parent.mkdir(parents=True, exist_ok=True)
    check_file(target, force=True)
    with console.transfer(photo.name) as progress:
        fetch_file(place, target, sha256=photo.sha256, size=photo.bytes, progress=progress)
    return target


def _chosen(names: list[str] | None) -> "list[Photo]":
    from blazepalm.errors import UnknownRelease, unknown_name
    from blazepalm.golden.photos import photos as known

    by_name = {photo.name: photo for photo in known()}
    for name in names or ():
        if name not in by_name:
            raise UnknownRelease(unknown_name("photograph", name, by_name))
    return [by_name[name] for name in names] if names else list(by_name.values())


def _values(photo: "Photo", here: bool) -> dict[str, object]:
    return {
        "name": photo.name,
        "file": photo.file,
        "url": photo.url,
        "sha256": photo.sha256,
        "bytes": photo.bytes,
        "licence": photo.licence,
        "credit": photo.credit,
        "caution": photo.caution,
        "here": here,
    }


def _table() -> "Table":
    from rich.table import Table

    from blazepalm.golden.photos import find_photo
    from blazepalm.golden.photos import photos as known

    grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    grid.add_column("photograph", style="cyan", no_wrap=True)
    grid.add_column("here", no_wrap=True)
    grid.add_column("licence")
    grid.add_column("credit", overflow="fold")
    for photo in known():
        here = "yes" if find_photo(photo) else "–"
        grid.add_row(photo.name, here, photo.licence, photo.credit)
    return grid
