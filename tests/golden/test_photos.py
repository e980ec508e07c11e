"""Photographs on this machine: found by their SHA-256, wherever they lie, and read by it again."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blazepalm.errors import ArtifactError
from blazepalm.golden import photos as table
from blazepalm.golden.photos import Photo, find_photo, local_photos

PIXELS = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Photo:
    """A picture, alone in the table with a video, and on no machine but in `tmp_path/made.png`."""
    Image.fromarray(PIXELS).save(tmp_path / "made.png")
    content = (tmp_path / "made.png").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    known = Photo("pictures/a.png", "https://-", digest, len(content), "CC0", "someone", "a hand")
    video = Photo("videos/b.mp4", "https://-", "0" * 64, 1, "CC0", "someone", "a hand")
    monkeypatch.setattr(table, "photos", lambda: (known, video))
    return known


def put(folder: Path, photo: Photo, made: Path) -> Path:
    path = folder / photo.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(made.read_bytes())
    return path


def test_found_where_the_variable_says(
    photo: Photo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLAZEPALM_PHOTOS", str(tmp_path / "mine"))
    assert find_photo(photo) is None and local_photos() == ()
    path = put(tmp_path / "mine", photo, tmp_path / "made.png")
    (found,) = local_photos()
    assert (found.photo, found.path) == (photo, path)
    np.testing.assert_array_equal(found.image(), PIXELS)
    path.write_bytes(path.read_bytes()[:-1] + b"x")  # as long as before, another file
    assert find_photo(photo) is None and local_photos() == ()
    with pytest.raises(ArtifactError, match=r"a\.png: is not a of the table; fetch it again"):
        found.image()


def test_found_in_the_cache_then_beside_the_checkout(
    photo: Photo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BLAZEPALM_PHOTOS")
    monkeypatch.setenv("BLAZEPALM_CACHE", str(tmp_path / "cache"))
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "pyproject.toml").touch()
    monkeypatch.setattr(table, "PROJECT", tmp_path / "project")
    assert find_photo(photo) is None
    beside = put(tmp_path / "shared" / "photos", photo, tmp_path / "made.png")
    assert find_photo(photo) == beside
    cached = put(tmp_path / "cache" / "photos", photo, tmp_path / "made.png")
    assert find_photo(photo) == cached
    monkeypatch.setenv("BLAZEPALM_PHOTOS", str(tmp_path / "elsewhere"))
    assert find_photo(photo) is None, "the variable alone counts"
