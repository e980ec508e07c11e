"""Writes what long runs measure: tallies, cells, tables."""

from pathlib import Path

from blazepalm.atomic import atomic_file


def write_whole(path: Path, text: str) -> None:
    """Writes UTF-8 text; a run that is killed meanwhile leaves the file as it was."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, "utf-8")
