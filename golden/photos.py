"""Real photographs and videos: the table `photos.toml`, and where they lie on this machine. None of
them is part of the package: `blazepalm golden photos fetch` brings them from their own sources.
Each is used only if its SHA-256 is that of the table.
"""

import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from blazepalm.cache_folder import cache_folder
from blazepalm.errors import ArtifactError
from blazepalm.golden.manifest import file_sha256
from blazepalm.media.images import read_image

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLE = Path(__file__).with_name("photos.toml")
VARIABLE = "BLAZEPALM_PHOTOS"
PROJECT = Path(__file__).resolve().parents[1]  # of a checkout


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


@dataclass(frozen=True)
class LocalPhoto:
    """A picture of the table and its file on this machine."""

    photo: Photo
    path: Path

    def image(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB. Raises ArtifactError if the file is no longer the table's."""
        if file_sha256(self.path) != self.photo.sha256:
            raise ArtifactError(
                f"{self.path}: is not {self.photo.name} of the table; fetch it again"
            )
        return read_image(self.path)


def photos_folder() -> Path:
    """Where photographs are fetched to: the folder BLAZEPALM_PHOTOS, else one in the cache
    folder. It may not exist.
    """
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen)
    return cache_folder() / "photos"


def find_photo(photo: Photo) -> Path | None:
    """The photograph's file on this machine, its SHA-256 checked; None if there is none. Looks in
    `photos_folder()`, and unless BLAZEPALM_PHOTOS names that, also in `../shared/photos` beside a
    checkout of the project.
    """
    folders = [photos_folder()]
    if not os.environ.get(VARIABLE) and (PROJECT / "pyproject.toml").is_file():
        folders.append(PROJECT.parent / "shared" / "photos")
    for folder in folders:
        path = folder / photo.file
        if path.is_file() and file_sha256(path) == photo.sha256:
            return path
    return None


def local_photos() -> tuple[LocalPhoto, ...]:
    """The pictures of the table that are on this machine, in its order; videos are left out."""
    pictures = (photo for photo in photos() if not photo.video)
    found = ((photo, find_photo(photo)) for photo in pictures)
    return tuple(LocalPhoto(photo, path) for photo, path in found if path is not None)
