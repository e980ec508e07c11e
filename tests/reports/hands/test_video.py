"""MP4s read back: frames, rate, size, pixels; odd sides; a camera's clock; bad files."""

from pathlib import Path

import numpy as np
import pytest

from blazepalm.errors import ArtifactError
from blazepalm.reports.hands.video import Mp4
from support.clips import read_clip

COLOURS = ((200, 40, 40), (40, 200, 40), (40, 40, 200), (120, 120, 120))


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (48, 64)) -> np.ndarray:
    return np.full((*size, 3), colour, np.uint8)


def test_frames_come_back(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with Mp4(path, 12.5) as movie:
        for colour in COLOURS:
            movie.write(plain(colour))
    assert movie.frames == 4
    frames, fps = read_clip(path)
    assert fps == 12.5
    assert len(frames) == 4
    for frame, colour in zip(frames, COLOURS, strict=True):
        assert frame.shape == (48, 64, 3)
        assert np.abs(frame.astype(int) - colour).max() < 12


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        with Mp4(tmp_path / name, 30.0) as movie:
            movie.write(plain(COLOURS[0]))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize(("size", "even"), [((1, 1), (2, 2)), ((33, 50), (34, 50))])
def test_odd_sides_are_made_even(
    tmp_path: Path, size: tuple[int, int], even: tuple[int, int]
) -> None:
    image = plain((30, 30, 30), size)
    image[-1:] = (230, 230, 230)  # the last row is what is repeated
    with Mp4(tmp_path / "odd.mp4") as movie:
        movie.write(image)
    frames, fps = read_clip(tmp_path / "odd.mp4")
    assert fps == 30.0
    assert frames[0].shape[:2] == even
    assert frames[0][-1].mean() > 190


def test_a_frame_of_another_size_is_scaled(tmp_path: Path) -> None:
    with Mp4(tmp_path / "two.mp4") as movie:
        movie.write(plain(COLOURS[0]))
        movie.write(plain(COLOURS[1], (96, 30)))
    frames, _ = read_clip(tmp_path / "two.mp4")
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 2
    assert np.abs(frames[1].astype(int) - COLOURS[1]).max() < 12


def test_frames_with_a_time_keep_it(tmp_path: Path) -> None:
    """At 10 frames per second: frames at 0.0 and at 0.3, and one that comes too soon."""
    with Mp4(tmp_path / "camera.mp4", 10.0) as movie:
        movie.write(plain(COLOURS[0]), 0.0)
        movie.write(plain(COLOURS[1]), 0.3)
        movie.write(plain(COLOURS[2]), 0.31)
    frames, _ = read_clip(tmp_path / "camera.mp4")
    assert len(frames) == movie.frames == 4
    with Mp4(tmp_path / "asleep.mp4", 10.0) as movie:
        movie.write(plain(COLOURS[0]), 0.0)
        movie.write(plain(COLOURS[1]), 1e9)
    assert movie.frames == 1 + 50  # five seconds are the most


@pytest.mark.parametrize("fps", [None, 0.0, -3.0, float("nan"), 1e9])
def test_an_absurd_rate_becomes_thirty(tmp_path: Path, fps: float | None) -> None:
    with Mp4(tmp_path / "clip.mp4", fps) as movie:
        movie.write(plain(COLOURS[0]))
    assert read_clip(tmp_path / "clip.mp4")[1] == 30.0


def test_without_a_frame_there_is_no_file(tmp_path: Path) -> None:
    with Mp4(tmp_path / "clip.mp4", 30.0):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with (
        pytest.raises(ArtifactError, match="too large for MPEG-4"),
        Mp4(tmp_path / "wide.mp4") as movie,
    ):
        movie.write(plain(COLOURS[0], (2, 9000)))
    with (
        pytest.raises(ArtifactError, match="cannot be written"),
        Mp4(tmp_path / "nowhere" / "clip.mp4") as movie,
    ):
        movie.write(plain(COLOURS[0]))
    movie = Mp4(tmp_path / "gone.mp4")
    movie.write(plain(COLOURS[0]))
    movie.path.unlink()
    with pytest.raises(ArtifactError, match="holds 0 of 1 frames"):
        movie.close()
