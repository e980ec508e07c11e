"""Real photographs and videos: the table `photos.toml`, and where they lie on this machine. None of
them is part of the package: `blazepalm golden photos fetch` brings them from their own sources.
"""

import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from blazepalm.models.release_registry import cache_folder

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLE = Path(__file__).with_name("photos.toml")
VARIABLE = "BLAZEPALM_PHOTOS"


@dataclass(frozen=True)
class Photo:
    """One file. `file`: its path in the folder of photographs; `credit`: whom a report names;
    `caution`: what to mind when showing it, "" if nothing.
    """

    file: str
    url: str
    sha256: str
    bytes: int
    licence: str
    credit: str
    shows: str
    caution: str = ""

    @property
    def name(self) -> str:
        """The file's name without folder and suffix."""
        return PurePosixPath(self.file).stem

    @property
    def video(self) -> bool:
        return self.file.startswith("videos/")


@cache
def photos(table: Path = TABLE) -> tuple[Photo, ...]:
    """Every file of the table, in its order. Raises ValueError, KeyError or TypeError for a wrong
    table.
    """
    values = tomllib.loads(table.read_text(encoding="utf-8"))
    found = []
    for row in values["photo"]:
        place = {key: row.pop(key) for key in ("repository", "commit", "path")}
        found.append(Photo(url=values["source"]["raw"].format(**place), **row))
    return tuple(found)


def photos_folder() -> Path:
    """Where photographs are looked for, and where they are fetched to: the folder BLAZEPALM_PHOTOS,
    else one beside the cache of releases. It may not exist.
    """
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen)
    return cache_folder().parent / "photos"
