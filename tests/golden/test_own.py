"""Turning your own pictures and videos into cases."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from blazepalm.errors import InvalidImage
from blazepalm.golden.own import RECORDING, own_pictures, png, recordings
from blazepalm.media.images import read_image
from support.clips import write_clip


def picture(path: Path, value: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.full((4, 6, 3), value, np.uint8)).save(path)
    return path


def test_names_are_safe_and_unique(tmp_path: Path) -> None:
    given = [
        picture(tmp_path / "a" / "hand.png", 1),
        picture(tmp_path / "b" / "hand.png", 2),
        picture(tmp_path / "c" / "HAND.png", 3),
        picture(tmp_path / "d" / "…\n;.png", 4),
        picture(tmp_path / "d" / ("long" * 40 + ".png"), 5),
    ]
    names = [name for name, _, _ in own_pictures(given, {})]
    assert names[:4] == ["own-hand", "own-hand-2", "own-HAND-3", "own-picture"]
    assert len(names[4]) <= 80


def test_equal_pictures_once(tmp_path: Path) -> None:
    given = [picture(tmp_path / "a.png", 1), picture(tmp_path / "b.png", 1)]
    assert [name for name, _, _ in own_pictures(given, {})] == ["own-a"]


def test_pixels_are_copied(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)).save(path)
    ((_, content, _),) = own_pictures([path], {})
    copy = tmp_path / "copy.png"
    copy.write_bytes(content)
    np.testing.assert_array_equal(read_image(copy), read_image(path))
    assert content == png(read_image(path))


def test_frames_of_a_video(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(path, [np.full((48, 64, 3), 40 * i, np.uint8) for i in range(4)])
    found = [(name, parameters) for name, _, parameters in own_pictures([path], {})]
    assert found[2] == ("own-clip-000002", {"source": "clip.mp4", "frame": 2})
    assert len(found) == 4


def test_a_camera_is_refused() -> None:
    with pytest.raises(InvalidImage, match="camera: never ends"):
        list(own_pictures(["camera"], {}))


def test_a_recording_is_a_file_of_its_own(tmp_path: Path) -> None:
    assert recordings(tmp_path) == ()
    (tmp_path / "elsewhere.json").write_text("{}")
    (tmp_path / RECORDING).symlink_to("elsewhere.json")
    assert recordings(tmp_path) == ()
    (tmp_path / RECORDING).unlink()
    (tmp_path / RECORDING).write_text("{}")
    assert recordings(tmp_path) == ("recorded.json",)
