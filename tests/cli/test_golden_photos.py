"""`golden photos`: the table of photographs, and fetching them from a folder that stands for their
sources.
"""

import hashlib
from pathlib import Path

import pytest

from blazepalm.golden import photos as table
from blazepalm.golden.photos import Photo, photos
from support.cli import Cli
from support.photos import shared_photo

CONTENT = {"pictures/a.jpg": b"a picture" * 9, "videos/b c.mp4": b"a video" * 9}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two photographs in the table, and their sources in `sources`; an empty folder for them."""
    known = []
    for file, content in CONTENT.items():
        source = tmp_path / "sources" / file
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        known.append(Photo(file, "https://-", digest, len(content), "CC0", "someone", "a hand"))
    monkeypatch.setattr(table, "photos", lambda: tuple(known))
    monkeypatch.setenv("BLAZEPALM_PHOTOS", str(tmp_path / "photos"))
    return tmp_path / "photos"


def url_of(folder: Path) -> str:
    return f"file://{folder.parent / 'sources'}/{{file}}"


def test_fetched_once_and_checked(blazepalm: Cli, folder: Path) -> None:
    assert [row["here"] for row in blazepalm("golden", "photos", "--json").json["photos"]] == [
        False,
        False,
    ]
    done = blazepalm("golden", "photos", "fetch", "--url", url_of(folder))
    assert done.code == 0, done.err
    for file, content in CONTENT.items():
        assert (folder / file).read_bytes() == content
    again = blazepalm("golden", "photos", "fetch", "--url", "file:///nowhere/{file}", "--json")
    assert [row["how"] for row in again.json["photos"]] == ["fetched before"] * 2
    assert "CC0" in blazepalm("golden", "photos").out


def test_another_file_is_refused_and_the_rest_fetched(blazepalm: Cli, folder: Path) -> None:
    (folder.parent / "sources" / "pictures" / "a.jpg").write_bytes(b"not that one")
    done = blazepalm("golden", "photos", "fetch", "--url", url_of(folder))
    assert done.code == 2 and "Traceback" not in done.err
    assert "1 of 2 photographs cannot be fetched" in done.err
    assert not (folder / "pictures" / "a.jpg").exists()
    assert (folder / "videos" / "b c.mp4").is_file()


def test_a_damaged_file_is_fetched_again(blazepalm: Cli, folder: Path) -> None:
    path = folder / "pictures" / "a.jpg"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x" * len(CONTENT["pictures/a.jpg"]))
    assert blazepalm("golden", "photos", "fetch", "a", "--url", url_of(folder)).code == 0
    assert path.read_bytes() == CONTENT["pictures/a.jpg"]
    assert not (folder / "videos").exists()


def test_unknown_names_and_places(blazepalm: Cli, folder: Path) -> None:
    done = blazepalm("golden", "photos", "fetch", "c")
    assert done.code == 2 and "unknown photograph 'c'; choose a or b c" in done.err
    done = blazepalm("golden", "photos", "fetch", "--url", "file:///{nonsense}")
    assert done.code == 2 and "takes {file} and {sha256}" in done.err


def test_the_table() -> None:
    known = photos()
    assert len({photo.name for photo in known}) == len(known) > 15
    for photo in known:
        assert photo.url.startswith("https://raw.githubusercontent.com/")
        assert len(photo.sha256) == 64 and photo.licence and photo.credit
        assert photo.file.startswith(("pictures/", "videos/"))


def test_the_table_is_of_the_files_that_were_recorded() -> None:
    for photo in photos():
        content = shared_photo(photo.file).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (photo.sha256, photo.bytes)
