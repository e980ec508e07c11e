"""Names of files that are written: inside their folder, distinct, and never an input's."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blazepalm.atomic import identify, refuse_inputs
from blazepalm.cli.outputs import (
    distinct_names,
    settle,
    whole_movie,
)
from blazepalm.errors import ArtifactError
from blazepalm.media.frames import Source
from blazepalm.reports.hands.video import Mp4


def picture(path: str) -> Source:
    return Source(path, "image", 1, None)


@given(st.lists(st.sampled_from(["a", "A", "a-2", "b", "..", "a-2-2"]), min_size=1, max_size=8))
def test_names_are_distinct(stems: list[str]) -> None:
    sources = [picture(f"{i}/{stem}.png") for i, stem in enumerate(stems)]
    names = distinct_names(sources)
    assert len({name.casefold() for name in names.values()}) == len(sources)


def test_names_of_alike_files() -> None:
    paths = ["a/clip.png", "b/CLIP.jpg", "clip-2.png", "c/clip.mp4"]
    names = distinct_names([picture(path) for path in paths])
    assert [names[path] for path in paths] == ["clip", "CLIP-2", "clip-2-2", "clip-3"]


def test_where_things_go(tmp_path: Path) -> None:
    sources = [
        picture("x/a.jpg"),
        Source("x/a.mp4", "video", 3, 30.0),
        Source("camera:0", "camera", None, None),
    ]
    to = tmp_path / "out"
    outputs = settle(sources, draw=to, video=to, csv=None, json=None, force=False)
    assert outputs.drawings == {
        "x/a.jpg": to / "a.png",
        "x/a.mp4": to / "a-2",
        "camera:0": to / "camera-0",
    }
    assert outputs.movies == {"x/a.mp4": to / "a-2.mp4", "camera:0": to / "camera-0.mp4"}
    assert not to.exists()
    one = settle(
        sources[:2], draw=None, video=to / "m.mp4", csv=to / "t.csv", json=None, force=False
    )
    assert one.movies == {"x/a.mp4": to / "m.mp4"} and one.csv == to / "t.csv"


def test_inputs_are_never_written_to(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"")
    link = tmp_path / "link.png"
    link.symlink_to(path)
    with pytest.raises(ArtifactError, match="is one of the inputs"):
        settle([picture(str(path))], draw=link, video=None, csv=None, json=None, force=True)
    refuse_inputs(tmp_path / "b.png", identify([path]))
    with pytest.raises(ArtifactError, match="is one of the inputs"):
        refuse_inputs(tmp_path / "x" / ".." / "a.png", identify([str(path.resolve())]))


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ArtifactError, match="is a file, expected a folder"):
        settle(
            [picture("a.png"), picture("b.png")],
            draw=tmp_path / "out",
            video=None,
            csv=None,
            json=None,
            force=True,
        )
    assert (tmp_path / "out").read_text() == "mine"


def write_and_fail(movie: Mp4, image: np.ndarray) -> None:
    movie.write(image)
    raise ValueError("not a frame")


def test_a_movie_is_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "clip.mp4"
    image = np.zeros((16, 16, 3), np.uint8)
    with pytest.raises(ValueError, match="not a frame"), whole_movie(path, 30.0) as movie:
        write_and_fail(movie, image)
    with whole_movie(path, 30.0):
        pass  # without a frame
    assert not path.parent.exists(), "nor is the folder that was made for it left"
    with whole_movie(path, 30.0) as movie:
        movie.write(image)
        assert not path.exists()
    assert list(path.parent.iterdir()) == [path]
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ArtifactError, match="cannot be written"),
        whole_movie(tmp_path / "file" / "clip.mp4", 30.0),
    ):
        pytest.fail("there is no such folder")
